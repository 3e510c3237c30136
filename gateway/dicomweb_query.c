/* QIDO-RS (PS3.18 section 10.6): studies, series, instances as DICOM JSON. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/dicomweb.h"
#include "gateway/dicomweb_ignored.h"
#include "gateway/dicomweb_keys.h"
#include "gateway/handlers.h"
#include "gateway/input.h"

enum { HTTP_NO_CONTENT = 204, NO_NUMBER = INT_MIN, IS_MAX = 12 };

/* ---- values of the query ---------------------------------------------------------------------------------------------------- */

static struct db_param pattern_param(const struct dicomweb_pattern *pattern)
{
	return db_text(pattern->is_set ? pattern->text : NULL);
}

static struct db_param end_param(const char *end)
{
	return db_text(end[0] != '\0' ? end : NULL);
}

static struct db_param list_param(const struct dicomweb_list *list)
{
	return list->count > 0 ? db_texts(list->items, list->count) : db_null();
}

static bool read_number(const struct http_request *request, const char *keyword, const char *tag, int *out,
                        struct err *err)
{
	const char *value;
	char *end;
	*out = NO_NUMBER;
	if (!dicomweb_key_value(request, keyword, tag, &value, err))
		return false;
	if (value == NULL)
		return true;
	long number = strtol(value, &end, 10);
	if (*end != '\0' || strlen(value) > IS_MAX || number < -INT_MAX || number > INT_MAX)
		return err_set(err, ERR_INVALID, "%s is no whole number of at most %d characters", keyword, IS_MAX);
	*out = (int)number;
	return true;
}

/* What is matched, by keyword and tag: with the names of each level those of the levels above. */
#define STUDY_KEYS                                                                                                     \
	" StudyInstanceUID 0020000D ModalitiesInStudy 00080061 PatientID 00100020 PatientName 00100010 "               \
	"AccessionNumber "                                                                                             \
	"00080050 StudyDescription 00081030 ReferringPhysicianName 00080090 StudyID 00200010 StudyDate 00080020 "      \
	"StudyTime 00080030 "                                                                                          \
	"PatientBirthDate 00100030 PatientSex 00100040 "
#define SERIES_KEYS                                                                                                    \
	STUDY_KEYS                                                                                                     \
	"SeriesInstanceUID 0020000E Modality 00080060 SeriesNumber 00200011 SeriesDescription 0008103E "               \
	"PerformedProcedureStepStartDate 00400244 PerformedProcedureStepStartTime 00400245 "                           \
	"RequestAttributesSequence.ScheduledProcedureStepID RequestAttributesSequence.00400009 "                       \
	"00400275.ScheduledProcedureStepID 00400275.00400009 "                                                         \
	"RequestAttributesSequence.RequestedProcedureID RequestAttributesSequence.00401001 "                           \
	"00400275.RequestedProcedureID 00400275.00401001 "
#define INSTANCE_KEYS SERIES_KEYS "SOPInstanceUID 00080018 SOPClassUID 00080016 InstanceNumber 00200013 "
static const char *const keys[] = {STUDY_KEYS, SERIES_KEYS, INSTANCE_KEYS}; /* by depth */

/* ---- the answer ----------------------------------------------------------------------------------------------------------------- */

static void put_address(json_t *json, const char *base, const struct db_rows *rows, int row, int depth)
{
	char address[DICOMWEB_BASE_SIZE + 300];
	int used = snprintf(address, sizeof address, "%s/studies/%s", base, db_get_text(rows, row, "shown_uid"));
	if (depth > 0)
		used += snprintf(address + used, sizeof address - (size_t)used, "/series/%s",
		                 db_get_text(rows, row, "series_instance_uid"));
	if (depth > 1)
		snprintf(address + used, sizeof address - (size_t)used, "/instances/%s",
		         db_get_text(rows, row, "sop_instance_uid"));
	json_object_set_new(json, "00081190", json_pack("{s:s, s:[s]}", "vr", "UR", "Value", address));
}

/* NULL: of every study. */
static bool read_parent(const struct http_request *request, const char *name, const char **out, struct err *err)
{
	*out = NULL;
	return http_param(request, name) == NULL || input_path_uid(request, name, out, err);
}

/* Nothing was found below a study or series: is that itself there, for these eyes? */
static bool check_parent(struct http_request *request, const struct db_rows *rows, const char *study,
                         const char *series, struct err *err)
{
	struct db *db;
	struct db_rows *found = NULL;
	if (study == NULL || db_rows_count(rows) > 0)
		return true;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_DICOMWEB_PARENT, DB_PARAMS(db_text(study), db_text(series)),
	                 series != NULL ? "the series" : "the study", &found, err))
		return false;
	db_rows_free(found);
	return true;
}

/* One row more than asked for shows that there is more. Takes rows. */
static bool reply_rows(struct http_request *request, struct db_rows *rows, const struct dicomweb_window *window,
                       int depth, struct err *err)
{
	char base[DICOMWEB_BASE_SIZE];
	int count = db_rows_count(rows), shown = count < window->limit ? count : window->limit;
	if (!dicomweb_audit_shown(request, "study.list", rows, shown, err) ||
	    !dicomweb_warn_of_more(request, count > shown, err)) {
		db_rows_free(rows);
		return false;
	}
	if (shown == 0) {
		db_rows_free(rows);
		return dicomweb_warn_of_ignored(request, keys[depth], NULL, err) &&
		       http_reply_empty(request, HTTP_NO_CONTENT, err);
	}
	dicomweb_base(request, base);
	json_t *list = json_array();
	for (int row = 0; row < shown; row++) {
		json_t *json = answer_row(rows, row);
		put_address(json, base, rows, row, depth);
		json_array_append_new(list, json);
	}
	db_rows_free(rows);
	if (dicomweb_warn_of_ignored(request, keys[depth], list, err))
		return http_reply_json_as(request, 200, "application/dicom+json", list, err);
	json_decref(list);
	return false;
}

/* Takes rows. */
static bool reply_below(struct http_request *request, struct db_rows *rows, const char *study, const char *series,
                        const struct dicomweb_window *window, int depth, struct err *err)
{
	if (check_parent(request, rows, study, series, err))
		return reply_rows(request, rows, window, depth, err);
	db_rows_free(rows);
	return false;
}

/* ---- studies ------------------------------------------------------------------------------------------------------------------- */

struct study_query {
	struct dicomweb_list uids, modalities;
	struct dicomweb_pattern patient_id, name, accession, description, referring, study_id;
	struct dicomweb_range studied, studied_time, born;
	char term[NAME_KEY_SIZE]; /* instead of the pattern of the name; empty: not by sound */
	const char *of; /* studies of the patient of this study, whatever patient ID is asked for; NULL: of anybody */
	const char *sex;
	struct dicomweb_window window;
};

static bool read_study_query(const struct http_request *request, struct study_query *out, struct err *err)
{
	return dicomweb_check_fields(request, err) &&
	       dicomweb_key_list(request, "StudyInstanceUID", "0020000D", &out->uids, err) &&
	       dicomweb_key_codes(request, "ModalitiesInStudy", "00080061", &out->modalities, err) &&
	       dicomweb_key_pattern(request, "PatientID", "00100020", &out->patient_id, err) &&
	       dicomweb_key_pattern(request, "PatientName", "00100010", &out->name, err) &&
	       dicomweb_key_pattern(request, "AccessionNumber", "00080050", &out->accession, err) &&
	       dicomweb_key_pattern(request, "StudyDescription", "00081030", &out->description, err) &&
	       dicomweb_key_pattern(request, "ReferringPhysicianName", "00080090", &out->referring, err) &&
	       dicomweb_key_pattern(request, "StudyID", "00200010", &out->study_id, err) &&
	       dicomweb_key_days(request, "StudyDate", "00080020", &out->studied, err) &&
	       dicomweb_key_times(request, "StudyTime", "00080030", &out->studied_time, err) &&
	       dicomweb_key_days(request, "PatientBirthDate", "00100030", &out->born, err) &&
	       dicomweb_key_value(request, "PatientSex", "00100040", &out->sex, err) &&
	       dicomweb_key_term(request, out->term, err) && dicomweb_key_window(request, &out->window, err);
}

static struct db_param name_param(const struct study_query *query)
{
	return query->term[0] != '\0' ? db_null() : pattern_param(&query->name);
}

/* clang-format off */
/* Sixteen parameters: what every statement of a search knows of the study. */
#define STUDY_PARAMS(query) \
	list_param(&(query)->uids), (query)->of != NULL ? db_null() : pattern_param(&(query)->patient_id), name_param(query), \
	db_text((query)->term[0] != '\0' ? (query)->term : NULL), pattern_param(&(query)->accession), \
	end_param((query)->studied.from), end_param((query)->studied.to), list_param(&(query)->modalities), \
	pattern_param(&(query)->description), pattern_param(&(query)->referring), end_param((query)->born.from), \
	end_param((query)->born.to), db_text((query)->sex), pattern_param(&(query)->study_id), \
	end_param((query)->studied_time.from), end_param((query)->studied_time.to)
/* clang-format on */

static bool find_studies(struct db *db, const struct study_query *query, struct db_rows **rows, struct err *err)
{
	return db_exec(db, STMT_DICOMWEB_STUDIES,
	               DB_PARAMS(STUDY_PARAMS(query), db_int(query->window.limit + 1), db_int(query->window.offset),
	                         db_text(query->of)),
	               rows, err) ||
	       dicomweb_search_failed(err);
}

bool handle_dicomweb_studies(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct study_query *query = calloc(1, sizeof *query);
	struct db *db;
	struct db_rows *rows = NULL;
	if (query == NULL)
		err_panic("out of memory");
	bool ok = dicomweb_accept_json(request, err) && read_parent(request, "of", &query->of, err) &&
	          read_study_query(request, query, err) && caller_db(request, &db, err) &&
	          find_studies(db, query, &rows, err);
	struct dicomweb_window window = query->window;
	const char *of = query->of;
	free(query);
	return ok && reply_below(request, rows, of, NULL, &window, 0, err);
}

/* ---- series, instances -------------------------------------------------------------------------------------------------------- */

static struct db_param number_param(int number)
{
	return number == NO_NUMBER ? db_null() : db_int(number);
}

struct below_query {
	struct study_query of_study;
	struct dicomweb_list series, modalities, instances, classes;
	struct dicomweb_pattern description, step_id, procedure_id;
	struct dicomweb_range performed, performed_time;
	const char *in_study, *in_series; /* of the path; NULL: of every one */
	int series_number, number;
};

static bool read_requests(const struct http_request *request, struct below_query *out, struct err *err)
{
	static const struct dicomweb_item_key step = {"RequestAttributesSequence", "00400275",
	                                              "ScheduledProcedureStepID", "00400009"},
	                                      procedure = {"RequestAttributesSequence", "00400275",
	                                                   "RequestedProcedureID", "00401001"};
	return dicomweb_key_item(request, &step, &out->step_id, err) &&
	       dicomweb_key_item(request, &procedure, &out->procedure_id, err) &&
	       dicomweb_key_days(request, "PerformedProcedureStepStartDate", "00400244", &out->performed, err) &&
	       dicomweb_key_times(request, "PerformedProcedureStepStartTime", "00400245", &out->performed_time, err);
}

/* What both levels take: a key of a higher level filters, too (PS3.18 section 10.6.1.2). */
static bool read_below(const struct http_request *request, struct below_query *out, struct err *err)
{
	return read_parent(request, "study", &out->in_study, err) &&
	       read_parent(request, "of", &out->of_study.of, err) && read_study_query(request, &out->of_study, err) &&
	       dicomweb_key_list(request, "SeriesInstanceUID", "0020000E", &out->series, err) &&
	       dicomweb_key_codes(request, "Modality", "00080060", &out->modalities, err) &&
	       read_number(request, "SeriesNumber", "00200011", &out->series_number, err) &&
	       dicomweb_key_pattern(request, "SeriesDescription", "0008103E", &out->description, err) &&
	       read_requests(request, out, err);
}

/* clang-format off */
/* Six parameters: what made the series, and what it was asked for. */
#define REQUEST_PARAMS(query) \
	end_param((query)->performed.from), end_param((query)->performed.to), end_param((query)->performed_time.from), \
	end_param((query)->performed_time.to), pattern_param(&(query)->step_id), pattern_param(&(query)->procedure_id)
/* clang-format on */

static bool find_series(struct db *db, const struct below_query *query, struct db_rows **rows, struct err *err)
{
	const struct study_query *study = &query->of_study;
	return db_exec(db, STMT_DICOMWEB_SERIES,
	               DB_PARAMS(db_text(query->in_study), list_param(&query->series), list_param(&query->modalities),
	                         number_param(query->series_number), pattern_param(&query->description),
	                         db_int(study->window.limit + 1), db_int(study->window.offset), STUDY_PARAMS(study),
	                         db_text(study->of), REQUEST_PARAMS(query)),
	               rows, err) ||
	       dicomweb_search_failed(err);
}

bool handle_dicomweb_series(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct below_query *query = calloc(1, sizeof *query);
	struct db *db;
	struct db_rows *rows = NULL;
	if (query == NULL)
		err_panic("out of memory");
	bool ok = dicomweb_accept_json(request, err) && read_below(request, query, err) &&
	          caller_db(request, &db, err) && find_series(db, query, &rows, err) &&
	          reply_below(request, rows, query->in_study, NULL, &query->of_study.window, 1, err);
	free(query);
	return ok;
}

static bool find_instances(struct db *db, const struct below_query *query, struct db_rows **rows, struct err *err)
{
	const struct study_query *study = &query->of_study;
	return db_exec(db, STMT_DICOMWEB_INSTANCES,
	               DB_PARAMS(db_text(query->in_study), db_text(query->in_series), list_param(&query->instances),
	                         list_param(&query->classes), number_param(query->number),
	                         db_int(study->window.limit + 1), db_int(study->window.offset),
	                         list_param(&query->series), list_param(&query->modalities),
	                         pattern_param(&query->description), STUDY_PARAMS(study), db_text(study->of),
	                         number_param(query->series_number), REQUEST_PARAMS(query)),
	               rows, err) ||
	       dicomweb_search_failed(err);
}

bool handle_dicomweb_instances(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct below_query *query = calloc(1, sizeof *query);
	struct db *db;
	struct db_rows *rows = NULL;
	if (query == NULL)
		err_panic("out of memory");
	bool ok = dicomweb_accept_json(request, err) && read_below(request, query, err) &&
	          read_parent(request, "series", &query->in_series, err) &&
	          dicomweb_key_list(request, "SOPInstanceUID", "00080018", &query->instances, err) &&
	          dicomweb_key_list(request, "SOPClassUID", "00080016", &query->classes, err) &&
	          read_number(request, "InstanceNumber", "00200013", &query->number, err) &&
	          caller_db(request, &db, err) && find_instances(db, query, &rows, err) &&
	          reply_below(request, rows, query->in_study, query->in_series, &query->of_study.window, 2, err);
	free(query);
	return ok;
}
