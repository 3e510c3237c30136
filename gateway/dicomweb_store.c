/* STOW-RS: who may store, where, and what is answered. What becomes of the objects: stow.h. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/caller.h"
#include "gateway/dicomweb.h"
#include "gateway/evidence.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "gateway/stow.h"
#include "lib/http/media.h"
#include "lib/http/multipart.h"

/* At once: each holds an object that is half received, in the journal's room. */
enum { UPLOADS_MAX = 32, STUDIES_AUDITED = 50, HTTP_UNSUPPORTED_MEDIA_TYPE = 415 };

static atomic_int uploads;

struct upload {
	struct gateway *gateway;
	struct stow *stow;
	char site[TEXT_UUID_SIZE], base[DICOMWEB_BASE_SIZE];
	struct evidence_place place; /* of a reader; else without a task */
	struct evidence_judge judge;
};

static bool is_evidence(const struct upload *upload)
{
	return upload->place.task[0] != '\0';
}

/* ---- the body -------------------------------------------------------------------------------------------------------------- */

static bool take(void *context, const void *bytes, size_t length, struct err *err)
{
	struct upload *upload = context;
	return stow_take(upload->stow, bytes, length, err);
}

static void end(void *context)
{
	struct upload *upload = context;
	stow_free(upload->stow);
	free(upload);
	atomic_fetch_sub(&uploads, 1);
}

static bool is_listed(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	return false;
}

/* Which studies got something, each once, as far as there are not too many. */
static json_t *studies_of(const struct stow_result *results, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count && json_array_size(list) < STUDIES_AUDITED; i++)
		if (results[i].failure == STOW_STORED && results[i].study_uid[0] != '\0' &&
		    !is_listed(list, results[i].study_uid) &&
		    json_array_append_new(list, json_string(results[i].study_uid)) != 0)
			err_panic("could not write JSON");
	return list;
}

/* Which objects of evidence were stored, as far as there are not too many. */
static json_t *objects_of(const struct stow_result *results, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count && json_array_size(list) < STUDIES_AUDITED; i++)
		if (results[i].failure == STOW_STORED &&
		    json_array_append_new(list, json_pack("{s:s, s:s}", "sop_class", results[i].sop_class_uid, "object",
		                                          results[i].sop_instance_uid)) != 0)
			err_panic("could not write JSON");
	return list;
}

static json_t *detail_of(const struct upload *upload, const struct stow_result *results, size_t count, size_t stored)
{
	json_t *detail = json_pack("{s:I, s:I}", "stored", (json_int_t)stored, "failed", (json_int_t)(count - stored));
	if (detail == NULL ||
	    (is_evidence(upload) ? json_object_set_new(detail, "task", json_string(upload->place.task)) != 0 ||
	                               json_object_set_new(detail, "objects", objects_of(results, count)) != 0
	                         : json_object_set_new(detail, "studies", studies_of(results, count)) != 0))
		err_panic("could not write JSON");
	return detail;
}

/* Objects that are stored stay so while the ledger is away; so does the note of who brought them. */
static bool audit(const struct upload *upload, const struct http_request *request, const struct stow_result *results,
                  size_t count, struct err *err)
{
	size_t stored = 0;
	for (size_t i = 0; i < count; i++)
		stored += results[i].failure == STOW_STORED;
	json_t *detail = detail_of(upload, results, count, stored);
	char *text = json_dumps(detail, JSON_COMPACT);
	if (text == NULL)
		err_panic("could not write JSON");
	char *whole = caller_detail(request, text);
	struct audit_fact fact = {
	    .action = is_evidence(upload) ? "study.evidence" : "study.store",
	    .actor_kind = "person",
	    .actor = caller_id(request),
	    .subject_kind = is_evidence(upload) ? "study" : "site",
	    .subject = is_evidence(upload) ? upload->place.study : upload->site,
	    .site = upload->site,
	    .outcome = stored > 0 ? "success" : "refused",
	    .detail = whole,
	};
	bool ok = audit_record(upload->gateway->audit, &fact, err);
	free(whole);
	free(text);
	json_decref(detail);
	return ok;
}

static bool finish(void *context, struct http_request *request, struct err *err)
{
	struct upload *upload = context;
	size_t count;
	if (!stow_finish(upload->stow, err))
		return false;
	const struct stow_result *results = stow_results(upload->stow, &count);
	return audit(upload, request, results, count, err) &&
	       http_reply_json_as(request, stow_status(results, count), "application/dicom+json",
	                          stow_response(results, count, upload->base), err);
}

/* ---- the head ----------------------------------------------------------------------------------------------------------------- */

static bool wrong_type(struct err *err)
{
	err_set(err, ERR_INVALID,
	        "objects are taken as multipart/related; type=\"application/dicom\", or one as application/dicom");
	return err_code(err, ERR_SOURCE_HTTP, HTTP_UNSUPPORTED_MEDIA_TYPE);
}

/* *boundary: NULL when the body is one object. */
static bool read_type(const struct http_request *request, char storage[MULTIPART_BOUNDARY_MAX + 1],
                      const char **boundary, struct err *err)
{
	const char *type = http_header(request, "Content-Type");
	char part[64];
	*boundary = NULL;
	if (media_is(type, "application/dicom"))
		return true;
	if (!media_is(type, "multipart/related") || !media_parameter(type, "type", part, sizeof part) ||
	    !media_is(part, "application/dicom"))
		return wrong_type(err);
	if (!media_parameter(type, "boundary", storage, MULTIPART_BOUNDARY_MAX + 1))
		return err_set(err, ERR_INVALID, "the boundary of the multipart body is missing or malformed");
	*boundary = storage;
	return true;
}

/* The site that the person names, else that of the seat. */
static bool find_place(struct http_request *request, char out[TEXT_UUID_SIZE], struct err *err)
{
	const char *site;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_query_id(request, "site", &site, err) || !caller_db(request, &db, err) ||
	    !db_exec(db, STMT_DICOMWEB_STORE_PLACE, DB_PARAMS(db_text(caller_id(request)), db_text(site)), &rows, err))
		return false;
	bool is_there = db_rows_count(rows) > 0, ok = is_there && db_get_bool(rows, 0, "may");
	if (ok)
		text_copy(out, TEXT_UUID_SIZE, db_get_text(rows, 0, "site"));
	else if (site != NULL && !is_there)
		err_set(err, ERR_NOT_FOUND, "there is no such site");
	else
		err_set(err, ERR_REFUSED, "you are no radiographer at %s",
		        site != NULL ? "this site" : "the site of your seat; name one with ?site=");
	db_rows_free(rows);
	caller_rest(request);
	return ok;
}

static bool enter(struct err *err)
{
	if (atomic_fetch_add(&uploads, 1) < UPLOADS_MAX)
		return true;
	atomic_fetch_sub(&uploads, 1);
	return err_set(err, ERR_TEMPORARY, "could not begin: others store %d requests just now", UPLOADS_MAX);
}

/* Whoever reads the named study stores evidence beside its images; a site that is named means images. */
static bool find_reading(struct http_request *request, const char *study_uid, struct evidence_place *out,
                         struct err *err)
{
	bool is_there = false;
	if (study_uid == NULL || http_query(request, "site") != NULL)
		return true;
	if (!evidence_find(request, study_uid, &is_there, out, err))
		return false;
	if (out->task[0] != '\0' || (caller_of(request)->session.roles & ACCOUNT_ROLE(ACCOUNT_RADIOGRAPHER)) != 0)
		return true;
	return is_there
	           ? err_set(err, ERR_REFUSED, "evidence is stored by who reads the study: take its reading task first")
	           : err_set(err, ERR_NOT_FOUND, "there is no such study");
}

/* Where it goes and under which conditions. */
static bool settle(struct http_request *request, struct upload *upload, struct stow_settings *settings, struct err *err)
{
	if (!find_reading(request, settings->study_uid, &upload->place, err))
		return false;
	if (!is_evidence(upload))
		return find_place(request, upload->site, err);
	text_copy(upload->site, sizeof upload->site, upload->place.site);
	upload->judge = (struct evidence_judge){request, &upload->place};
	settings->origin = INTAKE_OWN;
	settings->judge = (struct stow_judge){evidence_takes_class, evidence_admits, &upload->judge};
	return true;
}

static bool open_stow(struct http_request *request, struct upload *upload, struct err *err)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 1], address[DICOM_ADDRESS_SIZE];
	struct stow_settings settings = {.intake = upload->gateway->intake, .site = upload->site, .address = address};
	caller_address(request, address, sizeof address);
	return (http_param(request, "study") == NULL || input_path_uid(request, "study", &settings.study_uid, err)) &&
	       read_type(request, boundary, &settings.boundary, err) && settle(request, upload, &settings, err) &&
	       intake_check_room(upload->gateway->store, err) && stow_new(&settings, &upload->stow, err);
}

bool handle_dicomweb_store(struct http_request *request, void *context, struct err *err)
{
	if (!dicomweb_accept_json(request, err) || !enter(err))
		return false;
	struct upload *upload = calloc(1, sizeof *upload);
	if (upload == NULL)
		err_panic("out of memory");
	upload->gateway = context;
	dicomweb_base(request, upload->base);
	if (!open_stow(request, upload, err)) {
		end(upload);
		return false;
	}
	http_take_body(request, &(struct http_upload){take, finish, end, upload});
	return true;
}
