/* SPDX-License-Identifier: MIT
 * cmd_trace_dump.c - a copy of the recorder (dump), and whether a copy is complete
 * (check). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/recorder.h"
#include "mailbox/alloc.h"
#include "tools/cli/cmd.h"
#include "tools/cli/cmd_trace.h"
#include "tools/trace/trace_check.h"
#include "tools/trace/trace_text.h"

enum { PATH = 1024, SHOWN = 100 };

/* Removes what there is of a copy that could not be finished, so that the next try finds
 * room and its name free. */
static void discard(const char *directory)
{
    static const char *const names[] = {"metadata", "troupe/actors", "troupe/info"};
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char name[32];

    if (fd < 0) {
        return;
    }
    for (uint32_t w = 1; w < TROUPE_TRACE_WORKERS; w++) {
        (void)snprintf(name, sizeof(name), "fast.%" PRIu32, w);
        (void)unlinkat(fd, name, 0);
        (void)snprintf(name, sizeof(name), "slow.%" PRIu32, w);
        (void)unlinkat(fd, name, 0);
    }
    for (size_t i = 0; i < TRP_COUNT(names); i++) {
        (void)unlinkat(fd, names[i], 0);
    }
    (void)unlinkat(fd, "troupe", AT_REMOVEDIR);
    (void)close(fd);
    (void)rmdir(directory);
}

static int copy(struct trp_trace_at *at, const char *directory, bool json)
{
    errno = 0;
    at->info.taken = trp_trace_now(at);
    at->info.settled = 0;
    if (at->place.alive) {
        at->info.latest_ns = trp_clock_ns();
        at->info.latest_ticks = trp_trace_now(at);
    }
    troupe_status status = trp_ctf_write(&at->source, &at->info, directory);
    if (status == TROUPE_EEXIST) {
        return trp_cmd_fail(1, "%s is there already", directory);
    }
    if (status != TROUPE_OK) {
        const char *why = status == TROUPE_ESYSTEM && errno != 0
                              ? strerror(errno)
                              : troupe_status_text(status);
        discard(directory);
        return trp_cmd_fail(1, "%s cannot be written: %s", directory, why);
    }
    if (json) {
        (void)printf("{\"v\":1,\"cmd\":\"dump\",\"pid\":%" PRIu32 ",\"lost\":%" PRIu32
                     ",\"settled\":%s,\"directory\":",
                     at->info.pid, at->info.overwritten,
                     at->info.settled != 0 ? "true" : "false");
        trp_text_quoted(directory, stdout);
        (void)puts("}");
    } else {
        (void)puts(directory);
    }
    return 0;
}

int trp_cmd_trace_dump(int argc, char **argv)
{
    const char *what = NULL, *to = NULL;
    bool json = false;
    char path[PATH];

    for (int i = 1; i < argc;) {
        const char *value = NULL;
        if (trp_cmd_trace_flag(argv, &i, "--json")) {
            json = true;
        } else if ((value = trp_cmd_trace_value(argc, argv, &i, "-o")) != NULL) {
            to = value;
        } else if (argv[i][0] == '-' || what != NULL) {
            return trp_cmd_fail(2, "usage: troupe trace dump [--json] [PID|DIR] "
                                   "[-o NAME.trp]");
        } else {
            what = argv[i++];
        }
    }
    struct trp_trace_at *at = NULL;
    int code = trp_cmd_trace_open(what, &at);
    if (code != 0) {
        return code;
    }
    if (at->place.is_copy) {
        code = trp_cmd_fail(2, "%s is a copy already", at->place.path);
    } else if (at->info.mode != TROUPE_TRACE_RING) {
        code = trp_cmd_fail(1, "this process is not recorded (TROUPE_TRACE)");
    } else {
        (void)snprintf(path, sizeof(path), "%.32s-%" PRIu32 ".trp",
                       strchr(at->info.program, '/') == NULL ? at->info.program
                                                             : "troupe",
                       at->info.pid);
        code = copy(at, to != NULL ? to : path, json);
    }
    trp_trace_leave(&at);
    return code;
}

/* ---- check ---- */

struct report {
    bool json;
    unsigned shown;
};

static void tell(void *context, const char *text)
{
    struct report *report = context;

    if (report->shown++ >= SHOWN) {
        return;
    }
    if (report->json) {
        (void)fputs("{\"violation\":", stdout);
        trp_text_quoted(text, stdout);
        (void)puts("}");
    } else {
        (void)puts(text);
    }
}

static void summary(const struct trp_trace_at *at, const struct trp_check *found)
{
    (void)printf("{\"v\":1,\"cmd\":\"check\",\"pid\":%" PRIu32 ",\"lost\":%" PRIu64
                 ",\"violations\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"delivered\":%" PRIu64
                 ",\"dropped\":%" PRIu64 ",\"queued\":%" PRIu64 ",\"mailboxes\":%" PRIu64
                 ",\"explained\":%" PRIu64 ",\"unjudged_actors\":%" PRIu64
                 ",\"turned\":%" PRIu64 ",\"window_ns\":%" PRIu64 "}\n",
                 at->info.pid, found->overwritten, found->violations, found->sent,
                 found->delivered, found->dropped, found->queued, found->depth,
                 found->explained, found->unjudged, found->turned, found->window_ns);
}

int trp_cmd_trace_check(int argc, char **argv)
{
    struct report report = {0};
    const char *what = NULL;

    for (int i = 1; i < argc;) {
        if (trp_cmd_trace_flag(argv, &i, "--json")) {
            report.json = true;
        } else if (argv[i][0] == '-' || what != NULL) {
            return trp_cmd_fail(2, "usage: troupe trace check [--json] NAME.trp");
        } else {
            what = argv[i++];
        }
    }
    if (what == NULL) {
        return trp_cmd_fail(2, "usage: troupe trace check [--json] NAME.trp");
    }
    struct trp_trace_at *at = NULL;
    struct trp_check found;
    int code = trp_cmd_trace_open(what, &at);
    if (code != 0) {
        return code;
    }
    if (at->place.alive && at->place.state != 'T') {
        code =
            trp_cmd_fail(2, "%s is running: take a copy first (troupe trace dump)", what);
    } else {
        troupe_status status = trp_check(at, tell, &report, &found);
        code = status != TROUPE_OK ? trp_cmd_fail(2, "%s", troupe_status_text(status))
                                   : found.violations != 0;
        if (status == TROUPE_OK && report.json) {
            summary(at, &found);
        } else if (status == TROUPE_OK && report.shown > SHOWN) {
            (void)printf("and %u more\n", report.shown - SHOWN);
        }
    }
    trp_trace_leave(&at);
    return code;
}
