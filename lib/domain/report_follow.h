/*
 * What follows an issued report: 更正 (the earlier versions are superseded at its issue) and 补充 (they stay in force). The next version is written,
 * reviewed and signed in a task of its own (report.h), and leaves for the site as a delivery of its own.
 *
 * Each function is one transaction of the person with event and audit record. Ids are public ids, borrowed.
 */
#ifndef YQ_DOMAIN_REPORT_FOLLOW_H
#define YQ_DOMAIN_REPORT_FOLLOW_H

#include "lib/base/err.h"
#include "lib/base/text.h"

struct db_pool;

enum { REPORT_FOLLOW_REASON_MAX = 2000 }; /* bytes; it is printed on the paper */

/*
 * kind: "correction" or "supplement". The draft begins with the text of the version before and is the person's; the task waits for them in the
 * queue. ERR_NOT_FOUND; ERR_REFUSED: no right to sign at its queue; ERR_CONFLICT: a later version is there or being written, or the study was
 * merged into another.
 */
bool report_follow(struct db_pool *pool, const char *person_id, const char *report_id, const char *kind,
                   const char *reason, char out_task_id[TEXT_UUID_SIZE], char out_report_id[TEXT_UUID_SIZE],
                   struct err *err);

/* 收回旧报告: somebody at the site says that the superseded paper was called back. ERR_NOT_FOUND; ERR_CONFLICT: there is nothing to call back, or it was done. */
bool report_recall_done(struct db_pool *pool, const char *person_id, const char *report_id, struct err *err);

#endif
