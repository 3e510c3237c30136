/*
 * The content of a report version: one JSON object of everything that its paper says. Papers, SR and Encapsulated PDF are
 * made from it and from nothing else, and both doctors sign its canonical text, so that what was signed is what is shown.
 *
 * Members (all text unless said):
 *	format "yingqiao.report.1", language, is_demo (bool), title,
 *	report   {id, code, version (int), kind}
 *	policy   {id, version (int)}
 *	issuer, performer {id, name, code}
 *	patient  {name, sex M|F|O|"", age (number and unit), birth_date, class, number (of the visit), id (typed at the device)}
 *	request  {department, doctor, item, body_part, laterality, clinical_diagnosis, purpose, history}
 *	study    {study_instance_uid, version (int), is_complete (bool), accession_number, modality, device, radiographer}
 *	body     {method, findings, impression, recommendation}
 *	flags    {result positive|negative|"", is_critical (bool), quality_grade, quality_reason}
 *	author   {id, name, institution}
 *	key_images list of {series, instance, series_number (int or null), number (int or null), frame (int), frames (int)}; absent: none.
 *	           Of each besides: picture (SHA-256 of the JPEG on the paper, hexadecimal), or no_picture (gone, unshown, late: why there is
 *	           none); neither: a report from before pictures were printed
 *	examined_at, written_at (RFC 3339 with offset)
 * The reviewer and the time of issue are not part of it: they stand in the reviewer's own signature.
 */
#ifndef YQ_DOMAIN_REPORT_CONTENT_H
#define YQ_DOMAIN_REPORT_CONTENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

/* Sorted keys, no white space, UTF-8 unescaped: the same bytes for the same content, always. *out: free(3). */
bool report_content_canonical(const json_t *content, char **out, size_t *out_length, struct err *err);

/* A text of the content, borrowed; "" when it is absent. part NULL: a member of the top. */
const char *report_content_text(const json_t *content, const char *part, const char *name);
int64_t report_content_int(const json_t *content, const char *part, const char *name);
bool report_content_bool(const json_t *content, const char *part, const char *name);

/* "2026-11-22 08:42" of an RFC 3339 time, as it stands there; "" of an empty one. */
enum { REPORT_MINUTE_SIZE = 17 };
void report_minute(const char *rfc3339, char out[REPORT_MINUTE_SIZE]);

/* Microseconds since 1970 UTC of an RFC 3339 time, to the second; 0 when it is none. */
int64_t report_time_us(const char *rfc3339);

/* What stands under the QR code: the version's public id in Crockford's base 32, in groups: "1F3K9-..." */
enum { REPORT_CODE_SIZE = 32 };
bool report_code_of_id(const char *report_id, char out[REPORT_CODE_SIZE]);
/* Back to the id; case, blanks and dashes do not matter, O reads as 0, I and L as 1. */
bool report_code_to_id(const char *code, char out_id[TEXT_UUID_SIZE]);

#endif
