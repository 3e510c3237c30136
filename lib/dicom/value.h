/*
 * What the JSON model (PS3.18 annex F) says of one element: its VR, and whether its value is in the text or fetched by its address. C++, private to
 * lib/dicom: it names DCMTK.
 */
#ifndef YQ_DICOM_VALUE_H
#define YQ_DICOM_VALUE_H

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"

#include <string>

#include "lib/dicom/charset.h"
#include "lib/dicom/dicom.h"

/* One of PS3.5 section 6.2; DCMTK has kinds of its own beside them. */
DcmEVR value_vr(DcmElement &element);
/* depth: of the item that holds it; 0: the data set. False: neither its tag nor its value is shown. */
bool value_is_shown(DcmElement &element, const struct dicom_json_options &options, int depth);
/* Whether it stands as a BulkDataURI. */
bool value_is_bulk(DcmElement &element, int depth);
/* In UTF-8, the lines of a long text parted by CR LF. */
std::string value_decoded(const struct charset &charset, const std::string &bytes, DcmEVR vr);
/* Of many values a backslash is no mark. */
bool value_is_long_text(DcmEVR vr);
/* The fragments of encapsulated pixels, as they were sent; null: they are native. */
DcmPixelSequence *value_fragments(DcmPixelData &pixels);

#endif
