/* The opening handshake of a WebSocket (RFC 6455 section 4.2). */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/http/internal.h"

enum { KEY_LENGTH = 24 }; /* 16 bytes in base64 */

/* Whether a list of tokens (RFC 9110 section 5.6.1) has one, in any case. */
static bool has_token(const char *list, const char *token)
{
	size_t length = strlen(token);
	for (; list != NULL && *list != '\0'; list += *list == ',') {
		list += strspn(list, " \t");
		size_t found = strcspn(list, " \t,");
		if (found == length && strncasecmp(list, token, length) == 0)
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

static bool is_key(const char *key)
{
	return key != NULL && strlen(key) == KEY_LENGTH &&
	       strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == KEY_LENGTH - 2 &&
	       strcmp(key + KEY_LENGTH - 2, "==") == 0;
}

void handshake_accept(const char *key, char out[HANDSHAKE_ACCEPT_SIZE])
{
	static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[KEY_LENGTH + sizeof magic];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	snprintf(text, sizeof text, "%s%s", key, magic);
	if (EVP_Digest(text, strlen(text), digest, &length, EVP_sha1(), NULL) != 1)
		err_panic("could not hash");
	EVP_EncodeBlock((unsigned char *)out, digest, (int)length);
}

static bool refuse_handshake(struct http_request *request, const char *text, struct err *err)
{
	struct err ignored = {0};
	if (!http_add_header(request, MHD_HTTP_HEADER_UPGRADE, "websocket", &ignored) ||
	    !http_add_header(request, "Sec-WebSocket-Version", "13", &ignored))
		err_panic("too many headers in one answer");
	err_set(err, ERR_INVALID, "%s", text);
	return err_code(err, ERR_SOURCE_HTTP, MHD_HTTP_UPGRADE_REQUIRED);
}

bool http_wants_socket(struct http_request *request, struct err *err)
{
	const char *version = http_header(request, "Sec-WebSocket-Version");
	/* libmicrohttpd would end the connection without a word; a proxy that speaks HTTP/1.0 behind itself is set up so. */
	if (request->is_http_1_0)
		return refuse_handshake(request, "this is a WebSocket: ask for it by HTTP/1.1", err);
	if (strcmp(request->method, "GET") != 0 || !has_token(http_header(request, "Upgrade"), "websocket") ||
	    !has_token(http_header(request, "Connection"), "upgrade"))
		return refuse_handshake(request, "this is a WebSocket: ask for an upgrade", err);
	if (version == NULL || strcmp(version, "13") != 0)
		return refuse_handshake(request, "this is a WebSocket of version 13", err);
	if (!is_key(http_header(request, "Sec-WebSocket-Key")))
		return err_set(err, ERR_INVALID, "Sec-WebSocket-Key is missing or no key");
	return true;
}
