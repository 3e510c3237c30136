#include "lib/domain/delivery_forward.h"

#include <stdio.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/delivery_lane.h"

enum { DESTINATIONS_MAX = 100 };

static bool check(const char *study_id, const char *const *destination_ids, size_t count, int rank, struct err *err)
{
	size_t i;

	if (!text_is_uuid(study_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such study");
	if (count > DESTINATIONS_MAX)
		return err_set(err, ERR_INVALID, "cannot forward to more than %d destinations at once",
		               DESTINATIONS_MAX);
	for (i = 0; i < count; i++)
		if (!text_is_uuid(destination_ids[i]))
			return err_set(err, ERR_INVALID, "'%.40s' is no id of a destination", destination_ids[i]);
	return (rank >= 0 && rank < DELIVERY_RANKS) || err_set(err, ERR_INVALID, "%d is no rank of a delivery", rank);
}

/* Traces come last: they lock the audit chain. */
static bool record(struct db *db, const struct db_rows *rows, const char *study_id, int64_t rule_id, struct err *err)
{
	char detail[120];
	struct change change = {
	    .event = "delivery.create", .action = "delivery.create", .subject_kind = "delivery", .detail = detail};
	int i;

	snprintf(detail, sizeof(detail), "{\"study\": \"%s\", \"rule\": %lld}", study_id, (long long)rule_id);
	for (i = 0; i < db_rows_count(rows); i++) {
		change.subject_id = db_get_text(rows, i, "delivery");
		change.site_id = db_get_text(rows, i, "site");
		log_info(LOG_DELIVERY_STATE, "delivery=%s state=%s study=%s", change.subject_id, "create", study_id);
		if (!change_record(db, &change, err))
			return false;
	}
	return true;
}

bool delivery_forward_study(struct db *db, const char *study_id, const char *const *destination_ids, size_t count,
                            int rank, int64_t rule_id, struct err *err)
{
	struct db_rows *rows;
	bool ok;

	if (!check(study_id, destination_ids, count, rank, err))
		return false;
	if (count == 0)
		return true;
	if (!db_exec_one(db, STMT_DELIVERY_FORWARD_LOCK, DB_PARAMS(db_text(study_id)), "the study", NULL, err) ||
	    !db_exec(db, STMT_DELIVERY_FORWARD,
	             DB_PARAMS(db_text(study_id), db_texts(destination_ids, count), db_int(rank), db_int(rule_id),
	                       db_int(conf_number(CONF_DELIVERY_DEADLINE))),
	             &rows, err))
		return false;
	ok = record(db, rows, study_id, rule_id, err);
	db_rows_free(rows);
	return ok;
}

bool delivery_forward_late(struct db *db, const char *study_id, struct err *err)
{
	struct db_rows *rows;
	bool ok = true;
	int i;

	if (!db_exec(db, STMT_DELIVERY_FORWARDED, DB_PARAMS(db_text(study_id)), &rows, err))
		return false;
	for (i = 0; ok && i < db_rows_count(rows); i++) {
		const char *destination_id = db_get_text(rows, i, "destination");

		ok = delivery_forward_study(db, study_id, &destination_id, 1, (int)db_get_int(rows, i, "rank"),
		                            db_get_int(rows, i, "rule"), err);
	}
	db_rows_free(rows);
	return ok;
}
