-- case: nobody_sees_no_patient
-- as: yq_gateway
-- wants: value 0 0 0 0
SELECT concat_ws(' ', (SELECT count(*) FROM study), (SELECT count(*) FROM identity_claim), (SELECT count(*) FROM report_version),
                 (SELECT count(*) FROM patient));

-- case: a_township_sees_its_own_studies
-- as: yq_gateway
-- person: radiographer
-- wants: value duanfen
SELECT string_agg(name, ' ' ORDER BY name) FROM study JOIN yq_test.name n ON n.kind = 'study' AND n.id = study_id;

-- case: the_neighbour_sees_only_his_own
-- as: yq_gateway
-- person: neighbour
-- wants: value haiyan
SELECT string_agg(name, ' ' ORDER BY name) FROM study JOIN yq_test.name n ON n.kind = 'study' AND n.id = study_id;

-- case: the_lead_sees_its_community
-- as: yq_gateway
-- person: reviewer
-- wants: value duanfen haiyan
SELECT string_agg(name, ' ' ORDER BY name) FROM study JOIN yq_test.name n ON n.kind = 'study' AND n.id = study_id;

-- case: another_community_sees_nothing_of_this_one
-- as: yq_gateway
-- person: foreigner
-- wants: value foreign
SELECT string_agg(name, ' ' ORDER BY name) FROM study JOIN yq_test.name n ON n.kind = 'study' AND n.id = study_id;

-- case: a_revoked_right_sees_nothing
-- as: yq_gateway
-- person: retired
-- wants: value 0
SELECT count(*) FROM study;

-- case: an_inactive_person_sees_nothing
-- as: yq_gateway
-- person: inactive
-- wants: value 0
SELECT count(*) FROM study;

-- case: every_table_with_patients_is_closed_to_other_sites
-- as: yq_gateway
-- person: neighbour
-- wants: value 0
SELECT (SELECT count(*) FROM identity_claim WHERE claim_id = yq_test.key('claim', 'duanfen'))
     + (SELECT count(*) FROM patient WHERE patient_id = yq_test.key('patient', 'duanfen'))
     + (SELECT count(*) FROM request WHERE request_id = yq_test.key('request', 'duanfen'))
     + (SELECT count(*) FROM series WHERE series_id = yq_test.key('series', 'duanfen'))
     + (SELECT count(*) FROM instance WHERE instance_id = yq_test.key('instance', 'duanfen'))
     + (SELECT count(*) FROM reading_task WHERE task_id = yq_test.key('task', 'duanfen'))
     + (SELECT count(*) FROM report WHERE report_id = yq_test.key('report', 'duanfen'))
     + (SELECT count(*) FROM report_version WHERE report_version_id = yq_test.key('version', 'duanfen'));

-- case: the_same_tables_are_open_to_the_own_site
-- as: yq_gateway
-- person: radiographer
-- wants: value 8
SELECT (SELECT count(*) FROM identity_claim WHERE claim_id = yq_test.key('claim', 'duanfen'))
     + (SELECT count(*) FROM patient WHERE patient_id = yq_test.key('patient', 'duanfen'))
     + (SELECT count(*) FROM request WHERE request_id = yq_test.key('request', 'duanfen'))
     + (SELECT count(*) FROM series WHERE series_id = yq_test.key('series', 'duanfen'))
     + (SELECT count(*) FROM instance WHERE instance_id = yq_test.key('instance', 'duanfen'))
     + (SELECT count(*) FROM reading_task WHERE task_id = yq_test.key('task', 'duanfen'))
     + (SELECT count(*) FROM report WHERE report_id = yq_test.key('report', 'duanfen'))
     + (SELECT count(*) FROM report_version WHERE report_version_id = yq_test.key('version', 'duanfen'));

-- case: nobody_writes_for_another_site
-- as: yq_gateway
-- person: neighbour
-- wants: 42501
INSERT INTO study_signal (study_id, site_id, kind) VALUES (yq_test.key('study', 'duanfen'), yq_test.key('site', 'duanfen'), 'submit');

-- case: a_change_of_a_foreign_row_meets_no_row
-- as: yq_gateway
-- person: neighbour
-- wants: value 0
WITH changed AS (UPDATE reading_task SET priority = 10 WHERE task_id = yq_test.key('task', 'duanfen') RETURNING 1)
SELECT count(*) FROM changed;

-- case: the_router_serves_every_site
-- as: yq_router
-- wants: value 3
SELECT count(*) FROM study WHERE study_id IN (SELECT id FROM yq_test.name WHERE kind = 'study');

-- case: every_table_with_a_site_and_patients_has_its_policy
-- wants: value {}
SELECT coalesce(array_agg(c.relname ORDER BY c.relname), '{}')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'site_id' AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relrowsecurity
  AND c.relname NOT IN ('site', 'site_code', 'grid_lead', 'site_enrolment', 'device', 'edge', 'item_code',
                        'event', 'audit', 'rollup_site_day', 'month_adjustment');

-- case: storescp_reads_no_reports
-- as: yq_storescp
-- wants: 42501
SELECT count(*) FROM report_version;

-- case: storescp_makes_no_devices
-- as: yq_storescp
-- wants: 42501
INSERT INTO device (site_id, calling_ae) VALUES (yq_test.key('site', 'duanfen'), 'NEW');

-- case: nobody_but_the_gateway_reads_password_hashes
-- as: yq_router
-- wants: 42501
SELECT password_hash FROM person;

-- case: the_operator_reads_no_sealed_keys
-- as: yq_operator
-- wants: 42501
SELECT sealed_key FROM signing_key;

-- case: the_gateway_deletes_no_study
-- as: yq_gateway
-- person: reviewer
-- wants: 42501
DELETE FROM study;

-- case: the_router_issues_no_report
-- as: yq_router
-- wants: 42501
UPDATE report_version SET state = 'issued';

-- case: the_gateway_changes_no_policy
-- as: yq_gateway
-- person: reviewer
-- wants: 42501
UPDATE signing_policy_version SET signatures = 1, different_persons = false;

-- case: the_gateway_grants_no_rights
-- as: yq_gateway
-- person: reviewer
-- wants: 42501
INSERT INTO person_right (person_id, role, scope_id)
VALUES (yq_test.key('person', 'author'), 'administrator', yq_test.key('community', 'west'));

-- case: the_programs_change_no_state_machine
-- as: yq_operator
-- wants: 42501
INSERT INTO state_transition VALUES ('study', 'complete', 'x', 'incomplete');

-- case: the_programs_make_no_tables
-- as: yq_operator
-- wants: 42501
CREATE TABLE public.mine (x integer);

-- case: destinations_are_seen_from_their_sites
-- as: yq_gateway
-- person: neighbour
-- wants: value haiyan
SELECT string_agg(n.name, ' ' ORDER BY n.name) FROM destination JOIN yq_test.name n ON n.kind = 'destination' AND n.id = destination_id;

-- case: only_an_operator_holds_a_destination
-- as: yq_gateway
-- person: radiographer
-- wants: value 0
WITH held AS (UPDATE destination SET held_at = yq_now(), held_reason = 'x' RETURNING 1) SELECT count(*) FROM held;

-- case: an_operator_holds_the_destinations_of_the_own_sites
-- as: yq_gateway
-- person: keeper
-- wants: value duanfen haiyan
WITH held AS (UPDATE destination SET held_at = yq_now(), held_reason = 'x' RETURNING destination_id)
SELECT string_agg(n.name, ' ' ORDER BY n.name) FROM held JOIN yq_test.name n ON n.kind = 'destination' AND n.id = destination_id;

-- case: a_destination_never_changes_its_site_or_protocol
-- as: yq_gateway
-- person: keeper
-- wants: 42501
UPDATE destination SET protocol = 'stow', url = 'https://elsewhere/';

-- case: the_gateway_reads_no_audit_but_by_search
-- as: yq_gateway
-- person: keeper
-- wants: 42501
SELECT count(action) FROM audit;

-- case: the_gateway_still_chains_the_audit
-- as: yq_gateway
-- person: keeper
-- wants: value 2 t
INSERT INTO audit (writer, at, action, actor_kind, actor, outcome, spool_id)
SELECT 'rights test', yq_now(), 'test.x', 'program', 't', 'success', gen_random_uuid() FROM generate_series(1, 2)
ON CONFLICT (spool_id) DO NOTHING;
SELECT count(*) || ' ' || bool_and(sequence IN (1, 2))::text::char(1)
FROM audit_search(NULL, NULL, 't', 'test.', NULL, NULL, NULL, 10) WHERE writer = 'rights test';

-- case: a_search_of_the_audit_ends_at_the_own_sites
-- as: yq_gateway
-- person: keeper
-- wants: value audit.ofkeeper audit.ofmate audit.ofnobody audit.ofsite
SELECT yq_test.audit_world();
SELECT string_agg(action, ' ' ORDER BY action) FROM audit_search(NULL, NULL, NULL, 'audit.of', NULL, NULL, NULL, 100);

-- case: a_search_needs_a_role
-- as: yq_gateway
-- person: reviewer
-- wants: value 0
SELECT yq_test.audit_world();
SELECT count(*) FROM audit_search(NULL, NULL, NULL, NULL, NULL, NULL, NULL, 100);

-- case: a_search_goes_on_behind_a_record
-- as: yq_gateway
-- person: keeper
-- wants: value 4 4
SELECT yq_test.audit_world();
WITH RECURSIVE pages AS (
    SELECT 1 AS n, a.* FROM audit_search(NULL, NULL, NULL, 'audit.of', NULL, NULL, NULL, 1) a
    UNION ALL
    SELECT p.n + 1, a.* FROM pages p CROSS JOIN LATERAL audit_search(NULL, NULL, NULL, 'audit.of', NULL, NULL, p.id, 1) a)
SELECT max(n) || ' ' || count(DISTINCT id) FROM pages;

-- case: what_came_from_nowhere_is_the_operators
-- as: yq_gateway
-- person: keeper
-- wants: value 1
SELECT yq_test.stray_object();
SELECT count(*) FROM quarantine WHERE site_id IS NULL AND object_key = md5('stray');

-- case: what_came_from_nowhere_is_nobody_elses
-- as: yq_gateway
-- person: radiographer
-- wants: value 0
SELECT yq_test.stray_object();
SELECT count(*) FROM quarantine WHERE site_id IS NULL AND object_key = md5('stray');

-- case: a_receiver_reports_its_host
-- as: yq_storescp
-- wants: ok
INSERT INTO host (host_id, name, home, program, version, slots, unplaced_objects, unplaced_bytes, waiting_objects, waiting_bytes, waiting_peak,
                  quarantined_objects, store_path, store_total_bytes, store_free_bytes, store_state, journal_total_bytes, journal_free_bytes,
                  journal_state)
VALUES (gen_random_uuid(), 'h', '/h', 'test', '0', 1, 0, 0, 0, 0, 0, 0, '/s', 2, 1, 'full', 2, 1, 'low');

-- case: a_receiver_forgets_no_host
-- as: yq_storescp
-- wants: 42501
DELETE FROM host;

-- case: the_gateway_reports_no_host
-- as: yq_gateway
-- person: keeper
-- wants: 42501
UPDATE host SET waiting_objects = 0;

-- case: the_gateway_shows_hosts
-- as: yq_gateway
-- wants: ok
SELECT count(*) FROM host;
