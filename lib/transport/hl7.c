/*
 * HL7 v2 over MLLP (HL7 v2 minimal lower layer protocol, release 1): one connection, one ORU^R01, one acknowledgement. A message is the same under the
 * same control ID however often it is sent, so after a lost answer it is sent again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/dicom/charset.h"
#include "lib/domain/delivery.h"
#include "lib/domain/destination_settings.h"
#include "lib/domain/report_message.h"
#include "lib/domain/report_oru.h"
#include "lib/transport/hl7_ack.h"
#include "lib/transport/web.h"

enum { MESSAGE_MAX = 64 << 20, ACK_MAX = 64 << 10, URL_SIZE = 300 };
static const char start_block[] = "\x0b", end_block[] = "\x1c\r";

/* ---- the message ------------------------------------------------------------------------------------------------------------- */

/*
 * From UTF-8 to what the destination reads. GB18030 has a code for every character; the second byte of some is that of a delimiter, so a receiver
 * has to decode before it looks for them.
 */
static bool encode(const struct text_buf *message, const char *charset, struct text_buf *out, struct err *err)
{
	size_t length, room = message->length * 2 + 1;
	char *bytes;
	bool ok;

	if (strcmp(charset, "gb18030") != 0)
		return text_buf_append(out, message->data, message->length) ||
		       err_set(err, ERR_INVALID, "cannot send the report: the message is too large");
	bytes = malloc(room);
	if (!bytes)
		err_panic("out of memory");
	ok = charset_encode("GB18030", CHARSET_UT, message->data, bytes, room, &length) == CHARSET_ENCODED &&
	     text_buf_append(out, bytes, length);
	free(bytes);
	return ok || err_set(err, ERR_INVALID, "cannot send the report: not all of it can be written in GB18030");
}

/* A frame with the whole message in it. */
static bool make_frame(const struct transport_call *call, struct text_buf *frame, struct err *err)
{
	struct report_message_loaded loaded;
	struct text_buf message;
	bool ok;

	if (!web_load_report(call, &loaded, err))
		return false;
	text_buf_init(&message, MESSAGE_MAX);
	ok = report_oru_build(&loaded.message, call->to->charset, &message, err) &&
	     (text_buf_append(frame, start_block, 1) ||
	      err_set(err, ERR_INVALID, "cannot send the report: the message is too large")) &&
	     encode(&message, call->to->charset, frame, err) &&
	     (text_buf_append(frame, end_block, 2) ||
	      err_set(err, ERR_INVALID, "cannot send the report: the message is too large"));
	text_buf_fini(&message);
	report_message_fini(&loaded);
	return ok;
}

/* ---- the answer -------------------------------------------------------------------------------------------------------------- */

static bool lost(struct err *err, const char *why)
{
	return err_set(err, ERR_UNKNOWN_OUTCOME, "the peer did not acknowledge the message: %s", why);
}

static bool judge(const struct hl7_ack *ack, enum hl7_verdict verdict, struct err *err)
{
	if (verdict == HL7_TAKEN)
		return true;
	return err_set(err, verdict == HL7_LATER ? ERR_TEMPORARY : ERR_REFUSED, "%s %s%s%s%s%s",
	               verdict == HL7_LATER ? "could not deliver: the peer answered"
	                                    : "cannot deliver: the peer answered",
	               ack->code, ack->error_code[0] ? " " : "", ack->error_code, ack->text[0] ? ": " : "", ack->text);
}

/* More of the answer, at most until the time. False with *err: none will come. */
static bool receive_more(struct http_client *line, char *bytes, size_t *length, int64_t until_ms, struct err *err)
{
	struct err why;
	size_t got;

	if (*length == ACK_MAX)
		return lost(err, "its answer has no end");
	if (!http_line_receive(line, bytes + *length, ACK_MAX - *length, until_ms, &got, &why))
		return lost(err, why.text);
	if (got == 0)
		return lost(err, "it closed the connection");
	*length += got;
	return true;
}

/* Acknowledgements of other messages are passed over: a peer may be late with one. */
static bool await_ack(struct http_client *line, const char *control_id, int64_t timeout_ms, struct err *err)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;
	char *bytes = malloc(ACK_MAX);
	size_t length = 0, start, end;
	enum hl7_verdict verdict = HL7_OF_ANOTHER;
	struct hl7_ack ack;
	bool ok = true;

	if (!bytes)
		err_panic("out of memory");
	while (ok && verdict == HL7_OF_ANOTHER) {
		if (!hl7_block_find(bytes, length, &start, &end)) {
			ok = receive_more(line, bytes, &length, until_ms, err);
			continue;
		}
		verdict = hl7_ack_read(bytes + start, end - start, control_id, &ack);
		length -= end;
		memmove(bytes, bytes + end, length);
	}
	free(bytes);
	if (!ok)
		return false;
	return verdict == HL7_UNREADABLE ? lost(err, "its answer is no acknowledgement") : judge(&ack, verdict, err);
}

/* ---- the line ------------------------------------------------------------------------------------------------------------------ */

static bool open_line(const struct destination_settings *to, struct http_client **out, struct http_way *way,
                      struct err *err)
{
	struct http_peer peer = web_peer(to);
	char url[URL_SIZE];
	bool is_v6 = strchr(to->host, ':') != NULL;

	snprintf(url, sizeof(url), "%s://%s%s%s:%u", to->tls == DESTINATION_TLS_OFF ? "http" : "https",
	         is_v6 ? "[" : "", to->host, is_v6 ? "]" : "", to->port);
	peer.url = url;
	peer.user = peer.password = peer.token = "";
	return http_line_open(&peer, out, way, err);
}

static bool exchange(const struct transport_call *call, const struct text_buf *frame, struct err *err)
{
	char control_id[ORU_CONTROL_ID_SIZE];
	struct http_client *line;
	bool ok;

	if (!open_line(call->to, &line, NULL, err))
		return false;
	report_oru_control_id(call->job->id, control_id);
	ok = http_line_send(line, frame->data, frame->length, err) &&
	     await_ack(line, control_id, call->to->answer_timeout_ms, err);
	http_client_free(line);
	return ok;
}

static bool send_message(const struct transport_call *call, struct err *err)
{
	struct text_buf frame;
	bool ok;

	text_buf_init(&frame, MESSAGE_MAX);
	ok = make_frame(call, &frame, err) &&
	     (call->go_on(call->context, frame.length) || err_set(err, ERR_CANCELLED, "the sending was stopped")) &&
	     exchange(call, &frame, err);
	text_buf_fini(&frame);
	return ok;
}

/* The protocol has no message that means nothing, so a test ends where the line is open. */
static int test_way(const struct destination_settings *to, struct transport_step steps[TRANSPORT_STEPS_MAX])
{
	struct http_way way = {0};
	struct http_client *line;
	struct err err;
	int count;

	if (open_line(to, &line, &way, &err)) {
		http_client_free(line);
		return web_steps(&way, NULL, steps) - 1;
	}
	count = web_steps(&way, &err, steps);
	return count;
}

const struct transport transport_hl7 = {.protocol = "hl7", .send = send_message, .verify = NULL, .test = test_way};
