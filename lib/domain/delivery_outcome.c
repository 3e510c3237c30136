#include "lib/domain/delivery_outcome.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

enum { FAILURES_MAX = 1000 };

static int one_more(int count)
{
	return count < FAILURES_MAX ? count + 1 : count;
}

static void start(struct delivery_outcome *out, const struct delivery_past *past)
{
	memset(out, 0, sizeof(*out));
	out->failures = past->failures;
	out->proof_rounds = past->proof_rounds;
}

static void wait_ms(struct delivery_outcome *out, const struct delivery_past *past, int failures)
{
	out->next = DELIVERY_NEXT_IN;
	out->next_in_ms = delivery_backoff_ms(failures, past->backoff_min_ms, past->backoff_max_ms, past->random);
}

static void confirm(struct delivery_outcome *out, const char *proof, int sent, const char *how)
{
	out->event = DELIVERY_EVENT_CONFIRM;
	out->failures = 0;
	out->proof = proof;
	snprintf(out->note, sizeof(out->note), "sent %d, %s %d", sent, how, sent);
}

static void say(struct delivery_outcome *out, const char *reason)
{
	text_copy(out->reason, sizeof(out->reason), reason);
}

/* ---- sending ------------------------------------------------------------------------------------------------------------------ */

void delivery_without_way(struct delivery_outcome *out, bool is_in_doubt, const struct delivery_past *past)
{
	out->next = DELIVERY_NEXT_KEEP;
	if (is_in_doubt)
		return;
	out->failures = one_more(out->failures);
	if (out->failures > 1)
		wait_ms(out, past, out->failures - 1);
}

static void conclude_event(const struct delivery_try *try, const struct delivery_past *past,
                           struct delivery_outcome *out)
{
	bool is_gain = try->after.confirmed > try->before.confirmed;

	switch (out->event) {
	case DELIVERY_EVENT_CONFIRM:
		confirm(out, "answers", try->after.confirmed, "acknowledged");
		break;
	case DELIVERY_EVENT_YIELD:
		out->next = try->stop == DELIVERY_STOP_TURN ? DELIVERY_NEXT_TURN : DELIVERY_NEXT_KEEP;
		if (is_gain)
			out->failures = 0;
		break;
	case DELIVERY_EVENT_LOSE:
		out->failures = is_gain ? 0 : one_more(out->failures);
		break;
	case DELIVERY_EVENT_FAIL:
		if (is_gain)
			out->failures = 0;
		if (try->is_broken && try->put_off == 0) {
			out->next = DELIVERY_NEXT_WAY;
		} else {
			out->failures = one_more(out->failures);
			wait_ms(out, past, out->failures);
		}
		break;
	default:
		out->failures = 0;
		break;
	}
}

void delivery_conclude(const struct delivery_try *try, const struct delivery_past *past, struct delivery_outcome *out)
{
	start(out, past);
	out->is_answered = try->answers > 0;
	out->is_broken = try->is_broken;
	out->event =
	    delivery_judge(&try->after, try->stop != DELIVERY_STOP_NOT && !try->is_broken && try->put_off == 0);
	if (out->event == DELIVERY_EVENT_CONFIRM && try->wants_proof)
		out->event = DELIVERY_EVENT_PROVE;
	conclude_event(try, past, out);
}

void delivery_conclude_document(bool is_sent, enum err_kind why, const struct delivery_past *past,
                                struct delivery_outcome *out)
{
	start(out, past);
	out->is_answered = is_sent || why == ERR_REFUSED || why == ERR_INVALID;
	out->is_broken = !out->is_answered && why != ERR_CANCELLED;
	if (is_sent) {
		out->event = DELIVERY_EVENT_CONFIRM;
		out->failures = 0;
		out->proof = "answers";
	} else if (why == ERR_CANCELLED) {
		out->event = DELIVERY_EVENT_YIELD;
	} else if (why == ERR_REFUSED || why == ERR_INVALID) {
		out->event = DELIVERY_EVENT_REFUSE;
	} else if (why == ERR_UNKNOWN_OUTCOME) {
		out->event = DELIVERY_EVENT_LOSE;
		out->failures = one_more(out->failures);
	} else {
		out->event = DELIVERY_EVENT_FAIL;
		out->next = DELIVERY_NEXT_WAY;
	}
}

/* ---- asking --------------------------------------------------------------------------------------------------------------------- */

/* Sent again; one that was lost more than once in a row waits, since it may be what breaks the way. */
static void send_again(struct delivery_outcome *out, const struct delivery_past *past, int times)
{
	out->event = DELIVERY_EVENT_FAIL;
	if (times > 1)
		wait_ms(out, past, times - 1);
}

static void conclude_whole(const struct delivery_look *look, const char *proof, const char *how,
                           struct delivery_outcome *out)
{
	if (look->after.refused > 0) {
		out->event = DELIVERY_EVENT_REFUSE;
		say(out, "the peer refused some of the objects");
		return;
	}
	confirm(out, proof, look->after.confirmed, how);
}

static void conclude_difference(const struct delivery_look *look, const struct delivery_past *past,
                                struct delivery_outcome *out)
{
	const struct delivery_tally *after = &look->after;
	int sent = after->confirmed + after->pending + after->unknown;

	snprintf(out->note, sizeof(out->note), "sent %d, held %d", sent, after->confirmed);
	out->proof = look->proof;
	if (look->missing == 0) {
		say(out, "the outcome was unknown: what the peer does not hold is sent again");
		send_again(out, past, past->failures);
		return;
	}
	out->proof_rounds = one_more(out->proof_rounds);
	say(out, "the peer does not hold what it acknowledged");
	if (out->proof_rounds > DELIVERY_PROOF_ROUNDS_MAX)
		out->event = DELIVERY_EVENT_REFUSE;
	else
		send_again(out, past, out->proof_rounds + 1);
}

static bool is_whole(const struct delivery_tally *tally)
{
	return tally->pending == 0 && tally->unknown == 0 && tally->confirmed + tally->refused > 0;
}

static void wait_for_answer(const struct delivery_look *look, const struct delivery_past *past,
                            struct delivery_outcome *out)
{
	out->is_put_off = true;
	out->failures = one_more(out->failures);
	wait_ms(out, past, out->failures);
	say(out, look->said == DELIVERY_SAID_LATER ? "the peer has not said yet what it holds"
	                                           : "the peer could not be asked what it holds");
}

/* Nothing more will be known: beyond the deadline, or because the peer cannot be asked. */
static void conclude_unasked(const struct delivery_look *look, const struct delivery_past *past,
                             struct delivery_outcome *out)
{
	if (is_whole(&look->before) && (!look->must_prove || look->said == DELIVERY_SAID_CANNOT)) {
		conclude_whole(look, "answers", "acknowledged", out);
		return;
	}
	say(out, past->is_overdue ? "the outcome is unknown and the deadline has passed"
	                          : "the outcome was unknown: it is sent again");
	send_again(out, past, past->failures);
}

void delivery_conclude_look(const struct delivery_look *look, const struct delivery_past *past,
                            struct delivery_outcome *out)
{
	start(out, past);
	out->is_broken = look->said == DELIVERY_SAID_AWAY;
	out->is_answered = !out->is_broken;
	if (look->said == DELIVERY_SAID_HELD && is_whole(&look->after))
		conclude_whole(look, look->proof, "held", out);
	else if (look->said == DELIVERY_SAID_HELD)
		conclude_difference(look, past, out);
	else if (look->said == DELIVERY_SAID_CANNOT || past->is_overdue)
		conclude_unasked(look, past, out);
	else if (is_whole(&look->before) && !look->must_prove && past->failures >= DELIVERY_PROOF_WAITS_MAX)
		conclude_whole(look, "answers", "acknowledged", out);
	else
		wait_for_answer(look, past, out);
}
