#include "storescp/service.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "storescp/procedure.h"
#include "storescp/promise.h"

/* PS3.4 table B.2-1 */
enum { STATUS_OUT_OF_RESOURCES = 0xa700, STATUS_NOT_AUTHORISED = 0x0124 };

struct session {
	struct registry_device device; /* of an admitted one */
	const char *refusal;           /* why it was refused; NULL: it was not */
	int64_t started_ms;
	int64_t images, refused;
	struct procedures *procedures; /* NULL until something is asked that is no image */
	bool is_reporter; /* no device: a destination that owes us the report of a commitment, and may do no more */
};

struct reception {
	struct session *session;
	struct intake_object *object;
	char sop_instance_uid[DICOM_UID_SIZE];
	int64_t size_bytes, started_ms;
};

/* ---- admission ------------------------------------------------------------------------------------------------ */

static enum dicom_reject reject_for(int answer)
{
	switch (answer) {
	case DIRECTORY_NO_SNAPSHOT:
		return DICOM_REJECT_CONGESTION;
	case REGISTRY_UNKNOWN_CALLING_AE:
		return DICOM_REJECT_CALLING_AE;
	case REGISTRY_UNKNOWN_CALLED_AE:
		return DICOM_REJECT_CALLED_AE;
	default:
		return DICOM_REJECT_NO_REASON;
	}
}

static const char *reason_name(int answer)
{
	return answer == DIRECTORY_NO_SNAPSHOT ? "no_registry" : registry_verdict_name((enum registry_verdict)answer);
}

/*
 * A certificate that is shown must be good: registered for this device, or of somebody whom we trust, and its time not over. NULL: all is well.
 * Who calls without TLS shows none, and is let in where his registration names none.
 */
static const char *certificate_fault(const struct service *service, const struct dicom_peer *peer,
                                     const struct registry_device *device)
{
	if (peer->certificate_sha256[0] == '\0')
		return peer->tls[0] != '\0' && service->needs_certificate ? "no_certificate" : NULL;
	if (!peer->certificate_is_current)
		return "certificate_ended";
	return device->certificate[0] != '\0' || peer->certificate_is_trusted ? NULL : "unknown_certificate";
}

static const char *refusal_of(const struct service *service, const struct dicom_peer *peer, int answer,
                              const struct registry_device *device)
{
	return answer != REGISTRY_KNOWN ? reason_name(answer) : certificate_fault(service, peer, device);
}

/* The directory answers; *refusal: why the caller is refused, or NULL. */
static int judge(const struct service *service, const struct dicom_peer *peer, struct registry_device *device,
                 const char **refusal)
{
	int answer = directory_find(service->directory, peer, device);

	*refusal = refusal_of(service, peer, answer, device);
	if (answer == REGISTRY_KNOWN && *refusal != NULL) {
		answer = directory_find_again(service->directory, peer, device);
		*refusal = refusal_of(service, peer, answer, device);
	}
	return answer;
}

static enum dicom_reject admit(void *context, const struct dicom_peer *peer, void **association)
{
	struct service *service = context;
	struct session *session = calloc(1, sizeof *session);
	int answer;

	if (session == NULL)
		err_panic("out of memory");
	*association = session;
	answer = judge(service, peer, &session->device, &session->refusal);
	if (session->refusal != NULL) {
		session->is_reporter = answer != REGISTRY_KNOWN && promise_is_awaited(service, peer);
		return session->is_reporter ? DICOM_ADMIT : reject_for(answer);
	}
	session->started_ms = clock_monotonic_ms();
	contacts_note(service->contacts, session->device.device, CONTACT_ASSOCIATION, NULL);
	log_info(LOG_ASSOCIATION_ACCEPTED, "device=%s calling_ae=%s address=%s implementation=%s tls=%s",
	         session->device.device, peer->calling_ae, peer->address, peer->implementation_version,
	         peer->tls[0] != '\0' ? peer->tls : "no");
	return DICOM_ADMIT;
}

static const char *end_name(enum dicom_end how)
{
	static const char *const names[] = {
	    [DICOM_END_RELEASED] = "released", [DICOM_END_ABORTED] = "aborted",   [DICOM_END_LOST] = "lost",
	    [DICOM_END_TIMEOUT] = "timeout",   [DICOM_END_REJECTED] = "rejected", [DICOM_END_STOPPED] = "stopped"};

	return names[how];
}

/* On record behind the answer: the ledger may be slow or away, the caller need not wait for it. */
static void end_rejected(struct service *service, const struct session *session, const struct dicom_peer *peer)
{
	const char *reason = session != NULL ? session->refusal : "congestion";
	struct rejection_due due;

	if (rejections_note(service->rejections, peer, reason, clock_monotonic_ms(), &due))
		rejection_write(service->audit, &due);
}

static void end(void *context, void *association, const struct dicom_peer *peer, enum dicom_end how,
                enum dicom_reject reject)
{
	struct session *session = association;

	(void)reject;
	if (how == DICOM_END_REJECTED)
		end_rejected(context, session, peer);
	else if (session != NULL && !session->is_reporter)
		log_info(LOG_ASSOCIATION_ENDED, "device=%s how=%s images=%lld refused=%lld elapsed_ms=%lld",
		         session->device.device, end_name(how), (long long)session->images, (long long)session->refused,
		         (long long)(clock_monotonic_ms() - session->started_ms));
	if (session != NULL)
		procedures_free(session->procedures);
	free(session);
}

static void echo(void *context, void *association, const struct dicom_peer *peer)
{
	struct service *service = context;
	struct session *session = association;

	(void)peer;
	if (!session->is_reporter)
		contacts_note(service->contacts, session->device.device, CONTACT_ECHO, NULL);
}

/* ---- objects -------------------------------------------------------------------------------------------------- */

static unsigned status_of(const struct err *err)
{
	return err->source == ERR_SOURCE_DIMSE ? err->code : err_kind_info(err->kind)->dimse_status;
}

static bool refused(struct service *service, struct session *session, const char *uid, const struct err *err)
{
	session->refused++;
	contacts_note(service->contacts, session->device.device, CONTACT_REFUSED, err->text);
	log_err(LOG_OBJECT_REFUSED, err, "device=%s sop=%s status=%x", session->device.device,
	        text_is_uid(uid) ? uid : "malformed", status_of(err));
	return false;
}

static bool not_authorised(struct err *err)
{
	err_set(err, ERR_REFUSED, "cannot take this from a destination that may only report");
	return err_code(err, ERR_SOURCE_DIMSE, STATUS_NOT_AUTHORISED);
}

static bool store_begin(void *context, const struct dicom_store_request *request, void **object, struct err *err)
{
	struct service *service = context;
	struct session *session = request->association;
	struct intake_source source = {
	    .origin = INTAKE_DEVICE,
	    .device_public_id = session->device.device,
	    .site_public_id = session->device.site,
	    .calling_ae = request->peer->calling_ae,
	    .called_ae = request->peer->called_ae,
	    .address = request->peer->address,
	    .sop_class_uid = request->sop_class_uid,
	    .sop_instance_uid = request->sop_instance_uid,
	    .transfer_syntax_uid = request->transfer_syntax_uid,
	    .default_charset = session->device.default_charset,
	};
	struct reception *reception;

	if (session->is_reporter)
		return not_authorised(err);
	reception = calloc(1, sizeof *reception);
	if (reception == NULL)
		err_panic("out of memory");
	reception->session = session;
	reception->started_ms = clock_monotonic_ms();
	(void)text_copy(reception->sop_instance_uid, sizeof reception->sop_instance_uid, request->sop_instance_uid);
	if (!intake_begin(service->intake, &source, &reception->object, err)) {
		free(reception);
		return refused(service, session, request->sop_instance_uid, err);
	}
	*object = reception;
	return true;
}

static bool store_data(void *context, void *object, const void *bytes, size_t length, struct err *err)
{
	struct service *service = context;
	struct reception *reception = object;

	reception->size_bytes += (int64_t)length;
	if (reception->size_bytes > service->object_max) {
		err_set(err, ERR_NO_SPACE, "cannot take an object of more than %lld bytes",
		        (long long)service->object_max);
		(void)err_code(err, ERR_SOURCE_DIMSE, STATUS_OUT_OF_RESOURCES);
		return refused(service, reception->session, reception->sop_instance_uid, err);
	}
	if (intake_append(reception->object, bytes, length, err))
		return true;
	return refused(service, reception->session, reception->sop_instance_uid, err);
}

static bool store_end(void *context, void *object, struct err *err)
{
	struct service *service = context;
	struct reception *reception = object;
	struct session *session = reception->session;
	bool ok = intake_commit(reception->object, err);

	if (ok) {
		session->images++;
		log_info(LOG_OBJECT_STORED, "device=%s sop=%s size_bytes=%lld elapsed_ms=%lld", session->device.device,
		         reception->sop_instance_uid, (long long)reception->size_bytes,
		         (long long)(clock_monotonic_ms() - reception->started_ms));
	} else {
		(void)refused(service, session, reception->sop_instance_uid, err);
	}
	free(reception);
	return ok;
}

static void store_abort(void *context, void *object)
{
	struct reception *reception = object;

	(void)context;
	intake_abort(reception->object);
	free(reception);
}

/* ---- commitment and performed steps ---------------------------------------------------------------------------- */

static bool normalized(void *context, const struct dicom_n_request *request, char out_instance[DICOM_UID_SIZE],
                       struct err *err)
{
	struct session *session = request->association;

	if (request->operation == DICOM_N_EVENT_REPORT)
		return promise_take(context, request, err);
	if (session->is_reporter)
		return not_authorised(err);
	if (session->procedures == NULL)
		session->procedures = procedures_new(context, session->device.device);
	return procedures_request(session->procedures, request, out_instance, err);
}

static enum dicom_event_due event_next(void *context, void *association, const struct dicom_commitment_result **result)
{
	struct session *session = association;

	(void)context;
	return session->procedures != NULL ? procedures_next(session->procedures, result) : DICOM_EVENT_NONE;
}

static void event_end(void *context, void *association, bool is_answered, uint16_t dimse_status)
{
	struct session *session = association;

	(void)context;
	procedures_reported(session->procedures, is_answered, dimse_status);
}

const struct dicom_scp_handlers service_handlers = {
    .admit = admit,
    .end = end,
    .echo = echo,
    .store_begin = store_begin,
    .store_data = store_data,
    .store_end = store_end,
    .store_abort = store_abort,
    .normalized = normalized,
    .event_next = event_next,
    .event_end = event_end,
};
