/*
 * What dicom_json() makes of the objects of a series, kept in one file below YQ_HOME/cache/metadata, so that a viewer opens two thousand slices without
 * two thousand files being read. Its name is a digest of which objects they are, read with which character sets, by which release: a file is right, or
 * is not found. Any of them may be removed at any time. What people corrected is not in it.
 *
 * Threads: one file object belongs to one thread at a time; several may make the same file, and the last one stays.
 */
#ifndef YQ_GATEWAY_SERIES_METADATA_H
#define YQ_GATEWAY_SERIES_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/text.h"
#include "lib/dicom/dicom.h"

struct db_rows;
struct store;
struct series_metadata;

/* How metadata is made of the object in a row: what the ledger knows better is left out. Borrows of rows. */
struct dicom_json_options series_metadata_options(const struct db_rows *rows, int row);

/*
 * The members of one object's own attributes, as dicom_json() writes them; of one that cannot be read (false) only class and instance, and the log says
 * why. rows: of STMT_DICOMWEB_OBJECTS or STMT_DICOMWEB_AHEAD. out: empty.
 */
bool series_metadata_object(struct store *store, const struct db_rows *rows, int row, struct text_buf *out);

/* What else than the rows decides on the pieces: the release, and which objects this process could not read. */
enum { SERIES_METADATA_STATE_SIZE = 100 };
void series_metadata_state(char out[SERIES_METADATA_STATE_SIZE]);

/*
 * For the rows first to last - 1, all of one series. Finds the file, or begins to make it; NULL when neither is worth it or can
 * be, and then everything is read as if there were no such thing.
 */
struct series_metadata *series_metadata_open(const struct db_rows *rows, int first, int last);
/* True: a file was found, and pieces come out of it. */
bool series_metadata_is_kept(const struct series_metadata *series);
/* Appends the next piece, in the order of the rows. False: the file is damaged, and is removed. */
bool series_metadata_read(struct series_metadata *series, struct text_buf *out);
/* The next piece of one that is being made. */
void series_metadata_add(struct series_metadata *series, const char *bytes, size_t length);
/* is_whole: every piece was added, the file is kept; else nothing is. NULL is fine. */
void series_metadata_close(struct series_metadata *series, bool is_whole);

/* Makes the file of a series, unless it is there. */
void series_metadata_make(struct store *store, const struct db_rows *rows, int first, int last);

#endif
