/* SPDX-License-Identifier: MIT
 * Any text parsed and evaluated under small limits: it answers or it fails, within the
 * limits, and never twice differently. */
#include <stdlib.h>
#include <string.h>

#include <troupe/embedq.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(void *context, int stream, const char *text, size_t size)
{
    (void)context, (void)stream, (void)text, (void)size;
}

static int64_t now(void *context)
{
    int64_t *t = context;

    return *t += 1000000;
}

static const troupe_embedq_host host = {.size = sizeof host, .print = print, .now = now};

/* Evaluates the text; its answer on one line, or the error. */
static troupe_q_value *outcome(const uint8_t *data, size_t size)
{
    troupe_embedq_options options = TROUPE_EMBEDQ_OPTIONS;
    int64_t clock = TROUPE_Q_EPOCH_NS;
    troupe_embedq *q = NULL;
    troupe_q_value *v = NULL;
    troupe_q_value *line = NULL;

    options.memory_limit = (size_t)1 << 18;
    options.step_limit = 2000;
    options.call_depth = 60;
    options.host = &host;
    options.context = &clock;
    if (troupe_embedq_new(&options, &q) != TROUPE_OK) {
        abort();
    }
    if (troupe_embedq_text(q, (const char *)data, size, &v) == TROUPE_OK) {
        if (troupe_q_format_line(v, 1000, &line) != TROUPE_OK) {
            abort();
        }
    } else if (troupe_q_string(troupe_embedq_error(q), TROUPE_Q_Z, &line) != TROUPE_OK) {
        abort();
    }
    troupe_q_unref(&v);
    troupe_embedq_free(&q);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    troupe_q_value *once = outcome(data, size);
    troupe_q_value *twice = outcome(data, size);

    if (!troupe_q_match(once, twice)) {
        abort();
    }
    troupe_q_unref(&once);
    troupe_q_unref(&twice);
    return 0;
}
