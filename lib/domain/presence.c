#include "lib/domain/presence.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/daemon.h"
#include "lib/base/text.h"
#include "lib/db/db.h"

struct presence {
	struct db_pool *pool;
	char id[TEXT_UUID_SIZE], program[32], host[HOST_NAME_MAX + 1];
};

struct presence *presence_new(struct db_pool *pool, const char *program)
{
	struct presence *presence = calloc(1, sizeof *presence);
	if (presence == NULL)
		err_panic("out of memory");
	presence->pool = pool;
	text_uuid_new(presence->id);
	text_copy(presence->program, sizeof presence->program, program);
	if (gethostname(presence->host, HOST_NAME_MAX) != 0)
		text_copy(presence->host, sizeof presence->host, "unknown");
	return presence;
}

const char *presence_id(const struct presence *presence)
{
	return presence->id;
}

bool presence_beat(struct presence *presence, const char *detail, struct err *err)
{
	struct db *db = NULL;
	if (!db_take(presence->pool, &db, err))
		return false;
	bool ok =
	    db_exec(db, STMT_PRESENCE_BEAT,
	            DB_PARAMS(db_text(presence->id), db_text(presence->program), db_text(presence->host),
	                      db_int(getpid()), db_text(daemon_version()), db_text(detail != NULL ? detail : "{}")),
	            NULL, err);
	db_give(db);
	return ok;
}

void presence_end(struct presence *presence)
{
	if (presence == NULL)
		return;
	struct db *db = NULL;
	struct err err = {0};
	if (db_take(presence->pool, &db, &err)) {
		/* An end that is not written shows as a program that fell silent, which is near enough. */
		if (!db_exec(db, STMT_PRESENCE_END, DB_PARAMS(db_text(presence->id)), NULL, &err))
			err.kind = ERR_NONE;
		db_give(db);
	}
	free(presence);
}
