/* Keys of persons in the ledger: opened for one signature, and made by the demo CA. */
#include <openssl/crypto.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/db/db.h"
#include "lib/domain/signer.h"
#include "lib/domain/signer_ca.h"
#include "lib/domain/signer_issue.h"
#include "lib/domain/signer_key.h"
#include "lib/domain/signer_seal.h"

static bool open_sealed(const struct db_rows *rows, const char *person_public_id, struct signer **out, struct err *err)
{
	uint8_t *sealed = NULL, *plain = NULL, *certificate = NULL, *issuer = NULL;
	size_t sealed_length = 0, plain_length = 0;
	struct signer_bytes chain[2] = {{NULL, 0}, {NULL, 0}};
	bool ok;

	db_get_bytes(rows, 0, "sealed_key", &sealed, &sealed_length);
	db_get_bytes(rows, 0, "certificate", &certificate, &chain[0].length);
	db_get_bytes(rows, 0, "issuer", &issuer, &chain[1].length);
	chain[0].data = certificate;
	chain[1].data = issuer;
	ok = signer_unseal(sealed, sealed_length, person_public_id, &plain, &plain_length, err);
	if (ok) {
		ok = signer_key_new(plain, plain_length, chain, issuer ? 2 : 1, db_get_bool(rows, 0, "is_demo"), out,
		                    err);
		OPENSSL_cleanse(plain, plain_length);
		free(plain);
	}
	free(sealed);
	free(certificate);
	free(issuer);
	return ok;
}

bool signer_open(struct db *db, const char *person_public_id, struct signer **out, struct err *err)
{
	struct db_rows *rows;
	bool ok;

	if (!db_exec(db, STMT_SIGNING_KEY_FIND, DB_PARAMS(db_text(person_public_id)), &rows, err))
		return false;
	if (db_rows_count(rows) == 0)
		ok = err_set(err, ERR_REFUSED, "cannot sign: you have no valid signing certificate");
	else if (db_is_null(rows, 0, "sealed_key"))
		ok = err_set(err, ERR_REFUSED, "cannot sign: keys of %s are not supported here",
		             db_get_text(rows, 0, "backend"));
	else
		ok = open_sealed(rows, person_public_id, out, err);
	db_rows_free(rows);
	return ok;
}

static bool keep(struct db *db, const char *person_public_id, const struct signer_issued *issued, struct err *err)
{
	uint8_t *sealed = NULL;
	size_t length = 0;
	bool ok;

	if (!signer_seal(issued->key_der, issued->key_length, person_public_id, &sealed, &length, err))
		return false;
	ok = db_exec_one(db, STMT_SIGNING_KEY_INSERT,
	                 DB_PARAMS(db_text(person_public_id), db_bytes(sealed, length),
	                           db_bytes(issued->chain[0].data, issued->chain[0].length),
	                           db_bytes(issued->chain[1].data, issued->chain[1].length),
	                           db_time(issued->valid_from_us), db_time(issued->valid_until_us)),
	                 "the person", NULL, err);
	free(sealed);
	return ok;
}

bool signer_ca_enrol(struct db *db, const char *person_public_id, const char *common_name, const char *organisation,
                     struct err *err)
{
	struct signer_issued issued;
	struct db_rows *rows;
	bool is_there, ok;

	if (!db_exec_one(db, STMT_SIGNING_KEY_EXISTS, DB_PARAMS(db_text(person_public_id)), "the person", &rows, err))
		return false;
	is_there = db_get_bool(rows, 0, "is_there");
	db_rows_free(rows);
	if (is_there)
		return true;
	if (!signer_issue(common_name, organisation, &issued, err))
		return false;
	ok = keep(db, person_public_id, &issued, err);
	signer_issued_fini(&issued);
	return ok;
}
