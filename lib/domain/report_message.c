#include "lib/domain/report_message.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/db/db.h"
#include "lib/domain/report_ledger.h"

static const char *text_of(const struct db_rows *rows, const char *column)
{
	const char *text = db_get_text(rows, 0, column);

	return text ? text : "";
}

static enum report_message_kind kind_of(const char *text)
{
	static const char *const kinds[] = {"original", "correction", "supplement", "void"};
	int kind;

	for (kind = REPORT_MESSAGE_VOID; kind > REPORT_MESSAGE_ORIGINAL; kind--)
		if (strcmp(kinds[kind], text) == 0)
			break;
	return (enum report_message_kind)kind;
}

static void fill(const struct db_rows *rows, struct report_message *message)
{
	*message = (struct report_message){.delivery_id = text_of(rows, "delivery"),
	                                   .version_id = text_of(rows, "report_version"),
	                                   .report_id = text_of(rows, "report"),
	                                   .patient_id = text_of(rows, "patient"),
	                                   .request_id = text_of(rows, "request"),
	                                   .site_id = text_of(rows, "site"),
	                                   .issuer_id = text_of(rows, "issuer"),
	                                   .kind = kind_of(text_of(rows, "kind")),
	                                   .version = (int)db_get_int(rows, 0, "version"),
	                                   .reason = text_of(rows, "reason"),
	                                   .reviewer = text_of(rows, "reviewer"),
	                                   .patient_pn = text_of(rows, "patient_pn"),
	                                   .patient_issuer = text_of(rows, "patient_issuer"),
	                                   .request_number = text_of(rows, "request_number"),
	                                   .doctor_code = text_of(rows, "doctor_code"),
	                                   .item_code = text_of(rows, "item_code"),
	                                   .verification_code = text_of(rows, "verification_code"),
	                                   .issued_us = db_get_time(rows, 0, "issued_at"),
	                                   .made_us = clock_wall_us()};
}

static bool load(struct db *db, struct store *store, struct report_message_loaded *loaded, struct err *err)
{
	struct report_message *message = &loaded->message;

	fill(loaded->rows, message);
	if (db_get_bool(loaded->rows, 0, "is_replaced"))
		return err_set(err, ERR_REFUSED,
		               "cannot send version %d of the report: a later one has taken its place",
		               message->version);
	loaded->content = json_loads(text_of(loaded->rows, "canonical"), 0, NULL);
	if (!json_is_object(loaded->content))
		return err_set(err, ERR_CORRUPT, "cannot read the content of a report");
	message->content = loaded->content;
	if (!report_paper_get(db, store, message->version_id, "pdf", &loaded->pdf, &message->pdf_length, err))
		return false;
	message->pdf = loaded->pdf;
	return true;
}

bool report_message_load(struct db *db, struct store *store, const char *delivery_id, struct report_message_loaded *out,
                         struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (!db_exec_one(db, STMT_MESSAGE_REPORT, DB_PARAMS(db_text(delivery_id)), "issued report", &out->rows, err))
		return false;
	if (load(db, store, out, err))
		return true;
	report_message_fini(out);
	return false;
}

void report_message_fini(struct report_message_loaded *loaded)
{
	db_rows_free(loaded->rows);
	json_decref(loaded->content);
	free(loaded->pdf);
}

char *report_message_base64(const uint8_t *bytes, size_t length)
{
	char *out;

	if (length > INT_MAX / 2)
		err_panic("too long for base 64");
	out = malloc(length / 3 * 4 + 5);
	if (!out)
		err_panic("out of memory");
	out[EVP_EncodeBlock((unsigned char *)out, bytes, (int)length)] = '\0';
	return out;
}
