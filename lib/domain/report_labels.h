/* The fixed words on a paper, in Chinese or English. */
#ifndef YQ_DOMAIN_REPORT_LABELS_H
#define YQ_DOMAIN_REPORT_LABELS_H

#include <stdbool.h>

struct report_labels {
	const char *colon; /* between label and value */
	const char *name, *sex, *age, *birth_date, *accession_number, *patient_class;
	const char *number_outpatient, *number_inpatient, *number_health_check, *number_other, *patient_id;
	const char *performer, *department, *doctor, *item, *body_part, *laterality, *device, *radiographer;
	const char *examined_at, *written_at, *issued_at, *signed_at, *clinical_diagnosis;
	const char *method, *findings, *impression, *recommendation, *key_images;
	const char *picture_gone, *picture_unshown, *picture_late; /* in the place of a key image */
	const char *flags, *positive, *negative, *critical, *quality, *incomplete;
	const char *author, *reviewer, *unsigned_yet, *electronic_signature;
	const char *code, *version, *page, *continued;
	const char *notice;                 /* foot of each page */
	const char *demo;                   /* across each page */
	const char *scan;                   /* beside the QR code */
	const char *corrects, *supplements; /* before the reason of a later version */
};

/* "en" gives English, anything else Chinese. Static storage. */
const struct report_labels *report_labels(const char *language);

/* Words for coded values; the code itself when it is unknown, "" for "". */
const char *report_word_sex(const char *code, bool english);
const char *report_word_class(const char *code, bool english);
const char *report_word_laterality(const char *code, bool english);
/* "CT诊断报告" for a modality. */
const char *report_word_title(const char *modality, bool english);
/* "（更正）" behind the title of a version that corrects, "" of an original. */
const char *report_word_kind(const char *kind, bool english);
bool report_is_english(const char *language);

#endif
