-- case: ae_titles_have_no_backslash
-- wants: 23514
UPDATE device SET calling_ae = 'A\B' WHERE device_id = yq_test.key('device', 'duanfen');

-- case: ae_titles_are_not_blank
-- wants: 23514
UPDATE device SET calling_ae = '   ' WHERE device_id = yq_test.key('device', 'duanfen');

-- case: the_same_knowledge_names_one_device
-- wants: 23505
INSERT INTO device (site_id, calling_ae) SELECT yq_test.key('site', 'haiyan'), calling_ae FROM device
WHERE device_id = yq_test.key('device', 'duanfen');

-- case: several_devices_may_share_an_ae_title
-- wants: ok
INSERT INTO device (site_id, calling_ae, address)
SELECT yq_test.key('site', 'haiyan'), calling_ae, '192.0.2.0/24' FROM device WHERE device_id = yq_test.key('device', 'duanfen');

-- case: a_disabled_device_makes_room
-- wants: ok
UPDATE device SET is_enabled = false WHERE device_id = yq_test.key('device', 'duanfen');
INSERT INTO device (site_id, calling_ae) SELECT yq_test.key('site', 'haiyan'), calling_ae FROM device
WHERE device_id = yq_test.key('device', 'duanfen');

-- case: an_edge_is_known_by_one_certificate
-- wants: 23505
INSERT INTO edge (site_id, name, certificate_sha256) VALUES (yq_test.key('site', 'duanfen'), 'a', sha256('c')),
                                                            (yq_test.key('site', 'haiyan'), 'b', sha256('c'));

-- case: contacts_are_counted_once_a_day
-- wants: 23505
INSERT INTO device_contact (device_id, day, last_at) SELECT yq_test.key('device', 'duanfen'), '2026-01-01', yq_now()
FROM generate_series(1, 2);

-- case: clock_samples_belong_to_a_device
-- wants: 23503
INSERT INTO device_clock_sample (device_id, clock_offset) VALUES (-1, '26 years');

-- case: the_same_claim_is_one_row_a_site
-- wants: 23505
INSERT INTO identity_claim (site_id, patient_id, source, typed_id, name, content_hash)
SELECT site_id, patient_id, source, typed_id, name, content_hash FROM identity_claim
WHERE claim_id = yq_test.key('claim', 'duanfen');

-- case: two_patients_under_one_typed_id_are_two_claims
-- wants: ok
WITH p AS (INSERT INTO patient DEFAULT VALUES RETURNING patient_id)
INSERT INTO identity_claim (site_id, patient_id, source, typed_id, name, content_hash)
SELECT yq_test.key('site', 'duanfen'), patient_id, 'image', '1', '测试^乙', sha256('other') FROM p;

-- case: sources_of_claims_are_a_closed_list
-- wants: 23514
UPDATE identity_claim SET source = 'rumour' WHERE claim_id = yq_test.key('claim', 'duanfen');

-- case: an_identity_decision_names_the_patient_decided_for
-- wants: 23502
INSERT INTO identity_decision (site_id, claim_id, reason)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('claim', 'duanfen'), 'x');

-- case: a_claim_is_not_compared_with_itself
-- wants: 23514
INSERT INTO identity_review (site_id, claim_id, other_claim_id, reason)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('claim', 'duanfen'), yq_test.key('claim', 'duanfen'), 'candidate');

-- case: a_settled_review_has_an_outcome
-- wants: 23514
INSERT INTO identity_review (site_id, claim_id, other_claim_id, reason, settled_at)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('claim', 'duanfen'), yq_test.key('claim', 'haiyan'), 'candidate', yq_now());

-- case: an_item_code_means_one_thing
-- wants: 23505
INSERT INTO item_code (local_code, name) VALUES ('test-1', 'a'), ('test-1', 'b');

-- case: expected_views_are_a_number_of_views
-- wants: 23514
INSERT INTO item_code (local_code, name, expected_views) VALUES ('test-1', 'a', 0);

-- case: an_accession_number_is_used_once_a_site_and_year
-- wants: 23505
INSERT INTO request (site_id, claim_id, accession_number, year, patient_class)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('claim', 'duanfen'), 'A1', 2026, 'outpatient');

-- case: the_same_accession_number_may_come_next_year_and_elsewhere
-- wants: ok
INSERT INTO request (site_id, claim_id, accession_number, year, patient_class)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('claim', 'duanfen'), 'A1', 2027, 'outpatient'),
       (yq_test.key('site', 'lead'), yq_test.key('claim', 'duanfen'), 'A1', 2026, 'outpatient');

-- case: an_accession_number_fits_dicom
-- wants: 23514
UPDATE request SET accession_number = '12345678901234567' WHERE request_id = yq_test.key('request', 'duanfen');

-- case: patient_classes_are_a_closed_list
-- wants: 23514
UPDATE request SET patient_class = 'vip' WHERE request_id = yq_test.key('request', 'duanfen');

-- case: a_study_is_born_receiving
-- wants: YQ409 no transition
INSERT INTO study (site_id, study_instance_uid, claim_id, state, first_arrival_at, last_arrival_at)
VALUES (yq_test.key('site', 'duanfen'), '1.2.3', yq_test.key('claim', 'duanfen'), 'complete', yq_now(), yq_now());

-- case: a_complete_study_does_not_become_incomplete
-- wants: YQ409 no transition
UPDATE study SET state = 'incomplete' WHERE study_id = yq_test.key('study', 'duanfen');

-- case: a_late_image_reopens_a_study
-- wants: ok
UPDATE study SET state = 'receiving', version = version + 1 WHERE study_id = yq_test.key('study', 'duanfen');
UPDATE study SET state = 'incomplete' WHERE study_id = yq_test.key('study', 'duanfen');

-- case: a_site_has_a_study_uid_once
-- wants: 23505
INSERT INTO study (site_id, study_instance_uid, claim_id, first_arrival_at, last_arrival_at)
SELECT site_id, study_instance_uid, claim_id, yq_now(), yq_now() FROM study WHERE study_id = yq_test.key('study', 'duanfen');

-- case: a_reused_study_uid_may_be_split
-- wants: ok
INSERT INTO study (site_id, study_instance_uid, split_no, claim_id, first_arrival_at, last_arrival_at)
SELECT site_id, study_instance_uid, 1, claim_id, yq_now(), yq_now() FROM study WHERE study_id = yq_test.key('study', 'duanfen');

-- case: one_site_cannot_squat_the_uids_of_another
-- wants: ok
INSERT INTO study (site_id, study_instance_uid, claim_id, first_arrival_at, last_arrival_at)
SELECT yq_test.key('site', 'lead'), study_instance_uid, claim_id, yq_now(), yq_now() FROM study
WHERE study_id = yq_test.key('study', 'duanfen');

-- case: hostile_uids_are_refused_here_too
-- wants: 23514
UPDATE study SET study_instance_uid = '../../etc' WHERE study_id = yq_test.key('study', 'duanfen');

-- case: a_series_belongs_to_the_site_of_its_study
-- wants: 23503
INSERT INTO series (study_id, site_id, series_instance_uid)
VALUES (yq_test.key('study', 'duanfen'), yq_test.key('site', 'haiyan'), '1.2.3');

-- case: requests_of_a_series_are_a_list
-- wants: 23514
UPDATE series SET request_attributes = '{"step_id": "S1"}' WHERE study_id = yq_test.key('study', 'duanfen');

-- case: times_are_compared_by_their_digits
-- wants: value 103000000000|103059500000|100000000000|235960000000|
SELECT concat_ws('|', yq_time_digits('1030'), yq_time_digits('10:30:59.5'), yq_time_digits('10'), yq_time_digits('235960'),
                 coalesce(yq_time_digits('2400'), '') || coalesce(yq_time_digits(''), '') || coalesce(yq_time_digits('noon'), ''));

-- case: what_a_search_asks_of_a_study_is_planned_with_the_statement
-- as: yq_gateway
-- wants: value t t
SET LOCAL enable_seqscan = off;
SELECT concat_ws(' ', plan LIKE '%study_shown_uid%', plan NOT LIKE '%Function Scan%')
FROM yq_test.plan_of($q$SELECT (s.st).study_id FROM yq_studies_sought(ARRAY['1.2.3'], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                                                                       NULL, NULL, NULL, NULL, NULL) s$q$) AS plan;

-- case: series_of_a_request_that_is_named_whole_are_looked_up
-- wants: value both|step|none|any|many|plan
UPDATE series SET request_attributes = '[{"step_id": "S_1", "procedure_id": "P1"}, {"step_id": "S2", "procedure_id": "P2"}]'
WHERE series_id = (SELECT min(series_id) FROM series);
SET LOCAL enable_seqscan = off;
SELECT concat_ws('|', CASE WHEN yq_series_requested('S2', 'P2', 9) = ARRAY[(SELECT min(series_id) FROM series)] THEN 'both' END,
                 CASE WHEN yq_series_requested('S2', 'P%', 9) = ARRAY[(SELECT min(series_id) FROM series)] THEN 'step' END,
                 CASE WHEN yq_series_requested('S2', 'P1', 9) = '{}' THEN 'none' END,
                 CASE WHEN yq_series_requested('S\_1', 'P_', 9) IS NULL AND yq_series_requested(NULL, NULL, 9) IS NULL THEN 'any' END,
                 CASE WHEN yq_series_requested('S2', NULL, 0) IS NULL THEN 'many' END,
                 CASE WHEN yq_test.plan_of($q$SELECT FROM series WHERE request_attributes @> yq_requests_named('S2', 'P2')$q$)
                           LIKE '%series_request_attributes%' THEN 'plan' END);

-- case: an_instance_belongs_to_the_site_of_its_series
-- wants: 23503
UPDATE instance SET site_id = yq_test.key('site', 'haiyan') WHERE instance_id = yq_test.key('instance', 'duanfen');

-- case: a_site_has_a_sop_instance_uid_once
-- wants: 23505
INSERT INTO instance (site_id, origin, sop_class_uid, sop_instance_uid, transfer_syntax_uid, object_key, size_bytes, header_bytes,
                      sha256, arrived_at)
SELECT site_id, origin, sop_class_uid, sop_instance_uid, transfer_syntax_uid, md5('other'), 1, 1, sha256(''), yq_now()
FROM instance WHERE instance_id = yq_test.key('instance', 'duanfen');

-- case: an_object_is_indexed_once
-- wants: 23505
INSERT INTO instance (site_id, origin, sop_class_uid, sop_instance_uid, transfer_syntax_uid, object_key, size_bytes, header_bytes,
                      sha256, arrived_at)
SELECT site_id, origin, sop_class_uid, '1.2.99', transfer_syntax_uid, object_key, 1, 1, sha256(''), yq_now()
FROM instance WHERE instance_id = yq_test.key('instance', 'duanfen');

-- case: object_keys_are_not_paths
-- wants: 23514
UPDATE instance SET object_key = '../1' WHERE instance_id = yq_test.key('instance', 'duanfen');

-- case: origins_are_a_closed_list
-- wants: 23514
UPDATE instance SET origin = 'guess' WHERE instance_id = yq_test.key('instance', 'duanfen');

-- case: a_reception_is_replayed_once
-- wants: 23505
INSERT INTO reception (object_key, site_id, outcome, arrived_at)
SELECT md5('r'), yq_test.key('site', 'duanfen'), 'quarantined', yq_now() FROM generate_series(1, 2);

-- case: receptions_end_in_one_of_four_ways
-- wants: 23514
INSERT INTO reception (object_key, site_id, outcome, arrived_at) VALUES (md5('r'), yq_test.key('site', 'duanfen'), 'lost', yq_now());

-- case: a_conflict_keeps_an_object_of_its_own
-- wants: 23505
INSERT INTO instance_conflict (site_id, instance_id, object_key, sha256, size_bytes, header_bytes, transfer_syntax_uid, arrived_at)
SELECT yq_test.key('site', 'duanfen'), yq_test.key('instance', 'duanfen'), md5('c'), sha256(''), 1, 1, '1.2', yq_now()
FROM generate_series(1, 2);

-- case: conflict_kinds_are_a_closed_list
-- wants: 23514
INSERT INTO instance_conflict (site_id, instance_id, object_key, sha256, size_bytes, header_bytes, transfer_syntax_uid, arrived_at, kind)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('instance', 'duanfen'), md5('c'), sha256(''), 1, 1, '1.2', yq_now(), 'other');

-- case: a_quarantined_object_is_listed_once
-- wants: 23505
INSERT INTO quarantine (object_key, reason, arrived_at) SELECT md5('q'), 'x', yq_now() FROM generate_series(1, 2);

-- case: signals_are_a_closed_list
-- wants: 23514
INSERT INTO study_signal (study_id, site_id, kind) VALUES (yq_test.key('study', 'duanfen'), yq_test.key('site', 'duanfen'), 'shout');

-- case: a_signal_is_about_a_study_of_its_site
-- wants: 23503
INSERT INTO study_signal (study_id, site_id, kind) VALUES (yq_test.key('study', 'duanfen'), yq_test.key('site', 'haiyan'), 'submit');

-- case: a_manual_match_has_a_person
-- wants: 23514
INSERT INTO request_match (site_id, request_id, study_id, method, score)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('request', 'duanfen'), yq_test.key('study', 'duanfen'), 'manual', 1);

-- case: a_match_stands_once_and_can_be_undone_and_made_again
-- wants: 23505
INSERT INTO request_match (site_id, request_id, study_id, method, score)
SELECT yq_test.key('site', 'duanfen'), yq_test.key('request', 'duanfen'), yq_test.key('study', 'duanfen'), 'automatic', 1;
UPDATE request_match SET undone_at = yq_now() WHERE request_id = yq_test.key('request', 'duanfen');
INSERT INTO request_match (site_id, request_id, study_id, method, score)
SELECT yq_test.key('site', 'duanfen'), yq_test.key('request', 'duanfen'), yq_test.key('study', 'duanfen'), 'automatic', 1
FROM generate_series(1, 2);

-- case: a_correction_has_a_reason
-- wants: 23514
INSERT INTO correction (site_id, study_id, kind, reason, before, after, made_by)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), 'split', '', '{}', '{}', yq_test.key('person', 'author'));

-- case: a_correction_stays
-- wants: YQ403 only added
INSERT INTO correction (site_id, study_id, kind, reason, before, after, made_by)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), 'split', 'x', '{}', '{}', yq_test.key('person', 'author'));
UPDATE correction SET reason = 'y';

-- case: a_correction_is_undone_once
-- wants: 23505
WITH first AS (
    INSERT INTO correction (site_id, study_id, kind, reason, before, after, made_by)
    VALUES (yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), 'split', 'x', '{}', '{}', yq_test.key('person', 'author'))
    RETURNING correction_id)
SELECT yq_test.keep('correction', 'first', correction_id) FROM first;
INSERT INTO correction (site_id, study_id, kind, reason, before, after, made_by, undoes_id)
SELECT yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), 'split', 'undo', '{}', '{}', yq_test.key('person', 'author'),
       yq_test.key('correction', 'first')
FROM generate_series(1, 2);

-- case: a_merged_study_leads_to_another
-- wants: 23514
UPDATE study SET state = 'merged' WHERE study_id = yq_test.key('study', 'duanfen');

-- case: a_correction_is_made_by_a_person_or_by_an_operator
-- wants: 23514
INSERT INTO correction (site_id, study_id, kind, reason, before, after)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), 'edit_patient', 'x', '{}', '{}');

-- case: the_studies_of_a_correction_stay
-- wants: YQ403 only added
INSERT INTO correction (site_id, study_id, kind, reason, before, after, operator)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), 'edit_patient', 'x', '{}', '{}', 'root');
UPDATE correction_study SET role = 'new';

-- case: a_route_leads_somewhere_else
-- wants: 23514
INSERT INTO series_route (site_id, from_study_id, to_study_id, series_instance_uid, correction_id)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), yq_test.key('study', 'duanfen'), '1.2', 1);

-- case: a_proposal_without_influence_says_why
-- wants: YQ409 no transition
INSERT INTO report_proposal (site_id, report_version_id, correction_id, state, settled_at)
VALUES (yq_test.key('site', 'duanfen'), 1, 1, 'no_influence', yq_now());

-- case: what_was_said_about_identities_stays
-- wants: 23514
INSERT INTO identity_settlement (site_id, review_id, outcome, reason, from_patient_id, to_patient_id)
VALUES (yq_test.key('site', 'duanfen'), 1, 'same', 'x', 1, 1);

-- case: corrections_of_a_foreign_site_are_not_there
-- as: yq_gateway
-- person: author
-- wants: value 0
SELECT (SELECT count(*) FROM correction_study) + (SELECT count(*) FROM series_route) + (SELECT count(*) FROM report_proposal)
       + (SELECT count(*) FROM identity_settlement);
