#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/base/listen.h"
#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "tests/unit/dicom/dataset.h"

/* A provider in this process whose handlers note what they are asked, and the user side of lib/dicom as its peer. */
struct station {
	struct dicom_scp *scp;
	int stop_fd;
	pthread_t thread;
	struct dicom_destination to;
	atomic_int begun, bytes, stored, aborted, echoes, admitted, ended;
	atomic_int last_end, last_reject;
	enum dicom_reject answer;
	enum err_kind begin_fault, data_fault, end_fault;
	uint16_t dimse_fault;
	uint8_t digest[DIGEST_SIZE];
	char calling_ae[DICOM_AE_SIZE], syntax[DICOM_UID_SIZE];
};

static bool fail(const struct station *station, enum err_kind kind, struct err *err)
{
	err_set(err, kind, "could not do it: broken on purpose");
	return station->dimse_fault != 0 ? err_code(err, ERR_SOURCE_DIMSE, station->dimse_fault) : false;
}

static enum dicom_reject admit(void *context, const struct dicom_peer *peer, void **association)
{
	struct station *station = context;

	atomic_fetch_add(&station->admitted, 1);
	(void)text_copy(station->calling_ae, sizeof station->calling_ae, peer->calling_ae);
	*association = station;
	return station->answer;
}

static void end(void *context, void *association, const struct dicom_peer *peer, enum dicom_end how,
                enum dicom_reject reject)
{
	struct station *station = context;

	(void)peer;
	cr_expect_eq(association, context);
	atomic_store(&station->last_end, (int)how);
	atomic_store(&station->last_reject, (int)reject);
	atomic_fetch_add(&station->ended, 1);
}

static void echo(void *context, void *association, const struct dicom_peer *peer)
{
	struct station *station = context;

	(void)association;
	(void)peer;
	atomic_fetch_add(&station->echoes, 1);
}

static bool store_begin(void *context, const struct dicom_store_request *request, void **object, struct err *err)
{
	struct station *station = context;

	atomic_fetch_add(&station->begun, 1);
	if (station->begin_fault != ERR_NONE)
		return fail(station, station->begin_fault, err);
	(void)text_copy(station->syntax, sizeof station->syntax, request->transfer_syntax_uid);
	*object = digest_new();
	return true;
}

static bool store_data(void *context, void *object, const void *bytes, size_t length, struct err *err)
{
	struct station *station = context;

	if (station->data_fault != ERR_NONE)
		return fail(station, station->data_fault, err);
	digest_update(object, bytes, length);
	atomic_fetch_add(&station->bytes, (int)length);
	return true;
}

static bool store_end(void *context, void *object, struct err *err)
{
	struct station *station = context;

	digest_final(object, station->digest);
	digest_free(object);
	if (station->end_fault != ERR_NONE)
		return fail(station, station->end_fault, err);
	atomic_fetch_add(&station->stored, 1);
	return true;
}

static void store_abort(void *context, void *object)
{
	struct station *station = context;

	digest_free(object);
	atomic_fetch_add(&station->aborted, 1);
}

static void *serve(void *context)
{
	struct station *station = context;
	struct err err;

	cr_expect(dicom_scp_run(station->scp, station->stop_fd, 5000, &err));
	return NULL;
}

static void open_station(struct station *station)
{
	struct dicom_scp_settings settings = {
	    .address = "127.0.0.1",
	    .association_max = 8,
	    .association_timeout_ms = 20000,
	    .dimse_timeout_ms = 20000,
	    .idle_timeout_ms = 20000,
	    .handlers = {admit, end, echo, store_begin, store_data, store_end, store_abort},
	    .context = station,
	};
	struct err err;

	cr_assert(clock_init(&err) && dicom_init(&err), "%s", err.text);
	cr_assert(dicom_scp_new(&settings, &station->scp, &err), "%s", err.text);
	station->to = (struct dicom_destination){.calling_ae = "UNIT",
	                                         .called_ae = "STATION",
	                                         .host = "127.0.0.1",
	                                         .port = dicom_scp_port(station->scp),
	                                         .timeout_ms = 20000};
	station->stop_fd = eventfd(0, EFD_CLOEXEC);
	cr_assert_eq(pthread_create(&station->thread, NULL, serve, station), 0);
}

static void close_station(struct station *station)
{
	uint64_t one = 1;

	cr_assert_eq(write(station->stop_fd, &one, sizeof one), sizeof one);
	pthread_join(station->thread, NULL);
	cr_expect_eq(dicom_scp_associations(station->scp), 0);
	cr_expect_eq(atomic_load(&station->ended), atomic_load(&station->admitted), "every association ends once");
	dicom_scp_free(station->scp);
	close(station->stop_fd);
	scratch_remove();
}

struct outcome {
	enum dicom_sent sent;
	uint16_t status;
	char comment[65];
	size_t count;
};

/* All items over one association that proposes what they need. */
static bool send_all(const struct dicom_destination *to, const struct dicom_send_item *items, size_t count,
                     struct outcome *outcome, struct err *err)
{
	struct dicom_proposal proposals[8];
	struct dicom_send_result result;
	struct dicom_scu *scu;
	size_t proposed = 0;
	bool ok = true;

	for (size_t i = 0; i < count; i++)
		if (items[i].sop_class_uid[0] != '\0')
			proposals[proposed++] =
			    (struct dicom_proposal){items[i].sop_class_uid, items[i].transfer_syntax_uid};
	if (!dicom_scu_open(to, proposals, proposed, &scu, NULL, err))
		return false;
	for (size_t i = 0; ok && i < count; i++) {
		ok = dicom_scu_store(scu, &items[i], &result, err);
		if (!ok)
			break;
		outcome->sent = result.sent;
		outcome->status = result.dimse_status;
		(void)text_copy(outcome->comment, sizeof outcome->comment, result.comment);
		outcome->count++;
	}
	cr_expect_eq(dicom_scu_is_open(scu), ok);
	dicom_scu_close(scu);
	return ok;
}

static void big_object(struct dataset *dataset)
{
	static unsigned char pixels[200000];

	for (size_t i = 0; i < sizeof pixels; i++)
		pixels[i] = (unsigned char)(i * 31 + i / 257);
	dataset_init(dataset, EXPLICIT);
	dataset_identify(dataset);
	dataset_bytes(dataset, 0x7fe00010, "OW", pixels, sizeof pixels);
}

Test(scp, echo_is_answered)
{
	enum dicom_contact reached = DICOM_CONTACT_NONE;
	struct station station = {0};
	struct err err;

	open_station(&station);
	cr_expect(dicom_echo(&station.to, &reached, &err), "%s", err.text);
	close_station(&station);
	cr_expect_eq(reached, DICOM_CONTACT_ASSOCIATED, "got %d", reached);
	cr_expect_eq(atomic_load(&station.echoes), 1);
	cr_expect_str_eq(station.calling_ae, "UNIT");
	cr_expect_eq(atomic_load(&station.last_end), DICOM_END_RELEASED);
}

Test(scp, dataset_arrives_bit_for_bit)
{
	struct station station = {0};
	struct dataset *d = calloc(1, sizeof *d);
	struct outcome outcome = {.sent = DICOM_SENT_UNKNOWN};
	uint8_t want[DIGEST_SIZE];
	struct err err;

	cr_assert_not_null(d);
	open_station(&station);
	big_object(d);
	digest_bytes(d->bytes, d->length, want);
	{
		struct dicom_send_item item = {dataset_file(d, EXPLICIT), SECONDARY_CAPTURE, "1.2.3.4", EXPLICIT};

		cr_expect(send_all(&station.to, &item, 1, &outcome, &err), "%s", err.text);
	}
	close_station(&station);
	cr_expect_eq(outcome.sent, DICOM_SENT_ANSWERED);
	cr_expect_eq(outcome.status, 0);
	cr_expect_eq(atomic_load(&station.bytes), (int)d->length);
	cr_expect_eq(memcmp(station.digest, want, sizeof want), 0);
	cr_expect_str_eq(station.syntax, EXPLICIT);
	free(d);
}

Test(scp, faults_of_the_handlers_become_statuses)
{
	static const struct {
		enum err_kind begin, data, end;
		uint16_t dimse, status;
		int aborted;
	} cases[] = {
	    {ERR_INVALID, ERR_NONE, ERR_NONE, 0xc123, 0xc123, 0},
	    {ERR_NO_SPACE, ERR_NONE, ERR_NONE, 0, 0xa700, 0},
	    {ERR_NONE, ERR_NO_SPACE, ERR_NONE, 0, 0xa700, 1},
	    {ERR_NONE, ERR_NONE, ERR_INVALID, 0xa900, 0xa900, 0},
	    {ERR_NONE, ERR_NONE, ERR_NONE, 0, 0, 0},
	};
	struct dataset *d = calloc(1, sizeof *d);
	struct dicom_send_item item = {NULL, SECONDARY_CAPTURE, "1.2.3.4", EXPLICIT};

	cr_assert_not_null(d);
	big_object(d);
	item.path = strdup(dataset_file(d, EXPLICIT));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct station station = {.begin_fault = cases[i].begin,
		                          .data_fault = cases[i].data,
		                          .end_fault = cases[i].end,
		                          .dimse_fault = cases[i].dimse};
		struct outcome outcome = {.sent = DICOM_SENT_UNKNOWN};
		struct err err;

		open_station(&station);
		cr_expect(send_all(&station.to, &item, 1, &outcome, &err), "case %zu: %s", i, err.text);
		cr_expect_eq(outcome.sent, DICOM_SENT_ANSWERED, "case %zu", i);
		cr_expect_eq(outcome.status, cases[i].status, "case %zu: %04x, want %04x", i, outcome.status,
		             cases[i].status);
		cr_expect_eq(atomic_load(&station.aborted), cases[i].aborted, "case %zu", i);
		cr_expect_eq(outcome.comment[0] == '\0', cases[i].status == 0, "case %zu: comment %s", i,
		             outcome.comment);
		if (i + 1 < sizeof cases / sizeof cases[0]) {
			uint64_t one = 1;

			cr_assert_eq(write(station.stop_fd, &one, sizeof one), sizeof one);
			pthread_join(station.thread, NULL);
			dicom_scp_free(station.scp);
			close(station.stop_fd);
		} else {
			close_station(&station);
		}
	}
	free((char *)item.path);
	free(d);
}

Test(scp, rejections_reach_the_caller_by_kind)
{
	static const struct {
		enum dicom_reject answer;
		enum err_kind kind;
	} cases[] = {{DICOM_REJECT_CALLING_AE, ERR_REFUSED},
	             {DICOM_REJECT_CALLED_AE, ERR_REFUSED},
	             {DICOM_REJECT_NO_REASON, ERR_REFUSED},
	             {DICOM_REJECT_CONGESTION, ERR_TEMPORARY},
	             {DICOM_REJECT_LIMIT, ERR_TEMPORARY}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct station station = {.answer = cases[i].answer};
		enum dicom_contact reached = DICOM_CONTACT_NONE;
		struct err err = {0};

		open_station(&station);
		cr_expect_not(dicom_echo(&station.to, &reached, &err), "case %zu", i);
		cr_expect_eq(reached, DICOM_CONTACT_SECURED, "case %zu: got %d", i, reached);
		cr_expect_eq(err.kind, cases[i].kind, "case %zu: %s", i, err.text);
		close_station(&station);
		cr_expect_eq(atomic_load(&station.last_end), DICOM_END_REJECTED, "case %zu", i);
		cr_expect_eq(atomic_load(&station.last_reject), (int)cases[i].answer, "case %zu", i);
		cr_expect_eq(atomic_load(&station.echoes), 0);
	}
}

Test(scu, items_that_cannot_go_do_not_stop_the_others)
{
	struct station station = {0};
	struct dataset *d = calloc(1, sizeof *d);
	struct outcome outcome = {.sent = DICOM_SENT_UNKNOWN};
	struct err err;
	char *path;

	cr_assert_not_null(d);
	open_station(&station);
	big_object(d);
	path = strdup(dataset_file(d, EXPLICIT));
	{
		struct dicom_send_item items[] = {
		    {"/nonexistent", SECONDARY_CAPTURE, "1.2.3.4", EXPLICIT},
		    {path, "1.2.3.4.5.6", "1.2.3.4", EXPLICIT},
		    {path, SECONDARY_CAPTURE, "1.2.3.4", JPEG_BASELINE},
		    {path, "", "1.2.3.4", EXPLICIT},
		    {path, SECONDARY_CAPTURE, "1.2.3.4", EXPLICIT},
		};
		static const enum dicom_sent want[] = {DICOM_SENT_UNREADABLE, DICOM_SENT_NO_CONTEXT,
		                                       DICOM_SENT_UNREADABLE, DICOM_SENT_UNREADABLE,
		                                       DICOM_SENT_ANSWERED};

		for (size_t i = 0; i < 5; i++) {
			if (items[i].sop_class_uid[0] == '\0')
				continue; /* alone it has nothing to propose */
			outcome = (struct outcome){.sent = DICOM_SENT_UNKNOWN};
			cr_expect(send_all(&station.to, &items[i], 1, &outcome, &err), "item %zu: %s", i, err.text);
			cr_expect_eq(outcome.sent, want[i], "item %zu: %d", i, (int)outcome.sent);
		}
		outcome = (struct outcome){.sent = DICOM_SENT_UNKNOWN};
		cr_expect(send_all(&station.to, items, 5, &outcome, &err), "%s", err.text);
		cr_expect_eq(outcome.count, 5);
		cr_expect_eq(outcome.sent, DICOM_SENT_ANSWERED);
	}
	close_station(&station);
	free(path);
	free(d);
}

Test(scu, nobody_there_is_temporary)
{
	struct dicom_destination to = {
	    .calling_ae = "UNIT", .called_ae = "NOBODY", .host = "127.0.0.1", .port = 1, .timeout_ms = 2000};
	enum dicom_contact reached = DICOM_CONTACT_ASSOCIATED;
	struct err err = {0};

	cr_assert(clock_init(&err) && dicom_init(&err));
	cr_expect_not(dicom_echo(&to, &reached, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY, "%s", err.text);
	cr_expect_eq(reached, DICOM_CONTACT_NONE, "got %d", reached);
}

Test(scp, taken_port_is_a_conflict)
{
	struct station station = {0};
	struct dicom_scp_settings again = {.address = "127.0.0.1", .association_max = 1};
	struct dicom_scp *other;
	struct err err = {0};

	open_station(&station);
	again.port = dicom_scp_port(station.scp);
	cr_expect_not(dicom_scp_new(&again, &other, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	close_station(&station);
}

/* A peer that answers the request for an association with the head of a PDU, and then waits for what comes back. */
struct answering {
	int listen_fd;
	const unsigned char *head;
	unsigned char last[10]; /* what came last, when the other side closed */
};

static void *answer_with_head(void *context)
{
	struct answering *answering = context;
	unsigned char bytes[4096];
	struct pollfd waiting = {.fd = answering->listen_fd, .events = POLLIN};
	ssize_t n;
	int fd;

	cr_assert_eq(poll(&waiting, 1, 20000), 1);
	fd = accept(answering->listen_fd, NULL, NULL);
	cr_assert_geq(fd, 0);
	cr_assert_gt(recv(fd, bytes, sizeof bytes, 0), 100);
	cr_assert_eq(send(fd, answering->head, 6, MSG_NOSIGNAL), 6);
	while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
		if (n >= (ssize_t)sizeof answering->last)
			memcpy(answering->last, bytes + n - sizeof answering->last, sizeof answering->last);
	close(fd);
	return NULL;
}

Test(scu, an_answer_that_is_too_long_is_refused_at_its_head)
{
	static const unsigned char heads[][6] = {
	    {2, 0, 0xff, 0xff, 0xff, 0xff}, {2, 0, 0, 0x20, 0, 0}, {3, 0, 0, 1, 0, 0}, {9, 0, 0, 0, 0, 4}};
	static const unsigned char want[10] = {7, 0, 0, 0, 0, 4, 0, 0, 2, 0};
	struct err err = {0};

	cr_assert(clock_init(&err) && dicom_init(&err), "%s", err.text);
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct answering answering = {.head = heads[i]};
		struct dicom_destination to = {
		    .calling_ae = "UNIT", .called_ae = "LONG", .host = "127.0.0.1", .timeout_ms = 3600000};
		pthread_t thread;

		cr_assert(listen_open("TEST", "127.0.0.1", 0, &answering.listen_fd, &err), "%s", err.text);
		to.port = listen_port(answering.listen_fd);
		cr_assert_eq(pthread_create(&thread, NULL, answer_with_head, &answering), 0);
		cr_expect_not(dicom_echo(&to, NULL, &err), "case %zu", i);
		cr_expect_eq(err.kind, ERR_TEMPORARY, "case %zu: %s", i, err.text);
		pthread_join(thread, NULL);
		cr_expect_eq(memcmp(answering.last, want, sizeof want), 0, "case %zu: no abort", i);
		close(answering.listen_fd);
	}
}
