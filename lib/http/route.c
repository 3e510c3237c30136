/*
 * From a request line to a row of the table. Percent-decoding (RFC 3986 section 2.1) comes after splitting, so that %2F stays inside its
 * segment; patterns are compared with the segments as they were sent.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/http/internal.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Writes at most length bytes; false: a percent sign without two digits. */
static bool decode_bytes(const char *text, size_t length, char *out, size_t *out_length)
{
	size_t used = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] != '%') {
			out[used++] = text[i];
			continue;
		}
		if (length - i < 3)
			return false;
		int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
		if (high < 0 || low < 0)
			return false;
		out[used++] = (char)(high << 4 | low);
		i += 2;
	}
	*out_length = used;
	return true;
}

bool route_decode(const char *text, size_t length, char **out, struct err *err)
{
	char *decoded = malloc(length + 1);
	if (decoded == NULL)
		err_panic("out of memory");
	size_t used = 0;
	if (!decode_bytes(text, length, decoded, &used)) {
		free(decoded);
		return err_set(err, ERR_INVALID, "the address has a broken percent-encoding");
	}
	if (!text_is_utf8(decoded, used)) {
		free(decoded);
		return err_set(err, ERR_INVALID, "the address is not UTF-8");
	}
	decoded[used] = '\0';
	*out = decoded;
	return true;
}

struct segment {
	const char *text;
	size_t length;
};

/* Takes the next segment behind a slash; false: there is none. */
static bool next_segment(const char **rest, struct segment *out)
{
	if (**rest != '/')
		return false;
	out->text = *rest + 1;
	out->length = strcspn(out->text, "/");
	*rest = out->text + out->length;
	return true;
}

static bool is_param(const struct segment *pattern)
{
	return pattern->length > 2 && pattern->text[0] == '{';
}

static bool segment_fits(const struct segment *pattern, const struct segment *path)
{
	if (is_param(pattern))
		return path->length > 0;
	return pattern->length == path->length && memcmp(pattern->text, path->text, path->length) == 0;
}

static bool pattern_fits(const char *pattern, const char *path)
{
	struct segment wanted, got;
	while (next_segment(&pattern, &wanted)) {
		if (!next_segment(&path, &got) || !segment_fits(&wanted, &got))
			return false;
	}
	return *path == '\0';
}

static bool method_fits(const char *route, const char *method)
{
	return strcmp(route, method) == 0 || (strcmp(route, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static bool read_params(struct http_request *request, struct err *err)
{
	const char *pattern = request->route->pattern, *path = request->path;
	struct segment wanted, got;
	while (next_segment(&pattern, &wanted) && next_segment(&path, &got)) {
		if (!is_param(&wanted))
			continue;
		struct http_pair *param = &request->params[request->param_count];
		if (!route_decode(got.text, got.length, &param->value, err))
			return false;
		param->name = strndup(wanted.text + 1, wanted.length - 2);
		if (param->name == NULL)
			err_panic("out of memory");
		request->param_count++;
	}
	return true;
}

/* The value of Allow (RFC 9110 section 10.2.1), NULL when no pattern fits the path. Heap. */
static char *allowed_methods(const struct http_server *server, const char *path)
{
	struct text_buf list;
	text_buf_init(&list, 256);
	for (size_t i = 0; i < server->settings.route_count; i++) {
		const struct http_route *route = &server->settings.routes[i];
		if (!pattern_fits(route->pattern, path))
			continue;
		if (!text_buf_printf(&list, "%s%s%s", list.length > 0 ? ", " : "", route->method,
		                     strcmp(route->method, "GET") == 0 ? ", HEAD" : ""))
			err_panic("too many methods for one path");
	}
	char *allow = list.length > 0 ? strdup(list.data) : NULL;
	text_buf_fini(&list);
	return allow;
}

bool route_find(const struct http_server *server, struct http_request *request, char **allow, struct err *err)
{
	for (size_t i = 0; i < server->settings.route_count; i++) {
		const struct http_route *route = &server->settings.routes[i];
		if (method_fits(route->method, request->method) && pattern_fits(route->pattern, request->path)) {
			request->route = route;
			return read_params(request, err);
		}
	}
	char *methods = allowed_methods(server, request->path);
	if (methods == NULL)
		return err_set(err, ERR_NOT_FOUND, "there is nothing at this address");
	*allow = methods;
	err_set(err, ERR_REFUSED, "this address does not take the method %.20s", request->method);
	return err_code(err, ERR_SOURCE_HTTP, MHD_HTTP_METHOD_NOT_ALLOWED);
}

void route_check(const struct http_route *routes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *pattern = routes[i].pattern;
		struct segment segment;
		size_t params = 0;
		while (next_segment(&pattern, &segment)) {
			bool opens = memchr(segment.text, '{', segment.length) != NULL;
			if (opens && (!is_param(&segment) || segment.text[segment.length - 1] != '}'))
				err_panic("malformed route %s", routes[i].pattern);
			params += opens;
		}
		if (*pattern != '\0' || routes[i].pattern[0] != '/' || params > HTTP_PARAMS_MAX)
			err_panic("malformed route %s", routes[i].pattern);
	}
}
