#include "lib/transport/web.h"

#include <stdio.h>
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/delivery.h"
#include "lib/domain/destination_settings.h"
#include "lib/domain/report_message.h"

struct http_peer web_peer(const struct destination_settings *to)
{
	bool is_mutual = to->tls == DESTINATION_TLS_MUTUAL;
	struct http_peer peer = {.url = to->url,
	                         .user = to->secret.user,
	                         .password = to->secret.password,
	                         .token = to->secret.token,
	                         .trust_pem = to->trust_pem,
	                         .certificate_pem = is_mutual ? to->certificate_pem : "",
	                         .private_key_pem = is_mutual ? to->secret.private_key_pem : "",
	                         .connect_timeout_ms = to->connect_timeout_ms,
	                         .answer_timeout_ms = to->answer_timeout_ms};

	return peer;
}

bool web_open(const struct destination_settings *to, struct http_client **out, struct err *err)
{
	struct http_peer peer = web_peer(to);

	if (to->tls != DESTINATION_TLS_OFF && strncasecmp(to->url, "https:", 6) != 0)
		return err_set(err, ERR_TEMPORARY, "could not use the address: TLS is asked for, and it has none");
	return http_client_new(&peer, out, err);
}

/* ---- answers --------------------------------------------------------------------------------------------------------------- */

static const char *way_fault(int status)
{
	switch (status) {
	case 401:
	case 403:
		return "the peer does not accept our credentials";
	case 404:
	case 405:
		return "there is no such service at this address";
	case 408:
	case 425:
	case 429:
		return "the peer asks us to come again later";
	}
	if (status >= 300 && status < 400)
		return "the peer points to another address, which is not followed";
	if (status == 407 || status < 200)
		return "something that is not the peer answered";
	return status >= 500 ? "the peer has a fault of its own" : NULL;
}

bool web_way_works(const struct transport_call *call, const struct http_answer *answer, struct err *err)
{
	const char *fault = way_fault(answer->status);

	if (!fault)
		return true;
	if (call && call->wait_ms && answer->retry_after_ms > 0)
		*call->wait_ms = answer->retry_after_ms;
	(void)err_set(err, ERR_TEMPORARY, "could not deliver: %s (HTTP %d)", fault, answer->status);
	return err_code(err, ERR_SOURCE_HTTP, (uint32_t)answer->status);
}

bool web_post(const struct transport_call *call, const char *path, const char *const *headers, const char *body,
              size_t length, struct http_answer *out, struct err *err)
{
	struct http_bytes bytes = {body, length};
	struct http_source source = http_source_of(&bytes);
	struct http_ask ask = {
	    .method = "POST", .path = path, .headers = headers, .source = &source, .answer_max = WEB_ANSWER_MAX};
	struct http_client *client;
	bool ok;

	if (!call->go_on(call->context, length))
		return err_set(err, ERR_CANCELLED, "the sending was stopped");
	if (!web_open(call->to, &client, err))
		return false;
	ok = http_client_ask(client, &ask, out, err);
	http_client_free(client);
	return ok;
}

bool web_load_report(const struct transport_call *call, struct report_message_loaded *out, struct err *err)
{
	struct db *db;
	bool ok;

	if (!db_take(call->pool, &db, err))
		return false;
	ok = report_message_load(db, call->store, call->job->id, out, err);
	db_give(db);
	if (!ok && (err->kind == ERR_NOT_FOUND || err->kind == ERR_CORRUPT))
		err->kind = ERR_INVALID;
	return ok;
}

/* ---- tests ----------------------------------------------------------------------------------------------------------------- */

int web_steps(const struct http_way *way, const struct err *err, struct transport_step steps[TRANSPORT_STEPS_MAX])
{
	static const char *const names[] = {"name", "tcp", "tls", "request"};
	int count = 0;

	for (int phase = HTTP_PHASE_NAME; phase < HTTP_PHASE_DONE && phase <= (int)way->reached; phase++) {
		struct transport_step *step = &steps[count];

		if (phase == HTTP_PHASE_TLS && !way->has_tls)
			continue;
		step->name = names[phase];
		step->is_ok = phase < (int)way->reached;
		step->elapsed_ms = way->elapsed_ms[phase];
		text_copy(step->text, sizeof(step->text), step->is_ok || !err ? "" : err->text);
		count++;
	}
	return count;
}

static int failed_setting(const struct err *err, struct transport_step steps[TRANSPORT_STEPS_MAX])
{
	steps[0] = (struct transport_step){.name = "name", .is_ok = false};
	text_copy(steps[0].text, sizeof(steps[0].text), err->text);
	return 1;
}

int web_test(const struct destination_settings *to, const struct http_ask *ask,
             struct transport_step steps[TRANSPORT_STEPS_MAX])
{
	struct http_client *client;
	struct http_answer answer;
	struct http_way way;
	struct err err;
	int count;

	if (!web_open(to, &client, &err))
		return failed_setting(&err, steps);
	if (!http_client_ask(client, ask, &answer, &err)) {
		http_client_way(client, &way);
		count = web_steps(&way, &err, steps);
	} else {
		http_client_way(client, &way);
		count = web_steps(&way, NULL, steps);
		if (!web_way_works(NULL, &answer, &err)) {
			steps[count - 1].is_ok = false;
			text_copy(steps[count - 1].text, sizeof(steps[count - 1].text), err.text);
		} else {
			snprintf(steps[count - 1].text, sizeof(steps[count - 1].text), "HTTP %d", answer.status);
		}
		http_answer_fini(&answer);
	}
	http_client_free(client);
	return count;
}
