-- case: a_set_begins_with_a_group
-- wants: value reading first
WITH made AS (INSERT INTO routing_rule_set (version, in_force) VALUES (900001, tstzrange('1980-01-01', '1981-01-01')) RETURNING rule_set_id)
SELECT yq_test.keep('rule_set', 'old', rule_set_id) FROM made;
SELECT name || ' ' || mode FROM routing_rule_group WHERE rule_set_id = yq_test.key('rule_set', 'old');

-- case: a_rule_is_of_a_group_of_its_set
-- wants: 23503
WITH made AS (INSERT INTO routing_rule_set (version, in_force) VALUES (900001, tstzrange('1980-01-01', '1981-01-01')) RETURNING rule_set_id)
INSERT INTO routing_rule (rule_set_id, ordinal, group_no, queue_id) SELECT rule_set_id, 1, 7, yq_test.key('queue', 'lead') FROM made;

-- case: conditions_have_known_fields
-- wants: 23514
WITH made AS (INSERT INTO routing_rule_set (version, in_force) VALUES (900001, tstzrange('1980-01-01', '1981-01-01')) RETURNING rule_set_id)
INSERT INTO routing_rule (rule_set_id, ordinal, conditions) SELECT rule_set_id, 1, '[{"field": "colour", "op": "is", "values": ["red"]}]' FROM made;

-- case: conditions_that_compare_have_values
-- wants: 23514
WITH made AS (INSERT INTO routing_rule_set (version, in_force) VALUES (900001, tstzrange('1980-01-01', '1981-01-01')) RETURNING rule_set_id)
INSERT INTO routing_rule (rule_set_id, ordinal, conditions) SELECT rule_set_id, 1, '[{"field": "modality", "op": "is", "values": []}]' FROM made;

-- case: conditions_are_bounded
-- wants: value f f t
SELECT concat_ws(' ', yq_rule_conditions_ok('{}'),
                 yq_rule_conditions_ok((SELECT jsonb_agg('{"field": "device", "op": "any", "values": []}'::jsonb) FROM generate_series(1, 21))),
                 yq_rule_conditions_ok('[{"field": "device", "op": "missing"}, {"field": "modality", "op": "not", "values": ["CT"]}]'));

-- case: the_operator_does_not_change_a_version
-- as: yq_operator
-- wants: 42501 routing_rule
UPDATE routing_rule SET priority = 1;

-- case: the_gateway_writes_rules_by_the_function_alone
-- as: yq_gateway
-- person: keeper
-- wants: 42501 routing_rule_destination
INSERT INTO routing_rule_destination (rule_id, destination_id, kind) VALUES (1, 1, 'ai');

-- case: an_operator_of_one_community_does_not_rule_all
-- as: yq_gateway
-- person: keeper
-- wants: YQ403 every site
SELECT yq_rules_write(NULL, '{"groups": []}', current_setting('yq.person')::uuid, NULL, 'x');

-- case: a_destination_of_a_rule_is_forward_or_ai
-- wants: 23514
WITH made AS (INSERT INTO routing_rule_set (version, in_force) VALUES (900001, tstzrange('1980-01-01', '1981-01-01')) RETURNING rule_set_id),
     rule AS (INSERT INTO routing_rule (rule_set_id, ordinal) SELECT rule_set_id, 1 FROM made RETURNING rule_id)
INSERT INTO routing_rule_destination (rule_id, destination_id, kind) SELECT rule_id, yq_test.key('destination', 'duanfen'), 'print' FROM rule;

-- case: agreements_of_one_pair_do_not_overlap
-- wants: 23P01
INSERT INTO cooperation_agreement (hospital_id, scope_id, valid)
SELECT yq_test.key('site', 'foreign'), yq_test.key('community', 'east'), daterange('2026-01-01', '2027-01-01') FROM generate_series(1, 2);

-- case: outside_of_the_county_an_agreement_is_needed
-- wants: value agreement_missing
SELECT code FROM yq_agreement(yq_test.key('site', 'foreign'), yq_test.key('site', 'duanfen'), yq_now()::date);

-- case: inside_none_is_needed
-- wants: value ok
SELECT 'ok' || code FROM yq_agreement(yq_test.key('site', 'lead'), yq_test.key('site', 'duanfen'), yq_now()::date);

-- case: nor_from_another_community_of_the_same_county
-- wants: value ok
UPDATE scope SET region = '某县' WHERE scope_id IN (yq_test.key('community', 'east'), yq_test.key('community', 'west'));
SELECT 'ok' || code FROM yq_agreement(yq_test.key('site', 'foreign'), yq_test.key('site', 'duanfen'), yq_now()::date);

-- case: an_agreement_in_force_is_enough_and_one_that_ended_is_not
-- wants: value ok agreement_ended 2026-06-30 agreement_ahead
INSERT INTO cooperation_agreement (hospital_id, scope_id, valid)
VALUES (yq_test.key('site', 'foreign'), yq_test.key('community', 'east'), daterange('2026-01-01', '2026-06-30', '[]'));
SELECT concat_ws(' ', (SELECT 'ok' || code FROM yq_agreement(yq_test.key('site', 'foreign'), yq_test.key('site', 'duanfen'), '2026-06-30')),
                 (SELECT code || ' ' || on_day FROM yq_agreement(yq_test.key('site', 'foreign'), yq_test.key('site', 'duanfen'), '2026-07-01')),
                 (SELECT code FROM yq_agreement(yq_test.key('site', 'foreign'), yq_test.key('site', 'duanfen'), '2025-12-31')));

-- case: one_that_ended_counts_inside_too
-- wants: value agreement_ended
INSERT INTO cooperation_agreement (hospital_id, scope_id, valid)
VALUES (yq_test.key('site', 'lead'), yq_test.key('grid', 'north'), daterange('2026-01-01', '2026-06-30', '[]'));
SELECT code FROM yq_agreement(yq_test.key('site', 'lead'), yq_test.key('site', 'duanfen'), '2026-07-01');

-- case: an_operator_of_one_community_makes_no_agreements
-- as: yq_gateway
-- person: keeper
-- wants: 42501 cooperation_agreement
INSERT INTO cooperation_agreement (hospital_id, scope_id, valid)
VALUES (yq_test.key('site', 'foreign'), yq_test.key('community', 'east'), daterange('2026-01-01', NULL));

-- case: a_queue_does_not_cover_itself
-- wants: 23514
INSERT INTO duty_cover (queue_id, by_queue_id) VALUES (yq_test.key('queue', 'lead'), yq_test.key('queue', 'lead'));

-- case: a_duty_has_days_of_the_week
-- wants: 23514
WITH other AS (INSERT INTO reading_queue (lead_site_id, policy_id, name) VALUES (yq_test.key('site', 'lead'), yq_test.key('policy', 'two'), 'other') RETURNING queue_id)
INSERT INTO duty_cover (queue_id, by_queue_id, weekdays) SELECT yq_test.key('queue', 'lead'), queue_id, '{8}' FROM other;

-- case: kinds_of_a_day
-- wants: value {working}{off}{off,holiday}{working,adjusted}
INSERT INTO calendar_day (day, is_working) VALUES ('1999-10-01', false), ('1999-10-09', true) ON CONFLICT DO NOTHING;
SELECT concat(yq_day_kinds('1999-09-30'), yq_day_kinds('1999-10-02'), yq_day_kinds('1999-10-01'), yq_day_kinds('1999-10-09'));

-- case: what_was_decided_is_never_edited
-- wants: YQ403
WITH made AS (INSERT INTO routing_rule_set (version, in_force) VALUES (900001, tstzrange('1980-01-01', '1981-01-01')) RETURNING rule_set_id)
INSERT INTO study_routing (site_id, study_id, study_version, rule_set_id, cause, outcome)
SELECT yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), 1, rule_set_id, 'offered', 'routed' FROM made;
UPDATE study_routing SET outcome = 'held';

-- case: a_study_is_held_once
-- wants: 23505
WITH made AS (INSERT INTO routing_rule_set (version, in_force) VALUES (900001, tstzrange('1980-01-01', '1981-01-01')) RETURNING rule_set_id),
     rule AS (INSERT INTO routing_rule (rule_set_id, ordinal) SELECT rule_set_id, 1 FROM made RETURNING rule_id)
INSERT INTO study_hold (site_id, study_id, rule_id, reason)
SELECT yq_test.key('site', 'duanfen'), yq_test.key('study', 'duanfen'), rule_id, 'x' FROM rule, generate_series(1, 2);

-- case: holds_of_another_community_are_not_seen
-- as: yq_gateway
-- person: foreigner
-- wants: value 0
SELECT count(*) FROM study_hold;
