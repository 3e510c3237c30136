/*
 * The report of a reading task: draft, submission by its author, review, issue with its papers, and verification of a paper.
 *
 * One report version goes draft -> submitted -> issued (lib/domain/report_state.def); the task follows in the same
 * transaction. What both doctors sign is the canonical content: one JSON text of everything that the paper says
 * (report_content_json), its SHA-256 the content digest. The author signs at submission, the reviewer at issue; each leaves a
 * CMS signature over the canonical content in the ledger and a visible PAdES signature in the PDF. Issuing makes
 * from this one record a PDF (the artefact), a Basic Text SR and an Encapsulated PDF in the study.
 *
 * Who may do it: the holder of the task's lease, named by its token, with the rights that the signing policy in force asks
 * for. The database refuses, by trigger, an issue that the policy does not allow; a check here only says so earlier and clearer.
 *
 * Every function is one transaction of the person (row-level security), unless it says more. All ids are public ids.
 * Refusals: ERR_NOT_FOUND (no such task for these eyes), ERR_REFUSED (no right, wrong password, wrong state, not qualified),
 * ERR_CONFLICT (lease lost, draft changed elsewhere, study changed since it was read), ERR_INVALID (the body, with the field).
 * "Report id" means the public id of a report version everywhere here.
 * Threads: a desk is shared.
 */
#ifndef YQ_DOMAIN_REPORT_H
#define YQ_DOMAIN_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/task.h"

struct db_pool;
struct store;

/* A DICOM object that we made, to be brought in. Borrowed during the call. */
struct report_object {
	const char *path;        /* a part 10 file, readable during the call */
	uint64_t dataset_offset; /* where the dataset begins, behind preamble and meta header */
	const char *site_public_id;
	const char *sop_class_uid, *sop_instance_uid, *transfer_syntax_uid;
};

/*
 * Where our own objects enter: the program puts lib/intake behind it (origin own), which this layer may not include.
 * After true the object survives power loss and reaches the ledger by itself. The same object again is success.
 */
struct report_sink {
	bool (*bring_in)(void *context, const struct report_object *object, struct err *err);
	void *context;
};

/* What the functions below work with. Borrowed, filled by the program. */
struct report_desk {
	struct db_pool *pool;
	struct store *store;
	struct report_sink sink;
};

enum report_result { REPORT_RESULT_UNSTATED, REPORT_RESULT_NEGATIVE, REPORT_RESULT_POSITIVE };

/* What the doctor writes. UTF-8, borrowed, NULL reads as empty; each text at most REPORT_TEXT_MAX bytes, no control characters but newline and tab. */
enum { REPORT_TEXT_MAX = 16 * 1024 };
struct report_body {
	const char *method, *findings, *impression, *recommendation;
	enum report_result result;
	bool is_critical;
	const char *quality_grade; /* empty, or of the modality's scale: 甲 乙 丙 废 / 优 良 合格 不合格 */
	const char *quality_reason;
};
/* From {"method","findings","impression","recommendation","quality_grade","quality_reason": text, "result": "positive", "negative" or
 * null, "is_critical": bool}, each optional; unknown members are ERR_INVALID. Texts are borrowed from json. */
bool report_body_from_json(const json_t *json, struct report_body *out, struct err *err);

/*
 * Keeps a draft. seen_revision: the revision that the writer saw (0: there was none yet); another one in the ledger is
 * ERR_CONFLICT and nothing is changed. *out_revision is the new one. The same save again (same revision seen, same
 * body, same person), after an answer that was lost, is success with the revision that is there.
 */
bool report_draft_save(struct report_desk *desk, const struct task_claim *claim, int seen_revision,
                       const struct report_body *body, int *out_revision, char out_report_id[TEXT_UUID_SIZE],
                       struct err *err);

/* What of the study the author saw: its version, and the revision of its patient (below 0: as when the task was first taken). */
struct report_seen {
	int study_version, patient_revision;
};

/*
 * The author submits the draft: revision as last saved, the study as it was seen (both: else ERR_CONFLICT). Signs with the author's key, for
 * which the password is asked again. Draft -> submitted, task writing -> awaiting_review, the lease ends.
 * The same submission again, after an answer that was lost, is success.
 */
bool report_submit(struct report_desk *desk, const struct task_claim *claim, const char *password, int revision,
                   const struct report_seen *seen, struct err *err);

/* The reviewer sends it back with a remark (1 to 2000 characters). Submitted -> draft, task reviewing -> writing; the signature given is kept as void. */
bool report_send_back(struct report_desk *desk, const struct task_claim *claim, const char *remark, struct err *err);

/*
 * The reviewer signs and issues (a policy that asks for one signature only is satisfied by this, too). More than one transaction, each step repeatable: papers are made and kept first, then one transaction
 * issues, then SR and Encapsulated PDF are brought in through the sink. After true: issued, survives power loss. Whatever dies in
 * between, the same call again completes it (also when it had issued already), and so does report_settle(); nothing is doubled.
 */
bool report_issue(struct report_desk *desk, const struct task_claim *claim, const char *password, struct err *err);

/* Brings in objects of issued reports that a crash kept out. Called by the gateway at start and now and then. *out_count: objects. */
bool report_settle(struct report_desk *desk, int *out_count, struct err *err);

/*
 * All that may be shown of a task's report: state, revision, body, signatures, remarks of earlier submissions, artefacts, and which versions were
 * issued; {"report": null} when nothing was written yet. report_id: this version; NULL: the one that was written in the task, and of a report that
 * was followed the newest that was issued. *out: json_decref().
 */
bool report_show(struct report_desk *desk, const char *person_id, const char *task_id, const char *report_id,
                 json_t **out, struct err *err);

/* The PDF of a report version (as issued; before: as submitted). *out_fd is the caller's. */
bool report_open_pdf(struct report_desk *desk, const char *person_id, const char *report_id, int *out_fd,
                     uint64_t *out_size, struct err *err);

/* ---- verification of a paper -------------------------------------------------------------------------------------- */

enum report_standing {
	REPORT_UNKNOWN,    /* not a paper of this installation */
	REPORT_CURRENT,    /* genuine and in force */
	REPORT_SUPERSEDED, /* genuine, corrected by a later version */
	REPORT_VOID,       /* genuine, withdrawn */
	REPORT_UNISSUED,   /* genuine bytes of a submission that was not issued */
	REPORT_ALTERED     /* a signature does not fit the bytes */
};
/*
 * Reads a PDF, or an Encapsulated PDF or SR object of ours, verifies every signature in it against the CA of the installation
 * and looks it up in the ledger. *out is JSON, json_decref(): {"standing","text","is_genuine":bool,"report":{...}|null,
 * "signatures":[{"name","organisation","role","signed_at","is_valid","is_trusted","text"}]}. True also for forged and foreign files: the
 * verdict is the result. ERR_INVALID only when the file can't be read as any of the three.
 */
bool report_verify_file(struct db_pool *pool, const char *path, enum report_standing *out_standing, json_t **out,
                        struct err *err);
const char *report_standing_name(enum report_standing standing); /* "current", ... */

#endif
