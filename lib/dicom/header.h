/* The fields of a dataset as people and comparisons want them. C++, private to lib/dicom: it names DCMTK. */
#ifndef YQ_DICOM_HEADER_H
#define YQ_DICOM_HEADER_H

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"

#include <string>
#include <vector>

#include "lib/dicom/charset.h"
#include "lib/dicom/dicom.h"

struct header_field {
	std::string key; /* sorts as the dataset does */
	std::string tag, name, text;
	std::string bytes; /* little endian, outer padding off; of a long value its digest */
	bool is_text;      /* equal texts are equal values, however they are coded */
	bool is_technical;
};

/* Whether the structure of a part 10 file is sound and within what we hold; the syntax of its meta header. ERR_INVALID */
bool header_check(const char *path, std::string *out_syntax, struct err *err);
/* Opens a part 10 file whose long values stay on disk. ERR_INVALID: no dataset, or more elements than we hold. */
bool header_load(const char *path, DcmFileFormat &file, struct err *err);

/* Every field, in order, items behind their sequence; the pixels are left out. */
std::vector<header_field> header_collect(DcmDataset &dataset);

struct header_pair {
	const header_field *one, *other; /* one of them may be null */
};
/* Where the two differ, in order; borrows. */
std::vector<header_pair> header_differences(const std::vector<header_field> &fields,
                                            const std::vector<header_field> &others);

/* Text whose bytes follow (0008,0005), PS3.5 section 6.1.2.2. */
bool header_follows_charset(DcmEVR vr);
bool header_is_pixels(const DcmTagKey &tag);
bool header_is_binary(DcmEVR vr);
/* By the texts of the data set itself; of_device: what is known of its device, "": nothing. */
void header_charset(DcmDataset &dataset, const char *of_device, struct charset *out);
std::string header_trimmed(const std::string &text); /* without blanks around it */

#endif
