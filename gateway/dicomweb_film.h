/* Films among what is rendered (PS3.18 section 8.7.3.4): their MP4 file as it was stored, with ranges, so that a browser plays what it has of it. */
#ifndef YQ_GATEWAY_DICOMWEB_FILM_H
#define YQ_GATEWAY_DICOMWEB_FILM_H

#include "gateway/gateway.h"
#include "lib/db/db.h"
#include "lib/http/http.h"

/* Whether who asks for something rendered takes a film before a picture. A frame, or a picture of some size, is none. */
bool dicomweb_film_is_taken(const struct http_request *request);
bool dicomweb_film_is_stored(const struct db_rows *rows, int row);
bool dicomweb_film_reply(struct http_request *request, struct gateway *gateway, const struct db_rows *rows, int row,
                         struct err *err);

#endif
