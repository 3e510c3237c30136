/* Signed events as JSON, to whoever asked for them (webhook.h). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/db/db.h"
#include "lib/domain/delivery.h"
#include "lib/domain/destination_settings.h"
#include "lib/domain/webhook.h"
#include "lib/transport/web.h"

enum { US_PER_S = 1000000, HEADER_SIZE = 128, HTTP_GONE = 410 };

/* The headers of one message; each try has a time and a signature of its own, the id stays. */
struct signed_headers {
	char id[HEADER_SIZE], at[HEADER_SIZE], signature[HEADER_SIZE];
	const char *list[5];
};

/* Without a key nothing is sent: a receiver could not tell it from anybody's. Somebody will set one, so it waits. */
static bool make_headers(const struct destination_settings *to, const char *id, const char *body,
                         struct signed_headers *out, struct err *err)
{
	int64_t now_s = clock_wall_us() / US_PER_S;
	char signature[WEBHOOK_SIGNATURE_SIZE];

	if (!webhook_sign(to->secret.signing_key, id, now_s, body, strlen(body), signature, err)) {
		err->kind = ERR_TEMPORARY;
		return false;
	}
	snprintf(out->id, HEADER_SIZE, "webhook-id: %s", id);
	snprintf(out->at, HEADER_SIZE, "webhook-timestamp: %" PRId64, now_s);
	snprintf(out->signature, HEADER_SIZE, "webhook-signature: %s", signature);
	out->list[0] = "Content-Type: application/json";
	out->list[1] = out->id;
	out->list[2] = out->at;
	out->list[3] = out->signature;
	out->list[4] = NULL;
	return true;
}

/* 410 is the word for "not any more"; every other refusal is one of the receiver's set-up, and waits for it. */
static bool judge(const struct transport_call *call, const struct http_answer *answer, struct err *err)
{
	if (answer->status / 100 == 2)
		return true;
	if (!web_way_works(call, answer, err))
		return false;
	(void)err_set(err, answer->status == HTTP_GONE ? ERR_REFUSED : ERR_TEMPORARY, "%s: the peer answered HTTP %d",
	              answer->status == HTTP_GONE ? "cannot deliver" : "could not deliver", answer->status);
	return err_code(err, ERR_SOURCE_HTTP, (uint32_t)answer->status);
}

static bool load_message(const struct transport_call *call, char **out, struct err *err)
{
	json_t *message = NULL;
	struct db *db;
	bool ok;

	if (!db_take(call->pool, &db, err))
		return false;
	ok = webhook_message(db, call->job->id, &message, err);
	db_give(db);
	if (!ok && err->kind == ERR_NOT_FOUND)
		err->kind = ERR_INVALID; /* nothing of the way */
	if (!ok)
		return false;
	*out = json_dumps(message, JSON_COMPACT);
	json_decref(message);
	if (!*out)
		err_panic("out of memory");
	return true;
}

static bool send_event(const struct transport_call *call, struct err *err)
{
	struct signed_headers headers;
	struct http_answer answer;
	char *body;
	bool ok;

	if (!load_message(call, &body, err))
		return false;
	ok = make_headers(call->to, call->job->id, body, &headers, err) &&
	     web_post(call, "", headers.list, body, strlen(body), &answer, err);
	free(body);
	if (!ok)
		return false;
	ok = judge(call, &answer, err);
	http_answer_fini(&answer);
	return ok;
}

/* A signed message that says that it is a test, with an id of its own. */
static int test_way(const struct destination_settings *to, struct transport_step steps[TRANSPORT_STEPS_MAX])
{
	static const char body[] = "{\"type\":\"test\",\"data\":{}}";
	struct http_bytes bytes = {body, sizeof(body) - 1};
	struct http_source source = http_source_of(&bytes);
	struct http_ask ask = {.method = "POST", .path = "", .source = &source, .answer_max = WEB_ANSWER_MAX};
	struct signed_headers headers;
	char id[TEXT_UUID_SIZE];
	struct err err;

	text_uuid_new(id);
	if (!make_headers(to, id, body, &headers, &err)) {
		steps[0] = (struct transport_step){.name = "request", .is_ok = false};
		text_copy(steps[0].text, sizeof(steps[0].text), err.text);
		return 1;
	}
	ask.headers = headers.list;
	return web_test(to, &ask, steps);
}

const struct transport transport_webhook = {
    .protocol = "webhook", .send = send_event, .verify = NULL, .test = test_way};
