/*
 * The registry of devices that may open associations to us. A device is what is known of it: calling AE title, and, as far as they are
 * given, called AE title, address, local port. How a caller is matched against it is the receiver's business (storescp/).
 *
 * Every function works in the caller's transaction or alone. A change takes effect in running receivers at once: the ledger
 * notifies them.
 */
#ifndef YQ_DOMAIN_DEVICE_H
#define YQ_DOMAIN_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/site.h"

struct db;

/* What is registered. NULL: not known, matches anything. Borrowed. */
struct device_new {
	const struct site *site;
	const char *calling_ae;
	const char *called_ae;
	const char *address; /* address or CIDR */
	int local_port;      /* 0: any */
	const char *name, *modality;
	const char *default_charset; /* defined term, used when the bytes do not decide */
};

/*
 * Registers a device and enrols its site. ERR_INVALID: a value (the text says which and what is wanted); ERR_CONFLICT: an enabled device is
 * known by exactly this already (the text names it and its site).
 */
bool device_add(struct db *db, const struct device_new *device, char out_id[TEXT_UUID_SIZE], struct err *err);

/*
 * Enables or disables, by public id, or by calling AE title when only one device has it. Idempotent. ERR_NOT_FOUND; ERR_INVALID: several have
 * the title; ERR_CONFLICT: cannot enable beside another that is known by the same. out_id: whose it was.
 */
bool device_set_enabled(struct db *db, const char *id_or_ae, bool is_enabled, char out_id[TEXT_UUID_SIZE],
                        struct err *err);

/* Without blanks around. ERR_INVALID with the rule of PS3.5 section 6.2 in words. what: "AE title", for the text. */
enum { DEVICE_AE_SIZE = 17 };
bool device_check_ae(const char *text, const char *what, char out[DEVICE_AE_SIZE], struct err *err);

#endif
