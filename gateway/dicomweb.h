/*
 * DICOMweb (PS3.18): what its handlers share. dicomweb_query.c is QIDO-RS, dicomweb_metadata.c, dicomweb_retrieve.c and dicomweb_frames.c are WADO-RS;
 * rendered pictures are in api_pictures.c.
 *
 * A study is named by study.shown_uid. Answers show who the patient is as decided now; the bytes of objects are as they came only to who asks for them
 * as stored.
 */
#ifndef YQ_GATEWAY_DICOMWEB_H
#define YQ_GATEWAY_DICOMWEB_H

#include "gateway/accept.h"
#include "gateway/gateway.h"
#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/http/http.h"

enum { DICOMWEB_BASE_SIZE = 400 };
/* "https://host/dicom-web", as the client reached us; a Host that is none gives the path alone. */
void dicomweb_base(const struct http_request *request, char out[DICOMWEB_BASE_SIZE]);

/* The address of the instance in a row of dicomweb_objects. */
void dicomweb_locate(const char *base, const struct db_rows *rows, int row, char *out, size_t out_size);

/* Of the query parameter "accept", else of the header, all its lines; none: anything. ERR_INVALID: no list of media types, or too many. */
bool dicomweb_accept(const struct http_request *request, struct accept *out, struct err *err);
/* The same before it is read. out: text_buf_fini() after true; without data: there is none. */
bool dicomweb_accept_text(const struct http_request *request, struct text_buf *out, struct err *err);
/* True when DICOM JSON is taken; else 406. */
bool dicomweb_accept_json(const struct http_request *request, struct err *err);
/* 406 with what there is. */
bool dicomweb_not_acceptable(struct err *err, const char *offered);

/*
 * Rows of dicomweb_objects for the address of the request, noted as looked at (action, once for each study that it shows). *rows is the
 * caller's; the ledger's session is given back. 404: nothing is there for these eyes.
 */
bool dicomweb_objects(struct http_request *request, const char *action, struct db_rows **rows, struct err *err);

#endif
