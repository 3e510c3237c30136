#include "deploy/supervisor/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/supervisor/internal.h"
#include "deploy/supervisor/rolling.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/file.h"
#include "lib/base/listen.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

enum { LEASE_LIMIT_MS = 60 * 1000, LEDGER_END_LIMIT_MS = 60 * 1000, LEASE_POLL_MS = 50 };

struct fleet fleet = {.lock_fd = -1, .lease_fd = -1, .restart_fd = -1};

void fleet_locate(const char *own_path)
{
	const char *bin = getenv("YQ_BIN_DIR");
	const char *ledger = getenv("YQ_LEDGER_COMMAND");
	const char *slash = strrchr(own_path, '/');

	if (bin && *bin)
		text_copy(fleet.bin, sizeof(fleet.bin), bin);
	else
		snprintf(fleet.bin, sizeof(fleet.bin), "%.*s", slash ? (int)(slash - own_path) : 1,
		         slash ? own_path : ".");
	if (ledger && *ledger)
		text_copy(fleet.ledger_command, sizeof(fleet.ledger_command), ledger);
	else if (snprintf(fleet.ledger_command, sizeof(fleet.ledger_command), "%s/../../deploy/ledger", fleet.bin) >=
	         PATH_MAX)
		fleet.ledger_command[0] = '\0';
}

/* --- what belongs to it --------------------------------------------------------------------------------------------- */

static bool add_program(int index, const char *name, char *path, struct err *err)
{
	struct child *child = &fleet.children[index];

	if (snprintf(path, PATH_MAX, "%s/%s", fleet.bin, name) >= PATH_MAX)
		return err_set(err, ERR_INVALID, "the path of %s is too long", name);
	if (access(path, X_OK) != 0)
		return err_set_errno(err, ERR_NOT_FOUND, errno, "cannot run %s", path);
	child_init(child, name, CHILD_READY_TOLD, SIGTERM);
	child->args[0] = path;
	fleet.used[index] = true;
	return true;
}

/* The demonstration's site: DCMTK's own receiver, which keeps what it gets as it came. */
static bool add_demo_site(struct err *err)
{
	struct child *site = &fleet.children[DEMO_SITE];
	const char *args[] = {"storescp",           "--bit-preserving", "--aetitle",    "DEMOSITE",
	                      "--output-directory", fleet.site_folder,  fleet.site_port};

	if (!conf_path(fleet.site_folder, sizeof(fleet.site_folder), err, "demo/site") ||
	    !file_make_dirs(fleet.site_folder, 0750, err))
		return false;
	snprintf(fleet.site_port, sizeof(fleet.site_port), "%d", (int)conf_number(CONF_DEMO_SITE_PORT));
	child_init(site, "demo-site", CHILD_READY_AT_ONCE, SIGTERM);
	memcpy(site->args, args, sizeof(args));
	fleet.used[DEMO_SITE] = true;
	return true;
}

static bool make_table(struct err *err)
{
	struct child *ledger = &fleet.children[LEDGER];

	if (!*conf_text(CONF_LEDGER)) {
		child_init(ledger, "ledger", CHILD_READY_AT_ONCE, SIGINT);
		ledger->args[0] = fleet.ledger_command;
		ledger->args[1] = "child";
		fleet.used[LEDGER] = true;
	}
	if (!add_program(STORESCP, "yq-storescp", fleet.storescp, err))
		return false;
	fleet.children[STORESCP].listening = fleet.listening;
	return add_program(ROUTER, "yq-router", fleet.router, err) &&
	       add_program(GATEWAY, "yq-gateway", fleet.gateway, err) && (!conf_bool(CONF_DEMO) || add_demo_site(err));
}

static const char *state_of(const struct child *child)
{
	if (child->pid == 0)
		return "waiting";
	if (child->is_once && child->is_ready)
		return "ending";
	return child->is_ready ? "running" : "starting";
}

static const char *suffix_of(const struct child *child)
{
	if (!child->is_once)
		return "";
	return child->is_ready ? "-old" : "-new";
}

/* For people and tests; a failure to write it stops nothing. */
void fleet_write_state(void)
{
	struct text_buf text;
	char path[PATH_MAX];
	struct err err;
	bool whole = true;
	int i;

	text_buf_init(&text, 4096);
	for (i = 0; i < FLEET_MAX; i++)
		if (fleet.used[i])
			whole &= text_buf_printf(&text, "%s%s %d %s %d\n", fleet.children[i].name,
			                         suffix_of(&fleet.children[i]), (int)fleet.children[i].pid,
			                         state_of(&fleet.children[i]), fleet.children[i].restarts);
	if (!whole || !conf_path(path, sizeof(path), &err, "run/programs") ||
	    !file_replace(path, text.data, text.length, 0644, &err))
		log_warning(LOG_SWEEP, "could_not_write=%s", "run/programs");
	text_buf_fini(&text);
}

/* --- the DICOM socket and the wish to restart ------------------------------------------------------------------------ */

static bool keep_high(int *fd, const char *what, struct err *err)
{
	int high = fcntl(*fd, F_DUPFD_CLOEXEC, CHILD_HIGH_FD);

	close(*fd);
	*fd = high;
	return high >= 0 || err_set_errno(err, ERR_TEMPORARY, errno, "could not keep %s", what);
}

static bool open_door(struct err *err)
{
	sigset_t wish;

	if (!listen_inherited("dicom", &fleet.listening, err) ||
	    !listen_complete(&fleet.listening, "DICOM", conf_text(CONF_DICOM_ADDRESS),
	                     (uint16_t)conf_number(CONF_DICOM_PORT), conf_text(CONF_DICOM_MORE_PORTS), err) ||
	    !listen_complete(&fleet.listening, "DICOM", conf_text(CONF_DICOM_ADDRESS),
	                     (uint16_t)conf_number(CONF_DICOM_PORT), conf_text(CONF_DICOM_TLS_PORTS), err))
		return false;
	for (int i = 0; i < fleet.listening.count; i++)
		if (!keep_high(&fleet.listening.fds[i], "a DICOM socket", err))
			return false;
	sigemptyset(&wish);
	sigaddset(&wish, SIGHUP);
	sigprocmask(SIG_BLOCK, &wish, NULL);
	fleet.restart_fd = signalfd(-1, &wish, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fleet.restart_fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not wait for signals");
	return keep_high(&fleet.restart_fd, "the wait for signals", err);
}

/* Callers who still wait in the queue are told so, and need not wait for the end of everything. */
static void close_door(void)
{
	listen_close(&fleet.listening);
}

/* Several wishes at once are one. */
static bool asked_to_restart(void)
{
	struct signalfd_siginfo wish;
	bool is_asked = false;

	while (read(fleet.restart_fd, &wish, sizeof(wish)) == (ssize_t)sizeof(wish))
		is_asked = true;
	return is_asked;
}

/* --- locks ---------------------------------------------------------------------------------------------------------- */

static bool take_lock(struct err *err)
{
	char path[PATH_MAX], text[16];

	if (!conf_path(path, sizeof(path), err, "run/supervisor.lock"))
		return false;
	if (!file_lock(path, &fleet.lock_fd, err)) {
		if (err->kind == ERR_CONFLICT)
			err_set(err, ERR_CONFLICT, "another supervisor runs in %s", conf_home());
		return false;
	}
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fleet.lock_fd, 0) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not write %s", path);
	return file_write_all(fleet.lock_fd, text, strlen(text), err);
}

/* Those of a supervisor that was killed end by themselves; only their lock tells when. */
static bool take_lease(struct err *err)
{
	int64_t until = clock_monotonic_ms() + LEASE_LIMIT_MS;
	char path[PATH_MAX];

	if (!conf_path(path, sizeof(path), err, "run/children.lock"))
		return false;
	while (!file_lock(path, &fleet.lease_fd, err)) {
		if (err->kind != ERR_CONFLICT)
			return false;
		if (clock_monotonic_ms() > until)
			return err_set(err, ERR_CONFLICT, "programs of an earlier start in %s do not end", conf_home());
		if (!daemon_sleep(LEASE_POLL_MS))
			return err_set(err, ERR_CANCELLED, "asked to stop");
	}
	return keep_high(&fleet.lease_fd, path, err);
}

/* --- helpers that run to their end ------------------------------------------------------------------------------------ */

/* Waits for the end of a short-lived command; it is ended when we are asked to stop, or when `needed` (may be NULL) ended. */
static bool run_command(const char *name, const char *const *args, const struct child *needed, struct err *err)
{
	struct child command;
	struct pollfd polled[3] = {{.fd = daemon_stop_fd(), .events = POLLIN},
	                           {.events = POLLIN},
	                           {.fd = needed ? needed->pidfd : -1, .events = POLLIN}};
	int i, status;

	child_init(&command, name, CHILD_READY_AT_ONCE, SIGTERM);
	for (i = 0; i < CHILD_ARGS_MAX - 1 && args[i]; i++)
		command.args[i] = args[i];
	if (!child_start(&command, -1, err))
		return false;
	polled[1].fd = command.pidfd;
	while (poll(polled, 3, -1) < 0 && errno == EINTR)
		;
	if (!(polled[1].revents & POLLIN))
		child_end(&command, false);
	status = child_reap(&command);
	if (daemon_stopping())
		return err_set(err, ERR_CANCELLED, "asked to stop");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, ERR_TEMPORARY, "could not %s: see %s/log/%s.log", args[1], conf_home(), name);
	return true;
}

bool fleet_migrate(struct err *err)
{
	char path[PATH_MAX];
	const char *args[] = {path, "migrate", NULL};

	if (snprintf(path, sizeof(path), "%s/yqctl", fleet.bin) >= PATH_MAX)
		return err_set(err, ERR_INVALID, "the path of yqctl is too long");
	return run_command("migrate", args, NULL, err);
}

static bool start_ledger(struct err *err)
{
	struct child *ledger = &fleet.children[LEDGER];
	const char *stop[] = {fleet.ledger_command, "stop", NULL};
	const char *ready[] = {fleet.ledger_command, "ready", "60", NULL};

	/* One that somebody started by hand in the same home would keep ours from starting. */
	if (!run_command("ledger", stop, NULL, err) || !child_start(ledger, fleet.lease_fd, err))
		return false;
	return run_command("ledger", ready, ledger, err);
}

/* --- running ---------------------------------------------------------------------------------------------------------- */

/* Which descriptor belongs to which child; filled by watch(). */
struct watched {
	struct pollfd polled[2 + 2 * FLEET_MAX];
	struct child *owner[2 + 2 * FLEET_MAX];
	int count;
};

static void watch_one(struct watched *watched, int fd, struct child *owner)
{
	watched->polled[watched->count] = (struct pollfd){.fd = fd, .events = POLLIN};
	watched->owner[watched->count++] = owner;
}

static void watch(struct watched *watched, bool with_stop)
{
	int i;

	watched->count = 0;
	if (with_stop)
		watch_one(watched, daemon_stop_fd(), NULL);
	if (with_stop && fleet.is_running)
		watch_one(watched, fleet.restart_fd, NULL);
	for (i = 0; i < FLEET_MAX; i++) {
		if (fleet.used[i] && fleet.children[i].pid > 0)
			watch_one(watched, fleet.children[i].pidfd, &fleet.children[i]);
		if (fleet.used[i] && fleet.children[i].ready_fd >= 0)
			watch_one(watched, fleet.children[i].ready_fd, &fleet.children[i]);
	}
}

/* Waits for something to happen to a child. *out_ended: the first one that ended, else NULL. */
static void wait_children(int64_t timeout_ms, bool with_stop, struct child **out_ended)
{
	struct watched watched;
	bool changed = false;
	int i;

	*out_ended = NULL;
	watch(&watched, with_stop);
	if (poll(watched.polled, (nfds_t)watched.count, timeout_ms < 0 ? 0 : (int)timeout_ms) <= 0)
		return;
	for (i = 0; i < watched.count; i++) {
		struct child *child = watched.owner[i];

		if (!child || !watched.polled[i].revents)
			continue;
		changed = true;
		if (watched.polled[i].fd == child->ready_fd) {
			child_read_ready(child);
		} else if (watched.polled[i].fd == child->pidfd && child->pid > 0) {
			child_reap(child);
			if (child->is_once)
				fleet.used[child - fleet.children] = false;
			if (!*out_ended)
				*out_ended = child;
		}
	}
	if (changed)
		fleet_write_state();
}

static bool all_ready(void)
{
	int i;

	for (i = 0; i < FLEET_MAX; i++)
		if (fleet.used[i] && !fleet.children[i].is_ready)
			return false;
	return true;
}

static bool start_programs(struct err *err)
{
	int64_t until = clock_monotonic_ms() + START_LIMIT_MS;
	struct child *ended;
	int i;

	for (i = LEDGER + 1; i < FLEET_MAX; i++)
		if (fleet.used[i] && !child_start(&fleet.children[i], fleet.lease_fd, err))
			return false;
	while (!all_ready()) {
		wait_children(until - clock_monotonic_ms(), true, &ended);
		if (daemon_stopping())
			return err_set(err, ERR_CANCELLED, "asked to stop");
		if (ended)
			return err_set(err, ERR_TEMPORARY, "%s ended at its start: see %s/log/%s.log", ended->name,
			               conf_home(), ended->name);
		if (clock_monotonic_ms() >= until)
			return err_set(err, ERR_TEMPORARY, "the programs are not ready after %d s: see %s/log",
			               START_LIMIT_MS / 1000, conf_home());
	}
	return true;
}

static bool make_folders(struct err *err)
{
	static const char *const names[] = {"run", "log"};
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!conf_path(path, sizeof(path), err, "%s", names[i]) || !file_make_dirs(path, 0755, err))
			return false;
	/* The server of the ledger is another user, and has its socket below run. */
	if (!conf_path(path, sizeof(path), err, "run"))
		return false;
	if (chmod(path, 0755) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not open %s to others", path);
	return true;
}

/* Whoever waits for our readiness reads until the end of the pipe: no child may keep it open. */
static void hide_ready_fd(void)
{
	const char *text = getenv("YQ_READY_FD");

	if (text && *text)
		(void)fcntl((int)strtol(text, NULL, 10), F_SETFD, FD_CLOEXEC);
}

bool fleet_start(struct err *err)
{
	bool done;

	hide_ready_fd();
	done = make_folders(err) && take_lock(err) && take_lease(err) && open_door(err) && make_table(err) &&
	       (!fleet.used[LEDGER] || start_ledger(err)) && fleet_migrate(err) && start_programs(err);
	if (!done) {
		fleet_stop();
		return false;
	}
	fleet_write_state();
	return true;
}

/* Ended, and to be started again. */
static bool is_absent(int index)
{
	const struct child *child = &fleet.children[index];

	return fleet.used[index] && child->pid == 0 && !child->is_once && !child->is_held;
}

static int64_t next_start_in(void)
{
	int64_t now = clock_monotonic_ms(), nearest = 3600 * 1000;
	int i;

	for (i = 0; i < FLEET_MAX; i++) {
		const struct child *child = &fleet.children[i];

		if (is_absent(i) && child->next_start_at_ms - now < nearest)
			nearest = child->next_start_at_ms - now;
	}
	return nearest < 0 ? 0 : nearest;
}

static void restart_due(void)
{
	int64_t now = clock_monotonic_ms();
	struct err err;
	int i;

	for (i = 0; i < FLEET_MAX; i++) {
		struct child *child = &fleet.children[i];

		if (!is_absent(i) || child->next_start_at_ms > now)
			continue;
		child->restarts++;
		if (!child_start(child, fleet.lease_fd, &err)) {
			log_err(LOG_CHILD_ENDED, &err, "child=%s", child->name);
			child->next_start_at_ms = now + child->backoff_ms;
		}
		fleet_write_state();
	}
}

void fleet_pump(int64_t timeout_ms)
{
	struct child *ended;
	int64_t next;

	restart_due();
	next = next_start_in();
	wait_children(timeout_ms < next ? timeout_ms : next, true, &ended);
}

bool fleet_run(struct err *err)
{
	(void)err;
	fleet.is_running = true;
	while (!daemon_stopping()) {
		fleet_pump(INT64_MAX);
		if (daemon_stopping() || !asked_to_restart())
			continue;
		fleet.is_running = false;
		rolling_restart();
		fleet.is_running = true;
	}
	return true;
}

/* --- the end ---------------------------------------------------------------------------------------------------------- */

static bool any_runs(int first, int last)
{
	int i;

	for (i = first; i <= last; i++)
		if (fleet.children[i].pid > 0)
			return true;
	return false;
}

static void end_children(int first, int last, int64_t limit_ms)
{
	int64_t until = clock_monotonic_ms() + limit_ms;
	bool by_force = false;
	struct child *ended;
	int i;

	for (i = first; i <= last; i++)
		child_end(&fleet.children[i], false);
	while (any_runs(first, last)) {
		wait_children(by_force ? 1000 : until - clock_monotonic_ms(), false, &ended);
		if (by_force || clock_monotonic_ms() < until)
			continue;
		for (i = first; i <= last; i++)
			child_end(&fleet.children[i], true);
		by_force = true;
	}
}

void fleet_stop(void)
{
	char path[PATH_MAX];
	struct err err;

	close_door();
	end_children(STORESCP, DEMO_SITE, PROGRAM_END_LIMIT_MS);
	end_children(LEDGER, LEDGER, LEDGER_END_LIMIT_MS);
	/* The locks go with the process, last of all. */
	if (fleet.lock_fd >= 0 && conf_path(path, sizeof(path), &err, "run/programs"))
		(void)unlink(path);
}
