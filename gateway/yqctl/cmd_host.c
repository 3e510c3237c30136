/* Hosts that receive. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "lib/domain/host.h"

static const struct column columns[] = {{"name", "HOST", false},
                                        {"home", "HOME", false},
                                        {"state", "STATE", false},
                                        {"reported_at", "REPORTED", false},
                                        {"slots", "SLOTS", true},
                                        {"waiting_objects", "WAITING", true},
                                        {"unplaced_objects", "ONLY THERE", true},
                                        {"quarantined_objects", "SET APART", true},
                                        {"store_state", "STORE", false},
                                        {"journal_state", "JOURNAL", false},
                                        {"id", "ID", false},
                                        {0}};

bool run_host_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_HOST_LIST, DB_PARAMS(db_int(HOST_SILENT_MS)), columns, err);
}

struct forgetting {
	const char *argument, *reason;
	struct operator_note note;
	struct host_forgotten host;
};

/* What was lost with it, if it was, stays on the audit. */
static bool forget(struct db *db, void *context, struct err *err)
{
	struct forgetting *forgetting = context;
	const struct host_forgotten *host = &forgetting->host;
	json_t *detail;
	char *text;
	bool fits;

	if (!host_forget(db, forgetting->argument, &forgetting->host, err))
		return false;
	detail = json_pack("{ss ss sI sI sI}", "name", host->name, "reason", forgetting->reason, "waiting_objects",
	                   (json_int_t)host->waiting_objects, "unplaced_objects", (json_int_t)host->unplaced_objects,
	                   "quarantined_objects", (json_int_t)host->quarantined_objects);
	text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
	json_decref(detail);
	fits = text && text_copy(forgetting->note.detail, sizeof(forgetting->note.detail), text);
	free(text);
	snprintf(forgetting->note.subject, sizeof(forgetting->note.subject), "%s", host->id);
	return fits || err_set(err, ERR_INVALID, "cannot use this reason: too long, or no UTF-8");
}

bool run_host_forget(struct invocation *in, struct err *err)
{
	struct forgetting forgetting = {.argument = in->arguments[0],
	                                .reason = option_value(in, "reason"),
	                                .note = {.action = "host.forget", .subject_kind = "host"}};

	if (!operator_change(in, &forgetting.note, forget, &forgetting, err))
		return false;
	printf("host forgotten: %s\n", forgetting.host.id);
	return true;
}
