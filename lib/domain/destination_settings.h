/*
 * What one needs to know to reach a destination, as its row says, with the installation's settings where it says nothing. Who may change
 * a row and how is destination.h; how bytes travel there is the router's business.
 */
#ifndef YQ_DOMAIN_DESTINATION_SETTINGS_H
#define YQ_DOMAIN_DESTINATION_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

struct db;

enum destination_tls { DESTINATION_TLS_OFF, DESTINATION_TLS_SERVER, DESTINATION_TLS_MUTUAL };
enum destination_proof {
	DESTINATION_PROOF_AUTO, /* the strongest that the peer speaks */
	DESTINATION_PROOF_COMMITMENT,
	DESTINATION_PROOF_QUERY,
	DESTINATION_PROOF_ANSWERS
};

/* Sealed in the row. Never NULL; empty: none. */
struct destination_secret {
	char *user, *password; /* HTTP basic, or the identity of a DICOM association (PS3.7 section D.3.3.7) */
	char *token;           /* HTTP bearer */
	char *signing_key;     /* of webhooks */
	char *private_key_pem; /* of certificate_pem */
};

/* Texts are never NULL; empty: none. */
struct destination_settings {
	char id[TEXT_UUID_SIZE], site_id[TEXT_UUID_SIZE];
	char *name;
	char protocol[16];                 /* dicom, stow, hl7, fhir, webhook, link */
	char ae_title[17], calling_ae[17]; /* calling: the installation's where the row has none */
	char host[254];
	uint16_t port;
	char *url;
	enum destination_tls tls;
	char *trust_pem, *certificate_pem;
	struct destination_secret secret;
	int64_t connect_timeout_ms, answer_timeout_ms;
	int64_t backoff_min_ms, backoff_max_ms;
	int deliveries_max, connections_max;
	int64_t rate_bytes_per_s; /* 0: no cap */
	char charset[16];         /* utf-8 or gb18030 */
	bool wants_lossless;      /* compress losslessly where the peer takes it */
	enum destination_proof proof;
};

/* *out is the caller's. ERR_NOT_FOUND; ERR_CORRUPT: the secret does not open under this installation's key file. */
bool destination_settings_load(struct db *db, const char *destination_id, struct destination_settings **out,
                               struct err *err);
enum { DESTINATION_OWNER_SIZE = 60 };
/* The owner under which a secret is sealed (destination_secret.h). */
void destination_secret_owner(const char *destination_id, char out[DESTINATION_OWNER_SIZE]);
/* Wipes the secret. NULL is fine. */
void destination_settings_free(struct destination_settings *settings);

#endif
