#include "gateway/yqctl/rule_print.h"

#include <string.h>

#include "gateway/yqctl/output.h"
#include "gateway/yqctl/rule_text.h"

enum { LINE_MAX_BYTES = 1024 * 1024 };

static const char *text_of(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

/* Names come from rosters and devices: no control character of them reaches the terminal. */
static void print_line(FILE *to, struct text_buf *line)
{
	output_padded(to, line->data ? line->data : "", 0, false);
	fputc('\n', to);
	text_buf_fini(line);
}

#define ADD(line, ...)                                                                                                 \
	do {                                                                                                           \
		if (!text_buf_printf((line), __VA_ARGS__))                                                             \
			err_panic("a line that does not fit");                                                         \
	} while (0)

static const char *name_of(const json_t *names, const char *id)
{
	const char *name = json_string_value(json_object_get(names, id));

	return name ? name : id;
}

/* ---- rules --------------------------------------------------------------------------------------------------------------- */

static void add_destinations(struct text_buf *line, const json_t *rule, const char *name, const char *word,
                             const json_t *names)
{
	const json_t *ids = json_object_get(rule, name);

	for (size_t i = 0; i < json_array_size(ids); i++)
		ADD(line, "%s%s", i ? ", " : word, name_of(names, json_string_value(json_array_get(ids, i))));
}

static void print_actions(FILE *to, const json_t *rule, const json_t *names)
{
	const json_t *priority = json_object_get(rule, "priority");
	struct text_buf line;

	text_buf_init(&line, LINE_MAX_BYTES);
	ADD(&line, "      ->");
	if (text_of(rule, "queue"))
		ADD(&line, " queue %s;", name_of(names, text_of(rule, "queue")));
	if (text_of(rule, "reading_mode"))
		ADD(&line, " reading %s;", text_of(rule, "reading_mode"));
	if (json_is_integer(priority))
		ADD(&line, " priority %d;", (int)json_integer_value(priority));
	if (text_of(rule, "hold"))
		ADD(&line, " hold: %s;", text_of(rule, "hold"));
	add_destinations(&line, rule, "forward", " forward to ", names);
	add_destinations(&line, rule, "ai", " AI node ", names);
	print_line(to, &line);
}

static void print_conditions(FILE *to, const json_t *rule, const json_t *names)
{
	const json_t *conditions = json_object_get(rule, "conditions");
	struct text_buf line;

	text_buf_init(&line, LINE_MAX_BYTES);
	ADD(&line, "      %s", json_array_size(conditions) ? "" : "always");
	for (size_t i = 0; i < json_array_size(conditions); i++) {
		ADD(&line, "%s", i ? "; " : "");
		rule_text_print(&line, json_array_get(conditions, i), names);
	}
	print_line(to, &line);
}

void rule_print_rule(FILE *to, const json_t *rule, const json_t *names, int number)
{
	struct text_buf line;

	text_buf_init(&line, LINE_MAX_BYTES);
	ADD(&line, "%4d  %s%s", number, text_of(rule, "name"),
	    json_is_true(json_object_get(rule, "is_enabled")) ? "" : "  (disabled)");
	print_line(to, &line);
	print_conditions(to, rule, names);
	print_actions(to, rule, names);
}

static void print_heading(FILE *to, const json_t *group)
{
	struct text_buf line;

	text_buf_init(&line, LINE_MAX_BYTES);
	ADD(&line, "group %s: %s", text_of(group, "name"),
	    strcmp(text_of(group, "mode"), "all") == 0 ? "all that fit" : "the first that fits");
	print_line(to, &line);
}

void rule_print_document(FILE *to, const json_t *document)
{
	const json_t *groups = json_object_get(document, "groups"), *names = json_object_get(document, "names");
	int number = 0;

	fprintf(to, "version %d, since %s\n", (int)json_integer_value(json_object_get(document, "version")),
	        text_of(document, "in_force_from"));
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_t *rules = json_object_get(json_array_get(groups, i), "rules");

		print_heading(to, json_array_get(groups, i));
		for (size_t j = 0; j < json_array_size(rules); j++)
			rule_print_rule(to, json_array_get(rules, j), names, ++number);
	}
}

/* ---- outcomes -------------------------------------------------------------------------------------------------------------- */

static const char *verdict_of(const json_t *rule)
{
	if (!json_is_true(json_object_get(rule, "is_enabled")))
		return "disabled";
	if (json_is_true(json_object_get(rule, "counts")))
		return "counts";
	return json_is_true(json_object_get(rule, "fits")) ? "fits, but an earlier one counts" : "does not fit";
}

static void print_why(FILE *to, const json_t *rule, const json_t *names)
{
	const json_t *conditions = json_object_get(rule, "conditions");
	struct text_buf line;

	text_buf_init(&line, LINE_MAX_BYTES);
	ADD(&line, "    %s: %s", text_of(rule, "name"), verdict_of(rule));
	for (size_t i = 0; i < json_array_size(conditions); i++) {
		const json_t *condition = json_array_get(conditions, i);

		if (json_is_true(json_object_get(condition, "fits")))
			continue;
		ADD(&line, "; not ");
		rule_text_print(&line, condition, names);
	}
	print_line(to, &line);
}

static void print_groups(FILE *to, const json_t *groups, const json_t *names)
{
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_t *rules = json_object_get(json_array_get(groups, i), "rules");

		fputs("  ", to);
		print_heading(to, json_array_get(groups, i));
		for (size_t j = 0; j < json_array_size(rules); j++)
			print_why(to, json_array_get(rules, j), names);
	}
}

static void print_queue(FILE *to, const json_t *outcome, const json_t *names)
{
	struct text_buf line;

	text_buf_init(&line, LINE_MAX_BYTES);
	if (text_of(outcome, "hold"))
		ADD(&line, "held by '%s': %s", text_of(outcome, "hold_rule"), text_of(outcome, "hold"));
	else if (!json_is_true(json_object_get(outcome, "is_routed")))
		ADD(&line, "not routed: %s", text_of(outcome, "reason"));
	else
		ADD(&line, "queue %s at %s by '%s', reading %s, priority %d", text_of(outcome, "queue_name"),
		    text_of(outcome, "hospital"), text_of(outcome, "queue_rule"), text_of(outcome, "reading_mode"),
		    (int)json_integer_value(json_object_get(outcome, "priority")));
	if (text_of(outcome, "covers"))
		ADD(&line, ", which covers for %s by the duty table", name_of(names, text_of(outcome, "covers")));
	print_line(to, &line);
}

void rule_print_outcome(FILE *to, const json_t *outcome)
{
	const json_t *names = json_object_get(outcome, "names"), *forward = json_object_get(outcome, "forward");

	print_queue(to, outcome, names);
	for (size_t i = 0; i < json_array_size(forward); i++) {
		const json_t *one = json_array_get(forward, i);
		struct text_buf line;

		text_buf_init(&line, LINE_MAX_BYTES);
		ADD(&line, "images to %s by '%s'", name_of(names, text_of(one, "destination")), text_of(one, "rule"));
		print_line(to, &line);
	}
	if (json_is_integer(json_object_get(outcome, "version")))
		fprintf(to, "by version %d of the rules:\n",
		        (int)json_integer_value(json_object_get(outcome, "version")));
	print_groups(to, json_object_get(outcome, "groups"), names);
}
