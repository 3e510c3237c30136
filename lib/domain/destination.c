#include "lib/domain/destination.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/destination_secret.h"
#include "lib/domain/destination_values.h"
#include "lib/domain/event.h"
#include "lib/domain/find_one.h"

enum { REASON_CHARACTERS_MAX = 500 };

/* One change, as it goes. */
struct edit {
	struct db *db;
	const struct destination_actor *actor;
	char id[TEXT_UUID_SIZE], site[TEXT_UUID_SIZE];
	json_t *before, *values, *secret_before, *secret; /* before: empty objects for a new one */
};

static void edit_end(struct edit *edit)
{
	json_decref(edit->before);
	json_decref(edit->values);
	destination_secret_wipe(edit->secret_before);
	destination_secret_wipe(edit->secret);
}

/* ---- what is given --------------------------------------------------------------------------------------------------------- */

static bool refuse_double(const struct db_rows *rows, struct err *err)
{
	return err_set(err, ERR_CONFLICT, "%.60s at this address is a destination of %.60s already",
	               db_get_text(rows, 0, "name"), db_get_text(rows, 0, "site"));
}

/* The index of the ledger decides; this finds the words. */
static bool check_double(const struct edit *edit, struct err *err)
{
	char *values = json_dumps(edit->values, JSON_COMPACT);
	struct db_rows *rows;
	bool ok;

	if (!values)
		err_panic("could not write JSON");
	ok = db_exec(edit->db, STMT_DESTINATION_DOUBLE,
	             DB_PARAMS(db_text(edit->site), db_text(values), db_text(edit->id)), &rows, err);
	free(values);
	if (!ok)
		return false;
	ok = db_rows_count(rows) == 0 || refuse_double(rows, err);
	db_rows_free(rows);
	return ok;
}

static bool lay(struct edit *edit, const json_t *given, struct err *err)
{
	const char *protocol = json_string_value(json_object_get(edit->values, "protocol"));
	bool is_tls_new;

	if (!destination_values_lay(edit->values, given, err) ||
	    !destination_secret_lay(edit->secret, protocol, json_object_get(given, "secret"), err))
		return false;
	is_tls_new = destination_values_tls_differs(edit->before, edit->values, edit->secret_before, edit->secret);
	return destination_values_check(edit->values, edit->secret, is_tls_new, clock_wall_us(), err) &&
	       check_double(edit, err);
}

/* ---- what is written ------------------------------------------------------------------------------------------------------- */

enum { SECRETS_MAX = 8 };

static size_t secret_names(const json_t *secret, const char *names[SECRETS_MAX])
{
	size_t count = 0;

	for (int i = 0; destination_secret_names[i]; i++)
		if (json_object_get(secret, destination_secret_names[i]))
			names[count++] = destination_secret_names[i];
	return count;
}

static bool write_row(const struct edit *edit, bool is_new, bool is_way, struct err *err)
{
	const char *names[SECRETS_MAX];
	char *values;
	uint8_t *sealed;
	size_t length, count = secret_names(edit->secret, names);
	bool ok;

	if (!destination_secret_seal(edit->secret, edit->id, &sealed, &length, err))
		return false;
	values = json_dumps(edit->values, JSON_COMPACT);
	if (!values)
		err_panic("could not write JSON");
	ok = is_new ? db_exec(edit->db, STMT_DESTINATION_CREATE,
	                      DB_PARAMS(db_text(edit->id), db_text(edit->site), db_text(values),
	                                db_bytes(sealed, length), db_texts(names, count),
	                                db_text(edit->actor->person_id), db_text(edit->actor->operator_name)),
	                      NULL, err)
	            : db_exec(edit->db, STMT_DESTINATION_CHANGE,
	                      DB_PARAMS(db_text(edit->id), db_text(values), db_bytes(sealed, length),
	                                db_texts(names, count), db_text(edit->actor->person_id),
	                                db_text(edit->actor->operator_name), db_bool(is_way)),
	                      NULL, err);
	free(values);
	free(sealed);
	return ok;
}

static bool record(struct db *db, const struct destination_actor *actor, const char *action, const char *id,
                   const char *site, json_t *detail, struct err *err)
{
	char *text = json_dumps(detail, JSON_COMPACT);
	struct change change = {.event = action,
	                        .action = action,
	                        .person_id = actor->person_id,
	                        .is_operator = actor->operator_name != NULL,
	                        .operator_name = actor->operator_name,
	                        .subject_kind = "destination",
	                        .subject_id = id,
	                        .site_id = site,
	                        .detail = text};
	bool ok = change_record(db, &change, err);

	free(text);
	json_decref(detail);
	return ok;
}

/* Nothing differs: nothing is written. */
static bool write_change(const struct edit *edit, bool is_new, struct err *err)
{
	bool is_way;
	json_t *difference =
	    destination_values_difference(edit->before, edit->values, edit->secret_before, edit->secret, &is_way);
	json_t *detail = json_pack("{so so}", "changed", difference, "protocol",
	                           json_incref(json_object_get(edit->values, "protocol")));

	if (!detail)
		err_panic("could not write JSON");
	if (json_object_size(difference) == 0 || !write_row(edit, is_new, is_way, err)) {
		bool is_same = json_object_size(difference) == 0;

		json_decref(detail);
		return is_same;
	}
	return record(edit->db, edit->actor, is_new ? "destination.add" : "destination.edit", edit->id, edit->site,
	              detail, err);
}

/* ---- made, changed, removed ------------------------------------------------------------------------------------------------ */

bool destination_create(struct db *db, const struct destination_actor *actor, const char *site_id, const json_t *given,
                        char out_id[TEXT_UUID_SIZE], struct err *err)
{
	const char *protocol = json_string_value(json_object_get(given, "protocol"));
	struct edit edit = {.db = db, .actor = actor};
	bool ok;

	if (!destination_protocol_check(protocol ? protocol : "", err))
		return false;
	text_uuid_new(edit.id);
	text_copy(edit.site, sizeof(edit.site), site_id);
	edit.before = destination_values_new(protocol);
	edit.values = destination_values_new(protocol);
	edit.secret_before = json_object();
	edit.secret = json_object();
	ok = lay(&edit, given, err) && write_change(&edit, true, err);
	if (ok)
		text_copy(out_id, TEXT_UUID_SIZE, edit.id);
	edit_end(&edit);
	return ok;
}

/* Given anew, or given up, a secret need not open: the key file may be another one. */
static bool open_secret(const struct db_rows *rows, const char *id, const json_t *given, json_t **out, struct err *err)
{
	if (destination_secret_open(rows, id, out, err))
		return true;
	if (err->kind != ERR_CORRUPT || (given && !json_is_object(json_object_get(given, "secret"))))
		return false;
	*out = json_object();
	return true;
}

static bool check_revision(const struct db_rows *rows, const json_t *given, struct err *err)
{
	const char *seen = json_string_value(json_object_get(given, "updated_at"));
	const char *who = db_get_text(rows, 0, "updated_by");

	return !seen || strcmp(seen, db_get_text(rows, 0, "updated_at")) == 0 ||
	       err_set(err, ERR_CONFLICT, "cannot change this destination: %.60s changed it meanwhile, load it again",
	               *who ? who : "somebody");
}

static bool load(struct edit *edit, const char *destination_id, const json_t *given, struct err *err)
{
	struct db_rows *rows;
	json_t *row;
	bool ok;

	if (!text_is_uuid(destination_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such destination");
	if (!db_exec_one(edit->db, STMT_DESTINATION_FORM, DB_PARAMS(db_text(destination_id)), "the destination", &rows,
	                 err))
		return false;
	text_copy(edit->id, sizeof(edit->id), destination_id);
	text_copy(edit->site, sizeof(edit->site), db_get_text(rows, 0, "site"));
	row = json_loads(db_get_text(rows, 0, "form"), 0, NULL);
	edit->before = destination_values_of(row);
	edit->values = destination_values_of(row);
	json_decref(row);
	ok = check_revision(rows, given, err) && open_secret(rows, edit->id, given, &edit->secret_before, err);
	if (ok)
		edit->secret = json_deep_copy(edit->secret_before);
	db_rows_free(rows);
	return ok;
}

bool destination_edit(struct db *db, const struct destination_actor *actor, const char *destination_id,
                      const json_t *given, struct err *err)
{
	struct edit edit = {.db = db, .actor = actor};
	bool ok = load(&edit, destination_id, given, err) && lay(&edit, given, err) && write_change(&edit, false, err);

	edit_end(&edit);
	return ok;
}

static bool check_unused(struct db *db, const char *destination_id, struct err *err)
{
	struct db_rows *rows;
	int64_t count;

	if (!db_exec_one(db, STMT_DESTINATION_USES, DB_PARAMS(db_text(destination_id)), "the destination", &rows, err))
		return false;
	count = db_get_int(rows, 0, "deliveries");
	db_rows_free(rows);
	return count == 0 ||
	       err_set(err, ERR_CONFLICT,
	               "cannot remove this destination: %lld%s deliveries to it are on record; disable it "
	               "instead",
	               (long long)count, count == 1000 ? " and more" : "");
}

bool destination_remove(struct db *db, const struct destination_actor *actor, const char *destination_id,
                        struct err *err)
{
	struct edit edit = {.db = db, .actor = actor};
	bool ok = load(&edit, destination_id, NULL, err) && check_unused(db, destination_id, err);

	/* What refers to it beside deliveries is found by the ledger: a rule that forwards there. */
	if (ok && !db_exec(db, STMT_DESTINATION_REMOVE, DB_PARAMS(db_text(destination_id)), NULL, err))
		ok = err->kind == ERR_INVALID
		         ? err_set(err, ERR_CONFLICT,
		                   "cannot remove this destination: something refers to it; disable "
		                   "it instead")
		         : false;
	ok = ok &&
	     record(db, actor, "destination.remove", edit.id, edit.site,
	            json_pack("{sO sO sO sO sO}", "protocol", json_object_get(edit.values, "protocol"), "name",
	                      json_object_get(edit.values, "name"), "host", json_object_get(edit.values, "host"),
	                      "port", json_object_get(edit.values, "port"), "url", json_object_get(edit.values, "url")),
	            err);
	edit_end(&edit);
	return ok;
}

bool destination_add(struct db *db, const struct destination_new *destination, char out_id[TEXT_UUID_SIZE],
                     struct err *err)
{
	static const struct destination_actor program = {0};
	json_t *given = json_pack("{ss ss* ss ss si}", "protocol", "dicom", "name", destination->name, "ae_title",
	                          destination->ae_title, "host", destination->host, "port", destination->port);
	bool ok;

	if (!given)
		return err_set(err, ERR_INVALID, "cannot use this destination: a text is no UTF-8");
	ok = destination_create(db, &program, destination->site->public_id, given, out_id, err);
	json_decref(given);
	return ok;
}

/* ---- hold ------------------------------------------------------------------------------------------------------------------- */

static bool check_reason(const char *text, struct err *err)
{
	if (!*text || !text_is_utf8(text, strlen(text)) || text_utf8_count(text) > REASON_CHARACTERS_MAX)
		return err_set(err, ERR_INVALID, "cannot use this reason: 1 to %d characters of UTF-8 are wanted",
		               REASON_CHARACTERS_MAX);
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return err_set(err, ERR_INVALID, "cannot use this reason: it has a control character");
	return true;
}

static bool switch_hold(struct db *db, const char *id, const char *reason, struct err *err)
{
	struct db_rows *rows;
	bool ok;

	if (!db_exec_one(db, STMT_DESTINATION_HOLD, DB_PARAMS(db_text(id), db_text(reason)), "the destination", &rows,
	                 err))
		return false;
	ok = event_append(db, reason ? "destination.hold" : "destination.release", id, db_get_text(rows, 0, "site_id"),
	                  err);
	db_rows_free(rows);
	return ok;
}

bool destination_hold(struct db *db, const char *id_or_ae, const char *reason, char out_id[TEXT_UUID_SIZE],
                      struct err *err)
{
	return (!reason || check_reason(reason, err)) &&
	       find_one(db, STMT_DESTINATION_FIND, "destination", id_or_ae, out_id, err) &&
	       switch_hold(db, out_id, reason, err);
}
