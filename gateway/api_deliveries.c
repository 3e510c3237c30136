/* What was sent, what waits, what failed; by hand: driven again, or given up. */
#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/base/conf.h"
#include "lib/domain/operate.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 200 };

bool handle_deliveries(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	static const char states[] = "pending sending verifying waiting delivered quarantined dead cancelled";
	const char *state, *site, *destination, *after;
	int limit;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_query_word(request, "state", states, &state, err) || !input_query_id(request, "site", &site, err) ||
	    !input_query_id(request, "destination", &destination, err) ||
	    !input_query_id(request, "after", &after, err) ||
	    !input_query_int(request, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit, err) || !caller_db(request, &db, err))
		return false;
	if (!db_exec(db, STMT_GATEWAY_DELIVERY_LIST,
	             DB_PARAMS(db_text(state), db_text(site), db_text(destination), db_text(after), db_int(limit + 1)),
	             &rows, err))
		return false;
	json_t *page = answer_page(rows, "deliveries", limit);
	db_rows_free(rows);
	return http_reply_json(request, 200, page, err);
}

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
