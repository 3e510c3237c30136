/*
 * What a webhook is told and how that is signed. A message names what happened by its kind and by ids, and holds nothing about the
 * patient: who wants to know more asks, under the own rights. Signatures are those of Standard Webhooks 1.0 (HMAC-SHA256 over
 * "id.timestamp.body"); docs/messages.md says how a receiver checks them and how long it should accept one.
 */
#ifndef YQ_DOMAIN_WEBHOOK_H
#define YQ_DOMAIN_WEBHOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db;

/* The message of a delivery. *out: json_decref(). ERR_NOT_FOUND: it carries none. */
bool webhook_message(struct db *db, const char *delivery_id, json_t **out, struct err *err);

/* "v1,BASE64" of a message. key: as the destination has it, "whsec_BASE64" or any other text. INVALID: none, or not readable. */
enum { WEBHOOK_SIGNATURE_SIZE = 64 };
bool webhook_sign(const char *key, const char *id, int64_t timestamp_s, const char *body, size_t length,
                  char out[WEBHOOK_SIGNATURE_SIZE], struct err *err);

#endif
