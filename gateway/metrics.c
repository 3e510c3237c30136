#include "gateway/metrics.h"

#include <string.h>

bool metrics_head(struct text_buf *out, const char *name, const char *help)
{
	return text_buf_printf(out, "# HELP yq_%s %s\n# TYPE yq_%s gauge\n", name, help, name);
}

bool metrics_head_histogram(struct text_buf *out, const char *name, const char *help)
{
	return text_buf_printf(out, "# HELP yq_%s %s\n# TYPE yq_%s histogram\n", name, help, name);
}

/* Backslash, quote and line feed are escaped in label values. */
static bool append_value(struct text_buf *out, const char *value)
{
	while (*value != '\0') {
		size_t plain = strcspn(value, "\\\"\n");
		if (!text_buf_append(out, value, plain))
			return false;
		value += plain;
		if (*value == '\0')
			return true;
		const char *escaped = *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\";
		if (!text_buf_append(out, escaped, 2))
			return false;
		value++;
	}
	return true;
}

static bool append_labels(struct text_buf *out, const json_t *labels)
{
	const char *name;
	json_t *value;
	bool is_first = true;
	/* jansson iterates over a const object in the same way; its signature is older than const. */
	json_t *object = json_deep_copy(labels);
	bool ok = text_buf_append(out, "{", 1);
	json_object_foreach(object, name, value)
	{
		const char *text = json_string_value(value);
		ok = ok && text_buf_printf(out, "%s%s=\"", is_first ? "" : ",", name) &&
		     append_value(out, text != NULL ? text : "") && text_buf_append(out, "\"", 1);
		is_first = false;
	}
	json_decref(object);
	return ok && text_buf_append(out, "}", 1);
}

bool metrics_sample(struct text_buf *out, const char *name, const json_t *labels, double value)
{
	return text_buf_printf(out, "yq_%s", name) && (json_object_size(labels) == 0 || append_labels(out, labels)) &&
	       text_buf_printf(out, " %.15g\n", value);
}
