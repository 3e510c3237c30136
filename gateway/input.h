/* Values from outside, checked: ids, lengths, ranges. What comes back is borrowed from the request or its body. */
#ifndef YQ_GATEWAY_INPUT_H
#define YQ_GATEWAY_INPUT_H

#include "lib/http/http.h"

/* An id in the path; anything that is no UUID is as absent as an unknown one: ERR_NOT_FOUND. */
bool input_path_id(const struct http_request *request, const char *name, const char **out, struct err *err);
/* A DICOM UID in the path. ERR_NOT_FOUND */
bool input_path_uid(const struct http_request *request, const char *name, const char **out, struct err *err);

/* Of the query, absent: NULL (0 with a fallback). ERR_INVALID with the name. */
bool input_query_id(const struct http_request *request, const char *name, const char **out, struct err *err);
bool input_query_day(const struct http_request *request, const char *name, const char **out, struct err *err);
/* One of the words, separated by blanks in `words`. */
bool input_query_word(const struct http_request *request, const char *name, const char *words, const char **out,
                      struct err *err);
bool input_query_int(const struct http_request *request, const char *name, int minimum, int maximum, int fallback,
                     int *out, struct err *err);
/*
 * Ids separated by commas, 1 to max of them; absent: none. They are borrowed from *out_copy, which the caller gives to free(3), also when it
 * is NULL.
 */
bool input_query_ids(const struct http_request *request, const char *name, const char **out, size_t max, size_t *count,
                     char **out_copy, struct err *err);

/* A text of at most max characters; empty is as absent. */
bool input_query_text(const struct http_request *request, const char *name, size_t max, const char **out,
                      struct err *err);
/* A code as DICOM writes them: 1 to 16 of A-Z 0-9 _ and blank. */
bool input_query_code(const struct http_request *request, const char *name, const char **out, struct err *err);

/* Of a JSON object. An absent or null member is NULL, and ERR_INVALID when it is required. max: bytes. */
bool input_text(const json_t *body, const char *name, size_t max, bool is_required, const char **out, struct err *err);
bool input_id(const json_t *body, const char *name, bool is_required, const char **out, struct err *err);
bool input_word(const json_t *body, const char *name, const char *words, bool is_required, const char **out,
                struct err *err);
bool input_int(const json_t *body, const char *name, int minimum, int maximum, int *out, struct err *err);

#endif
