#include "lib/transport/stow_answer.h"

#include <jansson.h>
#include <string.h>

enum {
	HTTP_OK = 200,
	HTTP_CONFLICT = 409,
	STATUS_SUCCESS = 0x0000,
	STATUS_PROCESSING_FAILURE = 0x0110, /* PS3.7 section C.5.14 */
	STATUS_MAX = 0xFFFF
};
#define REFERENCED_SOP_SEQUENCE "00081199"
#define FAILED_SOP_SEQUENCE "00081198"
#define REFERENCED_SOP_INSTANCE_UID "00081155"
#define SOP_INSTANCE_UID "00080018"
#define FAILURE_REASON "00081197"
#define WARNING_REASON "00081196"

/* The array of an attribute's values; NULL: there is none. jansson takes NULL and anything that is no object. */
static const json_t *values(const json_t *dataset, const char *tag)
{
	return json_object_get(json_object_get(dataset, tag), "Value");
}

/* Numbers are numbers, but some peers write them as text. */
static bool status_of(const json_t *dataset, const char *tag, uint16_t *out)
{
	const json_t *value = json_array_get(values(dataset, tag), 0);
	json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;

	if (number < 0 || number > STATUS_MAX)
		return false;
	*out = (uint16_t)number;
	return true;
}

static struct stow_verdict *find(struct stow_verdict *verdicts, size_t count, const json_t *item)
{
	const char *uid = json_string_value(json_array_get(values(item, REFERENCED_SOP_INSTANCE_UID), 0));

	for (size_t i = 0; uid && i < count; i++)
		if (strcmp(verdicts[i].sop_instance_uid, uid) == 0)
			return &verdicts[i];
	return NULL;
}

/* Failures are read last: what stands in both lists has failed. */
static void read_list(const json_t *list, bool is_of_failures, struct stow_verdict *verdicts, size_t count)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		struct stow_verdict *verdict = find(verdicts, count, item);

		if (!verdict)
			continue;
		verdict->sent = DICOM_SENT_ANSWERED;
		verdict->status = is_of_failures ? STATUS_PROCESSING_FAILURE : STATUS_SUCCESS;
		if (!status_of(item, is_of_failures ? FAILURE_REASON : WARNING_REASON, &verdict->status))
			continue;
		/* A reason for a failure that says success is none; and a warning is never a failure. */
		if (is_of_failures && (verdict->status == STATUS_SUCCESS || verdict->status >> 12 == 0xB))
			verdict->status = STATUS_PROCESSING_FAILURE;
		if (!is_of_failures && verdict->status >> 12 != 0xB)
			verdict->status = STATUS_SUCCESS;
	}
}

/* Something else than a DICOMweb server may answer 200, too: a proxy, a login page. Some know only the form in XML. */
static bool is_of_dicomweb(const json_t *dataset, const char *body, size_t length)
{
	static const char xml[] = "NativeDicomModel";

	return length == 0 || json_is_object(dataset) || memmem(body, length, xml, sizeof(xml) - 1);
}

void stow_answer_read(int http_status, const char *body, size_t length, struct stow_verdict *verdicts, size_t count)
{
	json_t *answer = length > 0 ? json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL) : NULL;
	/* Some peers put the one dataset into an array. */
	const json_t *dataset = json_is_array(answer) ? json_array_get(answer, 0) : answer;
	const json_t *stored = values(dataset, REFERENCED_SOP_SEQUENCE), *failed = values(dataset, FAILED_SOP_SEQUENCE);
	bool is_silent =
	    json_array_size(stored) == 0 && json_array_size(failed) == 0 && is_of_dicomweb(dataset, body, length);

	for (size_t i = 0; i < count; i++) {
		bool is_answered = http_status == HTTP_CONFLICT || (http_status == HTTP_OK && is_silent);

		verdicts[i].sent = is_answered ? DICOM_SENT_ANSWERED : DICOM_SENT_UNKNOWN;
		verdicts[i].status = http_status == HTTP_CONFLICT ? STATUS_PROCESSING_FAILURE : STATUS_SUCCESS;
	}
	read_list(stored, false, verdicts, count);
	read_list(failed, true, verdicts, count);
	json_decref(answer);
}

bool stow_query_read(const char *body, size_t length, const char *const *uids, size_t count, bool *is_held,
                     size_t *out_rows, size_t *out_new)
{
	json_t *answer = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
	const json_t *row;
	size_t i, k, added = 0;

	if (!json_is_array(answer)) {
		json_decref(answer);
		return false;
	}
	json_array_foreach(answer, i, row)
	{
		const char *uid = json_string_value(json_array_get(values(row, SOP_INSTANCE_UID), 0));

		for (k = 0; uid && k < count; k++) {
			if (is_held[k] || strcmp(uids[k], uid) != 0)
				continue;
			is_held[k] = true;
			added++;
		}
	}
	*out_rows = json_array_size(answer);
	*out_new = added;
	json_decref(answer);
	return true;
}
