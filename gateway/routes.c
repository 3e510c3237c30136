#include "gateway/routes.h"

#include "gateway/caller.h"
#include "gateway/handlers.h"

#define RADIOGRAPHER ACCOUNT_ROLE(ACCOUNT_RADIOGRAPHER)
#define CLINICIAN ACCOUNT_ROLE(ACCOUNT_CLINICIAN)
#define REPORTER ACCOUNT_ROLE(ACCOUNT_REPORTER)
#define REVIEWER ACCOUNT_ROLE(ACCOUNT_REVIEWER)
#define DUTY_LEADER ACCOUNT_ROLE(ACCOUNT_DUTY_LEADER)
#define QUALITY ACCOUNT_ROLE(ACCOUNT_QUALITY_CONTROLLER)
#define ADMINISTRATOR ACCOUNT_ROLE(ACCOUNT_ADMINISTRATOR)
#define OPERATOR ACCOUNT_ROLE(ACCOUNT_OPERATOR)

/* Whose work is with patients. An administrator sees figures, not patients. */
#define PATIENTS (RADIOGRAPHER | CLINICIAN | REPORTER | REVIEWER | DUTY_LEADER | QUALITY | OPERATOR)
#define DOCTORS (REPORTER | REVIEWER | DUTY_LEADER)

#define STREAMED HTTP_BODY_STREAMED

enum { NO_BODY = 0, SMALL = 16 * 1024, FORM = 48 * 1024, REPORT = 160 * 1024, PEMS = 288 * 1024 };

/* clang-format off */
static const struct http_route routes[] = {
	/* The addresses of the browser application, as in gateway/web/src/router.ts, and what it is made of. */
	{"GET", "/", handle_application, NO_BODY, ROUTE_ANYBODY},
	{"GET", "/login", handle_application, NO_BODY, ROUTE_ANYBODY},
	{"GET", "/township", handle_application, NO_BODY, ROUTE_ANYBODY},
	{"GET", "/reading", handle_application, NO_BODY, ROUTE_ANYBODY},
	{"GET", "/reading/{task}", handle_application, NO_BODY, ROUTE_ANYBODY},
	{"GET", "/images", handle_application, NO_BODY, ROUTE_ANYBODY},
	{"GET", "/cockpit", handle_application, NO_BODY, ROUTE_ANYBODY},
	{"GET", "/operations", handle_application, NO_BODY, ROUTE_ANYBODY},
	{"GET", "/icon.svg", handle_web_file, NO_BODY, ROUTE_ANYBODY},
	{"GET", "/opening.css", handle_web_file, NO_BODY, ROUTE_ANYBODY},
	{"GET", "/assets/{file}", handle_web_file, NO_BODY, ROUTE_ANYBODY},

	/* The viewer of whole studies. Its page is asked for by people: who is not logged in is sent to log in. */
	{"GET", "/viewer", handle_viewer, NO_BODY, PATIENTS | ROUTE_VISITOR},
	{"GET", "/viewer/", handle_viewer, NO_BODY, PATIENTS | ROUTE_VISITOR},
	{"GET", "/viewer/{release}/{file}", handle_viewer_file, NO_BODY, PATIENTS},
	{"GET", "/viewer/{release}/{folder}/{file}", handle_viewer_file, NO_BODY, PATIENTS},
	{"GET", "/viewer/{release}/{folder}/{below}/{file}", handle_viewer_file, NO_BODY, PATIENTS},

	{"GET", "/healthz", handle_health, NO_BODY, ROUTE_ANYBODY},
	{"GET", "/metrics", handle_metrics, NO_BODY, ROUTE_WATCHER},

	{"POST", "/api/v1/login", handle_login, SMALL, ROUTE_ANYBODY},
	{"POST", "/api/v1/logout", handle_logout, SMALL, ROUTE_LOGGED_IN},
	{"GET", "/api/v1/me", handle_me, NO_BODY, ROUTE_LOGGED_IN},
	{"POST", "/api/v1/password", handle_password, SMALL, ROUTE_LOGGED_IN},
	{"GET", "/api/v1/events", handle_events, NO_BODY, ROUTE_LOGGED_IN},

	{"GET", "/api/v1/studies", handle_studies, NO_BODY, PATIENTS},
	{"GET", "/api/v1/studies/{study}", handle_study, NO_BODY, PATIENTS},
	{"POST", "/api/v1/studies/{study}/submit", handle_study_submit, SMALL, RADIOGRAPHER | DOCTORS | OPERATOR},
	{"POST", "/api/v1/studies/{study}/complete", handle_study_complete, SMALL, RADIOGRAPHER | DOCTORS | OPERATOR},
	{"GET", "/api/v1/studies/{study}/thumbnail", handle_thumbnail, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies", handle_dicomweb_studies, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/series", handle_dicomweb_series, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/instances", handle_dicomweb_instances, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/patient-of/{of}/studies", handle_dicomweb_studies, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/patient-of/{of}/studies/{study}/series", handle_dicomweb_series, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/patient-of/{of}/studies/{study}/instances", handle_dicomweb_instances, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}", handle_dicomweb_retrieve, NO_BODY, PATIENTS},
	{"POST", "/dicom-web/studies", handle_dicomweb_store, STREAMED, RADIOGRAPHER},
	{"POST", "/dicom-web/studies/{study}", handle_dicomweb_store, STREAMED, RADIOGRAPHER},
	{"GET", "/dicom-web/studies/{study}/rendered", handle_rendered_many, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/thumbnail", handle_dicomweb_thumbnail, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/metadata", handle_dicomweb_metadata, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series", handle_dicomweb_series, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/instances", handle_dicomweb_instances, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}", handle_dicomweb_retrieve, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}/rendered", handle_rendered_many, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}/thumbnail", handle_dicomweb_thumbnail, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}/metadata", handle_dicomweb_metadata, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}/instances", handle_dicomweb_instances, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}", handle_dicomweb_retrieve, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/metadata", handle_dicomweb_metadata, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}", handle_dicomweb_frames, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/bulkdata/{path}", handle_dicomweb_bulk, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/rendered", handle_rendered, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frame}/rendered", handle_rendered, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/thumbnail", handle_dicomweb_thumbnail, NO_BODY, PATIENTS},
	{"GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frame}/thumbnail", handle_dicomweb_thumbnail, NO_BODY, PATIENTS},

	{"GET", "/api/v1/queue", handle_queue, NO_BODY, DOCTORS},
	{"POST", "/api/v1/queue/next", handle_queue_next, SMALL, REPORTER | REVIEWER},
	{"POST", "/api/v1/tasks/{task}/check", handle_task_check, REPORT, DOCTORS},
	{"GET", "/api/v1/report-templates", handle_report_templates, NO_BODY, DOCTORS},
	{"GET", "/api/v1/phrases", handle_phrases, NO_BODY, DOCTORS},
	{"POST", "/api/v1/phrases", handle_phrase_add, SMALL, DOCTORS},
	{"PUT", "/api/v1/phrases/{phrase}", handle_phrase_change, SMALL, DOCTORS},
	{"DELETE", "/api/v1/phrases/{phrase}", handle_phrase_remove, SMALL, DOCTORS},
	{"GET", "/api/v1/tasks/{task}/revisions", handle_task_revisions, NO_BODY, DOCTORS | QUALITY},
	{"GET", "/api/v1/tasks/{task}/revisions/{revision}", handle_task_revision, NO_BODY, DOCTORS | QUALITY},
	{"GET", "/api/v1/tasks/{task}", handle_task, NO_BODY, DOCTORS},
	{"GET", "/api/v1/tasks/{task}/colleagues", handle_task_colleagues, NO_BODY, DOCTORS},
	{"GET", "/api/v1/studies/{study}/priors", handle_study_priors, NO_BODY, PATIENTS},
	{"POST", "/api/v1/tasks/{task}/take", handle_task_take, SMALL, REPORTER | REVIEWER},
	{"POST", "/api/v1/tasks/{task}/review", handle_task_review, SMALL, REVIEWER},
	{"POST", "/api/v1/tasks/{task}/resume", handle_task_resume, SMALL, REPORTER | REVIEWER},
	{"POST", "/api/v1/tasks/{task}/heartbeat", handle_task_heartbeat, SMALL, REPORTER | REVIEWER},
	{"POST", "/api/v1/tasks/{task}/release", handle_task_release, SMALL, REPORTER | REVIEWER},
	{"POST", "/api/v1/tasks/{task}/no-influence", handle_task_no_influence, SMALL, REVIEWER},
	{"POST", "/api/v1/tasks/{task}/return", handle_task_return, SMALL, DOCTORS},
	{"POST", "/api/v1/tasks/{task}/answer", handle_task_answer, SMALL, RADIOGRAPHER | CLINICIAN | DUTY_LEADER},
	{"POST", "/api/v1/tasks/{task}/assign", handle_task_assign, SMALL, DUTY_LEADER},
	{"POST", "/api/v1/tasks/{task}/hand-over", handle_task_hand_over, SMALL, DOCTORS},
	{"POST", "/api/v1/tasks/{task}/cancel", handle_task_cancel, SMALL, DUTY_LEADER},

	{"GET", "/api/v1/tasks/{task}/report", handle_task_report, NO_BODY, PATIENTS},
	{"PUT", "/api/v1/tasks/{task}/draft", handle_task_draft, REPORT, REPORTER | REVIEWER},
	{"POST", "/api/v1/tasks/{task}/submit", handle_task_submit, SMALL, REPORTER | REVIEWER},
	{"POST", "/api/v1/tasks/{task}/send-back", handle_task_send_back, SMALL, REVIEWER},
	{"POST", "/api/v1/tasks/{task}/sign", handle_task_sign, SMALL, REVIEWER},
	{"GET", "/api/v1/reports/{report}", handle_report, NO_BODY, PATIENTS},
	{"GET", "/api/v1/reports/{report}/pdf", handle_report_pdf, NO_BODY, PATIENTS},

	{"POST", "/api/v1/reports/{report}/printed", handle_report_printed, SMALL, PATIENTS},
	{"POST", "/api/v1/reports/{report}/follow", handle_report_follow, SMALL, REVIEWER},
	{"POST", "/api/v1/reports/{report}/recalled", handle_report_recalled, SMALL, RADIOGRAPHER | CLINICIAN | DUTY_LEADER},

	{"GET", "/api/v1/requests", handle_requests, NO_BODY, PATIENTS},
	{"POST", "/api/v1/requests", handle_request_register, FORM, RADIOGRAPHER | CLINICIAN | DUTY_LEADER},
	{"GET", "/api/v1/requests/{request}", handle_request, NO_BODY, PATIENTS},
	{"PUT", "/api/v1/requests/{request}", handle_request_change, FORM, RADIOGRAPHER | CLINICIAN | DUTY_LEADER},
	{"POST", "/api/v1/requests/{request}/cancel", handle_request_cancel, SMALL, RADIOGRAPHER | CLINICIAN | DUTY_LEADER},
	{"GET", "/api/v1/items", handle_items, NO_BODY, PATIENTS},
	{"GET", "/api/v1/studies/{study}/match-candidates", handle_match_candidates, NO_BODY, RADIOGRAPHER | DUTY_LEADER},
	{"POST", "/api/v1/studies/{study}/match", handle_match, SMALL, RADIOGRAPHER | DUTY_LEADER},
	{"POST", "/api/v1/studies/{study}/unmatch", handle_unmatch, SMALL, RADIOGRAPHER | DUTY_LEADER},
	{"POST", "/api/v1/studies/{study}/corrections/preview", handle_correction_preview, REPORT, RADIOGRAPHER | DUTY_LEADER},
	{"POST", "/api/v1/studies/{study}/corrections", handle_correction_make, REPORT, RADIOGRAPHER | DUTY_LEADER},
	{"GET", "/api/v1/studies/{study}/corrections", handle_study_corrections, NO_BODY, RADIOGRAPHER | DOCTORS | QUALITY | OPERATOR},
	{"GET", "/api/v1/corrections", handle_corrections, NO_BODY, RADIOGRAPHER | DUTY_LEADER | QUALITY | OPERATOR},
	{"GET", "/api/v1/corrections/{correction}", handle_correction, NO_BODY, RADIOGRAPHER | DOCTORS | QUALITY | OPERATOR},
	{"POST", "/api/v1/corrections/{correction}/undo/preview", handle_correction_undo_preview, SMALL, RADIOGRAPHER | DUTY_LEADER},
	{"POST", "/api/v1/corrections/{correction}/undo", handle_correction_undo, SMALL, RADIOGRAPHER | DUTY_LEADER},
	{"POST", "/api/v1/identity-reviews/{review}/settle", handle_identity_settle, SMALL, RADIOGRAPHER | DUTY_LEADER},
	{"POST", "/api/v1/identity-reviews/{review}/undo", handle_identity_undo, SMALL, RADIOGRAPHER | DUTY_LEADER},
	{"GET", "/api/v1/report-proposals", handle_report_proposals, NO_BODY, DOCTORS | QUALITY},
	{"POST", "/api/v1/report-proposals/{proposal}/settle", handle_report_proposal_settle, SMALL, REVIEWER},
	{"GET", "/api/v1/devices", handle_devices, NO_BODY, RADIOGRAPHER | DUTY_LEADER | QUALITY | ADMINISTRATOR | OPERATOR},
	{"POST", "/api/v1/devices/{device}/test", handle_device_test, SMALL, RADIOGRAPHER | DUTY_LEADER | OPERATOR},

	{"GET", "/api/v1/critical-values", handle_critical_values, NO_BODY, PATIENTS},
	{"POST", "/api/v1/studies/{study}/critical-values", handle_critical_raise, SMALL, DOCTORS},
	{"POST", "/api/v1/critical-values/{value}/notify", handle_critical_notify, SMALL, RADIOGRAPHER | CLINICIAN | DOCTORS},
	{"POST", "/api/v1/critical-values/{value}/read-back", handle_critical_read_back, SMALL, RADIOGRAPHER | CLINICIAN | DOCTORS},
	{"POST", "/api/v1/critical-values/{value}/handle", handle_critical_handle, SMALL, RADIOGRAPHER | CLINICIAN | DUTY_LEADER},
	{"POST", "/api/v1/critical-values/{value}/close", handle_critical_close, SMALL, RADIOGRAPHER | CLINICIAN | DOCTORS},
	{"POST", "/api/v1/tasks/{task}/questions", handle_task_question, SMALL, REPORTER | REVIEWER},
	{"POST", "/api/v1/questions/{question}/answer", handle_question_answer, SMALL, RADIOGRAPHER | CLINICIAN | DUTY_LEADER},

	{"GET", "/api/v1/deliveries", handle_deliveries, NO_BODY, RADIOGRAPHER | DUTY_LEADER | QUALITY | OPERATOR},
	{"GET", "/api/v1/deliveries/{delivery}", handle_delivery, NO_BODY, RADIOGRAPHER | DUTY_LEADER | QUALITY | OPERATOR},
	{"POST", "/api/v1/deliveries/retry", handle_deliveries_retry, SMALL, OPERATOR},
	{"POST", "/api/v1/deliveries/cancel", handle_deliveries_cancel, SMALL, OPERATOR},
	{"POST", "/api/v1/deliveries/{delivery}/retry", handle_delivery_retry, SMALL, OPERATOR},
	{"POST", "/api/v1/deliveries/{delivery}/cancel", handle_delivery_cancel, SMALL, OPERATOR},
	{"GET", "/api/v1/operations", handle_operations, NO_BODY, ADMINISTRATOR | OPERATOR},
	{"GET", "/api/v1/destinations", handle_destinations, NO_BODY, ADMINISTRATOR | OPERATOR},
	{"POST", "/api/v1/destinations", handle_destination_add, PEMS, OPERATOR},
	{"GET", "/api/v1/destinations/{destination}", handle_destination, NO_BODY, ADMINISTRATOR | OPERATOR},
	{"PATCH", "/api/v1/destinations/{destination}", handle_destination_change, PEMS, OPERATOR},
	{"DELETE", "/api/v1/destinations/{destination}", handle_destination_remove, SMALL, OPERATOR},
	{"POST", "/api/v1/destinations/{destination}/hold", handle_destination_hold, SMALL, OPERATOR},
	{"POST", "/api/v1/destinations/{destination}/release", handle_destination_release, SMALL, OPERATOR},
	{"POST", "/api/v1/destinations/{destination}/retry", handle_destination_retry, SMALL, OPERATOR},
	{"POST", "/api/v1/destinations/{destination}/test", handle_destination_test, SMALL, OPERATOR},
	{"GET", "/api/v1/rules", handle_rules, NO_BODY, ADMINISTRATOR | OPERATOR},
	{"POST", "/api/v1/rules", handle_rule_add, FORM, OPERATOR},
	{"PUT", "/api/v1/rules/{rule}", handle_rule_edit, FORM, OPERATOR},
	{"POST", "/api/v1/rules/{rule}/move", handle_rule_move, SMALL, OPERATOR},
	{"POST", "/api/v1/rules/{rule}/remove", handle_rule_remove, SMALL, OPERATOR},
	{"PUT", "/api/v1/rule-groups", handle_rule_group, SMALL, OPERATOR},
	{"POST", "/api/v1/rule-groups/remove", handle_rule_ungroup, SMALL, OPERATOR},
	{"POST", "/api/v1/rule-test", handle_rule_test, FORM, ADMINISTRATOR | OPERATOR},
	{"GET", "/api/v1/rule-versions", handle_rule_versions, NO_BODY, ADMINISTRATOR | OPERATOR},
	{"GET", "/api/v1/rule-choices", handle_rule_choices, NO_BODY, ADMINISTRATOR | OPERATOR},
	{"GET", "/api/v1/rule-waiting", handle_rule_waiting, NO_BODY, RADIOGRAPHER | DUTY_LEADER | OPERATOR},
	{"GET", "/api/v1/agreements", handle_agreements, NO_BODY, ADMINISTRATOR | OPERATOR},
	{"POST", "/api/v1/agreements", handle_agreement_add, SMALL, OPERATOR},
	{"POST", "/api/v1/agreements/{agreement}/end", handle_agreement_end, SMALL, OPERATOR},
	{"GET", "/api/v1/duties", handle_duties, NO_BODY, DUTY_LEADER | ADMINISTRATOR | OPERATOR},
	{"POST", "/api/v1/duties", handle_duty_add, SMALL, OPERATOR},
	{"POST", "/api/v1/duties/{duty}/end", handle_duty_end, SMALL, OPERATOR},
	{"GET", "/api/v1/calendar", handle_calendar, NO_BODY, ROUTE_LOGGED_IN},
	{"POST", "/api/v1/studies/{study}/reroute/preview", handle_reroute_preview, SMALL, DUTY_LEADER | OPERATOR},
	{"POST", "/api/v1/studies/{study}/reroute", handle_reroute, SMALL, DUTY_LEADER | OPERATOR},
	{"POST", "/api/v1/studies/{study}/release", handle_release, SMALL, DUTY_LEADER | OPERATOR},
	{"GET", "/api/v1/identity-reviews", handle_identity_reviews, NO_BODY, RADIOGRAPHER | DUTY_LEADER | QUALITY | OPERATOR},
	{"GET", "/api/v1/conflicts", handle_conflicts, NO_BODY, RADIOGRAPHER | DUTY_LEADER | QUALITY | OPERATOR},
	{"GET", "/api/v1/quarantine", handle_quarantine, NO_BODY, RADIOGRAPHER | DUTY_LEADER | QUALITY | OPERATOR},
	{"GET", "/api/v1/conflicts/{conflict}", handle_conflict, NO_BODY, RADIOGRAPHER | DUTY_LEADER | QUALITY | OPERATOR},
	{"GET", "/api/v1/conflicts/{conflict}/objects/{which}/rendered", handle_conflict_picture, NO_BODY, RADIOGRAPHER | DUTY_LEADER | QUALITY | OPERATOR},
	{"GET", "/api/v1/conflicts/{conflict}/objects/{which}/file", handle_conflict_file, NO_BODY, DUTY_LEADER | OPERATOR},
	{"POST", "/api/v1/conflicts/{conflict}/decide", handle_conflict_decide, SMALL, DUTY_LEADER | OPERATOR},
	{"GET", "/api/v1/quarantine/{object}", handle_quarantined, NO_BODY, RADIOGRAPHER | DUTY_LEADER | QUALITY | OPERATOR},
	{"GET", "/api/v1/quarantine/{object}/rendered", handle_quarantined_picture, NO_BODY, RADIOGRAPHER | DUTY_LEADER | QUALITY | OPERATOR},
	{"GET", "/api/v1/quarantine/{object}/file", handle_quarantined_file, NO_BODY, DUTY_LEADER | OPERATOR},
	{"PUT", "/api/v1/quarantine/{object}/corrections", handle_quarantined_correct, SMALL, DUTY_LEADER | OPERATOR},
	{"POST", "/api/v1/quarantine/{object}/retry", handle_quarantined_retry, SMALL, DUTY_LEADER | OPERATOR},
	{"POST", "/api/v1/quarantine/{object}/close", handle_quarantined_close, SMALL, DUTY_LEADER | OPERATOR},
	{"POST", "/api/v1/quarantine/{object}/reopen", handle_quarantined_reopen, SMALL, DUTY_LEADER | OPERATOR},
	{"GET", "/api/v1/commitments", handle_commitments, NO_BODY, DUTY_LEADER | QUALITY | ADMINISTRATOR | OPERATOR},
	{"GET", "/api/v1/performed-steps", handle_performed_steps, NO_BODY, DUTY_LEADER | QUALITY | ADMINISTRATOR | OPERATOR},
	{"GET", "/api/v1/audit", handle_audit, NO_BODY, QUALITY | ADMINISTRATOR | OPERATOR},
	{"GET", "/api/v1/coverage", handle_coverage, NO_BODY, DUTY_LEADER | QUALITY | ADMINISTRATOR | OPERATOR},
	{"GET", "/api/v1/figures", handle_figures, NO_BODY, DUTY_LEADER | QUALITY | ADMINISTRATOR | OPERATOR},
	{"GET", "/api/v1/figures/export", handle_figures_export, NO_BODY, DUTY_LEADER | QUALITY | ADMINISTRATOR | OPERATOR},
	{"GET", "/api/v1/figures/{figure}/rows", handle_figure_rows, NO_BODY, DUTY_LEADER | QUALITY | ADMINISTRATOR | OPERATOR},
	{"GET", "/api/v1/figure-definitions", handle_figure_definitions, NO_BODY, ROUTE_LOGGED_IN},
};
/* clang-format on */

const struct http_route *routes_all(size_t *count)
{
	*count = sizeof routes / sizeof routes[0];
	return routes;
}
