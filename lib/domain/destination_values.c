#include "lib/domain/destination_values.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/destination_pem.h"
#include "lib/domain/device.h"

#define DICOM "dicom"
#define ADDRESS "dicom hl7"
#define HTTP "stow fhir webhook"
#define OBJECTS "dicom stow"
#define DOCUMENTS "dicom stow hl7 fhir link"
#define MADE_BY_HAND "dicom stow hl7 fhir webhook"
/* As the ledger lists them (destination.webhook_events); docs/messages.md says what each means. */
#define EVENTS                                                                                                         \
	"study.arrived study.complete study.incomplete study.reopened task.return report.issue report.printed "        \
	"critical_value.raise critical_value.notify critical_value.read_back critical_value.handle "                   \
	"critical_value.close "                                                                                        \
	"critical_value.overdue"

enum { TEXT_MAX = 2000, PEM_BYTES_MAX = 100000, AUDIT_TEXT_MAX_HERE = 200, DAY_MS = 86400000 };

static const struct destination_setting settings[] = {
    {"name", "name", DESTINATION_TEXT, NULL, 0, 100, NULL, false, false},
    {"ae_title", "AE title", DESTINATION_TEXT, DICOM, 1, 16, NULL, true, true},
    {"calling_ae", "calling AE title", DESTINATION_TEXT, DICOM, 1, 16, NULL, true, true},
    {"host", "host", DESTINATION_TEXT, ADDRESS, 1, 253, NULL, true, true},
    {"port", "port", DESTINATION_NUMBER, ADDRESS, 1, 65535, NULL, true, true},
    {"url", "URL", DESTINATION_TEXT, HTTP, 1, 1024, NULL, false, true},
    {"tls", "TLS", DESTINATION_WORD, NULL, 0, 0, "off server mutual", false, true},
    {"trust_pem", "list of whom to trust", DESTINATION_PEM, NULL, 0, 0, NULL, false, true},
    {"certificate_pem", "certificate", DESTINATION_PEM, NULL, 0, 0, NULL, false, true},
    {"connect_timeout_ms", "connect_timeout_ms", DESTINATION_NUMBER, NULL, 100, 600000, NULL, true, false},
    {"answer_timeout_ms", "answer_timeout_ms", DESTINATION_NUMBER, NULL, 100, 3600000, NULL, true, false},
    {"deliveries_max", "deliveries_max", DESTINATION_NUMBER, NULL, 1, 64, NULL, true, false},
    {"connections_max", "connections_max", DESTINATION_NUMBER, NULL, 1, 64, NULL, true, false},
    {"rate_kbit", "rate_kbit", DESTINATION_NUMBER, NULL, 16, 100000000, NULL, true, false},
    {"send_windows", "send_windows", DESTINATION_TEXT, NULL, 1, 119, NULL, false, false},
    {"backoff_min_ms", "backoff_min_ms", DESTINATION_NUMBER, NULL, 10, DAY_MS, NULL, true, false},
    {"backoff_max_ms", "backoff_max_ms", DESTINATION_NUMBER, NULL, 10, DAY_MS, NULL, true, false},
    {"deadline_ms", "deadline_ms", DESTINATION_NUMBER, NULL, 1000, 366LL * DAY_MS, NULL, true, false},
    {"charset", "character set", DESTINATION_WORD, "hl7", 0, 0, "utf-8 gb18030", false, false},
    {"compression", "compression", DESTINATION_WORD, OBJECTS, 0, 0, "as_stored lossless", false, false},
    {"proof", "proof", DESTINATION_WORD, OBJECTS, 0, 0, "auto commitment query answers", false, false},
    {"notes", "notes", DESTINATION_TEXT, NULL, 0, TEXT_MAX, NULL, false, false},
    {"webhook_events", "list of events", DESTINATION_WORDS, "webhook", 0, 0, EVENTS, false, false},
    {"wants_reports", "wants_reports", DESTINATION_FLAG, DOCUMENTS, 0, 0, NULL, false, false},
    {"wants_images", "wants_images", DESTINATION_FLAG, NULL, 0, 0, NULL, false, false},
    {"is_enabled", "is_enabled", DESTINATION_FLAG, NULL, 0, 0, NULL, false, true},
};
enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

const char *const destination_secret_names[] = {"user", "password", "token", "signing_key", "private_key_pem", NULL};
static const char *const secret_protocols[] = {"dicom stow fhir webhook", "dicom stow fhir webhook", HTTP, "webhook",
                                               NULL};

const struct destination_setting *destination_setting_list(size_t *count)
{
	*count = SETTINGS;
	return settings;
}

const struct destination_setting *destination_setting_find(const char *name)
{
	size_t i;

	for (i = 0; i < SETTINGS; i++)
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	return NULL;
}

/* Is it one of the words, which have blanks between them? */
static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word), one;

	for (; *words; words += one + (words[one] == ' ')) {
		one = strcspn(words, " ");
		if (one == length && memcmp(words, word, length) == 0)
			return true;
	}
	return false;
}

bool destination_protocol_check(const char *protocol, struct err *err)
{
	return has_word(MADE_BY_HAND, protocol) ||
	       err_set(err, ERR_INVALID, "cannot use this protocol: dicom, stow, hl7, fhir or webhook is wanted");
}

static bool protocol_has(const char *protocols, const char *protocol)
{
	return !protocols || has_word(protocols, protocol);
}

/* ---- defaults --------------------------------------------------------------------------------------------------------------- */

static json_t *empty_of(const struct destination_setting *setting)
{
	if (setting->kind == DESTINATION_FLAG)
		return json_false();
	if (setting->kind == DESTINATION_WORD)
		return json_stringn(setting->words, strcspn(setting->words, " "));
	if (setting->kind == DESTINATION_WORDS)
		return json_array();
	return setting->is_nullable ? json_null() : json_string("");
}

json_t *destination_values_new(const char *protocol)
{
	json_t *values = json_pack("{ss}", "protocol", protocol);
	size_t i;

	for (i = 0; i < SETTINGS; i++)
		json_object_set_new(values, settings[i].name, empty_of(&settings[i]));
	json_object_set_new(values, "wants_reports", json_boolean(strcmp(protocol, "webhook") != 0));
	json_object_set_new(values, "is_enabled", json_true());
	return values;
}

json_t *destination_values_of(const json_t *row)
{
	json_t *values = json_object(), *value;
	size_t i;

	json_object_set(values, "protocol", json_object_get(row, "protocol"));
	for (i = 0; i < SETTINGS; i++) {
		value = json_object_get(row, settings[i].name);
		json_object_set_new(values, settings[i].name, value ? json_incref(value) : empty_of(&settings[i]));
	}
	return values;
}

/* ---- one value ------------------------------------------------------------------------------------------------------------- */

static bool is_empty(const json_t *value)
{
	return json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0);
}

static bool has_control(const char *text, const char *allowed)
{
	for (; *text; text++)
		if (((unsigned char)*text < 0x20 || *text == 0x7f) && !strchr(allowed, *text))
			return true;
	return false;
}

static bool check_text(const struct destination_setting *setting, const json_t *value, struct err *err)
{
	bool is_pem = setting->kind == DESTINATION_PEM;
	const char *text = json_string_value(value);

	if (!text)
		return err_set(err, ERR_INVALID, "cannot use this %s: a text is wanted", setting->what);
	if (is_pem && json_string_length(value) > PEM_BYTES_MAX)
		return err_set(err, ERR_INVALID, "cannot use this %s: it is longer than %d bytes", setting->what,
		               PEM_BYTES_MAX);
	if (!is_pem && text_utf8_count(text) > (size_t)setting->maximum)
		return err_set(err, ERR_INVALID, "cannot use this %s: at most %lld characters are wanted",
		               setting->what, (long long)setting->maximum);
	return !has_control(text, is_pem || strcmp(setting->name, "notes") == 0 ? "\n\r\t" : "") ||
	       err_set(err, ERR_INVALID, "cannot use this %s: it has a control character", setting->what);
}

static bool check_number(const struct destination_setting *setting, const json_t *value, struct err *err)
{
	json_int_t number = json_integer_value(value);

	return (json_is_integer(value) && number >= setting->minimum && number <= setting->maximum) ||
	       err_set(err, ERR_INVALID, "cannot use this %s: %lld to %lld is wanted", setting->what,
	               (long long)setting->minimum, (long long)setting->maximum);
}

static bool check_words(const struct destination_setting *setting, const json_t *value, struct err *err)
{
	bool ok = json_is_array(value);
	size_t i, k;

	for (i = 0; ok && i < json_array_size(value); i++) {
		const char *word = json_string_value(json_array_get(value, i));

		ok = word && has_word(setting->words, word);
		for (k = 0; ok && k < i; k++)
			ok = strcmp(word, json_string_value(json_array_get(value, k))) != 0;
	}
	return ok || err_set(err, ERR_INVALID, "cannot use this %s: some of these are wanted, each once: %s",
	                     setting->what, setting->words);
}

static bool check_value(const struct destination_setting *setting, const json_t *value, struct err *err)
{
	switch (setting->kind) {
	case DESTINATION_NUMBER:
		return check_number(setting, value, err);
	case DESTINATION_FLAG:
		return json_is_boolean(value) ||
		       err_set(err, ERR_INVALID, "cannot use this %s: true or false is wanted", setting->what);
	case DESTINATION_WORD:
		return (json_is_string(value) && has_word(setting->words, json_string_value(value))) ||
		       err_set(err, ERR_INVALID, "cannot use this %s: one of these is wanted: %s", setting->what,
		               setting->words);
	case DESTINATION_WORDS:
		return check_words(setting, value, err);
	default:
		return check_text(setting, value, err);
	}
}

/* As the ledger takes it: AE titles and hosts without blanks around. */
static bool tidy(const struct destination_setting *setting, const json_t *value, json_t **out, struct err *err)
{
	char ae[DEVICE_AE_SIZE];

	if (strcmp(setting->name, "ae_title") == 0 || strcmp(setting->name, "calling_ae") == 0) {
		if (!device_check_ae(json_string_value(value), setting->what, ae, err))
			return false;
		*out = json_string(ae);
		return true;
	}
	*out = json_deep_copy(value);
	return true;
}

static bool lay_one(json_t *values, const char *name, const json_t *value, struct err *err)
{
	const struct destination_setting *setting = destination_setting_find(name);
	const char *protocol = json_string_value(json_object_get(values, "protocol"));
	json_t *tidied;

	if (!setting)
		return err_set(err, ERR_INVALID, "there is no setting '%.40s' of a destination", name);
	if (is_empty(value) && setting->kind != DESTINATION_FLAG)
		return json_object_set_new(values, name, empty_of(setting)) == 0;
	if (!check_value(setting, value, err))
		return false;
	if (!protocol_has(setting->protocols, protocol)) {
		if (setting->kind >= DESTINATION_WORD && json_equal(value, json_object_get(values, name)))
			return true;
		return err_set(err, ERR_INVALID, "a destination of the protocol %s has no %s", protocol, setting->what);
	}
	return tidy(setting, value, &tidied, err) && json_object_set_new(values, name, tidied) == 0;
}

bool destination_values_lay(json_t *values, const json_t *given, struct err *err)
{
	const char *name;
	json_t *value, *mutable = (json_t *)given;

	json_object_foreach(mutable, name, value)
	{
		if (!has_word("site protocol secret updated_at", name) && !lay_one(values, name, value, err))
			return false;
	}
	return true;
}

/* ---- the secret ------------------------------------------------------------------------------------------------------------ */

static int find_secret(const char *name)
{
	int i;

	for (i = 0; destination_secret_names[i]; i++)
		if (strcmp(destination_secret_names[i], name) == 0)
			return i;
	return -1;
}

/* The text itself is never in an error. */
static bool check_secret(int which, const json_t *value, const char *protocol, struct err *err)
{
	const char *name = destination_secret_names[which], *text = json_string_value(value);
	bool is_pem = strcmp(name, "private_key_pem") == 0;

	if (!text || json_string_length(value) > (is_pem ? 20000 : 4096) || has_control(text, is_pem ? "\n\r\t" : ""))
		return err_set(err, ERR_INVALID, "cannot use this %s: it is too long or has control characters", name);
	if (!protocol_has(secret_protocols[which], protocol))
		return err_set(err, ERR_INVALID, "a destination of the protocol %s has no %s", protocol, name);
	if (strcmp(name, "signing_key") == 0 && json_string_length(value) < 16)
		return err_set(err, ERR_INVALID, "cannot use this signing_key: 16 characters at least are wanted");
	return strcmp(name, "user") != 0 || strcmp(protocol, "dicom") == 0 || !strchr(text, ':') ||
	       err_set(err, ERR_INVALID, "cannot use this user: HTTP takes none with a colon");
}

bool destination_secret_lay(json_t *secret, const char *protocol, const json_t *given, struct err *err)
{
	const char *name;
	json_t *value, *mutable = (json_t *)given;

	if (given && !json_is_object(given) && !json_is_null(given))
		return err_set(err, ERR_INVALID, "secret is no object");
	json_object_foreach(mutable, name, value)
	{
		int which = find_secret(name);

		if (which < 0)
			return err_set(err, ERR_INVALID, "there is no secret '%.40s' of a destination", name);
		if (is_empty(value)) {
			json_object_del(secret, name);
			continue;
		}
		if (!check_secret(which, value, protocol, err))
			return false;
		/* A copy, since it is wiped. */
		json_object_set_new(secret, name, json_deep_copy(value));
	}
	return true;
}

/* Of a secret a member may be absent. */
static bool is_same(const json_t *object, const json_t *other, const char *name)
{
	const json_t *one = json_object_get(object, name), *two = json_object_get(other, name);

	return (!one && !two) || json_equal(one, two);
}

/* ---- what differs ---------------------------------------------------------------------------------------------------------- */

static json_t *subject_of(const json_t *pem)
{
	json_t *list = NULL, *first;
	struct err unreadable;

	if (is_empty(pem) || !destination_pem_read(json_string_value(pem), "certificate", 0, &list, &unreadable))
		return json_string("");
	first = json_incref(json_object_get(json_array_get(list, 0), "subject"));
	json_decref(list);
	return first;
}

static json_t *for_audit(const struct destination_setting *setting, const json_t *value)
{
	const char *text = json_string_value(value);

	if (setting->kind == DESTINATION_PEM)
		return subject_of(value);
	if (text && strlen(text) > AUDIT_TEXT_MAX_HERE)
		return json_stringn(text, text_utf8_cut(text, AUDIT_TEXT_MAX_HERE));
	return json_deep_copy(value);
}

static void add_secrets(json_t *to, const json_t *before, const json_t *after)
{
	json_t *names = json_array();
	int i;

	for (i = 0; destination_secret_names[i]; i++) {
		const char *name = destination_secret_names[i];

		if (!is_same(before, after, name))
			json_array_append_new(names, json_string(name));
	}
	if (json_array_size(names) > 0)
		json_object_set(to, "secret", names);
	json_decref(names);
}

bool destination_values_tls_differs(const json_t *before, const json_t *after, const json_t *secret_before,
                                    const json_t *secret_after)
{
	static const char *const names[] = {"tls", "trust_pem", "certificate_pem"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!is_same(before, after, names[i]))
			return true;
	return !is_same(secret_before, secret_after, "private_key_pem");
}

json_t *destination_values_difference(const json_t *before, const json_t *after, const json_t *secret_before,
                                      const json_t *secret_after, bool *is_way)
{
	json_t *difference = json_object();
	size_t i;

	*is_way = false;
	for (i = 0; i < SETTINGS; i++) {
		const json_t *was = json_object_get(before, settings[i].name);
		const json_t *is = json_object_get(after, settings[i].name);

		if (json_equal(was, is))
			continue;
		*is_way = *is_way || settings[i].is_way;
		json_object_set_new(difference, settings[i].name,
		                    json_pack("[oo]", for_audit(&settings[i], was), for_audit(&settings[i], is)));
	}
	add_secrets(difference, secret_before, secret_after);
	*is_way = *is_way || json_object_get(difference, "secret");
	return difference;
}
