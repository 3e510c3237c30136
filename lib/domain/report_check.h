/*
 * What a report's text does not agree with: itself, the person, the request, the images. A pure function of the text and a few facts, so that
 * it may be asked at every pause of typing. It reads set phrases (report_words.h): a finding is a question to the doctor, not a verdict.
 * Only an error stops a submission: no findings, no impression, no result outside of a health check.
 */
#ifndef YQ_DOMAIN_REPORT_CHECK_H
#define YQ_DOMAIN_REPORT_CHECK_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/domain/report.h"

struct db;

/* Texts are borrowed, UTF-8, never NULL; empty: not known. */
struct report_check_facts {
	const char *sex;                 /* M, F, O */
	const char *modality;            /* of the study */
	const char *study_part;          /* body part and description of study and series, as they came */
	const char *request_part, *item; /* of the request; empty: there is none */
	const char *request_side;        /* left, right, both, none */
	const char *series_side;         /* L or R when all series that say one agree */
	bool is_health_check, is_study_incomplete;
	int instances, expected_views; /* 0: not known */
};

/* [{"code","severity","field","words":[...]}], codes of CheckFinding in gateway/web/src/api/types.ts. body: as kept by report_draft_save(). *The caller's. */
json_t *report_check(const struct report_body *body, const struct report_check_facts *facts);

/* ERR_INVALID naming the field when one of the findings is an error. */
bool report_check_pass(const json_t *findings, struct err *err);

/* report_check() with the facts of a task, in the caller's transaction. *out: json_decref(). ERR_NOT_FOUND: no such task for these eyes. */
bool report_check_at(struct db *db, const char *task_id, const struct report_body *body, json_t **out, struct err *err);
/* The same in a transaction of its own. */
bool report_check_task(struct report_desk *desk, const char *person_id, const char *task_id,
                       const struct report_body *body, json_t **out, struct err *err);

#endif
