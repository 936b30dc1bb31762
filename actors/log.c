/* SPDX-License-Identifier: MIT
 * log.c - one line to one sink; only actors log, and only what they handle. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "actors/runtime.h"

enum { LINE_MAX = 512 };

void troupe_log_to(struct troupe_system *sys, troupe_log_level level,
                   troupe_log_sink sink, void *context)
{
    sys->log_level = level;
    sys->log_sink = sink;
    sys->log_context = context;
}

static int64_t unix_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return TROUPE_S(now.tv_sec) + now.tv_nsec;
}

void trp_log(struct trp_base *base, troupe_log_level level, const char *event,
             const char *format, ...)
{
    struct troupe_system *sys = base->system;

    if (sys->log_sink == NULL || level > sys->log_level) {
        return;
    }
    char text[LINE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    const struct trp_actor *actor = base->self.actor;
    troupe_log_line line = {.level = level,
                            .event = event,
                            .text = text,
                            .actor = {actor != NULL ? actor->id : 0},
                            .actor_name = actor != NULL ? actor->behavior->name : "",
                            .message = actor != NULL ? actor->slot->message : 0,
                            .unix_ns = sys->options.simulated ? base->now : unix_now()};
    sys->log_sink(sys->log_context, &line);
}

/* Escapes what would break a quoted logfmt value, and what a terminal might obey. */
static void print_quoted(FILE *to, const char *text)
{
    (void)fputc('"', to);
    for (const char *c = text; *c != 0; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte >= 0x7f) {
            (void)fprintf(to, "\\x%02x", byte);
            continue;
        }
        if (byte == '"' || byte == '\\') {
            (void)fputc('\\', to);
        }
        (void)fputc(byte < ' ' ? ' ' : byte, to);
    }
    (void)fputc('"', to);
}

void troupe_log_stderr(void *context, const troupe_log_line *line)
{
    static const char *const levels[] = {"none", "error", "warn", "info", "debug"};
    FILE *to = context != NULL ? context : stderr;
    time_t seconds = (time_t)(line->unix_ns / TROUPE_S(1));
    struct tm utc;
    char stamp[32];

    (void)gmtime_r(&seconds, &utc);
    (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    flockfile(to);
    (void)fprintf(to, "ts=%s.%06ldZ level=%s event=%s actor=%s#%u msg=%llx text=", stamp,
                  (long)(line->unix_ns % TROUPE_S(1) / 1000), levels[line->level],
                  line->event, line->actor_name, trp_id_number(line->actor.bits),
                  (unsigned long long)line->message);
    print_quoted(to, line->text);
    (void)fputc('\n', to);
    funlockfile(to);
}
