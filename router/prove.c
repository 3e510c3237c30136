/* What a peer holds of a delivery: before it counts as delivered, and when an outcome is unknown. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/file.h"
#include "lib/domain/destination_settings.h"
#include "lib/transport/transport.h"
#include "router/attempt.h"
#include "router/router.h"

static bool may_ask(void *context, uint64_t size_bytes)
{
	(void)context;
	(void)size_bytes;
	return true;
}

static const char *proof_name(enum transport_proof proof)
{
	switch (proof) {
	case TRANSPORT_PROOF_COMMITMENT:
		return "commitment";
	case TRANSPORT_PROOF_QUERY:
		return "query";
	default:
		return "answers";
	}
}

static enum delivery_said said_by(enum err_kind kind)
{
	if (kind == ERR_REFUSED || kind == ERR_INVALID)
		return DELIVERY_SAID_CANNOT;
	return kind == ERR_UNKNOWN_OUTCOME ? DELIVERY_SAID_LATER : DELIVERY_SAID_AWAY;
}

static void ask(struct attempt *attempt, struct transport_verdict *verdict, struct delivery_look *look)
{
	struct transport_call call = {.pool = attempt->router->pool,
	                              .store = attempt->router->store,
	                              .job = attempt->job,
	                              .to = attempt->to,
	                              .go_on = may_ask,
	                              .context = attempt};
	struct err err;

	look->said = DELIVERY_SAID_CANNOT;
	if (!attempt->transport->verify)
		return;
	if (!attempt->transport->verify(&call, verdict, &err)) {
		look->said = said_by(err.kind);
		text_copy(attempt->reason, sizeof(attempt->reason), err.text);
		return;
	}
	if (verdict->proof != TRANSPORT_PROOF_COMMITMENT && verdict->proof != TRANSPORT_PROOF_QUERY)
		return;
	look->said = DELIVERY_SAID_HELD;
	look->proof = proof_name(verdict->proof);
}

/* What it holds is confirmed; what it does not is to be sent again, also what it had acknowledged. What it refused stays refused. */
static void take_verdict(struct delivery_job *job, const struct transport_verdict *verdict, struct delivery_look *look)
{
	size_t i;

	for (i = 0; i < job->item_count; i++) {
		struct delivery_item *item = &job->items[i];

		if (item->state == DELIVERY_ITEM_REFUSED)
			continue;
		item->is_missing = item->state == DELIVERY_ITEM_CONFIRMED && !verdict->is_held[i];
		look->missing += item->is_missing;
		item->state = verdict->is_held[i] ? DELIVERY_ITEM_CONFIRMED : DELIVERY_ITEM_PENDING;
	}
}

void prove_job(struct attempt *attempt)
{
	struct transport_verdict verdict = {.is_held = calloc(attempt->job->item_count + 1, sizeof(bool))};
	struct delivery_past past = attempt_past(attempt);
	struct delivery_look look = {.before = attempt_tally(attempt),
	                             .must_prove = attempt->to->proof == DESTINATION_PROOF_COMMITMENT ||
	                                           attempt->to->proof == DESTINATION_PROOF_QUERY};
	struct delivery_outcome outcome;

	if (!verdict.is_held)
		err_panic("out of memory");
	file_kill_point("delivery_proving");
	ask(attempt, &verdict, &look);
	if (look.said == DELIVERY_SAID_HELD)
		take_verdict(attempt->job, &verdict, &look);
	look.after = attempt_tally(attempt);
	delivery_conclude_look(&look, &past, &outcome);
	if (outcome.reason[0] && attempt->reason[0] && look.said != DELIVERY_SAID_HELD)
		text_copy(outcome.reason, sizeof(outcome.reason), attempt->reason);
	attempt_settle(attempt, &outcome);
	free(verdict.is_held);
}
