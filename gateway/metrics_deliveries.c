#include "gateway/metrics_deliveries.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/metrics.h"

enum { NAME_SIZE = 80 };

static const struct {
	const char *measure, *name, *label, *help;
} histograms[] = {
    {"delivery", "delivery_seconds", "outcome",
     "from making a delivery until it was delivered, refused, given up or cancelled"},
    {"attempt", "delivery_attempt_seconds", "outcome", "one try"},
    {"wait", "delivery_wait_seconds", "rank", "from making a delivery until its first try"},
};

static json_t *labels_of(const struct db_rows *rows, int row, const char *label)
{
	json_t *labels = json_pack("{s:s, s:s}", "protocol", db_get_text(rows, row, "protocol"), label,
	                           db_get_text(rows, row, "label"));
	if (labels == NULL)
		err_panic("could not write JSON");
	return labels;
}

static bool append_part(struct text_buf *out, const char *name, const char *part, const json_t *labels, double value)
{
	char whole[NAME_SIZE];
	snprintf(whole, sizeof whole, "%s_%s", name, part);
	return metrics_sample(out, whole, labels, value);
}

/* A bucket; behind the last one of a series its sum and count. */
static bool append_row(struct text_buf *out, const struct db_rows *rows, int row, size_t which)
{
	const char *name = histograms[which].name;
	json_t *plain = labels_of(rows, row, histograms[which].label), *labels = json_copy(plain);
	double count = (double)db_get_int(rows, row, "count");
	json_object_set_new(labels, "le", json_string(db_get_text(rows, row, "le")));
	bool ok = append_part(out, name, "bucket", labels, count);
	if (ok && db_get_bool(rows, row, "is_last"))
		ok = append_part(out, name, "sum", plain, (double)db_get_int(rows, row, "total_ms") / 1000) &&
		     append_part(out, name, "count", plain, count);
	json_decref(labels);
	json_decref(plain);
	return ok;
}

static bool append_histogram(struct text_buf *out, const struct db_rows *rows, size_t which)
{
	if (!metrics_head_histogram(out, histograms[which].name, histograms[which].help))
		return false;
	for (int i = 0; i < db_rows_count(rows); i++)
		if (strcmp(db_get_text(rows, i, "measure"), histograms[which].measure) == 0 &&
		    !append_row(out, rows, i, which))
			return false;
	return true;
}

bool metrics_deliveries(struct text_buf *out, struct db *db, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec(db, STMT_DELIVERY_HISTOGRAMS, DB_NO_PARAMS, &rows, err))
		return false;
	bool ok = true;
	for (size_t i = 0; ok && i < sizeof histograms / sizeof histograms[0]; i++)
		ok = append_histogram(out, rows, i);
	db_rows_free(rows);
	return ok || err_set(err, ERR_NO_SPACE, "the metrics are too long");
}
