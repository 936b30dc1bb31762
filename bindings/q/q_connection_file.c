/* SPDX-License-Identifier: MIT
 * q_connection_file.c - a local file, run on the server statement by statement. */
#include "bindings/q/q_connection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mailbox/alloc.h"

#define PYTHON                                                                           \
    "{$[@[{get x;1b};`.pykx.pyexec;0b];.pykx.pyexec x;"                                  \
    "'\"PyKX must be loaded on remote server\"]}"

enum { FILE_MAX = 64 << 20, RESULTS_MAX = 1 << 20 };

struct results {
    troupe_q_value **items;
    size_t count, capacity;
};

static troupe_status keep(struct results *results, troupe_q_value **value)
{
    enum { FIRST = 16 };

    if (results->count == results->capacity) {
        size_t capacity = results->capacity != 0 ? results->capacity * 2 : FIRST;
        if (capacity > RESULTS_MAX) {
            return TROUPE_ELIMIT;
        }
        troupe_q_value **items = trp_realloc(results->items, capacity * sizeof(*items));
        if (items == NULL) {
            return TROUPE_ENOMEM;
        }
        results->items = items;
        results->capacity = capacity;
    }
    results->items[results->count++] = *value;
    *value = NULL;
    return TROUPE_OK;
}

/* ---- the file ---- */

static troupe_status read_all(FILE *file, char **out, size_t *size)
{
    enum { STEP = 64 << 10 };
    size_t capacity = 0, got;

    do {
        if (*size + STEP > capacity) {
            capacity = capacity != 0 ? capacity * 2 : STEP;
            char *text = trp_realloc(*out, capacity);
            if (text == NULL) {
                return TROUPE_ENOMEM;
            }
            *out = text;
        }
        got = fread(*out + *size, 1, STEP, file);
        *size += got;
        if (*size > FILE_MAX) {
            return TROUPE_ELIMIT;
        }
    } while (got > 0);
    return ferror(file) != 0 ? TROUPE_ESYSTEM : TROUPE_OK;
}

static troupe_status load(const char *path, char **out, size_t *size,
                          troupe_failure *failure)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        return trp_q_failed(failure, errno == ENOENT ? TROUPE_ENOENT : TROUPE_ESYSTEM,
                            "%s cannot be read: %s", path, strerror(errno));
    }
    troupe_status status = read_all(file, out, size);
    (void)fclose(file);
    return status == TROUPE_OK ? status
                               : trp_q_failed(failure, status, "%s cannot be read: %s",
                                              path, troupe_status_text(status));
}

/* ---- running it ---- */

/* Where a script is run, and how. */
struct run {
    troupe_q_connection *conn;
    const char *path;
    bool return_all;
    struct results results;
};

/* `text` is the function's, or NULL: `query` is the statement. */
static troupe_status execute(struct run *run, const char *text, troupe_q_value *query,
                             troupe_failure *failure)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *value = NULL;

    request.text = text;
    request.query = text == NULL ? query : NULL;
    request.count = text != NULL;
    request.args = &query;
    request.wait = run->return_all ? TROUPE_Q_YES : TROUPE_Q_NO;
    troupe_status status = troupe_q_connection_call(run->conn, &request, &value, failure);
    if (status == TROUPE_OK && run->return_all) {
        status = keep(&run->results, &value);
        if (status != TROUPE_OK) {
            (void)trp_q_failed(failure, status, "%s", troupe_status_text(status));
        }
    }
    troupe_q_unref(&value);
    return status;
}

/* k code is marked as such. */
static troupe_status statement(const struct trp_q_reader *reader, bool k,
                               troupe_q_value **out)
{
    if (!k || reader->text[0] == '\\') {
        return troupe_q_string(reader->text, reader->size, out);
    }
    char *text = trp_alloc(reader->size + 2);
    if (text == NULL) {
        return TROUPE_ENOMEM;
    }
    memcpy(text, "k)", 2);
    memcpy(text + 2, reader->text, reader->size);
    troupe_status status = troupe_q_string(text, reader->size + 2, out);
    trp_free(text);
    return status;
}

static troupe_status run_statements(struct run *run, bool k, const char *text,
                                    size_t size, troupe_failure *failure)
{
    struct trp_q_reader reader = {.at = text, .end = text + size};
    troupe_status status;

    while ((status = trp_q_reader_next(&reader)) == TROUPE_OK) {
        troupe_q_value *query = NULL;
        status = statement(&reader, k, &query);
        if (status != TROUPE_OK) {
            break;
        }
        status = execute(run, NULL, query, failure);
        troupe_q_unref(&query);
        if (status != TROUPE_OK) {
            trp_free(reader.text);
            return status;
        }
    }
    trp_free(reader.text);
    return status == TROUPE_EAGAIN
               ? TROUPE_OK
               : trp_q_failed(failure, status, "%s", troupe_status_text(status));
}

static troupe_status run_python(struct run *run, const char *text, size_t size,
                                troupe_failure *failure)
{
    troupe_q_value *source = NULL;
    troupe_status status = troupe_q_string(text, size, &source);

    if (status != TROUPE_OK) {
        return trp_q_failed(failure, status, "%s", troupe_status_text(status));
    }
    status = execute(run, PYTHON, source, failure);
    troupe_q_unref(&source);
    return status;
}

static const char *extension_of(const char *path)
{
    const char *name = strrchr(path, '/');
    const char *dot = strrchr(name != NULL ? name : path, '.');

    return dot != NULL ? dot + 1 : "q";
}

static troupe_status run_file(struct run *run, troupe_failure *failure)
{
    const char *extension = extension_of(run->path);
    bool k = strcmp(extension, "k") == 0;
    bool python = strcmp(extension, "p") == 0 || strcmp(extension, "py") == 0;
    char *text = NULL;
    size_t size = 0;

    if (!k && !python && strcmp(extension, "q") != 0) {
        return trp_q_failed(failure, TROUPE_EUNSUPPORTED,
                            "Provided file type '%s' unsupported", extension);
    }
    troupe_status status = load(run->path, &text, &size, failure);
    if (status == TROUPE_OK) {
        status = python ? run_python(run, text, size, failure)
                        : run_statements(run, k, text, size, failure);
    }
    trp_free(text);
    return status;
}

troupe_status troupe_q_connection_file_execute(troupe_q_connection *conn,
                                               const char *path, bool return_all,
                                               troupe_q_value **out,
                                               troupe_failure *failure)
{
    struct run run = {.conn = conn, .path = path, .return_all = return_all};
    troupe_q_value *list = NULL;

    if (path == NULL) {
        return trp_q_failed(failure, TROUPE_EINVAL, "a path is needed");
    }
    troupe_status status = run_file(&run, failure);
    if (status == TROUPE_OK) {
        status = return_all ? troupe_q_list(run.results.count, run.results.items, &list)
                            : troupe_q_null(&list);
        if (status != TROUPE_OK) {
            (void)trp_q_failed(failure, status, "%s", troupe_status_text(status));
        }
    }
    for (size_t i = 0; i < run.results.count; i++) {
        troupe_q_unref(&run.results.items[i]);
    }
    trp_free(run.results.items);
    if (status == TROUPE_OK && out != NULL) {
        *out = list;
        return TROUPE_OK;
    }
    troupe_q_unref(&list);
    return status;
}
