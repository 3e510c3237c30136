/*
 * The demonstration CA of an installation, and the keys of persons in the ledger. What it certifies has no legal force;
 * a real installation registers certificates of a licensed CA instead.
 *
 * Files below $YQ_HOME/keys (0700): master.key (32 random bytes), demo-ca.key (0600, PEM), demo-ca.pem. They are made once;
 * losing master.key makes every key in the ledger useless, which is meant.
 */
#ifndef YQ_DOMAIN_SIGNER_CA_H
#define YQ_DOMAIN_SIGNER_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db;

/* Makes what is missing of the three files; durable on return. Idempotent, safe for several callers at once. */
bool signer_ca_init(struct err *err);

/* The demo CA's certificate, PEM. *out: free(3). ERR_NOT_FOUND before signer_ca_init(). */
bool signer_ca_pem(char **out, struct err *err);

/*
 * Makes a key pair (ECDSA P-256) and a certificate for the person named and keeps them in table signing_key, inside the
 * caller's transaction. A person who has a valid key keeps it: success, nothing new.
 * common_name, organisation: UTF-8, 1 to 64 characters (X.520 upper bounds). Needs yq_operator or yq_owner.
 */
bool signer_ca_enrol(struct db *db, const char *person_public_id, const char *common_name, const char *organisation,
                     struct err *err);

#endif
