/* Whether the values of a destination fit together. */
#include <stdlib.h>
#include <string.h>

#include "lib/domain/destination_pem.h"
#include "lib/domain/destination_values.h"
#include "lib/domain/network.h"
#include "lib/http/url.h"

static const char *text_of(const json_t *values, const char *name)
{
	const char *text = json_string_value(json_object_get(values, name));

	return text ? text : "";
}

/* ---- the URL ---------------------------------------------------------------------------------------------------------------- */

static bool refuse_url(struct err *err, const char *why)
{
	return err_set(err, ERR_INVALID, "cannot use this URL: %s", why);
}

static bool check_parts(const char *text, struct http_url *out, struct err *err)
{
	if (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0)
		return refuse_url(err, "it begins with http:// or https://");
	for (const char *c = text; *c; c++)
		if (*c < '!' || *c > '~')
			return refuse_url(err, "blanks and characters beyond ASCII are written as %XX");
	if (!http_url_read(text, out))
		return refuse_url(err, "http://host/path or https://host/path is wanted");
	if (out->has_user)
		return refuse_url(err, "user and password do not belong into it, give them as the secret");
	return !out->has_fragment || refuse_url(err, "# and what stands behind it is not sent");
}

static bool check_url(json_t *values, struct err *err)
{
	bool is_off = strcmp(text_of(values, "tls"), "off") == 0;
	struct http_url url;

	if (!check_parts(text_of(values, "url"), &url, err))
		return false;
	if (!url.is_tls && !is_off)
		return refuse_url(err, "it says http, so there is no TLS");
	/* https is verified, always. */
	return !url.is_tls || !is_off || json_object_set_new(values, "tls", json_string("server")) == 0;
}

/* ---- the address ------------------------------------------------------------------------------------------------------------ */

static bool check_address(json_t *values, const char *protocol, struct err *err)
{
	if (strcmp(protocol, "link") == 0)
		return true;
	if (strcmp(protocol, "dicom") != 0 && strcmp(protocol, "hl7") != 0)
		return check_url(values, err);
	if (strcmp(protocol, "dicom") == 0 && !*text_of(values, "ae_title"))
		return err_set(err, ERR_INVALID, "cannot use this AE title: it is missing");
	if (!network_host_is_valid(text_of(values, "host")))
		return err_set(err, ERR_INVALID, "cannot use this host: an address or a DNS name is wanted");
	return json_is_integer(json_object_get(values, "port")) ||
	       err_set(err, ERR_INVALID, "cannot use this port: 1 to 65535 is wanted");
}

/* ---- TLS -------------------------------------------------------------------------------------------------------------------- */

static bool check_certificates(const json_t *values, int64_t now_us, struct err *err)
{
	json_t *ours = NULL, *trust = NULL;
	bool ok = destination_pem_read(text_of(values, "certificate_pem"), "certificate", now_us, &ours, err) &&
	          destination_pem_read(text_of(values, "trust_pem"), "list of whom to trust", now_us, &trust, err) &&
	          destination_pem_check_ours(ours, err) && destination_pem_check_trust(trust, err);

	json_decref(ours);
	json_decref(trust);
	return ok;
}

static bool check_tls(const json_t *values, const json_t *secret, int64_t now_us, struct err *err)
{
	const char *certificate = text_of(values, "certificate_pem"), *key = text_of(secret, "private_key_pem");

	if (!check_certificates(values, now_us, err))
		return false;
	if (*key && !destination_pem_check_key(certificate, key, err))
		return false;
	if (*certificate && !*key)
		return err_set(err, ERR_INVALID, "cannot use this certificate: its private key is missing");
	return *certificate || strcmp(text_of(values, "tls"), "mutual") != 0 ||
	       err_set(err, ERR_INVALID, "cannot use mutual TLS: our certificate and its private key are missing");
}

/* ---- times ------------------------------------------------------------------------------------------------------------------ */

/* "HH:MM" up to 23:59. */
static bool is_time(const char *text)
{
	return strspn(text, "0123456789") == 2 && text[2] == ':' && strspn(text + 3, "0123456789") >= 2 &&
	       (text[0] < '2' || (text[0] == '2' && text[1] < '4')) && text[3] < '6';
}

/* "12:00-13:30,20:00-06:00" */
static bool check_windows(const char *text, struct err *err)
{
	enum { WINDOW = 11, WINDOWS_MAX = 10 };
	size_t length = strlen(text), count = (length + 1) / (WINDOW + 1);
	bool ok = length == 0 || (count <= WINDOWS_MAX && length + 1 == count * (WINDOW + 1));

	for (size_t i = 0; ok && i < length; i += WINDOW + 1)
		ok = is_time(text + i) && text[i + 5] == '-' && is_time(text + i + 6) &&
		     strncmp(text + i, text + i + 6, 5) != 0 && (text[i + WINDOW] == ',' || i + WINDOW == length);
	return ok || err_set(err, ERR_INVALID,
	                     "cannot use these send_windows: times of the day as 12:00-13:30,20:00-06:00 are wanted, "
	                     "at most %d, each longer than nothing",
	                     WINDOWS_MAX);
}

static bool check_backoff(const json_t *values, struct err *err)
{
	json_int_t shortest = json_integer_value(json_object_get(values, "backoff_min_ms"));
	json_int_t longest = json_integer_value(json_object_get(values, "backoff_max_ms"));
	json_int_t deadline = json_integer_value(json_object_get(values, "deadline_ms"));

	if (shortest && longest && shortest > longest)
		return err_set(err, ERR_INVALID, "cannot use this backoff_min_ms: it is longer than backoff_max_ms");
	return !deadline || !longest || longest <= deadline ||
	       err_set(err, ERR_INVALID, "cannot use this deadline_ms: it is shorter than backoff_max_ms");
}

/* ---- all of it -------------------------------------------------------------------------------------------------------------- */

static bool check_purpose(const json_t *values, const char *protocol, struct err *err)
{
	bool is_document = strcmp(protocol, "hl7") == 0 || strcmp(protocol, "fhir") == 0;

	bool is_event = strcmp(protocol, "webhook") == 0;

	return (!is_document && !is_event) || !json_is_true(json_object_get(values, "wants_images")) ||
	       err_set(err, ERR_INVALID, "cannot send images by %s: it takes %s", protocol,
	               is_event ? "events" : "reports");
}

static bool check_secret(const json_t *secret, struct err *err)
{
	if (*text_of(secret, "password") && !*text_of(secret, "user"))
		return err_set(err, ERR_INVALID, "cannot use this password: its user is missing");
	return !*text_of(secret, "token") || !*text_of(secret, "user") ||
	       err_set(err, ERR_INVALID, "cannot use this token: there is a user already, give one of them");
}

bool destination_values_check(json_t *values, const json_t *secret, bool is_tls_new, int64_t now_us, struct err *err)
{
	const char *protocol = text_of(values, "protocol");

	return check_address(values, protocol, err) && (!is_tls_new || check_tls(values, secret, now_us, err)) &&
	       check_windows(text_of(values, "send_windows"), err) && check_backoff(values, err) &&
	       check_purpose(values, protocol, err) && check_secret(secret, err);
}
