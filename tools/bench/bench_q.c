/* SPDX-License-Identifier: MIT
 * bench_q.c - the q codec: what decoding an item costs, beside a copy of the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "mailbox/buffer.h"
#include "tools/bench/bench.h"
#include "transports/q/q_codec.h"
#include "transports/q/q_compress.h"
#include "transports/q/q_symbol.h"

enum { REPEATS = 10, SYMBOLS = 1000 };

static const struct trp_q_limits limits = {TRP_Q_TOTAL_MAX, TRP_Q_TOTAL_MAX,
                                           TROUPE_Q_DEPTH_MAX};
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
    char text[16];

    for (size_t i = 0; i < size; i++) {
        int length = snprintf(text, sizeof(text), "s%zu", i * 7919 % SYMBOLS);
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

    bench_must(troupe_q_vector(TROUPE_Q_FLOAT, size, NULL, &columns[2]), "a column");
    bench_must(
        troupe_q_table_of(3, (const char *[]){"time", "sym", "price"}, columns, &v),
        "a table");
    for (size_t i = 0; i < 3; i++) {
        troupe_q_unref(&columns[i]);
    }
    return v;
}

/* (`upd; `trade; (1; `s1; 1.5)) */
static troupe_q_value *update(void)
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

static void encode(const troupe_q_value *value, struct trp_buffer *out)
{
    struct trp_q_why why = {"", 0};

    bench_must(trp_q_encode(value, &plain, out, &why), "encoding");
}

static void decode(const uint8_t *message, size_t size)
{
    struct trp_q_why why = {"", 0};
    troupe_q_value *value = NULL;

    bench_must(trp_q_decode(message, size, NULL, &limits, &value, &why), "decoding");
    troupe_q_unref(&value);
}

/* How often the time just measured is that of copying as many bytes. */
static void compare(struct bench_result *out, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size);

    bench_must(copy != NULL ? TROUPE_OK : TROUPE_ENOMEM, "memory");
    memcpy(copy, bytes, size);
    int64_t begin = bench_clock();
    for (int i = 0; i < REPEATS; i++) {
        memcpy(copy, bytes, size);
        __atomic_signal_fence(__ATOMIC_SEQ_CST); /* the copies are not merged */
    }
    double seconds = (double)(bench_clock() - begin) / 1e9;
    out->ratio = seconds > 0 ? out->seconds / seconds : 0;
    out->ratio_to = "memcpy";
    free(copy);
}

static int run_decode(troupe_q_value *value, uint64_t size, struct bench_result *out)
{
    struct trp_buffer message;

    trp_buffer_init(&message, SIZE_MAX / 4);
    encode(value, &message);
    bench_begin(out);
    for (int i = 0; i < REPEATS; i++) {
        decode(trp_buffer_front(&message), trp_buffer_size(&message));
    }
    bench_end(out, size * REPEATS);
    compare(out, trp_buffer_front(&message), trp_buffer_size(&message));
    trp_buffer_fini(&message);
    troupe_q_unref(&value);
    return 0;
}

static int run_longs(uint64_t size, struct bench_result *out)
{
    return run_decode(longs(size), size, out);
}

static int run_symbols(uint64_t size, struct bench_result *out)
{
    return run_decode(symbols(size), size, out);
}

static int run_mixed(uint64_t size, struct bench_result *out)
{
    return run_decode(mixed(size), size, out);
}

static int run_strings(uint64_t size, struct bench_result *out)
{
    return run_decode(strings(size), size, out);
}

static int run_table(uint64_t size, struct bench_result *out)
{
    return run_decode(table(size), size, out);
}

static int run_update(uint64_t size, struct bench_result *out)
{
    troupe_q_value *value = update();
    struct trp_buffer message;

    trp_buffer_init(&message, 4096);
    bench_begin(out);
    for (uint64_t i = 0; i < size; i++) {
        trp_buffer_clear(&message, SIZE_MAX);
        encode(value, &message);
        decode(trp_buffer_front(&message), trp_buffer_size(&message));
    }
    bench_end(out, size);
    trp_buffer_fini(&message);
    troupe_q_unref(&value);
    return 0;
}

static int run_unpack(uint64_t size, struct bench_result *out)
{
    troupe_q_value *value = longs(size);
    struct trp_buffer message, packed;

    trp_buffer_init(&message, SIZE_MAX / 4);
    trp_buffer_init(&packed, SIZE_MAX / 4);
    encode(value, &message);
    bench_must(
        trp_q_compress(trp_buffer_front(&message), trp_buffer_size(&message), 0, &packed),
        "compressing");
    bench_begin(out);
    for (int i = 0; i < REPEATS; i++) {
        decode(trp_buffer_front(&packed), trp_buffer_size(&packed));
    }
    bench_end(out, size * REPEATS);
    compare(out, trp_buffer_front(&message), trp_buffer_size(&message));
    trp_buffer_fini(&message);
    trp_buffer_fini(&packed);
    troupe_q_unref(&value);
    return 0;
}

const struct bench_workload bench_q[] = {
    {"q_longs", 1000000, run_longs, "decode a vector of longs, copied; counts items"},
    {"q_symbols", 1000000, run_symbols, "decode symbols, 1000 distinct"},
    {"q_mixed", 1000000, run_mixed, "decode a mixed list of longs"},
    {"q_strings", 100000, run_strings, "decode strings of 20 bytes"},
    {"q_table", 1000000, run_table, "decode a table of long, symbol, float; counts rows"},
    {"q_update", 500000, run_update, "encode and decode a small upd message"},
    {"q_unpack", 1000000, run_unpack, "decompress and decode a vector of longs"},
    {NULL, 0, NULL, NULL},
};
