/*
 * Reading tasks as UPS workitems (PS3.4 annex CC): what a workstation may do with them. A workitem is one attempt at a task
 * (lib/domain/task_step.c); every change of state here is a step of that task, behind the same checks as on the page, so that of
 * a page and a workstation that want one task exactly one gets it.
 *
 * SCHEDULED: awaits its reader (or an answer of the site). IN PROGRESS: in somebody's hands, or awaiting its review. COMPLETED: the report is issued.
 * CANCELED: given back, expired, handed on, or the task was cancelled; where the task goes on there is a new workitem.
 *
 * Each function is one transaction of the person; ids are public ids, workitems are named by their SOP Instance UID, all borrowed. ERR_NOT_FOUND:
 * no such workitem for these eyes. ERR_REFUSED: no right at this task. ERR_CONFLICT and ERR_INVALID of this service carry the status
 * of PS3.4 as ERR_SOURCE_DIMSE. What was refused changed nothing.
 */
#ifndef YQ_DOMAIN_WORKITEM_H
#define YQ_DOMAIN_WORKITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

struct db;
struct db_pool;

/* The well-known UIDs that stand for the worklist, and for a filtered one (PS3.4 section CC.2.3.1). */
#define WORKITEM_WORKLIST_UID "1.2.840.10008.5.1.4.34.5"
#define WORKITEM_FILTERED_UID "1.2.840.10008.5.1.4.34.5.1"

/* PS3.4 sections CC.2.1.3, CC.2.2.3, CC.2.6.3 */
enum workitem_status {
	WORKITEM_SUCCESS = 0x0000,
	WORKITEM_SOME_ATTRIBUTES = 0x0001,   /* warning: requested optional attributes are not supported */
	WORKITEM_ALREADY_CANCELED = 0xB304,  /* warning */
	WORKITEM_ALREADY_COMPLETED = 0xB306, /* warning */
	WORKITEM_ENDED = 0xC300,             /* may no longer be updated */
	WORKITEM_OTHER_TRANSACTION = 0xC301, /* the correct Transaction UID was not provided */
	WORKITEM_ALREADY_IN_PROGRESS = 0xC302,
	WORKITEM_SCHEDULED_AT_BIRTH = 0xC303, /* SCHEDULED only by its creation */
	WORKITEM_UNFINISHED = 0xC304,         /* final state requirements: the report is not issued */
	WORKITEM_NOT_IN_PROGRESS = 0xC310,
	WORKITEM_COMPLETED = 0xC311,
	WORKITEM_NOBODY_TO_ASK = 0xC312 /* the performer cannot be contacted */
};

/*
 * The lease token that a Transaction UID stands for: "2.25." + a UUID is that UUID, so that the token of a lease taken on the page has a UID, too;
 * of any other UID one is made, always the same. The UID is valid (text_is_uid()).
 */
void workitem_token(const char *transaction_uid, char out[TEXT_UUID_SIZE]);

/*
 * PS3.4 section CC.2.1, state as DICOM writes it. IN PROGRESS: takes the task to write its report. CANCELED: gives it back. COMPLETED: refused until
 * the report is issued here, which completes it by itself; after that *out_warning is ALREADY_COMPLETED. ERR_INVALID: no state, or transaction_uid is NULL or no UID.
 */
bool workitem_change_state(struct db_pool *pool, const char *person_id, const char *uid, const char *state,
                           const char *transaction_uid, enum workitem_status *out_warning, struct err *err);

/* What of an update can be kept (PS3.4 table CC.2.5-3, Procedure Step Progress Information). */
enum { WORKITEM_PROGRESS_TEXT_MAX = 1024 }; /* characters of ST */
struct workitem_progress {
	const char *percent; /* DS, 0 to 100 with at most two decimals; NULL: not said */
	const char *text;    /* NULL: not said */
};
/*
 * PS3.4 section CC.2.6. By the holder of the lease, whom it renews; transaction_uid is for a workitem IN PROGRESS, NULL: none. Of one that is SCHEDULED nothing can
 * be changed: progress is refused, nothing is fine.
 */
bool workitem_update(struct db_pool *pool, const char *person_id, const char *uid, const char *transaction_uid,
                     const struct workitem_progress *progress, struct err *err);

/*
 * PS3.4 section CC.2.2. SCHEDULED: the task is cancelled, by a duty leader. IN PROGRESS: the holder is told, where a workstation of his listens; he decides. CANCELED: a
 * warning. reason: NULL or at most TASK_REASON_MAX bytes.
 */
bool workitem_ask_cancel(struct db_pool *pool, const char *person_id, const char *uid, const char *reason,
                         enum workitem_status *out_warning, struct err *err);

/*
 * PS3.4 section CC.2.3: the workstation ae_title of the person is told of a workitem, or of the worklist (uid is one of the well-known
 * ones; filter: JSON for yq_workitem_fits(), "{}" for all of it). What the person may see is asked at each event. Idempotent.
 */
bool workitem_subscribe(struct db_pool *pool, const char *person_id, const char *uid, const char *ae_title,
                        const char *filter, bool is_locked, struct err *err);
/* The worklist with all that is in it, or one workitem. There need not be a subscription. */
bool workitem_unsubscribe(struct db_pool *pool, const char *person_id, const char *uid, const char *ae_title,
                          struct err *err);
/* What comes into the worklist from now on is not told; ERR_NOT_FOUND: no such subscription. uid is a well-known one. */
bool workitem_suspend(struct db_pool *pool, const char *person_id, const char *uid, const char *ae_title,
                      struct err *err);

/* Pure: is it one of the well-known UIDs? */
bool workitem_is_worklist(const char *uid);

#endif
