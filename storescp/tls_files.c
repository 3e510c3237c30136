#include "storescp/tls_files.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/digest.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/base/tls.h"

enum { PEM_MAX = 1 << 20 };

struct tls_files {
	bool has_looked;
	uint8_t digest[DIGEST_SIZE]; /* of what was looked at last, good or bad */
	struct certificate shown;    /* until_us 0: none */
	char fault[ERR_TEXT_MAX];
};

/* What the files hold; NULL: an absent one. */
struct texts {
	char *certificate, *key, *trust;
};

enum tls_clients tls_clients_wanted(void)
{
	const char *word = conf_text(CONF_DICOM_TLS_CLIENT);

	return strcmp(word, "off") == 0        ? TLS_CLIENTS_OFF
	       : strcmp(word, "required") == 0 ? TLS_CLIENTS_REQUIRED
	                                       : TLS_CLIENTS_OPTIONAL;
}

struct tls_files *tls_files_new(void)
{
	struct tls_files *files = calloc(1, sizeof *files);

	if (files == NULL)
		err_panic("out of memory");
	return files;
}

void tls_files_free(struct tls_files *files)
{
	free(files);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static void wipe(char *text)
{
	if (text != NULL)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

static void texts_fini(struct texts *texts)
{
	free(texts->certificate);
	wipe(texts->key);
	free(texts->trust);
}

/* Relative to YQ_HOME, or absolute. may_be_absent: then *out is NULL. */
static bool read_file(enum conf_id id, bool may_be_absent, char **out, struct err *err)
{
	char path[PATH_MAX];
	size_t length;

	if (conf_text(id)[0] == '\0' && may_be_absent)
		return true;
	if (!(conf_text(id)[0] == '/' ? text_copy(path, sizeof path, conf_text(id))
	                              : conf_path(path, sizeof path, err, "%s", conf_text(id))))
		return err_set(err, ERR_INVALID, "cannot read our certificate: the path of a file is too long");
	return file_read_all(path, PEM_MAX, out, &length, err) || (may_be_absent && err->kind == ERR_NOT_FOUND);
}

static bool read_texts(struct texts *texts, struct err *err)
{
	return read_file(CONF_DICOM_TLS_CERTIFICATE, false, &texts->certificate, err) &&
	       read_file(CONF_DICOM_TLS_KEY, false, &texts->key, err) &&
	       read_file(CONF_DICOM_TLS_TRUST, true, &texts->trust, err);
}

static void digest_texts(const struct texts *texts, uint8_t out[DIGEST_SIZE])
{
	const char *const parts[] = {texts->certificate, texts->key, texts->trust};
	struct digest *digest = digest_new();

	/* With their ends, and apart from one that is not there. */
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		digest_update(digest, parts[i] != NULL ? parts[i] : "\1", parts[i] != NULL ? strlen(parts[i]) + 1 : 1);
	digest_final(digest, out);
	digest_free(digest);
}

/* ---- using them ------------------------------------------------------------------------------------------------------ */

static bool use(struct tls_files *files, const struct texts *texts, struct dicom_scp *scp, struct err *err)
{
	struct tls_identity identity = {texts->certificate, texts->key, texts->trust};
	struct certificate certificate;

	if (!certificate_read(texts->certificate, strlen(texts->certificate), &certificate, err) ||
	    !dicom_scp_secure(scp, &identity, err))
		return false;
	files->shown = certificate;
	return true;
}

static void say(struct tls_files *files, const struct err *err)
{
	char until[CLOCK_TEXT_MAX] = "";

	if (err != NULL) {
		(void)text_copy(files->fault, sizeof files->fault, err->text);
		log_err(LOG_TLS_CERTIFICATE, err, "ports=%s", conf_text(CONF_DICOM_TLS_PORTS));
		return;
	}
	files->fault[0] = '\0';
	clock_format(files->shown.until_us, until);
	log_info(LOG_TLS_CERTIFICATE, "ports=%s sha256=%s until=%s", conf_text(CONF_DICOM_TLS_PORTS),
	         files->shown.sha256, until);
}

bool tls_files_look(struct tls_files *files, struct dicom_scp *scp)
{
	struct texts texts = {NULL};
	uint8_t digest[DIGEST_SIZE];
	bool is_read, is_news, ok;
	struct err err;

	if (conf_text(CONF_DICOM_TLS_PORTS)[0] == '\0')
		return false;
	is_read = read_texts(&texts, &err);
	digest_texts(&texts, digest);
	is_news = !files->has_looked || memcmp(digest, files->digest, sizeof digest) != 0;
	if (is_news) {
		ok = is_read && use(files, &texts, scp, &err);
		say(files, ok ? NULL : &err);
	}
	files->has_looked = true;
	memcpy(files->digest, digest, sizeof digest);
	texts_fini(&texts);
	return is_news;
}

json_t *tls_files_json(const struct tls_files *files)
{
	char until[CLOCK_TEXT_MAX] = "";

	if (conf_text(CONF_DICOM_TLS_PORTS)[0] == '\0')
		return json_null();
	if (files->shown.until_us != 0)
		clock_format(files->shown.until_us, until);
	return json_pack("{s:s, s:s, s:o, s:s}", "ports", conf_text(CONF_DICOM_TLS_PORTS), "subject",
	                 files->shown.subject, "until", until[0] != '\0' ? json_string(until) : json_null(), "fault",
	                 files->fault);
}
