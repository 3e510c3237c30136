-- case: a_conflict_begins_with_its_comparison
-- wants: YQ409
INSERT INTO instance_conflict (site_id, instance_id, object_key, sha256, size_bytes, header_bytes, transfer_syntax_uid, arrived_at, state)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('instance', 'duanfen'), md5('c'), sha256(''), 1, 1, '1.2', yq_now(), 'kept');

-- case: what_is_equal_is_settled_by_itself
-- wants: value kept reencoded same match
SELECT yq_test.conflict();
SELECT conflict_judge(public_id, object_key, (SELECT object_key FROM instance WHERE instance_id = c.instance_id), 'same')
FROM instance_conflict c WHERE object_key = md5('c');
SELECT concat_ws(' ', c.state, c.kind, c.likeness, (SELECT event FROM conflict_step)) FROM instance_conflict c WHERE object_key = md5('c')
  AND settled_at IS NOT NULL;

-- case: a_word_about_other_bytes_is_not_taken
-- wants: value comparing 0
SELECT yq_test.conflict();
SELECT conflict_judge(public_id, object_key, md5('something else'), 'same') FROM instance_conflict WHERE object_key = md5('c');
SELECT state || ' ' || (SELECT count(*) FROM conflict_step) FROM instance_conflict WHERE object_key = md5('c');

-- case: the_duty_leader_decides_with_a_reason
-- as: yq_gateway
-- person: leader
-- wants: YQ400
SELECT yq_test.open_conflict();
SELECT conflict_decide(public_id, 'keep', ' ', object_key, NULL, NULL) FROM instance_conflict;

-- case: a_radiographer_sees_and_does_not_decide
-- as: yq_gateway
-- person: radiographer
-- wants: YQ403
SELECT yq_test.open_conflict();
SELECT conflict_decide(public_id, 'keep', 'looked', object_key, NULL, NULL) FROM instance_conflict;

-- case: the_neighbour_has_no_such_conflict
-- as: yq_gateway
-- person: neighbour
-- wants: YQ404
SELECT conflict_decide(yq_test.open_conflict(), 'keep', 'looked', NULL, NULL, NULL);

-- case: a_decision_on_bytes_that_moved_is_refused
-- as: yq_gateway
-- person: leader
-- wants: YQ409
SELECT yq_test.open_conflict();
SELECT conflict_decide(public_id, 'keep', 'looked', md5('others'), NULL, NULL) FROM instance_conflict;

-- case: a_replaced_image_answers_with_the_other_bytes_and_its_study_hears_of_it
-- as: yq_gateway
-- person: leader
-- wants: value replaced t t instances
SELECT yq_test.open_conflict();
SELECT conflict_decide(public_id, 'replace', 'the second one is right', object_key, yq_test.facts(), NULL) FROM instance_conflict;
SELECT concat_ws(' ', c.state, i.object_key = md5('c'), c.object_key <> md5('c'),
                 (SELECT kind FROM study_signal WHERE detail ? 'conflict'))
FROM instance_conflict c JOIN instance i USING (instance_id);

-- case: and_an_undo_brings_back_what_was_there
-- as: yq_gateway
-- person: leader
-- wants: value open t 2
SELECT yq_test.open_conflict();
SELECT conflict_decide(public_id, 'replace', 'the second one is right', object_key, yq_test.facts(), NULL) FROM instance_conflict;
SELECT conflict_decide(public_id, 'undo', 'it was not', NULL, NULL, NULL) FROM instance_conflict;
SELECT concat_ws(' ', c.state, c.object_key = md5('c') AND i.sha256 <> sha256('c') AND i.rows IS NULL,
                 (SELECT count(*) FROM study_signal WHERE detail ? 'conflict'))
FROM instance_conflict c JOIN instance i USING (instance_id);

-- case: another_series_never_takes_the_place_of_an_image
-- as: yq_gateway
-- person: leader
-- wants: YQ409 another study or series
SELECT yq_test.open_conflict();
SELECT conflict_decide(public_id, 'replace', 'x', object_key, yq_test.facts() || '{"series_instance_uid": "1.2.3"}', NULL) FROM instance_conflict;

-- case: another_person_never_takes_the_place_of_an_image
-- as: yq_gateway
-- person: leader
-- wants: YQ409 another person
SELECT yq_test.open_conflict();
SELECT conflict_decide(public_id, 'replace', 'x', object_key,
                       yq_test.facts() || '{"patient_name": "王^五", "patient_sex": "F", "patient_birth_date": "19500101"}', NULL)
FROM instance_conflict;

-- case: decisions_are_not_edited
-- wants: YQ403
SELECT yq_test.open_conflict();
UPDATE conflict_step SET reason = 'another';

-- case: a_correction_of_what_changed_meanwhile_is_refused
-- as: yq_gateway
-- person: leader
-- wants: YQ409 meanwhile
SELECT yq_test.apart('duanfen');
SELECT quarantine_correct(public_id, 0, '{"patient_id": "P1"}', 'typed wrong') FROM quarantine;
SELECT quarantine_correct(public_id, 0, '{"patient_id": "P2"}', 'typed wrong') FROM quarantine;

-- case: a_correction_names_a_site_of_the_own_rights
-- as: yq_gateway
-- person: leader
-- wants: YQ404 no such site
SELECT yq_test.apart('duanfen');
SELECT quarantine_correct(public_id, 0, jsonb_build_object('site', yq_test.site_id('foreign')), 'wrong site') FROM quarantine;

-- case: the_last_correction_is_in_force_and_all_are_kept
-- as: yq_gateway
-- person: leader
-- wants: value {"patient_id": "P2"} 2
SELECT yq_test.apart('duanfen');
SELECT quarantine_correct(public_id, 0, '{"patient_id": "P1"}', 'typed wrong') FROM quarantine;
SELECT quarantine_correct(public_id, 1, '{"patient_id": "P2"}', 'typed wrong again') FROM quarantine;
SELECT quarantine_fields(quarantine_id)::text || ' ' || (SELECT count(*) FROM quarantine_step) FROM quarantine;

-- case: a_closed_object_can_be_opened_again
-- as: yq_gateway
-- person: leader
-- wants: value open close reopen
SELECT yq_test.apart('duanfen');
SELECT quarantine_close(public_id, true, 'a test of the vendor') FROM quarantine;
SELECT quarantine_close(public_id, false, 'it was not') FROM quarantine;
SELECT state || ' ' || (SELECT string_agg(event, ' ' ORDER BY ordinal) FROM quarantine_step) FROM quarantine;

-- case: a_radiographer_sees_an_object_and_does_not_close_it
-- as: yq_gateway
-- person: radiographer
-- wants: YQ403
SELECT yq_test.apart('duanfen');
SELECT quarantine_close(public_id, true, 'mine') FROM quarantine;

-- case: what_is_of_no_site_is_closed_by_an_operator
-- as: yq_gateway
-- person: keeper
-- wants: value closed
SELECT yq_test.apart(NULL);
SELECT quarantine_close(public_id, true, 'of a site that is gone') FROM quarantine;
SELECT state FROM quarantine;

-- case: and_by_nobody_else
-- as: yq_gateway
-- person: leader
-- wants: YQ404
SELECT quarantine_close(yq_test.apart(NULL), true, 'of a site that is gone');

-- case: what_came_in_after_all_is_indexed
-- wants: value indexed
SELECT yq_test.apart('duanfen');
UPDATE quarantine SET settled_at = yq_now(), outcome = 'indexed' WHERE settled_at IS NULL;
SELECT state FROM quarantine;

-- case: steps_of_an_object_are_not_edited
-- wants: YQ403
SELECT yq_test.apart('duanfen');
SELECT quarantine_close(public_id, true, 'a test of the vendor') FROM quarantine;
DELETE FROM quarantine_step;
