/* Deliveries: listed, shown, driven again, given up; one or many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/text.h"
#include "lib/domain/delivery_hand.h"
#include "lib/domain/find_one.h"
#include "lib/domain/machines.h"
#include "lib/domain/site.h"

static const struct column columns[] = {{"created_at", "CREATED", false},
                                        {"state", "STATE", false},
                                        {"purpose", "PURPOSE", false},
                                        {"rank", "RANK", true},
                                        {"site", "SITE", false},
                                        {"ae_title", "TO", false},
                                        {"items_confirmed", "CONFIRMED", true},
                                        {"items", "OBJECTS", true},
                                        {"attempts", "TRIES", true},
                                        {"next_try_at", "NEXT TRY", false},
                                        {"last_error", "LAST ERROR", false},
                                        {"id", "ID", false},
                                        {0}};

/* ---- which ------------------------------------------------------------------------------------------------------------------ */

enum { STATES_MAX = 6 };

struct filter {
	const char *states[STATES_MAX], *study;
	size_t state_count; /* 0: any */
	struct site site;
	bool has_site;
	char destination[TEXT_UUID_SIZE];
	int64_t older_ms;
};

static bool read_state(struct invocation *in, struct filter *out, struct err *err)
{
	const char *state = option_value(in, "state");

	if (state)
		out->states[out->state_count++] = state;
	return !state || machine_state_find(delivery_machine(), state) >= 0 ||
	       err_set(err, ERR_INVALID, "there is no state '%.40s' of a delivery", state);
}

static bool read_study(struct invocation *in, const char **out, struct err *err)
{
	*out = option_value(in, "study");
	return !*out || text_is_uuid(*out) || text_is_uid(*out) ||
	       err_set(err, ERR_INVALID, "'%.70s' is neither a Study Instance UID nor the id of a study", *out);
}

static bool read_filter(struct invocation *in, struct filter *out, struct err *err)
{
	const char *site = option_value(in, "site"), *destination = option_value(in, "destination");
	const char *older = option_value(in, "older");

	*out = (struct filter){.has_site = site != NULL};
	return read_state(in, out, err) && read_study(in, &out->study, err) &&
	       (!site || site_find(in->db, site, &out->site, err)) &&
	       (!destination ||
	        find_one(in->db, STMT_DESTINATION_FIND, "destination", destination, out->destination, err)) &&
	       (!older || clock_parse_duration(older, &out->older_ms, err));
}

#define FILTER_PARAMS(filter)                                                                                          \
	DB_PARAMS((filter)->state_count ? db_texts((filter)->states, (filter)->state_count) : db_null(),               \
	          (filter)->has_site ? db_int((filter)->site.site_id) : db_null(),                                     \
	          db_text((filter)->destination[0] ? (filter)->destination : NULL), db_text((filter)->study),          \
	          (filter)->older_ms ? db_int((filter)->older_ms) : db_null())

bool run_delivery_list(struct invocation *in, struct err *err)
{
	struct filter filter;

	return read_filter(in, &filter, err) && list_run(in, STMT_DELIVERY_LIST, FILTER_PARAMS(&filter), columns, err);
}

bool run_delivery_show(struct invocation *in, struct err *err)
{
	struct db_rows *rows;
	json_t *one;

	if (!text_is_uuid(in->arguments[0]))
		return err_set(err, ERR_INVALID, "'%.40s' is no id of a delivery; `yqctl delivery list` shows them",
		               in->arguments[0]);
	if (!db_exec_one(in->db, STMT_DELIVERY_SHOW, DB_PARAMS(db_text(in->arguments[0])), "the delivery", &rows, err))
		return false;
	one = json_loads(db_get_text(rows, 0, "json"), 0, NULL);
	db_rows_free(rows);
	return output_object(option_given(in, "json"), one, err);
}

/* ---- by hand ---------------------------------------------------------------------------------------------------------------- */

struct hand {
	const char *action, *text;
	db_work *work;
	const char *states[STATES_MAX]; /* from which it goes, where the filter names none */
};

static bool requeue(struct db *db, void *context, struct err *err)
{
	return delivery_requeue(db, context, conf_number(CONF_DELIVERY_DEADLINE), err);
}

static bool cancel(struct db *db, void *context, struct err *err)
{
	return delivery_cancel_by_hand(db, context, err);
}

static bool move_one(struct invocation *in, const struct hand *hand, const char *id, struct err *err)
{
	struct operator_note note = {.action = hand->action, .subject_kind = "delivery"};

	snprintf(note.subject, sizeof(note.subject), "%s", id);
	return operator_change(in, &note, hand->work, (void *)id, err) &&
	       printf("delivery %s: %s\n", hand->text, id) > 0;
}

/* What has moved on meanwhile is passed over. */
static bool move_chosen(struct invocation *in, const struct hand *hand, const struct db_rows *rows, struct err *err)
{
	int count = 0;

	for (int i = 0; i < db_rows_count(rows); i++) {
		if (move_one(in, hand, db_get_text(rows, i, "id"), err))
			count++;
		else if (err->kind != ERR_CONFLICT)
			return false;
	}
	printf("%d of %d deliveries that were found\n", count, db_rows_count(rows));
	return true;
}

static bool move_filtered(struct invocation *in, const struct hand *hand, struct err *err)
{
	struct filter filter;
	struct db_rows *rows;
	bool ok;

	if (!read_filter(in, &filter, err))
		return false;
	if (!filter.state_count && !filter.study && !filter.has_site && !filter.destination[0] && !filter.older_ms)
		return err_set(err, ERR_INVALID,
		               "which? Give ids, or at least one of --destination, --state, --study, --site, --older");
	if (!filter.state_count)
		while (filter.state_count < STATES_MAX && hand->states[filter.state_count]) {
			filter.states[filter.state_count] = hand->states[filter.state_count];
			filter.state_count++;
		}
	if (!db_exec(in->db, STMT_DELIVERY_LIST, FILTER_PARAMS(&filter), &rows, err))
		return false;
	ok = move_chosen(in, hand, rows, err);
	db_rows_free(rows);
	return ok;
}

static bool move_some(struct invocation *in, const struct hand *hand, struct err *err)
{
	if (in->argument_count == 0)
		return move_filtered(in, hand, err);
	for (int i = 0; i < in->argument_count; i++)
		if (!move_one(in, hand, in->arguments[i], err))
			return false;
	return true;
}

bool run_delivery_retry(struct invocation *in, struct err *err)
{
	static const struct hand hand = {
	    .action = "delivery.requeue", .text = "requeued", .work = requeue, .states = {"quarantined", "dead"}};

	return move_some(in, &hand, err);
}

bool run_delivery_cancel(struct invocation *in, struct err *err)
{
	static const struct hand hand = {
	    .action = "delivery.cancel",
	    .text = "cancelled",
	    .work = cancel,
	    .states = {"pending", "sending", "verifying", "waiting", "quarantined", "dead"}};

	return move_some(in, &hand, err);
}
