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

/* Takes one token or quoted string at *at; lower case when asked. */
static void take_word(const char **at, char *out, size_t out_size, bool lower)
{
	bool is_quoted = **at == '"';
	size_t length = 0;
	*at += is_quoted;
	for (; **at != '\0' && (is_quoted ? **at != '"' : strchr(" \t;,=", **at) == NULL); ++*at)
		if (length + 1 < out_size)
			out[length++] = (char)(lower && **at >= 'A' && **at <= 'Z' ? **at - 'A' + 'a' : **at);
	out[length] = '\0';
	*at += is_quoted && **at == '"';
}

static void take_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

/* RFC 9110 section 12.4.2: 0 to 1 with a few decimals; what lies is -1. */
static double weight_of(const char *text)
{
	size_t length = strspn(text, "0123456789.");
	double weight = length > 0 && length < 12 && text[length] == '\0' ? strtod(text, NULL) : -1;
	return weight <= 1 ? weight : -1;
}

static void take_parameter(const char **at, struct dicomweb_media *media)
{
	char name[32], value[80];
	take_blanks(at);
	take_word(at, name, sizeof name, true);
	take_blanks(at);
	value[0] = '\0';
	if (**at == '=') {
		++*at;
		take_blanks(at);
		take_word(at, value, sizeof value, false);
	}
	if (strcmp(name, "q") == 0)
		media->weight = weight_of(value);
	else if (strcmp(name, "transfer-syntax") == 0)
		text_copy(media->transfer_syntax_uid, sizeof media->transfer_syntax_uid, value);
	else if (strcmp(name, "type") == 0)
		for (size_t i = 0; i < sizeof media->part && (i == 0 || value[i - 1] != '\0'); i++)
			media->part[i] = (char)(value[i] >= 'A' && value[i] <= 'Z' ? value[i] - 'A' + 'a' : value[i]);
	take_blanks(at);
}

static bool take_media(const char **at, struct dicomweb_media *out)
{
	memset(out, 0, sizeof *out);
	out->weight = 1;
	take_blanks(at);
	take_word(at, out->type, sizeof out->type, true);
	take_blanks(at);
	while (**at == ';') {
		++*at;
		take_parameter(at, out);
	}
	out->part[sizeof out->part - 1] = '\0';
	return strchr(out->type, '/') != NULL && out->weight >= 0 && (**at == ',' || **at == '\0');
}

/* The heaviest first, of equal ones the first named. */
static void put_media(struct dicomweb_media out[DICOMWEB_MEDIA_MAX], int count, const struct dicomweb_media *media)
{
	int i = count;
	for (; i > 0 && out[i - 1].weight < media->weight; i--)
		out[i] = out[i - 1];
	out[i] = *media;
}

bool dicomweb_accept(const struct http_request *request, struct dicomweb_media out[DICOMWEB_MEDIA_MAX], int *count,
                     struct err *err)
{
	const char *at = http_query(request, "accept");
	struct dicomweb_media media;
	if (at == NULL)
		at = http_header(request, "Accept");
	if (at == NULL || at[strspn(at, " \t")] == '\0')
		at = "*/*";
	if (strlen(at) > ACCEPT_MAX)
		return err_set(err, ERR_INVALID, "Accept has more than %d characters", ACCEPT_MAX);
	for (*count = 0; *at != '\0'; at += *at == ',') {
		if (!take_media(&at, &media))
			return err_set(err, ERR_INVALID, "Accept is no list of media types");
		if (media.weight <= 0)
			continue;
		if (*count == DICOMWEB_MEDIA_MAX)
			return err_set(err, ERR_INVALID, "Accept names more than %d media types", DICOMWEB_MEDIA_MAX);
		put_media(out, (*count)++, &media);
	}
	return true;
}

bool dicomweb_not_acceptable(struct err *err, const char *offered)
{
	err_set(err, ERR_REFUSED, "this is served as %s", offered);
	return err_code(err, ERR_SOURCE_HTTP, HTTP_NOT_ACCEPTABLE);
}

bool dicomweb_accept_json(const struct http_request *request, struct err *err)
{
	struct dicomweb_media media[DICOMWEB_MEDIA_MAX];
	int count;
	if (!dicomweb_accept(request, media, &count, err))
		return false;
	for (int i = 0; i < count; i++)
		if (strcmp(media[i].type, "application/dicom+json") == 0 ||
		    strcmp(media[i].type, "application/json") == 0 || strcmp(media[i].type, "application/*") == 0 ||
		    strcmp(media[i].type, "*/*") == 0)
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
