#include <string.h>

#include "lib/db/internal.h"

/*
 * The first row whose prefix fits decides. YQ4xx are raised by our own triggers and functions. 42xxx and 0A000 mean that the
 * program and the ledger do not fit: nothing a caller can cure by trying again.
 */
static const struct {
	const char *prefix;
	enum err_kind kind;
} table[] = {
    {"YQ400", ERR_INVALID},   {"YQ403", ERR_REFUSED},   {"YQ404", ERR_NOT_FOUND}, {"YQ409", ERR_CONFLICT},
    {"YQ", ERR_REFUSED},      {"08", ERR_TEMPORARY},    {"57P0", ERR_TEMPORARY},  {"57014", ERR_CANCELLED},
    {"53100", ERR_NO_SPACE},  {"53", ERR_TEMPORARY},    {"40", ERR_TEMPORARY},    {"55P03", ERR_TEMPORARY},
    {"25006", ERR_TEMPORARY}, {"25", ERR_REFUSED},      {"23505", ERR_CONFLICT},  {"23P01", ERR_CONFLICT},
    {"23", ERR_INVALID},      {"22", ERR_INVALID},      {"42501", ERR_REFUSED},   {"42", ERR_CORRUPT},
    {"0A", ERR_CORRUPT},      {"P0002", ERR_NOT_FOUND}, {"P0", ERR_REFUSED},      {"XX001", ERR_CORRUPT},
    {"XX002", ERR_CORRUPT},
};

enum err_kind db_sqlstate_kind(const char *sqlstate)
{
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strncmp(sqlstate, table[i].prefix, strlen(table[i].prefix)) == 0)
			return table[i].kind;
	return ERR_TEMPORARY;
}

bool db_result_is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* The server's words without line breaks; they name tables and constraints, for class 22 also values, so not those. */
static void primary_text(const PGresult *result, const char *sqlstate, char *out, size_t out_size)
{
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (strncmp(sqlstate, "22", 2) == 0)
		text = "a value has a form that the ledger does not take";
	text_copy(out, out_size, text ? text : "no answer");
	out[strcspn(out, "\n")] = '\0';
}

bool db_result_error(struct db *db, const PGresult *result, const char *what, struct err *err)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	enum err_kind kind;
	char text[300];

	if (!sqlstate) {
		db->is_lost = true;
		return err_set(err, ERR_TEMPORARY, "could not run %s: the connection to the ledger was lost", what);
	}
	if (strncmp(sqlstate, "57P0", 4) == 0 || strncmp(sqlstate, "08", 2) == 0)
		db->is_lost = true;
	kind = db_sqlstate_kind(sqlstate);
	primary_text(result, sqlstate, text, sizeof(text));
	if (strncmp(sqlstate, "YQ", 2) == 0)
		err_set(err, kind, "%s", text);
	else if (strcmp(sqlstate, "23505") == 0)
		err_set(err, kind, "cannot keep this: there is one like it already (%s)", what);
	else
		err_set(err, kind, "%s run %s: %s (%s)", err_kind_info(kind)->retry ? "could not" : "cannot", what,
		        text, sqlstate);
	return err_code(err, ERR_SOURCE_SQL, err_sqlstate_pack(sqlstate));
}
