/* FHIR R4 over HTTP: the transaction of report_fhir.h. A repeat doubles nothing, so after a lost answer it is sent again. */
#include <stdlib.h>
#include <string.h>

#include "lib/domain/delivery.h"
#include "lib/domain/destination_settings.h"
#include "lib/domain/report_fhir.h"
#include "lib/domain/report_message.h"
#include "lib/transport/fhir_answer.h"
#include "lib/transport/web.h"

static bool load_bundle(const struct transport_call *call, char **out, struct err *err)
{
	struct report_message_loaded loaded;
	json_t *bundle;

	if (!web_load_report(call, &loaded, err))
		return false;
	bundle = report_fhir_build(&loaded.message);
	report_message_fini(&loaded);
	*out = json_dumps(bundle, JSON_COMPACT);
	json_decref(bundle);
	if (!*out)
		err_panic("out of memory");
	return true;
}

/* All or nothing: what is not 200 has changed nothing (https://hl7.org/fhir/R4/http.html#transaction-response). */
static bool judge(const struct transport_call *call, const struct http_answer *answer, struct err *err)
{
	char text[FHIR_TEXT_SIZE];
	bool has_body = !answer->is_cut && answer->body.length > 0;
	enum fhir_answer kind =
	    fhir_answer_read(has_body ? answer->body.data : "", has_body ? answer->body.length : 0, text);

	if (answer->status / 100 == 2) {
		if (answer->is_cut)
			return err_set(err, ERR_UNKNOWN_OUTCOME, "the peer did not finish its answer");
		return kind == FHIR_ANSWER_DONE ||
		       err_set(err, kind == FHIR_ANSWER_FAILED ? ERR_REFUSED : ERR_TEMPORARY, "%s%s%s",
		               kind == FHIR_ANSWER_FAILED
		                   ? "cannot deliver: the peer answered that it did not take all of it"
		                   : "could not deliver: what answers is no FHIR server",
		               *text ? ": " : "", text);
	}
	if (answer->status == 409)
		return err_set(err, ERR_TEMPORARY, "could not deliver: somebody changed the same just now");
	if (!web_way_works(call, answer, err))
		return false;
	(void)err_set(err, ERR_REFUSED, "cannot deliver: the peer answered HTTP %d%s%s", answer->status,
	              *text ? ": " : "", text);
	return err_code(err, ERR_SOURCE_HTTP, (uint32_t)answer->status);
}

static bool send_report(const struct transport_call *call, struct err *err)
{
	static const char *const headers[] = {"Content-Type: application/fhir+json; charset=UTF-8",
	                                      "Accept: application/fhir+json", NULL};
	struct http_answer answer;
	char *body;
	bool ok;

	if (!load_bundle(call, &body, err))
		return false;
	ok = web_post(call, "", headers, body, strlen(body), &answer, err);
	free(body);
	if (!ok)
		return false;
	ok = judge(call, &answer, err);
	http_answer_fini(&answer);
	return ok;
}

static int test_way(const struct destination_settings *to, struct transport_step steps[TRANSPORT_STEPS_MAX])
{
	static const char *const headers[] = {"Accept: application/fhir+json", NULL};
	struct http_ask ask = {
	    .method = "GET", .path = "/metadata", .headers = headers, .answer_max = WEB_ANSWER_MAX * 8};

	return web_test(to, &ask, steps);
}

const struct transport transport_fhir = {.protocol = "fhir", .send = send_report, .verify = NULL, .test = test_way};
