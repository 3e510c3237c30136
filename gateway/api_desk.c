/* What stands beside a report while it is written: earlier examinations and earlier texts. */
#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"

enum { PRIORS_MAX = 100 };

static json_t *list_of(const char *name, const struct db_rows *rows)
{
	json_t *list = json_array();
	for (int i = 0; i < db_rows_count(rows); i++)
		json_array_append_new(list, answer_row(rows, i));
	json_t *answer = json_pack("{s:o}", name, list);
	if (answer == NULL)
		err_panic("could not write JSON");
	return answer;
}

static bool find_site(struct http_request *request, const char *study, char site[TEXT_UUID_SIZE], struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_DESK_STUDY_SITE, DB_PARAMS(db_text(study)), "the study", &rows, err))
		return false;
	text_copy(site, TEXT_UUID_SIZE, db_get_text(rows, 0, "site_id"));
	db_rows_free(rows);
	return true;
}

bool handle_study_priors(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *study;
	char site[TEXT_UUID_SIZE];
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "study", &study, err) || !find_site(request, study, site, err) ||
	    !caller_db(request, &db, err) ||
	    !db_exec(db, STMT_DESK_PRIORS, DB_PARAMS(db_text(study), db_int(PRIORS_MAX)), &rows, err))
		return false;
	bool ok = caller_audit(request, "study.priors", "study", study, site, NULL, err);
	json_t *answer = ok ? list_of("priors", rows) : NULL;
	db_rows_free(rows);
	return ok && http_reply_json(request, 200, answer, err);
}
