/* SPDX-License-Identifier: MIT
 * embedq_files.h - what the files of values and those of logs share. */
#ifndef TRP_BINDINGS_EMBEDQ_FILES_H
#define TRP_BINDINGS_EMBEDQ_FILES_H

#include <troupe/embedq.h>

#include "transports/q/q_codec.h"
#include "transports/q/q_symbol.h"

enum {
    TRP_EQ_PATH_MAX = 4096,
    TRP_EQ_LOG_MARK = 8,               /* bytes before the first message of a log */
    TRP_EQ_LOG_CHUNK = 4 * 1024 * 1024 /* read of a log at a time */
};

#define TRP_EQ_FILE_MOST ((size_t)1 << 30) /* bytes of a value, in a file */

/* Opens, making the missing folders of a file that is written. -1: errno. */
int trp_eq_disk_open(const char *path, int flags);
/* Writes all of it. */
troupe_status trp_eq_disk_write(int fd, const void *bytes, size_t size);
/* Reads at most `room` bytes from `at` on; *got is less only at the end. */
troupe_status trp_eq_disk_read(int fd, uint64_t at, void *bytes, size_t room,
                               size_t *got);
troupe_status trp_eq_disk_size(int fd, uint64_t *size);
/* TROUPE_ENOENT or TROUPE_ESYSTEM, by errno. */
troupe_status trp_eq_disk_failed(void);
/* Replaces what is under a path as a whole. */
troupe_status trp_eq_disk_replace(const char *path, const void *bytes, size_t size);

/* ---- logs (embedq_logs.c) ---- */
bool trp_eq_is_log(const uint8_t *bytes, size_t size);
/* Appends the items of a list as messages, the mark before them when asked for. */
troupe_status trp_eq_log_encode(const troupe_q_value *list, bool mark,
                                struct trp_buffer *out);
/* The messages of bytes that hold a log without its mark. */
troupe_status trp_eq_log_items(const uint8_t *bytes, size_t size, troupe_q_value **out);
troupe_status trp_eq_log_create(const char *path, const troupe_q_value *list);
troupe_status trp_eq_log_count(const char *path, troupe_q_value **answer);
troupe_status trp_eq_log_read(const char *path, const troupe_q_value *from,
                              troupe_q_value **answer);

#endif
