/* SPDX-License-Identifier: MIT
 * fuzz_trace.c - a hostile trace: whatever its bytes say, readers end, stay within memory
 * and write text that is what it claims to be.
 *
 * Input: 32 bytes of choices for the info, then bytes that are packets, slots and names,
 * by turns. What a random input would never hit (magic numbers) is put right half the
 * time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "tools/trace/trace_check.h"
#include "tools/trace/trace_graph.h"

enum { CHOICES = 32, FREQUENCY = 1000000000 };

struct input {
    const uint8_t *bytes;
    size_t size;
    troupe_trace_info info;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(const struct input *in, uint64_t from, void *to, size_t size)
{
    uint8_t *out = to;

    for (size_t i = 0; i < size; i++) {
        uint64_t at = from + i;
        out[i] = at < in->size ? in->bytes[at] : 0;
    }
}

/* Half of the packets are put right; their sequence and records stay wild. */
static void mend(const struct input *in, uint64_t offset, uint8_t *to, size_t size)
{
    troupe_trace_packet head;

    if (offset % TROUPE_TRACE_PACKET != 0 || size < sizeof(head)) {
        return;
    }
    memcpy(&head, to, sizeof(head));
    if (head.spare % 2 == 1) {
        return;
    }
    head.magic = TROUPE_TRACE_MAGIC;
    memcpy(head.uuid, in->info.uuid, sizeof(head.uuid));
    head.stream = 0;
    head.packet_size = 8 * TROUPE_TRACE_PACKET;
    head.content_size =
        8 * (TROUPE_TRACE_HEAD +
             head.content_size % (TROUPE_TRACE_RECORDS + 1) * TROUPE_TRACE_RECORD);
    memcpy(to, &head, sizeof(head));
}

static bool read_input(void *context, enum trp_trace_part part, uint32_t worker,
                       uint64_t offset, void *to, size_t size)
{
    struct input *in = context;

    switch (part) {
    case TRP_PART_INFO:
        if (offset == 0 && size == sizeof(in->info)) {
            memcpy(to, &in->info, size);
            return true;
        }
        fill(in, offset - sizeof(in->info), to, size);
        return true;
    case TRP_PART_RING:
        if (offset / TROUPE_TRACE_PACKET > 3) {
            return false;
        }
        fill(in,
             offset / TROUPE_TRACE_PACKET * 256 + worker + offset % TROUPE_TRACE_PACKET,
             to, size);
        mend(in, offset, to, size);
        return true;
    case TRP_PART_ACTORS:
        if (offset > 65536) {
            return false;
        }
        fill(in, offset + worker, to, size);
        for (size_t i = 0; i + 128 <= size; i += 128) { /* so that some slots are taken */
            uint64_t id =
                (uint64_t)worker << 56 | (offset + i) / 128 << 32 | ((uint8_t *)to)[i];
            memcpy((uint8_t *)to + i, &id, sizeof(id));
        }
        return true;
    }
    return false;
}

static void make_info(struct input *in, const uint8_t *choices)
{
    memcpy(in->info.magic, TROUPE_TRACE_INFO, sizeof(in->info.magic));
    in->info.version = TROUPE_TRACE_VERSION;
    in->info.size = sizeof(in->info);
    in->info.mode = TROUPE_TRACE_RING;
    in->info.fast = choices[0];
    in->info.slow = choices[1];
    in->info.names = (uint32_t)choices[2] << (choices[3] % 8);
    in->info.frequency = choices[4] % 2 == 0 ? FREQUENCY : choices[5] * UINT64_C(1000003);
    memcpy(&in->info.first_ticks, choices + 8, 8);
    memcpy(&in->info.latest_ticks, choices + 16, 8);
    memcpy(&in->info.latest_ns, choices + 20, 8);
    in->info.first_real = in->info.first_ticks ^ in->info.latest_ns;
    in->info.workers[1].open = in->info.workers[choices[6]].open = 1;
    in->info.workers[1].chunks = choices[7];
    memset(in->info.program, choices[28], sizeof(in->info.program));
}

static void tell(void *context, const char *text)
{
    if (strlen(text) == 0) {
        abort();
    }
    ++*(uint64_t *)context;
}

static void draw(struct trp_trace_at *at, FILE *out)
{
    struct trp_graph graph;

    for (int by_kind = 0; by_kind < 2; by_kind++) {
        if (trp_graph_init(&graph, at, by_kind != 0) == TROUPE_OK) {
            trp_graph_dot(&graph, out);
            trp_graph_json(&graph, 1, 0, out);
            if (graph.nodes.count < 50) {
                trp_graph_svg(&graph, out);
            }
            trp_graph_fini(&graph);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    static struct input in; /* large */
    static struct trp_trace_at at;
    struct trp_check found;
    uint64_t told = 0;

    nowhere = nowhere != NULL ? nowhere : fopen("/dev/null", "w");
    if (size < CHOICES || nowhere == NULL) {
        return 0;
    }
    memset(&in, 0, sizeof(in));
    memset(&at, 0, sizeof(at));
    in.bytes = data + CHOICES;
    in.size = size - CHOICES;
    make_info(&in, data);
    at.source = (struct trp_trace_source){.context = &in, .read = read_input};
    at.directory = at.info_fd = -1;
    if (trp_trace_info_read(&at.source, &at.info) != TROUPE_OK) {
        return 0;
    }
    trp_ctf_metadata(&at.source, &at.info, nowhere);
    if (trp_check(&at, tell, &told, &found) == TROUPE_OK && told != found.violations) {
        abort();
    }
    draw(&at, nowhere);
    return 0;
}
