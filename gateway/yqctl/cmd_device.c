/* Devices. */
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/device_certificate.h"
#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "lib/domain/device.h"

static const struct column device_columns[] = {{"ae_title", "AE TITLE", false},
                                               {"called_ae_title", "CALLED", false},
                                               {"address", "ADDRESS", false},
                                               {"site", "SITE", false},
                                               {"local_port", "PORT", true},
                                               {"certificate_until", "CERTIFICATE UNTIL", false},
                                               {"modality", "MODALITY", false},
                                               {"is_enabled", "ENABLED", false},
                                               {"last_seen_at", "LAST SEEN", false},
                                               {"silent_since", "SILENT SINCE", false},
                                               {"clock", "CLOCK", false},
                                               {"id", "ID", false},
                                               {0}};

bool run_device_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_DEVICE_LIST, DB_NO_PARAMS, device_columns, err);
}

/* {"id": ..., "site": ...} or a line for people. */
static bool print_made(struct invocation *in, const char *id, const struct site *site, const char *text,
                       struct err *err)
{
	if (option_given(in, "json"))
		return output_json(json_pack("{ss ss ss}", "id", id, "site", site->name, "site_code", site->code), err);
	printf("%s: %s\n", text, id);
	return true;
}

struct adding {
	struct site site;
	struct device_new device;
	struct device_certificate certificate;
	struct operator_note note;
	char id[TEXT_UUID_SIZE];
};

static void note_it(struct adding *adding)
{
	snprintf(adding->note.subject, sizeof(adding->note.subject), "%s", adding->id);
	snprintf(adding->note.site, sizeof(adding->note.site), "%s", adding->site.public_id);
}

static bool add_device(struct db *db, void *context, struct err *err)
{
	struct adding *adding = context;

	if (!device_add(db, &adding->device, adding->id, err))
		return false;
	note_it(adding);
	return true;
}

bool run_device_add(struct invocation *in, struct err *err)
{
	struct adding adding = {.note = {.action = "device.add", .subject_kind = "device"}};
	long port;

	bool ok;

	if (!option_number(in, "local-port", 1, 65535, 0, &port, err) ||
	    !site_find(in->db, option_value(in, "site"), &adding.site, err) ||
	    !device_certificate_given(in, &adding.certificate, err))
		return false;
	adding.device = (struct device_new){.site = &adding.site,
	                                    .calling_ae = option_value(in, "ae-title"),
	                                    .called_ae = option_value(in, "called-ae-title"),
	                                    .address = option_value(in, "address"),
	                                    .local_port = (int)port,
	                                    .name = option_value(in, "name"),
	                                    .modality = option_value(in, "modality"),
	                                    .default_charset = option_value(in, "charset"),
	                                    .certificate = &adding.certificate};
	ok = operator_change(in, &adding.note, add_device, &adding, err) &&
	     print_made(in, adding.id, &adding.site, "device added", err);
	device_certificate_fini(&adding.certificate);
	return ok;
}

struct switching {
	const char *argument;
	bool is_enabled;
	struct operator_note note;
	char id[TEXT_UUID_SIZE];
};

static bool switch_device(struct db *db, void *context, struct err *err)
{
	struct switching *switching = context;

	if (!device_set_enabled(db, switching->argument, switching->is_enabled, switching->id, err))
		return false;
	snprintf(switching->note.subject, sizeof(switching->note.subject), "%s", switching->id);
	return true;
}

static bool print_switched(const struct switching *switching, const char *text)
{
	printf("%s: %s\n", text, switching->id);
	return true;
}

bool run_device_disable(struct invocation *in, struct err *err)
{
	struct switching off = {.argument = in->arguments[0],
	                        .note = {.action = "device.disable", .subject_kind = "device"}};

	return operator_change(in, &off.note, switch_device, &off, err) && print_switched(&off, "device disabled");
}

bool run_device_enable(struct invocation *in, struct err *err)
{
	struct switching on = {.argument = in->arguments[0],
	                       .is_enabled = true,
	                       .note = {.action = "device.enable", .subject_kind = "device"}};

	return operator_change(in, &on.note, switch_device, &on, err) && print_switched(&on, "device enabled");
}
