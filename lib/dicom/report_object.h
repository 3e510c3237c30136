/* What SR and Encapsulated PDF have in common: modules of patient, study and equipment, code items, writing. Private to lib/dicom. */
#ifndef YQ_DICOM_REPORT_OBJECT_H
#define YQ_DICOM_REPORT_OBJECT_H

#include "lib/dicom/internal.h"

#include "dcmtk/dcmdata/dctk.h"

#include <string>

#include "lib/dicom/dicom.h"

struct Code {
	const char *value, *scheme, *meaning;
};

/* The dataset that dicom_sign_report() signs. */
struct dicom_signing {
	DcmDataset *dataset;
};

/* Each throws std::runtime_error, naming the attribute and never its value. An absent text (NULL) is written empty. */
void report_put(DcmItem &item, const DcmTagKey &tag, const char *text);
void report_put_code(DcmItem &item, const DcmTagKey &sequence, const Code &code);
DcmItem &report_add_item(DcmItem &item, const DcmTagKey &sequence);
void report_put_empty_sequence(DcmItem &item, const DcmTagKey &sequence);

/* One line of at most `most` characters, without backslash and control characters: fit for LO and SH. */
std::string report_line(const char *text, size_t most);
/* With CR LF at line ends: fit for UT and ST. */
std::string report_text(const char *text);

/* All UIDs and texts that will be written are well formed, else ERR_INVALID. */
bool report_check(const struct dicom_report *report, struct err *err);

/* SOP Common, Patient, General Study, General Equipment (PS3.3 C.12.1, C.7.1.1, C.7.2.1, C.7.5.1) and what both series modules share. */
void report_put_common(DcmItem &item, const struct dicom_report *report, const char *sop_class_uid,
                       const char *modality);

/* Explicit VR little endian, part 10; nothing is left behind on failure. ERR_CONFLICT when path exists. */
bool report_save(DcmFileFormat &file, const char *path, struct err *err);

bool report_is_empty(const char *text);

#endif
