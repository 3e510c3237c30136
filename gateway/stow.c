#include "gateway/stow.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/dicom/part10.h"
#include "lib/dicom/syntax.h"
#include "lib/http/media.h"
#include "lib/http/multipart.h"

enum { HEAD_MAX = 64 * 1024, RESULTS_FIRST = 16, HTTP_CONTENT_TOO_LARGE = 413 };

/*
 *	NONE --part--> HEAD --meta header--> DATASET --end--> NONE
 *	                 \                      \
 *	                  `---- refused ---------`--> LOST --end--> NONE
 */
enum stage { STAGE_NONE, STAGE_HEAD, STAGE_DATASET, STAGE_LOST };

struct stow {
	struct intake *intake;
	char site[TEXT_UUID_SIZE], address[DICOM_ADDRESS_SIZE], study_uid[DICOM_UID_SIZE];
	enum intake_origin origin;
	struct stow_judge judge;
	bool is_multipart;
	struct multipart reader;
	enum stage stage;
	struct intake_object *object; /* of STAGE_DATASET */
	struct stow_result now;       /* what becomes of the object at hand */
	int64_t size_bytes;
	size_t head_length;
	uint8_t head[HEAD_MAX];
	struct stow_result *results;
	size_t count, room;
};

/* ---- one object ------------------------------------------------------------------------------------------------------- */

static unsigned failure_of(const struct err *err)
{
	return err->source == ERR_SOURCE_DIMSE ? err->code : err_kind_info(err->kind)->dimse_status;
}

/* The rest of it is passed over. */
static void refuse(struct stow *stow, unsigned failure, const struct err *why)
{
	if (stow->object != NULL)
		intake_abort(stow->object);
	stow->object = NULL;
	stow->stage = STAGE_LOST;
	stow->now.failure = failure;
	log_err(LOG_OBJECT_REFUSED, why, "site=%s sop=%s status=%x", stow->site,
	        stow->now.sop_instance_uid[0] != '\0' ? stow->now.sop_instance_uid : "malformed", failure);
}

static void refuse_for(struct stow *stow, unsigned failure, enum err_kind kind, const char *why)
{
	struct err err;
	(void)err_set(&err, kind, "cannot take the object: %s", why);
	text_copy(stow->now.reason, sizeof stow->now.reason, why);
	refuse(stow, failure, &err);
}

static void append(struct stow *stow, const void *bytes, size_t length)
{
	struct err err;
	if (length == 0 || stow->stage != STAGE_DATASET)
		return;
	stow->size_bytes += (int64_t)length;
	if (stow->size_bytes > conf_number(CONF_OBJECT_MAX)) {
		stow->now.is_too_large = true;
		refuse_for(stow, STOW_NO_ROOM, ERR_NO_SPACE, "larger than object_max");
	} else if (!intake_append(stow->object, bytes, length, &err)) {
		refuse(stow, failure_of(&err), &err);
	}
}

static void open_object(struct stow *stow, const struct part10_head *head)
{
	bool takes_all = conf_bool(CONF_ACCEPT_UNKNOWN_SOP_CLASSES);
	struct err err;
	struct intake_source source = {
	    .origin = stow->origin,
	    .site_public_id = stow->site,
	    .calling_ae = stow->origin == INTAKE_OWN ? conf_text(CONF_AE_TITLE) : "",
	    .called_ae = conf_text(CONF_AE_TITLE),
	    .address = stow->address,
	    .sop_class_uid = head->sop_class_uid,
	    .sop_instance_uid = head->sop_instance_uid,
	    .transfer_syntax_uid = head->transfer_syntax_uid,
	};
	text_copy(stow->now.sop_class_uid, sizeof stow->now.sop_class_uid,
	          text_is_uid(head->sop_class_uid) ? head->sop_class_uid : "");
	text_copy(stow->now.sop_instance_uid, sizeof stow->now.sop_instance_uid,
	          text_is_uid(head->sop_instance_uid) ? head->sop_instance_uid : "");
	if (!dicom_takes_sop_class(head->sop_class_uid, takes_all))
		refuse_for(stow, STOW_CLASS_NOT_TAKEN, ERR_INVALID, "not of a storage SOP class");
	else if (stow->judge.takes_class != NULL && !stow->judge.takes_class(head->sop_class_uid))
		refuse_for(stow, STOW_CLASS_NOT_TAKEN, ERR_REFUSED, "a reader stores evidence, not images");
	else if (!syntax_is_storable(head->transfer_syntax_uid, takes_all))
		refuse_for(stow, STOW_SYNTAX_NOT_TAKEN, ERR_INVALID, "an unknown transfer syntax");
	else if (!intake_begin(stow->intake, &source, &stow->object, &err))
		refuse(stow, failure_of(&err), &err);
	else
		stow->stage = STAGE_DATASET;
}

/* The bytes go into the head until that is whole; what lies behind it is of the dataset. */
static void take_head(struct stow *stow, const uint8_t *bytes, size_t length)
{
	size_t room = HEAD_MAX - stow->head_length, part = length < room ? length : room;
	struct part10_head head;
	memcpy(stow->head + stow->head_length, bytes, part);
	stow->head_length += part;
	enum part10_look look = part10_look(stow->head, stow->head_length, &head);
	if (look == PART10_NONE) {
		refuse_for(stow, STOW_NOT_UNDERSTOOD, ERR_INVALID, "it is no DICOM file");
	} else if (look == PART10_HEAD) {
		open_object(stow, &head);
		append(stow, stow->head + head.length, stow->head_length - head.length);
		append(stow, bytes + part, length - part);
	} else if (stow->head_length == HEAD_MAX) {
		refuse_for(stow, STOW_NOT_UNDERSTOOD, ERR_INVALID, "its meta header does not end");
	}
}

static bool take_data(void *context, const void *bytes, size_t length, struct err *err)
{
	struct stow *stow = context;
	(void)err;
	if (stow->stage == STAGE_HEAD)
		take_head(stow, bytes, length);
	else
		append(stow, bytes, length);
	return true;
}

static bool begin_object(void *context, const char *type, struct err *err)
{
	struct stow *stow = context;
	if (stow->count == STOW_OBJECTS_MAX) {
		err_set(err, ERR_INVALID, "one request has at most %d objects", STOW_OBJECTS_MAX);
		return err_code(err, ERR_SOURCE_HTTP, HTTP_CONTENT_TOO_LARGE);
	}
	stow->stage = STAGE_HEAD;
	stow->head_length = 0;
	stow->size_bytes = 0;
	stow->now = (struct stow_result){0};
	if (type != NULL && !media_is(type, "application/dicom"))
		refuse_for(stow, STOW_NOT_UNDERSTOOD, ERR_INVALID, "the part is not application/dicom");
	return true;
}

/* What is not admitted is not kept: whoever made it has it. */
static bool is_admitted(struct stow *stow, const struct dicom_fields *fields)
{
	unsigned failure = 0;
	struct err err;
	if (stow->judge.admits == NULL)
		return true;
	if (strcmp(stow->now.sop_class_uid, fields->sop_class_uid) != 0 ||
	    strcmp(stow->now.sop_instance_uid, fields->sop_instance_uid) != 0 ||
	    !text_is_uid(fields->series_instance_uid)) {
		refuse_for(stow, STOW_NOT_AS_SAID, ERR_INVALID, "its dataset is not what its meta header says");
		return false;
	}
	if (stow->judge.admits(stow->judge.context, stow->object, fields, &failure, &err))
		return true;
	if (failure != 0)
		refuse_for(stow, failure, err.kind, err.text);
	else
		refuse(stow, failure_of(&err), &err);
	return false;
}

/* Durable, or refused. */
static void commit(struct stow *stow)
{
	struct intake_object *object = stow->object;
	struct dicom_fields fields;
	struct err err;
	if (!intake_look(object, &fields, &err)) {
		refuse(stow, failure_of(&err), &err);
		return;
	}
	memcpy(stow->now.study_uid, fields.study_instance_uid, sizeof stow->now.study_uid);
	memcpy(stow->now.series_uid, fields.series_instance_uid, sizeof stow->now.series_uid);
	if (stow->study_uid[0] != '\0' && strcmp(stow->study_uid, fields.study_instance_uid) != 0) {
		refuse_for(stow, STOW_OTHER_STUDY, ERR_INVALID, "it is of another study than the address");
		return;
	}
	if (!is_admitted(stow, &fields))
		return;
	stow->object = NULL;
	if (!intake_commit(object, &err)) {
		refuse(stow, failure_of(&err), &err);
		return;
	}
	log_info(LOG_OBJECT_STORED, "site=%s sop=%s size_bytes=%lld", stow->site, stow->now.sop_instance_uid,
	         (long long)stow->size_bytes);
}

static void keep_result(struct stow *stow)
{
	if (stow->count == stow->room) {
		stow->room = stow->room > 0 ? stow->room * 2 : RESULTS_FIRST;
		stow->results = reallocarray(stow->results, stow->room, sizeof *stow->results);
		if (stow->results == NULL)
			err_panic("out of memory");
	}
	stow->results[stow->count++] = stow->now;
}

static bool end_object(void *context, struct err *err)
{
	struct stow *stow = context;
	(void)err;
	if (stow->stage == STAGE_HEAD)
		refuse_for(stow, STOW_NOT_UNDERSTOOD, ERR_INVALID, "it ends before its dataset");
	else if (stow->stage == STAGE_DATASET)
		commit(stow);
	keep_result(stow);
	stow->stage = STAGE_NONE;
	return true;
}

/* ---- the body ------------------------------------------------------------------------------------------------------------ */

bool stow_new(const struct stow_settings *settings, struct stow **out, struct err *err)
{
	struct stow *stow = calloc(1, sizeof *stow);
	struct multipart_handlers handlers = {begin_object, take_data, end_object, stow};
	if (stow == NULL)
		err_panic("out of memory");
	stow->intake = settings->intake;
	text_copy(stow->site, sizeof stow->site, settings->site);
	text_copy(stow->address, sizeof stow->address, settings->address);
	text_copy(stow->study_uid, sizeof stow->study_uid, settings->study_uid != NULL ? settings->study_uid : "");
	stow->origin = settings->origin;
	stow->judge = settings->judge;
	stow->is_multipart = settings->boundary != NULL;
	if (stow->is_multipart && !multipart_init(&stow->reader, settings->boundary, &handlers, err)) {
		free(stow);
		return false;
	}
	*out = stow;
	return true;
}

void stow_free(struct stow *stow)
{
	if (stow == NULL)
		return;
	if (stow->object != NULL)
		intake_abort(stow->object);
	free(stow->results);
	free(stow);
}

/* Whoever is told that his body is malformed learns what is here all the same. */
static bool say_stored(const struct stow *stow, struct err *err)
{
	uint32_t code = err->source == ERR_SOURCE_HTTP ? err->code : 0;
	size_t stored = 0;
	for (size_t i = 0; i < stow->count; i++)
		stored += stow->results[i].failure == STOW_STORED;
	err_set(err, err->kind, "%s; objects before that which are stored: %zu", err->text, stored);
	return code == 0 ? false : err_code(err, ERR_SOURCE_HTTP, code);
}

bool stow_take(struct stow *stow, const void *bytes, size_t length, struct err *err)
{
	if (stow->is_multipart)
		return multipart_feed(&stow->reader, bytes, length, err) || say_stored(stow, err);
	if (stow->stage == STAGE_NONE && !begin_object(stow, NULL, err))
		return false;
	return take_data(stow, bytes, length, err);
}

bool stow_finish(struct stow *stow, struct err *err)
{
	if (stow->is_multipart && !multipart_finish(&stow->reader, err))
		return say_stored(stow, err);
	if (!stow->is_multipart && stow->stage != STAGE_NONE && !end_object(stow, err))
		return false;
	return stow->count > 0 || err_set(err, ERR_INVALID, "there is no object in the body");
}

const struct stow_result *stow_results(const struct stow *stow, size_t *out_count)
{
	*out_count = stow->count;
	return stow->results;
}
