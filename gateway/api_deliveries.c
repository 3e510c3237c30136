/* What was sent, what waits, what failed; by hand: driven again, or given up. */
#include <stdlib.h>
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/base/conf.h"
#include "lib/base/text.h"
#include "lib/domain/operate.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 200, STATES_MAX = 8, MANY_MAX = 200, AGE_MAX_H = 9999, HOUR_S = 3600 };

/* ---- the list ----------------------------------------------------------------------------------------------------------- */

struct filter {
	const char *states[STATES_MAX], *site, *destination, *study, *after;
	size_t state_count;
	char *states_copy; /* free(3) */
	int older_h, limit;
};

static bool is_state(const char *word)
{
	static const char *const states[] = {"pending",   "sending",     "verifying", "waiting",
	                                     "delivered", "quarantined", "dead",      "cancelled"};
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (strcmp(word, states[i]) == 0)
			return true;
	return false;
}

/* One or several, with commas between them. */
static bool read_states(const struct http_request *request, struct filter *out, struct err *err)
{
	const char *value = http_query(request, "state");
	if (value == NULL)
		return true;
	char *rest = out->states_copy = strdup(value), *one;
	if (rest == NULL)
		err_panic("out of memory");
	while ((one = strsep(&rest, ",")) != NULL) {
		if (out->state_count == STATES_MAX || !is_state(one))
			return err_set(err, ERR_INVALID,
			               "state is none of: pending sending verifying waiting delivered "
			               "quarantined dead cancelled");
		out->states[out->state_count++] = one;
	}
	return true;
}

static bool read_study(const struct http_request *request, const char **out, struct err *err)
{
	*out = http_query(request, "study");
	return *out == NULL || text_is_uuid(*out) || text_is_uid(*out) ||
	       err_set(err, ERR_INVALID, "study is neither an id nor a Study Instance UID");
}

static bool read_filter(const struct http_request *request, struct filter *out, struct err *err)
{
	return read_states(request, out, err) && input_query_id(request, "site", &out->site, err) &&
	       input_query_id(request, "destination", &out->destination, err) &&
	       read_study(request, &out->study, err) &&
	       input_query_int(request, "older", 1, AGE_MAX_H, 0, &out->older_h, err) &&
	       input_query_id(request, "after", &out->after, err) &&
	       input_query_int(request, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &out->limit, err);
}

static bool reply_page(struct http_request *request, const struct filter *filter, struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	struct db_param states = filter->state_count > 0 ? db_texts(filter->states, filter->state_count) : db_null();
	struct db_param older = filter->older_h > 0 ? db_int((int64_t)filter->older_h * HOUR_S) : db_null();
	if (!caller_db(request, &db, err) ||
	    !db_exec(db, STMT_DELIVERY_PAGE,
	             DB_PARAMS(states, db_text(filter->site), db_text(filter->destination), db_text(filter->study),
	                       older, db_text(filter->after), db_int(filter->limit + 1)),
	             &rows, err))
		return false;
	json_t *page = answer_page(rows, "deliveries", filter->limit);
	db_rows_free(rows);
	return http_reply_json(request, 200, page, err);
}

bool handle_deliveries(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct filter filter = {0};
	bool ok = read_filter(request, &filter, err) && reply_page(request, &filter, err);
	free(filter.states_copy);
	return ok;
}

bool handle_delivery(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *delivery;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "delivery", &delivery, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_DELIVERY_SHOW, DB_PARAMS(db_text(delivery)), "the delivery", &rows, err))
		return false;
	json_t *one = answer_row(rows, 0);
	db_rows_free(rows);
	return http_reply_json(request, 200, one, err);
}

/* ---- by hand ------------------------------------------------------------------------------------------------------------ */

bool handle_delivery_retry(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *delivery;
	return input_path_id(request, "delivery", &delivery, err) &&
	       operate_retry(gateway->pool, caller_id(request), delivery, conf_number(CONF_DELIVERY_DEADLINE), err) &&
	       answer_done(request, err);
}

bool handle_delivery_cancel(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *delivery;
	return input_path_id(request, "delivery", &delivery, err) &&
	       operate_cancel(gateway->pool, caller_id(request), delivery, err) && answer_done(request, err);
}

/* "ids" of the body, borrowed from it. */
static bool read_ids(struct http_request *request, const char *ids[MANY_MAX], size_t *count, struct err *err)
{
	json_t *body, *list, *one;
	size_t i;
	if (!http_body_json(request, &body, err))
		return false;
	list = json_object_get(body, "ids");
	*count = json_array_size(list);
	if (*count == 0 || *count > MANY_MAX)
		return err_set(err, ERR_INVALID, "ids: a list of 1 to %d is wanted", MANY_MAX);
	json_array_foreach(list, i, one)
	{
		ids[i] = json_string_value(one);
		if (ids[i] == NULL || !text_is_uuid(ids[i]))
			return err_set(err, ERR_INVALID, "ids has something that is no id");
	}
	return true;
}

bool handle_deliveries_retry(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *ids[MANY_MAX];
	size_t count;
	json_t *done = NULL;
	return read_ids(request, ids, &count, err) &&
	       operate_retry_many(gateway->pool, caller_id(request), ids, count, conf_number(CONF_DELIVERY_DEADLINE),
	                          &done, err) &&
	       http_reply_json(request, 200, done, err);
}

bool handle_deliveries_cancel(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *ids[MANY_MAX];
	size_t count;
	json_t *done = NULL;
	return read_ids(request, ids, &count, err) &&
	       operate_cancel_many(gateway->pool, caller_id(request), ids, count, &done, err) &&
	       http_reply_json(request, 200, done, err);
}
