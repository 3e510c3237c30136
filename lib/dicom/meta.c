#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "lib/dicom/implementation.h"

enum { META_MAX = 1024 };

static void put16(struct text_buf *buf, unsigned value, bool *ok)
{
	const char bytes[2] = {(char)(value & 0xff), (char)(value >> 8 & 0xff)};

	*ok = text_buf_append(buf, bytes, 2) && *ok;
}

/* Explicit VR little endian with 16 bits of length; odd values are padded with pad. */
static void put_element(struct text_buf *buf, unsigned element, const char *vr, const void *value, size_t length,
                        char pad, bool *ok)
{
	put16(buf, 0x0002, ok);
	put16(buf, element, ok);
	*ok = text_buf_append(buf, vr, 2) && *ok;
	put16(buf, (unsigned)(length + (length & 1)), ok);
	*ok = text_buf_append(buf, value, length) && *ok;
	if (length & 1)
		*ok = text_buf_append(buf, &pad, 1) && *ok;
}

/* File meta information behind its group length element. */
static bool put_group(struct text_buf *buf, const char *sop_class, const char *sop_instance, const char *syntax,
                      const char *source_ae)
{
	static const char version_header[] = {0x02, 0x00, 0x01, 0x00, 'O', 'B', 0, 0, 2, 0, 0, 0, 0, 1};
	bool ok = text_buf_append(buf, version_header, sizeof version_header);

	put_element(buf, 0x0002, "UI", sop_class, strlen(sop_class), '\0', &ok);
	put_element(buf, 0x0003, "UI", sop_instance, strlen(sop_instance), '\0', &ok);
	put_element(buf, 0x0010, "UI", syntax, strlen(syntax), '\0', &ok);
	put_element(buf, 0x0012, "UI", DICOM_IMPLEMENTATION_CLASS_UID, strlen(DICOM_IMPLEMENTATION_CLASS_UID), '\0',
	            &ok);
	put_element(buf, 0x0013, "SH", DICOM_IMPLEMENTATION_VERSION, strlen(DICOM_IMPLEMENTATION_VERSION), ' ', &ok);
	if (source_ae != NULL && source_ae[0] != '\0')
		put_element(buf, 0x0016, "AE", source_ae, strlen(source_ae), ' ', &ok);
	return ok;
}

static bool check_names(const char *sop_class, const char *sop_instance, const char *syntax, const char *source_ae,
                        struct err *err)
{
	if (!text_is_uid(sop_class) || !text_is_uid(sop_instance) || !text_is_uid(syntax))
		return err_set(err, ERR_INVALID, "cannot write a meta header: a UID is malformed");
	if (source_ae != NULL && source_ae[0] != '\0' && !text_is_ae_title(source_ae))
		return err_set(err, ERR_INVALID, "cannot write a meta header: the source AE title is malformed");
	return true;
}

bool dicom_meta_header(const char *sop_class_uid, const char *sop_instance_uid, const char *transfer_syntax_uid,
                       const char *source_ae, uint8_t **out, size_t *out_length, struct err *err)
{
	struct text_buf group, all;
	char preamble[128] = {0};
	uint8_t length[4];
	bool ok;

	if (!check_names(sop_class_uid, sop_instance_uid, transfer_syntax_uid, source_ae, err))
		return false;
	text_buf_init(&group, META_MAX);
	text_buf_init(&all, META_MAX);
	ok = put_group(&group, sop_class_uid, sop_instance_uid, transfer_syntax_uid, source_ae);
	for (int i = 0; i < 4; i++)
		length[i] = (uint8_t)(group.length >> (8 * i));
	ok = ok && text_buf_append(&all, preamble, sizeof preamble) && text_buf_append(&all, "DICM", 4);
	if (ok)
		put_element(&all, 0x0000, "UL", length, sizeof length, '\0', &ok);
	ok = ok && text_buf_append(&all, group.data, group.length);
	if (!ok)
		err_panic("a meta header of more than %d bytes", META_MAX);
	text_buf_fini(&group);
	*out = (uint8_t *)all.data;
	*out_length = all.length;
	return true;
}
