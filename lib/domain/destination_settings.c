#include "lib/domain/destination_settings.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/destination_secret.h"

static char *copy(const char *text)
{
	char *copied = strdup(text ? text : "");

	if (!copied)
		err_panic("out of memory");
	return copied;
}

static void wipe(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

void destination_settings_free(struct destination_settings *settings)
{
	if (!settings)
		return;
	free(settings->name);
	free(settings->url);
	free(settings->trust_pem);
	free(settings->certificate_pem);
	wipe(settings->secret.user);
	wipe(settings->secret.password);
	wipe(settings->secret.token);
	wipe(settings->secret.signing_key);
	wipe(settings->secret.private_key_pem);
	free(settings);
}

/* ---- the secret --------------------------------------------------------------------------------------------------------- */

static void take_secret(const json_t *parsed, struct destination_secret *secret)
{
	secret->user = copy(json_string_value(json_object_get(parsed, "user")));
	secret->password = copy(json_string_value(json_object_get(parsed, "password")));
	secret->token = copy(json_string_value(json_object_get(parsed, "token")));
	secret->signing_key = copy(json_string_value(json_object_get(parsed, "signing_key")));
	secret->private_key_pem = copy(json_string_value(json_object_get(parsed, "private_key_pem")));
}

/* Nothing sealed: every text is empty. */
static bool open_secret(const struct db_rows *rows, struct destination_settings *settings, struct err *err)
{
	json_t *secret;

	if (!destination_secret_open(rows, settings->id, &secret, err))
		return false;
	take_secret(secret, &settings->secret);
	destination_secret_wipe(secret);
	return true;
}

/* ---- the row ---------------------------------------------------------------------------------------------------------------- */

/*
 * As the CHECK of the column lists them, in the order of the enum. A word of a newer release is refused: taken for the first one, a destination would be
 * sent to without TLS.
 */
static bool find_word(const struct db_rows *rows, const char *column, const char *const *words, int *out,
                      struct err *err)
{
	const char *word = db_get_text(rows, 0, column);

	for (*out = 0; words[*out]; (*out)++)
		if (strcmp(words[*out], word) == 0)
			return true;
	return err_set(err, ERR_INVALID, "the destination's %s is '%s', which this release does not know", column,
	               word);
}

static bool read_words(const struct db_rows *rows, struct destination_settings *settings, struct err *err)
{
	static const char *const tls[] = {"off", "server", "mutual", NULL};
	static const char *const proofs[] = {"auto", "commitment", "query", "answers", NULL};
	int which_tls, which_proof;

	if (!find_word(rows, "tls", tls, &which_tls, err) || !find_word(rows, "proof", proofs, &which_proof, err))
		return false;
	settings->tls = (enum destination_tls)which_tls;
	settings->proof = (enum destination_proof)which_proof;
	return true;
}

static void read_limits(const struct db_rows *rows, struct destination_settings *settings)
{
	settings->connect_timeout_ms = db_get_int(rows, 0, "connect_timeout_ms");
	if (settings->connect_timeout_ms == 0)
		settings->connect_timeout_ms = conf_number(CONF_CONNECT_TIMEOUT);
	settings->answer_timeout_ms = db_get_int(rows, 0, "answer_timeout_ms");
	if (settings->answer_timeout_ms == 0)
		settings->answer_timeout_ms = conf_number(CONF_DIMSE_TIMEOUT);
	settings->backoff_min_ms = db_get_int(rows, 0, "backoff_min_ms");
	if (settings->backoff_min_ms == 0)
		settings->backoff_min_ms = conf_number(CONF_DELIVERY_BACKOFF_MIN);
	settings->backoff_max_ms = db_get_int(rows, 0, "backoff_max_ms");
	if (settings->backoff_max_ms == 0)
		settings->backoff_max_ms = conf_number(CONF_DELIVERY_BACKOFF_MAX);
	settings->deliveries_max = (int)db_get_int(rows, 0, "deliveries_max");
	if (settings->deliveries_max == 0)
		settings->deliveries_max = (int)conf_number(CONF_DELIVERY_WORKERS);
	settings->connections_max = (int)db_get_int(rows, 0, "connections_max");
	if (settings->connections_max == 0)
		settings->connections_max = (int)conf_number(CONF_DELIVERY_CONNECTIONS);
	settings->rate_bytes_per_s = db_get_int(rows, 0, "rate_kbit") * 1000 / 8;
}

static void read_row(const struct db_rows *rows, struct destination_settings *settings)
{
	text_copy(settings->id, sizeof(settings->id), db_get_text(rows, 0, "id"));
	text_copy(settings->site_id, sizeof(settings->site_id), db_get_text(rows, 0, "site"));
	settings->name = copy(db_get_text(rows, 0, "name"));
	text_copy(settings->protocol, sizeof(settings->protocol), db_get_text(rows, 0, "protocol"));
	text_copy(settings->ae_title, sizeof(settings->ae_title), db_get_text(rows, 0, "ae_title"));
	text_copy(settings->calling_ae, sizeof(settings->calling_ae), db_get_text(rows, 0, "calling_ae"));
	if (!settings->calling_ae[0])
		text_copy(settings->calling_ae, sizeof(settings->calling_ae), conf_text(CONF_AE_TITLE));
	text_copy(settings->host, sizeof(settings->host), db_get_text(rows, 0, "host"));
	settings->port = (uint16_t)db_get_int(rows, 0, "port");
	settings->url = copy(db_get_text(rows, 0, "url"));
	settings->trust_pem = copy(db_get_text(rows, 0, "trust_pem"));
	settings->certificate_pem = copy(db_get_text(rows, 0, "certificate_pem"));
	text_copy(settings->charset, sizeof(settings->charset), db_get_text(rows, 0, "charset"));
	settings->wants_lossless = strcmp(db_get_text(rows, 0, "compression"), "lossless") == 0;
	read_limits(rows, settings);
}

bool destination_settings_load(struct db *db, const char *destination_id, struct destination_settings **out,
                               struct err *err)
{
	struct destination_settings *settings;
	struct db_rows *rows;
	bool ok;

	if (!text_is_uuid(destination_id))
		return err_set(err, ERR_NOT_FOUND, "no such destination");
	if (!db_exec_one(db, STMT_DESTINATION_SETTINGS, DB_PARAMS(db_text(destination_id)), "destination", &rows, err))
		return false;
	settings = calloc(1, sizeof(*settings));
	if (!settings)
		err_panic("out of memory");
	read_row(rows, settings);
	ok = read_words(rows, settings, err) && open_secret(rows, settings, err);
	db_rows_free(rows);
	if (!ok) {
		destination_settings_free(settings);
		return false;
	}
	*out = settings;
	return true;
}
