/* Figures. Coverage comes from its one definition, lib/domain/coverage.h. */
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/base/daemon.h"
#include "lib/domain/coverage.h"
#include "lib/domain/figure.h"

bool handle_coverage(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct coverage_query query = {0};
	struct db *db;
	json_t *coverage = NULL;
	return input_query_day(request, "from", &query.from_day, err) &&
	       input_query_day(request, "to", &query.to_day, err) &&
	       input_query_word(request, "basis", "connected served regular", &query.basis, err) &&
	       caller_db(request, &db, err) && coverage_read(db, &query, &coverage, err) &&
	       http_reply_json(request, 200, coverage, err);
}

/* What the query asks of the figures; borrowed from the request. */
static bool read_query(const struct http_request *request, struct figure_query *out, struct err *err)
{
	out->modes = http_query(request, "mode");
	return input_query_id(request, "community", &out->community, err) &&
	       input_query_day(request, "from", &out->from_day, err) &&
	       input_query_day(request, "to", &out->to_day, err);
}

bool handle_figures(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct figure_query query = {0};
	struct db *db;
	json_t *figures = NULL;
	return read_query(request, &query, err) && caller_db(request, &db, err) &&
	       figure_read(db, &query, &figures, err) && http_reply_json(request, 200, figures, err);
}

bool handle_figure_definitions(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct db *db;
	json_t *definitions = NULL;
	return caller_db(request, &db, err) && figure_definitions(db, &definitions, err) &&
	       http_reply_json(request, 200, definitions, err);
}

/* For a load balancer: 503 while the ledger is away. */
bool handle_health(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct db *db = NULL;
	struct err away = {0};
	bool is_there = db_take(gateway->pool, &db, &away);
	db_give(db);
	return http_reply_json(
	    request, is_there ? 200 : 503,
	    json_pack("{s:s, s:s}", "status", is_there ? "ok" : "ledger away", "version", daemon_version()), err);
}
