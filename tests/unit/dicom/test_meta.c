#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dicom/dicom.h"
#include "lib/dicom/syntax.h"
#include "tests/unit/dicom/dataset.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

Test(meta, header_has_its_own_length)
{
	uint8_t *header;
	size_t length;
	struct err err;
	uint32_t said;

	cr_assert(dicom_meta_header(SECONDARY_CAPTURE, "1.2.3.4.5", EXPLICIT, "CT 1", &header, &length, &err));
	cr_expect_eq(memcmp(header + 128, "DICM\x02\x00\x00\x00UL\x04\x00", 12), 0);
	said = (uint32_t)header[140] | (uint32_t)header[141] << 8 | (uint32_t)header[142] << 16 |
	       (uint32_t)header[143] << 24;
	cr_expect_eq(said, length - 144, "group length %u, %zu bytes follow", said, length - 144);
	cr_expect_eq(length % 2, 0);
	free(header);
}

Test(meta, refuses_what_would_break_the_header)
{
	static const struct {
		const char *sop_class, *sop_instance, *syntax, *ae;
		bool want;
	} cases[] = {
	    {SECONDARY_CAPTURE, "1.2.3", EXPLICIT, "CT", true},
	    {SECONDARY_CAPTURE, "1.2.3", EXPLICIT, "", true},
	    {SECONDARY_CAPTURE, "1.2.3", EXPLICIT, NULL, true},
	    {"", "1.2.3", EXPLICIT, "CT", false},
	    {SECONDARY_CAPTURE, "1.02.3", EXPLICIT, "CT", false},
	    {SECONDARY_CAPTURE, "1.2.3", "JPEG", "CT", false},
	    {SECONDARY_CAPTURE, "1.2.3", EXPLICIT, "A\\B", false},
	    {SECONDARY_CAPTURE, "1.2.3", EXPLICIT, "SEVENTEEN LETTERS", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t *header = NULL;
		size_t length;
		struct err err;

		cr_expect_eq(dicom_meta_header(cases[i].sop_class, cases[i].sop_instance, cases[i].syntax, cases[i].ae,
		                               &header, &length, &err),
		             cases[i].want, "case %zu", i);
		free(header);
	}
}

Test(syntax, knows_what_can_be_stored)
{
	static const struct {
		const char *uid;
		bool is_storable, is_storable_privately;
	} cases[] = {
	    {IMPLICIT, true, true},
	    {DEFLATED, true, true},
	    {"1.2.840.10008.1.2.4.201", true, true},
	    {"1.2.840.10008.1.2.8.1", true, true},
	    {"1.2.840.10008.1.2.1.98", true, true},
	    {"1.2.840.10008.1.2.4.94", false, false}, /* JPIP: the pixels stay elsewhere */
	    {"1.2.840.10008.1.2.4.999", false, false},
	    {"1.2.840.113619.5.2", false, true},
	    {"1.2.3.4", false, true},
	    {"1.2.3.4\n", false, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		cr_expect_eq(syntax_is_storable(cases[i].uid, false), cases[i].is_storable, "%s", cases[i].uid);
		cr_expect_eq(syntax_is_storable(cases[i].uid, true), cases[i].is_storable_privately, "%s",
		             cases[i].uid);
	}
}

Test(uids, tell_storage_classes)
{
	static const struct {
		const char *uid;
		bool is_storage, is_patient;
	} cases[] = {
	    {"1.2.840.10008.5.1.4.1.1.2", true, true},
	    {"1.2.840.10008.5.1.4.1.1.9.1.1", true, true}, /* 12-lead ECG */
	    {"1.2.840.10008.5.1.4.1.1.66.7", true, true},  /* newer than some tables */
	    {"1.2.840.10008.5.1.4.1.1.6", true, true},     /* retired */
	    {"1.2.840.10008.5.1.4.38.1", true, false},     /* hanging protocol */
	    {"1.2.840.10008.1.1", false, false},           /* verification */
	    {"1.2.840.10008.5.1.4.1.2.2.1", false, false}, /* query */
	    {"", false, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		cr_expect_eq(dicom_is_storage_sop_class(cases[i].uid), cases[i].is_storage, "%s", cases[i].uid);
		cr_expect_eq(dicom_is_patient_sop_class(cases[i].uid), cases[i].is_patient, "%s", cases[i].uid);
	}
	cr_expect_str_eq(dicom_uid_name("1.2.3.4.5.6"), "");
	cr_expect_str_neq(dicom_uid_name("1.2.840.10008.5.1.4.1.1.2"), "");
}
