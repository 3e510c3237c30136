/* When the report of a study is due, by the turnaround limits and the calendar of the ledger. */
#ifndef YQ_DOMAIN_TASK_DUE_H
#define YQ_DOMAIN_TASK_DUE_H

#include "lib/base/err.h"

struct db;

/* Minutes from now; -1: no limit. */
bool task_due_in(struct db *db, const char *study_id, const char *patient_class, const char *modality, int *out_minutes,
                 struct err *err);

#endif
