#include <criterion/criterion.h>

#include "lib/db/db.h"
#include "tests/db/ledger.h"

TestSuite(statements, .init = ledger_setup, .timeout = 60);

Test(statements, every_statement_can_be_prepared_with_as_many_parameters_as_it_says)
{
	PGconn *owner = ledger_connect("yq_owner");
	int i;

	cr_assert_gt(STMT_COUNT, 0);
	for (i = 0; i < STMT_COUNT; i++) {
		const struct db_statement_info *info = &db_statements[i];
		PGresult *result = PQprepare(owner, info->name, info->sql, 0, NULL);

		cr_expect_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s: %s", info->name,
		             PQresultErrorMessage(result));
		if (PQresultStatus(result) == PGRES_COMMAND_OK) {
			PQclear(result);
			result = PQdescribePrepared(owner, info->name);
			cr_expect_eq(PQnparams(result), info->params, "%s: %d parameters, %d described", info->name,
			             PQnparams(result), info->params);
		}
		PQclear(result);
	}
	PQfinish(owner);
}
