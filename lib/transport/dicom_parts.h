/* What the files of the transport "dicom" share: the way there, what is proposed, one object made ready. Private to lib/transport. */
#ifndef YQ_TRANSPORT_DICOM_PARTS_H
#define YQ_TRANSPORT_DICOM_PARTS_H

#include "lib/transport/transport.h"

/* Borrows the texts of the settings. */
struct dicom_destination dicom_destination_of(const struct destination_settings *to);

/* ---- what may go how ------------------------------------------------------------------------------------------------------ */

enum { DICOM_CHOICES_MAX = 8 };
/*
 * The transfer syntaxes in which an object that is stored in one may travel, the best first; static texts, or `stored`. What was compressed with loss
 * is never compressed anew.
 */
size_t dicom_choices(const char *stored, bool wants_lossless, const char *out[DICOM_CHOICES_MAX]);

/* Contexts of one association, and the items that are to go on it. */
struct dicom_plan {
	struct dicom_proposal proposals[DICOM_PROPOSALS_MAX];
	size_t proposal_count;
	size_t *items; /* indexes of job->items */
	size_t item_count;
};
/*
 * As many pending items from *at on as one association has contexts for; moves *at. plan->items has room for all. An item whose UIDs are none asks for
 * no context.
 */
void dicom_plan_next(const struct delivery_job *job, bool wants_lossless, size_t *at, struct dicom_plan *plan);

/* ---- one object ------------------------------------------------------------------------------------------------------------- */

/* An object as it goes on an association: its file, or a temporary one in another transfer syntax, which has no name and goes with its descriptor. */
struct dicom_parcel {
	struct dicom_send_item item;
	char path[32];
	int fd, made_fd;
	uint64_t size;
	enum dicom_sent verdict; /* when it cannot go */
	char word[65];           /* and why */
};
/* False: it cannot go, with verdict and word. The parcel is to be closed in both cases. */
bool dicom_parcel_open(const struct transport_call *call, size_t index, const struct dicom_scu *scu,
                       struct dicom_parcel *out);
void dicom_parcel_close(struct dicom_parcel *parcel);

/* ---- what is reported ------------------------------------------------------------------------------------------------------- */

/*
 * Calls item_done() on a thread of its own, in order, so that an association sends its next object while the ledger takes note of the one before.
 * When we are killed, those that were not told are asked for like any that had no answer. Threads: any.
 */
struct dicom_reports;
struct dicom_reports *dicom_reports_new(const struct transport_call *call);
/* Waits while very many are untold. comment is copied. */
void dicom_reports_add(struct dicom_reports *reports, size_t index, enum dicom_sent sent, uint16_t status,
                       const char *comment);
/* False: item_done() wants no more. */
bool dicom_reports_go_on(struct dicom_reports *reports);
/* Tells all, and frees. The same as dicom_reports_go_on(). */
bool dicom_reports_end(struct dicom_reports *reports);

/* ---- the parts of struct transport --------------------------------------------------------------------------------------- */

bool dicom_send_objects(const struct transport_call *call, struct err *err);
bool dicom_verify_objects(const struct transport_call *call, struct transport_verdict *verdict, struct err *err);
int dicom_test_way(const struct destination_settings *to, struct transport_step steps[TRANSPORT_STEPS_MAX]);

#endif
