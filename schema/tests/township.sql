-- case: a_study_has_one_request_at_a_time
-- wants: 23505 request_match_study
WITH other AS (INSERT INTO request (site_id, claim_id, accession_number, year, patient_class)
               VALUES (yq_test.key('site', 'duanfen'), yq_test.key('claim', 'duanfen'), 'A2', 2026, 'outpatient') RETURNING request_id)
INSERT INTO request_match (site_id, request_id, study_id, method, score)
SELECT yq_test.key('site', 'duanfen'), r.request_id, yq_test.key('study', 'duanfen'), 'automatic', 1
FROM (SELECT request_id FROM other UNION ALL SELECT yq_test.key('request', 'duanfen')) r;

-- case: numbers_of_a_day_run_on_and_name_the_site
-- as: yq_gateway
-- person: radiographer
-- wants: value DUANFE0001 DUANFE0002
SELECT concat_ws(' ', overlay(yq_next_accession(yq_test.key('site', 'duanfen')) PLACING '' FROM 7 FOR 6),
                 overlay(yq_next_accession(yq_test.key('site', 'duanfen')) PLACING '' FROM 7 FOR 6));

-- case: a_counter_of_a_site_is_its_own
-- as: yq_gateway
-- person: neighbour
-- wants: 42501 request_counter
INSERT INTO request_counter (site_id, day, last) VALUES (yq_test.key('site', 'duanfen'), '2026-11-22', 1);

-- case: sites_that_begin_alike_get_numbers_that_differ
-- wants: value ABCDEF ABCD01
INSERT INTO scope (kind, name) VALUES ('site', 'x'), ('site', 'y');
INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)
SELECT scope_id, 'zz-abcdef' || name, 'township_health_centre', true FROM scope WHERE name IN ('x', 'y');
SELECT string_agg(yq_site_short(site_id), ' ' ORDER BY site_id) FROM site WHERE code LIKE 'zz-abcdef%';

-- case: nobody_claims_for_a_site_that_is_not_his
-- as: yq_gateway
-- person: neighbour
-- wants: YQ404 no such site
SELECT request_claim(yq_test.key('site', 'duanfen'), '7', 'X', 'M', NULL, '', 'salt');

-- case: the_same_identity_number_is_the_same_patient_where_the_name_agrees_and_nothing_contradicts
-- as: yq_gateway
-- person: radiographer
-- wants: value {1,4} {2} {3} 1 candidate 2 contradiction
CREATE TEMP TABLE made (ordinal integer, claim_id bigint);
INSERT INTO made SELECT 1, request_claim(yq_test.key('site', 'duanfen'), '', '=张三', 'M', '1957-03-12', '440781195703121230', 'a');
INSERT INTO made SELECT 2, request_claim(yq_test.key('site', 'duanfen'), 'P77', 'ZHANG^SAN', 'M', '1957-03-12', '440781195703121230', 'b');
INSERT INTO made SELECT 3, request_claim(yq_test.key('site', 'duanfen'), '', '=李四', 'F', '1957-03-12', '440781195703121230', 'c');
INSERT INTO made SELECT 4, request_claim(yq_test.key('site', 'duanfen'), 'P78', 'ZHANG^XIAO=张^三', 'M', '1957-03-12', '440781195703121230', 'd');
SELECT string_agg(ordinals::text, ' ' ORDER BY ordinals) || (
    SELECT string_agg(' ' || n || ' ' || reason, '' ORDER BY reason)
    FROM (SELECT reason, count(*) AS n FROM identity_review r JOIN made m USING (claim_id) WHERE m.ordinal <= 3 GROUP BY reason) w)
FROM (SELECT array_agg(ordinal ORDER BY ordinal) AS ordinals FROM made JOIN identity_claim USING (claim_id) GROUP BY patient_id) k;

-- case: ages_have_their_unit
-- wants: value 10D 6M 35M 3Y 45Y
SELECT concat_ws(' ', yq_age_text('2026-11-12', '2026-11-22'), yq_age_text('2026-05-20', '2026-11-22'), yq_age_text('2023-12-22', '2026-11-22'),
                 yq_age_text('2023-11-22', '2026-11-22'), yq_age_text('1981-02-03', '2026-11-22'),
                 nullif(yq_age_text('2026-11-23', '2026-11-22'), ''));

-- case: evidence_of_one_examination_weighs_more_than_a_name
-- wants: value 1.00 0.00
WITH claims AS (
    SELECT (jsonb_populate_record(NULL::identity_claim, '{"typed_id": "P900", "name": "ZHANG^SAN=张^三", "sex": "M", "birth_date": "1957-03-12"}')) AS c,
           (jsonb_populate_record(NULL::identity_claim, '{"typed_id": "P900", "name": "=张三", "sex": "M", "birth_date": "1957-03-12"}')) AS same,
           (jsonb_populate_record(NULL::identity_claim, '{"typed_id": "", "name": "=李四", "sex": "F"}')) AS other,
           (jsonb_populate_record(NULL::study, jsonb_build_object('accession_number', 'A9', 'modality', 'DX', 'patient_age_text', '', 'body_part', '',
                                                                  'first_arrival_at', yq_now()))) AS s,
           (jsonb_populate_record(NULL::request, jsonb_build_object('accession_number', 'A9', 'modality', 'DR', 'age_text', '', 'body_part', 'CHEST',
                                                                    'registered_at', yq_now() - interval '1 hour'))) AS r,
           (jsonb_populate_record(NULL::request, jsonb_build_object('accession_number', 'A8', 'modality', 'CT', 'age_text', '', 'body_part', 'CHEST',
                                                                    'registered_at', yq_now() - interval '5 days'))) AS r_other)
SELECT concat_ws(' ', round(yq_match_score(yq_match_evidence(s, c, r, same)), 2), round(yq_match_score(yq_match_evidence(s, c, r_other, other)), 2))
FROM claims;

-- case: one_question_at_a_time
-- wants: 23505 task_question_one_open
INSERT INTO task_question (site_id, task_id, question, asked_by)
SELECT yq_test.key('site', 'duanfen'), yq_test.key('task', 'duanfen'), 'since when?', yq_test.key('person', 'author') FROM generate_series(1, 2);

-- case: a_question_is_of_the_site_of_its_task
-- wants: 23503
INSERT INTO task_question (site_id, task_id, question, asked_by)
VALUES (yq_test.key('site', 'haiyan'), yq_test.key('task', 'duanfen'), 'since when?', yq_test.key('person', 'author'));

-- case: an_answer_has_words_person_and_time
-- wants: 23514
INSERT INTO task_question (site_id, task_id, question, asked_by, answered_at)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('task', 'duanfen'), 'since when?', yq_test.key('person', 'author'), yq_now());

-- case: a_neighbour_does_not_see_a_question
-- as: yq_gateway
-- person: neighbour
-- wants: value 0
SELECT count(*) FROM task_question q WHERE q.task_id = yq_test.key('task', 'duanfen');

-- case: the_place_in_a_queue_counts_the_tasks_of_others_and_shows_only_own_ones
-- as: yq_gateway
-- person: neighbour
-- wants: value 1 2
SELECT concat_ws(' ', count(*), min(place))
FROM yq_queue_places(ARRAY[yq_test.key('task', 'duanfen'), yq_test.key('task', 'haiyan'), yq_test.key('task', 'foreign')]);

-- case: nobody_has_no_place_in_a_queue
-- as: yq_gateway
-- wants: value 0
SELECT count(*) FROM yq_queue_places(ARRAY[yq_test.key('task', 'duanfen')]);

-- case: three_finished_tasks_are_no_pace
-- person: radiographer
-- wants: value t
ALTER TABLE reading_task DISABLE TRIGGER reading_task_transition;
INSERT INTO reading_task (site_id, study_id, queue_id, reading_mode, patient_class, study_version, state, done_at)
SELECT site_id, study_id, queue_id, 'central', 'outpatient', 1, 'done', yq_now() - n * interval '20 min'
FROM reading_task, generate_series(1, 3) n WHERE task_id = yq_test.key('task', 'haiyan');
SELECT expected_at IS NULL FROM yq_queue_places(ARRAY[yq_test.key('task', 'duanfen')]);

-- case: the_pace_is_that_of_what_was_finished_lately
-- person: radiographer
-- wants: value 2 40
ALTER TABLE reading_task DISABLE TRIGGER reading_task_transition;
INSERT INTO reading_task (site_id, study_id, queue_id, reading_mode, patient_class, study_version, state, done_at)
SELECT site_id, study_id, queue_id, 'central', 'outpatient', 1, 'done', yq_now() - n * interval '20 min'
FROM reading_task, generate_series(0, 4) n WHERE task_id = yq_test.key('task', 'haiyan');
INSERT INTO reading_task (site_id, study_id, queue_id, reading_mode, patient_class, study_version, state, done_at)
SELECT site_id, study_id, queue_id, 'central', 'outpatient', 1, 'done', yq_now() - interval '3 hours'
FROM reading_task WHERE task_id = yq_test.key('task', 'haiyan');
UPDATE reading_task SET patient_class = 'emergency' WHERE task_id = yq_test.key('task', 'haiyan');
UPDATE reading_task SET state = 'cancelled', done_at = yq_now() WHERE task_id = yq_test.key('task', 'foreign');
SELECT concat_ws(' ', place, round(extract(epoch FROM expected_at - yq_now()) / 60)) FROM yq_queue_places(ARRAY[yq_test.key('task', 'duanfen')]);

-- case: only_the_gateway_asks_for_places
-- as: yq_storescp
-- wants: 42501 yq_queue_places
SELECT count(*) FROM yq_queue_places(ARRAY[1]);

-- case: counted_objects_are_at_least_one
-- wants: 23514
INSERT INTO device_charset (device_id, day, verdict, instances) VALUES (yq_test.key('device', 'duanfen'), '2026-11-22', 'ascii', 0);

-- case: what_is_missing_depends_on_who_comes_and_on_the_part
-- wants: value {history,clinical_diagnosis,department,doctor,item_name,body_part} {item_name} {item_name,laterality}
WITH r AS (SELECT r FROM request r WHERE request_id = yq_test.key('request', 'duanfen'))
SELECT concat_ws(' ', yq_request_missing(r),
                 yq_request_missing(jsonb_populate_record(r, '{"patient_class": "health_check", "body_part": "CHEST"}')),
                 yq_request_missing(jsonb_populate_record(r, '{"patient_class": "health_check", "body_part": "KNEE"}'))) FROM r;

-- case: a_session_of_the_router_changes_nothing_else_of_a_request
-- as: yq_router
-- wants: 42501 request
UPDATE request SET history = 'x';
