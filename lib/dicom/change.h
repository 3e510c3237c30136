/* Other values in a dataset, as people have decided. C++, private to lib/dicom. */
#ifndef YQ_DICOM_CHANGE_H
#define YQ_DICOM_CHANGE_H

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"

#include "lib/dicom/dicom.h"

/* As dicom_rewrite(). *out_differs: the dataset was changed. */
bool change_apply(DcmDataset &dataset, const struct dicom_change *changes, size_t count, const char *charset,
                  bool *out_differs, struct err *err);

#endif
