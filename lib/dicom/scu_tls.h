/* TLS of the user: what every association that we open does before and after. Private to lib/dicom. */
#ifndef YQ_DICOM_SCU_TLS_H
#define YQ_DICOM_SCU_TLS_H

#include "lib/dicom/dicom.h"
#include "lib/dicom/transport.h"

/* Before the upper layer connects: has the link speak TLS where the destination wants it. ERR_TEMPORARY: our certificate cannot be used as it is. */
bool scu_secure(Link &link, const struct dicom_destination &to, struct err *err);
/* After no association came about: true, with *err, when it was for TLS. */
bool scu_secure_failed(const Link &link, const struct dicom_destination &to, struct err *err);

#endif
