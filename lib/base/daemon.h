/*
 * The skeleton of a program: options, configuration, logging, signals, readiness, orderly end.
 *
 * A main() is a table:
 *
 *	static const struct daemon_spec spec = { "yq-router", router_start, router_run, router_stop };
 *	int main(int argc, char **argv) { return daemon_main(&spec, argc, argv); }
 *
 * SIGTERM and SIGINT ask for an orderly end (daemon_stopping() turns true, daemon_stop_fd() becomes readable); a second one
 * ends at once. SIGPIPE is ignored. --check-config and --version end before start().
 * When a program is ready it logs program_started and, when YQ_READY_FD is set, writes "ready\n" there.
 */
#ifndef YQ_BASE_DAEMON_H
#define YQ_BASE_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct daemon_spec {
	const char *program;
	bool (*start)(struct err *err); /* acquires; false: logged, exit 1 */
	bool (*run)(struct err *err);   /* returns when daemon_stopping() */
	void (*stop)(void);             /* after run(), also when run() failed */
};

int daemon_main(const struct daemon_spec *spec, int argc, char **argv);

/* Log, configuration and clock, without signals: what daemon_main() begins with, and yqctl. program is borrowed for good. */
bool daemon_init(const char *program, struct err *err);

/* Raises the limit of open files as far as the system lets us (RLIMIT_NOFILE, soft to hard); returns what it is then. */
uint64_t daemon_raise_files(void);

const char *daemon_version(void); /* of this build */
bool daemon_stopping(void);
int daemon_stop_fd(void); /* readable for ever once stopping; for poll(2) */
/* Sleeps at most timeout_ms, returns early when stopping. True: go on; false: stopping. */
bool daemon_sleep(int64_t timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
