-- case: the_clock_of_the_ledger_follows_its_setting
-- wants: value t
SELECT set_config('yq.clock_offset', '86400000000', true);
SELECT yq_now() = statement_timestamp() + interval '1 day';

-- case: a_site_has_one_grid_at_a_time
-- wants: 23P01 scope_membership
INSERT INTO scope_membership (child_id, child_kind, parent_id, parent_kind)
VALUES (yq_test.key('site', 'duanfen'), 'site', yq_test.key('grid', 'far'), 'grid');

-- case: a_site_may_move_to_another_grid_with_its_history_kept
-- wants: value t
UPDATE scope_membership SET valid = daterange(NULL, '2026-07-01') WHERE child_id = yq_test.key('site', 'duanfen');
INSERT INTO scope_membership (child_id, child_kind, parent_id, parent_kind, valid)
VALUES (yq_test.key('site', 'duanfen'), 'site', yq_test.key('grid', 'far'), 'grid', daterange('2026-07-01', NULL));
SELECT yq_test.key('site', 'duanfen') IN (SELECT yq_sites_under(yq_test.key('community', 'east'), '2026-06-30'))
   AND yq_test.key('site', 'duanfen') IN (SELECT yq_sites_under(yq_test.key('community', 'west'), '2026-07-01'))
   AND yq_test.key('site', 'duanfen') NOT IN (SELECT yq_sites_under(yq_test.key('community', 'east'), '2026-07-01'));

-- case: an_empty_membership_is_refused
-- wants: 23514
INSERT INTO scope_membership (child_id, child_kind, parent_id, parent_kind, valid)
VALUES (yq_test.key('site', 'duanfen'), 'site', yq_test.key('grid', 'far'), 'grid', 'empty');

-- case: a_site_lies_in_a_grid_and_not_in_a_community
-- wants: 23514
UPDATE scope_membership SET parent_id = yq_test.key('community', 'east'), parent_kind = 'community'
WHERE child_id = yq_test.key('site', 'duanfen');

-- case: the_kind_of_a_member_cannot_be_made_up
-- wants: 23503
UPDATE scope_membership SET child_kind = 'grid', parent_kind = 'community', parent_id = yq_test.key('community', 'east')
WHERE child_id = yq_test.key('site', 'duanfen');

-- case: a_community_is_no_site
-- wants: 23503
INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)
VALUES (yq_test.key('community', 'east'), 'test-x', 'hospital', false);

-- case: site_codes_are_unique
-- wants: 23505
UPDATE site SET code = 'test-lead' WHERE site_id = yq_test.key('site', 'duanfen');

-- case: licensed_types_are_a_closed_list
-- wants: 23514
UPDATE site SET licensed_type = 'clinic' WHERE site_id = yq_test.key('site', 'duanfen');

-- case: a_national_code_belongs_to_one_site_at_a_time
-- wants: 23P01
INSERT INTO site_code (site_id, system, code) VALUES (yq_test.key('site', 'duanfen'), 'national', 'X1'),
                                                     (yq_test.key('site', 'haiyan'), 'national', 'X1');

-- case: a_grid_has_one_lead_at_a_time
-- wants: 23P01
INSERT INTO grid_lead (grid_id, site_id) VALUES (yq_test.key('grid', 'north'), yq_test.key('site', 'lead')),
                                                (yq_test.key('grid', 'north'), yq_test.key('site', 'haiyan'));

-- case: enrolments_of_a_site_do_not_overlap
-- wants: 23P01
INSERT INTO site_enrolment (site_id, valid) VALUES (yq_test.key('site', 'duanfen'), tstzrange('2026-01-01', NULL)),
                                                   (yq_test.key('site', 'duanfen'), tstzrange('2026-02-01', NULL));

-- case: a_target_is_set_once
-- wants: 23505
INSERT INTO coverage_target (figure, site_type, value, deadline, source)
VALUES ('coverage_rate', 'test', 0.5, '2024-12-31', 's'), ('coverage_rate', 'test', 0.8, '2024-12-31', 's');

-- case: a_target_is_a_share
-- wants: 23514
INSERT INTO coverage_target (figure, site_type, value, deadline, source) VALUES ('coverage_rate', 'test', 1.5, '2024-12-31', 's');

-- case: no_password_in_the_clear
-- wants: 23514
UPDATE person SET password_hash = 'secret' WHERE person_id = yq_test.key('person', 'author');

-- case: accounts_are_plain_names
-- wants: 23514
UPDATE person SET account = 'Robert''); --' WHERE person_id = yq_test.key('person', 'author');

-- case: a_right_is_held_once
-- wants: 23505
INSERT INTO person_right (person_id, role, scope_id)
VALUES (yq_test.key('person', 'author'), 'reporter', yq_test.key('community', 'east'));

-- case: a_revoked_right_may_be_granted_again
-- wants: ok
INSERT INTO person_right (person_id, role, scope_id)
VALUES (yq_test.key('person', 'retired'), 'administrator', yq_test.key('community', 'east'));

-- case: roles_are_a_closed_list
-- wants: 23514
INSERT INTO person_right (person_id, role, scope_id) VALUES (yq_test.key('person', 'author'), 'god', yq_test.key('grid', 'north'));

-- case: a_token_is_for_something_and_has_an_end
-- wants: 23514
INSERT INTO workstation_token (person_id, workstation, uses, token_sha256, expires_at)
SELECT person_id, 'CT', ARRAY['sign'], sha256('x'), yq_now() + interval '1 day' FROM person LIMIT 1;

-- case: the_operator_does_not_read_what_a_token_is_known_by
-- as: yq_operator
-- wants: 42501
SELECT token_sha256 FROM workstation_token;

-- case: nobody_lengthens_a_token
-- as: yq_gateway
-- wants: 42501
UPDATE workstation_token SET expires_at = expires_at + interval '1 day';

-- case: sessions_are_known_by_a_digest
-- wants: 23514
INSERT INTO session (token_sha256, person_id, csrf_token, expires_at)
VALUES ('short', yq_test.key('person', 'author'), 'x', yq_now());

-- case: a_right_at_a_grid_reaches_its_sites_and_no_others
-- wants: value t f f
SELECT concat_ws(' ', yq_person_may(public_id, ARRAY['reviewer'], yq_test.key('site', 'haiyan'))::text::char(1),
                 yq_person_may(public_id, ARRAY['reviewer'], yq_test.key('site', 'foreign'))::text::char(1),
                 yq_person_may(public_id, ARRAY['operator'], yq_test.key('site', 'haiyan'))::text::char(1))
FROM person WHERE person_id = yq_test.key('person', 'reviewer');

-- case: who_left_or_lost_the_right_may_nothing
-- wants: value 0
SELECT count(*) FROM person WHERE person_id IN (yq_test.key('person', 'retired'), yq_test.key('person', 'inactive'))
                              AND yq_person_may(public_id, ARRAY['administrator'], yq_test.key('site', 'lead'));

-- case: event_kinds_have_their_form
-- wants: 23514
INSERT INTO event (kind, subject_id) VALUES ('Study complete', gen_random_uuid());

-- case: an_event_names_its_own_transaction
-- wants: value t
INSERT INTO event (kind, subject_id) VALUES ('test.own', gen_random_uuid()) RETURNING xid = pg_current_xact_id();

-- case: audit_is_not_updated
-- wants: YQ403 only added
INSERT INTO audit (writer, at, action, actor_kind, actor, outcome) VALUES ('t', yq_now(), 'test.x', 'program', 't', 'success');
UPDATE audit SET outcome = 'failed' WHERE writer = 't';

-- case: audit_is_not_deleted
-- wants: YQ403 only added
INSERT INTO audit (writer, at, action, actor_kind, actor, outcome) VALUES ('t', yq_now(), 'test.x', 'program', 't', 'success');
DELETE FROM audit WHERE writer = 't';

-- case: audit_is_not_truncated
-- wants: YQ403 only added
TRUNCATE audit;

-- case: the_programs_have_no_right_to_change_the_audit
-- as: yq_operator
-- wants: 42501
UPDATE audit SET outcome = 'failed';

-- case: the_programs_have_no_right_to_delete_from_the_audit
-- as: yq_gateway
-- wants: 42501
DELETE FROM audit;

-- case: a_writer_cannot_choose_number_or_hash
-- wants: value 1 t
INSERT INTO audit (writer, sequence, at, action, actor_kind, actor, outcome, previous, hash)
VALUES ('t', 77, yq_now(), 'test.x', 'program', 't', 'success', '\x01', '\x02')
RETURNING sequence || ' ' || (hash = sha256(previous || convert_to(audit_text(audit), 'UTF8')))::text::char(1);

-- case: audit_outcomes_are_a_closed_list
-- wants: 23514
INSERT INTO audit (writer, at, action, actor_kind, actor, outcome) VALUES ('t', yq_now(), 'test.x', 'program', 't', 'perhaps');

-- case: a_spooled_record_is_there_once
-- wants: 23505
INSERT INTO audit (writer, at, action, actor_kind, actor, outcome, spool_id)
VALUES ('t', yq_now(), 'test.x', 'program', 't', 'success', '00000000-0000-4000-8000-000000000001'),
       ('t', yq_now(), 'test.x', 'program', 't', 'success', '00000000-0000-4000-8000-000000000001');

-- case: seals_stay
-- wants: YQ403
INSERT INTO audit_seal (heads, root, signature) VALUES ('{}', sha256(''), 'x');
DELETE FROM audit_seal;

-- case: programs_are_rows_of_their_own
-- as: yq_storescp
-- wants: ok
INSERT INTO program (instance_id, program, host, pid, version) VALUES (gen_random_uuid(), 'test', 'h', 1, '0');
