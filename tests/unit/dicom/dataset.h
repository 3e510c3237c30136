/* Datasets made element by element, right or wrong, and files around them. */
#ifndef YQ_TESTS_UNIT_DICOM_DATASET_H
#define YQ_TESTS_UNIT_DICOM_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMPLICIT "1.2.840.10008.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"
#define BIG_ENDIAN_EXPLICIT "1.2.840.10008.1.2.2"
#define DEFLATED "1.2.840.10008.1.2.1.99"
#define JPEG_BASELINE "1.2.840.10008.1.2.4.50"
#define SECONDARY_CAPTURE "1.2.840.10008.5.1.4.1.1.7"
#define UNDEFINED 0xffffffffu

struct dataset {
	bool is_implicit, is_big_endian;
	size_t length;
	unsigned char bytes[1 << 18];
};

/* Syntax decides on the form. */
void dataset_init(struct dataset *dataset, const char *syntax);
void dataset_raw(struct dataset *dataset, const void *bytes, size_t length);
/* Header only; long VRs get their 32 bits of length. */
void dataset_header(struct dataset *dataset, uint32_t tag, const char *vr, uint32_t length);
void dataset_bytes(struct dataset *dataset, uint32_t tag, const char *vr, const void *bytes, size_t length);
/* Padded to an even length with a blank, UIDs with a NUL. */
void dataset_text(struct dataset *dataset, uint32_t tag, const char *vr, const char *text);
void dataset_us(struct dataset *dataset, uint32_t tag, uint16_t value);
/* (FFFE,xxxx) with a length. */
void dataset_item(struct dataset *dataset, uint16_t element, uint32_t length);

/* SOP class and instance, study, series: enough for any reader. */
void dataset_identify(struct dataset *dataset);

/* Writes a part 10 file into a folder that goes away with the test; borrowed path, valid until the next call. */
const char *dataset_file(const struct dataset *dataset, const char *syntax);
const char *bytes_file(const void *bytes, size_t length);
/* Raw deflate of the dataset's bytes in place. */
void dataset_deflate(struct dataset *dataset);

/* A path in that folder that does not exist yet. */
const char *scratch_path(const char *name);
void scratch_remove(void);

#endif
