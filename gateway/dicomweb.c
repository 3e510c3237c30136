#include "gateway/dicomweb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/caller.h"
#include "gateway/input.h"

enum { HTTP_NOT_ACCEPTABLE = 406, ACCEPT_MAX = 4000 };

/* ---- addresses ----------------------------------------------------------------------------------------------------------- */

static bool is_host(const char *host)
{
	return host != NULL && host[0] != '\0' && strlen(host) < 256 &&
	       host[strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]")] == '\0';
}

void dicomweb_base(const struct http_request *request, char out[DICOMWEB_BASE_SIZE])
{
	const char *host = http_header(request, "Host"), *scheme = http_header(request, "X-Forwarded-Proto");
	bool is_tls = scheme != NULL && strcmp(scheme, "https") == 0;
	if (is_host(host))
		snprintf(out, DICOMWEB_BASE_SIZE, "%s://%s/dicom-web", is_tls ? "https" : "http", host);
	else
		snprintf(out, DICOMWEB_BASE_SIZE, "/dicom-web");
}

void dicomweb_locate(const char *base, const struct db_rows *rows, int row, char *out, size_t out_size)
{
	snprintf(out, out_size, "%s/studies/%s/series/%s/instances/%s", base, db_get_text(rows, row, "shown_uid"),
	         db_get_text(rows, row, "series_instance_uid"), db_get_text(rows, row, "sop_instance_uid"));
}

/* ---- Accept ----------------------------------------------------------------------------------------------------------------- */

bool dicomweb_accept_text(const struct http_request *request, struct text_buf *out, struct err *err)
{
	const char *query = http_query(request, "accept");
	text_buf_init(out, ACCEPT_MAX);
	if (query != NULL ? text_buf_append(out, query, strlen(query)) : http_header_list(request, "Accept", out))
		return true;
	text_buf_fini(out);
	return err_set(err, ERR_INVALID, "Accept has more than %d characters", ACCEPT_MAX);
}

bool dicomweb_accept(const struct http_request *request, struct accept *out, struct err *err)
{
	struct text_buf text;
	if (!dicomweb_accept_text(request, &text, err))
		return false;
	bool ok = accept_parse(text.data, out, err);
	text_buf_fini(&text);
	return ok;
}

bool dicomweb_not_acceptable(struct err *err, const char *offered)
{
	err_set(err, ERR_REFUSED, "this is served as %s", offered);
	return err_code(err, ERR_SOURCE_HTTP, HTTP_NOT_ACCEPTABLE);
}

bool dicomweb_accept_json(const struct http_request *request, struct err *err)
{
	static const struct accept_offer offer = {.type = "application/dicom+json"};
	struct accept accept;
	if (!dicomweb_accept(request, &accept, err))
		return false;
	for (int i = 0; i < accept.count; i++)
		if (accept_decides(&accept, i, &offer) || strcmp(accept.taken[i].type, "application/json") == 0)
			return true;
	return dicomweb_not_acceptable(err, "application/dicom+json");
}

/* ---- objects ------------------------------------------------------------------------------------------------------------------- */

/* The part of the address may be absent. */
static bool read_uid(const struct http_request *request, const char *name, const char **out, struct err *err)
{
	*out = NULL;
	return http_param(request, name) == NULL || input_path_uid(request, name, out, err);
}

/* Rows of one study stand together. */
static bool audit_studies(struct http_request *request, const char *action, const struct db_rows *rows, struct err *err)
{
	for (int i = 0; i < db_rows_count(rows); i++) {
		const char *study = db_get_text(rows, i, "study");
		if (i > 0 && strcmp(study, db_get_text(rows, i - 1, "study")) == 0)
			continue;
		if (!caller_audit(request, action, "study", study, db_get_text(rows, i, "site_id"), NULL, err))
			return false;
	}
	return true;
}

bool dicomweb_objects(struct http_request *request, const char *action, struct db_rows **out, struct err *err)
{
	const char *study, *series, *instance;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_uid(request, "study", &study, err) || !read_uid(request, "series", &series, err) ||
	    !read_uid(request, "instance", &instance, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_DICOMWEB_OBJECTS, DB_PARAMS(db_text(study), db_text(series), db_text(instance)),
	                 instance != NULL ? "the instance"
	                 : series != NULL ? "the series"
	                                  : "the study",
	                 &rows, err))
		return false;
	if (!audit_studies(request, action, rows, err)) {
		db_rows_free(rows);
		return false;
	}
	caller_rest(request);
	*out = rows;
	return true;
}
