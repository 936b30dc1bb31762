/* SPDX-License-Identifier: MIT
 * embedq_logs.c - logs: a mark, and q messages one after another.
 *
 *   "qlog" 1 0 0 0 | message | message | ... | what a crash left of the last one */
#include "bindings/embedq/embedq_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "mailbox/alloc.h"

static const uint8_t log_mark[TRP_EQ_LOG_MARK] = {'q', 'l', 'o', 'g', 1, 0, 0, 0};

bool trp_eq_is_log(const uint8_t *bytes, size_t size)
{
    return size >= sizeof log_mark && memcmp(bytes, log_mark, sizeof log_mark) == 0;
}

troupe_status trp_eq_log_encode(const troupe_q_value *list, bool mark,
                                struct trp_buffer *out)
{
    const struct trp_q_encoding how = {.kind = TRP_Q_ASYNC,
                                       .capability = TRP_Q_CAPABILITY};
    troupe_status status =
        mark ? trp_buffer_add(out, log_mark, sizeof log_mark) : TROUPE_OK;

    for (size_t i = 0; status == TROUPE_OK && i < troupe_q_count(list); i++) {
        struct trp_q_why why = {0};
        troupe_q_value *item = NULL;
        status = troupe_q_item(list, i, &item);
        if (status == TROUPE_OK) {
            status = trp_q_encode(item, &how, out, &why);
        }
        troupe_q_unref(&item);
    }
    return status;
}

troupe_status trp_eq_log_create(const char *path, const troupe_q_value *list)
{
    struct trp_buffer out;

    trp_buffer_init(&out, TRP_EQ_FILE_MOST);
    troupe_status status = trp_eq_log_encode(list, true, &out);
    if (status == TROUPE_OK) {
        status = trp_eq_disk_replace(path, trp_buffer_front(&out), trp_buffer_size(&out));
    }
    trp_buffer_fini(&out);
    return status;
}

/* ---- appending ---- */

static troupe_status add_line(struct trp_buffer *out, const troupe_q_value *text,
                              bool line_end)
{
    size_t size = 0;
    const char *bytes = troupe_q_text(text, &size);
    troupe_status status =
        bytes != NULL ? trp_buffer_add(out, bytes, size) : TROUPE_ETYPE;

    return status == TROUPE_OK && line_end ? trp_buffer_add(out, "\n", 1) : status;
}

static troupe_status add_lines(struct trp_buffer *out, const troupe_q_value *list)
{
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; status == TROUPE_OK && i < troupe_q_count(list); i++) {
        troupe_q_value *item = NULL;
        status = troupe_q_item(list, i, &item);
        if (status == TROUPE_OK) {
            status = add_line(out, item, true);
        }
        troupe_q_unref(&item);
    }
    return status;
}

static troupe_status gather(const troupe_q_value *value, bool lines, bool fresh,
                            struct trp_buffer *out)
{
    int type = troupe_q_type(value);

    switch (type) {
    case TROUPE_Q_CHAR:
    case -TROUPE_Q_CHAR:
        return add_line(out, value, lines);
    case TROUPE_Q_BYTE:
        return lines ? TROUPE_ETYPE
                     : trp_buffer_add(out, troupe_q_data(value), troupe_q_count(value));
    default:
        return type < TROUPE_Q_LIST || type > TROUPE_Q_TIME ? TROUPE_ETYPE
               : lines                                      ? add_lines(out, value)
                       : trp_eq_log_encode(value, fresh, out);
    }
}

/* In full or not at all: what a full disk took of it is taken back. */
static troupe_status append(int fd, uint64_t end, const struct trp_buffer *bytes)
{
    troupe_status status =
        trp_eq_disk_write(fd, trp_buffer_front(bytes), trp_buffer_size(bytes));

    if (status != TROUPE_OK) {
        (void)!ftruncate(fd, (off_t)end); /* else a reader finds it torn */
    }
    return status;
}

troupe_status troupe_embedq_use_append(void *context, int64_t file, bool lines,
                                       troupe_q_value *value)
{
    struct trp_buffer out;
    uint64_t end = 0;
    int fd = (int)file;

    (void)context;
    trp_buffer_init(&out, TRP_EQ_FILE_MOST);
    troupe_status status = trp_eq_disk_size(fd, &end);
    if (status == TROUPE_OK) {
        status = gather(value, lines, end == 0, &out);
    }
    if (status == TROUPE_OK && trp_buffer_size(&out) > 0) {
        status = append(fd, end, &out);
    }
    trp_buffer_fini(&out);
    return status;
}

/* ---- reading ---- */

/* A log that is read piece by piece. */
struct reader {
    int fd;
    uint64_t size, at; /* of the file; where the next message begins */
    uint8_t *bytes;    /* of the file from `at` on */
    size_t have, room;
};

static troupe_status reader_open(struct reader *r, const char *path, uint64_t from)
{
    uint8_t mark[TRP_EQ_LOG_MARK];
    size_t got = 0;

    *r = (struct reader){.fd = trp_eq_disk_open(path, O_RDONLY), .at = from};
    if (r->fd < 0) {
        return trp_eq_disk_failed();
    }
    troupe_status status = trp_eq_disk_size(r->fd, &r->size);
    if (status == TROUPE_OK) {
        status = trp_eq_disk_read(r->fd, 0, mark, sizeof mark, &got);
    }
    if (status == TROUPE_OK && memcmp(mark, log_mark, got) != 0) {
        status = TROUPE_EPROTO;
    }
    r->at = r->at != 0 || got < sizeof mark ? r->at : sizeof mark;
    return status;
}

static void reader_close(struct reader *r)
{
    if (r->fd >= 0) {
        (void)close(r->fd);
    }
    trp_free(r->bytes);
}

/* Has at least `wanted` bytes from `at` on, if the file does; and more while it is there.
 */
static troupe_status reader_fill(struct reader *r, size_t wanted)
{
    size_t room = wanted > TRP_EQ_LOG_CHUNK ? wanted : TRP_EQ_LOG_CHUNK;

    room = r->size - r->at < room ? (size_t)(r->size - r->at) : room;
    if (room > r->room) {
        trp_free(r->bytes);
        r->have = r->room = 0;
        r->bytes = trp_alloc(room);
        if (r->bytes == NULL) {
            return TROUPE_ENOMEM;
        }
        r->room = room;
    }
    return room > 0 ? trp_eq_disk_read(r->fd, r->at, r->bytes, room, &r->have)
                    : TROUPE_OK;
}

/* The message at the front of `bytes`, or NULL in *out: it is torn, or nothing is there.
 * TROUPE_EAGAIN: it has *total bytes, which are more than `size`. */
static troupe_status take(const uint8_t *bytes, size_t size, uint64_t *total,
                          troupe_q_value **out)
{
    struct trp_q_limits limits = TRP_Q_LIMITS;
    struct trp_q_header header;
    struct trp_q_why why = {0};

    limits.message = limits.plain = TRP_EQ_FILE_MOST;
    *total = TRP_Q_HEADER;
    *out = NULL;
    troupe_status status = trp_q_header_read(bytes, size, &limits, &header, &why);
    if (status != TROUPE_OK) {
        return status == TROUPE_EAGAIN ? TROUPE_EAGAIN : TROUPE_OK;
    }
    *total = header.total;
    if (header.total > size) {
        return TROUPE_EAGAIN;
    }
    status = trp_q_decode(bytes, (size_t)header.total, NULL, &limits, out, &why);
    return status == TROUPE_ENOMEM ? status : TROUPE_OK;
}

troupe_status trp_eq_log_items(const uint8_t *bytes, size_t size, troupe_q_value **out)
{
    troupe_q_value *list = trp_q_new(TROUPE_Q_LIST, 0);
    troupe_q_value *item = NULL;
    uint64_t total = 0;
    troupe_status status = list != NULL ? TROUPE_OK : TROUPE_ENOMEM;

    while (status == TROUPE_OK && size > 0) {
        status = take(bytes, size, &total, &item);
        if (status == TROUPE_EAGAIN || (status == TROUPE_OK && item == NULL)) {
            status = TROUPE_ETRUNCATED;
        }
        if (status == TROUPE_OK) {
            status = trp_q_push(&list, &item);
        }
        troupe_q_unref(&item);
        bytes += total;
        size -= status == TROUPE_OK ? (size_t)total : 0;
    }
    if (status != TROUPE_OK) {
        troupe_q_unref(&list);
        return status;
    }
    *out = list;
    return TROUPE_OK;
}

/* The whole messages of the next piece; none at the end and before a torn one. */
static troupe_status reader_next(struct reader *r, troupe_q_value **list)
{
    uint64_t total = 0;
    troupe_q_value *item = NULL;
    size_t at = 0;
    troupe_status status = reader_fill(r, 1);

    while (status == TROUPE_OK && at < r->have) {
        status = take(r->bytes + at, r->have - at, &total, &item);
        if (status == TROUPE_EAGAIN && at == 0 && r->have < total &&
            r->size - r->at >= total) {
            status = reader_fill(r, (size_t)total);
            continue;
        }
        if (status == TROUPE_EAGAIN || (status == TROUPE_OK && item == NULL)) {
            status = TROUPE_OK;
            break; /* cut by the piece, or torn: the next piece tells */
        }
        if (status == TROUPE_OK) {
            status = trp_q_push(list, &item);
            at += (size_t)total;
        }
        troupe_q_unref(&item);
    }
    r->at += at;
    return status;
}

troupe_status trp_eq_log_read(const char *path, const troupe_q_value *from,
                              troupe_q_value **answer)
{
    troupe_q_value *parts[3] = {trp_q_new(TROUPE_Q_LIST, 0), NULL, NULL};
    struct reader r;
    int64_t at = 0;

    if (troupe_q_get_long(from, 0, &at) != TROUPE_OK || at < 0) {
        troupe_q_unref(&parts[0]);
        return TROUPE_EINVAL;
    }
    troupe_status status = reader_open(&r, path, (uint64_t)at);
    if (status == TROUPE_OK) {
        status = parts[0] != NULL ? TROUPE_OK : TROUPE_ENOMEM;
    }
    if (status == TROUPE_OK && r.at < r.size) {
        status = reader_next(&r, &parts[0]);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_long((int64_t)r.at, &parts[1]);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_long((int64_t)r.size, &parts[2]);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_list(3, parts, answer);
    }
    reader_close(&r);
    for (size_t i = 0; i < 3; i++) {
        troupe_q_unref(&parts[i]);
    }
    return status;
}

troupe_status trp_eq_log_count(const char *path, troupe_q_value **answer)
{
    struct reader r;
    int64_t counts[2] = {0, 0};
    size_t got = 1;
    troupe_status status = reader_open(&r, path, 0);

    while (status == TROUPE_OK && r.at < r.size && got > 0) {
        troupe_q_value *list = trp_q_new(TROUPE_Q_LIST, 0);
        status = list != NULL ? reader_next(&r, &list) : TROUPE_ENOMEM;
        got = troupe_q_count(list);
        counts[0] += (int64_t)got;
        troupe_q_unref(&list);
    }
    counts[1] = (int64_t)r.at;
    if (status == TROUPE_OK) {
        status = r.at == r.size ? troupe_q_long(counts[0], answer)
                                : troupe_q_vector(TROUPE_Q_LONG, 2, counts, answer);
    }
    reader_close(&r);
    return status;
}
