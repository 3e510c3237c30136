/*
 * Certificates and keys of destinations, as an operator pastes them: PEM (RFC 7468). Pure. Nothing asks for a password.
 */
#ifndef YQ_DOMAIN_DESTINATION_PEM_H
#define YQ_DOMAIN_DESTINATION_PEM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

/*
 * [{"subject","not_after","days_left"}], a new array, empty for an empty text. what: "certificate", for the texts. ERR_INVALID: no certificate in it, a
 * damaged one, or a private key, which does not belong where everybody may read.
 */
bool destination_pem_read(const char *pem, const char *what, int64_t now_us, json_t **out, struct err *err);
/* Of that array: is the first (of ours), or any (of those that we trust), still valid? */
bool destination_pem_check_ours(const json_t *list, struct err *err);
bool destination_pem_check_trust(const json_t *list, struct err *err);
/* Does the private key belong to the first certificate? ERR_INVALID: it does not, or it is protected by a password. */
bool destination_pem_check_key(const char *certificate_pem, const char *key_pem, struct err *err);

#endif
