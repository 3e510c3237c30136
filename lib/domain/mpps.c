#include "lib/domain/mpps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/machines.h"

struct step {
	const char *device_id, *instance_uid;
	const struct dicom_mpps *told;
	char id[TEXT_UUID_SIZE], site[TEXT_UUID_SIZE];
	enum mpps_state from, to;
};

static bool record(struct db *db, const struct step *step, const char *action, struct err *err)
{
	char detail[80];
	struct change change = {
	    .action = action, .subject_kind = "mpps", .subject_id = step->id, .site_id = step->site, .detail = detail};

	snprintf(detail, sizeof detail, "{\"state\": \"%s\"}", mpps_state_name(step->to));
	return change_record(db, &change, err);
}

/* The day and the time as they came, "20261128 081500". */
static void join(const char *date, const char *time, char out[36])
{
	snprintf(out, 36, "%s%s%s", date, date[0] && time[0] ? " " : "", time);
}

/* *out_found false: the site has no such step. */
static bool lock(struct db *db, struct step *step, bool *out_found, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec(db, STMT_MPPS_LOCK, DB_PARAMS(db_text(step->device_id), db_text(step->instance_uid)), &rows, err))
		return false;
	*out_found = db_rows_count(rows) > 0;
	if (*out_found) {
		text_copy(step->id, sizeof step->id, db_get_text(rows, 0, "id"));
		text_copy(step->site, sizeof step->site, db_get_text(rows, 0, "site"));
		step->from = (enum mpps_state)machine_state_find(mpps_machine(), db_get_text(rows, 0, "state"));
	}
	db_rows_free(rows);
	return true;
}

/* Performed Procedure Step Status (0040,0252), PS3.3 section C.4.14. MPPS_NONE: none of the standard's. */
static enum mpps_state status_find(const char *text)
{
	static const char *const words[] = {
	    [MPPS_IN_PROGRESS] = "IN PROGRESS", [MPPS_COMPLETED] = "COMPLETED", [MPPS_DISCONTINUED] = "DISCONTINUED"};

	for (int i = MPPS_IN_PROGRESS; i < MPPS_STATE_COUNT; i++)
		if (strcmp(words[i], text) == 0)
			return (enum mpps_state)i;
	return MPPS_NONE;
}

/* ---- N-CREATE --------------------------------------------------------------------------------------------------------- */

static bool check_new(const struct dicom_mpps *told, struct err *err)
{
	if (!told->status[0])
		return dicom_refuse(err, ERR_INVALID, DICOM_STATUS_MISSING_ATTRIBUTE,
		                    "Performed Procedure Step Status is missing");
	return status_find(told->status) == MPPS_IN_PROGRESS ||
	       dicom_refuse(err, ERR_INVALID, DICOM_STATUS_INVALID_ATTRIBUTE,
	                    "Performed Procedure Step Status is not IN PROGRESS");
}

static bool create_work(struct db *db, void *context, struct err *err)
{
	struct step *step = context;
	const struct dicom_mpps *told = step->told;
	struct db_rows *rows;
	char started[36];
	bool is_new, is_found;

	join(told->start_date, told->start_time, started);
	if (!db_exec(db, STMT_MPPS_CREATE,
	             DB_PARAMS(db_text(step->device_id), db_text(step->instance_uid), db_text(told->study_instance_uid),
	                       db_text(told->accession_number), db_text(told->step_id), db_text(told->station_ae),
	                       db_text(told->modality), db_text(started)),
	             &rows, err))
		return false;
	is_new = db_rows_count(rows) > 0;
	db_rows_free(rows);
	if (!is_new)
		return dicom_refuse(err, ERR_CONFLICT, DICOM_STATUS_DUPLICATE_INSTANCE, "this step is here already");
	step->to = MPPS_IN_PROGRESS;
	return lock(db, step, &is_found, err) && record(db, step, "mpps.create", err);
}

bool mpps_create(struct db_pool *pool, const char *device_id, const char *instance_uid, const struct dicom_mpps *told,
                 struct err *err)
{
	struct step step = {.device_id = device_id, .instance_uid = instance_uid, .told = told};

	return check_new(told, err) && db_transact(pool, NULL, create_work, &step, err);
}

/* ---- N-SET -------------------------------------------------------------------------------------------------------------- */

/* PS3.4 section F.7.2.2.3: an ended step may no longer be updated (0110). */
static bool decide(struct step *step, struct err *err)
{
	static const enum mpps_event events[] = {
	    [MPPS_COMPLETED] = MPPS_EVENT_COMPLETE, [MPPS_DISCONTINUED] = MPPS_EVENT_DISCONTINUE};
	enum mpps_state to = step->told->status[0] ? status_find(step->told->status) : MPPS_IN_PROGRESS;

	if (to == MPPS_NONE)
		return dicom_refuse(err, ERR_INVALID, DICOM_STATUS_INVALID_ATTRIBUTE,
		                    "Performed Procedure Step Status is none of the standard's");
	if (step->from == MPPS_IN_PROGRESS && to == MPPS_IN_PROGRESS) {
		step->to = MPPS_IN_PROGRESS;
		return true;
	}
	return (to != MPPS_IN_PROGRESS && mpps_next(step->from, events[to], &step->to)) ||
	       dicom_refuse(err, ERR_CONFLICT, DICOM_STATUS_PROCESSING_FAILURE,
	                    "the performed procedure step may no longer be updated");
}

static bool write_images(struct db *db, const struct step *step, struct err *err)
{
	const struct dicom_mpps *told = step->told;
	const char **uids;
	bool ok;

	if (!told->has_series)
		return true;
	uids = calloc(told->count + 1, sizeof *uids);
	if (!uids)
		err_panic("out of memory");
	for (size_t i = 0; i < told->count; i++)
		uids[i] = told->items[i].sop_instance_uid;
	ok = db_exec(db, STMT_MPPS_FORGET_IMAGES, DB_PARAMS(db_text(step->id)), NULL, err) &&
	     db_exec(db, STMT_MPPS_ADD_IMAGES, DB_PARAMS(db_text(step->id), db_texts(uids, told->count)), NULL, err);
	free(uids);
	return ok;
}

static bool set_work(struct db *db, void *context, struct err *err)
{
	struct step *step = context;
	const struct dicom_mpps *told = step->told;
	char ended[36];
	bool is_found;

	if (!lock(db, step, &is_found, err))
		return false;
	if (!is_found)
		return dicom_refuse(err, ERR_NOT_FOUND, DICOM_STATUS_NO_SUCH_INSTANCE, "no such step here");
	join(told->end_date, told->end_time, ended);
	return decide(step, err) &&
	       db_exec(db, STMT_MPPS_SET,
	               DB_PARAMS(db_text(step->id), db_text(mpps_state_name(step->to)), db_text(told->modality),
	                         db_text(ended), told->has_series ? db_int((int64_t)told->series_count) : db_null()),
	               NULL, err) &&
	       write_images(db, step, err) && db_exec(db, STMT_MPPS_SIGNAL, DB_PARAMS(db_text(step->id)), NULL, err) &&
	       record(db, step, "mpps.set", err);
}

bool mpps_set(struct db_pool *pool, const char *device_id, const char *instance_uid, const struct dicom_mpps *told,
              struct err *err)
{
	struct step step = {.device_id = device_id, .instance_uid = instance_uid, .told = told};

	return db_transact(pool, NULL, set_work, &step, err);
}
