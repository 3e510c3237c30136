/* What the files of the supervisor share. One thread, one installation. */
#ifndef YQ_SUPERVISOR_INTERNAL_H
#define YQ_SUPERVISOR_INTERNAL_H

#include <limits.h>

#include "deploy/supervisor/child.h"

enum {
	START_LIMIT_MS = 90 * 1000,
	/* yq-storescp may need 30 s for the objects at hand and 10 s to bring what it has into the ledger. */
	PROGRAM_END_LIMIT_MS = 50 * 1000
};

/* The ledger comes first and goes last. STORESCP_OTHER is there during a restart only: the new one until it is ready, then the old one. */
enum { LEDGER, STORESCP, STORESCP_OTHER, ROUTER, GATEWAY, DEMO_SITE, FLEET_MAX };

struct fleet {
	char bin[PATH_MAX], ledger_command[PATH_MAX];
	char storescp[PATH_MAX], router[PATH_MAX], gateway[PATH_MAX], site_folder[PATH_MAX], site_port[12];
	struct child children[FLEET_MAX];
	bool used[FLEET_MAX];
	int lock_fd, lease_fd;
	struct listen_set listening; /* the DICOM ports */
	int restart_fd;              /* readable when somebody wants a restart */
	bool is_running;             /* a restart may begin */
};
extern struct fleet fleet;

/* Restarts what is due, then waits for something to happen to a child, for the wish to stop, or until the time is over. */
void fleet_pump(int64_t timeout_ms);
void fleet_write_state(void);
/* Applies the migrations of the programs in the folder. */
bool fleet_migrate(struct err *err);

#endif
