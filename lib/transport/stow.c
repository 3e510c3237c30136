/*
 * STOW-RS (PS3.18 section 10.5): objects as they are stored, several small ones a request, streamed from their files. What the peer holds is
 * asked by QIDO-RS (PS3.18 section 10.6).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/delivery.h"
#include "lib/domain/destination_settings.h"
#include "lib/store/store.h"
#include "lib/transport/stow_answer.h"
#include "lib/transport/web.h"

/* A bound on what one request carries: whoever is more urgent waits for no more than this. A larger object goes alone. */
enum { BATCH_OBJECTS = 32, BATCH_BYTES = 8 << 20 };
enum { HEAD_SIZE = 160, BOUNDARY_SIZE = 48, COMMENT_SIZE = 120, DICOM_CANNOT_UNDERSTAND = 0xC000 };
enum { QUERY_ROWS = 1000, QUERY_PAGES = 100, QUERY_PATH_SIZE = 200, QUERY_ANSWER_MAX = 8 << 20 };

/* ---- a request ------------------------------------------------------------------------------------------------------------- */

struct part {
	size_t index; /* of the job's items */
	int fd;
	uint64_t size;
};

struct batch {
	const struct transport_call *call;
	struct http_client *client;
	struct part parts[BATCH_OBJECTS];
	size_t count;
	uint64_t bytes;
	bool is_stopped;
};

/* A part of a batch as the body of a request: head, object, head, object, tail. */
struct body {
	struct batch *batch;
	size_t first, count;
	char boundary[BOUNDARY_SIZE];
	uint64_t taken; /* the furthest byte that went out */
};

static size_t head_of(const struct body *body, size_t at, char out[HEAD_SIZE])
{
	return (size_t)snprintf(out, HEAD_SIZE, "%s--%s\r\nContent-Type: application/dicom\r\n\r\n", at ? "\r\n" : "",
	                        body->boundary);
}

static size_t tail_of(const struct body *body, char out[HEAD_SIZE])
{
	return (size_t)snprintf(out, HEAD_SIZE, "\r\n--%s--\r\n", body->boundary);
}

/* Up to the end of the part at; count: of the whole body. */
static uint64_t length_to(const struct body *body, size_t count)
{
	char text[HEAD_SIZE];
	uint64_t length = 0;

	for (size_t i = 0; i < count; i++)
		length += head_of(body, i, text) + body->batch->parts[body->first + i].size;
	return length;
}

static bool read_object(const struct part *part, uint64_t offset, void *out, size_t size, size_t *out_length,
                        struct err *err)
{
	ssize_t got =
	    pread(part->fd, out, part->size - offset < size ? (size_t)(part->size - offset) : size, (off_t)offset);

	if (got <= 0)
		return err_set(err, ERR_TEMPORARY, "could not read an object of the store to its end");
	*out_length = (size_t)got;
	return true;
}

static size_t copy_text(const char *text, size_t length, uint64_t offset, void *out, size_t size)
{
	size_t left = length - (size_t)offset;

	memcpy(out, text + offset, left < size ? left : size);
	return left < size ? left : size;
}

static bool read_body(void *context, uint64_t offset, void *out, size_t size, size_t *out_length, struct err *err)
{
	struct body *body = context;
	char text[HEAD_SIZE];
	uint64_t start = 0;
	size_t i, head;

	for (i = 0; i < body->count; i++) {
		const struct part *part = &body->batch->parts[body->first + i];

		head = head_of(body, i, text);
		if (offset < start + head) {
			*out_length = copy_text(text, head, offset - start, out, size);
			break;
		}
		if (offset < start + head + part->size) {
			if (!read_object(part, offset - start - head, out, size, out_length, err))
				return false;
			break;
		}
		start += head + part->size;
	}
	if (i == body->count)
		*out_length = copy_text(text, tail_of(body, text), offset - start, out, size);
	if (offset + *out_length > body->taken)
		body->taken = offset + *out_length;
	return true;
}

static bool post(struct body *body, struct http_answer *answer, struct err *err)
{
	char type[HEAD_SIZE], text[HEAD_SIZE];
	const char *const headers[] = {type, "Accept: application/dicom+json", NULL};
	struct http_source source = {
	    .read_at = read_body, .context = body, .size = length_to(body, body->count) + tail_of(body, text)};
	struct http_ask ask = {
	    .method = "POST", .path = "/studies", .headers = headers, .source = &source, .answer_max = WEB_ANSWER_MAX};

	snprintf(type, sizeof(type), "Content-Type: multipart/related; type=\"application/dicom\"; boundary=%s",
	         body->boundary);
	return http_client_ask(body->batch->client, &ask, answer, err);
}

/* ---- what became of the objects ---------------------------------------------------------------------------------------------- */

static void report(struct batch *batch, const struct part *part, enum dicom_sent sent, uint16_t status,
                   const char *comment)
{
	const struct transport_call *call = batch->call;

	if (!call->item_done(call->context, part->index, sent, status, comment))
		batch->is_stopped = true;
}

static void report_listed(const struct body *body, const struct http_answer *answer)
{
	struct stow_verdict verdicts[BATCH_OBJECTS];
	struct batch *batch = body->batch;
	char comment[COMMENT_SIZE];
	/* What is cut lists nothing, and its silence means nothing: no more than "accepted" (202). */
	int status = answer->is_cut && answer->status < 300 ? 202 : answer->status;
	size_t i;

	snprintf(comment, sizeof(comment), "HTTP %d", answer->status);
	for (i = 0; i < body->count; i++)
		verdicts[i].sop_instance_uid =
		    batch->call->job->items[batch->parts[body->first + i].index].sop_instance_uid;
	stow_answer_read(status, answer->body.data, answer->is_cut ? 0 : answer->body.length, verdicts, body->count);
	for (i = 0; i < body->count; i++)
		report(batch, &batch->parts[body->first + i], verdicts[i].sent, verdicts[i].status, comment);
}

/* One object that the peer refuses, whatever it may be. */
static void report_refused(struct batch *batch, const struct part *part, int status)
{
	char comment[COMMENT_SIZE];

	snprintf(comment, sizeof(comment), "HTTP %d%s", status, status == 413 ? ", too large for the peer" : "");
	if (status == 415)
		report(batch, part, DICOM_SENT_NO_CONTEXT, 0, comment);
	else
		report(batch, part, DICOM_SENT_ANSWERED, DICOM_CANNOT_UNDERSTAND, comment);
}

/* The way broke: what went out whole may be there, also without an answer. */
static void report_lost(const struct body *body)
{
	struct batch *batch = body->batch;

	for (size_t i = 0; i < body->count; i++)
		if (body->taken > 0 && body->taken >= length_to(body, i + 1))
			report(batch, &batch->parts[body->first + i], DICOM_SENT_UNKNOWN, 0, NULL);
}

static bool send_parts(struct batch *batch, size_t first, size_t count, struct err *err);

/* One of several may be at fault for all: each has its own try. */
static bool send_one_by_one(struct batch *batch, struct err *err)
{
	for (size_t i = 0; i < batch->count && !batch->is_stopped; i++)
		if (!send_parts(batch, i, 1, err))
			return false;
	return true;
}

static bool judge(const struct body *body, const struct http_answer *answer, struct err *err)
{
	struct batch *batch = body->batch;

	if (answer->status / 100 == 2 || answer->status == 409) {
		report_listed(body, answer);
		return true;
	}
	if (!web_way_works(batch->call, answer, err))
		return false;
	if (body->count > 1)
		return send_one_by_one(batch, err);
	report_refused(batch, &batch->parts[body->first], answer->status);
	return true;
}

static bool send_parts(struct batch *batch, size_t first, size_t count, struct err *err)
{
	struct body body = {.batch = batch, .first = first, .count = count};
	char id[TEXT_UUID_SIZE];
	struct http_answer answer;
	bool ok;

	text_uuid_new(id);
	snprintf(body.boundary, sizeof(body.boundary), "yq-%s", id);
	if (!post(&body, &answer, err)) {
		report_lost(&body);
		return false;
	}
	ok = judge(&body, &answer, err);
	http_answer_fini(&answer);
	return ok;
}

/* ---- the objects of a delivery ------------------------------------------------------------------------------------------------- */

static bool flush(struct batch *batch, struct err *err)
{
	bool ok = batch->count == 0 || send_parts(batch, 0, batch->count, err);

	for (size_t i = 0; i < batch->count; i++)
		close(batch->parts[i].fd);
	batch->count = 0;
	batch->bytes = 0;
	return ok;
}

/* An object that cannot be read here is our fault, not the peer's: the others go, this one waits. */
static bool add(struct batch *batch, size_t index, struct err *err)
{
	const struct transport_call *call = batch->call;
	const struct delivery_item *item = &call->job->items[index];
	struct part part = {.index = index};
	struct err why;

	if (!store_open_object(call->store, item->object_key, &part.fd, &part.size, &why)) {
		log_err(LOG_DELIVERY_ATTEMPT, &why, "delivery=%s sop=%s", call->job->id, item->sop_instance_uid);
		report(batch, &part, DICOM_SENT_UNREADABLE, 0, NULL);
		return true;
	}
	if ((batch->count == BATCH_OBJECTS || batch->bytes + part.size > BATCH_BYTES) && !flush(batch, err)) {
		close(part.fd);
		return false;
	}
	if (batch->is_stopped || !call->go_on(call->context, part.size)) {
		batch->is_stopped = true;
		close(part.fd);
		return true;
	}
	batch->bytes += part.size;
	batch->parts[batch->count++] = part;
	return true;
}

static bool send_objects(const struct transport_call *call, struct err *err)
{
	struct batch batch = {.call = call};
	bool ok = true;
	size_t i;

	if (call->job->item_count == 0)
		return err_set(err, ERR_REFUSED, "there is nothing in it to send");
	if (!web_open(call->to, &batch.client, err))
		return false;
	for (i = 0; i < call->job->item_count && !batch.is_stopped && ok; i++)
		if (call->job->items[i].state == DELIVERY_ITEM_PENDING)
			ok = add(&batch, i, err);
	/* What go_on() let through goes out, also when the next was stopped. */
	ok = ok && flush(&batch, err);
	http_client_free(batch.client);
	return ok;
}

/* ---- what the peer holds --------------------------------------------------------------------------------------------------------- */

struct query {
	const struct transport_call *call;
	struct http_client *client;
	const char **uids;
	bool *is_held;
};

/* A peer that does not know the service is not asked again; its answers to what was sent must do. */
static bool query_works(const struct query *query, const struct http_answer *answer, struct err *err)
{
	int status = answer->status;

	if (status == 400 || status == 404 || status == 405 || status == 406 || status == 501)
		return err_set(err, ERR_REFUSED, "the peer cannot be asked what it holds (HTTP %d)", status);
	return web_way_works(query->call, answer, err);
}

static bool query_page(const struct query *query, const char *study_uid, size_t offset, size_t *out_rows,
                       size_t *out_new, struct err *err)
{
	static const char *const headers[] = {"Accept: application/dicom+json", NULL};
	char path[QUERY_PATH_SIZE];
	struct http_ask ask = {.method = "GET", .path = path, .headers = headers, .answer_max = QUERY_ANSWER_MAX};
	struct http_answer answer;
	bool ok;

	snprintf(path, sizeof(path), "/instances?StudyInstanceUID=%s&limit=%d&offset=%zu", study_uid, QUERY_ROWS,
	         offset);
	if (!http_client_ask(query->client, &ask, &answer, err))
		return false;
	*out_rows = *out_new = 0;
	ok = query_works(query, &answer, err) &&
	     (answer.status == 204 ||
	      (!answer.is_cut && stow_query_read(answer.body.data, answer.body.length, query->uids,
	                                         query->call->job->item_count, query->is_held, out_rows, out_new)) ||
	      err_set(err, ERR_TEMPORARY, "could not read what the peer says that it holds"));
	http_answer_fini(&answer);
	return ok;
}

/* A page that brings nothing new is the last one, also of a peer that knows no pages and always says all. */
static bool query_study(const struct query *query, const char *study_uid, struct err *err)
{
	size_t rows = 0, found = 0, offset = 0;

	for (int page = 0; page < QUERY_PAGES; page++) {
		if (!query_page(query, study_uid, offset, &rows, &found, err))
			return false;
		offset += rows;
		if (rows == 0 || (rows != QUERY_ROWS && found == 0))
			break;
	}
	return true;
}

static bool query_studies(const struct query *query, const struct db_rows *rows, struct err *err)
{
	for (int i = 0; i < db_rows_count(rows); i++) {
		const char *uid = db_get_text(rows, i, "study_instance_uid");

		if (!query_study(query, uid, err))
			return false;
	}
	return true;
}

static bool load_studies(const struct transport_call *call, struct db_rows **out, struct err *err)
{
	struct db *db;
	bool ok;

	if (!db_take(call->pool, &db, err))
		return false;
	ok = db_exec(db, STMT_MESSAGE_STUDY_UIDS, DB_PARAMS(db_text(call->job->id)), out, err);
	db_give(db);
	return ok;
}

static bool ask_holdings(struct query *query, const struct db_rows *studies, struct err *err)
{
	const struct delivery_job *job = query->call->job;
	bool ok;

	query->uids = calloc(job->item_count + 1, sizeof(*query->uids));
	if (!query->uids)
		err_panic("out of memory");
	for (size_t i = 0; i < job->item_count; i++)
		query->uids[i] = job->items[i].sop_instance_uid;
	ok = web_open(query->call->to, &query->client, err) && query_studies(query, studies, err);
	http_client_free(query->client);
	free(query->uids);
	return ok;
}

static bool verify_objects(const struct transport_call *call, struct transport_verdict *verdict, struct err *err)
{
	struct query query = {.call = call, .is_held = verdict->is_held};
	struct db_rows *studies;
	bool ok;

	if (!load_studies(call, &studies, err))
		return false;
	memset(verdict->is_held, 0, call->job->item_count * sizeof(*verdict->is_held));
	ok = ask_holdings(&query, studies, err);
	db_rows_free(studies);
	if (!ok)
		return false;
	verdict->proof = TRANSPORT_PROOF_QUERY;
	verdict->held = 0;
	for (size_t i = 0; i < call->job->item_count; i++)
		verdict->held += verdict->is_held[i];
	return true;
}

static int test_way(const struct destination_settings *to, struct transport_step steps[TRANSPORT_STEPS_MAX])
{
	static const char *const headers[] = {"Accept: application/dicom+json", NULL};
	struct http_ask ask = {
	    .method = "GET", .path = "/studies?limit=1", .headers = headers, .answer_max = QUERY_ANSWER_MAX};

	return web_test(to, &ask, steps);
}

const struct transport transport_stow = {
    .protocol = "stow", .send = send_objects, .verify = verify_objects, .test = test_way};
