#include "gateway/caller.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

struct caller *caller_of(const struct http_request *request)
{
	return http_user(request);
}

const char *caller_id(const struct http_request *request)
{
	struct caller *caller = caller_of(request);
	return caller != NULL ? caller->session.person_id : "";
}

static bool is_wanted(void *request)
{
	return http_is_awaited(request);
}

struct db_watch caller_watch(struct http_request *request)
{
	const char *method = http_method(request);
	bool only_looks = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	return only_looks ? (struct db_watch){is_wanted, request} : (struct db_watch){0};
}

bool caller_db(struct http_request *request, struct db **out, struct err *err)
{
	struct caller *caller = caller_of(request);
	if (caller->db == NULL) {
		struct db *db = NULL;
		if (!db_take_watched(caller->gateway->pool, caller_watch(request), &db, err))
			return false;
		if (!db_set_person(db, caller->session.person_id, err)) {
			db_give(db);
			return false;
		}
		caller->db = db;
	}
	*out = caller->db;
	return true;
}

void caller_rest(const struct http_request *request)
{
	struct caller *caller = caller_of(request);
	db_give(caller->db);
	caller->db = NULL;
}

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
	       strncmp(address, "::ffff:127.", 11) == 0;
}

static bool is_address(const char *text)
{
	unsigned char bytes[16];
	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

bool caller_is_forwarded(const struct http_request *request)
{
	return is_loopback(http_peer(request)) && http_header(request, "X-Forwarded-For") != NULL;
}

void caller_address(const struct http_request *request, char *out, size_t out_size)
{
	const char *peer = http_peer(request), *forwarded = http_header(request, "X-Forwarded-For");
	text_copy(out, out_size, is_address(peer) ? peer : "");
	if (!caller_is_forwarded(request))
		return;
	/* The last one is what our own proxy saw; what stands before it anybody may have written. */
	const char *last = strrchr(forwarded, ',');
	last = last != NULL ? last + 1 : forwarded;
	last += strspn(last, " ");
	if (is_address(last))
		text_copy(out, out_size, last);
}

char *caller_detail(const struct http_request *request, const char *detail)
{
	const struct caller *caller = caller_of(request);
	if (caller == NULL || caller->workstation[0] == '\0')
		return detail != NULL ? strdup(detail) : NULL;
	json_t *json = detail != NULL ? json_loads(detail, JSON_REJECT_DUPLICATES, NULL) : json_object();
	if (json_object_set_new(json, "workstation", json_string(caller->workstation)) != 0 ||
	    json_object_set_new(json, "purpose", json_string(caller->purpose)) != 0)
		err_panic("could not write JSON");
	char *text = json_dumps(json, JSON_COMPACT);
	if (text == NULL)
		err_panic("could not write JSON");
	json_decref(json);
	return text;
}

/* ---- for what a person looks ------------------------------------------------------------------------------------------------- */

/* What an act says by itself stays. */
static void put_word(json_t *detail, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0' || json_object_get(detail, name) != NULL)
		return;
	if (json_object_set_new(detail, name, json_string(value)) != 0)
		err_panic("could not write JSON");
}

static char *with_purpose(const char *detail, const struct db_rows *rows)
{
	json_t *json = detail != NULL ? json_loads(detail, JSON_REJECT_DUPLICATES, NULL) : json_object();
	put_word(json, "purpose", db_get_text(rows, 0, "purpose"));
	put_word(json, "task", db_get_text(rows, 0, "task"));
	char *text = json_dumps(json, JSON_COMPACT);
	if (text == NULL)
		err_panic("could not write JSON");
	json_decref(json);
	return text;
}

static bool shows_a_study(const char *subject_kind)
{
	return subject_kind != NULL && (strcmp(subject_kind, "study") == 0 || strcmp(subject_kind, "instance") == 0 ||
	                                strcmp(subject_kind, "task") == 0);
}

/* *detail is replaced by one that says it. A workstation has said it already. */
static bool add_purpose(struct db *db, const struct caller *caller, const char *subject_kind, const char *subject,
                        char **detail, struct err *err)
{
	struct db_rows *rows = NULL;
	if (caller->workstation[0] != '\0' || !shows_a_study(subject_kind))
		return true;
	if (!db_exec(db, STMT_AUDIT_PURPOSE,
	             DB_PARAMS(db_text(caller->session.person_id), db_text(subject_kind), db_text(subject)), &rows,
	             err))
		return false;
	if (db_rows_count(rows) > 0) {
		char *more = with_purpose(*detail, rows);
		free(*detail);
		*detail = more;
	}
	db_rows_free(rows);
	return true;
}

bool caller_audit(struct http_request *request, const char *action, const char *subject_kind, const char *subject,
                  const char *site, const char *detail, struct err *err)
{
	struct caller *caller = caller_of(request);
	struct db *db = NULL;
	char *whole = caller_detail(request, detail);
	struct audit_fact fact = {
	    .action = action,
	    .actor_kind = "person",
	    .actor = caller->session.person_id,
	    .subject_kind = subject_kind,
	    .subject = subject,
	    .site = site,
	    .outcome = "success",
	};
	bool ok = caller_db(request, &db, err) && add_purpose(db, caller, subject_kind, subject, &whole, err);
	fact.detail = whole;
	ok = ok && audit_append(db, caller->gateway->writer, &fact, err);
	free(whole);
	return ok;
}

void caller_free(struct caller *caller)
{
	if (caller == NULL)
		return;
	db_give(caller->db);
	free(caller);
}
