/* Small datasets for tests, explicit VR little endian, made element by element: the tests must not lean on the code under test. */
#ifndef TESTS_SUPPORT_DATASET_H
#define TESTS_SUPPORT_DATASET_H

#include "lib/base/text.h"
#include "lib/intake/intake.h"

#define TEST_SECONDARY_CAPTURE "1.2.840.10008.5.1.4.1.1.7"
#define TEST_COLOR_PALETTE "1.2.840.10008.5.1.4.39.1"
#define TEST_EXPLICIT "1.2.840.10008.1.2.1"

/* NULL texts are left out of the dataset. */
struct dataset {
	const char *charset, *sop_class, *sop_instance, *modality, *name, *id, *birth, *sex, *study, *series, *date,
	    *time;
	const char *performed_date, *performed_time,
	    *step;  /* step: of the only item of the Request Attributes Sequence */
	int pixels; /* bytes of Pixel Data */
	int seed;   /* their content */
};

/* A secondary capture of one patient with fresh UIDs; uids is storage for three of them. */
struct dataset dataset_sample(char uids[3][TEXT_UID_SIZE]);
/* Appends the bytes to an initialised buffer. */
void dataset_build(const struct dataset *dataset, struct text_buf *out);
/* begin, append in pieces, commit. */
bool dataset_send(struct intake *intake, const struct intake_source *source, const struct dataset *dataset,
                  struct err *err);

#endif
