/*
 * A preload library that writes down, in order and with their data, all changes that a program makes to the files and directories below one
 * directory, and all its syncs. powercut.py makes of that what a power cut would have left.
 *
 *   POWERCUT_ROOT      the directory
 *   POWERCUT_TRACE     the file to append to, outside of it; one write a record, so that it survives SIGKILL
 *   POWERCUT_EXCLUDE   names in the root, separated by colons, that are left out
 *   POWERCUT_IGNORE    patterns (fnmatch) of a name or of a path below the root, separated by colons: syncs of such files and directories are
 *                      swallowed. A program that needs them loses something then, and the suite has to see that.
 *   POWERCUT_PRETEND   a number: no sync reaches the disk, each takes so many microseconds instead
 *   POWERCUT_KILL_AT   a number: the process kills itself after so many records
 *
 * A record is written when its operation has succeeded, before the caller hears of it, and both happen under one lock: so the trace has
 * the order in which things happened, and what another thread builds on stands before it. Only a sync runs outside of the lock, with a record
 * at its begin and one at its good end; it covers what stands before the begin. What this library cannot follow (mappings, streams, symbolic
 * links) ends the process instead of being missed.
 */
#ifndef YQ_TESTS_POWERCUT_TRACE_H
#define YQ_TESTS_POWERCUT_TRACE_H

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

_Static_assert(sizeof(off_t) == 8, "file offsets of 64 bits");

/* The function behind ours. */
#define REAL(name)                                                                                                     \
	({                                                                                                             \
		static __typeof__(&name) found;                                                                        \
		if (!found)                                                                                            \
			found = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                                            \
		found;                                                                                                 \
	})

/* The second name of a function for 64-bit offsets, or the one that headers take under _FORTIFY_SOURCE. */
#define SAME(name, other) extern __typeof__(other) name __attribute__((alias(#other)))

enum kind {
	KIND_FOUND = 1, /* node, path: a file or directory that was there is met for the first time */
	KIND_CREATE,    /* node, one: mode, path (empty: without a name) */
	KIND_WRITE,     /* node, one: offset, data */
	KIND_ZERO,      /* node, one: offset, two: length */
	KIND_SIZE,      /* node, one: size */
	KIND_MKDIR,     /* one: mode, path */
	KIND_RMDIR,     /* path */
	KIND_UNLINK,    /* path */
	KIND_LINK,      /* node or path, other */
	KIND_RENAME,    /* path, other */
	KIND_SYNC,      /* node, one: number, two: how far */
	KIND_SYNCED     /* one: number */
};
enum reach { REACH_DATA, REACH_FILE, REACH_EVERYTHING };

struct what {
	enum kind kind;
	uint32_t node;
	uint64_t one, two;
	const char *path, *other;
	const void *data;
	size_t length;
};

/* The functions of the program under test must not meet ours. */
#pragma GCC visibility push(hidden)

_Noreturn void give_up(const char *what);
void lock(void);
void unlock(void);

/* The path below the root; false: it is no business of ours. directory as of openat(2). */
bool below(int directory, const char *path, char out[PATH_MAX]);
/* Are the syncs of this file swallowed? */
bool is_ignored(int fd);
/* What stands for a sync of this descriptor: the real one, or a pause. */
int do_sync(int fd, int (*real)(int));

/* Locks when the descriptor is of a file or directory below the root, and returns its node; else 0 and no lock. */
uint32_t begin(int fd);

/* With the lock: */
void note(struct what what);
uint32_t node_of(int fd);                       /* 0: not below the root */
uint32_t remember(ino_t inode, bool is_inside); /* a new file with an inode number that another one may have had */
void remember_outside(int fd);                  /* a new file elsewhere, likewise */

#pragma GCC visibility pop

#endif
