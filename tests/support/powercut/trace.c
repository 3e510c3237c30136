#include "tests/support/powercut/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* As powercut.py reads it; followed by the two paths and the data. */
struct record {
	uint32_t magic, length;
	uint32_t kind, node;
	uint64_t one, two;
	uint32_t path_length, other_length;
};
enum { MAGIC = 0x43505159 };

struct node {
	ino_t inode;
	uint32_t id; /* 0: outside */
};

static struct {
	char root[PATH_MAX], real_root[PATH_MAX]; /* as given, and without symbolic links */
	const char *exclude, *ignore;
	dev_t device;
	int trace;
	long kill_at, written, pretend_us;
	struct node *nodes; /* known by their inodes */
	size_t node_count;
	uint32_t last_id;
} cut = {.trace = -1};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void lock(void)
{
	pthread_mutex_lock(&mutex);
}

void unlock(void)
{
	pthread_mutex_unlock(&mutex);
}

_Noreturn void give_up(const char *what)
{
	fprintf(stderr, "powercut: cannot follow %s\n", what);
	abort();
}

/* ---- paths --------------------------------------------------------------------------------------------------------- */

/* Without ".", ".." and doubled slashes, in place; symbolic links below the root are not made by anybody. */
static void straighten(char *path)
{
	char copy[PATH_MAX], *rest = copy, *part;
	size_t length = 0;

	snprintf(copy, sizeof copy, "%s", path);
	while ((part = strsep(&rest, "/"))) {
		if (!*part || strcmp(part, ".") == 0)
			continue;
		if (strcmp(part, "..") == 0) {
			while (length && path[--length] != '/')
				;
			continue;
		}
		path[length++] = '/';
		memmove(path + length, part, strlen(part));
		length += strlen(part);
	}
	path[length] = '\0';
}

static bool path_of_fd(int fd, char out[PATH_MAX])
{
	char link[64];
	ssize_t length;

	if (fd == AT_FDCWD)
		return getcwd(out, PATH_MAX) != NULL;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	length = readlink(link, out, PATH_MAX - 1);
	if (length < 0)
		return false;
	out[length] = '\0';
	return out[0] == '/';
}

/* The name below the root, empty for the root itself, or of something below; NULL: none. */
static const char *behind(const char *root, const char *path)
{
	size_t length = strlen(root);

	if (!length || strncmp(path, root, length) != 0 || (path[length] && path[length] != '/'))
		return NULL;
	return path[length] ? path + length + 1 : path + length;
}

/* Is one of the words of a list with colons the first part of path? */
static bool is_excluded(const char *path)
{
	size_t first = strcspn(path, "/");

	for (const char *word = cut.exclude; word; word = strchr(word, ':') ? strchr(word, ':') + 1 : NULL)
		if (strcspn(word, ":") == first && strncmp(word, path, first) == 0)
			return true;
	return false;
}

static bool is_below(const char *full, char out[PATH_MAX])
{
	const char *path = behind(cut.root, full);

	if (!path)
		path = behind(cut.real_root, full);
	if (!path || is_excluded(path))
		return false;
	memmove(out, path, strlen(path) + 1);
	return true;
}

/* The path below the root; false: it is no business of ours. */
bool below(int directory, const char *path, char out[PATH_MAX])
{
	char full[PATH_MAX];
	size_t length = 0;

	if (cut.trace < 0 || !path || !*path)
		return false;
	if (*path != '/') {
		if (!path_of_fd(directory, full))
			return false;
		length = strlen(full);
	}
	if (snprintf(full + length, sizeof full - length, "/%s", path) >= (int)(sizeof full - length))
		return false;
	straighten(full);
	return is_below(full, out);
}

bool is_ignored(int fd)
{
	char full[PATH_MAX], path[PATH_MAX], patterns[PATH_MAX], *rest = patterns, *pattern;
	const char *name;

	if (!cut.ignore || !path_of_fd(fd, full) || !is_below(full, path))
		return false;
	name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	snprintf(patterns, sizeof patterns, "%s", cut.ignore);
	while ((pattern = strsep(&rest, ":")))
		if (fnmatch(pattern, name, 0) == 0 || fnmatch(pattern, path, 0) == 0)
			return true;
	return false;
}

int do_sync(int fd, int (*real)(int))
{
	struct timespec pause = {.tv_sec = cut.pretend_us / 1000000, .tv_nsec = cut.pretend_us % 1000000 * 1000};

	return cut.pretend_us ? nanosleep(&pause, NULL) : real(fd);
}

/* ---- the trace ----------------------------------------------------------------------------------------------------- */

/* Called with the lock. */
void note(struct what what)
{
	struct record record = {
	    .magic = MAGIC,
	    .kind = what.kind,
	    .node = what.node,
	    .one = what.one,
	    .two = what.two,
	    .path_length = what.path ? (uint32_t)strlen(what.path) : 0,
	    .other_length = what.other ? (uint32_t)strlen(what.other) : 0,
	};
	struct iovec parts[] = {
	    {&record, sizeof record},
	    {(void *)what.path, record.path_length},
	    {(void *)what.other, record.other_length},
	    {(void *)what.data, what.length},
	};
	int kept = errno;

	record.length = (uint32_t)(sizeof record + record.path_length + record.other_length + what.length);
	if (REAL(writev)(cut.trace, parts, 4) != (ssize_t)record.length)
		give_up("an operation: the trace cannot be written");
	if (++cut.written == cut.kill_at)
		kill(getpid(), SIGKILL);
	errno = kept;
}

uint32_t remember(ino_t inode, bool is_inside)
{
	struct node *node = NULL;

	for (size_t i = 0; i < cut.node_count && !node; i++)
		if (cut.nodes[i].inode == inode)
			node = &cut.nodes[i];
	if (!node) {
		cut.nodes = reallocarray(cut.nodes, cut.node_count + 1, sizeof *cut.nodes);
		if (!cut.nodes)
			give_up("so many files");
		node = &cut.nodes[cut.node_count++];
	}
	*node = (struct node){inode, is_inside ? ++cut.last_id : 0};
	return node->id;
}

void remember_outside(int fd)
{
	struct stat info;

	if (fstat(fd, &info) == 0 && info.st_dev == cut.device)
		remember(info.st_ino, false);
}

/* A file or directory by its inode, whichever descriptor it has; 0: not below the root. Called with the lock. */
uint32_t node_of(int fd)
{
	char full[PATH_MAX], path[PATH_MAX];
	struct stat info;
	uint32_t id;

	if (fstat(fd, &info) != 0)
		return 0;
	for (size_t i = 0; i < cut.node_count; i++)
		if (cut.nodes[i].inode == info.st_ino)
			return cut.nodes[i].id;
	if (!path_of_fd(fd, full) || !is_below(full, path))
		return remember(info.st_ino, false);
	if (info.st_nlink == 0)
		give_up("a file that has lost its name");
	id = remember(info.st_ino, true);
	note((struct what){.kind = KIND_FOUND, .node = id, .path = path});
	return id;
}

/* Locks when the descriptor is ours, and returns its node; else 0 and no lock. */
uint32_t begin(int fd)
{
	struct stat info;
	uint32_t node;
	int kept = errno;

	if (cut.trace < 0 || fd == cut.trace || fstat(fd, &info) != 0 || info.st_dev != cut.device ||
	    (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))) {
		errno = kept;
		return 0;
	}
	lock();
	node = node_of(fd);
	if (!node)
		unlock();
	errno = kept;
	return node;
}

static long number_of(const char *name)
{
	const char *value = getenv(name);

	return value ? strtol(value, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin_trace(void)
{
	const char *root = getenv("POWERCUT_ROOT"), *trace = getenv("POWERCUT_TRACE");
	struct stat info;

	if (!root || !trace)
		return;
	if (snprintf(cut.root, sizeof cut.root, "%s", root) >= (int)sizeof cut.root || !realpath(root, cut.real_root) ||
	    stat(root, &info) != 0)
		give_up("POWERCUT_ROOT");
	straighten(cut.root);
	cut.device = info.st_dev;
	cut.exclude = getenv("POWERCUT_EXCLUDE");
	cut.ignore = getenv("POWERCUT_IGNORE");
	cut.kill_at = number_of("POWERCUT_KILL_AT");
	cut.pretend_us = number_of("POWERCUT_PRETEND");
	cut.trace = REAL(open)(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (cut.trace < 0)
		give_up("POWERCUT_TRACE");
}
