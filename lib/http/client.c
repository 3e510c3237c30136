#include "lib/http/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

enum { RETRY_AFTER_MAX_S = 6 * 3600, MS_PER_S = 1000, US_PER_MS = 1000, OK_FIRST = 200 };

struct http_client {
	CURL *easy;
	char *url; /* of the peer, without slash at its end */
	int64_t answer_timeout_ms;
	char error[CURL_ERROR_SIZE];
	struct http_way way;
	/* Of the request at hand. */
	const struct http_source *source;
	uint64_t offset; /* of the source: what libcurl has taken */
	bool is_source_broken;
	struct err source_err;
	struct http_answer *answer;
	bool has_head;          /* the final status and its headers are whole */
	int64_t moved_ms;       /* when the request last went on */
	curl_off_t moved_bytes; /* how far it was then */
	bool is_too_slow;
	int64_t started_ms, tls_ms; /* monotonic; tls_ms: when the handshake began, 0: it did not */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global;

static void start_library(void)
{
	global = curl_global_init(CURL_GLOBAL_DEFAULT);
}

void http_answer_fini(struct http_answer *answer)
{
	text_buf_fini(&answer->body);
}

/* ---- the peer -------------------------------------------------------------------------------------------------------- */

static bool set_failed(CURLcode code, struct err *err)
{
	return err_set(err, ERR_TEMPORARY, "could not set up the connection: %s", curl_easy_strerror(code));
}

#define SET(option, value)                                                                                             \
	do {                                                                                                           \
		CURLcode set_code = curl_easy_setopt(client->easy, option, value);                                     \
		if (set_code != CURLE_OK)                                                                              \
			return set_failed(set_code, err);                                                              \
	} while (0)

static bool set_blob(struct http_client *client, CURLoption option, const char *pem, struct err *err)
{
	struct curl_blob blob = {.data = (void *)pem, .len = strlen(pem), .flags = CURL_BLOB_COPY};

	SET(option, &blob);
	return true;
}

/* Comes when TCP is there. libcurl's own times tell that only when TLS is there, too. */
static CURLcode on_tls(CURL *easy, void *tls, void *context)
{
	struct http_client *client = context;

	(void)easy, (void)tls;
	client->tls_ms = clock_monotonic_ms();
	return CURLE_OK;
}

static bool set_tls(struct http_client *client, const struct http_peer *peer, struct err *err)
{
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSL_CTX_FUNCTION, on_tls);
	SET(CURLOPT_SSL_CTX_DATA, client);
	if (*peer->trust_pem) {
		/* The blob stands for the file of authorities; their folder would be asked beside it. */
		SET(CURLOPT_CAPATH, NULL);
		if (!set_blob(client, CURLOPT_CAINFO_BLOB, peer->trust_pem, err))
			return false;
	}
	if (!*peer->certificate_pem)
		return true;
	if (!*peer->private_key_pem)
		return err_set(err, ERR_TEMPORARY, "could not show our certificate: its private key is not there");
	return set_blob(client, CURLOPT_SSLCERT_BLOB, peer->certificate_pem, err) &&
	       set_blob(client, CURLOPT_SSLKEY_BLOB, peer->private_key_pem, err);
}

static bool set_identity(struct http_client *client, const struct http_peer *peer, struct err *err)
{
	if (*peer->token) {
		SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		SET(CURLOPT_XOAUTH2_BEARER, peer->token);
	} else if (*peer->user) {
		SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		SET(CURLOPT_USERNAME, peer->user);
		SET(CURLOPT_PASSWORD, peer->password);
	}
	return true;
}

static bool set_bounds(struct http_client *client, const struct http_peer *peer, struct err *err)
{
	SET(CURLOPT_ERRORBUFFER, client->error);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)peer->connect_timeout_ms);
	SET(CURLOPT_TCP_NODELAY, 1L);
	return true;
}

static bool set_up(struct http_client *client, const struct http_peer *peer, struct err *err)
{
	return set_bounds(client, peer, err) && set_tls(client, peer, err) && set_identity(client, peer, err);
}

static char *url_of(const char *url)
{
	size_t length = strlen(url);
	char *copy;

	while (length > 0 && url[length - 1] == '/')
		length--;
	copy = strndup(url, length);
	if (!copy)
		err_panic("out of memory");
	return copy;
}

bool http_client_new(const struct http_peer *peer, struct http_client **out, struct err *err)
{
	struct http_client *client;

	pthread_once(&once, start_library);
	if (global != CURLE_OK)
		return set_failed(global, err);
	client = calloc(1, sizeof(*client));
	if (!client)
		err_panic("out of memory");
	client->easy = curl_easy_init();
	client->url = url_of(peer->url);
	client->answer_timeout_ms = peer->answer_timeout_ms;
	client->way.has_tls = strncasecmp(peer->url, "https:", 6) == 0;
	if (!client->easy)
		err_panic("out of memory");
	if (!set_up(client, peer, err)) {
		http_client_free(client);
		return false;
	}
	*out = client;
	return true;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->easy);
	free(client->url);
	free(client);
}

/* ---- how far it came --------------------------------------------------------------------------------------------------- */

static int64_t time_of(const struct http_client *client, CURLINFO info)
{
	curl_off_t us = 0;

	curl_easy_getinfo(client->easy, info, &us);
	return us;
}

/* When a phase ended, since the start; 0: it did not. */
static int64_t end_of(const struct http_client *client, int phase)
{
	switch (phase) {
	case HTTP_PHASE_NAME:
		return time_of(client, CURLINFO_NAMELOOKUP_TIME_T) / US_PER_MS;
	case HTTP_PHASE_TCP:
		return client->tls_ms ? client->tls_ms - client->started_ms
		                      : time_of(client, CURLINFO_CONNECT_TIME_T) / US_PER_MS;
	case HTTP_PHASE_TLS:
		return time_of(client, CURLINFO_APPCONNECT_TIME_T) / US_PER_MS;
	default:
		return time_of(client, CURLINFO_TOTAL_TIME_T) / US_PER_MS;
	}
}

static enum http_phase phase_of(const struct http_client *client, CURLcode code)
{
	bool is_open = time_of(client, CURLINFO_PRETRANSFER_TIME_T) > 0 ||
	               time_of(client, client->way.has_tls ? CURLINFO_APPCONNECT_TIME_T : CURLINFO_CONNECT_TIME_T) > 0;

	if (code == CURLE_OK || client->has_head)
		return HTTP_PHASE_DONE;
	if (is_open)
		return HTTP_PHASE_REQUEST;
	if (client->tls_ms)
		return HTTP_PHASE_TLS;
	return code == CURLE_COULDNT_RESOLVE_HOST || time_of(client, CURLINFO_NAMELOOKUP_TIME_T) == 0 ? HTTP_PHASE_NAME
	                                                                                              : HTTP_PHASE_TCP;
}

static void measure(struct http_client *client, CURLcode code)
{
	struct http_way *way = &client->way;
	int64_t before = 0, end;

	way->reached = phase_of(client, code);
	for (int phase = HTTP_PHASE_NAME; phase < HTTP_PHASE_DONE; phase++) {
		end = end_of(client, phase == (int)way->reached ? HTTP_PHASE_REQUEST : phase);
		way->elapsed_ms[phase] = end > before ? end - before : 0;
		before = end > before ? end : before;
	}
}

void http_client_way(const struct http_client *client, struct http_way *out)
{
	*out = client->way;
}

/* ---- a request ------------------------------------------------------------------------------------------------------------ */

static size_t on_read(char *out, size_t size, size_t count, void *context)
{
	struct http_client *client = context;
	uint64_t left = client->source->size - client->offset;
	size_t length = 0, wanted = size * count < left ? size * count : (size_t)left;

	if (wanted == 0)
		return 0;
	if (!client->source->read_at(client->source->context, client->offset, out, wanted, &length,
	                             &client->source_err) ||
	    length == 0) {
		client->is_source_broken = true;
		return CURL_READFUNC_ABORT;
	}
	client->offset += length;
	return length;
}

/* libcurl goes back to the start when a kept connection turns out to be closed. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
	struct http_client *client = context;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > client->source->size)
		return CURL_SEEKFUNC_FAIL;
	client->offset = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t on_write(char *bytes, size_t size, size_t count, void *context)
{
	struct http_client *client = context;

	if (text_buf_append(&client->answer->body, bytes, size * count))
		return size * count;
	client->answer->is_cut = true;
	return 0;
}

/* A 100 comes before the real one; the blank line ends the headers of each. */
static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
	struct http_client *client = context;
	long status = 0;

	if (size * count == 2 && memcmp(bytes, "\r\n", 2) == 0) {
		curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
		client->has_head = status >= OK_FIRST;
	}
	return size * count;
}

/* Until the line is there, connect_timeout_ms alone counts. A byte of the answer is no progress: all of it has its time from the last byte out. */
static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct http_client *client = context;
	int64_t now_ms = clock_monotonic_ms();

	(void)down_total, (void)down, (void)up_total;
	if (up != client->moved_bytes || time_of(client, CURLINFO_PRETRANSFER_TIME_T) == 0) {
		client->moved_bytes = up;
		client->moved_ms = now_ms;
	}
	client->is_too_slow = now_ms - client->moved_ms > client->answer_timeout_ms;
	return client->is_too_slow;
}

static bool set_method(struct http_client *client, const struct http_ask *ask, struct err *err)
{
	if (ask->source) {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)ask->source->size);
	} else {
		SET(CURLOPT_HTTPGET, 1L);
	}
	SET(CURLOPT_CUSTOMREQUEST, ask->method);
	return true;
}

static bool set_hooks(struct http_client *client, struct err *err)
{
	SET(CURLOPT_READFUNCTION, on_read);
	SET(CURLOPT_READDATA, client);
	SET(CURLOPT_SEEKFUNCTION, on_seek);
	SET(CURLOPT_SEEKDATA, client);
	SET(CURLOPT_WRITEFUNCTION, on_write);
	SET(CURLOPT_WRITEDATA, client);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, client);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, client);
	SET(CURLOPT_NOPROGRESS, 0L);
	return true;
}

static bool set_url(struct http_client *client, const char *path, struct err *err)
{
	struct text_buf url;
	bool ok;

	text_buf_init(&url, strlen(client->url) + strlen(path) + 1);
	ok = text_buf_printf(&url, "%s%s", client->url, path) &&
	     curl_easy_setopt(client->easy, CURLOPT_URL, url.data) == CURLE_OK;
	text_buf_fini(&url);
	return ok || err_set(err, ERR_TEMPORARY, "could not use the address of the peer");
}

/* An empty Expect keeps libcurl from waiting for a 100 that many peers never send. */
static bool set_headers(struct http_client *client, const char *const *headers, struct curl_slist **out,
                        struct err *err)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *longer;

	for (; list && headers && *headers; headers++) {
		longer = curl_slist_append(list, *headers);
		if (!longer)
			err_panic("out of memory");
		list = longer;
	}
	*out = list;
	SET(CURLOPT_HTTPHEADER, list);
	return true;
}

static bool is_tls_fault(CURLcode code)
{
	return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
	       code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CIPHER || code == CURLE_SSL_CACERT_BADFILE ||
	       code == CURLE_SSL_ISSUER_ERROR;
}

static const char *reason_of(const struct http_client *client, CURLcode code)
{
	return client->error[0] ? client->error : curl_easy_strerror(code);
}

/* No answer. Only a request that went out whole can have been understood; one without a body asks and changes nothing. */
static bool no_answer(const struct http_client *client, CURLcode code, struct err *err)
{
	const struct http_source *source = client->source;

	if (client->is_source_broken) {
		*err = client->source_err;
		return false;
	}
	if (is_tls_fault(code))
		return err_set(err, ERR_TEMPORARY, "could not agree on TLS with the peer: %s", reason_of(client, code));
	if (client->way.reached != HTTP_PHASE_REQUEST)
		return err_set(err, ERR_TEMPORARY, "could not reach the peer: %s", reason_of(client, code));
	if (source && client->offset == source->size)
		return err_set(err, ERR_UNKNOWN_OUTCOME, "the peer did not answer: %s",
		               client->is_too_slow ? "it took too long" : reason_of(client, code));
	return err_set(err, ERR_TEMPORARY, "could not finish the request: %s",
	               client->is_too_slow ? "the peer took too long" : reason_of(client, code));
}

static void begin(struct http_client *client, const struct http_ask *ask, struct http_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	text_buf_init(&answer->body, ask->answer_max);
	client->answer = answer;
	client->source = ask->source;
	client->offset = 0;
	client->is_source_broken = client->has_head = client->is_too_slow = false;
	client->error[0] = '\0';
	client->moved_bytes = 0;
	client->moved_ms = client->started_ms = clock_monotonic_ms();
	client->tls_ms = 0;
}

static bool perform(struct http_client *client, struct err *err)
{
	struct http_answer *answer = client->answer;
	CURLcode code = curl_easy_perform(client->easy);
	curl_off_t after_s = 0;
	long status = 0;

	curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(client->easy, CURLINFO_RETRY_AFTER, &after_s);
	measure(client, code);
	if (code != CURLE_OK && !client->has_head)
		return no_answer(client, code, err);
	answer->status = (int)status;
	answer->is_cut = answer->is_cut || code != CURLE_OK;
	answer->retry_after_ms = (after_s < RETRY_AFTER_MAX_S ? after_s : RETRY_AFTER_MAX_S) * MS_PER_S;
	return true;
}

bool http_client_ask(struct http_client *client, const struct http_ask *ask, struct http_answer *out, struct err *err)
{
	struct curl_slist *headers = NULL;
	bool ok;

	begin(client, ask, out);
	ok = set_hooks(client, err) && set_method(client, ask, err) && set_url(client, ask->path, err) &&
	     set_headers(client, ask->headers, &headers, err) && perform(client, err);
	curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	client->source = NULL;
	if (!ok)
		http_answer_fini(out);
	return ok;
}

static bool read_bytes(void *context, uint64_t offset, void *out, size_t size, size_t *out_length, struct err *err)
{
	const struct http_bytes *bytes = context;

	(void)err;
	*out_length = size < bytes->length - offset ? size : bytes->length - (size_t)offset;
	memcpy(out, (const char *)bytes->bytes + offset, *out_length);
	return true;
}

struct http_source http_source_of(const struct http_bytes *bytes)
{
	struct http_source source = {.read_at = read_bytes, .context = (void *)bytes, .size = bytes->length};

	return source;
}

/* ---- a bare line --------------------------------------------------------------------------------------------------------- */

static bool connect_line(struct http_client *client, struct http_way *way, struct err *err)
{
	CURLcode code;

	SET(CURLOPT_CONNECT_ONLY, 1L);
	SET(CURLOPT_SSL_ENABLE_ALPN, 0L);
	SET(CURLOPT_URL, client->url);
	client->started_ms = clock_monotonic_ms();
	code = curl_easy_perform(client->easy);
	measure(client, code);
	if (way)
		*way = client->way;
	return code == CURLE_OK || no_answer(client, code, err);
}

bool http_line_open(const struct http_peer *peer, struct http_client **out, struct http_way *way, struct err *err)
{
	struct http_client *client;

	if (!http_client_new(peer, &client, err))
		return false;
	if (!connect_line(client, way, err)) {
		http_client_free(client);
		return false;
	}
	*out = client;
	return true;
}

/* Until the line can do more, or the time is over. */
static bool await(struct http_client *line, short events, int64_t until_ms)
{
	struct pollfd poll_fd = {.events = events};
	curl_socket_t fd = CURL_SOCKET_BAD;
	int64_t left_ms;
	int ready;

	curl_easy_getinfo(line->easy, CURLINFO_ACTIVESOCKET, &fd);
	poll_fd.fd = fd;
	do {
		left_ms = until_ms - clock_monotonic_ms();
		ready = left_ms > 0 ? poll(&poll_fd, 1, (int)left_ms) : 0;
	} while (ready < 0 && errno == EINTR);
	return ready > 0;
}

bool http_line_send(struct http_client *line, const void *bytes, size_t length, struct err *err)
{
	int64_t until_ms = clock_monotonic_ms() + line->answer_timeout_ms;
	size_t done = 0, sent;

	while (done < length) {
		CURLcode code = curl_easy_send(line->easy, (const char *)bytes + done, length - done, &sent);

		if (code == CURLE_OK) {
			done += sent;
			until_ms = clock_monotonic_ms() + line->answer_timeout_ms;
		} else if (code != CURLE_AGAIN) {
			return err_set(err, ERR_TEMPORARY, "could not send all to the peer: %s",
			               curl_easy_strerror(code));
		} else if (!await(line, POLLOUT, until_ms)) {
			return err_set(err, ERR_TEMPORARY, "could not send all to the peer: it takes no more");
		}
	}
	return true;
}

bool http_line_receive(struct http_client *line, void *out, size_t size, int64_t until_ms, size_t *out_length,
                       struct err *err)
{
	CURLcode code;

	while ((code = curl_easy_recv(line->easy, out, size, out_length)) == CURLE_AGAIN)
		if (!await(line, POLLIN, until_ms))
			return err_set(err, ERR_TEMPORARY, "the peer did not answer in time");
	if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_GOT_NOTHING)
		*out_length = 0;
	else if (code != CURLE_OK)
		return err_set(err, ERR_TEMPORARY, "could not receive from the peer: %s", curl_easy_strerror(code));
	return true;
}
