-- case: versions_of_a_policy_do_not_overlap
-- wants: 23P01
INSERT INTO signing_policy_version (policy_id, version, signatures, different_persons, in_force)
VALUES (yq_test.key('policy', 'two'), 3, 2, true, tstzrange('2020-01-01', NULL));

-- case: one_signature_cannot_be_of_two_persons
-- wants: 23514
INSERT INTO signing_policy_version (policy_id, version, signatures, different_persons, in_force)
VALUES (yq_test.key('policy', 'two'), 3, 1, true, tstzrange('1990-01-01', '1991-01-01'));

-- case: qualifications_are_a_closed_list
-- wants: 23514
INSERT INTO qualification (person_id, kind, scope_id, valid)
VALUES (yq_test.key('person', 'author'), 'everything', yq_test.key('community', 'east'), daterange(NULL, NULL));

-- case: a_key_is_valid_for_some_time
-- wants: 23514
INSERT INTO signing_key (person_id, backend, certificate, valid) VALUES (yq_test.key('person', 'author'), 'ledger', 'x', 'empty');

-- case: queue_names_are_unique_at_a_lead
-- wants: 23505
INSERT INTO reading_queue (lead_site_id, policy_id, name) VALUES (yq_test.key('site', 'lead'), yq_test.key('policy', 'two'), 'test queue');

-- case: one_rule_set_is_in_force
-- wants: 23P01
INSERT INTO routing_rule_set (version, in_force) VALUES (900001, tstzrange('1980-01-01', '1981-01-01')),
                                                        (900002, tstzrange('1980-06-01', '1981-06-01'));

-- case: rules_of_a_set_have_an_order
-- wants: 23505
WITH made AS (INSERT INTO routing_rule_set (version, in_force) VALUES (900001, tstzrange('1980-01-01', '1981-01-01')) RETURNING rule_set_id)
INSERT INTO routing_rule (rule_set_id, ordinal, queue_id, reading_mode)
SELECT rule_set_id, 1, yq_test.key('queue', 'lead'), 'central' FROM made, generate_series(1, 2);

-- case: a_limit_is_set_once
-- wants: 23505
INSERT INTO turnaround_limit (scope_id, modality, minutes) SELECT yq_test.key('grid', 'far'), 'CT', 30 FROM generate_series(1, 2);

-- case: a_day_is_in_the_calendar_once
-- wants: 23505
INSERT INTO calendar_day (day, is_working) VALUES ('1999-10-01', false), ('1999-10-01', true);

-- case: a_task_is_born_awaiting
-- wants: YQ409 no transition
INSERT INTO reading_task (site_id, study_id, kind, queue_id, reading_mode, patient_class, study_version, state)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), 'recheck', yq_test.key('queue', 'lead'), 'central',
        'outpatient', 1, 'done');

-- case: a_study_has_one_open_task_of_a_kind
-- wants: 23505
INSERT INTO reading_task (site_id, study_id, queue_id, reading_mode, patient_class, study_version)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), yq_test.key('queue', 'lead'), 'central', 'outpatient', 1);

-- case: a_task_does_not_jump_from_waiting_to_done
-- wants: YQ409 no transition
UPDATE reading_task SET state = 'done' WHERE task_id = yq_test.key('task', 'duanfen');

-- case: a_task_in_writing_has_a_holder_with_a_lease
-- wants: 23514
UPDATE reading_task SET state = 'writing' WHERE task_id = yq_test.key('task', 'duanfen');

-- case: a_holder_has_a_token
-- wants: 23514
UPDATE reading_task SET state = 'writing', holder_id = yq_test.key('person', 'author'), lease_until = yq_now()
WHERE task_id = yq_test.key('task', 'duanfen');

-- case: a_waiting_task_has_no_holder
-- wants: 23514
UPDATE reading_task SET holder_id = yq_test.key('person', 'author'), lease_token = gen_random_uuid(), lease_until = yq_now()
WHERE task_id = yq_test.key('task', 'duanfen');

-- case: a_task_is_taken_and_released
-- wants: ok
UPDATE reading_task SET state = 'writing', holder_id = yq_test.key('person', 'author'), lease_token = gen_random_uuid(),
    lease_until = yq_now() WHERE task_id = yq_test.key('task', 'duanfen');
UPDATE reading_task SET state = 'awaiting', holder_id = NULL, lease_token = NULL, lease_until = NULL
WHERE task_id = yq_test.key('task', 'duanfen');

-- case: a_task_has_one_open_workitem
-- wants: 23505
INSERT INTO workitem (sop_instance_uid, site_id, task_id)
SELECT '2.25.9' || n, yq_test.key('site', 'duanfen'), yq_test.key('task', 'duanfen') FROM generate_series(1, 2) n;

-- case: an_ended_workitem_says_when
-- wants: 23514
INSERT INTO workitem (sop_instance_uid, site_id, task_id, state)
VALUES ('2.25.91', yq_test.key('site', 'duanfen'), yq_test.key('task', 'duanfen'), 'CANCELED');

-- case: a_subscriber_asks_for_the_worklist_once
-- wants: 23505
INSERT INTO workitem_subscription (person_id, ae_title) SELECT yq_test.key('person', 'author'), 'WS' FROM generate_series(1, 2);

-- case: only_a_workitem_is_left_out
-- wants: 23514
INSERT INTO workitem_subscription (person_id, ae_title, is_on) VALUES (yq_test.key('person', 'author'), 'WS', false);

-- case: a_workitem_has_no_filter
-- wants: 23514
WITH made AS (INSERT INTO workitem (sop_instance_uid, site_id, task_id, state, ended_at)
              VALUES ('2.25.92', yq_test.key('site', 'duanfen'), yq_test.key('task', 'duanfen'), 'CANCELED', yq_now()) RETURNING workitem_id)
INSERT INTO workitem_subscription (person_id, ae_title, workitem_id, filter) SELECT yq_test.key('person', 'author'), 'WS', workitem_id, '{"states": []}' FROM made;

-- case: a_return_has_a_reason
-- wants: 23514
INSERT INTO task_return (site_id, task_id, kind, reason, returned_by)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('task', 'duanfen'), 'retake', '', yq_test.key('person', 'author'));

-- case: a_task_is_returned_once_at_a_time
-- wants: 23505
INSERT INTO task_return (site_id, task_id, kind, reason, returned_by)
SELECT yq_test.key('site', 'duanfen'), yq_test.key('task', 'duanfen'), 'request', 'x', yq_test.key('person', 'author')
FROM generate_series(1, 2);

-- case: taking_over_has_a_reason
-- wants: 23514
INSERT INTO task_assignment (site_id, task_id, kind, to_id, made_by)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('task', 'duanfen'), 'take_over', yq_test.key('person', 'author'),
        yq_test.key('person', 'reviewer'));

-- case: an_answered_consultation_has_an_answer
-- wants: 23514
INSERT INTO consultation (site_id, task_id, purpose, asked_by)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('task', 'duanfen'), 'x', yq_test.key('person', 'author'));
UPDATE consultation SET state = 'accepted' WHERE task_id = yq_test.key('task', 'duanfen');
UPDATE consultation SET state = 'answered' WHERE task_id = yq_test.key('task', 'duanfen');

-- case: a_declined_consultation_stays_declined
-- wants: YQ409 no transition
INSERT INTO consultation (site_id, task_id, purpose, asked_by)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('task', 'duanfen'), 'x', yq_test.key('person', 'author'));
UPDATE consultation SET state = 'declined' WHERE task_id = yq_test.key('task', 'duanfen');
UPDATE consultation SET state = 'accepted' WHERE task_id = yq_test.key('task', 'duanfen');

-- case: a_task_has_one_report
-- wants: 23505
INSERT INTO report (site_id, study_id, task_id)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), yq_test.key('task', 'duanfen'));

-- case: a_report_has_one_open_version
-- wants: 23505
INSERT INTO report_version (site_id, report_id, version, body, study_version, author_id)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('report', 'duanfen'), 2, '{}', 1, yq_test.key('person', 'author'));

-- case: a_correction_of_a_report_has_a_reason
-- wants: 23514
UPDATE report_version SET kind = 'correction' WHERE report_version_id = yq_test.key('version', 'duanfen');

-- case: the_digest_is_that_of_the_text
-- wants: 23514
UPDATE report_version SET canonical = 'another text' WHERE report_version_id = yq_test.key('version', 'duanfen');

-- case: what_is_submitted_has_a_text
-- wants: 23514
UPDATE report_version SET canonical = NULL, content_sha256 = NULL WHERE report_version_id = yq_test.key('version', 'duanfen');

-- case: a_version_is_born_as_a_draft
-- wants: YQ409 no transition
UPDATE report_version SET state = 'draft' WHERE report_version_id = yq_test.key('version', 'duanfen');
INSERT INTO report_version (site_id, report_id, version, body, study_version, author_id, state)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('report', 'duanfen'), 2, '{}', 1, yq_test.key('person', 'author'), 'submitted');

-- case: a_revision_is_saved_once
-- wants: 23505
INSERT INTO report_revision (report_version_id, site_id, revision, body, saved_by)
SELECT yq_test.key('version', 'duanfen'), yq_test.key('site', 'duanfen'), 1, '{}', yq_test.key('person', 'author')
FROM generate_series(1, 2);

-- case: a_remark_says_something
-- wants: 23514
INSERT INTO report_remark (site_id, report_version_id, revision, remark, made_by)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('version', 'duanfen'), 1, '', yq_test.key('person', 'reviewer'));

-- case: both_signatures_and_papers_make_an_issue
-- wants: value issued
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers();
SELECT yq_test.issue();
SELECT state FROM report_version WHERE report_version_id = yq_test.key('version', 'duanfen');

-- case: no_issue_without_signatures
-- wants: YQ403 signing policy asks for 2
SELECT yq_test.keep_papers();
SELECT yq_test.issue();

-- case: no_issue_with_one_signature
-- wants: YQ403 signing policy asks for 2
SELECT yq_test.sign('author', 'author'), yq_test.keep_papers();
SELECT yq_test.issue();

-- case: no_issue_with_a_signature_over_another_text
-- wants: YQ403 signing policy asks for 2
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'reviewer', 'another text'), yq_test.keep_papers();
SELECT yq_test.issue();

-- case: no_issue_with_a_voided_signature
-- wants: YQ403 signing policy asks for 2
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers();
UPDATE report_signature SET voided_at = yq_now() WHERE role = 'author' AND report_version_id = yq_test.key('version', 'duanfen');
SELECT yq_test.issue();

-- case: no_issue_with_the_signature_of_somebody_else
-- wants: YQ403 signing policy asks for 2
SELECT yq_test.sign('author', 'beginner'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers();
SELECT yq_test.issue();

-- case: nobody_reviews_his_own_report
-- wants: YQ403 different persons
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'author'), yq_test.keep_papers();
SELECT yq_test.issue('author');

-- case: no_issue_by_a_reviewer_without_qualification
-- wants: YQ403 not qualified
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'foreigner'), yq_test.keep_papers();
SELECT yq_test.issue('foreigner');

-- case: no_issue_with_a_qualification_that_ran_out
-- wants: YQ403 not qualified
UPDATE report_version SET author_id = yq_test.key('person', 'beginner') WHERE report_version_id = yq_test.key('version', 'duanfen');
SELECT yq_test.sign('author', 'beginner'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers();
SELECT yq_test.issue();

-- case: no_issue_by_who_is_not_active
-- wants: YQ403 not qualified
UPDATE person SET is_active = false WHERE person_id = yq_test.key('person', 'reviewer');
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers();
SELECT yq_test.issue();

-- case: no_issue_under_a_policy_that_is_no_longer_in_force
-- wants: YQ403 policy in force
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers();
SELECT yq_test.issue('reviewer', 'v1');

-- case: no_issue_without_its_papers
-- wants: YQ403 must be kept first
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers(ARRAY['pdf', 'sr']);
SELECT yq_test.issue();

-- case: no_issue_of_a_draft
-- wants: YQ409 no transition
UPDATE report_version SET state = 'draft' WHERE report_version_id = yq_test.key('version', 'duanfen');
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers();
SELECT yq_test.issue();

-- case: an_issued_text_is_not_changed
-- wants: YQ403 issued report
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers();
SELECT yq_test.issue();
UPDATE report_version SET body = '{}' WHERE report_version_id = yq_test.key('version', 'duanfen');

-- case: an_issued_report_is_not_taken_back
-- wants: YQ409 no transition
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers();
SELECT yq_test.issue();
UPDATE report_version SET state = 'draft' WHERE report_version_id = yq_test.key('version', 'duanfen');

-- case: an_issued_report_may_be_superseded
-- wants: ok
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers();
SELECT yq_test.issue();
UPDATE report_version SET state = 'superseded' WHERE report_version_id = yq_test.key('version', 'duanfen');

-- case: a_signature_of_an_issued_report_is_not_voided
-- wants: YQ403 cannot change report_signature
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers();
SELECT yq_test.issue();
UPDATE report_signature SET voided_at = yq_now() WHERE report_version_id = yq_test.key('version', 'duanfen');

-- case: a_paper_of_an_issued_report_is_not_exchanged
-- wants: YQ403 cannot change artefact
SELECT yq_test.sign('author', 'author'), yq_test.sign('reviewer', 'reviewer'), yq_test.keep_papers();
SELECT yq_test.issue();
UPDATE artefact SET sha256 = sha256('other') WHERE report_version_id = yq_test.key('version', 'duanfen');

-- case: a_signature_is_never_deleted
-- wants: YQ403 cannot change report_signature
SELECT yq_test.sign('author', 'author');
DELETE FROM report_signature WHERE report_version_id = yq_test.key('version', 'duanfen');

-- case: a_voided_signature_is_not_revived
-- wants: YQ403 cannot change report_signature
SELECT yq_test.sign('author', 'author');
UPDATE report_signature SET voided_at = yq_now() WHERE report_version_id = yq_test.key('version', 'duanfen');
UPDATE report_signature SET voided_at = NULL WHERE report_version_id = yq_test.key('version', 'duanfen');

-- case: each_role_signs_once
-- wants: 23505
SELECT yq_test.sign('author', 'author');
SELECT yq_test.sign('author', 'author');

-- case: a_paper_is_kept_once
-- wants: 23505
SELECT yq_test.keep_papers(ARRAY['pdf']);
SELECT yq_test.keep_papers(ARRAY['pdf']);

-- case: a_critical_value_is_not_closed_without_handling
-- wants: YQ409 no transition
INSERT INTO critical_value (site_id, study_id, item, raised_by, confirm_by)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), '气胸', yq_test.key('person', 'author'), yq_now());
UPDATE critical_value SET state = 'notified' WHERE study_id = yq_test.key('study', 'duanfen');
UPDATE critical_value SET state = 'closed' WHERE study_id = yq_test.key('study', 'duanfen');

-- case: read_back_says_what_was_read_back
-- wants: 23514
INSERT INTO critical_value (site_id, study_id, item, raised_by, confirm_by)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), '气胸', yq_test.key('person', 'author'), yq_now());
UPDATE critical_value SET state = 'notified' WHERE study_id = yq_test.key('study', 'duanfen');
UPDATE critical_value SET state = 'read_back', read_back_at = yq_now() WHERE study_id = yq_test.key('study', 'duanfen');

-- case: handled_says_how
-- wants: 23514
INSERT INTO critical_value (site_id, study_id, item, raised_by, confirm_by)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), '气胸', yq_test.key('person', 'author'), yq_now());
UPDATE critical_value SET state = 'notified' WHERE study_id = yq_test.key('study', 'duanfen');
UPDATE critical_value SET state = 'read_back', read_back_at = yq_now(), read_back = 'x' WHERE study_id = yq_test.key('study', 'duanfen');
UPDATE critical_value SET state = 'handled', handled_at = yq_now() WHERE study_id = yq_test.key('study', 'duanfen');

-- case: a_contact_belongs_to_its_critical_value
-- wants: 23503
INSERT INTO critical_contact (site_id, critical_value_id, contact, is_physician)
VALUES (yq_test.key('site', 'duanfen'), -1, '值班', true);

-- case: a_paper_is_called_back_by_somebody
-- wants: 23514
INSERT INTO report_recall (report_version_id, site_id, done_at)
SELECT report_version_id, site_id, yq_now() FROM report_version ORDER BY report_version_id LIMIT 1;

-- case: a_task_that_follows_a_report_says_why
-- wants: 23514
INSERT INTO reading_task (site_id, study_id, kind, queue_id, reading_mode, patient_class, study_version, follows_report_id)
SELECT r.site_id, r.study_id, 'correction', t.queue_id, 'central', 'outpatient', 1, r.report_id
FROM report r JOIN reading_task t USING (task_id) ORDER BY r.report_id LIMIT 1;

-- case: a_key_image_has_a_frame
-- wants: 23514
INSERT INTO key_image (study_id, site_id, instance_id, frame, task_id, person_id)
SELECT t.study_id, t.site_id, 1, 0, t.task_id, p.person_id FROM reading_task t, person p ORDER BY t.task_id, p.person_id LIMIT 1;

-- case: evidence_is_of_a_study_of_its_site
-- wants: 23503
INSERT INTO evidence (site_id, study_id, sop_instance_uid, series_instance_uid, sop_class_uid, task_id, person_id)
SELECT t.site_id, -1, '1.2.3', '1.2.4', '1.2.5', t.task_id, p.person_id FROM reading_task t, person p ORDER BY t.task_id, p.person_id LIMIT 1;

-- case: who_holds_no_task_adds_no_evidence
-- as: yq_gateway
-- person: reviewer
-- wants: value not_held
SELECT evidence_admit((SELECT public_id FROM person WHERE account = 'reviewer'), s.public_id, '1.2.840.10008.5.1.4.1.1.88.33', '1.2.3', '1.2.4', '', '', '', '', '{}')
FROM study s ORDER BY s.study_id LIMIT 1;
