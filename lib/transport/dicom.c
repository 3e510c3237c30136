/* C-STORE to a DICOM node (PS3.4 annex B). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/domain/delivery.h"
#include "lib/domain/destination_settings.h"
#include "lib/store/store.h"
#include "lib/transport/transport.h"

enum {
	CHUNK = 64, /* objects open at once: one association each */
	PATH_SIZE = 32
};

/* Objects that travel on one association. */
struct chunk {
	const struct transport_call *call;
	size_t index[CHUNK]; /* of the job's items */
	uint64_t size[CHUNK];
	int fds[CHUNK];
	char paths[CHUNK][PATH_SIZE];
	struct dicom_send_item items[CHUNK];
	size_t count;
	bool is_stopped;
};

static struct dicom_destination destination_of(const struct destination_settings *to)
{
	struct dicom_destination destination = {.calling_ae = to->calling_ae,
	                                        .called_ae = to->ae_title,
	                                        .host = to->host,
	                                        .port = to->port,
	                                        .timeout_ms = to->answer_timeout_ms,
	                                        .is_tls = to->tls != DESTINATION_TLS_OFF,
	                                        .trust_pem = to->trust_pem};

	if (to->tls == DESTINATION_TLS_MUTUAL) {
		destination.certificate_pem = to->certificate_pem;
		destination.private_key_pem = to->secret.private_key_pem;
	}

	return destination;
}

/* An object that cannot be read here is our fault, not the peer's: the others go, this one waits. */
static void add_item(struct chunk *chunk, size_t index)
{
	const struct transport_call *call = chunk->call;
	const struct delivery_item *item = &call->job->items[index];
	size_t at = chunk->count;
	struct err err;

	if (!store_open_object(call->store, item->object_key, &chunk->fds[at], &chunk->size[at], &err)) {
		log_err(LOG_DELIVERY_ATTEMPT, &err, "delivery=%s sop=%s", call->job->id, item->sop_instance_uid);
		chunk->is_stopped = !call->item_done(call->context, index, DICOM_SENT_UNREADABLE, 0, NULL);
		return;
	}
	snprintf(chunk->paths[at], PATH_SIZE, "/dev/fd/%d", chunk->fds[at]);
	chunk->items[at] = (struct dicom_send_item){.path = chunk->paths[at],
	                                            .sop_class_uid = item->sop_class_uid,
	                                            .sop_instance_uid = item->sop_instance_uid,
	                                            .transfer_syntax_uid = item->transfer_syntax_uid};
	chunk->index[at] = index;
	chunk->count++;
}

static bool on_sent(void *context, size_t index, enum dicom_sent sent, uint16_t dimse_status, const char *comment)
{
	struct chunk *chunk = context;
	const struct transport_call *call = chunk->call;

	chunk->is_stopped = !call->item_done(call->context, chunk->index[index], sent, dimse_status, comment) ||
	                    (index + 1 < chunk->count && !call->go_on(call->context, chunk->size[index + 1]));
	return !chunk->is_stopped;
}

static bool send_chunk(struct chunk *chunk, struct err *err)
{
	const struct transport_call *call = chunk->call;
	struct dicom_destination destination = destination_of(call->to);
	bool ok = true;
	size_t i;

	if (chunk->count == 0)
		return true;
	if (call->go_on(call->context, chunk->size[0]))
		ok = dicom_send(&destination, chunk->items, chunk->count, on_sent, chunk, err);
	else
		chunk->is_stopped = true;
	for (i = 0; i < chunk->count; i++)
		close(chunk->fds[i]);
	chunk->count = 0;
	return ok;
}

static bool send_objects(const struct transport_call *call, struct err *err)
{
	struct chunk chunk = {.call = call};
	size_t i;

	for (i = 0; i < call->job->item_count && !chunk.is_stopped; i++) {
		if (call->job->items[i].state != DELIVERY_ITEM_PENDING)
			continue;
		add_item(&chunk, i);
		if (chunk.count == CHUNK && !send_chunk(&chunk, err))
			return false;
	}
	return send_chunk(&chunk, err);
}

/*
 * A peer that only takes C-STORE cannot be asked what it holds, and takes the same object twice without harm (PS3.4 section B.2: same
 * instance, same UID): it is asked whether it is there.
 */
static bool verify_objects(const struct transport_call *call, struct transport_verdict *verdict, struct err *err)
{
	struct dicom_destination destination = destination_of(call->to);

	verdict->proof = TRANSPORT_PROOF_NONE;
	return dicom_echo(&destination, NULL, err);
}

static int add_step(struct transport_step *step, const char *name, bool is_ok, int64_t elapsed_ms, const char *text)
{
	step->name = name;
	step->is_ok = is_ok;
	step->elapsed_ms = elapsed_ms;
	text_copy(step->text, sizeof(step->text), text);
	return 1;
}

static int test_way(const struct destination_settings *to, struct transport_step steps[TRANSPORT_STEPS_MAX])
{
	struct dicom_destination destination = destination_of(to);
	enum dicom_contact reached = DICOM_CONTACT_NONE;
	int64_t started_ms = clock_monotonic_ms(), elapsed_ms;
	struct err err;
	bool ok = dicom_echo(&destination, &reached, &err);
	int count = 0;

	elapsed_ms = clock_monotonic_ms() - started_ms;
	count += add_step(&steps[count], "tcp", reached >= DICOM_CONTACT_CONNECTED, elapsed_ms,
	                  reached >= DICOM_CONTACT_CONNECTED ? "" : err.text);
	if (reached >= DICOM_CONTACT_CONNECTED && destination.is_tls)
		count += add_step(&steps[count], "tls", reached >= DICOM_CONTACT_SECURED, elapsed_ms,
		                  reached >= DICOM_CONTACT_SECURED ? "" : err.text);
	if (reached >= DICOM_CONTACT_SECURED)
		count += add_step(&steps[count], "association", reached >= DICOM_CONTACT_ASSOCIATED, elapsed_ms,
		                  reached >= DICOM_CONTACT_ASSOCIATED ? "" : err.text);
	if (reached >= DICOM_CONTACT_ASSOCIATED)
		count += add_step(&steps[count], "echo", ok, elapsed_ms, ok ? "" : err.text);
	return count;
}

const struct transport transport_dicom = {
    .protocol = "dicom", .send = send_objects, .verify = verify_objects, .test = test_way};
