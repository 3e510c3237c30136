/*
 * What the handlers of yq-gateway share. One struct for the process, made by main.c; everything in it may be used from any thread.
 *
 * A handler reads its input (input.h), calls one function of lib/domain or one named statement with the caller's eyes (caller.h),
 * has the look at a patient audited, and answers. No rule of the domain stands here.
 */
#ifndef YQ_GATEWAY_GATEWAY_H
#define YQ_GATEWAY_GATEWAY_H

#include "lib/db/db.h"
#include "lib/domain/audit.h"
#include "lib/domain/report.h"
#include "lib/http/http.h"
#include "lib/store/store.h"

struct ahead;
struct feed;
struct intake;
struct viewer;
struct web;

struct gateway {
	struct db_pool *pool;
	struct store *store;
	struct intake *intake; /* our own reports, and what people store */
	struct audit *audit;
	char writer[AUDIT_WRITER_MAX]; /* of audit records */
	struct report_desk desk;
	struct feed *feed;
	struct ahead *ahead;
	struct web *web;       /* NULL: there is none, and its addresses say so */
	struct viewer *viewer; /* NULL: the same */
	struct http_server *server;
};

#endif
