/* Answers. Each http_reply_*() makes the response; the connection thread sends it when the handler is done. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/log.h"
#include "lib/http/internal.h"

enum { GZIP_WORTH_BYTES = 1024 };

static const struct {
	const char *name, *value;
} common_headers[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
};

const char *reply_header(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (strcasecmp(request->headers[i].name, name) == 0)
			return request->headers[i].value;
	return NULL;
}

static void put_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (MHD_add_response_header(response, name, value) != MHD_YES)
		err_panic("could not add the header %s", name);
}

void reply_finish(struct http_request *request, int status, const char *type, struct MHD_Response *response)
{
	if (response == NULL)
		err_panic("out of memory");
	for (size_t i = 0; i < sizeof common_headers / sizeof common_headers[0]; i++)
		if (reply_header(request, common_headers[i].name) == NULL)
			put_header(response, common_headers[i].name, common_headers[i].value);
	for (size_t i = 0; i < request->header_count; i++)
		put_header(response, request->headers[i].name, request->headers[i].value);
	put_header(response, "X-Request-Id", request->id);
	if (type != NULL)
		put_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (request->response != NULL)
		MHD_destroy_response(request->response);
	request->response = response;
	request->status = status;
}

/* RFC 9110 section 5.6.2 and 5.5, without obs-text. */
static bool is_header(const char *name, const char *value)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	if (*name == '\0' || name[strspn(name, token)] != '\0')
		return false;
	for (const char *c = value; *c != '\0'; c++)
		if ((*c < ' ' && *c != '\t') || *c == 0x7f)
			return false;
	return true;
}

bool http_add_header(struct http_request *request, const char *name, const char *value, struct err *err)
{
	if (!is_header(name, value))
		return err_set(err, ERR_INVALID, "cannot send a header with this name or value");
	if (request->header_count == HTTP_HEADERS_MAX)
		return err_set(err, ERR_INVALID, "cannot send more than %d headers", HTTP_HEADERS_MAX);
	struct http_pair pair = {strdup(name), strdup(value)};
	if (pair.name == NULL || pair.value == NULL)
		err_panic("out of memory");
	request->headers[request->header_count++] = pair;
	return true;
}

/* Replaces *text by its gzip form where that is worth it, allowed and taken. */
static void pack_json(struct http_request *request, char **text, size_t *length)
{
	if (*length < GZIP_WORTH_BYTES || request->is_plain)
		return;
	struct err ignored = {0};
	bool takes = http_takes_gzip(request);
	if (!http_add_header(request, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING, &ignored) ||
	    (takes && !http_add_header(request, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip", &ignored)))
		err_panic("too many headers in one answer");
	if (!takes)
		return;
	char *plain = *text;
	*text = negotiate_pack(plain, *length, length);
	free(plain);
}

bool http_reply_json(struct http_request *request, int status, json_t *json, struct err *err)
{
	return http_reply_json_as(request, status, "application/json", json, err);
}

bool http_reply_json_as(struct http_request *request, int status, const char *type, json_t *json, struct err *err)
{
	(void)err;
	char *text = json_dumps(json, JSON_COMPACT);
	if (text == NULL)
		err_panic("could not write JSON");
	json_decref(json);
	size_t length = strlen(text);
	pack_json(request, &text, &length);
	reply_finish(request, status, type, MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE));
	return true;
}

bool http_reply_bytes(struct http_request *request, int status, const char *type, const void *bytes, size_t length,
                      struct err *err)
{
	(void)err;
	/* libmicrohttpd only reads it, and copies at once. */
	union {
		const void *from;
		void *to;
	} borrowed = {bytes};
	reply_finish(request, status, type,
	             MHD_create_response_from_buffer(length, length > 0 ? borrowed.to : NULL,
	                                             length > 0 ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT));
	return true;
}

bool http_reply_lasting(struct http_request *request, int status, const char *type, const void *bytes, size_t length,
                        struct err *err)
{
	(void)err;
	/* libmicrohttpd only reads it. */
	union {
		const void *from;
		void *to;
	} borrowed = {bytes};
	reply_finish(request, status, type,
	             MHD_create_response_from_buffer(length, borrowed.to, MHD_RESPMEM_PERSISTENT));
	return true;
}

bool http_reply_empty(struct http_request *request, int status, struct err *err)
{
	(void)err;
	reply_finish(request, status, NULL, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
	return true;
}

/* ---- errors ---------------------------------------------------------------------------------------------------- */

static int status_of(const struct err *err)
{
	if (err->source == ERR_SOURCE_HTTP && err->code >= 400 && err->code < 600)
		return (int)err->code;
	return err_kind_info(err->kind)->http_status;
}

static const char *title_of(int status)
{
	static const struct {
		int status;
		const char *title;
	} titles[] = {
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {406, "Not Acceptable"},
	    {409, "Conflict"},
	    {412, "Precondition Failed"},
	    {413, "Content Too Large"},
	    {414, "URI Too Long"},
	    {415, "Unsupported Media Type"},
	    {416, "Range Not Satisfiable"},
	    {422, "Unprocessable Content"},
	    {429, "Too Many Requests"},
	    {499, "Cancelled"},
	    {500, "Internal Server Error"},
	    {502, "Bad Gateway"},
	    {503, "Service Unavailable"},
	    {504, "Gateway Timeout"},
	    {507, "Insufficient Storage"},
	};
	for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

static void set_text(json_t *object, const char *name, const char *text)
{
	if (json_object_set_new(object, name, json_string(text)) != 0)
		err_panic("could not write JSON");
}

char *reply_problem_text(const struct http_request *request, const struct err *err, int *out_status)
{
	int status = status_of(err);
	json_t *problem = json_object();
	set_text(problem, "title", title_of(status));
	if (json_object_set_new(problem, "status", json_integer(status)) != 0)
		err_panic("could not write JSON");
	set_text(problem, "kind", err_kind_info(err->kind)->name);
	/* What went wrong inside is for the log; its text may name files and tables. */
	set_text(problem, "detail",
	         status < 500 ? err->text : "the server could not answer; see its log for this request");
	set_text(problem, "request_id", request->id);
	char *text = json_dumps(problem, JSON_COMPACT);
	if (text == NULL)
		err_panic("could not write JSON");
	json_decref(problem);
	*out_status = status;
	return text;
}

void reply_problem(struct http_request *request, const struct err *err)
{
	int status;
	char *text = reply_problem_text(request, err, &status);
	if (status >= 500)
		log_err(LOG_HTTP_FAILED, err, "request=%s", request->id);
	reply_finish(request, status, "application/problem+json",
	             MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		put_header(request->response, MHD_HTTP_HEADER_RETRY_AFTER, "2");
}
