/* The test of a destination says at which step it fails, for each of the transports over HTTP and bare lines. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/destination_settings.h"
#include "lib/transport/transport.h"
#include "tests/support/peer.h"

static char url[80], none[] = "", key[] = "key";

static struct destination_settings settings_at(const char *scheme, uint16_t port)
{
	struct destination_settings to = {.name = none,
	                                  .host = "127.0.0.1",
	                                  .port = port,
	                                  .url = url,
	                                  .tls = strcmp(scheme, "https") == 0 ? DESTINATION_TLS_SERVER
	                                                                      : DESTINATION_TLS_OFF,
	                                  .trust_pem = none,
	                                  .certificate_pem = none,
	                                  .secret = {none, none, none, key, none},
	                                  .connect_timeout_ms = 2000,
	                                  .answer_timeout_ms = 2000};

	snprintf(url, sizeof url, "%s://127.0.0.1:%u/base/", scheme, port);
	return to;
}

/* "name tcp! " for a test that failed at tcp; static storage. */
static const char *walk(const char *protocol, const struct destination_settings *to)
{
	static char walked[200];
	struct transport_step steps[TRANSPORT_STEPS_MAX];
	int count = transport_find(protocol)->test(to, steps);

	walked[0] = '\0';
	for (int i = 0; i < count; i++) {
		snprintf(walked + strlen(walked), sizeof walked - strlen(walked), "%s%s ", steps[i].name,
		         steps[i].is_ok ? "" : "!");
		cr_expect(steps[i].is_ok || steps[i].text[0], "%s fails at %s and says nothing", protocol,
		          steps[i].name);
		cr_expect_geq(steps[i].elapsed_ms, 0);
	}
	return walked;
}

static const char *const protocols[] = {"stow", "fhir", "webhook", "hl7"};
enum { HL7 = 3, PROTOCOLS = 4 };

static void expect_all(const char *scheme, const struct peer_script *script, const char *want, const char *want_of_hl7)
{
	for (int i = 0; i < PROTOCOLS; i++) {
		struct peer *server = script ? peer_start(script, 1) : NULL;
		struct destination_settings to = settings_at(scheme, server ? peer_port(server) : peer_closed_port());
		const char *wanted = i == HL7 ? want_of_hl7 : want, *got = walk(protocols[i], &to);

		cr_expect_str_eq(got, wanted, "%s: got \"%s\", want \"%s\"", protocols[i], got, wanted);
		if (server)
			peer_stop(server);
	}
}

Test(steps, nobody_is_there)
{
	expect_all("http", NULL, "name tcp! ", "name tcp! ");
}

Test(steps, the_peer_speaks_no_tls)
{
	static const struct peer_script plain = {.is_deaf = true, .answer = "hello"};

	expect_all("https", &plain, "name tcp tls! ", "name tcp tls! ");
}

Test(steps, all_is_well)
{
	static const struct peer_script fine = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"};

	expect_all("http", &fine, "name tcp request ", "name tcp ");
}

Test(steps, the_peer_refuses_us)
{
	static const struct peer_script refuses = {.answer = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"};
	static const struct peer_script wrong = {.answer = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"};

	expect_all("http", &refuses, "name tcp request! ", "name tcp ");
	expect_all("http", &wrong, "name tcp request! ", "name tcp ");
}

Test(steps, each_asks_what_changes_nothing)
{
	static const struct peer_script fine = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"};
	static const char *const want[] = {"GET /base/studies?limit=1 HTTP", "GET /base/metadata HTTP",
	                                   "POST /base HTTP"};

	for (int i = 0; i < HL7; i++) {
		struct peer *server = peer_start(&fine, 1);
		struct destination_settings to = settings_at("http", peer_port(server));
		const char *request;

		walk(protocols[i], &to);
		request = peer_request(server, NULL);
		cr_expect(strncmp(request, want[i], strlen(want[i])) == 0, "%s: %s", protocols[i], request);
		if (strcmp(protocols[i], "webhook") == 0) {
			cr_expect(strstr(request, "\r\nwebhook-signature: v1,"), "%s", request);
			cr_expect(strstr(request, "\"type\":\"test\""), "%s", request);
		}
		peer_stop(server);
	}
}

Test(steps, a_setting_that_cannot_work_is_named)
{
	struct destination_settings to = settings_at("http", 1);

	to.tls = DESTINATION_TLS_SERVER;
	cr_expect_str_eq(walk("fhir", &to), "name! ", "TLS is asked for, and the address has none");
	to.tls = DESTINATION_TLS_OFF;
	to.secret.signing_key = none;
	cr_expect_str_eq(walk("webhook", &to), "request! ", "no key");
}

Test(steps, what_the_peer_said_is_told_apart)
{
	static const char *const cases[][2] = {
	    {"cannot deliver: the peer answered AE 101: no patient", "cannot deliver: the peer answered AE 101"},
	    {"cannot deliver: the peer answered AE 101", "cannot deliver: the peer answered AE 101"},
	    {"could not reach the peer: no: way", "could not reach the peer: no: way"},
	    {"", ""}};
	char ours[60], few[8];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		transport_own_words(cases[i][0], ours, sizeof ours);
		cr_expect_str_eq(ours, cases[i][1]);
	}
	transport_own_words(cases[0][0], few, sizeof few);
	cr_expect_str_eq(few, "cannot ");
}
