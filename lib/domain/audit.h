/*
 * The audit: who did what to whom, from where, with which outcome. Append-only; the ledger numbers and hash-chains the records of
 * each writer. Knows no patient: subjects are public ids, details are JSON without names, numbers or dates of patients.
 *
 * A writer is "<program>@<host>". Two ways in:
 *
 *	audit_append()	in the transaction of the change that it records: both or neither. Make it the last statement, since the
 *			chain of the writer is locked from here to the commit.
 *	audit_record()	for what must be noted whatever happens to the ledger (an association that is rejected). It goes to the
 *			ledger, or while that is away to the spool $YQ_HOME/journal/audit-<writer>.spool.
 *
 * The spool keeps order: as long as it holds a record, new ones of audit_record() go behind it. audit_replay() brings it into the
 * ledger, oldest first, each exactly once (the record's own random id decides, also after a crash in between).
 */
#ifndef YQ_DOMAIN_AUDIT_H
#define YQ_DOMAIN_AUDIT_H

#include "lib/base/err.h"
#include "lib/db/db.h"

enum { AUDIT_DETAIL_MAX = 16384, AUDIT_TEXT_MAX = 256 };

/* Borrowed; a NULL text is an empty one. Control characters become '?', longer texts than AUDIT_TEXT_MAX bytes are cut. */
struct audit_fact {
	const char *action;       /* "association.reject", "study.view", "report.issue" */
	const char *actor_kind;   /* person, device, program, operator, unknown */
	const char *actor;        /* public id; of a stranger the AE title and address */
	const char *subject_kind; /* "study", "report_version", ...; or NULL */
	const char *subject;      /* public id, or NULL */
	const char *site;         /* public id of the site that it concerns, or NULL */
	const char *outcome;      /* success, refused, failed */
	const char *detail;       /* a JSON object, or NULL */
	int64_t at_us;            /* when it happened; 0: now */
};

/* "<program>@<host>" of this machine, as every record of the program bears it. */
enum { AUDIT_WRITER_MAX = 160 };
void audit_writer(const char *program, char out[AUDIT_WRITER_MAX]);

/* In the caller's transaction, or alone. ERR_INVALID: a field that the ledger does not take. */
bool audit_append(struct db *db, const char *writer, const struct audit_fact *fact, struct err *err);

struct audit; /* one writer with its spool; any thread may use it, several processes may share the spool */

/* pool is borrowed until audit_free(). Makes the journal directory. Does not need the ledger. */
bool audit_new(const char *program, struct db_pool *pool, struct audit **out, struct err *err);
void audit_free(struct audit *audit);

/* On true the record survives power loss, in the ledger or in the spool. ERR_NO_SPACE: ledger away and the spool at its limit. */
bool audit_record(struct audit *audit, const struct audit_fact *fact, struct err *err);

/*
 * Brings the spool into the ledger; *out_count: records of it that are there now. Call it when the ledger came back and now and then.
 * A record whose bytes are damaged is set aside in a file beside the spool, logged, and does not stop the others.
 */
bool audit_replay(struct audit *audit, int *out_count, struct err *err);

/* Bytes that wait in the spool. */
int64_t audit_spooled_bytes(struct audit *audit);

/* --- verification ------------------------------------------------------------------------------------------------------- */

struct audit_verdict {
	int64_t records, chains, faults;
	char first_fault[ERR_TEXT_MAX]; /* empty without faults */
};

/* Computes every chain anew and compares the sealed heads. True when it could be done, whatever it found. */
bool audit_verify(struct db *db, struct audit_verdict *out, struct err *err);

#endif
