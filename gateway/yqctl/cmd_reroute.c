/* Studies that people route: anew by the rules in force, or out of a hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/operator.h"
#include "gateway/yqctl/output.h"
#include "gateway/yqctl/study_find.h"
#include "lib/domain/find_one.h"
#include "lib/domain/reroute.h"

/* The studies that are meant: one, or all that wait in a queue. */
struct choice {
	struct db_rows *rows; /* NULL: the one in id */
	char id[TEXT_UUID_SIZE];
};

static bool choose(struct invocation *in, struct choice *out, struct err *err)
{
	char queue[TEXT_UUID_SIZE];

	if ((in->argument_count > 0) == option_given(in, "queue"))
		return err_set(err, ERR_INVALID, "give either a study or --queue");
	if (in->argument_count > 0)
		return study_find(in, in->arguments[0], out->id, err);
	return find_one(in->db, STMT_QUEUE_FIND, "queue", option_value(in, "queue"), queue, err) &&
	       db_exec(in->db, STMT_ROUTING_AWAITING, DB_PARAMS(db_text(queue)), &out->rows, err);
}

static int count_of(const struct choice *choice)
{
	return choice->rows ? db_rows_count(choice->rows) : 1;
}

static const char *id_of(const struct choice *choice, int index)
{
	return choice->rows ? db_get_text(choice->rows, index, "study") : choice->id;
}

static const char *place_of(const json_t *json)
{
	static const char *const names[] = {"hold", "reason", "queue_name"};

	if (json_is_true(json_object_get(json, "is_routed")))
		return json_string_value(json_object_get(json, "queue_name"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *text = json_string_value(json_object_get(json, names[i]));

		if (text && text[0])
			return text;
	}
	return "nowhere";
}

static void print_preview(const char *study_id, const json_t *preview)
{
	const char *refusal = json_string_value(json_object_get(preview, "refusal"));

	printf("%s  ", study_id);
	output_padded(stdout, place_of(json_object_get(preview, "now")), 0, false);
	if (refusal[0])
		printf("  stays: %s\n", refusal);
	else if (!json_is_true(json_object_get(preview, "changes")))
		printf("  stays as it is\n");
	else {
		printf("  ->  ");
		output_padded(stdout, place_of(json_object_get(preview, "then")), 0, false);
		printf("\n");
	}
}

/* Of every study what would change. */
static bool preview_all(struct invocation *in, const struct choice *choice, json_t *out, struct err *err)
{
	for (int i = 0; i < count_of(choice); i++) {
		const struct reroute reroute = {.study_id = id_of(choice, i)};
		json_t *preview;

		if (!reroute_preview(in->db, &reroute, &preview, err))
			return false;
		json_object_set_new(preview, "study", json_string(reroute.study_id));
		json_array_append_new(out, preview);
	}
	return true;
}

static bool ask_work(struct db *db, void *context, struct err *err)
{
	return reroute_ask(db, context, err);
}

static bool release_work(struct db *db, void *context, struct err *err)
{
	return reroute_release(db, context, err);
}

static bool deed(struct invocation *in, db_work *work, const char *study_id, struct err *err)
{
	struct reroute reroute = {
	    .operator_name = operator_name(), .study_id = study_id, .reason = option_value(in, "reason")};

	return db_transact(in->pool, NULL, work, &reroute, err);
}

static bool ask_all(struct invocation *in, const struct choice *choice, const json_t *previews, struct err *err)
{
	int asked = 0;

	for (int i = 0; i < count_of(choice); i++) {
		const json_t *preview = json_array_get(previews, (size_t)i);

		/* One that cannot is refused with the reason; of a queue those are left out. */
		if (!choice->rows || json_is_true(json_object_get(preview, "changes"))) {
			if (!deed(in, ask_work, id_of(choice, i), err))
				return false;
			asked++;
		}
	}
	if (!option_given(in, "json"))
		printf("%d to be routed anew; the router does it\n", asked);
	return true;
}

bool run_study_reroute(struct invocation *in, struct err *err)
{
	struct choice choice = {0};
	json_t *previews = json_array();
	bool ok = choose(in, &choice, err) && preview_all(in, &choice, previews, err);

	if (ok && option_given(in, "json"))
		ok = output_json(json_incref(previews), err);
	else if (ok)
		for (size_t i = 0; i < json_array_size(previews); i++)
			print_preview(id_of(&choice, (int)i), json_array_get(previews, i));
	if (ok && !option_given(in, "dry-run"))
		ok = ask_all(in, &choice, previews, err);
	json_decref(previews);
	db_rows_free(choice.rows);
	return ok;
}

bool run_study_release(struct invocation *in, struct err *err)
{
	char id[TEXT_UUID_SIZE];

	return study_find(in, in->arguments[0], id, err) && deed(in, release_work, id, err) &&
	       printf("study released: %s; the router routes it\n", id) > 0;
}
