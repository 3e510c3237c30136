/*
 * Durable files. "Durable" means: survives power loss, i.e. data synced and the directory entry synced.
 */
#ifndef YQ_BASE_FILE_H
#define YQ_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* write(2) until all is written. */
bool file_write_all(int fd, const void *bytes, size_t length, struct err *err);
/* Reads the whole file, at most max bytes (more: ERR_INVALID). *out is the caller's, free(3); NUL-terminated behind the length. */
bool file_read_all(const char *path, size_t max, char **out, size_t *out_length, struct err *err);
/* fdatasync / fsync with errors that are never retried (a failed sync may have dropped the pages: the object is refused). */
bool file_sync(int fd, const char *path, struct err *err);
bool file_sync_dir(const char *directory, struct err *err);
/* mkdir -p; every directory that was made is durable on return. mode applies to new ones. */
bool file_make_dirs(const char *path, mode_t mode, struct err *err);
/* Writes beside and renames over: readers see the old or the new content, never a part. Durable on return. */
bool file_replace(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err);
/* rename(2) and sync of both directories. */
bool file_move(const char *from, const char *to, struct err *err);
/* Takes an exclusive flock on path (made if absent), *out_fd holds it until closed. Held by another: ERR_CONFLICT. */
bool file_lock(const char *path, int *out_fd, struct err *err);
/* Bytes that an unprivileged writer can still use below path. */
bool file_free_bytes(const char *path, uint64_t *out_bytes, struct err *err);
/* The same with the size of the file system that path lies on. */
bool file_space(const char *path, uint64_t *out_total_bytes, uint64_t *out_free_bytes, struct err *err);

/* Named points at which tests end a process with SIGKILL: YQ_KILL_AT=name[:count] in the environment. Free when unset. */
void file_kill_point(const char *name);

#ifdef __cplusplus
}
#endif
#endif
