/* SPDX-License-Identifier: MIT
 * embedq_files.c - a host's `file` function over the machine's files. A value is kept as
 * one q message, a log as messages one after another. */
#include <stdio.h>
#include <unistd.h>

#include <troupe/embedq.h>

#include "mailbox/alloc.h"
#include "transports/q/q_codec.h"

enum { PATH_MOST = 4096 };

#define FILE_MOST ((long)1 << 30)

static troupe_status slurp(const char *path, uint8_t **out, size_t *size)
{
    FILE *file = fopen(path, "rb");
    long end = 0;

    if (file == NULL) {
        return TROUPE_ENOENT;
    }
    bool good = fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) >= 0 &&
                fseek(file, 0, SEEK_SET) == 0;
    troupe_status status = !good             ? TROUPE_ESYSTEM
                           : end > FILE_MOST ? TROUPE_ELIMIT
                                             : TROUPE_OK;
    uint8_t *bytes = status == TROUPE_OK ? trp_alloc((size_t)end + 1) : NULL;
    if (status == TROUPE_OK && bytes == NULL) {
        status = TROUPE_ENOMEM;
    }
    if (status == TROUPE_OK && fread(bytes, 1, (size_t)end, file) != (size_t)end) {
        status = TROUPE_ESYSTEM;
    }
    (void)fclose(file);
    if (status != TROUPE_OK) {
        trp_free(bytes);
        return status;
    }
    *out = bytes;
    *size = (size_t)end;
    return TROUPE_OK;
}

static troupe_status spill(const char *path, const char *mode,
                           const struct trp_buffer *bytes)
{
    FILE *file = fopen(path, mode);
    size_t size = trp_buffer_size(bytes);

    if (file == NULL) {
        return TROUPE_ESYSTEM;
    }
    bool good = size == 0 || fwrite(trp_buffer_front(bytes), 1, size, file) == size;
    good = fclose(file) == 0 && good;
    return good ? TROUPE_OK : TROUPE_ESYSTEM;
}

static troupe_status encode(const troupe_q_value *value, struct trp_buffer *out)
{
    struct trp_q_encoding how = {.kind = TRP_Q_ASYNC, .capability = TRP_Q_CAPABILITY};
    struct trp_q_why why = {0};

    return trp_q_encode(value, &how, out, &why);
}

/* Writes a value, or the items of a list as messages of a log. */
static troupe_status store(const char *path, const char *mode,
                           const troupe_q_value *value, bool items)
{
    struct trp_buffer out;
    troupe_status status = TROUPE_OK;

    trp_buffer_init(&out, (size_t)FILE_MOST);
    if (!items) {
        status = encode(value, &out);
    }
    for (size_t i = 0; items && status == TROUPE_OK && i < troupe_q_count(value); i++) {
        troupe_q_value *item = NULL;
        status = troupe_q_item(value, i, &item);
        if (status == TROUPE_OK) {
            status = encode(item, &out);
        }
        troupe_q_unref(&item);
    }
    if (status == TROUPE_OK) {
        status = spill(path, mode, &out);
    }
    trp_buffer_fini(&out);
    return status;
}

static troupe_status decode(const uint8_t *bytes, size_t size, troupe_q_value **out)
{
    struct trp_q_limits limits = TRP_Q_LIMITS;
    struct trp_q_why why = {0};

    return trp_q_decode(bytes, size, NULL, &limits, out, &why);
}

/* The messages of a log; a torn one at the end is left out. */
static troupe_status messages(const uint8_t *bytes, size_t size, troupe_q_value **out)
{
    struct trp_q_limits limits = TRP_Q_LIMITS;
    troupe_q_value *list = trp_q_new(TROUPE_Q_LIST, 0);
    troupe_status status = list != NULL ? TROUPE_OK : TROUPE_ENOMEM;

    while (status == TROUPE_OK && size >= TRP_Q_HEADER) {
        struct trp_q_header header;
        struct trp_q_why why = {0};
        troupe_q_value *item = NULL;
        status = trp_q_header_read(bytes, size, &limits, &header, &why);
        if (status != TROUPE_OK || header.total > size) {
            break;
        }
        status = decode(bytes, (size_t)header.total, &item);
        if (status == TROUPE_OK) {
            status = trp_q_push(&list, &item);
        }
        troupe_q_unref(&item);
        bytes += header.total;
        size -= (size_t)header.total;
    }
    if (status != TROUPE_OK) {
        troupe_q_unref(&list);
        return status;
    }
    *out = list;
    return TROUPE_OK;
}

static troupe_status lines(const uint8_t *bytes, size_t size, troupe_q_value **out)
{
    troupe_q_value *list = trp_q_new(TROUPE_Q_LIST, 0);
    const char *at = (const char *)bytes;
    const char *end = at + size;

    while (list != NULL && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t n = stop != NULL ? (size_t)(stop - at) : (size_t)(end - at);
        troupe_q_value *line = trp_q_of_text(at, n - (n > 0 && at[n - 1] == '\r'));
        if (line == NULL || trp_q_push(&list, &line) != TROUPE_OK) {
            troupe_q_unref(&line);
            troupe_q_unref(&list);
        }
        at += n + 1;
    }
    *out = list;
    return list != NULL ? TROUPE_OK : TROUPE_ENOMEM;
}

static troupe_status read_as(troupe_embedq_file what, const char *path,
                             troupe_q_value **answer)
{
    uint8_t *bytes = NULL;
    troupe_q_value *all = NULL;
    size_t size = 0;
    troupe_status status = slurp(path, &bytes, &size);

    if (status != TROUPE_OK) {
        return status;
    }
    switch (what) {
    case TROUPE_EMBEDQ_READ_LINES:
        status = lines(bytes, size, answer);
        break;
    case TROUPE_EMBEDQ_READ_BYTES:
        status = troupe_q_vector(TROUPE_Q_BYTE, size, bytes, answer);
        break;
    case TROUPE_EMBEDQ_READ:
        status = decode(bytes, size, answer);
        break;
    case TROUPE_EMBEDQ_LOG_READ:
        status = messages(bytes, size, answer);
        break;
    default: /* how many messages */
        status = messages(bytes, size, &all);
        if (status == TROUPE_OK) {
            status = troupe_q_long((int64_t)troupe_q_count(all), answer);
        }
        troupe_q_unref(&all);
    }
    trp_free(bytes);
    return status;
}

troupe_status troupe_embedq_use_files(void *context, troupe_embedq_file what,
                                      const char *path, troupe_q_value *value,
                                      troupe_q_value **answer)
{
    (void)context;
    if (path[0] == ':') {
        path++;
    }
    if (path[0] == 0 || strlen(path) >= PATH_MOST) {
        return TROUPE_EINVAL;
    }
    switch (what) {
    case TROUPE_EMBEDQ_WRITE:
        return store(path, "wb", value, false);
    case TROUPE_EMBEDQ_LOG_CREATE:
        return store(path, "wb", value, true);
    case TROUPE_EMBEDQ_LOG_APPEND:
        return store(path, "ab", value, true);
    case TROUPE_EMBEDQ_DELETE:
        return unlink(path) == 0 ? TROUPE_OK : TROUPE_ENOENT;
    case TROUPE_EMBEDQ_EXISTS:
        return troupe_q_boolean(access(path, F_OK) == 0, answer);
    default:
        return read_as(what, path, answer);
    }
}
