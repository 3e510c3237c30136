#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/powercut/trace.h"

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static void note_open(int fd, const char *path, int flags, bool existed)
{
	bool is_unnamed = (flags & O_TMPFILE) == O_TMPFILE;
	struct stat info;

	if (fstat(fd, &info) != 0)
		give_up("an open file");
	if (is_unnamed || !existed) {
		note((struct what){.kind = KIND_CREATE,
		                   .node = remember(info.st_ino, true),
		                   .one = info.st_mode & 07777,
		                   .path = is_unnamed ? "" : path});
		return;
	}
	if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
		return;
	if ((flags & O_TRUNC) && S_ISREG(info.st_mode))
		note((struct what){.kind = KIND_SIZE, .node = node_of(fd), .one = 0});
	else
		node_of(fd);
}

static int opened(int directory, const char *path, int flags, mode_t mode)
{
	char name[PATH_MAX];
	struct stat info;
	bool existed, is_ours = below(directory, path, name);
	int fd, kept = errno;

	if (!is_ours && !(flags & O_CREAT))
		return REAL(openat)(directory, path, flags, mode);
	lock();
	existed = fstatat(directory, path, &info, 0) == 0;
	errno = kept;
	fd = REAL(openat)(directory, path, flags, mode);
	if (fd >= 0 && is_ours)
		note_open(fd, name, flags, existed);
	else if (fd >= 0 && !existed)
		remember_outside(fd);
	unlock();
	return fd;
}

#define TAKE_MODE(flags, mode)                                                                                         \
	do {                                                                                                           \
		va_list rest;                                                                                          \
		va_start(rest, flags);                                                                                 \
		if (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE)                                         \
			(mode) = va_arg(rest, mode_t);                                                                 \
		va_end(rest);                                                                                          \
	} while (0)

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	TAKE_MODE(flags, mode);
	return opened(AT_FDCWD, path, flags, mode);
}
SAME(open64, open);

int openat(int directory, const char *path, int flags, ...)
{
	mode_t mode = 0;

	TAKE_MODE(flags, mode);
	return opened(directory, path, flags, mode);
}
SAME(openat64, openat);

/* What the headers make of these under _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);

int __open_2(const char *path, int flags)
{
	return opened(AT_FDCWD, path, flags, 0);
}
SAME(__open64_2, __open_2);

int __openat_2(int directory, const char *path, int flags)
{
	return opened(directory, path, flags, 0);
}
SAME(__openat64_2, __openat_2);

int creat(const char *path, mode_t mode)
{
	return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
SAME(creat64, creat);

static int made_temporary(char *path, int suffix, int flags)
{
	char name[PATH_MAX];
	int fd;

	if (!below(AT_FDCWD, path, name))
		return REAL(mkostemps)(path, suffix, flags);
	lock();
	fd = REAL(mkostemps)(path, suffix, flags);
	if (fd >= 0 && below(AT_FDCWD, path, name))
		note_open(fd, name, flags, false);
	unlock();
	return fd;
}

int mkostemps(char *path, int suffix, int flags)
{
	return made_temporary(path, suffix, flags);
}
SAME(mkostemps64, mkostemps);

int mkostemp(char *path, int flags)
{
	return made_temporary(path, 0, flags);
}
SAME(mkostemp64, mkostemp);

int mkstemps(char *path, int suffix)
{
	return made_temporary(path, suffix, 0);
}
SAME(mkstemps64, mkstemps);

int mkstemp(char *path)
{
	return made_temporary(path, 0, 0);
}
SAME(mkstemp64, mkstemp);

/* ---- names --------------------------------------------------------------------------------------------------------- */

static int renamed(int from_directory, const char *from, int to_directory, const char *to, unsigned flags)
{
	char path[PATH_MAX], other[PATH_MAX];
	bool is_from = below(from_directory, from, path), is_to = below(to_directory, to, other);
	int result;

	if (!is_from && !is_to)
		return REAL(renameat2)(from_directory, from, to_directory, to, flags);
	if (is_from != is_to || (flags & ~(unsigned)RENAME_NOREPLACE))
		give_up("a rename across the border, or in this mode");
	lock();
	result = REAL(renameat2)(from_directory, from, to_directory, to, flags);
	if (result == 0)
		note((struct what){.kind = KIND_RENAME, .path = path, .other = other});
	unlock();
	return result;
}

int rename(const char *from, const char *to)
{
	return renamed(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
	return renamed(from_directory, from, to_directory, to, 0);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags)
{
	return renamed(from_directory, from, to_directory, to, flags);
}

/* A file may get its name by its descriptor: an empty path, or /proc/self/fd/N. -1: it is named by a path. */
static int linked_fd(int directory, const char *from, int flags)
{
	int fd = -1;

	if ((flags & AT_EMPTY_PATH) && !*from)
		return directory;
	if ((flags & AT_SYMLINK_FOLLOW) && sscanf(from, "/proc/self/fd/%d", &fd) == 1)
		return fd;
	return -1;
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
	char path[PATH_MAX], other[PATH_MAX];
	int fd = linked_fd(from_directory, from, flags), result;
	struct what what = {.kind = KIND_LINK, .path = path, .other = other};

	if (!below(to_directory, to, other))
		return REAL(linkat)(from_directory, from, to_directory, to, flags);
	lock();
	if (fd >= 0) {
		what.node = node_of(fd);
		what.path = "";
	}
	if (fd >= 0 ? !what.node : !below(from_directory, from, path))
		give_up("a link across the border");
	result = REAL(linkat)(from_directory, from, to_directory, to, flags);
	if (result == 0)
		note(what);
	unlock();
	return result;
}

int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int directory, const char *path, int flags)
{
	char name[PATH_MAX];
	int result;

	if (!below(directory, path, name))
		return REAL(unlinkat)(directory, path, flags);
	lock();
	result = REAL(unlinkat)(directory, path, flags);
	if (result == 0)
		note((struct what){.kind = flags & AT_REMOVEDIR ? KIND_RMDIR : KIND_UNLINK, .path = name});
	unlock();
	return result;
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path)
{
	struct stat info;

	return unlinkat(AT_FDCWD, path, lstat(path, &info) == 0 && S_ISDIR(info.st_mode) ? AT_REMOVEDIR : 0);
}

int mkdirat(int directory, const char *path, mode_t mode)
{
	char name[PATH_MAX];
	struct stat info;
	int result;

	if (!below(directory, path, name))
		return REAL(mkdirat)(directory, path, mode);
	lock();
	result = REAL(mkdirat)(directory, path, mode);
	if (result == 0) {
		if (fstatat(directory, path, &info, 0) != 0)
			give_up("a new directory");
		note((struct what){.kind = KIND_MKDIR,
		                   .node = remember(info.st_ino, true),
		                   .one = info.st_mode & 07777,
		                   .path = name});
	}
	unlock();
	return result;
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

char *mkdtemp(char *path)
{
	char name[PATH_MAX];

	if (below(AT_FDCWD, path, name))
		give_up("mkdtemp(3)");
	return REAL(mkdtemp)(path);
}

int symlinkat(const char *content, int directory, const char *path)
{
	char name[PATH_MAX];

	if (below(directory, path, name))
		give_up("a symbolic link");
	return REAL(symlinkat)(content, directory, path);
}

int symlink(const char *content, const char *path)
{
	return symlinkat(content, AT_FDCWD, path);
}

/* ---- what cannot be followed --------------------------------------------------------------------------------------- */

/* A stream writes from inside of the C library. */
static void refuse_stream(const char *path, const char *mode)
{
	char name[PATH_MAX];

	if (strpbrk(mode, "wa+") && below(AT_FDCWD, path, name))
		give_up("writing through a stream");
}

FILE *fopen(const char *path, const char *mode)
{
	refuse_stream(path, mode);
	return REAL(fopen)(path, mode);
}
SAME(fopen64, fopen);

FILE *fdopen(int fd, const char *mode)
{
	if (strpbrk(mode, "wa+") && begin(fd))
		give_up("writing through a stream");
	return REAL(fdopen)(fd, mode);
}

int vdprintf(int fd, const char *format, va_list rest)
{
	if (begin(fd))
		give_up("dprintf(3)");
	return REAL(vdprintf)(fd, format, rest);
}

/* The headers' own under _FORTIFY_SOURCE. */
int __vdprintf_chk(int fd, int flag, const char *format, va_list rest);

int __vdprintf_chk(int fd, int flag, const char *format, va_list rest)
{
	(void)flag;
	return vdprintf(fd, format, rest);
}

int dprintf(int fd, const char *format, ...)
{
	va_list rest;
	int result;

	va_start(rest, format);
	result = vdprintf(fd, format, rest);
	va_end(rest);
	return result;
}

int __dprintf_chk(int fd, int flag, const char *format, ...);

int __dprintf_chk(int fd, int flag, const char *format, ...)
{
	va_list rest;
	int result;

	(void)flag;
	va_start(rest, format);
	result = vdprintf(fd, format, rest);
	va_end(rest);
	return result;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	if (fd >= 0 && (protection & PROT_WRITE) && (flags & MAP_TYPE) != MAP_PRIVATE && begin(fd))
		give_up("a mapping that is written to");
	return REAL(mmap)(address, length, protection, flags, fd, offset);
}
SAME(mmap64, mmap);
