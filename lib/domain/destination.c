#include "lib/domain/destination.h"

#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/device.h"
#include "lib/domain/event.h"
#include "lib/domain/find_one.h"
#include "lib/domain/network.h"

enum { REASON_CHARACTERS_MAX = 500, NAME_CHARACTERS_MAX = 100 };

static bool check_text(const char *text, const char *what, size_t max, struct err *err)
{
	if (!*text || !text_is_utf8(text, strlen(text)) || text_utf8_count(text) > max)
		return err_set(err, ERR_INVALID, "cannot use this %s: 1 to %zu characters of UTF-8 are wanted", what,
		               max);
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return err_set(err, ERR_INVALID, "cannot use this %s: it has a control character", what);
	return true;
}

bool destination_add(struct db *db, const struct destination_new *destination, char out_id[TEXT_UUID_SIZE],
                     struct err *err)
{
	char ae_title[DEVICE_AE_SIZE];
	struct db_rows *rows;
	bool is_double;

	if (!device_check_ae(destination->ae_title, "AE title", ae_title, err) ||
	    (destination->name && !check_text(destination->name, "name", NAME_CHARACTERS_MAX, err)))
		return false;
	if (!network_host_is_valid(destination->host))
		return err_set(err, ERR_INVALID, "cannot use this host: an address or a DNS name is wanted");
	if (destination->port < 1 || destination->port > 65535)
		return err_set(err, ERR_INVALID, "cannot use this port: 1 to 65535 is wanted");
	if (!db_exec(db, STMT_DESTINATION_ADD,
	             DB_PARAMS(db_int(destination->site->site_id), db_text(destination->name), db_text(ae_title),
	                       db_text(destination->host), db_int(destination->port)),
	             &rows, err))
		return false;
	is_double = db_rows_count(rows) == 0;
	if (!is_double)
		text_copy(out_id, TEXT_UUID_SIZE, db_get_text(rows, 0, "id"));
	db_rows_free(rows);
	if (is_double)
		return err_set(
		    err, ERR_CONFLICT,
		    "%s at %.60s port %d is a destination of %.60s already; `yqctl destination list` shows it",
		    ae_title, destination->host, destination->port, destination->site->name);
	return true;
}

static bool switch_hold(struct db *db, const char *id, const char *reason, struct err *err)
{
	struct db_rows *rows;
	bool ok;

	if (!db_exec_one(db, STMT_DESTINATION_HOLD, DB_PARAMS(db_text(id), db_text(reason)), "the destination", &rows,
	                 err))
		return false;
	ok = event_append(db, reason ? "destination.hold" : "destination.release", id, db_get_text(rows, 0, "site_id"),
	                  err);
	db_rows_free(rows);
	return ok;
}

bool destination_hold(struct db *db, const char *id_or_ae, const char *reason, char out_id[TEXT_UUID_SIZE],
                      struct err *err)
{
	return (!reason || check_text(reason, "reason", REASON_CHARACTERS_MAX, err)) &&
	       find_one(db, STMT_DESTINATION_FIND, "destination", id_or_ae, out_id, err) &&
	       switch_hold(db, out_id, reason, err);
}
