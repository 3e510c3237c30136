/* TLS between two ends in this process, turn by turn over a pair of sockets. */
#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/tls.h"
#include "tests/support/certificates.h"

static struct test_authority ours, theirs;

static void make_world(void)
{
	struct err err;

	cr_assert(clock_init(&err), "%s", err.text);
	test_authority_make(&ours, "ours");
	test_authority_make(&theirs, "theirs");
}

static void drop_world(void)
{
	test_authority_drop(&ours);
	test_authority_drop(&theirs);
}

TestSuite(tls, .init = make_world, .fini = drop_world);

struct pair {
	int fds[2];
	struct tls *server, *client;
	enum tls_turn server_turn, client_turn;
};

static bool is_waiting(enum tls_turn turn)
{
	return turn == TLS_WANTS_READ || turn == TLS_WANTS_WRITE;
}

static void open_pair(struct pair *pair, struct tls_context *server, struct tls_context *client, const char *host)
{
	*pair = (struct pair){.server_turn = TLS_WANTS_READ, .client_turn = TLS_WANTS_READ};
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair->fds), 0);
	pair->server = tls_new_server(server, pair->fds[0]);
	pair->client = tls_new_client(client, pair->fds[1], host);
}

static void close_pair(struct pair *pair)
{
	tls_free(pair->client);
	tls_free(pair->server);
	close(pair->fds[0]);
	close(pair->fds[1]);
}

static void shake(struct pair *pair)
{
	for (int i = 0; i < 20; i++) {
		if (is_waiting(pair->client_turn))
			pair->client_turn = tls_handshake(pair->client);
		if (is_waiting(pair->server_turn))
			pair->server_turn = tls_handshake(pair->server);
	}
}

static struct tls_context *server_of(const struct test_certificate *own, const char *trust, bool asks)
{
	struct tls_identity identity = {own->pem, own->key_pem, trust};
	struct tls_context *context = NULL;
	struct err err;

	cr_assert(tls_context_server(&identity, asks, &context, &err), "%s", err.text);
	return context;
}

static struct tls_context *client_of(const struct test_certificate *own, const char *trust)
{
	struct tls_identity identity = {own ? own->pem : NULL, own ? own->key_pem : NULL, trust};
	struct tls_context *context = NULL;
	struct err err;

	cr_assert(tls_context_client(&identity, &context, &err), "%s", err.text);
	return context;
}

Test(tls, bytes_come_through_and_both_know_whom_they_talk_to)
{
	struct test_certificate door, device;
	struct tls_context *server, *client;
	struct tls_peer peer;
	struct certificate want;
	struct pair pair;
	struct err err;
	char text[16] = "";
	size_t n = 0;

	test_certificate_make(&ours, "door", "pacs.example 127.0.0.1", 0, 30, &door);
	test_certificate_make(&ours, "DR 一号", "", 0, 30, &device);
	server = server_of(&door, ours.pem, true);
	client = client_of(&device, ours.pem);
	open_pair(&pair, server, client, "127.0.0.1");
	tls_context_free(server);
	tls_context_free(client);
	shake(&pair);
	cr_assert_eq(pair.client_turn, TLS_DONE, "%s", tls_fault(pair.client));
	cr_assert_eq(pair.server_turn, TLS_DONE, "%s", tls_fault(pair.server));
	cr_expect_str_eq(tls_version(pair.server), "TLSv1.3");
	cr_assert_eq(tls_write(pair.client, "hello", 5, false, &n), TLS_DONE);
	cr_assert_eq(tls_read(pair.server, text, 2, &n), TLS_DONE);
	cr_expect(tls_has_pending(pair.server), "three bytes are left, of which the socket knows nothing");
	cr_assert_eq(tls_read(pair.server, text + 2, 10, &n), TLS_DONE);
	cr_expect_str_eq(text, "hello");
	cr_expect_not(tls_has_pending(pair.server));
	cr_expect_eq(tls_read(pair.server, text, 1, &n), TLS_WANTS_READ);
	tls_peer(pair.server, &peer);
	cr_assert(certificate_read(device.pem, strlen(device.pem), &want, &err), "%s", err.text);
	cr_expect(peer.has_certificate && peer.is_trusted && peer.is_current);
	cr_expect_str_eq(peer.certificate.sha256, want.sha256);
	cr_expect(strstr(peer.certificate.subject, "CN=DR 一号"), "got %s", peer.certificate.subject);
	tls_peer(pair.client, &peer);
	cr_expect_str_eq(peer.certificate.names, "pacs.example 127.0.0.1");
	tls_free(pair.client);
	pair.client = NULL;
	cr_expect_eq(tls_read(pair.server, text, 1, &n), TLS_ENDED);
	close_pair(&pair);
	test_certificate_drop(&door);
	test_certificate_drop(&device);
}

/* The client takes nobody whom it should not, each with its own words. */
Test(tls, a_client_says_what_is_wrong_with_the_certificate_of_its_peer)
{
	static const struct {
		const char *hosts, *host, *words;
		int from_days, days;
		bool is_foreign, is_pinned;
	} cases[] = {
	    {"pacs.example", "pacs.example", "", 0, 30, false, false},
	    {"10.1.2.3", "10.1.2.3", "", 0, 30, false, false},
	    {"pacs.example", "other.example", "is not for other.example but for pacs.example", 0, 30, false, false},
	    {"10.1.2.3", "10.1.2.4", "is not for 10.1.2.4 but for 10.1.2.3", 0, 30, false, false},
	    {"", "pacs.example", "for no host at all", 0, 30, false, false},
	    {"pacs.example", "pacs.example", "its certificate ended on ", -40, 30, false, false},
	    {"pacs.example", "pacs.example", "is a clock wrong?", 40, 30, false, false},
	    {"pacs.example", "pacs.example", "of nobody whom we trust", 0, 30, true, false},
	    {"", "10.9.9.9", "", 0, 30, true, true},
	    {"", "10.9.9.9", "its certificate ended on ", -40, 30, true, true}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct test_certificate door;
		struct tls_context *server, *client;
		struct pair pair;

		test_certificate_make(cases[i].is_foreign ? &theirs : &ours, "door", cases[i].hosts, cases[i].from_days,
		                      cases[i].days, &door);
		server = server_of(&door, NULL, false);
		client = client_of(NULL, cases[i].is_pinned ? door.pem : ours.pem);
		open_pair(&pair, server, client, cases[i].host);
		shake(&pair);
		cr_expect_eq(pair.client_turn, cases[i].words[0] ? TLS_FAILED : TLS_DONE, "case %zu: %s", i,
		             tls_fault(pair.client));
		cr_expect(strstr(tls_fault(pair.client), cases[i].words), "case %zu: got '%s'", i,
		          tls_fault(pair.client));
		cr_expect(cases[i].words[0] || !tls_fault(pair.client)[0], "case %zu: %s", i, tls_fault(pair.client));
		close_pair(&pair);
		tls_context_free(server);
		tls_context_free(client);
		test_certificate_drop(&door);
	}
}

Test(tls, a_server_takes_every_certificate_and_tells_what_it_thinks_of_it)
{
	static const struct {
		int from_days, days;
		bool is_foreign, shows, is_trusted, is_current;
	} cases[] = {{0, 30, false, true, true, true},
	             {0, 30, true, true, false, true},
	             {-40, 30, false, true, false, false},
	             {40, 30, false, true, false, false},
	             {0, 30, false, false, false, false}};
	struct test_certificate door, device;

	test_certificate_make(&ours, "door", "pacs.example", 0, 30, &door);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tls_context *server = server_of(&door, ours.pem, true), *client;
		struct tls_peer peer;
		struct pair pair;

		test_certificate_make(cases[i].is_foreign ? &theirs : &ours, "DR", "", cases[i].from_days,
		                      cases[i].days, &device);
		client = client_of(cases[i].shows ? &device : NULL, ours.pem);
		open_pair(&pair, server, client, "pacs.example");
		shake(&pair);
		cr_assert_eq(pair.server_turn, TLS_DONE, "case %zu: %s", i, tls_fault(pair.server));
		tls_peer(pair.server, &peer);
		cr_expect_eq(peer.has_certificate, cases[i].shows, "case %zu", i);
		cr_expect_eq(peer.is_trusted, cases[i].is_trusted, "case %zu", i);
		cr_expect_eq(peer.is_current, cases[i].is_current, "case %zu", i);
		close_pair(&pair);
		tls_context_free(server);
		tls_context_free(client);
		test_certificate_drop(&device);
	}
	test_certificate_drop(&door);
}

/* The whole of a text that is sent raw to one end, and what that end says of it. */
Test(tls, what_is_no_tls_fails_with_words)
{
	static const struct {
		const char *bytes, *words;
		size_t length;
		bool to_client;
	} cases[] = {{"\x01\x00\x00\x00\x00\xcd\x00\x01\x00\x00", "does not speak TLS", 10, false},
	             {"GET / HTTP/1.1\r\n\r\n", "does not speak TLS", 18, false},
	             {"\x16\x03\x01\xff\xff\x01\x00", "does not speak TLS", 7, false},
	             {"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x00", "does not speak TLS", 10, true},
	             {"\x15\x03\x03\x00\x02\x02\x28", "or wants a certificate of ours", 7, true},
	             {"\x15\x03\x03\x00\x02\x02\x46", "does not speak TLS 1.2", 7, true},
	             {"", "closed the connection during the handshake", 0, true},
	             {"", "closed the connection during the handshake", 0, false}};
	struct test_certificate door;
	struct tls_context *server, *client;

	test_certificate_make(&ours, "door", "pacs.example", 0, 30, &door);
	server = server_of(&door, NULL, false);
	client = client_of(NULL, ours.pem);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pair pair;
		struct tls *one;
		int other;

		open_pair(&pair, server, client, "pacs.example");
		one = cases[i].to_client ? pair.client : pair.server;
		other = pair.fds[cases[i].to_client ? 0 : 1];
		cr_expect_eq(tls_handshake(one), TLS_WANTS_READ);
		cr_assert_eq(write(other, cases[i].bytes, cases[i].length), cases[i].length);
		(void)shutdown(other, SHUT_WR);
		cr_expect_eq(tls_handshake(one), cases[i].length ? TLS_FAILED : TLS_ENDED, "case %zu", i);
		cr_expect(strstr(tls_fault(one), cases[i].words), "case %zu: got '%s'", i, tls_fault(one));
		close_pair(&pair);
	}
	tls_context_free(server);
	tls_context_free(client);
	test_certificate_drop(&door);
}

/* A peer of our own making that may do what ours never does. */
static SSL *foreign_client(int fd, int version, const char *ciphers)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	cr_assert_eq(SSL_CTX_set_min_proto_version(context, version), 1);
	cr_assert_eq(SSL_CTX_set_max_proto_version(context, version), 1);
	SSL_CTX_set_security_level(context, 0);
	if (ciphers)
		cr_assert_eq(SSL_CTX_set_cipher_list(context, ciphers), 1);
	ssl = SSL_new(context);
	SSL_CTX_free(context);
	cr_assert_eq(SSL_set_fd(ssl, fd), 1);
	SSL_set_connect_state(ssl);
	return ssl;
}

static enum tls_turn shake_with(struct tls *tls, SSL *foreign)
{
	enum tls_turn turn = TLS_WANTS_READ;

	for (int i = 0; i < 20 && is_waiting(turn); i++) {
		(void)SSL_do_handshake(foreign);
		turn = tls_handshake(tls);
	}
	(void)SSL_do_handshake(foreign);
	return turn;
}

Test(tls, old_versions_and_weak_ciphers_are_refused_and_those_of_the_standard_taken)
{
	static const struct {
		int version;
		const char *ciphers;
		bool is_taken;
	} cases[] = {{TLS1_VERSION, NULL, false},
	             {TLS1_1_VERSION, NULL, false},
	             {TLS1_2_VERSION, "AES128-SHA", false},
	             {TLS1_2_VERSION, "AES256-GCM-SHA384", false},
	             {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", false},
	             {TLS1_2_VERSION, "aNULL:eNULL@SECLEVEL=0", false},
	             {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", true},
	             {TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", true},
	             {TLS1_3_VERSION, NULL, true}};
	struct test_certificate door;
	struct tls_context *server;

	test_certificate_make(&ours, "door", "pacs.example", 0, 30, &door);
	server = server_of(&door, NULL, false);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int fds[2];
		SSL *foreign;
		struct tls *tls;

		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
		foreign = foreign_client(fds[1], cases[i].version, cases[i].ciphers);
		tls = tls_new_server(server, fds[0]);
		cr_expect_eq(shake_with(tls, foreign), cases[i].is_taken ? TLS_DONE : TLS_FAILED, "case %zu: %s", i,
		             tls_fault(tls));
		tls_free(tls);
		SSL_free(foreign);
		close(fds[0]);
		close(fds[1]);
	}
	tls_context_free(server);
	test_certificate_drop(&door);
}

/* A connection with a foreign client, beyond the handshake. */
static void open_foreign(int version, int fds[2], SSL **foreign, struct tls **tls)
{
	struct test_certificate door;
	struct tls_context *server;

	test_certificate_make(&ours, "door", "pacs.example", 0, 30, &door);
	server = server_of(&door, NULL, false);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	*foreign = foreign_client(fds[1], version, NULL);
	*tls = tls_new_server(server, fds[0]);
	cr_assert_eq(shake_with(*tls, *foreign), TLS_DONE);
	tls_context_free(server);
	test_certificate_drop(&door);
}

static void close_foreign(int fds[2], SSL *foreign, struct tls *tls)
{
	tls_free(tls);
	SSL_free(foreign);
	close(fds[0]);
	close(fds[1]);
}

Test(tls, other_keys_without_end_are_no_conversation)
{
	enum tls_turn turn = TLS_WANTS_READ;
	struct tls *tls;
	SSL *foreign;
	int fds[2], turns;
	char byte;
	size_t n;

	open_foreign(TLS1_3_VERSION, fds, &foreign, &tls);
	for (turns = 0; turns < 100000 && turn == TLS_WANTS_READ; turns++) {
		cr_assert_eq(SSL_key_update(foreign, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		(void)SSL_do_handshake(foreign);
		turn = tls_read(tls, &byte, 1, &n);
		if (turns == 100) {
			cr_assert_eq(SSL_write(foreign, "x", 1), 1);
			cr_expect_eq(tls_read(tls, &byte, 1, &n), TLS_DONE, "now and then they are fine");
		}
	}
	cr_expect_eq(turn, TLS_FAILED, "after %d turns", turns);
	cr_expect(strstr(tls_fault(tls), "without anything inside"), "got %s", tls_fault(tls));
	close_foreign(fds, foreign, tls);
}

Test(tls, nobody_renegotiates)
{
	struct tls *tls;
	SSL *foreign;
	int fds[2], answer;
	char byte;
	size_t n;

	open_foreign(TLS1_2_VERSION, fds, &foreign, &tls);
	cr_assert_eq(SSL_renegotiate(foreign), 1);
	(void)SSL_do_handshake(foreign);
	cr_expect_eq(tls_read(tls, &byte, 1, &n), TLS_WANTS_READ);
	answer = SSL_do_handshake(foreign);
	cr_expect_eq(SSL_get_error(foreign, answer), SSL_ERROR_SSL, "it was given other keys");
	close_foreign(fds, foreign, tls);
}

Test(tls, what_cannot_be_used_is_said)
{
	struct test_certificate door, other;
	struct tls_context *context = NULL;
	struct err err = {0};
	char half[400];

	test_certificate_make(&ours, "door", "pacs.example", 0, 30, &door);
	test_certificate_make(&ours, "other", "pacs.example", 0, 30, &other);
	(void)snprintf(half, sizeof half, "%s", door.pem);
	const struct {
		struct tls_identity identity;
		const char *words;
	} cases[] = {
	    {{NULL, NULL, NULL}, "there is none"},
	    {{door.pem, "", NULL}, "private key is missing"},
	    {{door.pem, other.key_pem, NULL}, "our private key"},
	    {{"nonsense", door.key_pem, NULL}, "our certificate"},
	    {{half, door.key_pem, NULL}, "our certificate"},
	    {{door.pem, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", NULL}, "our private key"},
	    {{door.pem, door.key_pem, "nonsense"}, "to be trusted"},
	    {{door.pem, door.key_pem, half}, "to be trusted"}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		cr_expect_not(tls_context_server(&cases[i].identity, true, &context, &err), "case %zu", i);
		cr_expect_eq(err.kind, ERR_INVALID, "case %zu", i);
		cr_expect(strstr(err.text, cases[i].words), "case %zu: got %s", i, err.text);
	}
	test_certificate_drop(&door);
	test_certificate_drop(&other);
}

Test(certificate, fingerprints_are_read_as_people_write_them)
{
	static const struct {
		const char *text, *want;
	} cases[] = {{"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF",
	              "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"},
	             {"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
	              "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"},
	             {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeef", NULL},
	             {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0", NULL},
	             {"x0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", NULL},
	             {"", NULL}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char got[CERTIFICATE_SHA256_SIZE] = "untouched";

		cr_expect_eq(certificate_parse_sha256(cases[i].text, got), cases[i].want != NULL, "case %zu", i);
		cr_expect_str_eq(got, cases[i].want ? cases[i].want : "untouched");
	}
}

Test(certificate, what_is_none_is_refused)
{
	struct certificate got;
	struct err err = {0};
	uint8_t *der;
	size_t length;

	cr_expect_not(certificate_read("", 0, &got, &err));
	cr_expect_not(certificate_read("hello", 5, &got, &err));
	cr_expect_not(certificate_read("-----BEGIN CERTIFICATE-----\nAA\n", 31, &got, &err));
	cr_expect_not(certificate_der("hello", 5, &der, &length, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
}
