#include "lib/base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "lib/base/err.h"

struct digest {
	EVP_MD_CTX *context;
};

static void restart(struct digest *digest)
{
	if (EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1)
		err_panic("SHA-256 is not available");
}

struct digest *digest_new(void)
{
	struct digest *digest = malloc(sizeof(*digest));

	if (!digest)
		err_panic("out of memory");
	digest->context = EVP_MD_CTX_new();
	if (!digest->context)
		err_panic("out of memory");
	restart(digest);
	return digest;
}

void digest_update(struct digest *digest, const void *bytes, size_t length)
{
	if (EVP_DigestUpdate(digest->context, bytes, length) != 1)
		err_panic("SHA-256 failed");
}

void digest_final(struct digest *digest, uint8_t out[DIGEST_SIZE])
{
	if (EVP_DigestFinal_ex(digest->context, out, NULL) != 1)
		err_panic("SHA-256 failed");
	restart(digest);
}

void digest_free(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->context);
	free(digest);
}

void digest_bytes(const void *bytes, size_t length, uint8_t out[DIGEST_SIZE])
{
	if (EVP_Digest(bytes, length, out, NULL, EVP_sha256(), NULL) != 1)
		err_panic("SHA-256 failed");
}
