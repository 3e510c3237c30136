#include <stdio.h>

#include "gateway/yqctl/command.h"
#include "gateway/yqctl/handlers.h"
#include "lib/db/migrate.h"

bool run_migrate(struct invocation *in, struct err *err)
{
	int applied = 0;

	(void)in;
	if (!migrate_up(&applied, err))
		return false;
	printf("%d migration%s applied\n", applied, applied == 1 ? "" : "s");
	return true;
}
