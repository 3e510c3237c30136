/* Every handler of the table in routes.c. What each takes and answers stands in docs/api.md. */
#ifndef YQ_GATEWAY_HANDLERS_H
#define YQ_GATEWAY_HANDLERS_H

#include "lib/http/http.h"

http_handler handle_application, handle_web_file;                                      /* page.c */
http_handler handle_viewer, handle_viewer_file;                                        /* viewer.c */
http_handler handle_viewer_study, handle_viewer_key_image;                             /* api_viewer.c */
http_handler handle_login, handle_logout, handle_me, handle_password;                  /* api_session.c */
http_handler handle_workstations, handle_workstation_add, handle_workstation_end;      /* api_workstations.c */
http_handler handle_studies, handle_study, handle_study_submit, handle_study_complete; /* api_studies.c */
http_handler handle_thumbnail;                                                         /* api_pictures.c */
http_handler handle_task_take, handle_task_review, handle_task_resume, handle_task_release,
    handle_task_heartbeat; /* api_tasks.c */
http_handler handle_task_no_influence, handle_task_return, handle_task_answer, handle_task_assign,
    handle_task_hand_over, handle_task_cancel;
http_handler handle_task_report, handle_task_draft, handle_task_submit, handle_task_send_back,
    handle_task_sign; /* api_reports.c */
http_handler handle_report, handle_report_pdf, handle_report_follow, handle_report_recalled;
http_handler handle_deliveries, handle_delivery, handle_delivery_retry, handle_delivery_cancel, handle_deliveries_retry,
    handle_deliveries_cancel;   /* api_deliveries.c */
http_handler handle_operations; /* api_operations.c */
http_handler handle_destinations, handle_destination, handle_destination_add, handle_destination_change,
    handle_destination_remove, handle_destination_hold, handle_destination_release,
    handle_destination_retry;                                              /* api_destinations.c */
http_handler handle_destination_test;                                      /* api_destination_test.c */
http_handler handle_identity_reviews, handle_conflicts, handle_quarantine; /* api_doubts.c */
http_handler handle_conflict, handle_conflict_picture, handle_conflict_file,
    handle_conflict_decide; /* api_conflicts.c */
http_handler handle_quarantined, handle_quarantined_picture, handle_quarantined_file, handle_quarantined_correct,
    handle_quarantined_retry, handle_quarantined_close, handle_quarantined_reopen; /* api_quarantine.c */
http_handler handle_rules, handle_rule_add, handle_rule_edit, handle_rule_move, handle_rule_remove, handle_rule_group,
    handle_rule_ungroup, handle_rule_test, handle_rule_versions, handle_rule_choices; /* api_rules.c */
http_handler handle_rule_waiting, handle_agreements, handle_agreement_add, handle_agreement_end, handle_duties,
    handle_duty_add, handle_duty_end, handle_calendar, handle_reroute_preview, handle_reroute,
    handle_release;                                          /* api_routing.c */
http_handler handle_audit;                                   /* api_audit.c */
http_handler handle_coverage, handle_health, handle_metrics; /* api_figures.c, metrics.c */
http_handler handle_figures, handle_figure_definitions, handle_figure_rows, handle_figures_export; /* api_figures.c */
http_handler handle_openapi;                                                                       /* api_figures.c */
http_handler handle_events;                                                                        /* api_events.c */

/* api_queue.c, api_desk.c, api_phrases.c */
http_handler handle_task_check; /* api_reports.c */
http_handler handle_report_templates, handle_phrases, handle_phrase_add, handle_phrase_change, handle_phrase_remove;
http_handler handle_queue, handle_queue_next, handle_task, handle_task_colleagues;
http_handler handle_study_priors, handle_task_revisions, handle_task_revision;

http_handler handle_requests, handle_request, handle_request_register, handle_request_change, handle_request_cancel,
    handle_items;                                                   /* api_requests.c */
http_handler handle_match_candidates, handle_match, handle_unmatch; /* api_matching.c */
http_handler handle_correction_preview, handle_correction_make, handle_study_corrections, handle_corrections,
    handle_correction, handle_correction_undo_preview, handle_correction_undo, handle_report_proposals,
    handle_report_proposal_settle, handle_identity_settle, handle_identity_undo; /* api_corrections.c */
http_handler handle_critical_values, handle_critical_raise, handle_critical_notify, handle_critical_read_back,
    handle_critical_handle, handle_critical_close; /* api_critical.c */
http_handler handle_task_question, handle_question_answer, handle_report_printed, handle_devices, handle_commitments,
    handle_performed_steps, handle_device_test; /* api_site.c */

http_handler handle_dicomweb_studies, handle_dicomweb_series, handle_dicomweb_instances; /* dicomweb_query.c */
http_handler handle_dicomweb_metadata;                                                   /* dicomweb_metadata.c */
http_handler handle_dicomweb_retrieve;                                                   /* dicomweb_retrieve.c */
http_handler handle_dicomweb_frames, handle_dicomweb_bulk;                               /* dicomweb_frames.c */
http_handler handle_rendered, handle_rendered_many, handle_dicomweb_thumbnail;           /* dicomweb_rendered.c */
http_handler handle_dicomweb_store;                                                      /* dicomweb_store.c */

http_handler handle_workitems, handle_workitem, handle_workitem_create, handle_workitem_update, handle_workitem_state,
    handle_workitem_cancel; /* workitems.c */
http_handler handle_workitem_subscribe, handle_workitem_unsubscribe, handle_workitem_suspend,
    handle_workitem_channel; /* workitem_subscribers.c */

#endif
