/*
 * What the provider does with associations: admits registered devices, brings objects to intake, notes what happened. The handlers of
 * lib/dicom, over what main() opened. Everything is borrowed for the life of the service.
 */
#ifndef YQ_STORESCP_SERVICE_H
#define YQ_STORESCP_SERVICE_H

#include "lib/base/text.h"
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
	struct db_pool *pool;
	int64_t object_max;          /* bytes */
	int64_t linger_ms;           /* how long an association may take the report of a commitment that it asked for */
	int64_t answer_ms;           /* how long a peer may take to answer it */
	bool needs_certificate;      /* over TLS nobody comes without one */
	char worker[TEXT_UUID_SIZE]; /* this process, for reports under way */
};

/* Handlers whose context is a struct service. */
extern const struct dicom_scp_handlers service_handlers;

#endif
