#include "lib/domain/commitment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/digest.h"
#include "lib/base/file.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"

/* ---- requests ------------------------------------------------------------------------------------------------------- */

struct asking {
	const struct commitment_new *from;
	char id[TEXT_UUID_SIZE], site[TEXT_UUID_SIZE];
	uint8_t list[DIGEST_SIZE];
};

/* In the order of the request: a device that asks again says it the same way. */
static void digest_list(const struct dicom_commitment_request *request, uint8_t out[DIGEST_SIZE])
{
	struct digest *digest = digest_new();

	for (size_t i = 0; i < request->count; i++) {
		digest_update(digest, request->items[i].sop_class_uid, strlen(request->items[i].sop_class_uid) + 1);
		digest_update(digest, request->items[i].sop_instance_uid,
		              strlen(request->items[i].sop_instance_uid) + 1);
	}
	digest_final(digest, out);
	digest_free(digest);
}

static bool check_room(struct db *db, struct asking *asking, struct err *err)
{
	struct db_rows *rows;
	int64_t open;

	if (!db_exec_one(db, STMT_COMMITMENT_OPEN_COUNT, DB_PARAMS(db_text(asking->from->device_id)), "device", &rows,
	                 err))
		return false;
	open = db_get_int(rows, 0, "open");
	text_copy(asking->site, sizeof asking->site, db_get_text(rows, 0, "site"));
	db_rows_free(rows);
	return open < COMMITMENT_OPEN_MAX ||
	       dicom_refuse(err, ERR_NO_SPACE, DICOM_STATUS_RESOURCE_LIMITATION, "too many requests are open");
}

static bool add_row(struct db *db, struct asking *asking, bool is_duplicate, bool *out_added, struct err *err)
{
	const struct commitment_new *from = asking->from;
	struct db_rows *rows;

	if (!db_exec(db, STMT_COMMITMENT_ADD,
	             DB_PARAMS(db_text(from->device_id), db_text(from->request->transaction_uid), db_bool(is_duplicate),
	                       db_bytes(asking->list, sizeof asking->list), db_text(from->calling_ae),
	                       db_text(from->called_ae), db_text(from->address), db_int((int64_t)from->request->count),
	                       db_int(from->linger_ms), db_int(conf_number(CONF_COMMITMENT_DEADLINE))),
	             &rows, err))
		return false;
	*out_added = db_rows_count(rows) > 0;
	if (*out_added)
		text_copy(asking->id, sizeof asking->id, db_get_text(rows, 0, "id"));
	db_rows_free(rows);
	return true;
}

static bool add_items(struct db *db, const struct asking *asking, struct err *err)
{
	const struct dicom_commitment_request *request = asking->from->request;
	const char **texts = calloc(2 * request->count, sizeof *texts);
	bool ok;

	if (!texts)
		err_panic("out of memory");
	for (size_t i = 0; i < request->count; i++) {
		texts[i] = request->items[i].sop_class_uid;
		texts[request->count + i] = request->items[i].sop_instance_uid;
	}
	ok = db_exec(db, STMT_COMMITMENT_ADD_ITEMS,
	             DB_PARAMS(db_text(asking->id), db_texts(texts, request->count),
	                       db_texts(texts + request->count, request->count)),
	             NULL, err);
	free(texts);
	return ok;
}

/* The UID is in use: by the same request, of which the answer was lost or which is asked once more, or by another. */
static bool ask_again(struct db *db, struct asking *asking, bool *out_is_same, struct err *err)
{
	char hex[DIGEST_HEX_SIZE];
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_COMMITMENT_SAME,
	                 DB_PARAMS(db_text(asking->from->device_id), db_text(asking->from->request->transaction_uid)),
	                 "transaction", &rows, err))
		return false;
	text_hex(asking->list, sizeof asking->list, hex);
	*out_is_same = strcmp(hex, db_get_text(rows, 0, "list")) == 0;
	text_copy(asking->id, sizeof asking->id, db_get_text(rows, 0, "id"));
	db_rows_free(rows);
	return !*out_is_same || db_exec(db, STMT_COMMITMENT_ASK_AGAIN,
	                                DB_PARAMS(db_text(asking->id), db_int(asking->from->linger_ms),
	                                          db_int(conf_number(CONF_COMMITMENT_DEADLINE))),
	                                NULL, err);
}

static bool request_work(struct db *db, void *context, struct err *err)
{
	struct asking *asking = context;
	struct change change = {.action = "commitment.request",
	                        .subject_kind = "commitment",
	                        .subject_id = asking->id,
	                        .site_id = asking->site};
	bool is_added, is_same = false;

	if (!check_room(db, asking, err) || !add_row(db, asking, false, &is_added, err))
		return false;
	if (!is_added &&
	    (!ask_again(db, asking, &is_same, err) || (!is_same && !add_row(db, asking, true, &is_added, err))))
		return false;
	if (!is_same && !add_items(db, asking, err))
		return false;
	file_kill_point("commitment-request");
	return change_record(db, &change, err);
}

bool commitment_request(struct db_pool *pool, const struct commitment_new *from, char out_id[TEXT_UUID_SIZE],
                        struct err *err)
{
	struct asking asking = {.from = from};

	digest_list(from->request, asking.list);
	if (!db_transact(pool, NULL, request_work, &asking, err))
		return false;
	file_kill_point("commitment-requested");
	text_copy(out_id, TEXT_UUID_SIZE, asking.id);
	return true;
}

/* ---- reports -------------------------------------------------------------------------------------------------------- */

struct reporting {
	enum db_statement claim;
	const struct db_param *params;
	size_t param_count;
	const char *worker;
	struct commitment_report *report;
};

static void read_claim(const struct db_rows *rows, const char *worker, struct commitment_report *out)
{
	text_copy(out->id, sizeof out->id, db_get_text(rows, 0, "id"));
	text_copy(out->worker, sizeof out->worker, worker);
	text_copy(out->transaction_uid, sizeof out->transaction_uid, db_get_text(rows, 0, "transaction_uid"));
	text_copy(out->calling_ae, sizeof out->calling_ae, db_get_text(rows, 0, "calling_ae"));
	text_copy(out->called_ae, sizeof out->called_ae, db_get_text(rows, 0, "called_ae"));
	text_copy(out->host, sizeof out->host, db_get_text(rows, 0, "host"));
	out->port = (int)db_get_int(rows, 0, "port");
	out->is_tls = db_get_bool(rows, 0, "is_tls");
	out->trust_pem = strdup(db_get_text(rows, 0, "trust_pem"));
	if (!out->trust_pem)
		err_panic("out of memory");
	out->tries = (int)db_get_int(rows, 0, "tries");
}

static bool load_items(struct db *db, struct commitment_report *report, struct err *err)
{
	int count;

	if (!db_exec(db, STMT_COMMITMENT_ITEMS, DB_PARAMS(db_text(report->id)), &report->rows, err))
		return false;
	count = db_rows_count(report->rows);
	report->items = calloc((size_t)count + 1, sizeof *report->items);
	if (!report->items)
		err_panic("out of memory");
	for (int i = 0; i < count; i++)
		report->items[i] = (struct dicom_commitment_item){
		    .sop_class_uid = db_get_text(report->rows, i, "sop_class_uid"),
		    .sop_instance_uid = db_get_text(report->rows, i, "sop_instance_uid"),
		    .failure_reason = (uint16_t)db_get_int(report->rows, i, "failure_reason")};
	report->result = (struct dicom_commitment_result){report->transaction_uid, report->items, (size_t)count};
	return true;
}

static bool claim_work(struct db *db, void *context, struct err *err)
{
	struct reporting *reporting = context;
	struct db_rows *rows;
	bool is_found;

	commitment_report_free(reporting->report);
	reporting->report = NULL;
	if (!db_exec(db, reporting->claim, reporting->params, reporting->param_count, &rows, err))
		return false;
	is_found = db_rows_count(rows) > 0;
	if (is_found) {
		reporting->report = calloc(1, sizeof *reporting->report);
		if (!reporting->report)
			err_panic("out of memory");
		read_claim(rows, reporting->worker, reporting->report);
	}
	db_rows_free(rows);
	return !is_found || load_items(db, reporting->report, err);
}

static bool claim(struct db_pool *pool, struct reporting *reporting, struct commitment_report **out, struct err *err)
{
	if (!db_transact(pool, NULL, claim_work, reporting, err)) {
		commitment_report_free(reporting->report);
		return false;
	}
	*out = reporting->report;
	if (*out)
		file_kill_point("commitment-claimed");
	return true;
}

bool commitment_claim(struct db_pool *pool, const char *worker, int64_t lease_ms, struct commitment_report **out,
                      struct err *err)
{
	struct db_param params[] = {db_text(worker), db_int(lease_ms)};
	struct reporting reporting = {STMT_COMMITMENT_CLAIM, params, 2, worker, NULL};

	return claim(pool, &reporting, out, err);
}

bool commitment_take(struct db_pool *pool, const char *const *ids, size_t count, const char *worker, int64_t lease_ms,
                     struct commitment_report **out, struct err *err)
{
	struct db_param params[] = {db_texts(ids, count), db_text(worker), db_int(lease_ms)};
	struct reporting reporting = {STMT_COMMITMENT_TAKE, params, 3, worker, NULL};

	return claim(pool, &reporting, out, err);
}

void commitment_report_free(struct commitment_report *report)
{
	if (!report)
		return;
	free(report->items);
	free(report->trust_pem);
	db_rows_free(report->rows);
	free(report);
}

struct settling {
	const struct commitment_report *report;
	const char *on;
};

static bool answered_work(struct db *db, void *context, struct err *err)
{
	const struct settling *settling = context;
	char site[TEXT_UUID_SIZE], detail[120];
	struct change change = {.event = "commitment.reported",
	                        .action = "commitment.reported",
	                        .subject_kind = "commitment",
	                        .subject_id = settling->report->id,
	                        .site_id = site,
	                        .detail = detail};
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_COMMITMENT_ANSWERED,
	                 DB_PARAMS(db_text(settling->report->id), db_text(settling->report->worker)), "report", &rows,
	                 err))
		return false;
	text_copy(site, sizeof site, db_get_text(rows, 0, "site"));
	snprintf(detail, sizeof detail, "{\"held\": %lld, \"named\": %lld, \"association\": \"%s\"}",
	         (long long)db_get_int(rows, 0, "held"), (long long)db_get_int(rows, 0, "instances"), settling->on);
	db_rows_free(rows);
	return change_record(db, &change, err);
}

bool commitment_answered(struct db_pool *pool, const struct commitment_report *report, const char *on, struct err *err)
{
	struct settling settling = {report, on};

	file_kill_point("commitment-answered");
	return db_transact(pool, NULL, answered_work, &settling, err);
}

/* One statement that changes rows, on a session of its own. */
static bool run(struct db_pool *pool, enum db_statement statement, const struct db_param *params, size_t count,
                struct err *err)
{
	struct db *db;
	bool ok;

	if (!db_take(pool, &db, err))
		return false;
	ok = db_exec(db, statement, params, count, NULL, err);
	db_give(db);
	return ok;
}

bool commitment_failed(struct db_pool *pool, const struct commitment_report *report, const char *why, int64_t wait_ms,
                       struct err *err)
{
	return run(pool, STMT_COMMITMENT_FAILED,
	           DB_PARAMS(db_text(report->id), db_text(report->worker), db_text(why), db_int(wait_ms)), err);
}

bool commitment_let_go(struct db_pool *pool, const char *const *ids, size_t count, struct err *err)
{
	return run(pool, STMT_COMMITMENT_LET_GO, DB_PARAMS(db_texts(ids, count)), err);
}
