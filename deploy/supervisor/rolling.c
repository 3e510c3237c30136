#include "deploy/supervisor/rolling.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "deploy/supervisor/internal.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

/* --- waiting, while the other programs are looked after ----------------------------------------------------------------- */

static bool has_ended(const struct child *child)
{
	return child->pid == 0;
}

static bool has_settled(const struct child *child)
{
	return child->is_ready || child->pid == 0;
}

/* False: the time is over, or we are stopping. */
static bool await(const struct child *child, bool (*is_so)(const struct child *), int64_t limit_ms)
{
	int64_t until = clock_monotonic_ms() + limit_ms;

	while (!is_so(child) && !daemon_stopping() && clock_monotonic_ms() < until)
		fleet_pump(until - clock_monotonic_ms());
	return is_so(child);
}

/* When we are stopping, whoever ends everything goes on with it. */
static void await_end(const struct child *child)
{
	if (await(child, has_ended, PROGRAM_END_LIMIT_MS) || daemon_stopping())
		return;
	child_end(child, true);
	await(child, has_ended, PROGRAM_END_LIMIT_MS);
}

static bool await_ready(const struct child *child, struct err *err)
{
	bool has_time = await(child, has_settled, START_LIMIT_MS);

	if (child->is_ready)
		return true;
	if (daemon_stopping())
		return err_set(err, ERR_CANCELLED, "asked to stop");
	return err_set(err, ERR_TEMPORARY, "the new %s %s: see %s/log/%s.log", child->name,
	               has_time ? "ended at its start" : "does not become ready", conf_home(), child->name);
}

/* --- yq-storescp: the new one beside the old one -------------------------------------------------------------------------- */

static bool start_other(struct child *other, struct err *err)
{
	const struct child *now = &fleet.children[STORESCP];

	child_init(other, now->name, now->ready_kind, now->end_signal);
	memcpy(other->args, now->args, sizeof(other->args));
	other->listening = now->listening;
	other->is_once = true;
	if (!child_start(other, fleet.lease_fd, err))
		return false;
	fleet.used[STORESCP_OTHER] = true;
	fleet_write_state();
	return true;
}

static void change_places(struct child *now, struct child *other)
{
	struct child before = *now;

	*now = *other;
	*other = before;
	now->is_once = false;
	now->restarts = before.restarts;
	other->is_once = true;
	fleet.used[STORESCP_OTHER] = other->pid > 0;
	child_end(other, false);
	fleet_write_state();
}

static bool replace_storescp(struct err *err)
{
	struct child *now = &fleet.children[STORESCP], *other = &fleet.children[STORESCP_OTHER];

	if (!start_other(other, err))
		return err_context(err, "the running yq-storescp goes on");
	if (!await_ready(other, err)) {
		child_end(other, false);
		await_end(other);
		return err_context(err, "the running yq-storescp goes on");
	}
	change_places(now, other);
	return true;
}

/* --- the others: ended, then started -------------------------------------------------------------------------------------- */

static bool replace(struct child *child, struct err *err)
{
	if (child->pid > 0) {
		/* Started by us, not by the one who looks after what has ended. */
		child->is_held = true;
		child_end(child, false);
		await_end(child);
		child->is_held = false;
	}
	if (daemon_stopping())
		return err_set(err, ERR_CANCELLED, "asked to stop");
	if (!child_start(child, fleet.lease_fd, err))
		return false;
	fleet_write_state();
	return await_ready(child, err);
}

/* --- all of it ------------------------------------------------------------------------------------------------------------ */

static bool restart(struct err *err)
{
	return fleet_migrate(err) && replace_storescp(err) && replace(&fleet.children[ROUTER], err) &&
	       replace(&fleet.children[GATEWAY], err);
}

static void tell(bool is_done, const struct err *why)
{
	struct text_buf text;
	char path[PATH_MAX];
	struct err err;

	text_buf_init(&text, 1024);
	if (!(is_done ? text_buf_printf(&text, "done\n") : text_buf_printf(&text, "failed: %s\n", why->text)) ||
	    !conf_path(path, sizeof(path), &err, "run/restarted") ||
	    !file_replace(path, text.data, text.length, 0644, &err))
		log_warning(LOG_RESTART, "could_not_write=%s", "run/restarted");
	text_buf_fini(&text);
}

void rolling_restart(void)
{
	struct err err;
	bool is_done;

	log_info(LOG_RESTART, "step=%s", "begin");
	is_done = restart(&err);
	await_end(&fleet.children[STORESCP_OTHER]);
	if (is_done)
		log_info(LOG_RESTART, "step=%s", "done");
	else
		log_err(LOG_RESTART, &err, "step=%s", "failed");
	tell(is_done, &err);
}
