/* What the transports over HTTP and over bare lines share: a destination as a peer, what a status means, the steps of a test. */
#ifndef YQ_TRANSPORT_WEB_H
#define YQ_TRANSPORT_WEB_H

#include "lib/http/client.h"
#include "lib/transport/transport.h"

enum { WEB_ANSWER_MAX = 1 << 20 };

/* Borrows from `to`. */
struct http_peer web_peer(const struct destination_settings *to);
/* TEMPORARY also where the destination asks for TLS and its address has none. */
bool web_open(const struct destination_settings *to, struct http_client **out, struct err *err);

/*
 * What a status says about the way, whatever was sent. False: nothing was taken, later it may be (a redirect, credentials, a wrong address, too
 * many, the peer's own trouble). True: the caller judges. Also hands on how long the peer wants to be left alone.
 */
bool web_way_works(const struct transport_call *call, const struct http_answer *answer, struct err *err);

/* A document of so many bytes, posted; UTF-8 in memory. out: http_answer_fini(), after true. CANCELLED: go_on() said no. */
bool web_post(const struct transport_call *call, const char *path, const char *const *headers, const char *body,
              size_t length, struct http_answer *out, struct err *err);

/*
 * The report of a delivery. What is missing or broken of it here stays so: INVALID, for a person, so that it is not taken for a fault of the way.
 * report_message_fini().
 */
struct report_message_loaded;
bool web_load_report(const struct transport_call *call, struct report_message_loaded *out, struct err *err);

/* The steps of one try. err: why it failed, or NULL; status: of the answer, 0: there is none to show. */
int web_steps(const struct http_way *way, const struct err *err, struct transport_step steps[TRANSPORT_STEPS_MAX]);
/* One request, judged by web_way_works(): its steps. */
int web_test(const struct destination_settings *to, const struct http_ask *ask,
             struct transport_step steps[TRANSPORT_STEPS_MAX]);

#endif
