#include "lib/domain/audit_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

enum { MARK_BYTES = DIGEST_SIZE / 2, MARK_LENGTH = 2 * MARK_BYTES };

struct audit_spool {
	char path[PATH_MAX], lock_path[PATH_MAX], draining[PATH_MAX], draining_lock[PATH_MAX], directory[PATH_MAX];
};

bool audit_spool_open(const char *path, struct audit_spool **out, struct err *err)
{
	struct audit_spool *spool;
	char *slash;

	/* Room for the longest name beside it. */
	if (strlen(path) + 40 >= PATH_MAX)
		return err_set(err, ERR_INVALID, "cannot use a path of more than %d bytes", PATH_MAX - 40);
	spool = calloc(1, sizeof(*spool));
	if (!spool)
		err_panic("out of memory");
	snprintf(spool->path, PATH_MAX, "%s", path);
	snprintf(spool->lock_path, PATH_MAX, "%s.lock", path);
	snprintf(spool->draining, PATH_MAX, "%s.draining", path);
	snprintf(spool->draining_lock, PATH_MAX, "%s.draining.lock", path);
	snprintf(spool->directory, PATH_MAX, "%s", path);
	slash = strrchr(spool->directory, '/');
	if (slash)
		*slash = '\0';
	else
		snprintf(spool->directory, PATH_MAX, ".");
	*out = spool;
	return true;
}

void audit_spool_close(struct audit_spool *spool)
{
	free(spool);
}

static int64_t file_bytes(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 ? (int64_t)info.st_size : 0;
}

int64_t audit_spool_bytes(struct audit_spool *spool)
{
	return file_bytes(spool->path) + file_bytes(spool->draining);
}

static void make_mark(const char *text, size_t length, char out[MARK_LENGTH + 1])
{
	uint8_t hash[DIGEST_SIZE];

	digest_bytes(text, length, hash);
	text_hex(hash, MARK_BYTES, out);
}

/* --- appending ----------------------------------------------------------------------------------------------------------- */

/* Held for the time of one append, or of taking the file away. Waits. -1 with *err on failure. */
static int lock_appending(struct audit_spool *spool, struct err *err)
{
	int fd = open(spool->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		err_set_errno(err, ERR_TEMPORARY, errno, "could not open %s", spool->lock_path);
		return -1;
	}
	while (flock(fd, LOCK_EX) != 0) {
		if (errno == EINTR)
			continue;
		err_set_errno(err, ERR_TEMPORARY, errno, "could not lock %s", spool->lock_path);
		close(fd);
		return -1;
	}
	return fd;
}

/* The torn line of a crash was never promised: cut it off, so that ours begins on a line of its own. */
static bool cut_torn_line(int fd, const char *path, off_t *size, struct err *err)
{
	char byte;

	while (*size > 0) {
		if (pread(fd, &byte, 1, *size - 1) != 1)
			return err_set_errno(err, ERR_TEMPORARY, errno, "could not read %s", path);
		if (byte == '\n')
			break;
		--*size;
	}
	if (ftruncate(fd, *size) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not cut %s", path);
	return true;
}

/* A line that could not be made durable is taken back as well as possible; it was not promised. */
static bool write_line(int fd, const char *path, off_t size, const char *line, size_t length, struct err *err)
{
	int ignored;

	file_kill_point("audit_spool_append");
	if (file_write_all(fd, line, length, err) && file_sync(fd, path, err))
		return true;
	ignored = ftruncate(fd, size);
	(void)ignored;
	return err_context(err, "%s", path);
}

static bool append_locked(struct audit_spool *spool, const char *line, size_t length, struct err *err)
{
	bool is_new = access(spool->path, F_OK) != 0;
	int fd = open(spool->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	off_t size;
	bool ok;

	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not open %s", spool->path);
	size = lseek(fd, 0, SEEK_END);
	ok = cut_torn_line(fd, spool->path, &size, err);
	if (ok && size + (off_t)length > AUDIT_SPOOL_MAX_BYTES)
		ok = err_set(err, ERR_NO_SPACE, "could not keep an audit record: %s is full", spool->path);
	ok = ok && write_line(fd, spool->path, size, line, length, err);
	close(fd);
	return ok && (!is_new || file_sync_dir(spool->directory, err));
}

bool audit_spool_append(struct audit_spool *spool, const char *text, struct err *err)
{
	size_t length = strlen(text);
	char *line;
	bool ok;
	int lock;

	if (memchr(text, '\n', length))
		return err_set(err, ERR_INVALID, "cannot spool a text of several lines");
	line = malloc(MARK_LENGTH + length + 3);
	if (!line)
		err_panic("out of memory");
	make_mark(text, length, line);
	snprintf(line + MARK_LENGTH, length + 3, " %s\n", text);
	lock = lock_appending(spool, err);
	ok = lock >= 0 && append_locked(spool, line, MARK_LENGTH + length + 2, err);
	if (lock >= 0)
		close(lock);
	free(line);
	return ok;
}

/* --- draining ------------------------------------------------------------------------------------------------------------ */

static bool is_whole(const char *line, size_t length)
{
	char mark[MARK_LENGTH + 1];

	if (length < MARK_LENGTH + 1 || line[MARK_LENGTH] != ' ')
		return false;
	make_mark(line + MARK_LENGTH + 1, length - MARK_LENGTH - 1, mark);
	return memcmp(mark, line, MARK_LENGTH) == 0;
}

struct drain {
	struct audit_spool *spool;
	audit_spool_take *take;
	void *context;
	struct text_buf damaged; /* lines to set aside */
};

static bool take_line(struct drain *drain, char *line, size_t length, bool is_last, struct err *err)
{
	bool is_bad = !is_whole(line, length);

	if (is_bad && is_last)
		return true;
	if (!is_bad && !drain->take(drain->context, line + MARK_LENGTH + 1, &is_bad, err))
		return false;
	if (is_bad && (!text_buf_append(&drain->damaged, line, length) || !text_buf_append(&drain->damaged, "\n", 1)))
		return err_set(err, ERR_NO_SPACE, "could not set damaged audit records aside");
	return true;
}

static bool take_lines(struct drain *drain, char *content, size_t length, struct err *err)
{
	char *line = content, *end = content + length, *newline;

	for (; line < end; line = newline + 1) {
		newline = memchr(line, '\n', (size_t)(end - line));
		if (!newline) /* torn before its end */
			break;
		*newline = '\0';
		if (!take_line(drain, line, (size_t)(newline - line), newline + 1 == end, err))
			return false;
	}
	return true;
}

static bool set_aside(struct drain *drain, struct err *err)
{
	char path[PATH_MAX + 32];
	struct err fault;

	if (!drain->damaged.length)
		return true;
	snprintf(path, sizeof(path), "%s.damaged-%lld", drain->spool->path, (long long)clock_wall_us());
	if (!file_replace(path, drain->damaged.data, drain->damaged.length, 0600, err))
		return false;
	err_set(&fault, ERR_CORRUPT, "cannot bring audit records into the ledger: they are set aside in %s", path);
	log_err(LOG_AUDIT_SPOOLED, &fault, NULL);
	return true;
}

static bool drain_part(struct drain *drain, struct err *err)
{
	struct audit_spool *spool = drain->spool;
	size_t length;
	char *content;
	bool ok;

	/* More than the limit: the last line that was let in. */
	if (!file_read_all(spool->draining, AUDIT_SPOOL_MAX_BYTES + 1, &content, &length, err))
		return false;
	text_buf_init(&drain->damaged, AUDIT_SPOOL_MAX_BYTES * 2);
	ok = take_lines(drain, content, length, err) && set_aside(drain, err);
	text_buf_fini(&drain->damaged);
	free(content);
	if (!ok)
		return false;
	file_kill_point("audit_spool_drained");
	if (unlink(spool->draining) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not remove %s", spool->draining);
	return file_sync_dir(spool->directory, err);
}

/* *out_any: there is something to drain. The part of a crash comes first: it is older. */
static bool take_part_away(struct audit_spool *spool, bool *out_any, struct err *err)
{
	bool ok = true;
	int lock;

	*out_any = access(spool->draining, F_OK) == 0;
	if (*out_any)
		return true;
	lock = lock_appending(spool, err);
	if (lock < 0)
		return false;
	if (access(spool->path, F_OK) == 0) {
		ok = file_move(spool->path, spool->draining, err);
		*out_any = ok;
	}
	close(lock);
	return ok;
}

bool audit_spool_drain(struct audit_spool *spool, audit_spool_take *take, void *context, struct err *err)
{
	struct drain drain = {.spool = spool, .take = take, .context = context};
	bool any, ok;
	int lock;

	if (!file_lock(spool->draining_lock, &lock, err))
		return err->kind == ERR_CONFLICT;
	do
		ok = take_part_away(spool, &any, err) && (!any || drain_part(&drain, err));
	while (ok && any);
	close(lock);
	return ok;
}
