/* What a handler may ask about its request. */
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/http/internal.h"
#include "lib/http/media.h"

static char *copy(const char *text)
{
	char *made = strdup(text);
	if (made == NULL)
		err_panic("out of memory");
	return made;
}

/* Numeric; empty when it is not known. */
static void name_peer(const struct sockaddr *address, char out[HTTP_PEER_SIZE])
{
	out[0] = '\0';
	if (address == NULL)
		return;
	socklen_t size = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (getnameinfo(address, size, out, HTTP_PEER_SIZE, NULL, 0, NI_NUMERICHOST) != 0)
		out[0] = '\0';
}

struct http_request *request_new(struct http_server *server, struct MHD_Connection *connection, const char *method,
                                 const char *path)
{
	struct http_request *request = calloc(1, sizeof *request);
	if (request == NULL)
		err_panic("out of memory");
	request->server = server;
	request->connection = connection;
	request->method = copy(method);
	request->path = copy(path);
	request->started_ms = clock_monotonic_ms();
	text_uuid_new(request->id);
	text_buf_init(&request->body, 0);
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	name_peer(info == NULL ? NULL : info->client_addr, request->peer);
	return request;
}

bool request_is_safe(const struct http_request *request)
{
	return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

static void free_pairs(struct http_pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
	}
}

void request_free(struct http_request *request)
{
	if (request->socket != NULL)
		socket_abandon(request->socket);
	free_pairs(request->params, request->param_count);
	free_pairs(request->query, request->query_count);
	free_pairs(request->headers, request->header_count);
	text_buf_fini(&request->body);
	json_decref(request->json);
	if (request->response != NULL)
		MHD_destroy_response(request->response);
	free(request->method);
	free(request->path);
	free(request);
}

struct query_reader {
	struct http_request *request;
	struct err *err;
	bool ok;
};

static bool refuse_many(struct err *err)
{
	return err_set(err, ERR_INVALID, "the query has more than %d arguments", HTTP_QUERY_MAX);
}

bool http_add_query(struct http_request *request, const char *name, const char *value, struct err *err)
{
	if (request->query_count == HTTP_QUERY_MAX)
		return refuse_many(err);
	request->query[request->query_count++] = (struct http_pair){copy(name), copy(value)};
	return true;
}

static enum MHD_Result take_argument(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct query_reader *reader = context;
	struct http_request *request = reader->request;
	(void)kind;
	if (request->query_count == HTTP_QUERY_MAX) {
		reader->ok = refuse_many(reader->err);
		return MHD_NO;
	}
	struct http_pair pair = {NULL, NULL};
	const char *text = value == NULL ? "" : value;
	reader->ok = route_decode(name, strlen(name), &pair.name, reader->err) &&
	             route_decode(text, strlen(text), &pair.value, reader->err);
	if (!reader->ok) {
		free(pair.name);
		return MHD_NO;
	}
	request->query[request->query_count++] = pair;
	return MHD_YES;
}

bool request_read_query(struct http_request *request, struct err *err)
{
	struct query_reader reader = {request, err, true};
	MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, take_argument, &reader);
	return reader.ok;
}

static const char *find(const struct http_pair *pairs, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(pairs[i].name, name) == 0)
			return pairs[i].value;
	return NULL;
}

const char *http_method(const struct http_request *request)
{
	return request->method;
}

const char *http_pattern(const struct http_request *request)
{
	return request->route ? request->route->pattern : "-";
}

const char *http_path(const struct http_request *request)
{
	return request->path;
}

const char *http_id(const struct http_request *request)
{
	return request->id;
}

const char *http_param(const struct http_request *request, const char *name)
{
	return find(request->params, request->param_count, name);
}

const char *http_query_name(const struct http_request *request, size_t index)
{
	return index < request->query_count ? request->query[index].name : NULL;
}

const char *http_query_value(const struct http_request *request, size_t index)
{
	return index < request->query_count ? request->query[index].value : NULL;
}

const char *http_query(const struct http_request *request, const char *name)
{
	return find(request->query, request->query_count, name);
}

const char *http_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_cookie(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, name);
}

const char *http_peer(const struct http_request *request)
{
	return request->peer;
}

void http_keep_plain(struct http_request *request)
{
	request->is_plain = true;
}

bool http_takes_gzip(const struct http_request *request)
{
	return negotiate_gzip(http_header(request, MHD_HTTP_HEADER_ACCEPT_ENCODING));
}

void http_body(const struct http_request *request, const void **bytes, size_t *length)
{
	*bytes = request->body.length > 0 ? request->body.data : "";
	*length = request->body.length;
}

void http_set_user(struct http_request *request, void *user)
{
	request->user = user;
}

void *http_user(const struct http_request *request)
{
	return request->user;
}

enum { JSON_DEPTH_MAX = 32 };

/* Nesting outside of strings. jansson's own limit is compiled in and far higher. */
static bool is_too_deep(const char *text, size_t length)
{
	int depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

/* The JSON of the body, whatever it is; the caller's. */
static bool parse_body(const struct http_request *request, json_t **out, struct err *err)
{
	if (request->body.length == 0)
		return err_set(err, ERR_INVALID, "the body is empty, a JSON object is wanted");
	if (is_too_deep(request->body.data, request->body.length))
		return err_set(err, ERR_INVALID, "the JSON of the body is nested deeper than %d", JSON_DEPTH_MAX);

	json_error_t fault;
	*out = json_loadb(request->body.data, request->body.length, JSON_REJECT_DUPLICATES, &fault);
	if (*out == NULL)
		return err_set(err, ERR_INVALID, "the body is no JSON: line %d, column %d: %.100s", fault.line,
		               fault.column, fault.text);
	return true;
}

static bool refuse_type(const char *wanted, struct err *err)
{
	err_set(err, ERR_INVALID, "the body must be %s", wanted);
	return err_code(err, ERR_SOURCE_HTTP, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE);
}

bool http_body_json(struct http_request *request, json_t **out, struct err *err)
{
	if (request->json == NULL) {
		json_t *json;
		if (!media_is(http_header(request, "Content-Type"), "application/json"))
			return refuse_type("application/json", err);
		if (!parse_body(request, &json, err))
			return false;
		if (!json_is_object(json)) {
			json_decref(json);
			return err_set(err, ERR_INVALID, "the JSON of the body is no object");
		}
		request->json = json;
	}
	*out = request->json;
	return true;
}

bool http_body_dicom_json(struct http_request *request, json_t **out, struct err *err)
{
	if (request->json == NULL) {
		const char *type = http_header(request, "Content-Type");
		json_t *json;
		if (!media_is(type, "application/dicom+json") && !media_is(type, "application/json"))
			return refuse_type("application/dicom+json", err);
		if (!parse_body(request, &json, err))
			return false;
		json_t *dataset = json_is_array(json) && json_array_size(json) == 1 ? json_array_get(json, 0) : json;
		if (!json_is_object(dataset)) {
			json_decref(json);
			return err_set(err, ERR_INVALID, "the JSON of the body is not one dataset");
		}
		request->json = json_incref(dataset);
		json_decref(json);
	}
	*out = request->json;
	return true;
}
