/* What a reader does not type every time: report templates for everybody, phrases of the caller alone. No patients here. */
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/desk.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/base/text.h"

enum { PART_MAX = 200, SHORTCUT_MAX = 20, TEXT_MAX = 2000, UTF8_BYTES = 4 };

bool handle_report_templates(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *modality, *part, *sex, *patient_class;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_query_code(request, "modality", &modality, err) ||
	    !input_query_text(request, "body_part", PART_MAX, &part, err) ||
	    !input_query_word(request, "sex", "M F O", &sex, err) ||
	    !input_query_word(request, "patient_class", "emergency outpatient inpatient health_check", &patient_class,
	                      err) ||
	    !caller_db(request, &db, err) ||
	    !db_exec(db, STMT_DESK_TEMPLATES,
	             DB_PARAMS(db_text(modality), db_text(part), db_text(sex), db_text(patient_class)), &rows, err))
		return false;
	json_t *answer = answer_list(rows, "templates");
	db_rows_free(rows);
	return http_reply_json(request, 200, answer, err);
}

bool handle_phrases(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec(db, STMT_DESK_PHRASES, DB_PARAMS(db_text(caller_id(request))), &rows, err))
		return false;
	json_t *answer = answer_list(rows, "phrases");
	db_rows_free(rows);
	return http_reply_json(request, 200, answer, err);
}

struct phrase {
	const char *shortcut, *text, *modality, *field;
};

static bool has_characters(const char *name, const char *text, size_t max, struct err *err)
{
	size_t count = text_utf8_count(text);
	return (count >= 1 && count <= max) || err_set(err, ERR_INVALID, "%s needs 1 to %zu characters", name, max);
}

static bool is_plain(const char *text, const char *allowed)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if ((c < 0x20 || c == 0x7f) && strchr(allowed, c) == NULL)
			return false;
	}
	return true;
}

static bool read_phrase(struct http_request *request, struct phrase *out, struct err *err)
{
	json_t *body;
	if (!http_body_json(request, &body, err) ||
	    !input_text(body, "shortcut", (size_t)SHORTCUT_MAX * UTF8_BYTES, true, &out->shortcut, err) ||
	    !input_text(body, "text", (size_t)TEXT_MAX * UTF8_BYTES, true, &out->text, err) ||
	    !input_text(body, "modality", 16, false, &out->modality, err) ||
	    !input_text(body, "field", 16, false, &out->field, err) ||
	    !has_characters("shortcut", out->shortcut, SHORTCUT_MAX, err) ||
	    !has_characters("text", out->text, TEXT_MAX, err))
		return false;
	out->modality = out->modality != NULL ? out->modality : "";
	out->field = out->field != NULL ? out->field : "";
	if (out->field[0] != '\0' &&
	    !input_word(body, "field", "method findings impression recommendation", true, &out->field, err))
		return false;
	if (!is_plain(out->shortcut, "") || strchr(out->shortcut, ' ') != NULL)
		return err_set(err, ERR_INVALID, "shortcut has blanks or control characters");
	if (!is_plain(out->modality, ""))
		return err_set(err, ERR_INVALID, "modality has control characters");
	return is_plain(out->text, "\n\t") || err_set(err, ERR_INVALID, "text has control characters");
}

static bool reply_phrase(struct http_request *request, struct db_rows *rows, struct err *err)
{
	json_t *answer = answer_row(rows, 0);
	db_rows_free(rows);
	return http_reply_json(request, 200, answer, err);
}

bool handle_phrase_add(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct phrase phrase;
	struct db *db;
	struct db_rows *rows = NULL;
	return read_phrase(request, &phrase, err) && caller_db(request, &db, err) &&
	       db_exec_one(db, STMT_DESK_PHRASE_ADD,
	                   DB_PARAMS(db_text(caller_id(request)), db_text(phrase.shortcut), db_text(phrase.text),
	                             db_text(phrase.modality), db_text(phrase.field)),
	                   "the phrase", &rows, err) &&
	       reply_phrase(request, rows, err);
}

bool handle_phrase_change(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct phrase phrase;
	const char *id;
	struct db *db;
	struct db_rows *rows = NULL;
	return input_path_id(request, "phrase", &id, err) && read_phrase(request, &phrase, err) &&
	       caller_db(request, &db, err) &&
	       db_exec_one(db, STMT_DESK_PHRASE_CHANGE,
	                   DB_PARAMS(db_text(caller_id(request)), db_text(id), db_text(phrase.shortcut),
	                             db_text(phrase.text), db_text(phrase.modality), db_text(phrase.field)),
	                   "the phrase", &rows, err) &&
	       reply_phrase(request, rows, err);
}

bool handle_phrase_remove(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *id;
	struct db *db;
	return input_path_id(request, "phrase", &id, err) && caller_db(request, &db, err) &&
	       db_exec_one(db, STMT_DESK_PHRASE_REMOVE, DB_PARAMS(db_text(caller_id(request)), db_text(id)),
	                   "the phrase", NULL, err) &&
	       answer_done(request, err);
}
