/*
 * Films: a stream of pictures that is one fragment (PS3.5 section 8.2.5 and on), which a browser plays as it is when it stands in an MP4 file (ISO 14496-14).
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/dicom/dicom.h"
#include "lib/dicom/structure.h"

enum { KIND_AT = 4, KIND_SIZE = 4 }; /* of the box that an MP4 file begins with */

bool dicom_is_film(const char *transfer_syntax_uid)
{
	static const char *const roots[] = {
	    "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.101", "1.2.840.10008.1.2.4.102",
	    "1.2.840.10008.1.2.4.103", "1.2.840.10008.1.2.4.104", "1.2.840.10008.1.2.4.105",
	    "1.2.840.10008.1.2.4.106", "1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.108"};

	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
		size_t length = strlen(roots[i]);

		if (strncmp(transfer_syntax_uid, roots[i], length) == 0 &&
		    (transfer_syntax_uid[length] == '\0' || strcmp(transfer_syntax_uid + length, ".1") == 0))
			return true;
	}
	return false;
}

struct found {
	int fragments;
	uint64_t offset, length;
};

static size_t want_nothing(void *context, const struct structure_element *element)
{
	(void)context;
	(void)element;
	return 0;
}

static void ignore_value(void *context, const struct structure_element *element, const char *bytes, size_t length)
{
	(void)context;
	(void)element;
	(void)bytes;
	(void)length;
}

/* The first one is the table of offsets. */
static void note_fragment(void *context, uint64_t offset, uint64_t length)
{
	struct found *found = context;

	found->fragments++;
	found->offset = offset;
	found->length = length;
}

static bool is_mp4(const char *path, uint64_t offset)
{
	char kind[KIND_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && pread(fd, kind, sizeof kind, (off_t)(offset + KIND_AT)) == KIND_SIZE &&
	          memcmp(kind, "ftyp", KIND_SIZE) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

bool dicom_film_find(const char *path, uint64_t *out_offset, uint64_t *out_length, struct err *err)
{
	struct found found = {0, 0, 0};
	const struct structure_visitor visitor = {want_nothing, ignore_value, &found, note_fragment};
	char syntax[DICOM_UID_SIZE];

	if (!structure_walk(path, &visitor, syntax, err))
		return false;
	if (!dicom_is_film(syntax))
		return err_set(err, ERR_INVALID, "cannot play the object: it is no film");
	if (found.fragments != 2)
		return err_set(err, ERR_INVALID, "cannot play the film: it is in several pieces");
	if (found.length <= KIND_AT + KIND_SIZE || !is_mp4(path, found.offset))
		return err_set(err, ERR_INVALID, "cannot play the film: its stream is in no MP4 file");
	*out_offset = found.offset;
	*out_length = found.length;
	return true;
}
