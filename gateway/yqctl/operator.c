#include "gateway/yqctl/operator.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

struct change {
	db_work *work;
	void *context;
	const struct operator_note *note;
};

const char *operator_name(void)
{
	static char name[64];
	const struct passwd *user;

	if (*name)
		return name;
	user = getpwuid(getuid());
	if (user)
		snprintf(name, sizeof(name), "%s", user->pw_name);
	else
		snprintf(name, sizeof(name), "uid-%u", (unsigned)getuid());
	return name;
}

static bool work_and_note(struct db *db, void *context, struct err *err)
{
	struct change *change = context;
	const struct operator_note *note = change->note;
	char writer[AUDIT_WRITER_MAX];
	struct audit_fact fact = {.action = note->action,
	                          .actor_kind = "operator",
	                          .actor = operator_name(),
	                          .subject_kind = note->subject_kind,
	                          .outcome = "success"};

	if (!change->work(db, change->context, err))
		return false;
	/* Read after the work, which fills them. */
	fact.subject = note->subject;
	fact.site = *note->site ? note->site : NULL;
	fact.detail = *note->detail ? note->detail : NULL;
	audit_writer("yqctl", writer);
	return audit_append(db, writer, &fact, err);
}

bool operator_change(struct invocation *in, struct operator_note *note, db_work *work, void *context, struct err *err)
{
	struct change change = {work, context, note};

	return db_transact(in->pool, NULL, work_and_note, &change, err);
}
