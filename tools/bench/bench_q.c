/* SPDX-License-Identifier: MIT
 * bench_q.c - the q codec, beside a copy of the same bytes.
 *
 * The ratio is the speed as a part of memcpy's on the plain message. Targets are those of
 * other codecs, measured with the memcpy of the machine they ran on. */
#include <stdlib.h>
#include <string.h>

#include "mailbox/buffer.h"
#include "tools/bench/bench.h"
#include "transports/q/q_codec.h"
#include "transports/q/q_compress.h"
#include "transports/q/q_symbol.h"

enum { REPEATS = 10, SYMBOLS = 1000 };

static const struct trp_q_limits limits = {TRP_Q_TOTAL_MAX, TRP_Q_TOTAL_MAX,
                                           TROUPE_Q_DEPTH_MAX, 0, NULL};
static const struct trp_q_encoding plain = {.kind = TRP_Q_ASYNC,
                                            .capability = TRP_Q_CAPABILITY};

static troupe_q_value *some(troupe_q_value *value)
{
    bench_must(value != NULL ? TROUPE_OK : TROUPE_ENOMEM, "a value");
    return value;
}

static troupe_q_value *longs(uint64_t size)
{
    troupe_q_value *v = some(trp_q_new(TROUPE_Q_LONG, size));

    for (size_t i = 0; i < size; i++) {
        TRP_Q_LONGS(v)[i] = (int64_t)i;
    }
    return v;
}

static troupe_q_value *symbols(uint64_t size)
{
    troupe_q_value *v = some(trp_q_new(TROUPE_Q_SYMBOL, size));
    uint32_t random = 1;
    char text[16];

    for (size_t i = 0; i < size; i++) {
        random = random * 1664525 + 1013904223;
        int length = snprintf(text, sizeof(text), "s%u", (random >> 8) % SYMBOLS);
        bench_must(trp_q_intern(text, (size_t)length, &TRP_Q_SYMS(v)[i]), "a symbol");
    }
    return v;
}

static troupe_q_value *mixed(uint64_t size)
{
    troupe_q_value *v = some(trp_q_new(TROUPE_Q_LIST, size));

    for (size_t i = 0; i < size; i++) {
        TRP_Q_ITEMS(v)[i] = some(trp_q_of_long(-TROUPE_Q_LONG, (int64_t)i));
    }
    return v;
}

static troupe_q_value *strings(uint64_t size)
{
    troupe_q_value *v = some(trp_q_new(TROUPE_Q_LIST, size));

    for (size_t i = 0; i < size; i++) {
        TRP_Q_ITEMS(v)[i] = some(trp_q_of_text("a string of 20 bytes", 20));
    }
    return v;
}

static troupe_q_value *table(uint64_t size)
{
    troupe_q_value *columns[3] = {longs(size), symbols(size), NULL}, *v = NULL;

    columns[0]->type = TROUPE_Q_TIMESTAMP;
    bench_must(troupe_q_vector(TROUPE_Q_FLOAT, size, NULL, &columns[2]), "a column");
    bench_must(
        troupe_q_table_of(3, (const char *[]){"time", "sym", "price"}, columns, &v),
        "a table");
    for (size_t i = 0; i < 3; i++) {
        troupe_q_unref(&columns[i]);
    }
    return v;
}

static troupe_q_value *zeros(uint64_t size)
{
    troupe_q_value *v = NULL;

    bench_must(troupe_q_vector(TROUPE_Q_LONG, size, NULL, &v), "a value");
    return v;
}

/* (`upd; `trade; (1; `s1; 1.5)) */
troupe_q_value *bench_q_update(void)
{
    troupe_q_value *row[3] = {NULL}, *items[3] = {NULL}, *v = NULL;

    bench_must(troupe_q_timestamp(1, &row[0]), "a value");
    bench_must(troupe_q_symbol("s1", TROUPE_Q_Z, &row[1]), "a value");
    bench_must(troupe_q_float(1.5, &row[2]), "a value");
    bench_must(troupe_q_symbol("upd", TROUPE_Q_Z, &items[0]), "a value");
    bench_must(troupe_q_symbol("trade", TROUPE_Q_Z, &items[1]), "a value");
    bench_must(troupe_q_list(3, row, &items[2]), "a value");
    bench_must(troupe_q_list(3, items, &v), "a value");
    for (size_t i = 0; i < 3; i++) {
        troupe_q_unref(&row[i]);
        troupe_q_unref(&items[i]);
    }
    return v;
}

/* One value, its message, and room for what is made of them. */
struct work {
    troupe_q_value *value;
    struct trp_buffer message, packed, out;
    troupe_blob *owner;
};

static void encode(struct work *w)
{
    struct trp_q_why why = {"", 0};

    trp_buffer_clear(&w->out, SIZE_MAX);
    bench_must(trp_q_encode(w->value, &plain, &w->out, &why), "encoding");
}

static void decode_from(const uint8_t *message, size_t size, troupe_blob *owner)
{
    struct trp_q_why why = {"", 0};
    troupe_q_value *value = NULL;

    bench_must(trp_q_decode(message, size, owner, &limits, &value, &why), "decoding");
    troupe_q_unref(&value);
}

/* As from a connection: large vectors point into the message. */
static void decode(struct work *w)
{
    decode_from(troupe_blob_bytes(w->owner), troupe_blob_size(w->owner), w->owner);
}

static void decode_copied(struct work *w)
{
    decode_from(trp_buffer_front(&w->message), trp_buffer_size(&w->message), NULL);
}

static void pack(struct work *w)
{
    trp_buffer_clear(&w->out, SIZE_MAX);
    troupe_status status = trp_q_compress(trp_buffer_front(&w->message),
                                          trp_buffer_size(&w->message), 0, &w->out);
    bench_must(status == TROUPE_EUNSUPPORTED ? TROUPE_OK : status, "compressing");
}

static void unpack(struct work *w)
{
    decode_from(trp_buffer_front(&w->packed), trp_buffer_size(&w->packed), NULL);
}

static double seconds_of(void (*step)(struct work *), struct work *w)
{
    int64_t begin = bench_clock();

    step(w);
    return (double)(bench_clock() - begin) / 1e9;
}

static void copy(struct work *w)
{
    trp_buffer_clear(&w->out, SIZE_MAX);
    bench_must(trp_buffer_add(&w->out, trp_buffer_front(&w->message),
                              trp_buffer_size(&w->message)),
               "copying");
}

static double best_of(void (*step)(struct work *), struct work *w)
{
    double best = seconds_of(step, w); /* the first warms up and does not count alone */

    for (int i = 0; i < REPEATS; i++) {
        double seconds = seconds_of(step, w);
        best = seconds < best ? seconds : best;
    }
    return best;
}

static void begin(struct work *w, troupe_q_value *value)
{
    *w = (struct work){.value = value};
    trp_buffer_init(&w->message, SIZE_MAX / 4);
    trp_buffer_init(&w->packed, SIZE_MAX / 4);
    trp_buffer_init(&w->out, SIZE_MAX / 4);
    encode(w);
    size_t size = trp_buffer_size(&w->out);
    uint8_t *bytes = trp_q_message_new(size);
    bench_must(bytes != NULL ? TROUPE_OK : TROUPE_ENOMEM, "memory");
    memcpy(bytes, trp_buffer_front(&w->out), size);
    bench_must(trp_q_message_blob(bytes, size, &w->owner), "memory");
    bench_must(trp_buffer_add(&w->message, bytes, size), "memory");
    pack(w);
    if (trp_buffer_size(&w->out) != 0) {
        bench_must(trp_buffer_add(&w->packed, trp_buffer_front(&w->out),
                                  trp_buffer_size(&w->out)),
                   "memory");
    } else { /* too little to gain: sent as it is */
        bench_must(trp_buffer_add(&w->packed, bytes, size), "memory");
    }
}

static void end(struct work *w)
{
    trp_buffer_fini(&w->message);
    trp_buffer_fini(&w->packed);
    trp_buffer_fini(&w->out);
    troupe_blob_unref(&w->owner);
    troupe_q_unref(&w->value);
}

static int measure(troupe_q_value *value, void (*step)(struct work *), uint64_t size,
                   double target, struct bench_result *out)
{
    struct work w;

    begin(&w, value);
    double memcpy_seconds = best_of(copy, &w);
    bench_begin(out);
    out->best = best_of(step, &w);
    bench_end(out, size * (REPEATS + 1));
    out->bytes = trp_buffer_size(&w.message);
    out->ratio = out->best > 0 ? memcpy_seconds / out->best : 0;
    out->ratio_to = "memcpy";
    out->target = target;
    end(&w);
    return 0;
}

/* Figures of the reference in MB/s, where memcpy makes REFERENCE_MEMCPY. */
#define REFERENCE_MEMCPY      3900.0
#define TIMES(factor, figure) ((factor) * (figure) / REFERENCE_MEMCPY)

#define WORKLOAD(name, value, step, target)                                              \
    static int run_##name(uint64_t size, struct bench_result *out)                       \
    {                                                                                    \
        return measure(value(size), step, size, target, out);                            \
    }

WORKLOAD(longs, longs, decode, 1)
WORKLOAD(longs_copied, longs, decode_copied, TIMES(1, 883))
WORKLOAD(longs_encode, longs, encode, TIMES(1, 1293))
WORKLOAD(symbols, symbols, decode, TIMES(10, 32))
WORKLOAD(symbols_encode, symbols, encode, TIMES(1, 112))
WORKLOAD(mixed, mixed, decode, TIMES(5, 96))
WORKLOAD(mixed_encode, mixed, encode, TIMES(5, 86))
WORKLOAD(strings, strings, decode, TIMES(1, 209))
WORKLOAD(strings_encode, strings, encode, TIMES(1, 263))
WORKLOAD(table, table, decode, TIMES(1, 108))
WORKLOAD(table_encode, table, encode, TIMES(1, 188))
WORKLOAD(pack_zeros, zeros, pack, 0)
WORKLOAD(pack, longs, pack, 0)
WORKLOAD(pack_symbols, symbols, pack, 0)
WORKLOAD(unpack_zeros, zeros, unpack, TIMES(1, 530))
WORKLOAD(unpack, longs, unpack, TIMES(4, 160))
WORKLOAD(unpack_symbols, symbols, unpack, TIMES(1, 27))

static int run_update(uint64_t size, struct bench_result *out)
{
    struct work w;

    begin(&w, bench_q_update());
    bench_begin(out);
    for (uint64_t i = 0; i < size; i++) {
        encode(&w);
        decode_from(trp_buffer_front(&w.out), trp_buffer_size(&w.out), NULL);
    }
    bench_end(out, size);
    end(&w);
    return 0;
}

const struct bench_workload bench_q[] = {
    {"q_longs", 1000000, run_longs, "decode a vector of longs, in place; counts items"},
    {"q_longs_copied", 1000000, run_longs_copied, "the same, copied out of the message"},
    {"q_longs_encode", 1000000, run_longs_encode, "encode it"},
    {"q_symbols", 1000000, run_symbols, "decode symbols, 1000 distinct"},
    {"q_symbols_encode", 1000000, run_symbols_encode, "encode them"},
    {"q_mixed", 1000000, run_mixed, "decode a mixed list of longs"},
    {"q_mixed_encode", 1000000, run_mixed_encode, "encode it"},
    {"q_strings", 100000, run_strings, "decode strings of 20 bytes"},
    {"q_strings_encode", 100000, run_strings_encode, "encode them"},
    {"q_table", 1000000, run_table,
     "decode a table of timestamp, symbol, float; counts rows"},
    {"q_table_encode", 1000000, run_table_encode, "encode it"},
    {"q_update", 500000, run_update, "encode and decode a small upd message"},
    {"q_pack_zeros", 1000000, run_pack_zeros, "compress longs that are all 0"},
    {"q_pack", 1000000, run_pack, "compress the longs 0, 1, 2 and on"},
    {"q_pack_symbols", 1000000, run_pack_symbols, "compress symbols"},
    {"q_unpack_zeros", 1000000, run_unpack_zeros, "decompress and decode the zeros"},
    {"q_unpack", 1000000, run_unpack, "decompress and decode the longs"},
    {"q_unpack_symbols", 1000000, run_unpack_symbols,
     "decompress and decode the symbols"},
    {NULL, 0, NULL, NULL},
};
