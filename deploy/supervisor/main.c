/* yq-supervisor: runs the programs of one YQ_HOME where there is no systemd to do it. */
#include "deploy/supervisor/fleet.h"
#include "lib/base/daemon.h"

int main(int argc, char **argv)
{
	static const struct daemon_spec spec = {"yq-supervisor", fleet_start, fleet_run, fleet_stop};

	fleet_locate(argv[0]);
	return daemon_main(&spec, argc, argv);
}
