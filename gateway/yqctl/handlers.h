/*
 * The handlers that the table in commands.c names. One file a group of commands.
 */
#ifndef YQ_YQCTL_HANDLERS_H
#define YQ_YQCTL_HANDLERS_H

#include <stdbool.h>

#include "gateway/yqctl/command.h"
#include "lib/base/err.h"

#define HANDLER(name) bool name(struct invocation *in, struct err *err)

HANDLER(run_migrate);
HANDLER(run_ca_init);
HANDLER(run_demo_seed);

HANDLER(run_status);
HANDLER(run_wait);

HANDLER(run_host_list);
HANDLER(run_host_forget);

HANDLER(run_site_list);
HANDLER(run_roster_load);
HANDLER(run_target_load);
HANDLER(run_target_list);
HANDLER(run_rule_list);
HANDLER(run_rule_defaults);
HANDLER(run_rule_show);
HANDLER(run_rule_history);
HANDLER(run_rule_waiting);
HANDLER(run_rule_test);
HANDLER(run_rule_add);
HANDLER(run_rule_edit);
HANDLER(run_rule_enable);
HANDLER(run_rule_disable);
HANDLER(run_rule_move);
HANDLER(run_rule_remove);
HANDLER(run_rule_group);
HANDLER(run_rule_ungroup);
HANDLER(run_site_add);
HANDLER(run_queue_list);
HANDLER(run_queue_add);
HANDLER(run_agreement_list);
HANDLER(run_agreement_add);
HANDLER(run_agreement_end);
HANDLER(run_duty_list);
HANDLER(run_duty_add);
HANDLER(run_duty_end);
HANDLER(run_calendar_list);
HANDLER(run_calendar_set);
HANDLER(run_calendar_clear);
HANDLER(run_destination_ai_node);
HANDLER(run_study_reroute);
HANDLER(run_study_release);

HANDLER(run_device_add);
HANDLER(run_device_list);
HANDLER(run_device_show);
HANDLER(run_device_edit);
HANDLER(run_matching_list);
HANDLER(run_matching_set);
HANDLER(run_device_disable);
HANDLER(run_device_enable);
HANDLER(run_destination_add);
HANDLER(run_destination_list);
HANDLER(run_destination_show);
HANDLER(run_destination_edit);
HANDLER(run_destination_remove);
HANDLER(run_destination_test);
HANDLER(run_destination_hold);
HANDLER(run_destination_release);

HANDLER(run_account_add);
HANDLER(run_account_list);
HANDLER(run_account_password);
HANDLER(run_account_disable);
HANDLER(run_account_enable);
HANDLER(run_account_grant);
HANDLER(run_account_certify);
HANDLER(run_token_add);
HANDLER(run_token_list);
HANDLER(run_token_revoke);
HANDLER(run_ca_tls);
HANDLER(run_ca_device);
HANDLER(run_qualification_grant);

HANDLER(run_study_list);
HANDLER(run_study_show);
HANDLER(run_study_submit);
HANDLER(run_study_edit);
HANDLER(run_study_split);
HANDLER(run_study_merge);
HANDLER(run_study_move);
HANDLER(run_correction_list);
HANDLER(run_correction_show);
HANDLER(run_correction_undo);
HANDLER(run_identity_list);
HANDLER(run_identity_settle);
HANDLER(run_identity_undo);
HANDLER(run_study_complete);
HANDLER(run_commitment_list);
HANDLER(run_commitment_show);
HANDLER(run_commitment_requeue);
HANDLER(run_device_commitment);
HANDLER(run_mpps_list);
HANDLER(run_instance_list);
HANDLER(run_task_list);
HANDLER(run_delivery_list);
HANDLER(run_delivery_show);
HANDLER(run_delivery_retry);
HANDLER(run_delivery_cancel);
HANDLER(run_conflict_list);
HANDLER(run_quarantine_list);
HANDLER(run_conflict_show);
HANDLER(run_conflict_settle);
HANDLER(run_conflict_undo);
HANDLER(run_conflict_export);
HANDLER(run_quarantine_show);
HANDLER(run_quarantine_export);
HANDLER(run_quarantine_correct);
HANDLER(run_quarantine_retry);
HANDLER(run_quarantine_close);
HANDLER(run_quarantine_reopen);

HANDLER(run_coverage);
HANDLER(run_store_check);
HANDLER(run_report_verify);
HANDLER(run_audit_verify);

#undef HANDLER
#endif
