#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "lib/dicom/structure.h"

enum { REFERENCED_SOP_INSTANCE = 0x00081155, ROOM_FIRST = 64 };

struct collector {
	struct dicom_references found;
	size_t room;
	bool is_too_long;
};

/* What these name is no stored object: study, performed step and patient (PS3.3 tables 10-3b and C.4-5), order (C.17.2). */
static const uint32_t of_services[] = {0x00081110, 0x00081111, 0x00081120, 0x00400275, 0x0040a370};

static bool is_of_service(uint32_t parent)
{
	for (size_t i = 0; i < sizeof of_services / sizeof of_services[0]; i++)
		if (of_services[i] == parent)
			return true;
	return false;
}

static size_t want(void *context, const struct structure_element *element)
{
	(void)context;
	return element->tag == REFERENCED_SOP_INSTANCE && element->depth > 0 && !is_of_service(element->parent)
	           ? DICOM_UID_SIZE
	           : 0;
}

static void grow(struct collector *collector)
{
	struct dicom_references *found = &collector->found;
	if (found->count < collector->room)
		return;
	collector->room = collector->room > 0 ? collector->room * 2 : ROOM_FIRST;
	found->uids = reallocarray(found->uids, collector->room, sizeof *found->uids);
	if (found->uids == NULL)
		err_panic("out of memory");
}

/* One after the other about the same frame's image is the everyday case: named once. */
static void take(void *context, const struct structure_element *element, const char *bytes, size_t length)
{
	struct collector *collector = context;
	struct dicom_references *found = &collector->found;
	char uid[DICOM_UID_SIZE] = "";
	while (length > 0 && (bytes[length - 1] == '\0' || bytes[length - 1] == ' '))
		length--;
	if (length < DICOM_UID_SIZE && element->length <= DICOM_UID_SIZE)
		memcpy(uid, bytes, length);
	if (!text_is_uid(uid))
		text_copy(uid, sizeof uid, "?");
	if (found->count > 0 && strcmp(found->uids[found->count - 1], uid) == 0)
		return;
	if (found->count == DICOM_REFERRED_MAX) {
		collector->is_too_long = true;
		return;
	}
	grow(collector);
	memcpy(found->uids[found->count++], uid, sizeof uid);
}

bool dicom_read_references(const struct dicom_bytes *bytes, struct dicom_references *out, struct err *err)
{
	struct collector collector = {0};
	struct structure_visitor visitor = {want, take, &collector, NULL};
	char syntax[DICOM_UID_SIZE];
	if (structure_walk_bytes(bytes, &visitor, syntax, err) &&
	    (!collector.is_too_long ||
	     err_set(err, ERR_INVALID, "cannot take more than %d references", DICOM_REFERRED_MAX))) {
		*out = collector.found;
		return true;
	}
	free(collector.found.uids);
	return false;
}

void dicom_references_fini(struct dicom_references *references)
{
	free(references->uids);
	*references = (struct dicom_references){0};
}
