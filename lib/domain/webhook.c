#include "lib/domain/webhook.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/domain/report_message.h"

enum { KEY_MAX = 512, MAC_SIZE = 32 };

/* ---- the message ------------------------------------------------------------------------------------------------------- */

static void copy(const struct db_rows *rows, const char *column, json_t *data, const char *name)
{
	const char *text = db_get_text(rows, 0, column);

	if (text)
		json_object_set_new(data, name, json_string(text));
}

static json_t *build(const struct db_rows *rows)
{
	static const char *const ids[] = {
	    "site", "site_code", "study",          "study_instance_uid", "accession_number",
	    "task", "report",    "report_version", "report_kind",        "critical_value"};
	json_t *data = json_object(), *message = json_object();

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		copy(rows, ids[i], data, ids[i]);
	if (!db_is_null(rows, 0, "version"))
		json_object_set_new(data, "version", json_integer(db_get_int(rows, 0, "version")));
	copy(rows, "kind", message, "type");
	copy(rows, "at", message, "timestamp");
	json_object_set_new(message, "data", data);
	return message;
}

bool webhook_message(struct db *db, const char *delivery_id, json_t **out, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_MESSAGE_EVENT, DB_PARAMS(db_text(delivery_id)), "message", &rows, err))
		return false;
	*out = build(rows);
	db_rows_free(rows);
	return true;
}

/* ---- the signature ------------------------------------------------------------------------------------------------------- */

/* Bytes of the key, at most KEY_MAX. Padding that the base 64 lacks is forgiven: people cut it off. */
static bool read_key(const char *key, uint8_t out[KEY_MAX], size_t *out_length)
{
	static const char prefix[] = "whsec_";
	char padded[KEY_MAX + 4] = "";
	size_t length = strlen(key), padding;
	int decoded;

	if (length == 0 || length > KEY_MAX)
		return false;
	if (strncmp(key, prefix, sizeof(prefix) - 1) != 0) {
		for (size_t i = 0; i < length; i++)
			out[i] = (uint8_t)key[i];
		*out_length = length;
		return true;
	}
	length = strcspn(key + sizeof(prefix) - 1, "=");
	padding = (4 - length % 4) % 4;
	snprintf(padded, sizeof(padded), "%.*s%.*s", (int)length, key + sizeof(prefix) - 1, (int)padding, "===");
	decoded = EVP_DecodeBlock(out, (const unsigned char *)padded, (int)(length + padding));
	OPENSSL_cleanse(padded, sizeof(padded));
	*out_length = decoded > (int)padding ? (size_t)decoded - padding : 0;
	return *out_length > 0;
}

bool webhook_sign(const char *key, const char *id, int64_t timestamp_s, const char *body, size_t length,
                  char out[WEBHOOK_SIGNATURE_SIZE], struct err *err)
{
	uint8_t bytes[KEY_MAX], mac[MAC_SIZE];
	struct text_buf text;
	size_t key_length;
	char *base64;

	if (!read_key(key, bytes, &key_length))
		return err_set(err, ERR_INVALID,
		               "cannot sign: the destination has no key for it, or one that is no base 64");
	text_buf_init(&text, length + 100);
	if (!text_buf_printf(&text, "%s.%lld.", id, (long long)timestamp_s) || !text_buf_append(&text, body, length) ||
	    !HMAC(EVP_sha256(), bytes, (int)key_length, (const unsigned char *)text.data, text.length, mac, NULL))
		err_panic("could not sign");
	OPENSSL_cleanse(bytes, sizeof(bytes));
	text_buf_fini(&text);
	base64 = report_message_base64(mac, sizeof(mac));
	snprintf(out, WEBHOOK_SIGNATURE_SIZE, "v1,%s", base64);
	free(base64);
	return true;
}
