-- Two communities that must not see each other, with one study on its way in each.
CREATE SCHEMA yq_test;
GRANT USAGE ON SCHEMA yq_test TO PUBLIC;

-- Internal keys by name: yq_test.key('site', 'duanfen').
CREATE TABLE yq_test.name (kind text, name text, id bigint, PRIMARY KEY (kind, name));
GRANT SELECT ON yq_test.name TO PUBLIC;
CREATE FUNCTION yq_test.key(p_kind text, p_name text) RETURNS bigint LANGUAGE sql STABLE
    AS $$ SELECT id FROM yq_test.name WHERE kind = p_kind AND name = p_name $$;
CREATE FUNCTION yq_test.keep(p_kind text, p_name text, p_id bigint) RETURNS bigint LANGUAGE sql
    AS $$ INSERT INTO yq_test.name VALUES (p_kind, p_name, p_id) RETURNING id $$;

-- What EXPLAIN says of a statement.
CREATE FUNCTION yq_test.plan_of(p_sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line  text;
    lines text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN ' || p_sql LOOP
        lines := lines || line;
    END LOOP;
    RETURN lines;
END $$;

CREATE FUNCTION yq_test.make_scope(p_kind text, p_name text, p_parent text DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    made bigint;
BEGIN
    INSERT INTO scope (kind, name) VALUES (p_kind, 'test ' || p_name) RETURNING scope_id INTO made;
    PERFORM yq_test.keep(p_kind, p_name, made);
    IF p_parent IS NOT NULL THEN
        INSERT INTO scope_membership (child_id, child_kind, parent_id, parent_kind)
        SELECT made, p_kind, n.id, n.kind FROM yq_test.name n
        WHERE n.name = p_parent AND n.kind = CASE p_kind WHEN 'site' THEN 'grid' ELSE 'community' END;
    END IF;
    IF p_kind = 'site' THEN
        INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)
        VALUES (made, 'test-' || p_name, 'township_health_centre', true);
    END IF;
    RETURN made;
END $$;

SELECT yq_test.make_scope('community', 'east'), yq_test.make_scope('community', 'west');
SELECT yq_test.make_scope('grid', 'north', 'east'), yq_test.make_scope('grid', 'far', 'west');
SELECT yq_test.make_scope('site', 'lead', 'north'), yq_test.make_scope('site', 'duanfen', 'north'),
       yq_test.make_scope('site', 'haiyan', 'north'), yq_test.make_scope('site', 'foreign', 'far');

CREATE FUNCTION yq_test.make_person(p_account text, p_site text, p_role text, p_scope_kind text, p_scope text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    made bigint;
BEGIN
    INSERT INTO person (account, name, password_hash, institution_id, seat_id)
    VALUES ('test-' || p_account, p_account, '$argon2id$test', yq_test.key('site', p_site), yq_test.key('site', p_site))
    RETURNING person_id INTO made;
    INSERT INTO person_right (person_id, role, scope_id) VALUES (made, p_role, yq_test.key(p_scope_kind, p_scope));
    RETURN yq_test.keep('person', p_account, made);
END $$;
SELECT yq_test.make_person('author', 'lead', 'reporter', 'community', 'east'),
       yq_test.make_person('reviewer', 'lead', 'reviewer', 'community', 'east'),
       yq_test.make_person('beginner', 'lead', 'reporter', 'community', 'east'),
       yq_test.make_person('radiographer', 'duanfen', 'radiographer', 'site', 'duanfen'),
       yq_test.make_person('neighbour', 'haiyan', 'radiographer', 'site', 'haiyan'),
       yq_test.make_person('foreigner', 'foreign', 'administrator', 'community', 'west'),
       yq_test.make_person('retired', 'lead', 'administrator', 'community', 'east'),
       yq_test.make_person('inactive', 'lead', 'administrator', 'community', 'east');
SELECT yq_test.make_person('keeper', 'lead', 'operator', 'community', 'east');
SELECT yq_test.make_person('leader', 'lead', 'duty_leader', 'community', 'east');
UPDATE person_right SET revoked_at = yq_now() WHERE person_id = yq_test.key('person', 'retired');
UPDATE person SET is_active = false WHERE person_id = yq_test.key('person', 'inactive');

INSERT INTO qualification (person_id, kind, scope_id, valid) VALUES
    (yq_test.key('person', 'author'), 'write', yq_test.key('community', 'east'), daterange(NULL, NULL)),
    (yq_test.key('person', 'author'), 'review', yq_test.key('community', 'east'), daterange(NULL, NULL)),
    (yq_test.key('person', 'reviewer'), 'review', yq_test.key('community', 'east'), daterange(NULL, NULL)),
    (yq_test.key('person', 'beginner'), 'write', yq_test.key('community', 'east'), daterange(NULL, '2001-01-01'));

WITH made AS (INSERT INTO signing_policy (name) VALUES ('test two signatures') RETURNING policy_id)
SELECT yq_test.keep('policy', 'two', policy_id) FROM made;
WITH made AS (INSERT INTO signing_policy_version (policy_id, version, signatures, different_persons, in_force)
              VALUES (yq_test.key('policy', 'two'), 1, 2, true, tstzrange('2000-01-01', '2010-01-01')),
                     (yq_test.key('policy', 'two'), 2, 2, true, tstzrange('2010-01-01', NULL))
              RETURNING policy_version_id, version)
SELECT yq_test.keep('policy_version', 'v' || version, policy_version_id) FROM made;
WITH made AS (INSERT INTO reading_queue (lead_site_id, policy_id, name)
              VALUES (yq_test.key('site', 'lead'), yq_test.key('policy', 'two'), 'test queue') RETURNING queue_id)
SELECT yq_test.keep('queue', 'lead', queue_id) FROM made;

-- A study of a site with everything up to a submitted report in review.
CREATE FUNCTION yq_test.make_study(p_site text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_site bigint := yq_test.key('site', p_site);
    v_device bigint; v_patient bigint; v_claim bigint; v_study bigint; v_series bigint; v_instance bigint;
    v_task bigint; v_report bigint; v_version bigint; v_destination bigint; v_request bigint;
    v_uid text := '2.25.' || v_site;
BEGIN
    INSERT INTO device (site_id, calling_ae) VALUES (v_site, upper(left('T' || p_site, 16))) RETURNING device_id INTO v_device;
    INSERT INTO patient DEFAULT VALUES RETURNING patient_id INTO v_patient;
    INSERT INTO identity_claim (site_id, patient_id, source, typed_id, name, content_hash)
    VALUES (v_site, v_patient, 'image', '1', '测试^甲', sha256(convert_to(p_site, 'UTF8'))) RETURNING claim_id INTO v_claim;
    INSERT INTO request (site_id, claim_id, accession_number, year, patient_class)
    VALUES (v_site, v_claim, 'A1', 2026, 'outpatient') RETURNING request_id INTO v_request;
    INSERT INTO study (site_id, study_instance_uid, claim_id, device_id, modality, first_arrival_at, last_arrival_at)
    VALUES (v_site, v_uid, v_claim, v_device, 'DX', yq_now(), yq_now()) RETURNING study_id INTO v_study;
    UPDATE study SET state = 'complete', completed_at = yq_now() WHERE study_id = v_study;
    INSERT INTO series (study_id, site_id, series_instance_uid) VALUES (v_study, v_site, v_uid || '.1')
    RETURNING series_id INTO v_series;
    INSERT INTO instance (site_id, series_id, device_id, origin, sop_class_uid, sop_instance_uid, transfer_syntax_uid, object_key,
                          size_bytes, header_bytes, sha256, arrived_at)
    VALUES (v_site, v_series, v_device, 'device', '1.2.840.10008.5.1.4.1.1.1.1', v_uid || '.1.1', '1.2.840.10008.1.2.1',
            lpad(to_hex(v_site), 32, '0'), 10, 300, sha256('x'), yq_now()) RETURNING instance_id INTO v_instance;
    INSERT INTO reading_task (site_id, study_id, queue_id, reading_mode, patient_class, study_version)
    VALUES (v_site, v_study, yq_test.key('queue', 'lead'), 'central', 'outpatient', 1) RETURNING task_id INTO v_task;
    INSERT INTO report (site_id, study_id, task_id) VALUES (v_site, v_study, v_task) RETURNING report_id INTO v_report;
    INSERT INTO report_version (site_id, report_id, version, body, study_version, author_id)
    VALUES (v_site, v_report, 1, '{"findings": "x"}', 1, yq_test.key('person', 'author')) RETURNING report_version_id INTO v_version;
    UPDATE report_version SET state = 'submitted', submitted_at = yq_now(), canonical = 'text of ' || p_site,
        content_sha256 = sha256(convert_to('text of ' || p_site, 'UTF8')) WHERE report_version_id = v_version;
    INSERT INTO destination (site_id, ae_title, host, port) VALUES (v_site, 'SITE', 'localhost', 104)
    RETURNING destination_id INTO v_destination;
    PERFORM yq_test.keep('device', p_site, v_device), yq_test.keep('claim', p_site, v_claim), yq_test.keep('study', p_site, v_study),
            yq_test.keep('series', p_site, v_series), yq_test.keep('instance', p_site, v_instance),
            yq_test.keep('task', p_site, v_task), yq_test.keep('report', p_site, v_report), yq_test.keep('version', p_site, v_version),
            yq_test.keep('destination', p_site, v_destination), yq_test.keep('patient', p_site, v_patient),
            yq_test.keep('request', p_site, v_request);
END $$;
SELECT yq_test.make_study('duanfen'), yq_test.make_study('haiyan'), yq_test.make_study('foreign');

-- The acts around an issue, for the cases of reading.sql.
CREATE FUNCTION yq_test.sign(p_role text, p_person text, p_text text DEFAULT 'text of duanfen') RETURNS void LANGUAGE sql AS $$
    INSERT INTO report_signature (site_id, report_version_id, role, person_id, content_sha256, canonical)
    VALUES (yq_test.key('site', 'duanfen'), yq_test.key('version', 'duanfen'), p_role, yq_test.key('person', p_person),
            sha256(convert_to(p_text, 'UTF8')), p_text) $$;
CREATE FUNCTION yq_test.keep_papers(p_kinds text[] DEFAULT ARRAY['pdf', 'sr', 'encapsulated_pdf']) RETURNS void LANGUAGE sql AS $$
    INSERT INTO artefact (site_id, report_version_id, kind, object_key, sha256, size_bytes)
    SELECT yq_test.key('site', 'duanfen'), yq_test.key('version', 'duanfen'), kind, md5(kind), sha256(convert_to(kind, 'UTF8')), 1
    FROM unnest(p_kinds) AS kind $$;
CREATE FUNCTION yq_test.issue(p_reviewer text DEFAULT 'reviewer', p_policy text DEFAULT 'v2') RETURNS void LANGUAGE sql AS $$
    UPDATE report_version SET state = 'issued', issued_at = yq_now(), reviewer_id = yq_test.key('person', p_reviewer),
        policy_version_id = yq_test.key('policy_version', p_policy)
    WHERE report_version_id = yq_test.key('version', 'duanfen') $$;

-- Records of the audit for the cases of rights.sql: of a site and a foreign site, of the keeper, of people here and elsewhere, of nobody.
CREATE FUNCTION yq_test.audit_world() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
    INSERT INTO audit (writer, at, action, actor_kind, actor, site_id, outcome, spool_id)
    SELECT 'audit world', yq_now(), w.action, w.kind, coalesce((SELECT public_id::text FROM person WHERE account = 'test-' || w.actor), w.actor),
           yq_test.key('site', w.site), 'success', gen_random_uuid()
    FROM (VALUES ('audit.ofsite', 'person', 'foreigner', 'duanfen'), ('audit.offoreignsite', 'person', 'keeper', 'foreign'),
                 ('audit.ofkeeper', 'person', 'keeper', NULL), ('audit.ofmate', 'person', 'neighbour', NULL),
                 ('audit.offoreigner', 'person', 'foreigner', NULL), ('audit.ofnobody', 'unknown', 'DR at 10.0.0.1', NULL))
         AS w (action, kind, actor, site)
$$;
-- For the cases of names.sql: what only the router may write.
CREATE FUNCTION yq_test.review(p_site text, p_other text) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
    INSERT INTO identity_review (site_id, claim_id, other_site_id, other_claim_id, reason)
    VALUES (yq_test.key('site', p_site), yq_test.key('claim', p_site), nullif(yq_test.key('site', p_other), yq_test.key('site', p_site)),
            yq_test.key('claim', p_other), 'candidate')
$$;
CREATE FUNCTION yq_test.name_key(p_site text, p_key text) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
    INSERT INTO identity_key (claim_id, site_id, key, kind) VALUES (yq_test.key('claim', p_site), yq_test.key('site', p_site), p_key, 'part')
$$;
CREATE FUNCTION yq_test.stray_object() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
    INSERT INTO quarantine (object_key, reason, arrived_at) VALUES (md5('stray'), 'of an unknown site', yq_now())
$$;
-- Doubts for the cases of doubts.sql; the result is the public id.
CREATE FUNCTION yq_test.conflict() RETURNS uuid LANGUAGE sql SECURITY DEFINER AS $$
    INSERT INTO instance_conflict (site_id, instance_id, object_key, sha256, size_bytes, header_bytes, transfer_syntax_uid, arrived_at)
    VALUES (yq_test.key('site', 'duanfen'), yq_test.key('instance', 'duanfen'), md5('c'), sha256('c'), 1, 1, '1.2', yq_now())
    RETURNING public_id
$$;
CREATE FUNCTION yq_test.open_conflict() RETURNS uuid LANGUAGE sql SECURITY DEFINER AS $$
    SELECT yq_test.conflict();
    SELECT conflict_judge(c.public_id, c.object_key, i.object_key, 'pixels') FROM instance_conflict c JOIN instance i USING (instance_id);
    SELECT public_id FROM instance_conflict WHERE object_key = md5('c')
$$;
CREATE FUNCTION yq_test.facts() RETURNS jsonb LANGUAGE sql SECURITY DEFINER AS $$
    SELECT jsonb_build_object('rows', 2, 'has_pixels', true, 'content_date_text', '', 'content_time_text', '', 'view_position', '',
        'charset_declared', '', 'charset_used', '', 'charset_verdict', '', 'sop_class_uid', i.sop_class_uid,
        'study_instance_uid', s.study_instance_uid, 'series_instance_uid', e.series_instance_uid, 'patient_name', c.name,
        'patient_sex', c.sex, 'patient_birth_date', c.birth_text)
    FROM instance i JOIN series e USING (series_id) JOIN study s USING (study_id) JOIN identity_claim c USING (claim_id)
    WHERE i.instance_id = yq_test.key('instance', 'duanfen')
$$;
CREATE FUNCTION yq_test.apart(p_site text) RETURNS uuid LANGUAGE sql SECURITY DEFINER AS $$
    INSERT INTO quarantine (site_id, object_key, reason, arrived_at) VALUES (yq_test.key('site', p_site), md5('apart'), 'no study UID', yq_now())
    RETURNING public_id
$$;
CREATE FUNCTION yq_test.site_id(p_site text) RETURNS uuid LANGUAGE sql SECURITY DEFINER AS $$
    SELECT public_id FROM scope WHERE scope_id = yq_test.key('site', p_site)
$$;
