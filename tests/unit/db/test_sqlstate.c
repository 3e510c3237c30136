#include <criterion/criterion.h>

#include "lib/db/db.h"

Test(sqlstate, decides_the_kind)
{
	static const struct {
		const char *sqlstate;
		enum err_kind want;
	} cases[] = {
	    {"08006", ERR_TEMPORARY}, {"57P01", ERR_TEMPORARY}, {"57P03", ERR_TEMPORARY}, {"53300", ERR_TEMPORARY},
	    {"53100", ERR_NO_SPACE},  {"40001", ERR_TEMPORARY}, {"40P01", ERR_TEMPORARY}, {"55P03", ERR_TEMPORARY},
	    {"25006", ERR_TEMPORARY}, {"25P02", ERR_REFUSED},   {"23505", ERR_CONFLICT},  {"23P01", ERR_CONFLICT},
	    {"23503", ERR_INVALID},   {"23514", ERR_INVALID},   {"22P02", ERR_INVALID},   {"22021", ERR_INVALID},
	    {"42501", ERR_REFUSED},   {"42P01", ERR_CORRUPT},   {"57014", ERR_CANCELLED}, {"YQ400", ERR_INVALID},
	    {"YQ403", ERR_REFUSED},   {"YQ404", ERR_NOT_FOUND}, {"YQ409", ERR_CONFLICT},  {"P0001", ERR_REFUSED},
	    {"P0002", ERR_NOT_FOUND}, {"XX001", ERR_CORRUPT},   {"XX000", ERR_TEMPORARY}, {"F0000", ERR_TEMPORARY},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum err_kind got = db_sqlstate_kind(cases[i].sqlstate);

		cr_expect_eq(got, cases[i].want, "%s: got %s want %s", cases[i].sqlstate, err_kind_info(got)->name,
		             err_kind_info(cases[i].want)->name);
	}
}
