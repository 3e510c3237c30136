/* What the DICOM objects of a report say: content of the report, names of the study, images that were read. Used by report_issue.c. */
#ifndef YQ_DOMAIN_REPORT_OBJECTS_H
#define YQ_DOMAIN_REPORT_OBJECTS_H

#include <jansson.h>

#include "lib/db/db.h"
#include "lib/dicom/dicom.h"
#include "lib/domain/report_ledger.h"

struct report_objects {
	struct dicom_report report;
	struct db_rows *study, *images; /* hold the texts behind report */
	const struct report_row *row;
	struct dicom_reference *evidence;
	char author[440], reviewer[440];
};
/* row and content are borrowed until report_objects_fini(). */
bool report_objects_load(struct db *db, const char *task_id, const struct report_row *row, const json_t *content,
                         const char *reviewer_name, int64_t verified_us, struct report_objects *out, struct err *err);
void report_objects_fini(struct report_objects *objects);
/* The same report under the UIDs of the one and the other object. Valid until the next of both calls. */
const struct dicom_report *report_objects_sr(struct report_objects *objects);
const struct dicom_report *report_objects_pdf(struct report_objects *objects);

#endif
