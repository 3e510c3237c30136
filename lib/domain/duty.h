/*
 * What decides about routing beside the rules: the duty table (which queue does the work of another one, and when) and cooperation agreements
 * (which hospital from outside reads for whom, until when). In the caller's transaction; studies that no rule took are looked at again.
 * ERR_INVALID: a value; ERR_NOT_FOUND: something named; ERR_CONFLICT: two agreements at once; ERR_REFUSED: no right.
 */
#ifndef YQ_DOMAIN_DUTY_H
#define YQ_DOMAIN_DUTY_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

struct db;
struct db_pool;

/* Who says so: a person, or the operator of the machine by name. The other is NULL. */
struct duty_author {
	const char *person_id, *operator_name;
};

struct duty_new {
	const char *queue_id, *by_queue_id;
	const char *weekdays;             /* "1,2,5" (1 Monday ... 7 Sunday); NULL: every day */
	const char *day_kind;             /* any, working, off, holiday, adjusted; NULL: any */
	const char *hours;                /* "17:30-08:00"; NULL: the whole day */
	const char *from_day, *until_day; /* "2026-10-01", both included; NULL: open */
	const char *note;                 /* or NULL */
};
bool duty_add(struct db *db, const struct duty_author *author, const struct duty_new *duty, char out_id[TEXT_UUID_SIZE],
              struct err *err);
bool duty_end(struct db *db, const char *duty_id, struct err *err);

struct agreement_new {
	const char *hospital_id, *scope_id;
	const char *from_day, *until_day; /* until_day may be NULL */
	const char *note;                 /* or NULL */
};
bool agreement_add(struct db *db, const struct duty_author *author, const struct agreement_new *agreement,
                   char out_id[TEXT_UUID_SIZE], struct err *err);
/* last_day: the last one on which it holds. ERR_CONFLICT: it begins later, or has ended before. */
bool agreement_end(struct db *db, const char *agreement_id, const char *last_day, struct err *err);

/* One of the above in a transaction of its own in the name of a person, with its audit record. */
enum duty_act_kind { DUTY_ACT_ADD, DUTY_ACT_END, DUTY_ACT_AGREE, DUTY_ACT_AGREEMENT_END };
struct duty_act {
	enum duty_act_kind kind;
	const char *person_id;
	struct duty_new duty;
	struct agreement_new agreement;
	char id[TEXT_UUID_SIZE]; /* of what ends; else what was made */
	const char *last_day;
};
bool duty_act_make(struct db_pool *pool, struct duty_act *act, struct err *err);

/* "2026-10-01" or "2026-10-01..2026-10-07", in at most two years. */
bool duty_days_read(const char *text, char out_first[11], char out_last[11], struct err *err);

#endif
