/* SPDX-License-Identifier: MIT
 * embedq_files.c - a host's file functions over the machine's files. A value is kept as
 * one q message. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "bindings/embedq/embedq_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mailbox/alloc.h"

enum { NAMES_MAX = 1 << 20 };

/* ---- the disk ---- */

troupe_status trp_eq_disk_failed(void)
{
    return errno == ENOENT || errno == ENOTDIR ? TROUPE_ENOENT
           : errno == ENOMEM                   ? TROUPE_ENOMEM
                                               : TROUPE_ESYSTEM;
}

static void make_folders(const char *path)
{
    char part[TRP_EQ_PATH_MAX];

    for (size_t i = 1; path[i] != 0 && i < sizeof part - 1; i++) {
        if (path[i] == '/') {
            memcpy(part, path, i);
            part[i] = 0;
            (void)mkdir(part, 0777); /* what is wrong shows when the file is opened */
        }
    }
}

int trp_eq_disk_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0666);

    if (fd < 0 && errno == ENOENT && (flags & O_CREAT) != 0) {
        make_folders(path);
        fd = open(path, flags | O_CLOEXEC, 0666);
    }
    return fd;
}

troupe_status trp_eq_disk_write(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno != EINTR) {
            return TROUPE_ESYSTEM;
        }
        at += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return TROUPE_OK;
}

troupe_status trp_eq_disk_read(int fd, uint64_t at, void *bytes, size_t room, size_t *got)
{
    *got = 0;
    while (*got < room) {
        ssize_t n = pread(fd, (uint8_t *)bytes + *got, room - *got, (off_t)(at + *got));
        if (n < 0 && errno != EINTR) {
            return TROUPE_ESYSTEM;
        }
        if (n == 0) {
            break;
        }
        *got += n > 0 ? (size_t)n : 0;
    }
    return TROUPE_OK;
}

troupe_status trp_eq_disk_size(int fd, uint64_t *size)
{
    struct stat what;

    if (fstat(fd, &what) != 0 || !S_ISREG(what.st_mode)) {
        return TROUPE_ESYSTEM;
    }
    *size = (uint64_t)what.st_size;
    return TROUPE_OK;
}

static troupe_status write_to(int fd, const void *bytes, size_t size)
{
    if (fd < 0) {
        return trp_eq_disk_failed();
    }
    troupe_status status = trp_eq_disk_write(fd, bytes, size);
    return close(fd) == 0 ? status : TROUPE_ESYSTEM;
}

/* A file beside it that takes its place, and has its rights when it is there already. */
static troupe_status swap(const char *path, const struct stat *before, const void *bytes,
                          size_t size)
{
    char fresh[TRP_EQ_PATH_MAX + 32];

    (void)snprintf(fresh, sizeof fresh, "%s.%ld.new", path, (long)getpid());
    (void)unlink(fresh); /* what a process of this number left behind */
    int fd = trp_eq_disk_open(fresh, O_WRONLY | O_CREAT | O_EXCL);
    bool keeps = fd < 0 || before == NULL || fchmod(fd, before->st_mode & 07777) == 0;
    troupe_status status = write_to(fd, bytes, size);
    if (status == TROUPE_OK && (!keeps || rename(fresh, path) != 0)) {
        status = TROUPE_ESYSTEM;
    }
    if (status != TROUPE_OK && fd >= 0) {
        (void)unlink(fresh);
    }
    return status;
}

troupe_status trp_eq_disk_replace(const char *path, const void *bytes, size_t size)
{
    struct stat what;

    if (stat(path, &what) != 0) {
        return swap(path, NULL, bytes, size);
    }
    if (!S_ISREG(what.st_mode)) { /* a device: nothing may take its place */
        return write_to(trp_eq_disk_open(path, O_WRONLY), bytes, size);
    }
    char real[PATH_MAX]; /* behind links */
    return realpath(path, real) != NULL ? swap(real, &what, bytes, size) : TROUPE_ESYSTEM;
}

/* ---- values ---- */

static troupe_status store(const char *path, const troupe_q_value *value)
{
    const struct trp_q_encoding how = {.kind = TRP_Q_ASYNC,
                                       .capability = TRP_Q_CAPABILITY};
    struct trp_q_why why = {0};
    struct trp_buffer out;

    trp_buffer_init(&out, TRP_EQ_FILE_MOST);
    troupe_status status = trp_q_encode(value, &how, &out, &why);
    if (status == TROUPE_OK) {
        status = trp_eq_disk_replace(path, trp_buffer_front(&out), trp_buffer_size(&out));
    }
    trp_buffer_fini(&out);
    return status;
}

static troupe_status store_bytes(const char *path, const troupe_q_value *value)
{
    int type = troupe_q_type(value);

    if (type != TROUPE_Q_BYTE && type != TROUPE_Q_CHAR) {
        return TROUPE_ETYPE;
    }
    return trp_eq_disk_replace(path, troupe_q_data(value), troupe_q_count(value));
}

/* The bytes of a file, or of a part of it; one more that is 0 behind them. */
static troupe_status slurp(const char *path, uint64_t from, uint64_t most, uint8_t **out,
                           size_t *size)
{
    uint64_t end = 0;
    int fd = trp_eq_disk_open(path, O_RDONLY);

    if (fd < 0) {
        return trp_eq_disk_failed();
    }
    troupe_status status = trp_eq_disk_size(fd, &end);
    uint64_t left = from < end ? end - from : 0;
    left = left < most ? left : most;
    if (status == TROUPE_OK && left > TRP_EQ_FILE_MOST) {
        status = TROUPE_ELIMIT;
    }
    uint8_t *bytes = status == TROUPE_OK ? trp_alloc((size_t)left + 1) : NULL;
    if (status == TROUPE_OK) {
        status = bytes != NULL ? trp_eq_disk_read(fd, from, bytes, (size_t)left, size)
                               : TROUPE_ENOMEM;
    }
    (void)close(fd);
    if (status != TROUPE_OK) {
        trp_free(bytes);
        return status;
    }
    bytes[*size] = 0;
    *out = bytes;
    return TROUPE_OK;
}

static troupe_status decode(const uint8_t *bytes, size_t size, troupe_q_value **out)
{
    struct trp_q_limits limits = TRP_Q_LIMITS;
    struct trp_q_why why = {0};

    if (trp_eq_is_log(bytes, size)) {
        return trp_eq_log_items(bytes + TRP_EQ_LOG_MARK, size - TRP_EQ_LOG_MARK, out);
    }
    return trp_q_decode(bytes, size, NULL, &limits, out, &why);
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
        at += n + (stop != NULL);
    }
    *out = list;
    return list != NULL ? TROUPE_OK : TROUPE_ENOMEM;
}

static troupe_status read_as(troupe_embedq_file what, const char *path,
                             const troupe_q_value *part, troupe_q_value **answer)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    int64_t from = 0, most = INT64_MAX;

    if (part != NULL &&
        (troupe_q_get_long(part, 0, &from) != TROUPE_OK ||
         troupe_q_get_long(part, 1, &most) != TROUPE_OK || from < 0 || most < 0)) {
        return TROUPE_EINVAL;
    }
    troupe_status status = slurp(path, (uint64_t)from, (uint64_t)most, &bytes, &size);
    if (status != TROUPE_OK) {
        return status;
    }
    status = what == TROUPE_EMBEDQ_READ_LINES ? lines(bytes, size, answer)
             : what == TROUPE_EMBEDQ_READ_BYTES
                 ? troupe_q_vector(TROUPE_Q_BYTE, size, bytes, answer)
                 : decode(bytes, size, answer);
    trp_free(bytes);
    return status;
}

/* ---- what is there ---- */

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static troupe_status names_in(DIR *folder, troupe_q_value **answer)
{
    troupe_q_value *names = trp_q_new(TROUPE_Q_SYMBOL, 0);
    troupe_status status = names != NULL ? TROUPE_OK : TROUPE_ENOMEM;
    struct dirent *entry;

    while (status == TROUPE_OK && (entry = readdir(folder)) != NULL) {
        const char *name = NULL;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        status = names->count < NAMES_MAX
                     ? trp_q_intern(entry->d_name, strlen(entry->d_name), &name)
                     : TROUPE_ELIMIT;
        if (status == TROUPE_OK) {
            status = trp_q_append(&names, &name, 1);
        }
    }
    if (status != TROUPE_OK) {
        troupe_q_unref(&names);
        return status;
    }
    qsort(TRP_Q_SYMS(names), names->count, sizeof(const char *), by_name);
    *answer = names;
    return TROUPE_OK;
}

static troupe_status key_of(const char *path, const char *symbol, troupe_q_value **answer)
{
    struct stat what;

    if (stat(path, &what) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? troupe_q_list(0, NULL, answer)
                                                   : TROUPE_ESYSTEM;
    }
    if (!S_ISDIR(what.st_mode)) {
        return troupe_q_symbol(symbol, TROUPE_Q_Z, answer);
    }
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return trp_eq_disk_failed();
    }
    troupe_status status = names_in(folder, answer);
    (void)closedir(folder);
    return status;
}

static troupe_status size_of(const char *path, troupe_q_value **answer)
{
    struct stat what;

    return stat(path, &what) != 0 ? trp_eq_disk_failed()
                                  : troupe_q_long((int64_t)what.st_size, answer);
}

static troupe_status delete_file(const char *path)
{
    return unlink(path) == 0 || (errno == EISDIR && rmdir(path) == 0)
               ? TROUPE_OK
               : trp_eq_disk_failed();
}

/* Without the colon; NULL: no path. */
static const char *bare(const char *path)
{
    path += path[0] == ':';
    return path[0] != 0 && strlen(path) < TRP_EQ_PATH_MAX ? path : NULL;
}

troupe_status troupe_embedq_use_files(void *context, troupe_embedq_file what,
                                      const char *path, troupe_q_value *value,
                                      troupe_q_value **answer)
{
    const char *name = bare(path);

    (void)context;
    if (name == NULL) {
        return TROUPE_EINVAL;
    }
    switch (what) {
    case TROUPE_EMBEDQ_WRITE:
        return troupe_q_type(value) == TROUPE_Q_LIST ? trp_eq_log_create(name, value)
                                                     : store(name, value);
    case TROUPE_EMBEDQ_WRITE_BYTES:
        return store_bytes(name, value);
    case TROUPE_EMBEDQ_LOG_COUNT:
        return trp_eq_log_count(name, answer);
    case TROUPE_EMBEDQ_LOG_READ:
        return trp_eq_log_read(name, value, answer);
    case TROUPE_EMBEDQ_DELETE:
        return delete_file(name);
    case TROUPE_EMBEDQ_SIZE:
        return size_of(name, answer);
    case TROUPE_EMBEDQ_KEY:
        return key_of(name, path, answer);
    default:
        return read_as(what, name, value, answer);
    }
}

troupe_status troupe_embedq_use_open(void *context, const char *path, int64_t *file)
{
    const char *name = bare(path);

    (void)context;
    if (name == NULL) {
        return TROUPE_EINVAL;
    }
    int fd = trp_eq_disk_open(name, O_RDWR | O_APPEND | O_CREAT);
    if (fd < 0) {
        return trp_eq_disk_failed();
    }
    *file = fd;
    return TROUPE_OK;
}

troupe_status troupe_embedq_use_close(void *context, int64_t file)
{
    (void)context;
    return close((int)file) == 0 ? TROUPE_OK : TROUPE_ESYSTEM;
}
