/*
 * Who may open an association: the devices of all sites, as an unchanging snapshot. Pure: knows the ledger only as rows that
 * somebody adds, and its own text form, which lies in a file so that reception goes on while the ledger is away.
 *
 * A device is known by its calling AE title and, where given, by the called AE title (else ours), the address (CIDR), the local
 * port and the certificate that it shows. Of several that fit, the one that says more than every other wins. Where two fit of which neither says more (one by its network, the
 * other by the port) nobody is guessed: REGISTRY_AMBIGUOUS.
 */
#ifndef YQ_STORESCP_REGISTRY_H
#define YQ_STORESCP_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/dicom/dicom.h"

enum { REGISTRY_CIDR_SIZE = 64, REGISTRY_CHARSET_SIZE = 33 };

struct registry_device {
	char device[TEXT_UUID_SIZE], site[TEXT_UUID_SIZE]; /* public ids */
	char calling_ae[DICOM_AE_SIZE];
	char called_ae[DICOM_AE_SIZE];               /* empty: our own title */
	char address[REGISTRY_CIDR_SIZE];            /* empty: from anywhere */
	uint16_t local_port;                         /* 0: any */
	char default_charset[REGISTRY_CHARSET_SIZE]; /* empty: none */
	char certificate[DICOM_SHA256_SIZE];         /* SHA-256, small hexadecimal digits; empty: it need show none */
};

struct registry;
struct registry *registry_new(void);
void registry_free(struct registry *registry);

/* ERR_INVALID when a field is malformed; the registry is unchanged then. */
bool registry_add(struct registry *registry, const struct registry_device *device, struct err *err);
size_t registry_count(const struct registry *registry);

enum registry_verdict {
	REGISTRY_KNOWN,
	REGISTRY_UNKNOWN_CALLING_AE,
	REGISTRY_UNKNOWN_CALLED_AE,
	REGISTRY_UNKNOWN_ADDRESS,
	REGISTRY_NO_CERTIFICATE,    /* it would be one that has to show its certificate */
	REGISTRY_WRONG_CERTIFICATE, /* and shows another */
	REGISTRY_AMBIGUOUS
};

/* *out is set for REGISTRY_KNOWN, borrowed from the registry. own_ae: the title of this installation. */
enum registry_verdict registry_match(const struct registry *registry, const struct dicom_peer *peer, const char *own_ae,
                                     const struct registry_device **out);
/* "known", "unknown_calling_ae", ... */
const char *registry_verdict_name(enum registry_verdict verdict);

/* JSON, one device a line; equal registries give equal texts. *out: free(3). */
void registry_write(const struct registry *registry, char **out, size_t *out_length);
/* ERR_CORRUPT when it is not such a text. */
bool registry_read(const char *text, size_t length, struct registry **out, struct err *err);

#endif
