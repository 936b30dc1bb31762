/* SPDX-License-Identifier: MIT
 * cmd_trace_ps.c - which processes are traced (ps), and what the dead left behind (gc).
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/cmd.h"
#include "tools/cli/cmd_trace.h"
#include "tools/trace/trace_text.h"

struct listing {
    bool json;
    unsigned count;
    uint32_t last_pid, nth;
};

static const char *const modes[] = {"off", "count", "ring"};

static void count_slot(void *context, const troupe_trace_slot *slot)
{
    (void)slot;
    ++*(uint64_t *)context;
}

static const char *state_of(const struct trp_trace_place *place)
{
    return !place->alive ? "dead" : place->state == 'T' ? "stopped" : "alive";
}

static void show_json(const struct trp_trace_at *at, const char *who, uint64_t actors)
{
    uint64_t up = trp_trace_ns(at, trp_trace_now(at) - at->info.first_ticks);

    (void)printf("{\"v\":1,\"cmd\":\"ps\",\"pid\":%" PRIu32
                 ",\"lost\":0,\"trace\":\"%s\","
                 "\"state\":\"%s\",\"program\":",
                 at->info.pid, who, state_of(&at->place));
    trp_text_quoted(at->info.program, stdout);
    (void)printf(",\"mode\":\"%s\",\"up_ns\":%" PRIu64 ",\"actors\":%" PRIu64
                 ",\"bytes_a_worker\":%" PRIu64 ",\"where\":",
                 at->info.mode < 3 ? modes[at->info.mode] : "?", up, actors,
                 ((uint64_t)at->info.fast + at->info.slow) * TROUPE_TRACE_PACKET);
    trp_text_quoted(at->place.path[0] != 0 ? at->place.path : "memory", stdout);
    (void)fputs(",\"note\":", stdout);
    trp_text_quoted(at->info.note, stdout);
    (void)puts("}");
}

static void show_text(const struct trp_trace_at *at, const char *who, uint64_t actors)
{
    char span[24];

    trp_text_span(trp_trace_ns(at, trp_trace_now(at) - at->info.first_ticks), span,
                  sizeof(span));
    (void)printf("%-10s %-8s %-6s %8s %8" PRIu64 "  ", who, state_of(&at->place),
                 at->info.mode < 3 ? modes[at->info.mode] : "?", span, actors);
    trp_text_quoted(at->info.program, stdout);
    if (at->place.path[0] != 0) {
        (void)fputs("  ", stdout);
        trp_text_quoted(at->place.path, stdout);
    }
    if (at->info.note[0] != 0) {
        (void)fputs("  ! ", stdout);
        trp_text_quoted(at->info.note, stdout);
    }
    (void)putchar('\n');
}

static bool show(void *context, const struct trp_trace_place *place)
{
    struct listing *listing = context;
    struct trp_trace_at *at = NULL;
    uint64_t actors = 0;
    char who[32];

    listing->nth = place->pid == listing->last_pid ? listing->nth + 1 : 1;
    listing->last_pid = place->pid;
    if (trp_trace_open_place(place, &at) != TROUPE_OK) {
        return true;
    }
    if (listing->nth > 1) {
        (void)snprintf(who, sizeof(who), "%" PRIu32 "/%" PRIu32, place->pid,
                       listing->nth);
    } else {
        (void)snprintf(who, sizeof(who), "%" PRIu32, place->pid);
    }
    trp_trace_slots(at, count_slot, &actors);
    if (!listing->json && listing->count == 0) {
        (void)printf("%-10s %-8s %-6s %8s %8s  %s\n", "TRACE", "STATE", "MODE", "UP",
                     "ACTORS", "PROGRAM");
    }
    listing->count++;
    listing->json ? show_json(at, who, actors) : show_text(at, who, actors);
    trp_trace_leave(&at);
    return true;
}

int trp_cmd_trace_ps(int argc, char **argv)
{
    struct listing listing = {0};

    for (int i = 1; i < argc;) {
        if (!trp_cmd_trace_flag(argv, &i, "--json")) {
            return trp_cmd_fail(2, "usage: troupe trace ps [--json]");
        }
        listing.json = true;
    }
    trp_traces_each(show, &listing);
    return 0;
}

/* ---- gc ---- */

/* Removes the files we know the names of, and the directory if that made it empty. */
static bool remove_trace(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (dir == NULL) {
        return false;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, "info") == 0 ||
            strncmp(entry->d_name, "ring.", 5) == 0 ||
            strncmp(entry->d_name, "actors.", 7) == 0) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    (void)closedir(dir);
    return rmdir(path) == 0;
}

static bool collect(void *context, const struct trp_trace_place *place)
{
    struct listing *listing = context;

    if (place->alive || place->path[0] == 0 || !remove_trace(place->path)) {
        return true;
    }
    if (listing->json) {
        (void)printf("{\"v\":1,\"cmd\":\"gc\",\"pid\":%" PRIu32
                     ",\"lost\":0,\"removed\":",
                     place->pid);
        trp_text_quoted(place->path, stdout);
        (void)puts("}");
    } else {
        (void)printf("%s\n", place->path);
    }
    return true;
}

int trp_cmd_trace_gc(int argc, char **argv)
{
    struct listing listing = {0};

    for (int i = 1; i < argc;) {
        if (!trp_cmd_trace_flag(argv, &i, "--json")) {
            return trp_cmd_fail(2, "usage: troupe trace gc [--json]");
        }
        listing.json = true;
    }
    trp_traces_each(collect, &listing);
    return 0;
}
