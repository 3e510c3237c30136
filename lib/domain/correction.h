/*
 * Corrections of a study, job number one of every day: 拆分, 合并, 移动图像, 改患者信息 (匹配 is request.h). Each is a fact with reason, before and
 * after, over untouched bytes; each can be taken back by one of its own.
 *
 * First a preview, then the deed over what the preview showed: its revision says whether that still stands. Of two people who correct at once
 * one wins, the other hears what changed. What is carried on: open tasks have to look again, for issued reports a correction is proposed
 * (report_proposal.def), images that come in later follow their series.
 *
 * Each function is one transaction with events and audit record. Ids are public ids, borrowed. Results are new JSON objects, json_decref(),
 * in the form of docs/api.md.
 *
 * Refusals: ERR_NOT_FOUND (not there for these eyes), ERR_REFUSED (no right at the site), ERR_INVALID (the form; the text says what is wanted),
 * ERR_CONFLICT (the state stands against it). Three come as a result instead, since they say more than a line; nothing is changed then:
 * {"code": "stale", ...}, {"code": "unconfirmed", ...}, {"code": "blocked", ...}; correction_refusal() words them.
 */
#ifndef YQ_DOMAIN_CORRECTION_H
#define YQ_DOMAIN_CORRECTION_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"

struct db_pool;

enum {
	CORRECTION_REASON_MAX = 2000,   /* bytes */
	CORRECTION_SERIES_MAX = 1000,   /* chosen series */
	CORRECTION_INSTANCES_MAX = 2000 /* chosen images */
};

/* A person (row-level security), or the operator at the machine by login, whose session sees every site. */
struct correction_maker {
	const char *person_id;
	const char *operator_name; /* where person_id is NULL */
};

/* What: {"kind", ...} as docs/api.md has it, from outside. Nothing changes. */
bool correction_preview(struct db_pool *pool, const struct correction_maker *maker, const char *study_id,
                        const json_t *what, json_t **out, struct err *err);
/* what with reason, revision, confirmed. After true without a "code": done, survives power loss. */
bool correction_apply(struct db_pool *pool, const struct correction_maker *maker, const char *study_id,
                      const json_t *what, json_t **out, struct err *err);

/* 撤销. */
bool correction_undo_preview(struct db_pool *pool, const struct correction_maker *maker, const char *correction_id,
                             json_t **out, struct err *err);
bool correction_undo(struct db_pool *pool, const struct correction_maker *maker, const char *correction_id,
                     const char *reason, const char *revision, json_t **out, struct err *err);

/*
 * What a person says about two identities (待核对): same, the claim goes to the other's patient; different, apart. confirmed: an array with the
 * contradictions that the person was shown, or NULL. Of two at once the first is heard: the other gets {"code": "settled", ...}.
 */
bool correction_identity_settle(struct db_pool *pool, const struct correction_maker *maker, const char *review_id,
                                const char *outcome, const char *reason, const json_t *confirmed, json_t **out,
                                struct err *err);
bool correction_identity_undo(struct db_pool *pool, const struct correction_maker *maker, const char *review_id,
                              const char *reason, json_t **out, struct err *err);

/* 更正 proposed: its signer says that it has no influence on the report, and why. ERR_CONFLICT: it is settled. */
bool correction_dismiss(struct db_pool *pool, const char *person_id, const char *proposal_id, const char *reason,
                        struct err *err);

/* NULL when the result is no refusal; else static text. */
const char *correction_refusal(const json_t *result);

/* ---- the form, pure ---------------------------------------------------------------------------------------------------- */

/* Checks what came from outside and writes it as the ledger takes it. *out: free(3). today: 2026-11-22. needs_reason: not of a preview. */
bool correction_form(const json_t *what, const char *today, bool needs_reason, char **out, struct err *err);

#endif
