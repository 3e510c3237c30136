#include "lib/dicom/part10.h"

#include <string.h>

enum { PREAMBLE = 128, PREFIX = 4, META_GROUP = 0x0002, ELEMENTS_MAX = 64, SHORT_HEADER = 8, LONG_HEADER = 12 };

struct element {
	uint16_t number;
	const uint8_t *value;
	uint32_t value_length;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

/* PS3.5 section 7.1.2, of the VRs that the group has or may come to have. */
static bool is_long(const uint8_t vr[2])
{
	static const char list[] = "OB OW UN UC UR UT SQ ";
	for (size_t i = 0; i + 1 < sizeof list; i += 3)
		if (vr[0] == (uint8_t)list[i] && vr[1] == (uint8_t)list[i + 1])
			return true;
	return false;
}

/* The element at *at, which moves on behind it. */
static enum part10_look take_element(const uint8_t *bytes, size_t length, size_t *at, struct element *out)
{
	size_t left = length - *at;
	if (left < SHORT_HEADER)
		return PART10_MORE;
	const uint8_t *p = bytes + *at;
	if (p[4] < 'A' || p[4] > 'Z' || p[5] < 'A' || p[5] > 'Z')
		return PART10_NONE;
	size_t header = is_long(p + 4) ? LONG_HEADER : SHORT_HEADER;
	if (left < header)
		return PART10_MORE;
	*out = (struct element){get16(p + 2), p + header, header == LONG_HEADER ? get32(p + 8) : get16(p + 6)};
	if (left - header < out->value_length)
		return PART10_MORE;
	*at += header + out->value_length;
	return PART10_HEAD;
}

static void copy_uid(const struct element *element, char out[DICOM_UID_SIZE])
{
	size_t length = element->value_length;
	while (length > 0 && (element->value[length - 1] == '\0' || element->value[length - 1] == ' '))
		length--;
	out[0] = '\0';
	if (length >= DICOM_UID_SIZE)
		return;
	memcpy(out, element->value, length);
	out[length] = '\0';
	if (strspn(out, "0123456789.") != length)
		out[0] = '\0';
}

static void take_value(const struct element *element, struct part10_head *out)
{
	switch (element->number) {
	case 0x0002:
		copy_uid(element, out->sop_class_uid);
		break;
	case 0x0003:
		copy_uid(element, out->sop_instance_uid);
		break;
	case 0x0010:
		copy_uid(element, out->transfer_syntax_uid);
		break;
	default:
		break;
	}
}

enum part10_look part10_look(const uint8_t *bytes, size_t length, struct part10_head *out)
{
	struct part10_head head = {.length = PREAMBLE + PREFIX};
	struct element element;
	if (length < head.length)
		return PART10_MORE;
	if (memcmp(bytes + PREAMBLE, "DICM", PREFIX) != 0)
		return PART10_NONE;
	for (int count = 0; count < ELEMENTS_MAX; count++) {
		if (length - head.length < sizeof(uint16_t))
			return PART10_MORE;
		if (get16(bytes + head.length) != META_GROUP) {
			*out = head;
			return PART10_HEAD;
		}
		enum part10_look look = take_element(bytes, length, &head.length, &element);
		if (look != PART10_HEAD)
			return look;
		take_value(&element, &head);
	}
	return PART10_NONE;
}
