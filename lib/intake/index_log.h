/*
 * The index backlog: what lies in the store and is not yet in the ledger, in files backlog-SEQUENCE of a slot. It, not the journal,
 * waits for PostgreSQL, however long.
 *
 * A line an object: numbers of fixed width (length of the JSON, bytes of the object, arrival), its key, a digest of all that and the
 * JSON, then the JSON object that intake_index() takes, without its ordinal. A line that was cut off by a crash is no line: its
 * object is still in the journal. How far the ledger has come stands in backlog-SEQUENCE.done, without a sync: what is brought in a
 * second time changes nothing.
 *
 * Threads: one appends, one reads and settles.
 */
#ifndef YQ_INTAKE_INDEX_LOG_H
#define YQ_INTAKE_INDEX_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/store/store.h"

enum { INDEX_LINE_MAX = 64 * 1024 };

struct index_log;

struct index_line {
	char key[STORE_KEY_SIZE];
	uint64_t size_bytes, arrived_us;
	char *json;    /* NUL-terminated; owned by the line */
	uint64_t file; /* of index_log_look(): the inode, and whether it is opened with this line */
	bool is_first;
};

/* Opens the backlog of a slot whose lock the caller has, with what a process before left. */
bool index_log_open(const char *directory, struct index_log **out, struct err *err);
void index_log_close(struct index_log *log);

/* After true the lines survive power loss. json is borrowed. */
bool index_log_append(struct index_log *log, const struct index_line *lines, size_t count, struct err *err);
/* Takes over the files of another slot, whose lock the caller has, too. Durable on true. */
bool index_log_adopt(struct index_log *log, const char *directory, struct err *err);

/* The next lines, at most max, in order; *out_count is 0 when nothing waits. lines are filled; index_lines_free(). */
bool index_log_next(struct index_log *log, struct index_line *lines, size_t max, size_t *out_count, struct err *err);
void index_lines_free(struct index_line *lines, size_t count);
/* The lines that index_log_next() gave last are in the ledger. */
bool index_log_done(struct index_log *log, struct err *err);

/*
 * For other processes: the lines of a slot's directory that wait. each may be told by false to stop. json is not read. A file that another slot
 * takes over meanwhile is met there again, as the same file.
 */
typedef bool index_log_each(void *context, const struct index_line *line, struct err *err);
bool index_log_look(const char *directory, index_log_each *each, void *context, struct err *err);
/* Is there such a file? */
bool index_log_is_name(const char *name);

#endif
