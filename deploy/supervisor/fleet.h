/*
 * The programs of one installation together: started in order (ledger, migration, programs), kept running, ended in order.
 *
 * Two locks below YQ_HOME/run tell the truth about what runs, so that no process id is ever guessed:
 *	supervisor.lock  held by the supervisor, which wrote its process id into it under the lock
 *	children.lock    held by every child; a new supervisor waits until those of a lost one are gone
 * The DICOM socket is the supervisor's: yq-storescp gets it at each start, so that callers wait in the kernel's queue while there is none.
 * SIGHUP restarts the programs one after the other (rolling.h).
 *
 * The file run/programs has a line `name pid state restarts` for each program; it means something while supervisor.lock is held.
 */
#ifndef YQ_SUPERVISOR_FLEET_H
#define YQ_SUPERVISOR_FLEET_H

#include <stdbool.h>

#include "lib/base/err.h"

/* own_path is argv[0]: the programs lie beside it, unless YQ_BIN_DIR names another folder. */
void fleet_locate(const char *own_path);

/* Everything is up and ready on true; on false nothing runs. ERR_CONFLICT: another supervisor has this YQ_HOME. */
bool fleet_start(struct err *err);
/* Restarts what ends, with backoff, until the supervisor is asked to stop. */
bool fleet_run(struct err *err);
void fleet_stop(void);

#endif
