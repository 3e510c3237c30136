/*
 * The form of an A-ASSOCIATE-RQ (PS3.8 section 9.3.2, PS3.7 annex D.3.3), looked at before DCMTK reads it: DCMTK gives up a broken one without
 * freeing what it has read of it: more than a MB of memory for 64 KB from anybody who can connect.
 *
 * Knows lengths and counts, no names: whom to admit and what to accept is decided behind it. Items that the standard does not have are let through.
 */
#ifndef YQ_DICOM_ASSOCIATE_REQUEST_H
#define YQ_DICOM_ASSOCIATE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Over all presentation contexts together. */
enum { ASSOCIATE_SYNTAXES_MAX = 16384 };

/* body: of the PDU, behind its head of six bytes. ERR_INVALID with what is wrong. */
bool associate_request_check(const uint8_t *body, size_t length, struct err *err);

#ifdef __cplusplus
}
#endif
#endif
