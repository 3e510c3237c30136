#include <string.h>

#include "gateway/yqctl/output.h"

bool output_json(json_t *json, struct err *err)
{
	int failed = json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);

	json_decref(json);
	if (failed || putchar('\n') == EOF)
		return err_set(err, ERR_TEMPORARY, "could not write the output");
	return true;
}

static void print_scalar(FILE *to, const json_t *value)
{
	if (json_is_string(value))
		output_padded(to, json_string_value(value), 0, false);
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes" : "no", to);
	else if (json_is_null(value))
		fputs("-", to);
	else
		json_dumpf(value, to, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
}

static void print_flat(FILE *to, const json_t *value)
{
	const char *name;
	json_t *member;

	if (!json_is_object(value)) {
		print_scalar(to, value);
		return;
	}
	json_object_foreach((json_t *)value, name, member)
	{
		fprintf(to, "%s=", name);
		if (json_is_object(member) || json_is_array(member))
			json_dumpf(member, to, JSON_COMPACT);
		else
			print_scalar(to, member);
		fputs("  ", to);
	}
}

static void print_object(FILE *to, const json_t *object, int indent);

static void print_member(FILE *to, const char *name, int width, const json_t *value, int indent)
{
	size_t i;
	json_t *item;

	fprintf(to, "%*s", indent, "");
	if (json_is_object(value)) {
		fprintf(to, "%s\n", name);
		print_object(to, value, indent + 2);
		return;
	}
	output_padded(to, name, width + 2, false);
	if (!json_is_array(value)) {
		print_scalar(to, value);
		fputc('\n', to);
		return;
	}
	fprintf(to, "%zu\n", json_array_size(value));
	json_array_foreach((json_t *)value, i, item)
	{
		fprintf(to, "%*s", indent + 2, "");
		print_flat(to, item);
		fputc('\n', to);
	}
}

static void print_object(FILE *to, const json_t *object, int indent)
{
	const char *name;
	json_t *value;
	int width = 0;

	json_object_foreach((json_t *)object, name, value)
	{
		if (!json_is_object(value) && output_width(name) > width)
			width = output_width(name);
	}
	json_object_foreach((json_t *)object, name, value) print_member(to, name, width, value, indent);
}

void output_record(FILE *to, const json_t *json)
{
	print_object(to, json, 0);
}

bool output_object(bool as_json, json_t *json, struct err *err)
{
	if (as_json)
		return output_json(json, err);
	output_record(stdout, json);
	json_decref(json);
	return true;
}
