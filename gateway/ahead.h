/*
 * What a viewer will read of a study is made when its images are complete, before anybody opens it: one thread, one study at a time. Nothing depends on it:
 * what it did not come to is made when it is asked for.
 */
#ifndef YQ_GATEWAY_AHEAD_H
#define YQ_GATEWAY_AHEAD_H

#include "gateway/gateway.h"

struct ahead;

/* gateway (its pool and store) is borrowed until ahead_stop(). */
bool ahead_start(struct gateway *gateway, struct ahead **out, struct err *err);
/* After the study at hand. NULL is fine. */
void ahead_stop(struct ahead *ahead);
/* Something happened; what completes a study counts. From any thread, never waits. */
void ahead_tell(struct ahead *ahead, const char *kind, const char *subject);

#endif
