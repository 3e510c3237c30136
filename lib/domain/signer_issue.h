/*
 * What the demo CA hands out for a person: a fresh key pair and its certificate, before they are sealed and kept.
 */
#ifndef YQ_DOMAIN_SIGNER_ISSUE_H
#define YQ_DOMAIN_SIGNER_ISSUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/domain/signer.h"

/* RSA 2048 rather than P-256: every reader of PAdES and of DICOM signatures that is in use takes it. */
enum { SIGNER_ELLIPTIC = false };

struct signer_issued {
	uint8_t *key_der; /* in clear: wiped by signer_issued_fini() */
	size_t key_length;
	struct signer_bytes chain[2]; /* DER: the person's certificate, then the CA's */
	int64_t valid_from_us, valid_until_us;
};

/* Needs signer_ca_init(). After true, signer_issued_fini(). */
bool signer_issue(const char *common_name, const char *organisation, struct signer_issued *out, struct err *err);
void signer_issued_fini(struct signer_issued *issued);

#endif
