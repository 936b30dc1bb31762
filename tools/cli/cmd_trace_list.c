/* SPDX-License-Identifier: MIT
 * cmd_trace_list.c - the actors of a process, from its table alone: it may stand still.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "tools/cli/cmd.h"
#include "tools/cli/cmd_trace.h"
#include "tools/trace/trace_reader.h"
#include "tools/trace/trace_text.h"
#include "tools/trace/trace_who.h"

enum { FILTERS_MAX = 16, NAME = TRP_WHO_NAME + 16, SECOND = 1000000000 };

static const char usage[] =
    "usage: troupe trace list [--json] [--futures] [PID|DIR] [FILTER...]\n"
    "filters: kind:NAME state:NAME name~TEXT worker:N depth>N delivered>N";

static const char *const states[] = {"free",    "idle",    "ready",
                                     "running", "waiting", "stopping"};

struct filter {
    char field[16];
    char sign; /* ':', '~', '>' or '<' */
    const char *value;
};

struct list {
    bool json, futures;
    struct trp_trace_at *at;
    struct trp_who who;
    struct filter filters[FILTERS_MAX];
    size_t filter_count;
    troupe_trace_slot *slots;
    size_t count, capacity;
    bool no_memory;
    uint64_t now;
};

static const char *state_text(const troupe_trace_slot *slot)
{
    return slot->state < TRP_COUNT(states) ? states[slot->state] : "?";
}

static uint64_t depth_of(const troupe_trace_slot *slot)
{
    uint64_t gone = slot->delivered + slot->dropped;

    return slot->enqueued > gone ? slot->enqueued - gone : 0;
}

/* ---- filters ---- */

static bool is_number(const char *text)
{
    return text[0] != 0 && text[strspn(text, "0123456789")] == 0 && strlen(text) < 20;
}

static bool is_state(const char *text)
{
    for (size_t i = 0; i < TRP_COUNT(states); i++) {
        if (strcmp(states[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* What a field can be compared with, and how. */
static bool makes_sense(const struct filter *filter)
{
    static const char *const texts[] = {"kind", "state", "name"};
    static const char *const numbers[] = {"depth", "worker", "delivered"};

    for (size_t i = 0; i < TRP_COUNT(numbers); i++) {
        if (strcmp(numbers[i], filter->field) == 0) {
            return filter->sign != '~' && is_number(filter->value);
        }
    }
    for (size_t i = 0; i < TRP_COUNT(texts); i++) {
        if (strcmp(texts[i], filter->field) == 0) {
            return filter->sign == '~' ||
                   (filter->sign == ':' &&
                    (strcmp(filter->field, "state") != 0 || is_state(filter->value)));
        }
    }
    return false;
}

static bool parse_filter(const char *text, struct filter *out)
{
    size_t length = strcspn(text, ":~><");

    if (text[length] == 0 || length >= sizeof(out->field)) {
        return false;
    }
    memcpy(out->field, text, length);
    out->field[length] = 0;
    out->sign = text[length];
    out->value = text + length + 1;
    return makes_sense(out);
}

static bool compare_number(const struct filter *filter, uint64_t value)
{
    uint64_t wanted = strtoull(filter->value, NULL, 10);

    return filter->sign == '>'   ? value > wanted
           : filter->sign == '<' ? value < wanted
                                 : value == wanted;
}

static bool compare_text(const struct filter *filter, const char *text)
{
    return filter->sign == '~' ? strstr(text, filter->value) != NULL
                               : strcmp(text, filter->value) == 0;
}

static bool passes(const struct list *list, const struct filter *filter,
                   const troupe_trace_slot *slot)
{
    char name[NAME];

    if (strcmp(filter->field, "kind") == 0) {
        return compare_text(filter, trp_who_kind(&list->who, slot->kind));
    }
    if (strcmp(filter->field, "state") == 0) {
        return compare_text(filter, state_text(slot));
    }
    if (strcmp(filter->field, "name") == 0) {
        trp_who_text(&list->who, (uint32_t)slot->id, name, sizeof(name));
        return compare_text(filter, name);
    }
    return compare_number(filter, strcmp(filter->field, "depth") == 0 ? depth_of(slot)
                                  : strcmp(filter->field, "worker") == 0
                                      ? slot->id >> 56
                                      : slot->delivered);
}

/* ---- collecting ---- */

static void keep(void *context, const troupe_trace_slot *slot)
{
    struct list *list = context;

    if (!list->futures && list->filter_count == 0 &&
        trp_who_is_future(&list->who, slot)) {
        return;
    }
    for (size_t i = 0; i < list->filter_count; i++) {
        if (!passes(list, &list->filters[i], slot)) {
            return;
        }
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity != 0 ? 2 * list->capacity : 64;
        troupe_trace_slot *grown =
            trp_realloc(list->slots, capacity * sizeof(list->slots[0]));
        if (grown == NULL) {
            list->no_memory = true;
            return;
        }
        list->slots = grown;
        list->capacity = capacity;
    }
    list->slots[list->count++] = *slot;
}

static int by_depth(const void *a, const void *b)
{
    const troupe_trace_slot *x = a, *y = b;
    uint64_t dx = depth_of(x), dy = depth_of(y);

    if (dx != dy) {
        return dx < dy ? 1 : -1;
    }
    return (uint32_t)x->id < (uint32_t)y->id ? -1 : (uint32_t)x->id > (uint32_t)y->id;
}

/* Long names are in the rings only. */
static void learn_names(struct list *list)
{
    struct trp_reader *reader = NULL;
    troupe_trace_record record;

    if (trp_reader_open(list->at, &reader) != TROUPE_OK) {
        return; /* the table's short names must do */
    }
    while (trp_reader_next(reader, &record, NULL)) {
        if (record.id == TROUPE_EV_NAME) {
            trp_who_learn(&list->who, &record);
        }
    }
    trp_reader_close(&reader);
}

/* ---- showing ---- */

struct row {
    char name[NAME], waits_for[NAME];
    const char *kind, *state, *message;
    uint64_t age_ns, busy_ns, since_ns, oldest_ns, rate; /* a second, since its start */
    double busy;                                         /* percent */
};

static uint64_t elapsed(const struct list *list, uint64_t then)
{
    return then != 0 && list->now > then ? trp_trace_ns(list->at, list->now - then) : 0;
}

static void fill(const struct list *list, const troupe_trace_slot *slot, struct row *row)
{
    bool now = slot->state == TROUPE_STATE_RUNNING && slot->message != 0;

    memset(row, 0, sizeof(*row));
    trp_who_text(&list->who, (uint32_t)slot->id, row->name, sizeof(row->name));
    row->kind = trp_who_kind(&list->who, slot->kind);
    row->state = state_text(slot);
    row->message = now ? trp_who_message(&list->who, slot->message_kind) : "";
    row->since_ns = elapsed(list, slot->since);
    row->age_ns = elapsed(list, slot->spawned);
    row->oldest_ns = depth_of(slot) != 0 ? elapsed(list, slot->oldest) : 0;
    row->busy_ns = trp_trace_ns(list->at, slot->busy);
    if (row->age_ns != 0) {
        row->rate = (uint64_t)((double)slot->delivered * SECOND / (double)row->age_ns);
        row->busy = 100.0 * (double)row->busy_ns / (double)row->age_ns;
    }
    if (slot->waits_on != 0) {
        trp_who_text(&list->who, (uint32_t)slot->waits_on, row->waits_for,
                     sizeof(row->waits_for));
    }
}

static void show_text(const struct list *list, const troupe_trace_slot *slot)
{
    struct row row;
    char since[24], oldest[24];

    fill(list, slot, &row);
    trp_text_span(row.since_ns, since, sizeof(since));
    trp_text_span(row.oldest_ns, oldest, sizeof(oldest));
    (void)printf("%-8" PRIu32 " %-24s %-12s %-8s %6u %8" PRIu64 " %8s %9" PRIu64
                 " %6" PRIu32 " %8" PRIu64 " %4.0f%%  ",
                 (uint32_t)slot->id, row.name, row.kind, row.state,
                 (unsigned)(slot->id >> 56), depth_of(slot),
                 row.oldest_ns != 0 ? oldest : "-", slot->delivered, slot->dropped,
                 row.rate, row.busy);
    if (row.message[0] != 0) {
        (void)printf("%s %s", row.message, since);
    } else if (row.waits_for[0] != 0) {
        (void)printf("waits for %s %s", row.waits_for, since);
    }
    (void)putchar('\n');
}

static void show_json(const struct list *list, const troupe_trace_slot *slot,
                      const char *comma)
{
    struct row row;

    fill(list, slot, &row);
    (void)printf("%s{\"id\":\"%016" PRIx64 "\",\"number\":%" PRIu32 ",\"name\":", comma,
                 slot->id, (uint32_t)slot->id);
    trp_text_quoted(row.name, stdout);
    (void)fputs(",\"kind\":", stdout);
    trp_text_quoted(row.kind, stdout);
    (void)printf(",\"state\":\"%s\",\"worker\":%u,\"mailbox\":%" PRIu64
                 ",\"high_water\":%" PRIu32 ",\"oldest_ns\":%" PRIu64
                 ",\"enqueued\":%" PRIu64 ",\"delivered\":%" PRIu64
                 ",\"dropped\":%" PRIu32 ",\"busy_ns\":%" PRIu64 ",\"age_ns\":%" PRIu64
                 ",\"rate\":%" PRIu64 ",\"parent\":%" PRIu32,
                 row.state, (unsigned)(slot->id >> 56), depth_of(slot), slot->high_water,
                 row.oldest_ns, slot->enqueued, slot->delivered, slot->dropped,
                 row.busy_ns, row.age_ns, row.rate, slot->parent);
    if (row.message[0] != 0) {
        (void)fputs(",\"message\":", stdout);
        trp_text_quoted(row.message, stdout);
        (void)printf(",\"since_ns\":%" PRIu64, row.since_ns);
    }
    if (row.waits_for[0] != 0) {
        (void)printf(",\"waits_on\":\"%016" PRIx64 "\",\"waits_for\":", slot->waits_on);
        trp_text_quoted(row.waits_for, stdout);
    }
    (void)putchar('}');
}

static void show_all(const struct list *list)
{
    if (list->json) {
        (void)printf("{\"v\":1,\"cmd\":\"list\",\"pid\":%" PRIu32
                     ",\"lost\":0,\"actors\":[",
                     list->at->info.pid);
        for (size_t i = 0; i < list->count; i++) {
            show_json(list, &list->slots[i], i == 0 ? "" : ",");
        }
        (void)puts("]}");
        return;
    }
    (void)printf("%-8s %-24s %-12s %-8s %6s %8s %8s %9s %6s %8s %5s  %s\n", "ACTOR",
                 "NAME", "KIND", "STATE", "WORKER", "MAILBOX", "OLDEST", "DELIVERED",
                 "DROPS", "MSG/S", "BUSY", "NOW");
    for (size_t i = 0; i < list->count; i++) {
        show_text(list, &list->slots[i]);
    }
}

static int parse(struct list *list, int argc, char **argv, const char **what)
{
    for (int i = 1; i < argc;) {
        if (trp_cmd_trace_flag(argv, &i, "--json")) {
            list->json = true;
        } else if (trp_cmd_trace_flag(argv, &i, "--futures")) {
            list->futures = true;
        } else if (argv[i][0] == '-') {
            return trp_cmd_fail(2, "%s", usage);
        } else if (list->filter_count < FILTERS_MAX &&
                   parse_filter(argv[i], &list->filters[list->filter_count])) {
            list->filter_count++;
            i++;
        } else if (*what == NULL) {
            *what = argv[i++];
        } else {
            return trp_cmd_fail(2, "'%s' is no filter\n%s", argv[i], usage);
        }
    }
    return 0;
}

int trp_cmd_trace_list(int argc, char **argv)
{
    struct list list = {0};
    const char *what = NULL;
    int code = parse(&list, argc, argv, &what);

    if (code == 0) {
        code = trp_cmd_trace_open(what, &list.at);
    }
    if (code != 0) {
        return code;
    }
    list.now = trp_trace_now(list.at);
    troupe_status status = trp_who_init(&list.who, list.at);
    if (status == TROUPE_OK) {
        learn_names(&list);
        trp_trace_slots(list.at, keep, &list);
    }
    if (status != TROUPE_OK || list.no_memory) {
        code = trp_cmd_fail(1, "%s", troupe_status_text(TROUPE_ENOMEM));
    } else {
        if (list.count != 0) {
            qsort(list.slots, list.count, sizeof(list.slots[0]), by_depth);
        }
        show_all(&list);
        code = list.count == 0 ? 3 : 0;
    }
    trp_free(list.slots);
    trp_who_fini(&list.who);
    trp_trace_leave(&list.at);
    return code;
}
