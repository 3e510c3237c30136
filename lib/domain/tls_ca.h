/*
 * An authority of the installation for machines that speak TLS, and what it certifies: our own DICOM door, and devices or peers that bring no
 * certificate. Nobody else trusts it unless told so; a hospital with an authority of its own uses that.
 *
 * Files below $YQ_HOME/keys: tls-ca.key, tls-ca.pem (ten years), dicom.key, dicom.pem (with the authority behind it).
 */
#ifndef YQ_DOMAIN_TLS_CA_H
#define YQ_DOMAIN_TLS_CA_H

#include <stdbool.h>

#include "lib/base/err.h"

enum { TLS_CA_DAYS_MAX = 3650 };

/* Makes the authority if it is missing; durable on return, safe for several callers at once. */
bool tls_ca_init(struct err *err);

/*
 * Makes or renews our certificate for hosts (DNS names and addresses by which devices call us, blanks between), with a new key. Running receivers take it up by
 * themselves. Needs tls_ca_init().
 */
bool tls_ca_certify_door(const char *hosts, int days, struct err *err);

/*
 * A key and its certificate for somebody: name is its common name (1 to 64 characters), hosts may be empty. Keeps nothing. *out_key (the caller
 * wipes it) and *out_certificate (the authority behind it), PEM: free(3).
 */
bool tls_ca_certify(const char *name, const char *hosts, int days, char **out_key, char **out_certificate,
                    struct err *err);

#endif
