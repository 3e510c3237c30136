#include "lib/http/url.h"

#include <curl/curl.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK && text && *text;

	curl_free(text);
	return has;
}

static bool take_host(CURLU *url, char out[HTTP_HOST_SIZE])
{
	char *host = NULL;
	bool ok = curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && host && *host;

	if (ok) {
		ok = text_copy(out, HTTP_HOST_SIZE, host[0] == '[' ? host + 1 : host);
		out[strcspn(out, "]")] = '\0';
	}
	curl_free(host);
	return ok;
}

bool http_url_read(const char *text, struct http_url *out)
{
	bool is_tls = strncmp(text, "https://", 8) == 0, ok;
	CURLU *url;

	if (!is_tls && strncmp(text, "http://", 7) != 0)
		return false;
	/* Some versions of curl pass over a third slash, and take the path for the host. */
	if (text[is_tls ? 8 : 7] == '/')
		return false;
	url = curl_url();
	if (!url)
		err_panic("out of memory");
	ok = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK && take_host(url, out->host);
	out->is_tls = is_tls;
	out->has_user = has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD);
	/* Also an empty one. */
	out->has_fragment = strchr(text, '#') != NULL;
	curl_url_cleanup(url);
	return ok;
}
