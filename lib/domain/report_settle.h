/* Bringing in the DICOM objects of an issued report. Used by report_issue.c and report.h. */
#ifndef YQ_DOMAIN_REPORT_SETTLE_H
#define YQ_DOMAIN_REPORT_SETTLE_H

#include "lib/domain/report.h"

/* In the name of a person who may see the site. Repeatable; success also when there is nothing left to do. */
bool report_settle_one(struct report_desk *desk, const char *person_id, const char *report_id, struct err *err);

#endif
