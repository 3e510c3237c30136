/*
 * Event reports of UPS (PS3.4 section CC.2.4, PS3.18 section 11.13) to the channels of workstations. A channel is a WebSocket of one person under one AE title; what
 * it is told is decided by the person's subscriptions and rights at each event, in the ledger, so that every gateway tells the same.
 *
 * Nothing is lost between two channels: who opens one is first told how everything stands. An event may come twice.
 */
#ifndef YQ_GATEWAY_WORKITEM_FEED_H
#define YQ_GATEWAY_WORKITEM_FEED_H

#include "gateway/feed_access.h"
#include "gateway/gateway.h"
#include "lib/domain/event.h"

/* Whether an event is for channels, and not for the streams of pages. */
bool workitem_feed_is_mine(const char *kind);
/* Sends it to the channels that are to be told. The session may be without a person. */
bool workitem_feed_tell(struct http_server *server, struct db *db, const struct event *event, struct err *err);

/* Makes the answer the channel of the caller's ae_title, which is a valid one. */
bool workitem_feed_open(struct http_request *request, struct gateway *gateway, const char *ae_title, struct err *err);

/* Ends those that are too old, so that the session is asked for again. */
void workitem_feed_sweep(struct http_server *server, int64_t now_ms);
/* Adds by what the open ones came in; ends those that came in by one of these. */
void workitem_feed_accesses(struct http_server *server, struct feed_accesses *out);
void workitem_feed_end(struct http_server *server, struct feed_accesses *ended);

#endif
