/* Keys of a search for workitems, and of a filtered worklist (PS3.18 sections 11.9 and 11.10). */
#include <stdlib.h>
#include <string.h>

#include "gateway/dicomweb_keys.h"
#include "gateway/workitem_moment.h"
#include "gateway/workitems.h"

/* An attribute of the Referenced Request Sequence (0040,A370). A path may have keywords and tags (PS3.18 section 8.3.4.1). */
#define REQUEST_KEYWORD "ReferencedRequestSequence."
#define REQUEST_TAG "0040A370."

static const char *const request_studies[][2] = {{REQUEST_KEYWORD "StudyInstanceUID", REQUEST_TAG "0020000D"},
                                                 {REQUEST_KEYWORD "0020000D", REQUEST_TAG "StudyInstanceUID"}};
static const char *const request_accessions[][2] = {{REQUEST_KEYWORD "AccessionNumber", REQUEST_TAG "00080050"},
                                                    {REQUEST_KEYWORD "00080050", REQUEST_TAG "AccessionNumber"}};

#define KEYS                                                                                                           \
	" ProcedureStepState 00741000 SOPInstanceUID 00080018 StudyInstanceUID 0020000D "                              \
	"ScheduledProcedureStepPriority 00741200 InputReadinessState 00404041 WorklistLabel 00741202 "                 \
	"PatientID 00100020 PatientName 00100010 AccessionNumber 00080050 ScheduledProcedureStepStartDateTime "        \
	"00404005 " REQUEST_KEYWORD "StudyInstanceUID " REQUEST_TAG "0020000D " REQUEST_KEYWORD                        \
	"0020000D " REQUEST_TAG "StudyInstanceUID " REQUEST_KEYWORD "AccessionNumber " REQUEST_TAG                     \
	"00080050 " REQUEST_KEYWORD "00080050 " REQUEST_TAG "AccessionNumber "

const char WORKITEM_KEYS[] = KEYS, WORKITEM_SUBSCRIPTION_KEYS[] = " filter deletionlock" KEYS;

static void put(json_t *filter, const char *name, json_t *value)
{
	if (json_object_set_new(filter, name, value) != 0)
		err_panic("could not write JSON");
}

static bool has_text(const json_t *list, const char *text)
{
	size_t i;
	const json_t *item;
	json_array_foreach((json_t *)list, i, item) if (strcmp(json_string_value(item), text) == 0) return true;
	return false;
}

/* What another key of the same attribute asks for is narrowed. */
static void put_narrowed(json_t *filter, const char *name, const struct dicomweb_list *list)
{
	const json_t *before = json_object_get(filter, name);
	json_t *items = json_array();
	for (size_t i = 0; i < list->count; i++)
		if (before == NULL || has_text(before, list->items[i]))
			json_array_append_new(items, json_string(list->items[i]));
	put(filter, name, items);
}

static bool put_list(const struct http_request *request, const char *keyword, const char *tag, const char *name,
                     json_t *filter, struct err *err)
{
	struct dicomweb_list list;
	if (!dicomweb_key_list(request, keyword, tag, &list, err))
		return false;
	if (list.count > 0)
		put_narrowed(filter, name, &list);
	return true;
}

static bool put_pattern(const struct http_request *request, const char *keyword, const char *tag, const char *name,
                        json_t *filter, struct err *err)
{
	struct dicomweb_pattern pattern;
	if (!dicomweb_key_pattern(request, keyword, tag, &pattern, err))
		return false;
	if (!pattern.is_set)
		return true;
	const char *before = json_string_value(json_object_get(filter, name));
	if (before != NULL && strcmp(before, pattern.text) != 0)
		return err_set(err, ERR_INVALID, "two keys ask for different values of what is one %s here", name);
	put(filter, name, json_string(pattern.text));
	return true;
}

/* Study and accession number of a request are those of its study. */
static bool put_request(const struct http_request *request, json_t *filter, struct err *err)
{
	for (size_t i = 0; i < 2; i++)
		if (!put_list(request, request_studies[i][0], request_studies[i][1], "studies", filter, err) ||
		    !put_pattern(request, request_accessions[i][0], request_accessions[i][1], "accession", filter, err))
			return false;
	return true;
}

static bool put_range(const struct http_request *request, json_t *filter, struct err *err)
{
	static const char keyword[] = "ScheduledProcedureStepStartDateTime";
	const char *value;
	struct workitem_moments moments;
	if (!dicomweb_key_value(request, keyword, "00404005", &value, err))
		return false;
	if (value == NULL)
		return true;
	if (!workitem_moments_read(value, &moments))
		return err_set(
		    err, ERR_INVALID,
		    "%s is no moment and no range of them (YYYYMMDDHHMMSS.FFFFFF+ZZXX, with a hyphen between)",
		    keyword);
	put(filter, "from", json_string(moments.from));
	put(filter, "to", json_string(moments.to));
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
	    put_request(request, filter, err) && put_range(request, filter, err)) {
		*out = filter;
		return true;
	}
	json_decref(filter);
	return false;
}

/* ---- the filter of a subscription ------------------------------------------------------------------------------------------------ */

/* A key of the filter becomes one of the query. */
static bool add_key(struct http_request *request, char *pair, struct err *err)
{
	char *value = strchr(pair, '=');
	*value++ = '\0';
	pair += strspn(pair, " \t");
	pair[strcspn(pair, " \t")] = '\0';
	if (pair[0] == '\0')
		return err_set(err, ERR_INVALID, "the filter has a value without a key");
	if (http_query(request, pair) != NULL)
		return err_set(err, ERR_INVALID, "a key stands twice in the filter, or beside it in the query");
	return http_add_query(request, pair, value, err);
}

/* Where the key ends that begins here: at the comma before the next one. A comma without a key behind it is one of the value, which may be a list. */
static char *end_of_key(char *pair)
{
	char *end = pair + strcspn(pair, ",");
	while (*end != '\0' && strcspn(end + 1, "=") >= strcspn(end + 1, ","))
		end += 1 + strcspn(end + 1, ",");
	return end;
}

bool workitem_open_filter(struct http_request *request, struct err *err)
{
	const char *value = http_query(request, "filter");
	if (value == NULL)
		return true;
	char *text = strdup(value), *rest = text;
	if (text == NULL)
		err_panic("out of memory");
	bool ok = strcspn(value, "=") < strcspn(value, ",");
	if (!ok)
		err_set(err, ERR_INVALID, "the filter is no list of keys with values (PatientID=1,00741200=HIGH)");
	while (ok && *rest != '\0') {
		char *end = end_of_key(rest), *next = *end == '\0' ? end : end + 1;
		*end = '\0';
		ok = add_key(request, rest, err);
		rest = next;
	}
	free(text);
	return ok;
}
