#include "lib/domain/device.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/find_one.h"
#include "lib/domain/network.h"

enum { NAME_CHARACTERS_MAX = 100 };

static const char *const charsets[] = {"ISO_IR 100", "ISO_IR 192", "GB18030", "GBK", "ISO 2022 IR 58"};

bool device_check_ae(const char *text, const char *what, char out[DEVICE_AE_SIZE], struct err *err)
{
	size_t length = strlen(text);

	while (length && text[length - 1] == ' ')
		length--;
	while (length && *text == ' ') {
		text++;
		length--;
	}
	if (length == 0 || length >= DEVICE_AE_SIZE)
		return err_set(err, ERR_INVALID, "cannot use this %s: 1 to 16 characters are wanted, it has %zu", what,
		               length);
	memcpy(out, text, length);
	out[length] = '\0';
	if (!text_is_ae_title(out))
		return err_set(err, ERR_INVALID,
		               "cannot use this %s: letters, digits and signs of ASCII without \\ are wanted", what);
	return true;
}

static bool check_word(const char *text, const char *what, size_t max, struct err *err)
{
	if (!text)
		return true;
	if (!text_is_utf8(text, strlen(text)) || text_utf8_count(text) > max)
		return err_set(err, ERR_INVALID, "cannot use this %s: at most %zu characters of UTF-8 are wanted", what,
		               max);
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return err_set(err, ERR_INVALID, "cannot use this %s: it has a control character", what);
	return true;
}

/* CS, PS3.5 section 6.2 */
static bool check_modality(const char *text, struct err *err)
{
	size_t length = text ? strlen(text) : 0;

	if (length > 16 || (text && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ") != length))
		return err_set(err, ERR_INVALID,
		               "cannot use this modality: capital letters as in DICOM are wanted, e.g. DX, CT, US");
	return true;
}

static bool check_charset(const char *text, struct err *err)
{
	if (!text)
		return true;
	for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++)
		if (strcmp(text, charsets[i]) == 0)
			return true;
	return err_set(
	    err, ERR_INVALID,
	    "cannot use this character set: ISO_IR 100, ISO_IR 192, GB18030, GBK or ISO 2022 IR 58 is wanted");
}

/* A device that is checked and in the form of the ledger. */
struct checked {
	char calling_ae[DEVICE_AE_SIZE], called_ae[DEVICE_AE_SIZE], address[NETWORK_TEXT_MAX];
};

static bool check_device(const struct device_new *device, struct checked *out, struct err *err)
{
	if (device->local_port < 0 || device->local_port > 65535)
		return err_set(err, ERR_INVALID, "cannot use this port: 1 to 65535 is wanted");
	return device_check_ae(device->calling_ae, "calling AE title", out->calling_ae, err) &&
	       (!device->called_ae || device_check_ae(device->called_ae, "called AE title", out->called_ae, err)) &&
	       (!device->address || network_parse(device->address, out->address, err)) &&
	       check_word(device->name, "name", NAME_CHARACTERS_MAX, err) && check_modality(device->modality, err) &&
	       check_charset(device->default_charset, err);
}

/* ---- certificates -------------------------------------------------------------------------------------------------- */

static bool read_fingerprint(const char *bytes, size_t length, struct device_certificate *out)
{
	char text[200];

	if (length >= sizeof(text))
		return false;
	memcpy(text, bytes, length);
	text[length] = '\0';
	return certificate_parse_sha256(text, out->sha256);
}

bool device_certificate_read(const void *bytes, size_t length, struct device_certificate *out, struct err *err)
{
	struct certificate certificate;

	*out = (struct device_certificate){.until_us = 0};
	if (read_fingerprint(bytes, length, out))
		return true;
	if (!certificate_read(bytes, length, &certificate, err))
		return false;
	if (certificate.until_us < clock_wall_us())
		return err_set(err, ERR_REFUSED, "cannot register a certificate that has ended: %.200s",
		               certificate.subject);
	if (!certificate_der(bytes, length, &out->der, &out->length, err))
		return false;
	text_copy(out->sha256, sizeof(out->sha256), certificate.sha256);
	text_copy(out->subject, sizeof(out->subject), certificate.subject);
	out->until_us = certificate.until_us;
	return true;
}

void device_certificate_fini(struct device_certificate *certificate)
{
	free(certificate->der);
	certificate->der = NULL;
}

static const struct device_certificate no_certificate = {.sha256 = ""};

static struct db_param digest_param(const struct device_certificate *certificate)
{
	return db_text(certificate->sha256[0] ? certificate->sha256 : NULL);
}

static struct db_param der_param(const struct device_certificate *certificate)
{
	return certificate->der ? db_bytes(certificate->der, certificate->length) : db_null();
}

static struct db_param until_param(const struct device_certificate *certificate)
{
	return certificate->until_us ? db_time(certificate->until_us) : db_null();
}

/* ---- adding ---------------------------------------------------------------------------------------------------------- */

static struct db_param port_param(int port)
{
	return port ? db_int(port) : db_null();
}

/* As the ledger takes it: what is not known is NULL, and so is our own title as called AE title. */
static struct db_param called_param(const struct device_new *device, const struct checked *checked)
{
	bool is_own = device->called_ae && strcmp(checked->called_ae, conf_text(CONF_AE_TITLE)) == 0;

	return db_text(device->called_ae && !is_own ? checked->called_ae : NULL);
}

static bool is_doubtful(const struct db_rows *rows, const struct checked *checked, struct err *err)
{
	const char *id = db_get_text(rows, 0, "id"), *site = db_get_text(rows, 0, "site"),
	           *code = db_get_text(rows, 0, "site_code");

	if (db_get_bool(rows, 0, "is_same"))
		return err_set(
		    err, ERR_CONFLICT,
		    "%s is registered already with the same called AE title, address, port and certificate: device %s "
		    "of %s "
		    "(%s); add --called-ae-title, --address, --local-port or --certificate to tell two devices apart",
		    checked->calling_ae, id, site, code);
	return err_set(err, ERR_CONFLICT,
	               "a call of %s could be this device or device %s of %s (%s), and neither says more: give both "
	               "the same kinds of --address, --local-port and --certificate, or other --called-ae-title",
	               checked->calling_ae, id, site, code);
}

/* Is there another that a call could fit as well? id: of the device itself, NULL: it is new. The ledger's trigger decides, this finds the words. */
static bool check_apart(struct db *db, const char *id, const struct device_new *device, const struct checked *checked,
                        const char *certificate, struct err *err)
{
	struct db_rows *rows;
	bool ok;

	if (!db_exec(db, STMT_DEVICE_DOUBTFUL,
	             DB_PARAMS(db_text(id), db_text(checked->calling_ae), called_param(device, checked),
	                       db_text(device->address ? checked->address : NULL), port_param(device->local_port),
	                       db_text(certificate[0] ? certificate : NULL), db_text(conf_text(CONF_AE_TITLE))),
	             &rows, err))
		return false;
	ok = db_rows_count(rows) == 0 || is_doubtful(rows, checked, err);
	db_rows_free(rows);
	return ok;
}

bool device_add(struct db *db, const struct device_new *device, char out_id[TEXT_UUID_SIZE], struct err *err)
{
	const struct device_certificate *shown = device->certificate ? device->certificate : &no_certificate;
	struct checked checked;
	struct db_rows *rows;
	bool is_double;

	if (!check_device(device, &checked, err) || !check_apart(db, NULL, device, &checked, shown->sha256, err) ||
	    !db_exec(db, STMT_DEVICE_ADD,
	             DB_PARAMS(db_int(device->site->site_id), db_text(device->name), db_text(checked.calling_ae),
	                       called_param(device, &checked), db_text(device->address ? checked.address : NULL),
	                       port_param(device->local_port), db_text(device->modality),
	                       db_text(device->default_charset), digest_param(shown), der_param(shown),
	                       db_text(shown->subject), until_param(shown)),
	             &rows, err))
		return false;
	is_double = db_rows_count(rows) == 0;
	if (!is_double)
		text_copy(out_id, TEXT_UUID_SIZE, db_get_text(rows, 0, "id"));
	db_rows_free(rows);
	if (is_double)
		return err_set(err, ERR_CONFLICT, "%s was registered at the same moment by somebody else",
		               checked.calling_ae);
	return site_enrol(db, device->site->site_id, err);
}

/* ---- changing ----------------------------------------------------------------------------------------------------- */

static const char *merged(const char *edit, const struct db_rows *rows, const char *column)
{
	const char *value = edit ? edit : db_get_text(rows, 0, column);

	return value[0] ? value : NULL;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* certificate: its fingerprint afterwards; device->certificate: NULL when it stays. */
static bool write_change(struct db *db, const char *id, const struct device_new *device, const char *certificate,
                         bool is_enabled, struct err *err)
{
	const struct device_certificate *shown = device->certificate ? device->certificate : &no_certificate;
	struct checked checked;

	return check_device(device, &checked, err) &&
	       (!is_enabled || check_apart(db, id, device, &checked, certificate, err)) &&
	       db_exec(db, STMT_DEVICE_CHANGE,
	               DB_PARAMS(db_text(id), db_text(or_empty(device->name)), db_text(checked.calling_ae),
	                         called_param(device, &checked), db_text(device->address ? checked.address : NULL),
	                         port_param(device->local_port), db_text(or_empty(device->modality)),
	                         db_text(or_empty(device->default_charset)), db_bool(device->certificate != NULL),
	                         digest_param(shown), der_param(shown), db_text(shown->subject), until_param(shown)),
	               NULL, err);
}

bool device_change(struct db *db, const char *id_or_ae, const struct device_edit *edit, char out_id[TEXT_UUID_SIZE],
                   char out_site[TEXT_UUID_SIZE], struct err *err)
{
	struct device_new device;
	struct db_rows *rows;
	bool ok;

	if (!find_one(db, STMT_DEVICE_FIND, "device", id_or_ae, out_id, err) ||
	    !db_exec_one(db, STMT_DEVICE_LOCK, DB_PARAMS(db_text(out_id)), "the device", &rows, err))
		return false;
	device = (struct device_new){.calling_ae = or_empty(merged(edit->calling_ae, rows, "calling_ae")),
	                             .called_ae = merged(edit->called_ae, rows, "called_ae"),
	                             .address = merged(edit->address, rows, "address"),
	                             .local_port = edit->local_port >= 0 ? edit->local_port
	                                                                 : (int)db_get_int(rows, 0, "local_port"),
	                             .name = merged(edit->name, rows, "name"),
	                             .modality = merged(edit->modality, rows, "modality"),
	                             .default_charset = merged(edit->default_charset, rows, "default_charset"),
	                             .certificate = edit->certificate};
	text_copy(out_site, TEXT_UUID_SIZE, db_get_text(rows, 0, "site"));
	ok = write_change(db, out_id, &device,
	                  edit->certificate ? edit->certificate->sha256 : db_get_text(rows, 0, "certificate_sha256"),
	                  db_get_bool(rows, 0, "is_enabled"), err);
	db_rows_free(rows);
	return ok;
}

bool device_set_enabled(struct db *db, const char *id_or_ae, bool is_enabled, char out_id[TEXT_UUID_SIZE],
                        struct err *err)
{
	if (!find_one(db, STMT_DEVICE_FIND, "device", id_or_ae, out_id, err))
		return false;
	if (!db_exec(db, STMT_DEVICE_SET_ENABLED, DB_PARAMS(db_text(out_id), db_bool(is_enabled)), NULL, err))
		return err->kind == ERR_CONFLICT
		           ? err_set(err, ERR_CONFLICT,
		                     "cannot enable this device: a call of it could be another one's, too")
		           : false;
	return true;
}
