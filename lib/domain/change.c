#include "lib/domain/change.h"

#include "lib/base/log.h"
#include "lib/domain/audit.h"
#include "lib/domain/event.h"

static bool append_audit(struct db *db, const struct change *change, struct err *err)
{
	char writer[AUDIT_WRITER_MAX];
	struct audit_fact fact = {
	    .action = change->action,
	    .actor_kind = change->person_id     ? "person"
	                  : change->is_operator ? "operator"
	                                        : "program",
	    .actor = change->person_id       ? change->person_id
	             : change->operator_name ? change->operator_name
	                                     : log_program(),
	    .subject_kind = change->subject_kind,
	    .subject = change->subject_id,
	    .site = change->site_id,
	    .outcome = "success",
	    .detail = change->detail,
	};

	audit_writer(log_program(), writer);
	return audit_append(db, writer, &fact, err);
}

bool change_record(struct db *db, const struct change *change, struct err *err)
{
	if (change->event && !event_append(db, change->event, change->subject_id, change->site_id, err))
		return false;
	return !change->action || append_audit(db, change, err);
}
