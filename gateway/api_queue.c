/* The queue: what this person may work on, in the order in which it should be done; and one task of it. */
#include <stdlib.h>
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/desk.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/name_key.h"
#include "lib/domain/task.h"

enum { WINDOW_DEFAULT = 200, WINDOW_MAX = 1000, OFFSET_MAX = 1000000, IDS_MAX = 100, Q_MAX = 64, AUDITED_MAX = 200 };

struct filter {
	const char *state, *queue, *patient_class, *modality, *site, *ids;
	char *pattern;            /* free(3); NULL: none */
	char term[NAME_KEY_SIZE]; /* the same for the keys of names; empty: none */
	int offset, limit;
};

/* LIKE pattern for "somewhere in it". *out: free(3). */
static char *like_pattern(const char *text)
{
	char *pattern = malloc(2 * strlen(text) + 3), *to = pattern;
	if (pattern == NULL)
		err_panic("out of memory");
	*to++ = '%';
	for (; *text != '\0'; text++) {
		if (strchr("\\%_", *text) != NULL)
			*to++ = '\\';
		*to++ = *text;
	}
	*to++ = '%';
	*to = '\0';
	return pattern;
}

/* Checked, but as it came: the ledger takes the list apart. */
static bool read_ids(const struct http_request *request, const char **out, struct err *err)
{
	const char *ids[IDS_MAX];
	size_t count = 0;
	char *copy = NULL;
	if (!input_query_ids(request, "ids", ids, IDS_MAX, &count, &copy, err))
		return false;
	free(copy);
	*out = http_query(request, "ids");
	return true;
}

static bool read_filter(const struct http_request *request, struct filter *out, struct err *err)
{
	const char *text = NULL;
	if (!input_query_word(request, "state", "awaiting writing awaiting_review reviewing returned", &out->state,
	                      err) ||
	    !input_query_id(request, "queue", &out->queue, err) ||
	    !input_query_word(request, "patient_class", "emergency outpatient inpatient health_check",
	                      &out->patient_class, err) ||
	    !input_query_code(request, "modality", &out->modality, err) ||
	    !input_query_id(request, "site", &out->site, err) || !read_ids(request, &out->ids, err) ||
	    !input_query_int(request, "offset", 0, OFFSET_MAX, 0, &out->offset, err) ||
	    !input_query_int(request, "limit", 1, WINDOW_MAX, WINDOW_DEFAULT, &out->limit, err) ||
	    !input_query_text(request, "q", Q_MAX, &text, err))
		return false;
	out->pattern = text != NULL ? like_pattern(text) : NULL;
	if (text == NULL || !name_key_term(text, out->term))
		out->term[0] = '\0';
	return true;
}

/* Names of patients were seen: which ones, by study. What the audit takes of one look is bounded: the first screens. */
static bool audit_queue(struct http_request *request, const struct db_rows *rows, struct err *err)
{
	json_t *ids = json_array();
	for (int i = 0; i < db_rows_count(rows) && i < AUDITED_MAX; i++)
		json_array_append_new(ids, json_string(db_get_text(rows, i, "study_id")));
	json_t *detail = json_pack("{s:i, s:o}", "count", db_rows_count(rows), "studies", ids);
	char *text = json_dumps(detail, JSON_COMPACT);
	bool ok = caller_audit(request, "queue.view", NULL, NULL, NULL, text, err);
	free(text);
	json_decref(detail);
	return ok;
}

bool desk_rows(struct http_request *request, const char *ids, struct db_rows **out, struct err *err)
{
	struct db *db;
	return caller_db(request, &db, err) &&
	       db_exec(db, STMT_DESK_TASKS, DB_PARAMS(db_text(caller_id(request)), db_text(ids)), out, err);
}

/* Takes page, whatever happens. */
static bool reply_rows(struct http_request *request, const char *ids, json_t *page, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!desk_rows(request, ids, &rows, err) || !audit_queue(request, rows, err)) {
		db_rows_free(rows);
		json_decref(page);
		return false;
	}
	json_t *tasks = json_array();
	for (int i = 0; i < db_rows_count(rows); i++)
		json_array_append_new(tasks, answer_row(rows, i));
	db_rows_free(rows);
	json_object_set_new(page, "tasks", tasks);
	return http_reply_json(request, 200, page, err);
}

static bool show_window(struct http_request *request, const struct filter *filter, struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_DESK_QUEUE,
	                 DB_PARAMS(db_text(caller_id(request)), db_text(filter->state), db_text(filter->queue),
	                           db_text(filter->patient_class), db_text(filter->modality), db_text(filter->site),
	                           db_text(filter->pattern), db_int(filter->offset), db_int(filter->limit),
	                           db_text(filter->term[0] != '\0' ? filter->term : NULL)),
	                 "the queue", &rows, err))
		return false;
	json_t *page = answer_row(rows, 0);
	json_object_set_new(page, "offset", json_integer(filter->offset));
	bool ok = reply_rows(request, db_get_text(rows, 0, "ids"), page, err);
	db_rows_free(rows);
	return ok;
}

bool handle_queue(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct filter filter = {0};
	if (!read_filter(request, &filter, err))
		return false;
	/* Of known tasks nothing is counted: the counts look at the whole queue. */
	bool ok = filter.ids != NULL ? reply_rows(request, filter.ids, json_object(), err)
	                             : show_window(request, &filter, err);
	free(filter.pattern);
	return ok;
}

/* ---- one task ---------------------------------------------------------------------------------------------------------- */

static bool add_work(struct http_request *request, const char *task, json_t *row, json_t **out, struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_DESK_WORK, DB_PARAMS(db_text(caller_id(request)), db_text(task)), "the task", &rows,
	                 err)) {
		json_decref(row);
		return false;
	}
	*out = answer_row(rows, 0);
	json_object_set_new(*out, "task", row);
	db_rows_free(rows);
	return true;
}

bool handle_task(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *task;
	struct db_rows *rows = NULL;
	json_t *work = NULL;
	if (!input_path_id(request, "task", &task, err) || !desk_rows(request, task, &rows, err))
		return false;
	bool ok = db_rows_count(rows) == 1 || err_set(err, ERR_NOT_FOUND, "there is no such task");
	ok = ok && caller_audit(request, "task.view", "task", task, db_get_text(rows, 0, "site_id"), NULL, err) &&
	     add_work(request, task, answer_row(rows, 0), &work, err);
	db_rows_free(rows);
	return ok && http_reply_json(request, 200, work, err);
}

/* ---- the next one -------------------------------------------------------------------------------------------------------- */

static bool read_wish(struct http_request *request, struct task_wish *out, struct err *err)
{
	json_t *body;
	const char *work;
	if (!http_body_json(request, &body, err) || !input_word(body, "work", "write review", true, &work, err) ||
	    !input_id(body, "queue", false, &out->queue_id, err) ||
	    !input_word(body, "patient_class", "emergency outpatient inpatient health_check", false,
	                &out->patient_class, err) ||
	    !input_text(body, "modality", 16, false, &out->modality, err))
		return false;
	out->work = strcmp(work, "write") == 0 ? TASK_WORK_WRITE : TASK_WORK_REVIEW;
	return true;
}

/* The claim is audited as a take by the ledger; the look at its row as that of a task. */
static bool reply_next(struct http_request *request, const char *task, const struct task_lease *lease, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!desk_rows(request, task, &rows, err))
		return false;
	bool ok = db_rows_count(rows) == 1 || err_set(err, ERR_NOT_FOUND, "there is no such task");
	ok = ok && caller_audit(request, "task.view", "task", task, db_get_text(rows, 0, "site_id"), NULL, err);
	json_t *answer = ok ? json_pack("{s:o, s:o}", "task", answer_row(rows, 0), "lease", answer_lease(lease)) : NULL;
	db_rows_free(rows);
	http_keep_plain(request); /* the token of the lease, beside words that anybody may have typed */
	return ok && http_reply_json(request, 200, answer, err);
}

bool handle_queue_next(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct task_wish wish;
	struct task_lease lease;
	char task[TEXT_UUID_SIZE];
	if (!read_wish(request, &wish, err) ||
	    !task_take_next(gateway->pool, caller_id(request), &wish, task, &lease, err))
		return false;
	if (task[0] == '\0')
		return http_reply_json(request, 200, json_pack("{s:n, s:n}", "task", "lease"), err);
	return reply_next(request, task, &lease, err);
}

/* No patient in it: nothing to audit. */
bool handle_task_colleagues(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *task;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "task", &task, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_TASK_SITE, DB_PARAMS(db_text(task)), "the task", NULL, err) ||
	    !db_exec_one(db, STMT_DESK_COLLEAGUES, DB_PARAMS(db_text(task)), "the task", &rows, err))
		return false;
	json_t *colleagues = answer_row(rows, 0);
	db_rows_free(rows);
	return http_reply_json(request, 200, json_pack("{s:o}", "colleagues", colleagues), err);
}
