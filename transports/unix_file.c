/* SPDX-License-Identifier: MIT
 * unix_file.c - files of Unix sockets. Two that replace the same stale file at the same
 * moment both believe in theirs until they look again: who lost it sees so in
 * trp_unix_file_is_ours after listening. */
#include "transports/unix_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOT_FOR_OTHERS = S_IRWXU | S_IRWXG };

/* A full queue of connections is somebody too: only a refusal is nobody. */
static bool nobody_answers(const struct trp_address *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool refused = false;

    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        refused = connect(fd, &at->any.plain, at->size) != 0 && errno == ECONNREFUSED;
        (void)close(fd);
    }
    return refused;
}

bool trp_unix_file_stale(const struct trp_address *at)
{
    const char *path = trp_address_file(at);
    struct stat found;

    return path != NULL && lstat(path, &found) == 0 && S_ISSOCK(found.st_mode) &&
           nobody_answers(at) && unlink(path) == 0;
}

bool trp_unix_file_made(struct trp_unix_file *file, const struct trp_address *at)
{
    struct stat found;

    if (lstat(at->any.path.sun_path, &found) != 0 || !S_ISSOCK(found.st_mode)) {
        return false;
    }
    *file = (struct trp_unix_file){at->any.path, found.st_dev, found.st_ino};
    return chmod(file->path.sun_path, found.st_mode & NOT_FOR_OTHERS) == 0;
}

bool trp_unix_file_is_ours(const struct trp_unix_file *file)
{
    struct stat found;

    return lstat(file->path.sun_path, &found) == 0 && found.st_dev == file->device &&
           found.st_ino == file->inode;
}

void trp_unix_file_remove(struct trp_unix_file *file)
{
    if (file->path.sun_path[0] != 0 && trp_unix_file_is_ours(file)) {
        (void)unlink(file->path.sun_path);
    }
    file->path.sun_path[0] = 0;
}
