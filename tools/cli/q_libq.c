/* SPDX-License-Identifier: MIT
 * q_libq.c - q sessions and servers on a q library. */
#include "tools/cli/q_libq.h"

#include <stdio.h>
#include <string.h>

#include "tools/cli/cmd.h"

enum { SCRIPT_PATH_MAX = 4096 };

int trp_q_libq_option(int option, struct trp_q_libq *out)
{
    if (option == TRP_Q_OPTION_LIBQ) {
        out->path = optarg;
        return -1;
    }
    out->used = strcmp(optarg, "libq") == 0;
    return out->used || strcmp(optarg, "q") == 0
               ? -1
               : trp_cmd_fail(2, "--engine wants q or libq, not '%s'", optarg);
}

/* \l PATH there. */
static int load(troupe_system *sys, troupe_id engine, const char *path)
{
    char text[SCRIPT_PATH_MAX + 4];
    troupe_failure failure = {.status = TROUPE_OK};
    troupe_q_value *query = NULL;
    troupe_msg *request = NULL, *answer = NULL;
    int size = snprintf(text, sizeof(text), "\\l %s", path);

    if (size < 0 || (size_t)size >= sizeof(text)) {
        return trp_cmd_fail(1, "the script's name is too long");
    }
    troupe_status status = troupe_q_string(text, (size_t)size, &query);
    if (status == TROUPE_OK) {
        status = troupe_embedq_msg(TROUPE_KIND_Q_EVAL, &query, &request);
    }
    if (status == TROUPE_OK) {
        status = troupe_call(sys, engine, &request, TROUPE_NEVER, &answer, &failure);
    }
    troupe_q_unref(&query);
    troupe_msg_free(&request);
    troupe_msg_free(&answer);
    return status == TROUPE_OK
               ? -1
               : trp_cmd_fail(1, "the script %s ends with an error: '%s", path,
                              failure.text[0] != 0 ? failure.text
                                                   : troupe_status_text(status));
}

int trp_q_libq_open(troupe_system *sys, const struct trp_q_libq *libq,
                    const char *const *words, const char *script, troupe_id *out)
{
    troupe_engine_options engine = TROUPE_ENGINE_OPTIONS;
    troupe_libq_config config = TROUPE_LIBQ_CONFIG;
    troupe_failure failure = {.status = TROUPE_OK};

    config.path = libq->path;
    config.arguments = words;
    config.failure = &failure;
    engine.config = &config;
    troupe_status status = troupe_engine_open(sys, &troupe_engine_libq, &engine, out);
    if (status != TROUPE_OK) {
        return trp_cmd_fail(1, "libq cannot be opened: %s",
                            failure.text[0] != 0 ? failure.text
                                                 : troupe_status_text(status));
    }
    return script != NULL ? load(sys, *out, script) : -1;
}
