#include "storescp/tls_files.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/base/tls.h"
#include "lib/domain/tls_own.h"

struct tls_files {
	bool has_looked;
	uint8_t digest[DIGEST_SIZE]; /* of what was looked at last, good or bad */
	struct certificate shown;    /* until_us 0: none */
	char fault[ERR_TEXT_MAX];
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

static void digest_texts(const struct tls_own *texts, uint8_t out[DIGEST_SIZE])
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

static bool use(struct tls_files *files, const struct tls_own *texts, struct dicom_scp *scp, struct err *err)
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
	struct tls_own texts;
	uint8_t digest[DIGEST_SIZE];
	bool is_read, is_news, ok;
	struct err err;

	if (conf_text(CONF_DICOM_TLS_PORTS)[0] == '\0')
		return false;
	is_read = tls_own_read(&texts, &err);
	digest_texts(&texts, digest);
	is_news = !files->has_looked || memcmp(digest, files->digest, sizeof digest) != 0;
	if (is_news) {
		ok = is_read && use(files, &texts, scp, &err);
		say(files, ok ? NULL : &err);
	}
	files->has_looked = true;
	memcpy(files->digest, digest, sizeof digest);
	tls_own_fini(&texts);
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
