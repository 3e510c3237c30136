/* WADO-RS metadata (PS3.18 section 10.4.1.1.2): the attributes of every instance of a study, a series, or of one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/caller.h"
#include "gateway/dicomweb.h"
#include "gateway/dicomweb_parts.h"
#include "gateway/handlers.h"
#include "gateway/series_metadata.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "lib/store/store.h"

enum { OBJECT_MAX = 8 * 1024 * 1024, PIECE = 64 * 1024 };

struct metadata {
	struct db_rows *rows;
	struct store *store;
	char base[DICOMWEB_BASE_SIZE];
	int next, series_end;           /* rows */
	struct series_metadata *series; /* of the one at hand; NULL: there is none */
	bool is_of_one;                 /* instance */
};

static void metadata_fini(void *stream)
{
	struct metadata *metadata = stream;
	series_metadata_close(metadata->series, false);
	db_rows_free(metadata->rows);
	free(metadata);
}

/* ---- what is kept of a series --------------------------------------------------------------------------------------------- */

static void leave_series(struct metadata *metadata, bool is_whole)
{
	series_metadata_close(metadata->series, is_whole);
	metadata->series = NULL;
}

static void enter_series(struct metadata *metadata)
{
	const char *series = db_get_text(metadata->rows, metadata->next, "series");
	int end = metadata->next;
	while (end < db_rows_count(metadata->rows) && strcmp(db_get_text(metadata->rows, end, "series"), series) == 0)
		end++;
	metadata->series_end = end;
	if (!metadata->is_of_one)
		metadata->series = series_metadata_open(metadata->rows, metadata->next, end);
}

static void read_own(struct metadata *metadata, struct text_buf *out)
{
	bool is_kept = metadata->series && series_metadata_is_kept(metadata->series);
	if (is_kept && series_metadata_read(metadata->series, out))
		return;
	bool ok = series_metadata_object(metadata->store, metadata->rows, metadata->next, out);
	if (ok && metadata->series && !is_kept)
		series_metadata_add(metadata->series, out->data, out->length);
	else
		leave_series(metadata, false);
}

/* ---- the answer ------------------------------------------------------------------------------------------------------------- */

/* Puts the address of the instance where dicom_json() left an "@" for it. */
static bool put_own(const struct metadata *metadata, int row, const char *own, struct text_buf *out)
{
	static const char mark[] = "\"BulkDataURI\":\"@";
	const char *found;
	while ((found = strstr(own, mark)) != NULL) {
		size_t length = (size_t)(found - own) + sizeof mark - 2;
		if (!text_buf_append(out, own, length) ||
		    !text_buf_printf(out, "%s/studies/%s/series/%s/instances/%s", metadata->base,
		                     db_get_text(metadata->rows, row, "shown_uid"),
		                     db_get_text(metadata->rows, row, "series_instance_uid"),
		                     db_get_text(metadata->rows, row, "sop_instance_uid")))
			return false;
		own += length + 1;
	}
	return text_buf_append(out, own, strlen(own));
}

/* AvailableTransferSyntaxUID, by which a viewer knows a film before it asks for frames that cannot be had; unless the object itself has one. */
static bool put_film(const struct metadata *metadata, const char *own, struct text_buf *out)
{
	const char *syntax = db_get_text(metadata->rows, metadata->next, "transfer_syntax_uid");
	return !dicom_is_film(syntax) || strstr(own, "\"00083002\":") != NULL ||
	       text_buf_printf(out, ",\"00083002\":{\"vr\":\"UI\",\"Value\":[\"%s\"]}", syntax);
}

static bool put_object(struct metadata *metadata, struct text_buf *out)
{
	int row = metadata->next;
	const char *overlay = db_get_text(metadata->rows, row, "overlay");
	struct text_buf own;
	text_buf_init(&own, OBJECT_MAX);
	read_own(metadata, &own);
	bool ok = text_buf_append(out, row == 0 ? "[" : ",", 1) && text_buf_append(out, overlay, strlen(overlay) - 1) &&
	          put_film(metadata, own.data, out) && text_buf_append(out, ",", 1) &&
	          put_own(metadata, row, own.data, out) && text_buf_append(out, "}", 1);
	text_buf_fini(&own);
	return ok;
}

static bool produce(void *stream, struct text_buf *out, bool *end, struct err *err)
{
	struct metadata *metadata = stream;
	int count = db_rows_count(metadata->rows);
	while (metadata->next < count && out->length < PIECE) {
		if (metadata->next == metadata->series_end)
			enter_series(metadata);
		if (!put_object(metadata, out))
			return err_set(err, ERR_INVALID, "cannot show the metadata of an instance: it is too large");
		if (++metadata->next == metadata->series_end)
			leave_series(metadata, true);
	}
	*end = metadata->next == count;
	return !*end || text_buf_append(out, "]", 1) || err_set(err, ERR_INVALID, "cannot end the metadata");
}

/*
 * What an answer is made of is known from the ledger alone, unless an object could not be read: an answer that lacks one must not pass for what is
 * there later. So the tags of one process are its own, and change with the first object that it cannot read.
 */
static void tag_of(const struct http_request *request, const struct metadata *metadata, char out[DICOMWEB_TAG_SIZE])
{
	char state[SERIES_METADATA_STATE_SIZE];
	const char *words[] = {state, metadata->base, http_takes_gzip(request) ? "gzip" : "plain"};

	series_metadata_state(state);
	dicomweb_tag_rows(metadata->rows, words, sizeof words / sizeof words[0], out, NULL);
}

/* Owns the rows. */
static struct metadata *metadata_new(struct db_rows *rows, struct store *store)
{
	struct metadata *metadata = calloc(1, sizeof *metadata);

	if (!metadata)
		err_panic("out of memory");
	metadata->rows = rows;
	metadata->store = store;
	return metadata;
}

bool handle_dicomweb_metadata(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct http_stream stream = {.produce = produce, .fini = metadata_fini};
	char tag[DICOMWEB_TAG_SIZE];
	struct metadata *metadata;
	struct db_rows *rows;
	bool is_settled;

	if (!dicomweb_accept_json(request, err) || !dicomweb_objects(request, "study.metadata", &rows, err))
		return false;
	metadata = metadata_new(rows, gateway->store);
	dicomweb_base(request, metadata->base);
	metadata->is_of_one = http_param(request, "instance") != NULL;
	stream.stream = metadata;
	tag_of(request, metadata, tag);
	bool ok = dicomweb_weigh_tag(request, tag, &is_settled, err);
	if (!ok || is_settled) {
		metadata_fini(metadata);
		return ok;
	}
	return http_reply_stream(request, 200, "application/dicom+json", &stream, err);
}
