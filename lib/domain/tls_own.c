#include "lib/domain/tls_own.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

enum { PEM_MAX = 1 << 20 };

void tls_own_fini(struct tls_own *own)
{
	free(own->certificate);
	if (own->key)
		OPENSSL_cleanse(own->key, strlen(own->key));
	free(own->key);
	free(own->trust);
	*own = (struct tls_own){NULL};
}

/* Relative to YQ_HOME, or absolute. */
static bool place_of(enum conf_id id, char path[PATH_MAX], struct err *err)
{
	const char *given = conf_text(id);

	if (given[0] != '/')
		return conf_path(path, PATH_MAX, err, "%s", given);
	return text_copy(path, PATH_MAX, given) ||
	       err_set(err, ERR_INVALID, "cannot read our certificate: the path of a file is too long");
}

/* may_be_absent: then *out stays as it is. */
static bool read_one(enum conf_id id, bool may_be_absent, char **out, struct err *err)
{
	char path[PATH_MAX];
	size_t length;

	if (may_be_absent && !conf_text(id)[0])
		return true;
	return place_of(id, path, err) &&
	       (file_read_all(path, PEM_MAX, out, &length, err) || (may_be_absent && err->kind == ERR_NOT_FOUND));
}

bool tls_own_read(struct tls_own *out, struct err *err)
{
	*out = (struct tls_own){NULL};
	return read_one(CONF_DICOM_TLS_CERTIFICATE, false, &out->certificate, err) &&
	       read_one(CONF_DICOM_TLS_KEY, false, &out->key, err) &&
	       read_one(CONF_DICOM_TLS_TRUST, true, &out->trust, err);
}
