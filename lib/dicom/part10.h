/*
 * The beginning of a part 10 file (PS3.10 section 7.1) that is still arriving: preamble, prefix and meta header, up to the dataset. Pure.
 *
 * Like lib/dicom/structure.h it ends at the first element of another group, whatever the group length says.
 */
#ifndef YQ_DICOM_PART10_H
#define YQ_DICOM_PART10_H

#include <stddef.h>
#include <stdint.h>

#include "lib/dicom/dicom.h"

#ifdef __cplusplus
extern "C" {
#endif

/* UIDs as they stand there, without padding; empty: absent, or longer than a UID, or of other characters. */
struct part10_head {
	char sop_class_uid[DICOM_UID_SIZE], sop_instance_uid[DICOM_UID_SIZE], transfer_syntax_uid[DICOM_UID_SIZE];
	size_t length; /* the dataset begins here */
};

enum part10_look {
	PART10_MORE, /* so far it may be one */
	PART10_HEAD, /* *out is filled */
	PART10_NONE  /* it is no part 10 file */
};
enum part10_look part10_look(const uint8_t *bytes, size_t length, struct part10_head *out);

#ifdef __cplusplus
}
#endif

#endif
