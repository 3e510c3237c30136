/*
 * The request (申请单): registration at a site, and the match of a study to it. The 检查号 is given here, at registration, and never changes.
 *
 * Each function is one transaction of the person (row-level security), with event and audit record. Ids are public ids, borrowed.
 *
 * Refusals: ERR_NOT_FOUND (not there for these eyes), ERR_REFUSED (no right at the site), ERR_INVALID (a member of the form; the text says
 * which and what is wanted), ERR_CONFLICT (the state, or somebody else's match, stands against it).
 */
#ifndef YQ_DOMAIN_REQUEST_H
#define YQ_DOMAIN_REQUEST_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

struct db;
struct db_pool;

enum {
	REQUEST_NAME_MAX = 64,   /* characters of a name */
	REQUEST_LINE_MAX = 300,  /* bytes of a member on one line */
	REQUEST_TEXT_MAX = 6000, /* bytes of a member with lines */
	REQUEST_REASON_MAX = 2000
};

/* What is registered, as typed. Borrowed; NULL: not given. Names come in as they are written, 张三 or ZHANG SAN. */
struct request_form {
	const char *site_id; /* NULL: the person's seat */
	const char *name, *sex;
	const char *birth_date; /* 1981-02-03 */
	const char *age_text;   /* 45Y, 6M, 3W, 10D */
	const char *patient_id, *document, *phone;
	const char *patient_class;
	bool is_urgent;
	const char *visit_number, *department, *doctor;
	const char *item_code_id, *item_name, *modality, *body_part, *laterality;
	const char *purpose, *history, *clinical_diagnosis, *request_number;
	const char *pregnancy, *allergy, *renal_function, *operations, *specimen;
};

/*
 * 登记. Mandatory: name, sex, birth date (its own or that of the document) or age, patient class, an item of the catalogue or modality and
 * body part.
 */
bool request_register(struct db_pool *pool, const char *person_id, const struct request_form *form,
                      char out_id[TEXT_UUID_SIZE], struct err *err);
/* All members anew, except that the identity number stays when none is given. Not of a cancelled request. form->site_id does not count. */
bool request_change(struct db_pool *pool, const char *person_id, const char *request_id,
                    const struct request_form *form, struct err *err);
/* Only while no study is matched. */
bool request_cancel(struct db_pool *pool, const char *person_id, const char *request_id, struct err *err);

/*
 * 匹配 by hand. A study has one request; a request one study and its retake, or as many as its item expects views: who comes second gets ERR_CONFLICT. reason may be NULL. Both
 * leave a correction, and the router looks at the study again.
 */
bool request_match(struct db_pool *pool, const char *person_id, const char *study_id, const char *request_id,
                   const char *reason, struct err *err);
bool request_unmatch(struct db_pool *pool, const char *person_id, const char *study_id, const char *reason,
                     struct err *err);

/*
 * For the router, in its own transaction with the study locked: matches the study to a request of its site when the rule (yq_match_decide) is
 * certain, and keeps what the rule said. *out_matched: it did; the caller then writes event and audit record with request_matched() as one of its last acts.
 */
bool request_match_automatic(struct db *db, const char *study_id, bool *out_matched, struct err *err);
bool request_matched(struct db *db, const char *study_id, const char *site_id, struct err *err);

/* ---- the form, pure ---------------------------------------------------------------------------------------------------- */

enum { REQUEST_PN_SIZE = 4 * REQUEST_NAME_MAX + 2, REQUEST_BIRTH_SIZE = 11, REQUEST_DOCUMENT_SIZE = 19 };

/* What follows from a form. */
struct request_facts {
	char name[REQUEST_PN_SIZE];           /* PN with its groups */
	char birth_date[REQUEST_BIRTH_SIZE];  /* empty: only an age */
	char document[REQUEST_DOCUMENT_SIZE]; /* empty: none */
};

/* today: 2026-11-22. ERR_INVALID. */
bool request_check(const struct request_form *form, const char *today, struct request_facts *out, struct err *err);

/*
 * The person alone, of a form in which only what was typed is given: a name unless none is needed, a sex that may be empty. What was not given
 * is empty in *out; the birth date is that of the identity number where there is one.
 */
bool request_check_person(const struct request_form *form, const char *today, bool needs_name,
                          struct request_facts *out, struct err *err);

#endif
