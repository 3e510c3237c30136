/* Objects in doubt as the API shows them: found for the caller's eyes, the look noted, their bytes as a picture or a file. */
#ifndef YQ_GATEWAY_DOUBT_OBJECT_H
#define YQ_GATEWAY_DOUBT_OBJECT_H

#include "gateway/gateway.h"
#include "lib/base/text.h"

/* Two reasons, one word: keep, close ... ; at most 2000 bytes, then the ledger's 500 characters count. */
enum { DOUBT_REASON_MAX = 2000 };

/* Opens one of the two objects of a conflict; which is "stored" or "other". ERR_NOT_FOUND. out_site: 37 bytes. */
bool doubt_open_conflict(struct http_request *request, const char *conflict, const char *which, int *out_fd,
                         uint64_t *out_size, char out_site[TEXT_UUID_SIZE], struct err *err);
/* Opens what was set apart. out_site is empty when it is of none; out_may: this caller may act on it. */
bool doubt_open_apart(struct http_request *request, const char *object, int *out_fd, uint64_t *out_size,
                      char out_site[TEXT_UUID_SIZE], bool *out_may, struct err *err);

/* Answer; take fd. A picture as rendering.h has it (Accept, viewport, window, ?frame=). The file has a name without patient data. */
bool doubt_reply_picture(struct http_request *request, int fd, struct err *err);
bool doubt_reply_file(struct http_request *request, int fd, uint64_t size, const char *kind, const char *id,
                      struct err *err);

#endif
