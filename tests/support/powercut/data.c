#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/support/powercut/trace.h"

/* ---- syncs --------------------------------------------------------------------------------------------------------- */

/* Called with the lock. */
static uint64_t sync_begins(uint32_t node, enum reach reach)
{
	static uint64_t last;
	uint64_t number = ++last;

	note((struct what){.kind = KIND_SYNC, .node = node, .one = number, .two = reach});
	return number;
}

static void sync_ends(uint64_t number)
{
	note((struct what){.kind = KIND_SYNCED, .one = number});
}

static int synced(int fd, enum reach reach, int (*real)(int))
{
	uint32_t node = begin(fd);
	uint64_t number;
	int result;

	if (!node)
		return real(fd);
	if (is_ignored(fd)) {
		unlock();
		return 0;
	}
	number = sync_begins(node, reach);
	unlock();
	result = do_sync(fd, real);
	if (result == 0) {
		lock();
		sync_ends(number);
		unlock();
	}
	return result;
}

int fsync(int fd)
{
	return synced(fd, REACH_FILE, REAL(fsync));
}

int fdatasync(int fd)
{
	return synced(fd, REACH_DATA, REAL(fdatasync));
}

int syncfs(int fd)
{
	return synced(fd, REACH_EVERYTHING, REAL(syncfs));
}

/* sync_file_range(2) makes nothing durable, and what sync(2) covers is promised nowhere: neither is written down. */

/* ---- writing ------------------------------------------------------------------------------------------------------- */

/* Ends begin(). A file that is open for synchronous writing covers what was written. */
static void end_writing(int fd, uint32_t node, bool is_durable)
{
	int kept = errno;

	if ((is_durable || (fcntl(fd, F_GETFL) & O_DSYNC)) && !is_ignored(fd))
		sync_ends(sync_begins(node, REACH_DATA));
	unlock();
	errno = kept;
}

static uint64_t here(int fd, ssize_t done)
{
	return (uint64_t)(lseek(fd, 0, SEEK_CUR) - done);
}

/* Linux appends to a file that is open for appending, whatever offset pwrite(2) is given. */
static uint64_t at_offset(int fd, off_t offset, ssize_t done)
{
	struct stat info;

	if ((fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &info) == 0)
		return (uint64_t)(info.st_size - done);
	return (uint64_t)offset;
}

static ssize_t wrote(int fd, uint32_t node, uint64_t at, const void *bytes, ssize_t done)
{
	if (done > 0)
		note((struct what){.kind = KIND_WRITE, .node = node, .one = at, .data = bytes, .length = (size_t)done});
	end_writing(fd, node, false);
	return done;
}

static ssize_t wrote_parts(int fd, uint32_t node, uint64_t at, const struct iovec *parts, ssize_t done, int flags)
{
	char *bytes = malloc(done > 0 ? (size_t)done : 1);
	size_t length = 0, wanted = done > 0 ? (size_t)done : 0;

	if (!bytes)
		give_up("so long a write");
	for (; length < wanted; parts++) {
		size_t piece = parts->iov_len < wanted - length ? parts->iov_len : wanted - length;

		memcpy(bytes + length, parts->iov_base, piece);
		length += piece;
	}
	if (length)
		note((struct what){.kind = KIND_WRITE, .node = node, .one = at, .data = bytes, .length = length});
	free(bytes);
	end_writing(fd, node, flags & (RWF_DSYNC | RWF_SYNC));
	return done;
}

/* Bytes that came from another descriptor are read back. */
static ssize_t copied(int fd, uint32_t node, uint64_t at, ssize_t done)
{
	char name[64], *bytes;
	int reader, kept = errno;

	if (done <= 0) {
		unlock();
		return done;
	}
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	reader = REAL(open)(name, O_RDONLY | O_CLOEXEC);
	bytes = malloc((size_t)done);
	if (reader < 0 || !bytes || pread(reader, bytes, (size_t)done, (off_t)at) != done)
		give_up("bytes that were copied");
	close(reader);
	wrote(fd, node, at, bytes, done);
	free(bytes);
	errno = kept;
	return done;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	uint32_t node = begin(fd);
	ssize_t done = REAL(write)(fd, bytes, length);

	return node ? wrote(fd, node, here(fd, done), bytes, done) : done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	uint32_t node = begin(fd);
	ssize_t done = REAL(pwrite)(fd, bytes, length, offset);

	return node ? wrote(fd, node, at_offset(fd, offset, done), bytes, done) : done;
}
SAME(pwrite64, pwrite);

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	uint32_t node = begin(fd);
	ssize_t done = REAL(writev)(fd, parts, count);

	return node ? wrote_parts(fd, node, here(fd, done), parts, done, 0) : done;
}

ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	uint32_t node = begin(fd);
	ssize_t done = REAL(pwritev2)(fd, parts, count, offset, flags);
	uint64_t at;

	if (!node)
		return done;
	at = offset == -1 ? here(fd, done) : at_offset(fd, offset, done);
	return wrote_parts(fd, node, at, parts, done, flags);
}
SAME(pwritev64v2, pwritev2);

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	uint32_t node = begin(fd);
	ssize_t done = REAL(pwritev)(fd, parts, count, offset);

	return node ? wrote_parts(fd, node, at_offset(fd, offset, done), parts, done, 0) : done;
}
SAME(pwritev64, pwritev);

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t length, unsigned flags)
{
	off64_t at = to_offset ? *to_offset : 0;
	uint32_t node = begin(to);
	ssize_t done = REAL(copy_file_range)(from, from_offset, to, to_offset, length, flags);

	return node ? copied(to, node, to_offset ? (uint64_t)at : here(to, done), done) : done;
}

ssize_t splice(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t length, unsigned flags)
{
	off64_t at = to_offset ? *to_offset : 0;
	uint32_t node = begin(to);
	ssize_t done = REAL(splice)(from, from_offset, to, to_offset, length, flags);

	return node ? copied(to, node, to_offset ? (uint64_t)at : here(to, done), done) : done;
}

ssize_t sendfile(int to, int from, off_t *offset, size_t length)
{
	uint32_t node = begin(to);
	ssize_t done = REAL(sendfile)(to, from, offset, length);

	return node ? copied(to, node, here(to, done), done) : done;
}
SAME(sendfile64, sendfile);

/* ---- sizes --------------------------------------------------------------------------------------------------------- */

static int resized(int fd, uint32_t node, int result)
{
	struct stat info;

	if (!node)
		return result;
	if (result == 0 && fstat(fd, &info) == 0)
		note((struct what){.kind = KIND_SIZE, .node = node, .one = (uint64_t)info.st_size});
	end_writing(fd, node, false);
	return result;
}

int ftruncate(int fd, off_t length)
{
	uint32_t node = begin(fd);

	return resized(fd, node, REAL(ftruncate)(fd, length));
}
SAME(ftruncate64, ftruncate);

int truncate(const char *path, off_t length)
{
	char name[PATH_MAX];
	int fd, result;

	if (!below(AT_FDCWD, path, name))
		return REAL(truncate)(path, length);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	result = ftruncate(fd, length);
	close(fd);
	return result;
}
SAME(truncate64, truncate);

int fallocate(int fd, int mode, off_t offset, off_t length)
{
	const int known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
	uint32_t node = begin(fd);
	int result;

	if (node && (mode & ~known))
		give_up("fallocate(2) in this mode");
	result = REAL(fallocate)(fd, mode, offset, length);
	if (node && result == 0 && (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))
		note((struct what){.kind = KIND_ZERO, .node = node, .one = (uint64_t)offset, .two = (uint64_t)length});
	return resized(fd, node, result);
}
SAME(fallocate64, fallocate);

int posix_fallocate(int fd, off_t offset, off_t length)
{
	uint32_t node = begin(fd);

	return resized(fd, node, REAL(posix_fallocate)(fd, offset, length));
}
SAME(posix_fallocate64, posix_fallocate);
