#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/base/text.h"

bool file_write_all(int fd, const void *bytes, size_t length, struct err *err)
{
	const char *at = bytes;

	while (length) {
		ssize_t done = write(fd, at, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set_errno(err, ERR_TEMPORARY, errno, "could not write");
		at += done;
		length -= (size_t)done;
	}
	return true;
}

/* A missing file is something a caller decides on; the rest may be cured by an operator. */
static bool open_failed(const char *path, struct err *err)
{
	return err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_TEMPORARY, errno, "could not open %s", path);
}

/* Reads to the end, or until one byte more than max is there. */
static bool read_to_end(int fd, const char *path, size_t max, struct text_buf *buf, struct err *err)
{
	char chunk[16384];

	for (;;) {
		ssize_t got = read(fd, chunk, sizeof(chunk));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(err, ERR_TEMPORARY, errno, "could not read %s", path);
		/* Appending nothing still makes room for the NUL of an empty file. */
		if (!text_buf_append(buf, chunk, (size_t)got))
			return err_set(err, ERR_INVALID, "cannot read %s: larger than %zu bytes", path, max);
		if (got == 0)
			return true;
	}
}

bool file_read_all(const char *path, size_t max, char **out, size_t *out_length, struct err *err)
{
	struct text_buf buf;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return open_failed(path, err);
	text_buf_init(&buf, max);
	ok = read_to_end(fd, path, max, &buf, err);
	close(fd);
	if (!ok) {
		text_buf_fini(&buf);
		return false;
	}
	*out = buf.data;
	if (out_length)
		*out_length = buf.length;
	return true;
}

bool file_sync(int fd, const char *path, struct err *err)
{
	if (fdatasync(fd) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not make %s durable", path);
	return true;
}

bool file_sync_dir(const char *directory, struct err *err)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed;

	if (fd < 0)
		return open_failed(directory, err);
	failed = fsync(fd) != 0 ? errno : 0;
	close(fd);
	if (failed)
		return err_set_errno(err, ERR_TEMPORARY, failed, "could not make directory %s durable", directory);
	return true;
}

/* The directory that holds the last component of path. */
static bool parent_of(const char *path, char out[PATH_MAX], struct err *err)
{
	char *slash;

	if (!text_copy(out, PATH_MAX, path))
		return err_set(err, ERR_INVALID, "cannot use a path of more than %d bytes", PATH_MAX - 1);
	slash = strrchr(out, '/');
	if (!slash)
		text_copy(out, PATH_MAX, ".");
	else if (slash == out)
		out[1] = '\0';
	else
		*slash = '\0';
	return true;
}

static bool sync_parent(const char *path, struct err *err)
{
	char parent[PATH_MAX];

	return parent_of(path, parent, err) && file_sync_dir(parent, err);
}

static bool make_one_dir(const char *path, mode_t mode, struct err *err)
{
	struct stat info;

	if (mkdir(path, mode) == 0)
		return sync_parent(path, err);
	if (errno != EEXIST)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not make directory %s", path);
	if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
		return err_set(err, ERR_CONFLICT, "cannot make directory %s: something else has that name", path);
	return true;
}

/* The longest existing part is left alone: it may lie in directories that we cannot read. */
bool file_make_dirs(const char *path, mode_t mode, struct err *err)
{
	char part[PATH_MAX];
	struct stat info;
	char *slash;

	if (!text_copy(part, sizeof(part), path))
		return err_set(err, ERR_INVALID, "cannot use a path of more than %d bytes", PATH_MAX - 1);
	if (stat(part, &info) == 0 && S_ISDIR(info.st_mode))
		return true;
	for (slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		bool ok;

		*slash = '\0';
		ok = make_one_dir(part, mode, err);
		*slash = '/';
		if (!ok)
			return false;
	}
	return make_one_dir(part, mode, err);
}

static bool write_synced(int fd, const char *path, const void *bytes, size_t length, mode_t mode, struct err *err)
{
	if (fchmod(fd, mode) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not set the mode of %s", path);
	if (!file_write_all(fd, bytes, length, err))
		return err_context(err, "%s", path);
	if (fsync(fd) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not make %s durable", path);
	return true;
}

bool file_replace(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err)
{
	char beside[PATH_MAX];
	bool ok;
	int fd;

	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
		return err_set(err, ERR_INVALID, "cannot use a path of more than %d bytes", PATH_MAX - 1);
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not write beside %s", path);
	ok = write_synced(fd, beside, bytes, length, mode, err);
	/* close(2) after a good fsync(2) cannot lose anything. */
	close(fd);
	if (ok && rename(beside, path) != 0)
		ok = err_set_errno(err, ERR_TEMPORARY, errno, "could not replace %s", path);
	if (!ok) {
		unlink(beside);
		return false;
	}
	return sync_parent(path, err);
}

bool file_move(const char *from, const char *to, struct err *err)
{
	char old_parent[PATH_MAX], new_parent[PATH_MAX];

	if (!parent_of(from, old_parent, err) || !parent_of(to, new_parent, err))
		return false;
	if (rename(from, to) != 0)
		return err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_TEMPORARY, errno,
		                     "could not move %s to %s", from, to);
	/* The new name first: between the two syncs the file may have both names after a power cut, never none. */
	if (!file_sync_dir(new_parent, err))
		return false;
	return strcmp(old_parent, new_parent) == 0 || file_sync_dir(old_parent, err);
}

bool file_lock(const char *path, int *out_fd, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int failed;

	if (fd < 0)
		return open_failed(path, err);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*out_fd = fd;
		return true;
	}
	failed = errno;
	close(fd);
	if (failed == EWOULDBLOCK)
		return err_set(err, ERR_CONFLICT, "could not lock %s: another process holds it", path);
	return err_set_errno(err, ERR_TEMPORARY, failed, "could not lock %s", path);
}

bool file_space(const char *path, uint64_t *out_total_bytes, uint64_t *out_free_bytes, struct err *err)
{
	struct statvfs info;

	if (statvfs(path, &info) != 0)
		return err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_TEMPORARY, errno,
		                     "could not ask for free room of %s", path);
	*out_total_bytes = (uint64_t)info.f_blocks * info.f_frsize;
	*out_free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
	return true;
}

bool file_free_bytes(const char *path, uint64_t *out_bytes, struct err *err)
{
	uint64_t total_bytes;

	return file_space(path, &total_bytes, out_bytes, err);
}

static struct {
	char name[64];
	atomic_long hits_left;
} kill_at;

static void read_kill_at(void)
{
	const char *value = getenv("YQ_KILL_AT");
	char *colon;

	if (!value)
		return;
	text_copy(kill_at.name, sizeof(kill_at.name), value);
	colon = strchr(kill_at.name, ':');
	atomic_store(&kill_at.hits_left, colon ? strtol(colon + 1, NULL, 10) : 1);
	if (colon)
		*colon = '\0';
}

void file_kill_point(const char *name)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_kill_at);
	if (!kill_at.name[0] || strcmp(kill_at.name, name) != 0)
		return;
	if (atomic_fetch_sub(&kill_at.hits_left, 1) == 1)
		kill(getpid(), SIGKILL);
}
