#include "gateway/yqctl/command.h"
#include "gateway/yqctl/destination_options.h"
#include "gateway/yqctl/handlers.h"

static const struct option only_json[] = {OPTION_JSON, OPTION_END};

static const struct option device_add_options[] = {
    {"ae-title", "AE", "the title that the device calls itself", true},
    {"site", "SITE", "name, code or id of the site where it stands", true},
    {"called-ae-title", "AE", "the title that it calls us, when that tells it apart", false},
    {"address", "CIDR", "address or network that it calls from, when that tells it apart", false},
    {"local-port", "PORT", "our port that it calls, when that tells it apart", false},
    {"certificate", "FILE-or-SHA256", "certificate (PEM, DER) that it has to show over TLS, or its fingerprint", false},
    {"name", "TEXT", "a name for people", false},
    {"modality", "CS", "as in DICOM: DX, CT, US ...", false},
    {"charset", "TERM", "character set of its texts when the bytes do not decide, e.g. GB18030", false},
    OPTION_JSON,
    OPTION_END};
static const struct option device_edit_options[] = {
    {"name", "TEXT", "a name for people", false},
    {"ae-title", "AE", "the title that the device calls itself", false},
    {"called-ae-title", "AE", "the title that it calls us; any: ours", false},
    {"address", "CIDR", "address or network that it calls from; any: from anywhere", false},
    {"local-port", "PORT", "our port that it calls; any: each", false},
    {"certificate", "FILE-or-SHA256", "certificate that it has to show over TLS, or its fingerprint; any: none", false},
    {"modality", "CS", "as in DICOM: DX, CT, US ...", false},
    {"charset", "TERM", "character set of its texts when the bytes do not decide", false},
    {"site", "SITE", "refused: a device that moved is registered anew", false},
    OPTION_END};
static const struct option matching_set_options[] = {
    {"beyond-accession", "YES-or-NO", "yes: the rule matches what is certain; no: only by accession number (检查号)",
     true},
    OPTION_END};
static const struct option destination_add_options[] = {
    {"site", "SITE", "name, code or id of the site", true},
    {"protocol", "PROTOCOL", "dicom (default), stow, hl7, fhir or webhook", false},
    OPTIONS_DESTINATION,
    OPTION_JSON,
    OPTION_END};
static const struct option destination_edit_options[] = {
    OPTIONS_DESTINATION, {"enabled", "YES-or-NO", "no: nothing is sent there any more", false}, OPTION_END};
static const struct option destination_hold_options[] = {{"reason", "TEXT", "why", true}, OPTION_END};

static const struct option host_forget_options[] = {{"reason", "TEXT", "why, for the audit", true}, OPTION_END};

static const struct option account_add_options[] = {
    {"name", "TEXT", "the person's name", true},
    {"site", "SITE", "main institution, and where the person works now", true},
    {"role", "ROLES",
     "radiographer, clinician, reporter, reviewer, duty_leader, quality_controller, administrator, operator; "
     "several with a comma",
     true},
    {"scope", "SCOPE", "site, grid or community where the roles hold; default: the site", false},
    {"title", "TEXT", "professional title", false},
    {"licence", "TEXT", "licence number", false},
    {"language", "LANGUAGE", "zh-CN or en", false},
    {"password-stdin", NULL, "read the password from standard input, one line; else one is made and shown once", false},
    OPTION_JSON,
    OPTION_END};
static const struct option account_password_options[] = {
    {"password-stdin", NULL, "read the password from standard input, one line; else one is made and shown once", false},
    OPTION_JSON,
    OPTION_END};
static const struct option account_grant_options[] = {
    {"role", "ROLE", "the role", true}, {"scope", "SCOPE", "site, grid or community where it holds", true}, OPTION_END};
static const struct option token_add_options[] = {
    {"workstation", "NAME", "what people call the workstation; no colon", true},
    {"until", "DAY", "last day, at most 400 days ahead", true},
    {"may", "USES", "read, store or worklist; several with a comma", true},
    OPTION_JSON,
    OPTION_END};
static const struct option token_list_options[] = {
    {"account", "ACCOUNT", "only those of this account", false}, OPTION_JSON, OPTION_END};
static const struct option qualification_options[] = {
    {"kind", "KIND", "write, review or sign_provisional", true},
    {"scope", "SCOPE", "site, grid or community where the person may practise", true},
    {"modality", "CS", "only for this modality", false},
    {"from", "DAY", "first day, default today", false},
    {"until", "DAY", "last day, default for good", false},
    OPTION_END};

static const struct option version_options[] = {
    {"version", "NUMBER", "this version instead of the one in force", false}, OPTION_JSON, OPTION_END};
#define OPTIONS_RULE                                                                                                   \
	{"when", "CONDITIONS", "e.g. \"modality = CT, MR; hour = 18:00-08:00; age missing\"; empty: always", false},   \
	    {"queue", "QUEUE", "name or id of a queue, or of its hospital", false},                                    \
	    {"reading", "MODE", "central, local_draft or local", false},                                               \
	    {"priority", "NUMBER", "-10 to 10, inside the patient class", false},                                      \
	    {"hold", "TEXT", "hold the study from the queue, and why", false},                                         \
	    {"forward", "DESTINATIONS", "send the images there; ids or AE titles with commas", false},                 \
	{                                                                                                              \
		"ai", "DESTINATIONS", "send the images to these AI nodes", false                                       \
	}
static const struct option rule_add_options[] = {{"name", "TEXT", "what it is for", true},
                                                 OPTIONS_RULE,
                                                 {"group", "NAME", "default: the first group", false},
                                                 {"before", "RULE", "default: as the last one", false},
                                                 {"disabled", NULL, "written, but not asked yet", false},
                                                 OPTION_END};
static const struct option rule_edit_options[] = {{"name", "TEXT", "what it is for", false}, OPTIONS_RULE, OPTION_END};
static const struct option rule_move_options[] = {
    {"before", "RULE", "default: to the end", false}, {"group", "NAME", "into this group", false}, OPTION_END};
static const struct option rule_group_options[] = {
    {"mode", "MODE", "first: its first rule that fits; all: each", false},
    {"before", "NAME", "before this group", false},
    {"name", "NAME", "a new name", false},
    OPTION_END};
static const struct option rule_test_options[] = {
    {"describe", "FACTS", "instead of a study, e.g. \"site = 水步镇卫生院; modality = CT; age = 70\"", false},
    {"at", "TIME", "when the described study comes, e.g. 2026-10-01T20:00; default: now", false},
    {"version", "NUMBER", "this version instead of the one in force", false},
    OPTION_JSON,
    OPTION_END};
static const struct option site_add_options[] = {{"code", "CODE", "1 to 32 of A-Z a-z 0-9 . _ -", true}, OPTION_END};
static const struct option queue_add_options[] = {{"hospital", "SITE", "whose reports its work becomes", true},
                                                  {"policy", "NAME", "signing policy, default two_signatures", false},
                                                  OPTION_END};
static const struct option agreement_add_options[] = {
    {"hospital", "SITE", "who reads", true},    {"scope", "SCOPE", "site, grid or community for which it reads", true},
    {"from", "DAY", "first day", true},         {"until", "DAY", "last day; default: until it is ended", false},
    {"note", "TEXT", "e.g. its number", false}, OPTION_END};
static const struct option agreement_end_options[] = {{"last-day", "DAY", "the last day on which it holds", true},
                                                      OPTION_END};
static const struct option duty_add_options[] = {
    {"queue", "QUEUE", "whose work it is", true},
    {"by", "QUEUE", "who does it", true},
    {"weekdays", "NUMBERS", "1 Monday to 7 Sunday, as 1,2,5; default: each", false},
    {"days", "KIND", "working, off, holiday, adjusted or any (default)", false},
    {"hours", "HOURS", "as 17:30-08:00; default: the whole day", false},
    {"from", "DAY", "first day", false},
    {"until", "DAY", "last day", false},
    {"note", "TEXT", "for people", false},
    OPTION_END};
static const struct option calendar_set_options[] = {
    {"worked", "YES-or-NO", "no: off (法定节假日); yes: worked (调休)", true},
    {"name", "TEXT", "e.g. 国庆节", false},
    OPTION_END};

static const struct option study_list_options[] = {
    {"site", "SITE", "only of this site", false},
    {"state", "STATE", "receiving, complete or incomplete", false},
    {"patient", "TEXT", "whose name (also in pinyin, or initials), ID or accession number begins so", false},
    OPTION_JSON,
    OPTION_END};
static const struct option study_submit_options[] = {
    {"class", "CLASS", "emergency, outpatient, inpatient or health_check", false}, OPTION_END};
#define OPTION_REASON {"reason", "TEXT", "why", true}
#define OPTION_DRY {"dry-run", NULL, "only show what would change", false}
#define OPTION_CONFIRM {"confirm", "FIELDS", "contradictions that you have seen: name,sex,birth_date,document", false}
#define OPTIONS_PATIENT                                                                                                \
	{"name", "NAME", "name of the patient", false}, {"sex", "SEX", "M, F or O", false},                            \
	    {"birth-date", "DAY", "1981-02-03", false}, {"patient-id", "ID", "patient ID", false},                     \
	    {"document", "NUMBER", "identity number, 18 digits", false},                                               \
	{                                                                                                              \
		"age", "AGE", "45Y, 6M, 3W or 10D", false                                                              \
	}
#define OPTIONS_CHOICE                                                                                                 \
	{"series", "UIDS", "Series Instance UIDs, with commas between them", false},                                   \
	{                                                                                                              \
		"instances", "UIDS", "SOP Instance UIDs, with commas between them", false                              \
	}
static const struct option study_edit_options[] = {OPTIONS_PATIENT, OPTION_REASON, OPTION_DRY, OPTION_JSON, OPTION_END};
static const struct option study_split_options[] = {
    OPTIONS_CHOICE,
    {"request", "ID", "whose they are: the patient of this request", false},
    {"claim", "ID", "whose they are: this identity claim", false},
    OPTIONS_PATIENT,
    OPTION_REASON,
    OPTION_DRY,
    OPTION_JSON,
    OPTION_END};
static const struct option study_merge_options[] = {{"into", "UID-or-ID", "the study that stays", true},
                                                    OPTION_CONFIRM,
                                                    OPTION_REASON,
                                                    OPTION_DRY,
                                                    OPTION_JSON,
                                                    OPTION_END};
static const struct option study_move_options[] = {
    OPTIONS_CHOICE, {"to", "UID-or-ID", "the study that they come to", true},
    OPTION_CONFIRM, OPTION_REASON,
    OPTION_DRY,     OPTION_JSON,
    OPTION_END};
static const struct option study_reroute_options[] = {
    {"queue", "QUEUE", "all that wait in this queue, instead of one study", false},
    OPTION_REASON,
    OPTION_DRY,
    OPTION_JSON,
    OPTION_END};
static const struct option study_release_options[] = {OPTION_REASON, OPTION_END};
static const struct option correction_list_options[] = {
    {"study", "UID-or-ID", "only of this study", false}, OPTION_JSON, OPTION_END};
static const struct option correction_undo_options[] = {OPTION_REASON, OPTION_DRY, OPTION_JSON, OPTION_END};
static const struct option identity_list_options[] = {{"open", NULL, "only what waits", false},
                                                      {"settled", NULL, "only what is settled", false},
                                                      OPTION_JSON,
                                                      OPTION_END};
static const struct option identity_settle_options[] = {
    {"outcome", "OUTCOME", "same or different", true}, OPTION_CONFIRM, OPTION_REASON, OPTION_END};
static const struct option identity_undo_options[] = {OPTION_REASON, OPTION_END};
static const struct option instance_list_options[] = {
    {"study", "UID", "Study Instance UID or id of a study", false}, OPTION_JSON, OPTION_END};
static const struct option state_options[] = {{"state", "STATE", "only in this state", false}, OPTION_JSON, OPTION_END};

#define OPTIONS_DELIVERY                                                                                               \
	{"destination", "ID-or-NAME", "only to this destination", false},                                              \
	    {"state", "STATE", "only in this state", false}, {"study", "UID-or-ID", "only of this study", false},      \
	    {"site", "SITE", "only of this site", false},                                                              \
	{                                                                                                              \
		"older", "DURATION", "only what was made at least so long ago", false                                  \
	}
static const struct option delivery_list_options[] = {OPTIONS_DELIVERY, OPTION_JSON, OPTION_END};
static const struct option delivery_move_options[] = {OPTIONS_DELIVERY, OPTION_END};

static const struct option doubt_reason_options[] = {{"reason", "TEXT", "why, 1 to 500 characters", true}, OPTION_END};
static const struct option conflict_settle_options[] = {{"decision", "WORD", "keep, replace or separate", true},
                                                        {"reason", "TEXT", "why, 1 to 500 characters", true},
                                                        OPTION_END};
static const struct option conflict_export_options[] = {{"object", "WHICH", "stored or other, default other", false},
                                                        {"to", "FILE", "a file that does not exist", true},
                                                        OPTION_END};
static const struct option quarantine_export_options[] = {{"to", "FILE", "a file that does not exist", true},
                                                          OPTION_END};
static const struct option quarantine_retry_options[] = {
    {"all", NULL, "everything that is open, the oldest first", false}, OPTION_JSON, OPTION_END};
static const struct option quarantine_correct_options[] = {
    {"reason", "TEXT", "why, 1 to 500 characters", true},
    {"site", "SITE", "name, code or id of the site where it belongs", false},
    {"new-uids", NULL, "new Study and Series Instance UIDs, where none is given", false},
    {"study-uid", "UID", "Study Instance UID", false},
    {"series-uid", "UID", "Series Instance UID", false},
    {"sop-uid", "UID", "SOP Instance UID", false},
    {"sop-class", "UID", "SOP Class UID", false},
    {"patient-name", "PN", "with its groups, as in DICOM: ZHANG^SAN=张^三", false},
    {"patient-id", "TEXT", "Patient ID", false},
    {"patient-sex", "CS", "M, F or O", false},
    {"patient-birth", "DA", "YYYYMMDD", false},
    {"accession-number", "TEXT", "Accession Number", false},
    OPTION_END};
static const struct option device_commitment_options[] = {
    {"port", "PORT", "the port on which it takes reports; without: none, they go on the association that asked alone",
     false},
    {"host", "HOST", "default the address that it asked from", false},
    {"tls", NULL, "it speaks TLS there, with the certificate that is registered for it or one of dicom_tls_trust",
     false},
    OPTION_END};
static const struct option ca_tls_options[] = {
    {"hosts", "HOSTS", "addresses and DNS names by which devices call us, with blanks between", true},
    {"days", "DAYS", "how long it holds, default 825", false},
    OPTION_END};
static const struct option ca_device_options[] = {
    {"folder", "FOLDER", "where the two files are written, default the current one", false},
    {"hosts", "HOSTS", "its addresses and DNS names, when it is called, too", false},
    {"days", "DAYS", "how long it holds, default 825", false},
    OPTION_END};
static const struct option study_complete_options[] = {{"reason", "TEXT", "why nothing more is to come", true},
                                                       OPTION_END};

static const struct option coverage_options[] = {{"from", "DAY", "first day, default the first of the month", false},
                                                 {"to", "DAY", "last day, default today", false},
                                                 {"basis", "BASIS", "connected, served or regular", false},
                                                 OPTION_JSON,
                                                 OPTION_END};
static const struct option check_options[] = {
    {"orphan-grace", "DURATION", "objects younger than this are no orphans, default \"1 h\"", false},
    OPTION_JSON,
    OPTION_END};
static const struct option wait_options[] = {
    {"settled", NULL, "until everything that was acknowledged is where it belongs", true},
    {"timeout", "DURATION", "longest wait, default \"60 s\"; then exit code 75", false},
    {"allow-waiting", NULL, "deliveries that wait for another try do not count", false},
    OPTION_END};

const struct command commands[] = {
    {"status", "", 0, 0, "what runs and what waits",
     "One member for each program (storescp, router, gateway, ledger) and each queue, the room for objects, and every "
     "host that\n"
     "receives. Works without the ledger, too: then it shows what is safe in the receiving journal and the room, and "
     "the exit code is 75.",
     only_json, NEEDS_HOME, run_status},
    {"wait", "", 0, 0, "wait until nothing is on its way any more",
     "Settled means: nothing acknowledged waits for the ledger, no signal is unread, no study is still receiving, no "
     "complete\n"
     "study is without its reading task, no issued report without its objects and deliveries, no delivery is open.",
     wait_options, NEEDS_LEDGER, run_wait},
    {"host list", "", 0, 0, "the hosts that receive, with what was acknowledged and is only there",
     "stranded: a host that does not report, and has acknowledged objects that nobody else has. Start its programs "
     "again, or\n"
     "mount the disk with its journal elsewhere. silent: what it acknowledged since its last report is not known.",
     only_json, NEEDS_LEDGER, run_host_list},
    {"host forget", "ID-or-NAME", 1, 1, "take a host that is gone for good off the list",
     "Only one that does not report. What it said last stays on the audit.", host_forget_options, NEEDS_LEDGER,
     run_host_forget},

    {"site list", "", 0, 0, "the sites with their grid, lead and enrolment", NULL, only_json, NEEDS_LEDGER,
     run_site_list},
    {"site add", "NAME", 1, 1, "a hospital outside of the communities, that reads for them",
     "Sites of a community come with `yqctl roster load`.", site_add_options, NEEDS_LEDGER, run_site_add},
    {"roster load", "FILE", 1, 1, "load communities, grids, sites and targets",
     "The form of the file is that of deploy/rosters/taishan.json. Loading it again changes what differs; a site that\n"
     "the file no longer names is kept.",
     only_json, NEEDS_LEDGER, run_roster_load},
    {"target load", "FILE", 1, 1, "load the coverage targets of a file", NULL, only_json, NEEDS_LEDGER,
     run_target_load},
    {"target list", "", 0, 0, "the coverage targets", NULL, only_json, NEEDS_LEDGER, run_target_list},
    {"rule defaults", "", 0, 0, "make default signing policy, queues, routing rules and limits",
     "Every site of a grid is read by its lead hospital, signed twice by different persons. What a person changed is "
     "left alone.",
     only_json, NEEDS_LEDGER, run_rule_defaults},
    {"rule list", "", 0, 0, "the routing rules in force, in the order in which they are asked", NULL, version_options,
     NEEDS_LEDGER, run_rule_list},
    {"rule show", "RULE", 1, 1, "one rule; RULE is its number in the list, its name or its id", NULL, only_json,
     NEEDS_LEDGER, run_rule_show},
    {"rule history", "", 0, 0, "the versions of the rules, with who changed what", NULL, only_json, NEEDS_LEDGER,
     run_rule_history},
    {"rule waiting", "", 0, 0, "studies that a rule holds, or that no rule takes, with the reason", NULL, only_json,
     NEEDS_LEDGER, run_rule_waiting},
    {"rule test", "[UID-or-ID]", 0, 1, "what the rules say of a study, or of one that is described; changes nothing",
     "Says which rule counts, which does not, and for which condition.", rule_test_options, NEEDS_LEDGER,
     run_rule_test},
    {"rule add", "", 0, 0, "add a rule",
     "Conditions: site, site_type, grid, community, device, modality, body_part, study_description, "
     "series_description,\n"
     "patient_class, priority, hour, weekday, day, age; with = or != and values, missing or any. docs/operations.md "
     "has "
     "them all.\n"
     "Like every change of rules it makes a new version, and what was routed stays as it is.",
     rule_add_options, NEEDS_LEDGER, run_rule_add},
    {"rule edit", "RULE", 1, 1, "change a rule; what is not given stays",
     "--queue none, --reading none, --hold none ... take an action away.", rule_edit_options, NEEDS_LEDGER,
     run_rule_edit},
    {"rule move", "RULE", 1, 1, "put a rule before another one, or into another group", NULL, rule_move_options,
     NEEDS_LEDGER, run_rule_move},
    {"rule remove", "RULE", 1, 1, "take a rule out", NULL, NULL, NEEDS_LEDGER, run_rule_remove},
    {"rule enable", "RULE", 1, 1, "ask a disabled rule again", NULL, NULL, NEEDS_LEDGER, run_rule_enable},
    {"rule disable", "RULE", 1, 1, "do not ask a rule for now", NULL, NULL, NEEDS_LEDGER, run_rule_disable},
    {"rule group", "NAME", 1, 1, "make a group of rules, or change one", NULL, rule_group_options, NEEDS_LEDGER,
     run_rule_group},
    {"rule ungroup", "NAME", 1, 1, "take an empty group away", NULL, NULL, NEEDS_LEDGER, run_rule_ungroup},
    {"queue list", "", 0, 0, "the reading queues and their hospitals", NULL, only_json, NEEDS_LEDGER, run_queue_list},
    {"queue add", "NAME", 1, 1, "make a reading queue at a hospital", NULL, queue_add_options, NEEDS_LEDGER,
     run_queue_add},
    {"agreement list", "", 0, 0, "cooperation agreements: which hospital reads for whom, until when", NULL, only_json,
     NEEDS_LEDGER, run_agreement_list},
    {"agreement add", "", 0, 0, "write a cooperation agreement down",
     "A hospital outside of the county reads only under one that is in force. One that ended stops the routing to "
     "it,\n"
     "and the studies say so.",
     agreement_add_options, NEEDS_LEDGER, run_agreement_add},
    {"agreement end", "ID", 1, 1, "end a cooperation agreement", NULL, agreement_end_options, NEEDS_LEDGER,
     run_agreement_end},
    {"duty list", "", 0, 0, "the duty table: who covers for which queue, and when", NULL, only_json, NEEDS_LEDGER,
     run_duty_list},
    {"duty add", "", 0, 0, "let a queue do the work of another one at some times", NULL, duty_add_options, NEEDS_LEDGER,
     run_duty_add},
    {"duty end", "ID", 1, 1, "end that", NULL, NULL, NEEDS_LEDGER, run_duty_end},
    {"calendar list", "", 0, 0, "days that differ from the week", NULL, only_json, NEEDS_LEDGER, run_calendar_list},
    {"calendar set", "DAY[..DAY]", 1, 1, "public holidays, and weekend days that are worked", NULL,
     calendar_set_options, NEEDS_LEDGER, run_calendar_set},
    {"calendar clear", "DAY[..DAY]", 1, 1, "make days as those of any week again", NULL, NULL, NEEDS_LEDGER,
     run_calendar_clear},

    {"device add", "", 0, 0, "register a device, so that it may send",
     "A device is what is known of it. Several may use one AE title when called title, address, port or "
     "certificate tell them apart; the\n"
     "most particular one that fits counts, and two of which neither says more are refused. Takes effect at once. Its "
     "site counts\n"
     "as enrolled from now on.",
     device_add_options, NEEDS_LEDGER, run_device_add},
    {"device list", "", 0, 0, "the registered devices", NULL, only_json, NEEDS_LEDGER, run_device_list},
    {"device show", "ID-or-AE", 1, 1, "one device with its clock, character sets, contacts and silence", NULL,
     only_json, NEEDS_LEDGER, run_device_show},
    {"device edit", "ID-or-AE", 1, 1, "change what a device is known by, its name or its character set",
     "What is not given stays. Takes effect at once; what it sent already stays as it is.", device_edit_options,
     NEEDS_LEDGER, run_device_edit},
    {"matching list", "", 0, 0, "what the rule may match at each site, and what it did in a week", NULL, only_json,
     NEEDS_LEDGER, run_matching_list},
    {"matching set", "SITE", 1, 1, "how far the rule may match at a site without a person", NULL, matching_set_options,
     NEEDS_LEDGER, run_matching_set},
    {"device disable", "ID-or-AE", 1, 1, "refuse a device from now on", NULL, NULL, NEEDS_LEDGER, run_device_disable},
    {"device enable", "ID-or-AE", 1, 1, "accept a disabled device again", NULL, NULL, NEEDS_LEDGER, run_device_enable},
    {"device commitment", "ID-or-AE", 1, 1, "where a device takes storage commitment reports",
     "Needed for devices that do not wait for the report on the association on which they asked.",
     device_commitment_options, NEEDS_LEDGER, run_device_commitment},
    {"destination add", "", 0, 0, "where signed reports or images of a site are sent",
     "Secrets come from files or standard input (-), never from the command line. A URL decides by itself whether "
     "there is "
     "TLS.\n"
     "`yqctl destination test` then says how far one comes.",
     destination_add_options, NEEDS_LEDGER, run_destination_add},
    {"destination list", "", 0, 0, "the destinations, with their queues and whether the way there is open", NULL,
     only_json, NEEDS_LEDGER, run_destination_list},
    {"destination show", "ID-or-NAME", 1, 1, "one destination with its settings, its queue and its certificates",
     "Of secrets it only says which are set.", only_json, NEEDS_LEDGER, run_destination_show},
    {"destination edit", "ID-or-NAME", 1, 1, "change a destination",
     "What is not given stays; an empty value takes a setting away. A way there that changed is tried at once.",
     destination_edit_options, NEEDS_LEDGER, run_destination_edit},
    {"destination remove", "ID-or-NAME", 1, 1, "remove a destination to which nothing was ever to be sent", NULL, NULL,
     NEEDS_LEDGER, run_destination_remove},
    {"destination test", "ID-or-NAME", 1, 1,
     "walk the way there step by step: name, TCP, TLS, association or request, echo",
     "Sends nothing. Exit code 75 when a step failed.", only_json, NEEDS_LEDGER, run_destination_test},
    {"destination hold", "ID-or-NAME", 1, 1, "send nothing there for now; deliveries wait", NULL,
     destination_hold_options, NEEDS_LEDGER, run_destination_hold},
    {"destination release", "ID-or-NAME", 1, 1, "send there again", NULL, NULL, NEEDS_LEDGER, run_destination_release},
    {"destination ai-node", "ID-or-AE YES-or-NO", 2, 2, "mark a destination of images as an AI node", NULL, NULL,
     NEEDS_LEDGER, run_destination_ai_node},

    {"account add", "ACCOUNT", 1, 1, "make an account with roles", NULL, account_add_options, NEEDS_LEDGER,
     run_account_add},
    {"account list", "", 0, 0, "the accounts with their roles", NULL, only_json, NEEDS_LEDGER, run_account_list},
    {"account password", "ACCOUNT", 1, 1, "set a new password, end the person's logins", NULL, account_password_options,
     NEEDS_LEDGER, run_account_password},
    {"account disable", "ACCOUNT", 1, 1, "no login and no signature from now on", NULL, NULL, NEEDS_LEDGER,
     run_account_disable},
    {"account enable", "ACCOUNT", 1, 1, "let the person log in again", NULL, NULL, NEEDS_LEDGER, run_account_enable},
    {"account grant", "ACCOUNT", 1, 1, "give a person one more role", NULL, account_grant_options, NEEDS_LEDGER,
     run_account_grant},
    {"account certify", "ACCOUNT", 1, 1, "give a person a signing key of the demonstration CA",
     "Such signatures have no legal force (演示签名 无法律效力). Needs `yqctl ca init`.", NULL, NEEDS_LEDGER,
     run_account_certify},
    {"token add", "ACCOUNT", 1, 1, "let a workstation act for an account at the DICOMweb doors, by a token",
     "The token is shown this once. It has the roles that the account has at the moment.", token_add_options,
     NEEDS_LEDGER, run_token_add},
    {"token list", "", 0, 0, "tokens of workstations, with their last use", NULL, token_list_options, NEEDS_LEDGER,
     run_token_list},
    {"token revoke", "ID", 1, 1, "end a token at once", NULL, NULL, NEEDS_LEDGER, run_token_revoke},
    {"qualification grant", "ACCOUNT", 1, 1, "let a person write, review or sign provisionally", NULL,
     qualification_options, NEEDS_LEDGER, run_qualification_grant},

    {"study list", "", 0, 0, "the studies", NULL, study_list_options, NEEDS_LEDGER, run_study_list},
    {"study show", "UID-or-ID", 1, 1, "one study with series, tasks, reports and deliveries", NULL, only_json,
     NEEDS_LEDGER, run_study_show},
    {"study submit", "UID-or-ID", 1, 1, "say that a study is all there (提交诊断)", NULL, study_submit_options,
     NEEDS_LEDGER, run_study_submit},
    {"study edit", "UID-or-ID", 1, 1, "correct who the patient of a study is",
     "What is not given stays as it is. The stored bytes stay as they came; a report that is being written has to be\n"
     "confirmed, and for an issued one a correction is proposed. `yqctl correction undo` takes it back.",
     study_edit_options, NEEDS_LEDGER, run_study_edit},
    {"study split", "UID-or-ID", 1, 1, "give some images of a study to another patient",
     "They come into a new study of the same UID, under the patient of --request, --claim or --name. What comes in "
     "later "
     "of a\n"
     "series that was split whole follows it.",
     study_split_options, NEEDS_LEDGER, run_study_split},
    {"study merge", "UID-or-ID", 1, 1, "bring all images of a study into another one",
     "The study is left empty and leads to the other; its open reading tasks are cancelled, drafts are kept.",
     study_merge_options, NEEDS_LEDGER, run_study_merge},
    {"study move", "UID-or-ID", 1, 1, "bring some images of a study into another one", NULL, study_move_options,
     NEEDS_LEDGER, run_study_move},
    {"study reroute", "[UID-or-ID]", 0, 1, "route a study anew by the rules in force now",
     "Rules that change do not touch what was routed before: this does, where nobody took the task yet. --dry-run "
     "shows\n"
     "what would change.",
     study_reroute_options, NEEDS_LEDGER, run_study_reroute},
    {"study release", "UID-or-ID", 1, 1, "let a study into the queue that a rule holds", NULL, study_release_options,
     NEEDS_LEDGER, run_study_release},
    {"correction list", "", 0, 0, "what was corrected, by whom and why", NULL, correction_list_options, NEEDS_LEDGER,
     run_correction_list},
    {"correction show", "ID", 1, 1, "one correction, before and after, and whether it can be taken back", NULL,
     only_json, NEEDS_LEDGER, run_correction_show},
    {"correction undo", "ID", 1, 1, "take a correction back by one of its own",
     "Refused while something later builds on it: that is listed, and taken back first.", correction_undo_options,
     NEEDS_LEDGER, run_correction_undo},
    {"identity list", "", 0, 0, "identities that contradict or look alike, with what was said about them", NULL,
     identity_list_options, NEEDS_LEDGER, run_identity_list},
    {"identity settle", "ID", 1, 1, "say whether two identities are of one person",
     "same: the claim goes to the other's patient. Two that contradict come together only when --confirm names the\n"
     "contradictions.",
     identity_settle_options, NEEDS_LEDGER, run_identity_settle},
    {"identity undo", "ID", 1, 1, "take that back", NULL, identity_undo_options, NEEDS_LEDGER, run_identity_undo},
    {"study complete", "UID-or-ID", 1, 1, "say that nothing more will come (人工确认图像已齐)",
     "For a study that is receiving or incomplete, although something that was expected is missing.",
     study_complete_options, NEEDS_LEDGER, run_study_complete},
    {"commitment list", "", 0, 0, "what devices asked us to answer for, and whether they were told", NULL,
     state_options, NEEDS_LEDGER, run_commitment_list},
    {"commitment show", "UID-or-ID", 1, 1, "one storage commitment, with what failed and why", NULL, only_json,
     NEEDS_LEDGER, run_commitment_show},
    {"commitment requeue", "UID-or-ID", 1, 1, "report a storage commitment again now", NULL, NULL, NEEDS_LEDGER,
     run_commitment_requeue},
    {"mpps list", "", 0, 0, "performed procedure steps, and whether what they list is here", NULL, state_options,
     NEEDS_LEDGER, run_mpps_list},
    {"instance list", "", 0, 0, "the stored objects with the digest of the dataset as received", NULL,
     instance_list_options, NEEDS_LEDGER, run_instance_list},
    {"task list", "", 0, 0, "the reading tasks", NULL, state_options, NEEDS_LEDGER, run_task_list},
    {"delivery list", "", 0, 0, "what was and is to be sent", NULL, delivery_list_options, NEEDS_LEDGER,
     run_delivery_list},
    {"delivery show", "ID", 1, 1, "one delivery with its tries, its objects and what shows that the peer holds them",
     NULL, only_json, NEEDS_LEDGER, run_delivery_show},
    {"delivery retry", "[ID ...]", 0, COMMAND_ARGUMENTS_MAX,
     "drive refused or dead deliveries again, or waiting ones now",
     "What a peer confirmed is not sent again. Without ids: everything refused or dead that the options find; --state "
     "waiting "
     "for\n"
     "what waits.",
     delivery_move_options, NEEDS_LEDGER, run_delivery_retry},
    {"delivery requeue", "[ID ...]", 0, COMMAND_ARGUMENTS_MAX, "the same as delivery retry", NULL,
     delivery_move_options, NEEDS_LEDGER, run_delivery_retry},
    {"delivery cancel", "[ID ...]", 0, COMMAND_ARGUMENTS_MAX, "give deliveries up",
     "Without ids: everything not delivered that the options find.", delivery_move_options, NEEDS_LEDGER,
     run_delivery_cancel},
    {"conflict list", "", 0, 0, "objects that came again with other bytes", NULL, only_json, NEEDS_LEDGER,
     run_conflict_list},
    {"conflict show", "ID", 1, 1, "one of them side by side: fields that differ, sizes, devices, what was decided",
     NULL, only_json, NEEDS_LEDGER, run_conflict_show},
    {"conflict settle", "ID", 1, 1, "decide about one that is open",
     "keep: the image stays what it is. replace: it answers with the other bytes, and its study is told as of a late "
     "image.\n"
     "separate: the other one becomes an image of its own under a new UID. No bytes are deleted.",
     conflict_settle_options, NEEDS_LEDGER, run_conflict_settle},
    {"conflict undo", "ID", 1, 1, "take keep or replace back", NULL, doubt_reason_options, NEEDS_LEDGER,
     run_conflict_undo},
    {"conflict export", "ID", 1, 1, "write one of the two objects to a file", NULL, conflict_export_options,
     NEEDS_LEDGER, run_conflict_export},
    {"quarantine list", "", 0, 0, "objects that were kept and cannot be indexed", NULL, only_json, NEEDS_LEDGER,
     run_quarantine_list},
    {"quarantine show", "ID", 1, 1, "one of them with its header, corrections and history", NULL, only_json,
     NEEDS_LEDGER, run_quarantine_show},
    {"quarantine export", "ID", 1, 1, "write its bytes to a file", NULL, quarantine_export_options, NEEDS_LEDGER,
     run_quarantine_export},
    {"quarantine correct", "ID", 1, 1, "lay facts over what its header says; its bytes stay as they are",
     "What was corrected before stays unless it is given again. Then `yqctl quarantine retry`.",
     quarantine_correct_options, NEEDS_LEDGER, run_quarantine_correct},
    {"quarantine retry", "[ID ...]", 0, COMMAND_ARGUMENTS_MAX, "bring objects in after all, with their corrections",
     "Says for each what came of it. Exit code 69 when one could not be indexed.", quarantine_retry_options,
     NEEDS_LEDGER, run_quarantine_retry},
    {"quarantine close", "ID", 1, 1, "nothing will be made of it; its bytes stay", NULL, doubt_reason_options,
     NEEDS_LEDGER, run_quarantine_close},
    {"quarantine reopen", "ID", 1, 1, "look at a closed one again", NULL, doubt_reason_options, NEEDS_LEDGER,
     run_quarantine_reopen},

    {"coverage", "", 0, 0, "coverage per community and site against the targets", NULL, coverage_options, NEEDS_LEDGER,
     run_coverage},
    {"report verify", "FILE", 1, 1, "is this paper genuine and in force?",
     "FILE is a PDF, SR or Encapsulated PDF. Exit codes: 0 genuine and in force, 69 genuine but corrected, withdrawn "
     "or not issued,\n"
     "74 altered, 66 not of this installation.",
     only_json, NEEDS_LEDGER, run_report_verify},
    {"store check", "", 0, 0, "do ledger and object store agree, byte for byte?",
     "Exit code 74 when an object is missing or has other bytes. Orphans are objects that nobody knows.", check_options,
     NEEDS_LEDGER, run_store_check},
    {"audit verify", "", 0, 0, "compute the chains of the audit anew",
     "Exit code 74 when a record was changed or taken out.", only_json, NEEDS_LEDGER, run_audit_verify},

    {"migrate", "", 0, 0, "bring the ledger to the version of this program", NULL, NULL, NEEDS_HOME, run_migrate},
    {"ca init", "", 0, 0, "make the demonstration CA, unless it is there", NULL, NULL, NEEDS_HOME, run_ca_init},
    {"ca tls", "", 0, 0, "make or renew our certificate for DICOM over TLS",
     "With an authority of this installation, which is made once (keys/tls-ca.pem: give it to devices that are to "
     "trust us). "
     "Running\n"
     "receivers take the new certificate up by themselves. A hospital with an authority of its own puts its "
     "certificate there "
     "instead\n"
     "(dicom_tls_certificate, dicom_tls_key).",
     ca_tls_options, NEEDS_HOME, run_ca_tls},
    {"ca device", "NAME", 1, 1, "make a key and a certificate for a device or a peer that brings none",
     "NAME.key (without a password) and NAME.pem are written to the folder and kept nowhere else: bring them to the "
     "device, "
     "delete the\n"
     "key here, and register the certificate with `yqctl device add --certificate NAME.pem`. Needs `yqctl ca tls`.",
     ca_device_options, NEEDS_HOME, run_ca_device},
    {"demo seed", "", 0, 0, "accounts, certificates, device and destination of the demonstration",
     "Only where demo = yes. Passwords are random and stand in YQ_HOME/demo/accounts.", NULL, NEEDS_LEDGER,
     run_demo_seed},
    {0},
};
