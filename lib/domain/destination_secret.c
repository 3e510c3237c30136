#include "lib/domain/destination_secret.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/destination_settings.h"
#include "lib/domain/signer_seal.h"

void destination_secret_owner(const char *destination_id, char out[DESTINATION_OWNER_SIZE])
{
	snprintf(out, DESTINATION_OWNER_SIZE, "destination:%s", destination_id);
}

bool destination_secret_open(const struct db_rows *rows, const char *destination_id, json_t **out, struct err *err)
{
	char owner[DESTINATION_OWNER_SIZE];
	uint8_t *sealed, *plain = NULL;
	size_t sealed_length, length = 0;
	json_t *secret = NULL;
	bool ok = true;

	db_get_bytes(rows, 0, "secret_sealed", &sealed, &sealed_length);
	if (sealed_length > 0) {
		destination_secret_owner(destination_id, owner);
		ok = signer_unseal(sealed, sealed_length, owner, &plain, &length, err);
	}
	if (ok)
		secret = length > 0 ? json_loadb((const char *)plain, length, 0, NULL) : json_object();
	if (ok && !json_is_object(secret)) {
		json_decref(secret);
		ok = err_set(err, ERR_CORRUPT, "cannot read the secret of a destination");
	}
	if (plain)
		OPENSSL_cleanse(plain, length);
	free(plain);
	free(sealed);
	if (ok)
		*out = secret;
	return ok;
}

bool destination_secret_seal(const json_t *secret, const char *destination_id, uint8_t **out, size_t *out_length,
                             struct err *err)
{
	char owner[DESTINATION_OWNER_SIZE], *text;
	bool ok;

	if (json_object_size(secret) == 0) {
		*out = NULL;
		*out_length = 0;
		return true;
	}
	text = json_dumps(secret, JSON_COMPACT);
	if (!text)
		err_panic("could not write JSON");
	destination_secret_owner(destination_id, owner);
	ok = signer_seal(text, strlen(text), owner, out, out_length, err);
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	/* None is made here: where several hosts share a ledger, they share the key file, too. */
	return ok || (err->kind == ERR_NOT_FOUND
	                  ? err_set(err, ERR_CONFLICT,
	                            "cannot keep a secret: this installation has no key file; `yqctl ca init` makes it")
	                  : false);
}

void destination_secret_wipe(json_t *secret)
{
	const char *name;
	json_t *value;

	json_object_foreach(secret, name, value)
	{
		if (json_is_string(value))
			OPENSSL_cleanse((char *)json_string_value(value), json_string_length(value));
	}
	json_decref(secret);
}
