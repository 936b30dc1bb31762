/* SPDX-License-Identifier: MIT
 * eq_script.c - scripts: lines to statements. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

static size_t line_size(const char *at, const char *end)
{
    const char *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;

    return stop != NULL ? (size_t)(stop - at) : (size_t)(end - at);
}

/* A line that holds one character and blanks. */
static bool lone(const char *line, size_t size, char c)
{
    if (size == 0 || line[0] != c) {
        return false;
    }
    for (size_t i = 1; i < size; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') {
            return false;
        }
    }
    return true;
}

static bool continues(const char *line, size_t size)
{
    return size == 0 || line[0] == ' ' || line[0] == '\t' || line[0] == '\r' ||
           line[0] == '}';
}

static bool run(struct trp_embedq *q, const char *text, size_t size)
{
    qv *v = size == 0 ? trp_eq_null(q) : trp_eq_eval_text(q, text, size, false);

    trp_eq_drop(v);
    return v != NULL;
}

bool trp_eq_script(struct trp_embedq *q, const char *text, size_t size)
{
    const char *end = text + size;
    const char *at = text;

    while (at < end) {
        size_t n = line_size(at, end);
        if (lone(at, n, '/')) { /* a comment down to a lone \ */
            do {
                at += n + (at + n < end);
                n = line_size(at, end);
            } while (at < end && !lone(at, n, '\\'));
            at += n + (at + n < end);
            continue;
        }
        if (lone(at, n, '\\')) {
            return true; /* the rest is no code */
        }
        if (n == 0 || at[0] == '/') {
            at += n + (at + n < end);
            continue;
        }
        const char *stop = at + n;
        const char *next = stop + (stop < end);
        while (at[0] != '\\' && next < end && continues(next, line_size(next, end))) {
            stop = next + line_size(next, end);
            next = stop + (stop < end);
        }
        if (!run(q, at, (size_t)(stop - at))) {
            return false;
        }
        at = next;
    }
    return true;
}
