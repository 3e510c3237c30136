/*
 * What the provider does with associations: admits registered devices, brings objects to intake, notes what happened. The handlers of
 * lib/dicom, over what main() opened. Everything is borrowed for the life of the service.
 */
#ifndef YQ_STORESCP_SERVICE_H
#define YQ_STORESCP_SERVICE_H

#include "lib/dicom/dicom.h"
#include "lib/domain/audit.h"
#include "lib/intake/intake.h"
#include "storescp/contact.h"
#include "storescp/directory.h"
#include "storescp/rejection.h"

struct service {
	struct intake *intake;
	struct directory *directory;
	struct contacts *contacts;
	struct audit *audit;
	struct rejections *rejections;
	int64_t object_max; /* bytes */
};

/* Handlers whose context is a struct service. */
extern const struct dicom_scp_handlers service_handlers;

#endif
