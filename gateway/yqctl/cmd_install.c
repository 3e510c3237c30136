/* What an installation is made of: the ledger's version, the demonstration CA. */
#include <stdio.h>

#include "gateway/yqctl/command.h"
#include "gateway/yqctl/handlers.h"
#include "lib/db/migrate.h"
#include "lib/domain/signer_ca.h"

bool run_migrate(struct invocation *in, struct err *err)
{
	int applied = 0;

	(void)in;
	if (!migrate_up(&applied, err))
		return false;
	printf("%d migration%s applied\n", applied, applied == 1 ? "" : "s");
	return true;
}

bool run_ca_init(struct invocation *in, struct err *err)
{
	(void)in;
	if (!signer_ca_init(err))
		return false;
	printf("the demonstration CA is there (演示签名 无法律效力)\n");
	return true;
}
