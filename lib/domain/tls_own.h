/*
 * What we show and whom we trust in DICOM over TLS, as it lies in the files of the options dicom_tls_certificate, dicom_tls_key and
 * dicom_tls_trust. Judges nothing: lib/base/tls.h says what cannot be used.
 */
#ifndef YQ_DOMAIN_TLS_OWN_H
#define YQ_DOMAIN_TLS_OWN_H

#include <stdbool.h>

#include "lib/base/err.h"

/* PEM texts. */
struct tls_own {
	char *certificate, *key;
	char *trust; /* NULL: there is no such file */
};

/* ERR_NOT_FOUND: certificate or key are not there. tls_own_fini() in either case. */
bool tls_own_read(struct tls_own *out, struct err *err);
/* Wipes the key. */
void tls_own_fini(struct tls_own *own);

#endif
