/* One device: what is known of it, and how that is changed. */
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/device_certificate.h"
#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/operator.h"
#include "gateway/yqctl/output.h"
#include "lib/domain/device.h"
#include "lib/domain/find_one.h"
#include "lib/domain/row_json.h"

bool run_device_show(struct invocation *in, struct err *err)
{
	char id[TEXT_UUID_SIZE];
	struct db_rows *rows;
	json_t *json;

	if (!find_one(in->db, STMT_DEVICE_FIND, "device", in->arguments[0], id, err) ||
	    !db_exec_one(in->db, STMT_DEVICE_SHOW, DB_PARAMS(db_text(id)), "the device", &rows, err))
		return false;
	json = row_json(rows, 0);
	db_rows_free(rows);
	return output_object(option_given(in, "json"), json, err);
}

struct editing {
	const char *argument;
	struct device_edit edit;
	struct device_certificate certificate;
	struct operator_note note;
	char id[TEXT_UUID_SIZE], site[TEXT_UUID_SIZE];
};

static bool edit_device(struct db *db, void *context, struct err *err)
{
	struct editing *editing = context;

	if (!device_change(db, editing->argument, &editing->edit, editing->id, editing->site, err))
		return false;
	snprintf(editing->note.subject, sizeof(editing->note.subject), "%s", editing->id);
	snprintf(editing->note.site, sizeof(editing->note.site), "%s", editing->site);
	return true;
}

/* {"changed": ["name", "address"]}; the values themselves are what `device show` tells. */
static bool note_what(struct invocation *in, struct operator_note *note, struct err *err)
{
	json_t *changed = json_array(), *detail;
	size_t count;

	for (const struct option *option = in->command->options; option->name; option++)
		if (option_given(in, option->name))
			json_array_append_new(changed, json_string(option->name));
	count = json_array_size(changed);
	detail = json_pack("{so}", "changed", changed);
	if (!detail || json_dumpb(detail, note->detail, sizeof(note->detail) - 1, JSON_COMPACT) >= sizeof(note->detail))
		err_panic("options that do not fit");
	json_decref(detail);
	return count > 0 || err_set(err, ERR_INVALID, "nothing to change: give at least one option");
}

/* "any" takes away what tells the device apart; a text for people is taken away by an empty one. */
static const char *known_or_any(const char *value)
{
	return value && strcmp(value, "any") == 0 ? "" : value;
}

bool run_device_edit(struct invocation *in, struct err *err)
{
	struct editing editing = {.argument = in->arguments[0],
	                          .note = {.action = "device.edit", .subject_kind = "device"}};
	const char *port = known_or_any(option_value(in, "local-port"));
	long number = port && !port[0] ? 0 : -1;
	bool ok;

	if (option_given(in, "site"))
		return err_set(err, ERR_INVALID,
		               "cannot move a device to another site: what it sent stays with the site where it was "
		               "sent. Register it there with `yqctl device add` and end this one with `yqctl device "
		               "disable`");
	if (!note_what(in, &editing.note, err) ||
	    (number < 0 && !option_number(in, "local-port", 1, 65535, -1, &number, err)) ||
	    !device_certificate_given(in, &editing.certificate, err))
		return false;
	editing.edit =
	    (struct device_edit){.calling_ae = option_value(in, "ae-title"),
	                         .called_ae = known_or_any(option_value(in, "called-ae-title")),
	                         .address = known_or_any(option_value(in, "address")),
	                         .local_port = (int)number,
	                         .name = option_value(in, "name"),
	                         .modality = option_value(in, "modality"),
	                         .default_charset = option_value(in, "charset"),
	                         .certificate = option_given(in, "certificate") ? &editing.certificate : NULL};
	ok = operator_change(in, &editing.note, edit_device, &editing, err);
	if (ok)
		printf("device changed: %s\n", editing.id);
	device_certificate_fini(&editing.certificate);
	return ok;
}
