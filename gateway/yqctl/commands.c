#include "gateway/yqctl/command.h"
#include "gateway/yqctl/handlers.h"

const struct command commands[] = {
    {"migrate", "", 0, 0, "bring the ledger to the version of this program", NULL, NULL, NEEDS_HOME, run_migrate},
    {0},
};
