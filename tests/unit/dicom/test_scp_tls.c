/* A provider whose port speaks TLS, and the user side of lib/dicom as its peer. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/tls.h"
#include "lib/dicom/dicom.h"
#include "tests/support/certificates.h"

struct door {
	struct dicom_scp *scp;
	int stop_fd;
	pthread_t thread;
	atomic_int admitted;
	struct dicom_peer peer; /* the last one */
	char port[8];
	struct test_authority authority, stranger;
	struct test_certificate own, device, foreign;
	struct dicom_destination to;
};

static enum dicom_reject admit(void *context, const struct dicom_peer *peer, void **association)
{
	struct door *door = context;

	door->peer = *peer;
	atomic_fetch_add(&door->admitted, 1);
	*association = door;
	return DICOM_ADMIT;
}

static void end(void *context, void *association, const struct dicom_peer *peer, enum dicom_end how,
                enum dicom_reject reject)
{
	(void)context;
	(void)association;
	(void)peer;
	(void)how;
	(void)reject;
}

static void echo(void *context, void *association, const struct dicom_peer *peer)
{
	(void)context;
	(void)association;
	(void)peer;
}

static void *serve(void *context)
{
	struct door *door = context;
	struct err err;

	cr_expect(dicom_scp_run(door->scp, door->stop_fd, 5000, &err));
	return NULL;
}

static bool show(struct door *door, const struct test_certificate *certificate)
{
	struct tls_identity identity = {certificate->pem, certificate->key_pem, door->authority.pem};
	struct err err;

	return dicom_scp_secure(door->scp, &identity, &err);
}

static void make_certificates(struct door *door)
{
	test_authority_make(&door->authority, "authority");
	test_authority_make(&door->stranger, "stranger");
	test_certificate_make(&door->authority, "door", "127.0.0.1", 0, 30, &door->own);
	test_certificate_make(&door->authority, "device", "", 0, 30, &door->device);
	test_certificate_make(&door->stranger, "foreign", "127.0.0.1", 0, 30, &door->foreign);
}

/* One port, chosen by the kernel, for TLS. */
static void open_door(struct door *door, bool is_tls)
{
	struct dicom_scp_settings settings = {.address = "127.0.0.1",
	                                      .association_max = 50,
	                                      .association_timeout_ms = 20000,
	                                      .pdu_timeout_ms = 20000,
	                                      .dimse_timeout_ms = 20000,
	                                      .idle_timeout_ms = 20000,
	                                      .tls_ports = is_tls ? door->port : NULL,
	                                      .asks_certificate = true,
	                                      .handlers = {.admit = admit, .end = end, .echo = echo},
	                                      .context = door};
	struct err err;

	cr_assert(clock_init(&err) && dicom_init(&err), "%s", err.text);
	make_certificates(door);
	cr_assert(listen_open("TEST", "127.0.0.1", 0, &settings.listening.fds[0], &err), "%s", err.text);
	settings.listening.count = 1;
	(void)snprintf(door->port, sizeof door->port, "%u", listen_port(settings.listening.fds[0]));
	cr_assert(dicom_scp_new(&settings, &door->scp, &err), "%s", err.text);
	cr_assert(show(door, &door->own));
	door->to = (struct dicom_destination){.calling_ae = "UNIT",
	                                      .called_ae = "DOOR",
	                                      .host = "127.0.0.1",
	                                      .port = dicom_scp_port(door->scp),
	                                      .timeout_ms = 20000,
	                                      .is_tls = true,
	                                      .trust_pem = door->authority.pem};
	door->stop_fd = eventfd(0, EFD_CLOEXEC);
	cr_assert_eq(pthread_create(&door->thread, NULL, serve, door), 0);
}

static void close_door(struct door *door)
{
	uint64_t one = 1;

	cr_assert_eq(write(door->stop_fd, &one, sizeof one), sizeof one);
	pthread_join(door->thread, NULL);
	dicom_scp_free(door->scp);
	close(door->stop_fd);
	test_certificate_drop(&door->own);
	test_certificate_drop(&door->device);
	test_certificate_drop(&door->foreign);
	test_authority_drop(&door->authority);
	test_authority_drop(&door->stranger);
}

Test(scp_tls, the_provider_knows_the_certificate_of_its_peer)
{
	struct door door = {.scp = NULL};
	struct certificate want;
	enum dicom_contact reached = DICOM_CONTACT_NONE;
	struct err err;

	open_door(&door, true);
	cr_expect(dicom_echo(&door.to, &reached, &err), "%s", err.text);
	cr_expect_eq(reached, DICOM_CONTACT_ASSOCIATED);
	cr_expect_str_eq(door.peer.tls, "TLSv1.3");
	cr_expect_str_eq(door.peer.certificate_sha256, "", "it showed none");
	door.to.certificate_pem = door.device.pem;
	door.to.private_key_pem = door.device.key_pem;
	cr_expect(dicom_echo(&door.to, NULL, &err), "%s", err.text);
	cr_assert(certificate_read(door.device.pem, strlen(door.device.pem), &want, &err));
	cr_expect_str_eq(door.peer.certificate_sha256, want.sha256);
	cr_expect(door.peer.certificate_is_trusted && door.peer.certificate_is_current);
	door.to.certificate_pem = door.foreign.pem;
	door.to.private_key_pem = door.foreign.key_pem;
	cr_expect(dicom_echo(&door.to, NULL, &err), "%s", err.text);
	cr_expect_not(door.peer.certificate_is_trusted, "of another authority");
	close_door(&door);
}

/* Whatever is wrong with TLS is temporary and has a word; what was reached says at which step. */
Test(scp_tls, the_user_says_what_is_wrong)
{
	static const struct {
		const char *words;
		enum dicom_contact reached;
		bool is_plain_door, is_plain_user, has_no_trust, has_foreign_key;
	} cases[] = {{"of nobody whom we trust", DICOM_CONTACT_CONNECTED, false, false, true, false},
	             {"does not speak TLS there", DICOM_CONTACT_CONNECTED, true, false, false, false},
	             {"our private key", DICOM_CONTACT_NONE, false, false, false, true},
	             {"could not open an association", DICOM_CONTACT_SECURED, false, true, false, false}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct door door = {.scp = NULL};
		enum dicom_contact reached = DICOM_CONTACT_NONE;
		struct err err = {0};

		open_door(&door, !cases[i].is_plain_door);
		door.to.is_tls = !cases[i].is_plain_user;
		if (cases[i].has_no_trust)
			door.to.trust_pem = door.stranger.pem;
		if (cases[i].has_foreign_key) {
			door.to.certificate_pem = door.device.pem;
			door.to.private_key_pem = door.foreign.key_pem;
		}
		cr_expect_not(dicom_echo(&door.to, &reached, &err), "case %zu", i);
		cr_expect_eq(err.kind, ERR_TEMPORARY, "case %zu: %s", i, err.text);
		cr_expect(strstr(err.text, cases[i].words), "case %zu: got %s", i, err.text);
		cr_expect_eq(reached, cases[i].reached, "case %zu: got %d", i, reached);
		cr_expect_eq(atomic_load(&door.admitted), 0, "case %zu", i);
		close_door(&door);
	}
}

/* Another certificate for those who come from now on; and a bad one changes nothing. */
Test(scp_tls, a_renewed_certificate_is_shown_without_closing_the_door)
{
	struct test_certificate mixed;
	struct door door = {.scp = NULL};
	struct err err = {0};

	open_door(&door, true);
	cr_expect(dicom_echo(&door.to, NULL, &err), "%s", err.text);
	cr_assert(show(&door, &door.foreign));
	cr_expect_not(dicom_echo(&door.to, NULL, &err));
	cr_expect(strstr(err.text, "of nobody whom we trust"), "got %s", err.text);
	door.to.trust_pem = door.stranger.pem;
	cr_expect(dicom_echo(&door.to, NULL, &err), "%s", err.text);
	mixed = (struct test_certificate){door.own.key_pem, door.device.pem};
	cr_expect_not(show(&door, &mixed));
	cr_expect(dicom_echo(&door.to, NULL, &err), "the one before goes on: %s", err.text);
	close_door(&door);
}

static int connect_to(const struct door *door)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(door->to.port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
	return fd;
}

/* Silent ones, half a hello, and others who hang up: who comes behind them is served. */
Test(scp_tls, who_says_nothing_keeps_nobody_waiting)
{
	static const char *const hellos[] = {"", "\x16", "\x16\x03\x01\x02\x00\x01", "\x15\x03\x01"};
	struct door door = {.scp = NULL};
	struct err err = {0};
	int fds[40];

	open_door(&door, true);
	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		const char *hello = hellos[i % 4];

		fds[i] = connect_to(&door);
		cr_assert_eq(write(fds[i], hello, strlen(hello)), (ssize_t)strlen(hello));
		if (i % 5 == 0)
			(void)shutdown(fds[i], SHUT_WR);
	}
	cr_expect(dicom_echo(&door.to, NULL, &err), "%s", err.text);
	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
		close(fds[i]);
	close_door(&door);
}

Test(scp_tls, who_speaks_plain_dicom_gets_an_abort)
{
	static const unsigned char want[] = {7, 0, 0, 0, 0, 4, 0, 0, 2, 0};
	struct door door = {.scp = NULL};
	unsigned char got[64];
	int fd;

	open_door(&door, true);
	fd = connect_to(&door);
	cr_assert_eq(write(fd, "\x01\x00\x00\x00\x01\x00", 6), 6);
	cr_expect_eq(recv(fd, got, sizeof got, MSG_WAITALL), sizeof want);
	cr_expect_eq(memcmp(got, want, sizeof want), 0);
	close(fd);
	close_door(&door);
}
