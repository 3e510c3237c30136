#include "lib/domain/signer_seal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/domain/signer_key.h"

enum { FORMAT = 1, NONCE_SIZE = 12, TAG_SIZE = 16, OVERHEAD = 1 + NONCE_SIZE + TAG_SIZE };

static bool key_path(char *out, size_t out_size, struct err *err)
{
	return conf_path(out, out_size, err, "keys/master.key");
}

bool signer_master_key_init(struct err *err)
{
	uint8_t key[SIGNER_MASTER_KEY_SIZE];
	char path[PATH_MAX];
	bool ok;

	if (!key_path(path, sizeof path, err))
		return false;
	if (access(path, F_OK) == 0)
		return true;
	if (errno != ENOENT)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not look at %s", path);
	text_random(key, sizeof key);
	ok = file_replace(path, key, sizeof key, 0600, err);
	OPENSSL_cleanse(key, sizeof key);
	return ok;
}

static bool read_key(uint8_t key[SIGNER_MASTER_KEY_SIZE], struct err *err)
{
	char path[PATH_MAX], *bytes = NULL;
	size_t length = 0;
	struct stat status;
	bool ok;

	if (!key_path(path, sizeof path, err))
		return false;
	if (stat(path, &status) != 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "cannot use signing keys: %s is missing (yqctl ca init makes it)",
		               path);
	if (!file_read_all(path, 4096, &bytes, &length, err))
		return false;
	ok = length == SIGNER_MASTER_KEY_SIZE;
	if (ok)
		memcpy(key, bytes, length);
	OPENSSL_cleanse(bytes, length);
	free(bytes);
	return ok || err_set(err, ERR_CORRUPT, "cannot use %s: it is not %d bytes long", path, SIGNER_MASTER_KEY_SIZE);
}

static bool encrypt(EVP_CIPHER_CTX *cipher, const uint8_t *key, const void *plain, size_t length, const char *owner,
                    uint8_t *out)
{
	uint8_t *nonce = out + 1, *body = nonce + NONCE_SIZE;
	int step = 0;

	out[0] = FORMAT;
	text_random(nonce, NONCE_SIZE);
	return EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	       EVP_EncryptUpdate(cipher, NULL, &step, (const uint8_t *)owner, (int)strlen(owner)) == 1 &&
	       EVP_EncryptUpdate(cipher, body, &step, plain, (int)length) == 1 &&
	       EVP_EncryptFinal_ex(cipher, body + step, &step) == 1 &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, body + length) == 1;
}

bool signer_seal(const void *plain, size_t length, const char *owner, uint8_t **out, size_t *out_length,
                 struct err *err)
{
	uint8_t key[SIGNER_MASTER_KEY_SIZE], *sealed;
	EVP_CIPHER_CTX *cipher;
	bool ok;

	if (!read_key(key, err))
		return false;
	sealed = malloc(length + OVERHEAD);
	cipher = EVP_CIPHER_CTX_new();
	if (!sealed || !cipher)
		err_panic("out of memory for a key");
	ok = encrypt(cipher, key, plain, length, owner, sealed);
	OPENSSL_cleanse(key, sizeof key);
	EVP_CIPHER_CTX_free(cipher);
	if (!ok) {
		free(sealed);
		return signer_openssl_error(err, ERR_INVALID, "cannot encrypt");
	}
	*out = sealed;
	*out_length = length + OVERHEAD;
	return true;
}

static bool decrypt(EVP_CIPHER_CTX *cipher, const uint8_t *key, const uint8_t *sealed, size_t length, const char *owner,
                    uint8_t *out)
{
	const uint8_t *nonce = sealed + 1, *body = nonce + NONCE_SIZE;
	uint8_t tag[TAG_SIZE];
	int step = 0;

	memcpy(tag, body + length, TAG_SIZE);
	return EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	       EVP_DecryptUpdate(cipher, NULL, &step, (const uint8_t *)owner, (int)strlen(owner)) == 1 &&
	       EVP_DecryptUpdate(cipher, out, &step, body, (int)length) == 1 &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1 &&
	       EVP_DecryptFinal_ex(cipher, out + step, &step) == 1;
}

bool signer_unseal(const uint8_t *sealed, size_t length, const char *owner, uint8_t **out, size_t *out_length,
                   struct err *err)
{
	uint8_t key[SIGNER_MASTER_KEY_SIZE], *plain;
	EVP_CIPHER_CTX *cipher;
	bool ok;

	if (length < OVERHEAD || length > 1 << 20 || sealed[0] != FORMAT)
		return err_set(err, ERR_CORRUPT, "cannot decrypt the signing key: unknown form");
	if (!read_key(key, err))
		return false;
	plain = malloc(length - OVERHEAD + 1);
	cipher = EVP_CIPHER_CTX_new();
	if (!plain || !cipher)
		err_panic("out of memory for a key");
	ok = decrypt(cipher, key, sealed, length - OVERHEAD, owner, plain);
	OPENSSL_cleanse(key, sizeof key);
	EVP_CIPHER_CTX_free(cipher);
	if (!ok) {
		OPENSSL_cleanse(plain, length - OVERHEAD);
		free(plain);
		return signer_openssl_error(err, ERR_CORRUPT,
		                            "cannot decrypt the signing key: other key file or changed bytes");
	}
	*out = plain;
	*out_length = length - OVERHEAD;
	return true;
}
