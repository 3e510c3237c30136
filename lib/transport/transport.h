/*
 * How deliveries travel: one transport per protocol. The queue, its order, retries and what an outcome means are not its
 * business (dispatch.c, send.c, delivery_rule.h); it gets bytes to a peer and says truthfully what the peer answered.
 *
 * A delivery of objects (DICOM, STOW-RS) reports each object by item_done(); one of a document (HL7, FHIR, webhook) has no items, and the
 * result of send() is its outcome:
 *   true                  the peer has it
 *   ERR_TEMPORARY         it does not, later it may
 *   ERR_REFUSED, INVALID  it never will, as it is: the text says why
 *   ERR_UNKNOWN_OUTCOME   the bytes went out and no answer came
 *   ERR_CANCELLED         go_on() said no
 */
#ifndef YQ_TRANSPORT_TRANSPORT_H
#define YQ_TRANSPORT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/dicom/dicom.h"

struct db_pool;
struct store;
struct delivery_job;
struct destination_settings;

struct transport_call {
	struct db_pool *pool;
	struct store *store;
	const struct delivery_job *job; /* its items in DELIVERY_ITEM_PENDING are to be sent */
	const struct destination_settings *to;
	/*
	 * Before each object (or document) of so many bytes: waits for the destination's rate, and while somebody more urgent sends there.
	 * False: stop, and let what is open end well. From any thread of the transport.
	 */
	bool (*go_on)(void *context, uint64_t size_bytes);
	/* After each object, once; index is of job->items. False as above. From any thread, one at a time is seen to by the callee. */
	bool (*item_done)(void *context, size_t index, enum dicom_sent sent, uint16_t status, const char *comment);
	void *context;
	int64_t *
	    wait_ms; /* NULL, or where a peer's wish goes to be left alone for so long (HTTP Retry-After); untouched without one */
};

/* What shows that the peer holds what it acknowledged; counts of the whole delivery. */
enum transport_proof {
	TRANSPORT_PROOF_NONE,
	TRANSPORT_PROOF_ANSWERS,
	TRANSPORT_PROOF_QUERY,
	TRANSPORT_PROOF_COMMITMENT
};
struct transport_verdict {
	enum transport_proof proof;
	size_t held;   /* of job->item_count */
	bool *is_held; /* per item, job->item_count of them, the caller's storage */
};

/* One step of a connection test. */
struct transport_step {
	const char *name; /* "name", "tcp", "tls", "association", "request", "echo" */
	bool is_ok;
	int64_t elapsed_ms;
	char text[300]; /* what was found, or why not and what to do */
};
enum { TRANSPORT_STEPS_MAX = 8 };

struct transport {
	const char *protocol;
	/* Objects: true when every item that go_on() let through was reported; false: the way broke, the text says where. */
	bool (*send)(const struct transport_call *call, struct err *err);
	/*
	 * Asks the peer what it holds. ERR_TEMPORARY: there is no way to it now; ERR_UNKNOWN_OUTCOME: it was asked, and its answer is still to
	 * come: ask again later; ERR_REFUSED, or true with TRANSPORT_PROOF_NONE: it cannot be asked (then its answers must do). NULL: never can.
	 */
	bool (*verify)(const struct transport_call *call, struct transport_verdict *verdict, struct err *err);
	/* Walks the way step by step, stops at the first that fails. Returns how many steps there are in `steps`. */
	int (*test)(const struct destination_settings *to, struct transport_step steps[TRANSPORT_STEPS_MAX]);
};

/*
 * Behind "the peer answered CODE: " a reason has what the peer said, which may speak of the patient: it goes to the ledger and not into a log.
 * Copies what is ours.
 */
void transport_own_words(const char *reason, char *out, size_t out_size);

/* NULL: no such protocol in this build. */
const struct transport *transport_find(const char *protocol);

/* Of objects: */
extern const struct transport transport_dicom; /* dicom.c */
extern const struct transport transport_stow;  /* stow.c */
/* Of documents: */
extern const struct transport transport_hl7;     /* hl7.c */
extern const struct transport transport_fhir;    /* fhir.c */
extern const struct transport transport_webhook; /* webhook.c */

#endif
