/* Keys of a search for workitems, and of a filtered worklist (PS3.18 sections 11.9 and 11.10). */
#include <stdio.h>
#include <string.h>

#include "gateway/dicomweb_keys.h"
#include "gateway/workitems.h"
#include "lib/base/text.h"

enum { MOMENT_MAX = 14 }; /* YYYYMMDDHHMMSS */

static void put(json_t *filter, const char *name, json_t *value)
{
	if (json_object_set_new(filter, name, value) != 0)
		err_panic("could not write JSON");
}

static bool put_list(const struct http_request *request, const char *keyword, const char *tag, const char *name,
                     json_t *filter, struct err *err)
{
	struct dicomweb_list list;
	if (!dicomweb_key_list(request, keyword, tag, &list, err))
		return false;
	if (list.count == 0)
		return true;
	json_t *items = json_array();
	for (size_t i = 0; i < list.count; i++)
		json_array_append_new(items, json_string(list.items[i]));
	put(filter, name, items);
	return true;
}

static bool put_pattern(const struct http_request *request, const char *keyword, const char *tag, const char *name,
                        json_t *filter, struct err *err)
{
	struct dicomweb_pattern pattern;
	if (!dicomweb_key_pattern(request, keyword, tag, &pattern, err))
		return false;
	if (pattern.is_set)
		put(filter, name, json_string(pattern.text));
	return true;
}

static bool is_moment(const char *text, size_t length)
{
	return length <= MOMENT_MAX && (length == 0 || length >= 4) && length % 2 == 0 &&
	       strspn(text, "0123456789") >= length;
}

/* Of a moment that is not written to the second, the range ends with its last one. */
static bool put_range(const struct http_request *request, json_t *filter, struct err *err)
{
	static const char keyword[] = "ScheduledProcedureStepStartDateTime";
	const char *value;
	char from[MOMENT_MAX + 1], to[MOMENT_MAX + 1];
	if (!dicomweb_key_value(request, keyword, "00404005", &value, err))
		return false;
	if (value == NULL)
		return true;
	const char *dash = strchr(value, '-'), *last = dash != NULL ? dash + 1 : value;
	size_t first = dash != NULL ? (size_t)(dash - value) : strlen(value);
	if (!is_moment(value, first) || !is_moment(last, strlen(last)) || (first == 0 && *last == '\0'))
		return err_set(err, ERR_INVALID, "%s is no moment and no range of them (YYYYMMDDHHMMSS-YYYYMMDDHHMMSS)",
		               keyword);
	snprintf(from, sizeof from, "%.*s", (int)first, value);
	snprintf(to, sizeof to, "%s%s", last, "99999999999999" + strlen(last));
	put(filter, "from", json_string(from));
	put(filter, "to", json_string(to));
	return true;
}

bool workitem_filter(const struct http_request *request, json_t **out, struct err *err)
{
	json_t *filter = json_object();
	if (filter == NULL)
		err_panic("out of memory");
	if (put_list(request, "ProcedureStepState", "00741000", "states", filter, err) &&
	    put_list(request, "SOPInstanceUID", "00080018", "uids", filter, err) &&
	    put_list(request, "StudyInstanceUID", "0020000D", "studies", filter, err) &&
	    put_list(request, "ScheduledProcedureStepPriority", "00741200", "priorities", filter, err) &&
	    put_list(request, "InputReadinessState", "00404041", "readiness", filter, err) &&
	    put_pattern(request, "WorklistLabel", "00741202", "label", filter, err) &&
	    put_pattern(request, "PatientID", "00100020", "patient_id", filter, err) &&
	    put_pattern(request, "PatientName", "00100010", "patient_name", filter, err) &&
	    put_pattern(request, "AccessionNumber", "00080050", "accession", filter, err) &&
	    put_range(request, filter, err)) {
		*out = filter;
		return true;
	}
	json_decref(filter);
	return false;
}
