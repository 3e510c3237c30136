/*
 * An object as an answer wants it: as stored, or in another transfer syntax and with what people decided about patient and place.
 *
 * wanted is a transfer syntax UID, "*" (the bytes as they came), or empty: nothing was named, which is explicit VR little endian where that can be had
 * (PS3.18 section 8.7.3.3). Who names the syntax that an object is stored in gets its bytes as they came, but for explicit VR little endian:
 * to name it is to ask for what is given to everybody.
 */
#ifndef YQ_GATEWAY_DICOMWEB_OBJECT_H
#define YQ_GATEWAY_DICOMWEB_OBJECT_H

#include "gateway/dicomweb_parts.h"
#include "lib/store/store.h"

/* As far as the ledger knows; true for nothing named. */
bool dicomweb_object_can(const struct db_rows *rows, int row, const char *wanted);
/* Whether these are the bytes of the store; then the key of the object is their tag. */
bool dicomweb_object_is_stored(const struct db_rows *rows, int row, const char *wanted);
/* What of an object is known before it is opened, type and length; false: it is yet to be made. */
bool dicomweb_object_describe(const struct db_rows *rows, int row, const char *wanted, struct dicomweb_part *out);
/*
 * Opens the file, with its type. What cannot be written anew (it is signed, or cannot be decoded) goes as stored, under the name of its
 * syntax; is_strict: then ERR_REFUSED with 406.
 */
bool dicomweb_object_open(struct store *store, const struct db_rows *rows, int row, const char *wanted, bool is_strict,
                          struct dicomweb_part *out, struct err *err);

#endif
