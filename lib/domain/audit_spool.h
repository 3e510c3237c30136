/*
 * Lines that must survive until somebody else has them: one file, appended and synced line by line, drained in order. Knows nothing of
 * what the lines say. Several threads and processes may append; one drains at a time, and appending goes on meanwhile.
 *
 * A line is the first half of the SHA-256 of its text in hexadecimal, a blank, the text. The last line may be torn by a power cut: it was
 * not promised to anybody and is dropped. Any other line that does not agree with its digest is set aside.
 */
#ifndef YQ_DOMAIN_AUDIT_SPOOL_H
#define YQ_DOMAIN_AUDIT_SPOOL_H

#include "lib/base/err.h"

enum { AUDIT_SPOOL_MAX_BYTES = 64 * 1024 * 1024 };

struct audit_spool;

/* path: the spool; path.lock, path.draining, path.draining.lock and path.damaged-N lie beside it. Its directory exists. */
bool audit_spool_open(const char *path, struct audit_spool **out, struct err *err);
void audit_spool_close(struct audit_spool *spool);

/* text has no newline. On true it survives power loss. ERR_NO_SPACE beyond AUDIT_SPOOL_MAX_BYTES. */
bool audit_spool_append(struct audit_spool *spool, const char *text, struct err *err);

int64_t audit_spool_bytes(struct audit_spool *spool);

/* False: stop, everything stays as it is. *out_is_bad: this line will never be taken; set it aside and go on. */
typedef bool audit_spool_take(void *context, const char *text, bool *out_is_bad, struct err *err);

/*
 * Hands every line to take, oldest first; a line may be handed over again after a failure or a crash. When another process drains,
 * returns true at once. A drained part is removed for good before the next is begun.
 */
bool audit_spool_drain(struct audit_spool *spool, audit_spool_take *take, void *context, struct err *err);

#endif
