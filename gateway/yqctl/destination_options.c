#include "gateway/yqctl/destination_options.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/domain/destination_secret.h"

enum { FILE_MAX = 100000 };

enum form { TEXT, NUMBER, DURATION, FLAG, LIST, PEM_FILE };

static const struct {
	const char *option, *setting;
	enum form form;
} options[] = {
    {"name", "name", TEXT},
    {"ae-title", "ae_title", TEXT},
    {"calling-ae-title", "calling_ae", TEXT},
    {"host", "host", TEXT},
    {"port", "port", NUMBER},
    {"url", "url", TEXT},
    {"tls", "tls", TEXT},
    {"trust", "trust_pem", PEM_FILE},
    {"certificate", "certificate_pem", PEM_FILE},
    {"connect-timeout", "connect_timeout_ms", DURATION},
    {"answer-timeout", "answer_timeout_ms", DURATION},
    {"deliveries", "deliveries_max", NUMBER},
    {"connections", "connections_max", NUMBER},
    {"rate", "rate_kbit", NUMBER},
    {"windows", "send_windows", TEXT},
    {"backoff-min", "backoff_min_ms", DURATION},
    {"backoff-max", "backoff_max_ms", DURATION},
    {"deadline", "deadline_ms", DURATION},
    {"charset", "charset", TEXT},
    {"compression", "compression", TEXT},
    {"proof", "proof", TEXT},
    {"reports", "wants_reports", FLAG},
    {"images", "wants_images", FLAG},
    {"events", "webhook_events", LIST},
    {"notes", "notes", TEXT},
};
static const struct {
	const char *option, *secret;
} secrets[] = {{"password-file", "password"},
               {"token-file", "token"},
               {"signing-key-file", "signing_key"},
               {"key", "private_key_pem"}};

static bool read_stdin(char **out, size_t *out_length, struct err *err)
{
	char *text = malloc(FILE_MAX + 2);

	if (!text)
		err_panic("out of memory");
	*out_length = fread(text, 1, FILE_MAX + 1, stdin);
	text[*out_length] = '\0';
	*out = text;
	if (*out_length <= FILE_MAX)
		return true;
	OPENSSL_cleanse(text, *out_length);
	free(text);
	return err_set(err, ERR_INVALID, "standard input has more than %d bytes", FILE_MAX);
}

/* The text of a file as JSON; an empty name takes a setting away. One line: without the newline at its end. */
static bool read_text(const char *path, bool is_line, json_t **out, struct err *err)
{
	char *text = NULL;
	size_t length = 0;
	bool ok;

	if (!*path) {
		*out = json_null();
		return true;
	}
	ok = strcmp(path, "-") == 0 ? read_stdin(&text, &length, err)
	                            : file_read_all(path, FILE_MAX, &text, &length, err);
	if (!ok)
		return false;
	while (is_line && length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	*out = json_stringn(text, length);
	OPENSSL_cleanse(text, length);
	free(text);
	return *out || err_set(err, ERR_INVALID, "%s is no text in UTF-8", path);
}

static bool read_flag(const char *option, const char *text, json_t **out, struct err *err)
{
	bool is_yes = strcmp(text, "yes") == 0;

	if (!is_yes && strcmp(text, "no") != 0)
		return err_set(err, ERR_INVALID, "cannot use --%s '%.20s': yes or no is wanted", option, text);
	*out = json_boolean(is_yes);
	return true;
}

static bool read_duration(const char *option, const char *text, json_t **out, struct err *err)
{
	int64_t duration_ms;

	if (!clock_parse_duration(text, &duration_ms, err))
		return err_context(err, "--%s", option);
	*out = json_integer(duration_ms);
	return true;
}

static bool read_number(const char *option, const char *text, json_t **out, struct err *err)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (end == text || *end || end - text > 10)
		return err_set(err, ERR_INVALID, "cannot use --%s '%.20s': a whole number is wanted", option, text);
	*out = json_integer(number);
	return true;
}

/* Words with commas between them. */
static bool read_list(const char *option, const char *text, json_t **out, struct err *err)
{
	json_t *list = json_array();
	size_t length;

	for (; *text; text += length + (text[length] == ',')) {
		length = strcspn(text, ",");
		if (json_array_append_new(list, json_stringn(text, length)) != 0) {
			json_decref(list);
			return err_set(err, ERR_INVALID, "cannot use --%s: it is no UTF-8", option);
		}
	}
	*out = list;
	return true;
}

static bool read_value(const char *option, const char *text, enum form form, json_t **out, struct err *err)
{
	if (form == PEM_FILE)
		return read_text(text, false, out, err);
	if (form == FLAG)
		return read_flag(option, text, out, err);
	if (form == LIST)
		return read_list(option, text, out, err);
	if (!*text || form == TEXT) {
		*out = *text ? json_string(text) : json_null();
		return *out || err_set(err, ERR_INVALID, "cannot use --%s: it is no UTF-8", option);
	}
	return form == NUMBER ? read_number(option, text, out, err) : read_duration(option, text, out, err);
}

/* One is enabled when it is made. */
static bool is_edit(const struct invocation *in)
{
	return strcmp(in->command->name, "destination edit") == 0;
}

static bool read_settings(const struct invocation *in, json_t *given, struct err *err)
{
	const char *enabled = is_edit(in) ? option_value(in, "enabled") : NULL;
	json_t *value;

	if (enabled) {
		if (!read_flag("enabled", enabled, &value, err))
			return false;
		json_object_set_new(given, "is_enabled", value);
	}
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const char *text = option_value(in, options[i].option);

		if (!text)
			continue;
		if (!read_value(options[i].option, text, options[i].form, &value, err))
			return false;
		json_object_set_new(given, options[i].setting, value);
	}
	return true;
}

static bool read_secrets(const struct invocation *in, json_t *given, struct err *err)
{
	const char *user = option_value(in, "user");
	json_t *secret = json_object(), *value;

	json_object_set_new(given, "secret", secret);
	if (user)
		json_object_set_new(secret, "user", *user ? json_string(user) : json_null());
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		const char *path = option_value(in, secrets[i].option);

		if (!path)
			continue;
		if (!read_text(path, strcmp(secrets[i].option, "key") != 0, &value, err))
			return err_context(err, "--%s", secrets[i].option);
		json_object_set_new(secret, secrets[i].secret, value);
	}
	if (json_object_size(secret) == 0)
		json_object_del(given, "secret");
	return true;
}

/* Standard input can be read once. */
static bool check_stdin(const struct invocation *in, struct err *err)
{
	static const char *const files[] = {"trust",         "certificate", "key",
	                                    "password-file", "token-file",  "signing-key-file"};
	int count = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		count += option_given(in, files[i]) && strcmp(option_value(in, files[i]), "-") == 0;
	return count <= 1 || err_set(err, ERR_INVALID, "only one option can be read from standard input");
}

bool destination_options_read(const struct invocation *in, json_t **out, struct err *err)
{
	json_t *given = json_object();

	if (!check_stdin(in, err) || !read_settings(in, given, err) || !read_secrets(in, given, err)) {
		destination_options_free(given);
		return false;
	}
	*out = given;
	return true;
}

void destination_options_free(json_t *given)
{
	json_t *secret = json_object_get(given, "secret");

	if (secret)
		destination_secret_wipe(json_incref(secret));
	json_decref(given);
}
