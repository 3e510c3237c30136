/* Objects by STOW-RS: what goes out, how many at once, and that a large one needs no more memory than a small one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/domain/delivery.h"
#include "lib/domain/destination_settings.h"
#include "lib/store/store.h"
#include "lib/transport/transport.h"
#include "tests/support/home.h"
#include "tests/support/peer.h"

enum { ITEMS_MAX = 80, LARGE = 96 << 20, GROWTH_MAX_KB = 24 * 1024 };

static struct store *store;
static struct delivery_job job;
static struct delivery_item items[ITEMS_MAX];
static char url[80], none[] = "";
static struct destination_settings to;
/* What the queue sees of the sending. */
static int let_through, done, stop_after; /* stop_after: go_on() says no from there on; 0: never */
static enum dicom_sent sent[ITEMS_MAX];
static uint16_t statuses[ITEMS_MAX];

static bool on_go_on(void *context, uint64_t size_bytes)
{
	(void)context;
	cr_expect_gt(size_bytes, 0);
	if (stop_after > 0 && let_through == stop_after)
		return false;
	let_through++;
	return true;
}

static bool on_item_done(void *context, size_t index, enum dicom_sent how, uint16_t status, const char *comment)
{
	(void)context, (void)comment;
	done++;
	sent[index] = how;
	statuses[index] = status;
	return true;
}

static void setup(void)
{
	struct err err;

	home_make(NULL);
	cr_assert(store_open("file:store", &store, &err), "%s", err.text);
	job = (struct delivery_job){.id = "6b1f3f3a-6a6b-4d53-9f5e-0d6a3c1c2b11", .items = items};
	to = (struct destination_settings){.name = none,
	                                   .url = url,
	                                   .trust_pem = none,
	                                   .certificate_pem = none,
	                                   .secret = {none, none, none, none, none},
	                                   .connect_timeout_ms = 2000,
	                                   .answer_timeout_ms = 2000};
	let_through = done = stop_after = 0;
}

static void teardown(void)
{
	store_close(store);
	home_remove();
}

TestSuite(stow, .init = setup, .fini = teardown, .timeout = 60);

static void add_object(const void *bytes, size_t length)
{
	struct delivery_item *item = &items[job.item_count];
	struct err err;

	memset(item, 0, sizeof(*item));
	store_key_new(item->object_key);
	snprintf(item->sop_instance_uid, sizeof item->sop_instance_uid, "1.2.%zu", ++job.item_count);
	cr_assert(store_put_bytes(store, item->object_key, bytes, length, &err), "%s", err.text);
}

static bool send_to(struct peer *peer, struct err *err)
{
	struct transport_call call = {
	    .store = store, .job = &job, .to = &to, .go_on = on_go_on, .item_done = on_item_done};

	snprintf(url, sizeof url, "http://127.0.0.1:%u/dicom-web", peer_port(peer));
	return transport_stow.send(&call, err);
}

static const struct peer_script fine = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"};

Test(stow, a_request_is_multipart)
{
	struct peer *peer = peer_start(&fine, 1);
	char *boundary, *body, want[1000];
	struct err err;

	add_object("first", 5);
	add_object("--second\r\n", 10);
	items[1].state = DELIVERY_ITEM_PENDING;
	cr_assert(send_to(peer, &err), "%s", err.text);
	cr_expect(strncmp(peer_request(peer, NULL), "POST /dicom-web/studies HTTP/1.1\r\n", 34) == 0);
	boundary =
	    strstr(peer_request(peer, NULL), "Content-Type: multipart/related; type=\"application/dicom\"; boundary=");
	cr_assert_not_null(boundary);
	boundary = strdup(strstr(boundary, "boundary=") + 9);
	*strstr(boundary, "\r\n") = '\0';
	body = strstr(peer_request(peer, NULL), "\r\n\r\n") + 4;
	snprintf(want, sizeof want,
	         "--%s\r\nContent-Type: application/dicom\r\n\r\nfirst"
	         "\r\n--%s\r\nContent-Type: application/dicom\r\n\r\n--second\r\n"
	         "\r\n--%s--\r\n",
	         boundary, boundary, boundary);
	cr_expect_str_eq(body, want);
	cr_expect_eq(done, 2);
	cr_expect(sent[0] == DICOM_SENT_ANSWERED && statuses[0] == 0);
	free(boundary);
	peer_stop(peer);
}

/* 70 small ones in 3 requests; what was confirmed before does not go again. */
Test(stow, a_request_is_bounded)
{
	struct peer *peer = peer_start(&fine, 1);
	struct err err;

	for (int i = 0; i < 71; i++)
		add_object("x", 1);
	items[0].state = DELIVERY_ITEM_CONFIRMED;
	cr_assert(send_to(peer, &err), "%s", err.text);
	cr_expect_eq(done, 70);
	cr_expect_eq(peer_connections(peer), 3);
	peer_stop(peer);
}

/* What was let through goes out and is reported, nothing else. */
Test(stow, it_stops_where_it_is_told_to)
{
	struct peer *peer = peer_start(&fine, 1);
	struct err err;

	for (int i = 0; i < 40; i++)
		add_object("x", 1);
	stop_after = 35;
	cr_assert(send_to(peer, &err), "%s", err.text);
	cr_expect_eq(let_through, 35);
	cr_expect_eq(done, 35);
	peer_stop(peer);
}

/* One of several is refused by the whole request: each goes alone, and one is at fault. */
Test(stow, one_that_spoils_a_request_is_found)
{
	static const struct peer_script scripts[] = {
	    {.answer = "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
	    {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
	    {.answer = "HTTP/1.1 415 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
	    {.answer = "HTTP/1.1 413 Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"}};
	struct peer *peer = peer_start(scripts, 4);
	struct err err;

	for (int i = 0; i < 3; i++)
		add_object("x", 1);
	cr_assert(send_to(peer, &err), "%s", err.text);
	cr_expect_eq(peer_connections(peer), 4);
	cr_expect_eq(done, 3);
	cr_expect(sent[0] == DICOM_SENT_ANSWERED && statuses[0] == 0);
	cr_expect_eq(sent[1], DICOM_SENT_NO_CONTEXT);
	cr_expect(sent[2] == DICOM_SENT_ANSWERED && statuses[2] == 0xC000);
	peer_stop(peer);
}

Test(stow, what_went_out_without_an_answer_is_unknown)
{
	static const struct peer_script silent = {.answer = NULL};
	struct peer *peer = peer_start(&silent, 1);
	struct err err;

	add_object("x", 1);
	add_object("y", 1);
	cr_expect_not(send_to(peer, &err));
	cr_expect_eq(err.kind, ERR_UNKNOWN_OUTCOME, "%s", err.text);
	cr_expect_eq(done, 2);
	cr_expect(sent[0] == DICOM_SENT_UNKNOWN && sent[1] == DICOM_SENT_UNKNOWN);
	peer_stop(peer);
	done = 0;
	snprintf(url, sizeof url, "http://127.0.0.1:%u", peer_closed_port());
	cr_expect_not(transport_stow.send(
	    &(struct transport_call){
	        .store = store, .job = &job, .to = &to, .go_on = on_go_on, .item_done = on_item_done},
	    &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY, "%s", err.text);
	cr_expect_eq(done, 0, "nothing went out");
}

Test(stow, an_object_that_cannot_be_read_keeps_nobody_up)
{
	struct peer *peer = peer_start(&fine, 1);
	struct err err;

	add_object("x", 1);
	add_object("y", 1);
	memset(items[0].object_key, '0', 32);
	cr_assert(send_to(peer, &err), "%s", err.text);
	cr_expect_eq(sent[0], DICOM_SENT_UNREADABLE);
	cr_expect(sent[1] == DICOM_SENT_ANSWERED && statuses[1] == 0);
	peer_stop(peer);
}

static long resident_kb(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

Test(stow, memory_is_flat_in_the_size_of_an_object)
{
	struct peer *peer = peer_start(&fine, 1);
	char *bytes = calloc(1, 1 << 20);
	struct store_batch *batch = store_batch_new(store);
	struct err err;
	long before_kb;

	add_object("small", 5);
	cr_assert(send_to(peer, &err), "%s", err.text);
	job.item_count = 0;
	add_object("place of a large one", 20);
	store_key_new(items[0].object_key);
	cr_assert(store_batch_begin(batch, items[0].object_key, &err), "%s", err.text);
	for (int i = 0; i < LARGE >> 20; i++)
		cr_assert(store_batch_append(batch, bytes, 1 << 20, &err), "%s", err.text);
	store_batch_end(batch);
	cr_assert(store_batch_commit(batch, &err), "%s", err.text);
	store_batch_free(batch);
	before_kb = resident_kb();
	cr_assert(send_to(peer, &err), "%s", err.text);
	cr_expect_geq(peer_request_total(peer), (size_t)LARGE);
	cr_expect_lt(resident_kb() - before_kb, GROWTH_MAX_KB, "grew by %ld kB", resident_kb() - before_kb);
	free(bytes);
	peer_stop(peer);
}
