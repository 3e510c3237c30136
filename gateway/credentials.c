#include "gateway/credentials.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/workstation.h"
#include "lib/http/http.h"

/* What stands behind a scheme, or NULL. */
static const char *behind(const char *authorization, const char *scheme)
{
	size_t length = strlen(scheme);
	if (strncasecmp(authorization, scheme, length) != 0 || authorization[length] != ' ')
		return NULL;
	return authorization + length + strspn(authorization + length, " ");
}

/* RFC 4648 section 4, padded; no NUL inside. */
static bool decode(const char *text, char *out, size_t out_size)
{
	size_t length = strlen(text), padding = 0;
	if (length == 0 || length % 4 != 0 || length / 4 * 3 >= out_size)
		return false;
	while (padding < 2 && text[length - 1 - padding] == '=')
		padding++;
	int count = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)length);
	if (count < 0)
		return false;
	out[(size_t)count - padding] = '\0';
	return strlen(out) == (size_t)count - padding && text_is_utf8(out, strlen(out));
}

static bool read_basic(const char *encoded, struct credentials *out)
{
	char pair[CREDENTIALS_TEXT_SIZE];
	if (!decode(encoded, pair, sizeof pair))
		return false;
	char *colon = strchr(pair, ':');
	if (colon == NULL)
		return false;
	*colon = '\0';
	out->has_user = true;
	return text_copy(out->user, sizeof out->user, pair) && text_copy(out->token, sizeof out->token, colon + 1);
}

bool credentials_read(const char *authorization, struct credentials *out)
{
	memset(out, 0, sizeof *out);
	const char *token = behind(authorization, "Bearer");
	if (token != NULL)
		return token[0] != '\0' && text_copy(out->token, sizeof out->token, token);
	const char *basic = behind(authorization, "Basic");
	return basic != NULL && read_basic(basic, out);
}

static bool is_below(const char *pattern, const char *folder)
{
	size_t length = strlen(folder);
	return strncmp(pattern, folder, length) == 0 && (pattern[length] == '\0' || pattern[length] == '/');
}

uint32_t credentials_use_of(const char *method, const char *pattern)
{
	bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	if (!is_below(pattern, "/dicom-web"))
		return 0;
	if (is_below(pattern, "/dicom-web/workitems") || is_below(pattern, "/dicom-web/subscribers"))
		return WORKSTATION_WORKLIST;
	if (reads)
		return WORKSTATION_READ;
	return strcmp(method, "POST") == 0 && is_below(pattern, "/dicom-web/studies") ? WORKSTATION_STORE : 0;
}

static bool is_browser(const struct http_request *request)
{
	const char *agent = http_header(request, "User-Agent");
	return http_header(request, "Sec-Fetch-Site") != NULL || http_header(request, "Cookie") != NULL ||
	       (agent != NULL && strncmp(agent, "Mozilla/", 8) == 0);
}

void credentials_challenge(struct http_request *request, bool was_wrong)
{
	struct err err;
	bool ok = http_add_header(request, "WWW-Authenticate",
	                          was_wrong ? "Bearer realm=\"yingqiao\", error=\"invalid_token\""
	                                    : "Bearer realm=\"yingqiao\"",
	                          &err) &&
	          (is_browser(request) ||
	           http_add_header(request, "WWW-Authenticate", "Basic realm=\"yingqiao\", charset=\"UTF-8\"", &err));
	if (!ok)
		err_panic("too many headers in one answer");
}
