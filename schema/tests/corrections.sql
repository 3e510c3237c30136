-- Corrections and what hangs on them.

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
