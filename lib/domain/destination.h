/*
 * Where things are sent: the destinations of sites. Sending is the router's business.
 */
#ifndef YQ_DOMAIN_DESTINATION_H
#define YQ_DOMAIN_DESTINATION_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/site.h"

struct db;

struct destination_new {
	const struct site *site;
	const char *name; /* may be NULL */
	const char *ae_title, *host;
	int port;
};

/* A DICOM destination that takes signed reports. ERR_INVALID: a value; ERR_CONFLICT: it is there already. */
bool destination_add(struct db *db, const struct destination_new *destination, char out_id[TEXT_UUID_SIZE],
                     struct err *err);

/*
 * 暂停发送 and 恢复发送, by public id, or by AE title when only one has it. Nothing is lost meanwhile: deliveries wait. Idempotent.
 * reason (1 to 500 characters): why it is held; NULL releases. In the caller's transaction, with its event.
 */
bool destination_hold(struct db *db, const char *id_or_ae, const char *reason, char out_id[TEXT_UUID_SIZE],
                      struct err *err);

#endif
