/* What follows from a try and from asking: the way rests the destination, what a peer says of objects makes their delivery wait. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/delivery_outcome.h"

TestSuite(delivery_outcome, .timeout = 60);

/* No jitter: random 500 is the middle. */
static const struct delivery_past fresh = {.backoff_min_ms = 1000, .backoff_max_ms = 60000, .random = 500};

/* "event next failures flags", e.g. "fail in:1000 1 answered". */
static const char *told(const struct delivery_outcome *out)
{
	static char text[200];
	static const char *const next[] = {"keep", "in", "turn", "way"};
	char when[40] = "";

	if (out->next == DELIVERY_NEXT_IN)
		snprintf(when, sizeof(when), ":%lld", (long long)out->next_in_ms);
	snprintf(text, sizeof(text), "%s %s%s %d%s%s", out->is_put_off ? "put_off" : delivery_event_name(out->event),
	         next[out->next], when, out->failures, out->is_answered ? " answered" : "",
	         out->is_broken ? " broken" : "");
	return text;
}

Test(delivery_outcome, of_a_try)
{
	static const struct {
		const char *what;
		struct delivery_try try;
		int failures;
		const char *want;
	} cases[] = {
	    {"everything acknowledged",
	     {.before = {.pending = 3}, .after = {.confirmed = 3}, .answers = 3},
	     2,
	     "confirm keep 0 answered"},
	    {"everything acknowledged, to be proven",
	     {.before = {.pending = 3}, .after = {.confirmed = 3}, .answers = 3, .wants_proof = true},
	     2,
	     "prove keep 0 answered"},
	    {"no way: its place is kept",
	     {.before = {.pending = 3}, .after = {.pending = 3}, .is_broken = true},
	     0,
	     "fail way 0 broken"},
	    {"no way, again and again: others try it first",
	     {.before = {.pending = 3}, .after = {.pending = 3}, .is_broken = true},
	     2,
	     "fail way 2 broken"},
	    {"the way broke after progress",
	     {.before = {.pending = 3}, .after = {.confirmed = 1, .pending = 2}, .answers = 1, .is_broken = true},
	     2,
	     "fail way 0 answered broken"},
	    {"out of resources",
	     {.before = {.pending = 3}, .after = {.pending = 3}, .answers = 3, .put_off = 3},
	     2,
	     "fail in:4000 3 answered"},
	    {"out of resources after progress",
	     {.before = {.pending = 3}, .after = {.confirmed = 2, .pending = 1}, .answers = 3, .put_off = 1},
	     2,
	     "fail in:1000 1 answered"},
	    {"one refused, the others there",
	     {.before = {.pending = 3}, .after = {.confirmed = 2, .refused = 1}, .answers = 3},
	     1,
	     "refuse keep 0 answered"},
	    {"one refused, the others still to come",
	     {.before = {.pending = 3}, .after = {.pending = 2, .refused = 1}, .answers = 1, .is_broken = true},
	     0,
	     "fail way 0 answered broken"},
	    {"no answer",
	     {.before = {.pending = 3}, .after = {.pending = 2, .unknown = 1}, .is_broken = true},
	     1,
	     "lose keep 2 broken"},
	    {"no answer after progress",
	     {.before = {.pending = 3},
	      .after = {.confirmed = 1, .pending = 1, .unknown = 1},
	      .answers = 1,
	      .is_broken = true},
	     1,
	     "lose keep 0 answered broken"},
	    {"overtaken",
	     {.before = {.pending = 3},
	      .after = {.confirmed = 1, .pending = 2},
	      .answers = 1,
	      .stop = DELIVERY_STOP_OVERTAKEN},
	     1,
	     "yield keep 0 answered"},
	    {"its turn is over",
	     {.before = {.pending = 3},
	      .after = {.confirmed = 1, .pending = 2},
	      .answers = 1,
	      .stop = DELIVERY_STOP_TURN},
	     0,
	     "yield turn 0 answered"},
	    {"overtaken before it began",
	     {.before = {.pending = 3}, .after = {.pending = 3}, .stop = DELIVERY_STOP_OVERTAKEN},
	     1,
	     "yield keep 1"},
	    {"overtaken, and everything was there",
	     {.before = {.pending = 1}, .after = {.confirmed = 1}, .answers = 1, .stop = DELIVERY_STOP_OVERTAKEN},
	     0,
	     "confirm keep 0 answered"},
	    {"nothing in it", {.after = {.pending = 0}}, 0, "refuse keep 0"},
	};
	struct delivery_outcome out;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct delivery_past past = fresh;

		past.failures = cases[i].failures;
		delivery_conclude(&cases[i].try, &past, &out);
		cr_expect_str_eq(told(&out), cases[i].want, "%s: got \"%s\", want \"%s\"", cases[i].what, told(&out),
		                 cases[i].want);
	}
}

Test(delivery_outcome, of_a_document)
{
	static const struct {
		bool is_sent;
		enum err_kind why;
		const char *want;
	} cases[] = {
	    {true, ERR_NONE, "confirm keep 0 answered"},        {false, ERR_TEMPORARY, "fail way 1 broken"},
	    {false, ERR_REFUSED, "refuse keep 1 answered"},     {false, ERR_INVALID, "refuse keep 1 answered"},
	    {false, ERR_UNKNOWN_OUTCOME, "lose keep 2 broken"}, {false, ERR_CANCELLED, "yield keep 1"},
	};
	struct delivery_past past = fresh;
	struct delivery_outcome out;
	size_t i;

	past.failures = 1;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		delivery_conclude_document(cases[i].is_sent, cases[i].why, &past, &out);
		cr_expect_str_eq(told(&out), cases[i].want, "case %zu: got \"%s\", want \"%s\"", i, told(&out),
		                 cases[i].want);
	}
}

Test(delivery_outcome, without_a_way_it_keeps_its_place_unless_it_may_be_what_breaks_it)
{
	struct delivery_outcome out = {.failures = 0};

	delivery_without_way(&out, true, &fresh);
	cr_expect_str_eq(told(&out), "create keep 0", "in doubt before: got %s", told(&out));
	delivery_without_way(&out, false, &fresh);
	cr_expect_str_eq(told(&out), "create keep 1", "once: got %s", told(&out));
	delivery_without_way(&out, false, &fresh);
	cr_expect_str_eq(told(&out), "create in:1000 2", "twice: got %s", told(&out));
	delivery_without_way(&out, false, &fresh);
	cr_expect_str_eq(told(&out), "create in:2000 3", "three times: got %s", told(&out));
}

struct asking {
	const char *what;
	struct delivery_look look;
	int failures, rounds;
	bool is_overdue;
	const char *want, *note;
};

static void expect_all(const struct asking *cases, size_t count)
{
	struct delivery_outcome out;
	size_t i;

	for (i = 0; i < count; i++) {
		struct delivery_past past = fresh;

		past.failures = cases[i].failures;
		past.proof_rounds = cases[i].rounds;
		past.is_overdue = cases[i].is_overdue;
		delivery_conclude_look(&cases[i].look, &past, &out);
		cr_expect_str_eq(told(&out), cases[i].want, "%s: got \"%s\", want \"%s\"", cases[i].what, told(&out),
		                 cases[i].want);
		cr_expect_str_eq(out.note, cases[i].note, "%s: got \"%s\", want \"%s\"", cases[i].what, out.note,
		                 cases[i].note);
	}
}

Test(delivery_outcome, of_asking_what_is_held)
{
	static const struct asking cases[] = {
	    {"everything held",
	     {.before = {.confirmed = 180}, .after = {.confirmed = 180}, .said = DELIVERY_SAID_HELD, .proof = "query"},
	     0,
	     0,
	     false,
	     "confirm keep 0 answered",
	     "sent 180, held 180"},
	    {"some missing",
	     {.before = {.confirmed = 180},
	      .after = {.confirmed = 175, .pending = 5},
	      .said = DELIVERY_SAID_HELD,
	      .proof = "query",
	      .missing = 5},
	     0,
	     0,
	     false,
	     "fail in:1000 0 answered",
	     "sent 180, held 175"},
	    {"some missing, each time",
	     {.before = {.confirmed = 180},
	      .after = {.confirmed = 175, .pending = 5},
	      .said = DELIVERY_SAID_HELD,
	      .proof = "query",
	      .missing = 5},
	     0,
	     DELIVERY_PROOF_ROUNDS_MAX,
	     false,
	     "refuse keep 0 answered",
	     "sent 180, held 175"},
	    {"lost, and all there",
	     {.before = {.confirmed = 2, .unknown = 1},
	      .after = {.confirmed = 3},
	      .said = DELIVERY_SAID_HELD,
	      .proof = "commitment"},
	     1,
	     0,
	     false,
	     "confirm keep 0 answered",
	     "sent 3, held 3"},
	    {"lost, and not there",
	     {.before = {.confirmed = 2, .unknown = 1},
	      .after = {.confirmed = 2, .pending = 1},
	      .said = DELIVERY_SAID_HELD,
	      .proof = "query"},
	     1,
	     0,
	     false,
	     "fail keep 1 answered",
	     "sent 3, held 2"},
	    {"lost for the third time in a row",
	     {.before = {.unknown = 1}, .after = {.pending = 1}, .said = DELIVERY_SAID_HELD, .proof = "query"},
	     3,
	     0,
	     false,
	     "fail in:2000 3 answered",
	     "sent 1, held 0"},
	};

	expect_all(cases, sizeof(cases) / sizeof(cases[0]));
}

Test(delivery_outcome, of_asking_without_an_answer)
{
	static const struct asking cases[] = {
	    {"cannot be asked, acknowledged",
	     {.before = {.confirmed = 2}, .after = {.confirmed = 2}, .said = DELIVERY_SAID_CANNOT, .must_prove = true},
	     0,
	     0,
	     false,
	     "confirm keep 0 answered",
	     "sent 2, acknowledged 2"},
	    {"cannot be asked, some refused",
	     {.before = {.confirmed = 2, .refused = 1},
	      .after = {.confirmed = 2, .refused = 1},
	      .said = DELIVERY_SAID_CANNOT},
	     0,
	     0,
	     false,
	     "refuse keep 0 answered",
	     ""},
	    {"cannot be asked, unknown",
	     {.before = {.unknown = 2}, .after = {.unknown = 2}, .said = DELIVERY_SAID_CANNOT},
	     1,
	     0,
	     false,
	     "fail keep 1 answered",
	     ""},
	    {"a document without an answer", {.said = DELIVERY_SAID_CANNOT}, 1, 0, false, "fail keep 1 answered", ""},
	    {"the answer is still to come",
	     {.before = {.confirmed = 2}, .after = {.confirmed = 2}, .said = DELIVERY_SAID_LATER},
	     1,
	     0,
	     false,
	     "put_off in:2000 2 answered",
	     ""},
	    {"the answer never comes",
	     {.before = {.confirmed = 2}, .after = {.confirmed = 2}, .said = DELIVERY_SAID_LATER},
	     DELIVERY_PROOF_WAITS_MAX,
	     0,
	     false,
	     "confirm keep 0 answered",
	     "sent 2, acknowledged 2"},
	    {"the answer never comes where it must",
	     {.before = {.confirmed = 2}, .after = {.confirmed = 2}, .said = DELIVERY_SAID_LATER, .must_prove = true},
	     DELIVERY_PROOF_WAITS_MAX,
	     0,
	     false,
	     "put_off in:60000 9 answered",
	     ""},
	    {"no way to ask",
	     {.before = {.unknown = 2}, .after = {.unknown = 2}, .said = DELIVERY_SAID_AWAY},
	     0,
	     0,
	     false,
	     "put_off in:1000 1 broken",
	     ""},
	    {"no way to ask, and the deadline has passed",
	     {.before = {.unknown = 2}, .after = {.unknown = 2}, .said = DELIVERY_SAID_AWAY},
	     1,
	     0,
	     true,
	     "fail keep 1 broken",
	     ""},
	    {"acknowledged, and the deadline has passed",
	     {.before = {.confirmed = 2}, .after = {.confirmed = 2}, .said = DELIVERY_SAID_AWAY},
	     0,
	     0,
	     true,
	     "confirm keep 0 broken",
	     "sent 2, acknowledged 2"},
	    {"acknowledged, never proven, and the deadline has passed",
	     {.before = {.confirmed = 2}, .after = {.confirmed = 2}, .said = DELIVERY_SAID_LATER, .must_prove = true},
	     0,
	     0,
	     true,
	     "fail keep 0 answered",
	     ""},
	};

	expect_all(cases, sizeof(cases) / sizeof(cases[0]));
}
