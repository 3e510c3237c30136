/* When a study is all there. */
#include <criterion/criterion.h>

#include "lib/domain/study.h"

TestSuite(study_decide, .timeout = 60);

/* Minutes of a story that begins at 1000. */
enum { MINUTE = 60 * 1000000 };
#define AT(minute) ((int64_t)(1000 + (minute)) * MINUTE)

static struct study_facts facts_at(int minute)
{
	struct study_facts facts = {.state = STUDY_RECEIVING,
	                            .images = 1,
	                            .now_us = AT(minute),
	                            .known_us = AT(minute),
	                            .patience_us = 10LL * MINUTE,
	                            .last_arrival_us = AT(0),
	                            .quiet_us = 5LL * MINUTE,
	                            .cap_at_us = AT(240)};

	return facts;
}

static void expect_change(const char *what, struct study_facts facts, enum study_event event, enum study_reason reason)
{
	struct study_verdict got = study_decide(&facts);

	cr_expect(got.is_change, "%s: no change", what);
	cr_expect_eq(got.event, event, "%s: got %s, want %s", what, study_event_name(got.event),
	             study_event_name(event));
	cr_expect_eq(got.reason, reason, "%s: got %s, want %s", what, study_reason_name(got.reason),
	             study_reason_name(reason));
}

static void expect_wait(const char *what, struct study_facts facts, int64_t look_again_us)
{
	struct study_verdict got = study_decide(&facts);

	cr_expect_not(got.is_change, "%s: got %s", what, study_event_name(got.event));
	cr_expect_eq(got.look_again_us, look_again_us, "%s: looks again at minute %lld", what,
	             (long long)(got.look_again_us / MINUTE - 1000));
}

Test(study_decide, quiet_time_is_the_weakest_signal)
{
	struct study_facts facts = facts_at(4);

	expect_wait("one minute before", facts, AT(5));
	facts.now_us = facts.known_us = AT(5);
	expect_change("at the minute", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_QUIET);
	facts.last_arrival_us = AT(3);
	expect_wait("another image came", facts, AT(8));
}

Test(study_decide, the_strongest_signal_gives_the_reason)
{
	struct study_facts facts = facts_at(1);

	facts.expected_views = 1;
	expect_change("views", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_VIEWS);
	facts.mpps_completed_us = AT(1);
	expect_change("MPPS", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_MPPS);
	facts.submitted_us = AT(1);
	expect_change("submit", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_SUBMITTED);
	facts.is_committed = true;
	expect_change("commitment", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_COMMITMENT);
	facts.by_hand_us = AT(1);
	expect_change("by hand", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_BY_HAND);
}

Test(study_decide, an_image_after_the_button_takes_its_word_back)
{
	struct study_facts facts = facts_at(3);

	facts.submitted_us = AT(1);
	facts.last_arrival_us = AT(2);
	expect_wait("submit before the last image", facts, AT(7));
	facts.submitted_us = AT(2);
	expect_change("in the same instant", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_SUBMITTED);
}

Test(study_decide, missing_views_wait_for_the_cap)
{
	struct study_facts facts = facts_at(60);

	facts.expected_views = 2;
	expect_wait("quiet time does not count", facts, AT(240));
	facts.now_us = AT(240);
	expect_change("the cap", facts, STUDY_EVENT_CAP_REACHED, STUDY_REASON_CAP);
	facts.submitted_us = AT(10);
	expect_change("the button is stronger", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_SUBMITTED);
	facts = facts_at(300);
	facts.state = STUDY_INCOMPLETE;
	facts.expected_views = 2;
	expect_wait("incomplete stays so by itself", facts, 0);
	facts.images = 2;
	expect_change("until the view is there", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_VIEWS);
}

Test(study_decide, images_without_end_meet_the_cap)
{
	struct study_facts facts = facts_at(238);

	facts.last_arrival_us = AT(237);
	expect_wait("the cap comes before the quiet", facts, AT(240));
	facts.now_us = AT(241);
	facts.last_arrival_us = AT(240);
	expect_change("offered as incomplete", facts, STUDY_EVENT_CAP_REACHED, STUDY_REASON_CAP);
	facts.state = STUDY_INCOMPLETE;
	expect_wait("and complete when it is quiet", facts, AT(245));
}

Test(study_decide, an_emergency_is_offered_at_its_first_image)
{
	struct study_facts facts = facts_at(0);

	facts.is_emergency = true;
	expect_change("first image", facts, STUDY_EVENT_CAP_REACHED, STUDY_REASON_EMERGENCY);
	facts.state = STUDY_INCOMPLETE;
	expect_wait("then it waits to be complete", facts, AT(5));
	facts.submitted_us = AT(0);
	expect_change("the button", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_SUBMITTED);
}

Test(study_decide, a_late_image_reopens)
{
	struct study_facts facts = facts_at(100);

	facts.state = STUDY_COMPLETE;
	expect_wait("nothing new", facts, 0);
	facts.has_new_images = true;
	expect_change("complete", facts, STUDY_EVENT_LATE_IMAGE, STUDY_REASON_LATE_IMAGE);
	facts.state = STUDY_INCOMPLETE;
	expect_change("incomplete", facts, STUDY_EVENT_LATE_IMAGE, STUDY_REASON_LATE_IMAGE);
	facts.state = STUDY_RECEIVING;
	facts.now_us = AT(1);
	expect_wait("still receiving: no news", facts, AT(5));
}

Test(study_decide, our_own_objects_are_not_news)
{
	struct study_facts facts = facts_at(100);

	facts.images = 0;
	facts.submitted_us = AT(1);
	expect_wait("a study of nothing but our own", facts, 0);
}

/* Half a second, in which a word waits for what was acknowledged before it. */
#define SOON(minute) (AT(minute) + MINUTE / 120)

Test(study_decide, a_word_waits_for_what_was_acknowledged_before_it)
{
	struct study_facts facts = facts_at(3);

	facts.submitted_us = AT(2);
	facts.known_us = AT(2) - 1;
	expect_wait("something of before the button may be on its way", facts, SOON(3));
	facts.known_us = AT(2);
	expect_change("all of before it is here", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_SUBMITTED);
	facts.known_us = 0;
	facts.now_us = AT(12);
	expect_change("waited for long enough", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_SUBMITTED);
	facts.is_emergency = true;
	facts.now_us = AT(3);
	expect_change("an emergency is offered meanwhile", facts, STUDY_EVENT_CAP_REACHED, STUDY_REASON_EMERGENCY);
	facts.state = STUDY_INCOMPLETE;
	expect_wait("and is complete when it is known", facts, SOON(3));
}

Test(study_decide, a_silence_counts_only_while_the_ledger_keeps_up)
{
	struct study_facts facts = facts_at(6);

	facts.known_us = AT(6) - MINUTE / 6;
	expect_change("ten seconds behind", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_QUIET);
	facts.known_us = AT(1);
	expect_wait("five minutes behind: more may be on its way", facts, SOON(6));
	facts.now_us = AT(15);
	expect_change("waited for long enough", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_QUIET);
}

Test(study_decide, a_commitment_that_names_more_keeps_it_receiving)
{
	struct study_facts facts = facts_at(6);

	facts.commitment_missing = 1;
	facts.mpps_completed_us = AT(6);
	facts.expected_views = 1;
	expect_wait("silence, views and the modality's word are weaker", facts, AT(240));
	facts.submitted_us = AT(6);
	expect_change("submitted all the same", facts, STUDY_EVENT_CAP_REACHED, STUDY_REASON_SUBMITTED);
	facts.known_us = AT(5);
	expect_wait("but the missing one may be on its way", facts, SOON(6));
	facts.state = STUDY_INCOMPLETE;
	facts.known_us = AT(6);
	expect_wait("red until it comes: only new signals change that", facts, 0);
	facts.commitment_missing = 0;
	facts.is_committed = true;
	expect_change("it came", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_COMMITMENT);
	facts.is_committed = false;
	facts.commitment_missing = 1;
	facts.by_hand_us = AT(6);
	expect_change("a person knows better", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_BY_HAND);
}

Test(study_decide, images_that_a_performed_step_lists_are_waited_for)
{
	struct study_facts facts = facts_at(6);

	facts.mpps_missing = 1;
	expect_wait("silence does not count", facts, AT(240));
	facts.now_us = facts.known_us = AT(240);
	expect_change("the cap", facts, STUDY_EVENT_CAP_REACHED, STUDY_REASON_CAP);
	facts.now_us = facts.known_us = AT(6);
	facts.submitted_us = AT(6);
	expect_change("the button is stronger", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_SUBMITTED);
}

Test(study_decide, a_commitment_that_names_every_image_counts_whenever_they_came)
{
	struct study_facts facts = facts_at(3);

	facts.is_committed = true;
	facts.last_arrival_us = AT(2);
	expect_change("named before it came", facts, STUDY_EVENT_COMPLETED, STUDY_REASON_COMMITMENT);
}
