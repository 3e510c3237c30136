/* Figures. What they are is decided in lib/domain/figure.h and coverage.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "gateway/openapi.h"
#include "lib/base/daemon.h"
#include "lib/base/text.h"
#include "lib/domain/coverage.h"
#include "lib/domain/figure_book.h"

enum { ROWS_DEFAULT = 100, ROWS_MAX = 1000 };

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

/* Rows name no patient, but studies: who looked is kept. */
static bool audit_rows(struct http_request *request, const char *action, const char *figure, struct err *err)
{
	return caller_audit(request, action, "figure", figure, NULL, NULL, err);
}

bool handle_figure_rows(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct figure_rows_query query = {.figure = http_param(request, "figure")};
	struct db *db;
	json_t *page = NULL;
	if (!read_query(request, &query.query, err) || !input_query_id(request, "site", &query.site, err) ||
	    !input_query_id(request, "after", &query.after, err) ||
	    !input_query_int(request, "limit", 1, ROWS_MAX, ROWS_DEFAULT, &query.limit, err) ||
	    !caller_db(request, &db, err) || !figure_rows_read(db, &query, &page, err))
		return false;
	if (!audit_rows(request, "figure.rows", query.figure, err)) {
		json_decref(page);
		return false;
	}
	return http_reply_json(request, 200, page, err);
}

/* RFC 6266, RFC 8187: a plain name for old clients, the real one percent-encoded. */
static bool add_file_name(struct http_request *request, const char *name, struct err *err)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	char value[600] = "attachment; filename=\"figures.xlsx\"; filename*=UTF-8''";
	size_t at = strlen(value);
	for (; *name != '\0' && at + 4 < sizeof value; name++) {
		if (strchr(plain, *name) != NULL)
			value[at++] = *name;
		else
			at += (size_t)snprintf(value + at, sizeof value - at, "%%%02X", (unsigned char)*name);
	}
	value[at] = '\0';
	return http_add_header(request, "Content-Disposition", value, err);
}

bool handle_figures_export(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct figure_book_query query = {.rows.figure = http_query(request, "figure")};
	struct figure_book book;
	const char *language;
	struct db *db;
	if (!read_query(request, &query.rows.query, err) ||
	    !input_query_word(request, "table", FIGURE_BOOK_TABLES, &query.table, err) ||
	    !input_query_word(request, "language", "zh-CN en", &language, err) ||
	    !input_query_id(request, "site", &query.rows.site, err))
		return false;
	if (query.table == NULL)
		return err_set(err, ERR_INVALID, "table is missing: one of " FIGURE_BOOK_TABLES);
	query.is_english = language != NULL && strcmp(language, "en") == 0;
	if (!caller_db(request, &db, err) || !figure_book_write(db, &query, &book, err))
		return false;
	if (!audit_rows(request, "figure.export", query.table, err) || !add_file_name(request, book.name, err)) {
		close(book.fd);
		return false;
	}
	return http_reply_file(request, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", book.fd,
	                       book.size, err);
}

bool handle_openapi(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return http_reply_lasting(request, 200, "application/json", openapi_text, openapi_length, err);
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
