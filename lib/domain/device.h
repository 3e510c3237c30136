/*
 * The registry of devices that may open associations to us. A device is what is known of it: calling AE title, and, as far as they are
 * given, called AE title, address, local port, the certificate that it shows over TLS. How a caller is matched against it is the receiver's business (storescp/).
 *
 * Every function works in the caller's transaction or alone. A change takes effect in running receivers at once: the ledger
 * notifies them.
 */
#ifndef YQ_DOMAIN_DEVICE_H
#define YQ_DOMAIN_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/certificate.h"
#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/site.h"

struct db;

/* By the fingerprint a certificate is told from every other; the rest is for people, and absent where the fingerprint is all that is known. */
struct device_certificate {
	char sha256[CERTIFICATE_SHA256_SIZE]; /* empty: none */
	char subject[CERTIFICATE_NAME_SIZE];
	int64_t until_us; /* 0: not known */
	uint8_t *der;     /* NULL: not at hand */
	size_t length;
};
/*
 * Of a certificate (PEM or DER), or of a fingerprint as people write it. ERR_INVALID; ERR_REFUSED: its time is over. device_certificate_fini()
 * after true.
 */
bool device_certificate_read(const void *bytes, size_t length, struct device_certificate *out, struct err *err);
void device_certificate_fini(struct device_certificate *certificate);

/* What is registered. NULL: not known, matches anything. Borrowed. */
struct device_new {
	const struct site *site;
	const char *calling_ae;
	const char *called_ae;
	const char *address; /* address or CIDR */
	int local_port;      /* 0: any */
	const char *name, *modality;
	const char *default_charset; /* defined term, used when the bytes do not decide */
	const struct device_certificate *certificate;
};

/*
 * Registers a device and enrols its site. ERR_INVALID: a value (the text says which and what is wanted); ERR_CONFLICT: a call could fit an
 * enabled device as well, known by exactly this or by something that says neither more nor less (the text names it and its site). Our own title
 * as called AE title is the same as none.
 */
bool device_add(struct db *db, const struct device_new *device, char out_id[TEXT_UUID_SIZE], struct err *err);

/* What is to change. NULL (local_port: -1): stays; an empty text (0): not known any more. Borrowed. */
struct device_edit {
	const char *calling_ae, *called_ae, *address;
	int local_port;
	const char *name, *modality, *default_charset;
	const struct device_certificate *certificate; /* an empty one: not known any more */
};

/*
 * Changes what a device is known by, found as device_set_enabled() finds it; site_id: where it stands. The site never changes: what came stays
 * where it came from, so that a device that moved is registered anew. Refused as device_add() refuses, and ERR_NOT_FOUND.
 */
bool device_change(struct db *db, const char *id_or_ae, const struct device_edit *edit, char out_id[TEXT_UUID_SIZE],
                   char out_site[TEXT_UUID_SIZE], struct err *err);

/*
 * For the router, in its own transaction: notices devices that fell silent against their usual weekday (yq_device_silence) and those that are
 * back, with event and log; at most limit of each. *out_count: the larger number.
 */
bool device_watch_silence(struct db *db, int limit, int *out_count, struct err *err);

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
