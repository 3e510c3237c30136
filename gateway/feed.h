/*
 * From the ledger's outbox of events to the open event streams and, what is about workitems, to the channels of workstations (workitem_feed.h): one thread reads events in order and sends each to the streams whose
 * person may see its site. Streams carry ids only; a page fetches under its own rights.
 *
 * What a person may see is looked up when a stream opens, so a stream lives STREAM_LIFE at most: the browser opens it
 * again with Last-Event-ID and loses nothing.
 */
#ifndef YQ_GATEWAY_FEED_H
#define YQ_GATEWAY_FEED_H

#include "gateway/gateway.h"

struct feed;

/* Starts the thread; gateway (with its server) is borrowed until feed_stop(). The ledger need not be there. */
bool feed_start(struct gateway *gateway, struct feed **out, struct err *err);
void feed_stop(struct feed *feed); /* NULL is fine */

/* Makes the answer a stream of what the caller may see, from last_id (may be NULL, or nonsense: then from now). */
bool feed_open(struct feed *feed, struct http_request *request, const char *last_id, struct err *err);
/*
 * Runs act when everything that can be read now is sent, and before anything else is: what act reads of the ledger and what comes by the feed
 * behind it leave no gap between them. db is the caller's session.
 */
bool feed_between(struct feed *feed, struct db *db, bool (*act)(void *context, struct err *err), void *context,
                  struct err *err);
/*
 * Ends the streams and channels of a session that logged out, or of a token that was revoked, at once; what ends elsewhere, or by its time, is
 * seen within RECHECK.
 */
void feed_end_session(struct feed *feed, const char *token);

#endif
