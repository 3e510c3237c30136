/* Builds the content of a report (report_content.h) from the ledger. */
#ifndef YQ_DOMAIN_REPORT_FACTS_H
#define YQ_DOMAIN_REPORT_FACTS_H

#include "lib/domain/report_ledger.h"

struct report_occasion {
	const struct report_row *row;
	const struct report_policy *policy;
	const struct report_person *author;
	const json_t *body;
	bool is_demo;
	int64_t written_us;
};
/* *out: json_decref(). *out_study_version: of the study as it is now. */
bool report_facts_content(struct db *db, const char *task_id, const struct report_occasion *occasion, json_t **out,
                          int *out_study_version, struct err *err);

/* "ZHANG^SAN=张^三=" -> "张三"; without an ideographic group "ZHANG SAN". PS3.5 section 6.2.1. */
void report_display_name(const char *pn, char *out, size_t out_size);

/* "067Y" -> "67 岁"; free text stays. Empty: from birth date (YYYY-MM-DD) and day of the examination, when both are known. */
enum { REPORT_AGE_SIZE = 64 };
void report_display_age(const char *age, const char *birth_date, const char *examined_at, bool english,
                        char out[REPORT_AGE_SIZE]);

#endif
