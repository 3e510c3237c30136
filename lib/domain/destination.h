/*
 * Where things are sent: the destinations of sites, and how they are changed. What can be set is destination_values.h; who of the pages may is
 * operate.h; sending is the router's business.
 *
 * Every function works in the caller's transaction. What changes a destination leaves an event and an audit record with what was before and
 * after, and no secret; it is the last thing that a transaction does.
 */
#ifndef YQ_DOMAIN_DESTINATION_H
#define YQ_DOMAIN_DESTINATION_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/site.h"

struct db;

/* Who changes it: a person of the pages, or the operator at the machine under the own login. Neither: the program. Borrowed. */
struct destination_actor {
	const char *person_id, *operator_name;
};

/*
 * given: {"protocol", settings..., "secret": {...}}. ERR_INVALID: a value, the text says which and what is wanted; ERR_CONFLICT: an enabled one with this
 * address is there already, or there is
 * no key file to seal the secret.
 */
bool destination_create(struct db *db, const struct destination_actor *actor, const char *site_id, const json_t *given,
                        char out_id[TEXT_UUID_SIZE], struct err *err);
/*
 * What is not given stays; null or an empty text takes a setting away. "updated_at", when given, is the revision that the editor saw: ERR_CONFLICT says who
 * changed it meanwhile. A way there that changed is tried at once, whatever failed before.
 */
bool destination_edit(struct db *db, const struct destination_actor *actor, const char *destination_id,
                      const json_t *given, struct err *err);
/* Only one to which nothing was ever to be sent. ERR_CONFLICT: disable it instead. */
bool destination_remove(struct db *db, const struct destination_actor *actor, const char *destination_id,
                        struct err *err);

struct destination_new {
	const struct site *site;
	const char *name; /* may be NULL */
	const char *ae_title, *host;
	int port;
};
/* A DICOM destination that takes signed reports, as destination_create() makes it. */
bool destination_add(struct db *db, const struct destination_new *destination, char out_id[TEXT_UUID_SIZE],
                     struct err *err);

/*
 * 暂停发送 and 恢复发送, by public id, or by AE title or name when only one has it. Nothing is lost meanwhile: deliveries wait. Idempotent.
 * reason (1 to 500 characters): why it is held; NULL releases. In the caller's transaction, with its event.
 */
bool destination_hold(struct db *db, const char *id_or_ae, const char *reason, char out_id[TEXT_UUID_SIZE],
                      struct err *err);

#endif
