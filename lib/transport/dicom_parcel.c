#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/temporary.h"
#include "lib/domain/delivery.h"
#include "lib/domain/destination_settings.h"
#include "lib/store/store.h"
#include "lib/transport/dicom_parts.h"

static void name_descriptor(struct dicom_parcel *parcel, int fd)
{
	snprintf(parcel->path, sizeof parcel->path, "/dev/fd/%d", fd);
	parcel->item.path = parcel->path;
}

static bool make_file(struct dicom_parcel *parcel, const char *syntax, struct err *err)
{
	uint64_t most, made;
	int fd;

	if (!temporary_open(&fd, &most, err))
		return false;
	if (!dicom_transcode(parcel->path, syntax, fd, most, &made, err)) {
		close(fd);
		return false;
	}
	if (parcel->made_fd >= 0)
		close(parcel->made_fd);
	parcel->made_fd = fd;
	parcel->size = made;
	name_descriptor(parcel, fd);
	return true;
}

static bool transcode(struct dicom_parcel *parcel, const char *stored, const char *syntax, struct err *err)
{
	bool must_inflate = strcmp(stored, DICOM_DEFLATED) == 0 && strcmp(syntax, DICOM_EXPLICIT) != 0;

	return (!must_inflate || parcel->made_fd >= 0 || make_file(parcel, DICOM_EXPLICIT, err)) &&
	       make_file(parcel, syntax, err);
}

/* The file as it is, also where the association inflates on the way. */
static bool needs_no_file(const char *stored, const char *syntax)
{
	return strcmp(stored, syntax) == 0 ||
	       (strcmp(stored, DICOM_DEFLATED) == 0 && strcmp(syntax, DICOM_EXPLICIT) == 0);
}

static void refuse(struct dicom_parcel *parcel, enum dicom_sent verdict, const char *word)
{
	parcel->verdict = verdict;
	text_copy(parcel->word, sizeof parcel->word, word);
}

/* The best choice that the peer takes and the object allows. */
static bool choose(const struct transport_call *call, const struct delivery_item *item, const struct dicom_scu *scu,
                   struct dicom_parcel *parcel)
{
	const char *choices[DICOM_CHOICES_MAX];
	size_t count = dicom_choices(item->transfer_syntax_uid, call->to->wants_lossless, choices);
	struct err err;

	refuse(parcel, DICOM_SENT_NO_CONTEXT, "not accepted in any transfer syntax that we can make");
	for (size_t i = 0; i < count; i++) {
		if (!dicom_scu_accepts(scu, item->sop_class_uid, choices[i]))
			continue;
		parcel->item.transfer_syntax_uid = choices[i];
		if (needs_no_file(item->transfer_syntax_uid, choices[i])) {
			name_descriptor(parcel, parcel->fd);
			return true;
		}
		if (transcode(parcel, item->transfer_syntax_uid, choices[i], &err))
			return true;
		log_err(LOG_DELIVERY_ATTEMPT, &err, "delivery=%s sop=%s syntax=%s", call->job->id,
		        item->sop_instance_uid, choices[i]);
		if (err_kind_info(err.kind)->retry || err.kind == ERR_NO_SPACE) {
			refuse(parcel, DICOM_SENT_UNREADABLE, err.text);
			return false;
		}
		refuse(parcel, DICOM_SENT_NO_CONTEXT, err.text);
	}
	return false;
}

bool dicom_parcel_open(const struct transport_call *call, size_t index, const struct dicom_scu *scu,
                       struct dicom_parcel *out)
{
	const struct delivery_item *item = &call->job->items[index];
	struct err err;

	memset(out, 0, sizeof *out);
	out->fd = out->made_fd = -1;
	out->item =
	    (struct dicom_send_item){.sop_class_uid = item->sop_class_uid, .sop_instance_uid = item->sop_instance_uid};
	/* An object that cannot be read here is our fault, not the peer's: the others go, this one waits. */
	if (!store_open_object(call->store, item->object_key, &out->fd, &out->size, &err)) {
		log_err(LOG_DELIVERY_ATTEMPT, &err, "delivery=%s sop=%s", call->job->id, item->sop_instance_uid);
		out->fd = -1;
		refuse(out, DICOM_SENT_UNREADABLE, err.text);
		return false;
	}
	name_descriptor(out, out->fd);
	return choose(call, item, scu, out);
}

void dicom_parcel_close(struct dicom_parcel *parcel)
{
	if (parcel->fd >= 0)
		close(parcel->fd);
	if (parcel->made_fd >= 0)
		close(parcel->made_fd);
	parcel->fd = parcel->made_fd = -1;
}
