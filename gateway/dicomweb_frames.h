/*
 * The frames of one instance as an answer (PS3.18 section 10.4.1.1.6): as stored, decoded, or coded anew. The bulk data of coded pixels is all of them.
 */
#ifndef YQ_GATEWAY_DICOMWEB_FRAMES_H
#define YQ_GATEWAY_DICOMWEB_FRAMES_H

#include "gateway/dicomweb.h"
#include "lib/db/db.h"

#define DICOMWEB_OCTETS "application/octet-stream"

/* The media type of a frame in a transfer syntax (PS3.18 table 8.7.3-5); empty: none. */
const char *dicomweb_frames_media(const char *transfer_syntax_uid);

struct frames;
/* All frames of the instance in the first row; takes rows. */
struct frames *dicomweb_frames_new(const struct http_request *request, struct db_rows *rows);
void dicomweb_frames_free(struct frames *frames); /* NULL is fine */
/* The index of the first range of accept in which they are to be had, and they will be; -1: none. */
int dicomweb_frames_choose(struct frames *frames, const struct accept *accept);
/* 406 with what there is. */
bool dicomweb_frames_refuse(const struct frames *frames, struct err *err);
/* Answers with them, and frees them. */
bool dicomweb_frames_reply(struct http_request *request, struct gateway *gateway, struct frames *frames,
                           struct err *err);

#endif
