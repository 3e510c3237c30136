-- A county at full size, for looking at the pages: a day of :studies examinations at one site, and :tasks more that wait to be read from the
-- other sites of its community. Rows only, no images. Triggers and foreign keys are left out, so that it takes seconds.
-- psql variables: studies, tasks, day ('2026-11-21': the day of the examinations), seat (code of their site).

SET session_replication_role = replica;
SET TimeZone = 'Asia/Shanghai';
BEGIN;

CREATE TEMP TABLE made ON COMMIT DROP AS
WITH home AS (
    SELECT s.site_id FROM site s WHERE s.code = :'seat'
), lead AS (
    SELECT q.queue_id, q.lead_site_id, v.policy_version_id
    FROM reading_queue q JOIN signing_policy_version v USING (policy_id)
    JOIN scope sc ON sc.scope_id = q.lead_site_id
    ORDER BY sc.name <> '台山市人民医院', q.queue_id, v.version DESC LIMIT 1
), others AS (
    SELECT array_agg(s ORDER BY s) AS sites
    FROM person p JOIN person_right r USING (person_id) CROSS JOIN LATERAL yq_sites_under(r.scope_id, yq_now()::date) AS s
    WHERE p.account = 'reporter' AND r.role = 'reporter' AND r.revoked_at IS NULL AND s <> (SELECT site_id FROM home)
)
SELECT n, n <= :studies AS is_of_day,
       CASE WHEN n <= :studies THEN home.site_id ELSE others.sites[1 + n % array_length(others.sites, 1)] END AS site_id,
       lead.queue_id, lead.policy_version_id,
       CASE WHEN n > :studies THEN 'awaiting'
            ELSE (ARRAY['receiving', 'awaiting', 'awaiting', 'awaiting', 'writing', 'awaiting_review', 'done', 'done', 'done', 'done'])[1 + n % 10]
            END AS step,
       CASE WHEN n % 50 = 0 THEN 'emergency' WHEN n % 7 = 0 THEN 'inpatient' WHEN n % 3 = 0 THEN 'health_check' ELSE 'outpatient'
            END AS patient_class,
       (ARRAY['DX', 'CT', 'MR', 'US', 'MG'])[1 + n % 5] AS modality,
       (ARRAY['CHEST', 'HEAD', 'KNEE', 'THYROID', 'BREAST'])[1 + n % 5] AS body_part,
       -- rows of the day from the morning to the evening, one after the other; those that wait came before
       CASE WHEN n <= :studies THEN :'day'::date + interval '6 hours' + n * interval '60000 seconds' / :studies
            ELSE :'day'::date - interval '3 days' + (n % 86400) * interval '1 second' END AS at,
       (ARRAY['陈', '李', '黄', '林', '梁', '吴', '伍', '谭', '甄', '𠮷'])[1 + n % 10]
           || (ARRAY['国', '秀', '志', '美', '建', '淑', '伟'])[1 + n % 7] || (ARRAY['强', '兰', '远', '芬', '华', '君', '明', '珍', '辉', '玲', '平'])[1 + n % 11]
           AS name,
       nextval(pg_get_serial_sequence('patient', 'patient_id')) AS patient_id,
       nextval(pg_get_serial_sequence('identity_claim', 'claim_id')) AS claim_id,
       nextval(pg_get_serial_sequence('study', 'study_id')) AS study_id,
       nextval(pg_get_serial_sequence('reading_task', 'task_id')) AS task_id,
       nextval(pg_get_serial_sequence('request', 'request_id')) AS request_id,
       nextval(pg_get_serial_sequence('report', 'report_id')) AS report_id
FROM home, lead, others, generate_series(1, :studies + :tasks) AS n;

INSERT INTO patient (patient_id) OVERRIDING SYSTEM VALUE SELECT patient_id FROM made;

INSERT INTO identity_claim (claim_id, site_id, patient_id, source, typed_id, name, sex, birth_date, content_hash) OVERRIDING SYSTEM VALUE
SELECT claim_id, site_id, patient_id, 'image', 'S' || lpad(n::text, 7, '0'), 'SCALE^' || n || '=' || name, (ARRAY['M', 'F'])[1 + n % 2],
       date '1940-01-01' + n % 25000, sha256(convert_to('scale ' || claim_id, 'UTF8'))
FROM made;

INSERT INTO study (study_id, site_id, study_instance_uid, claim_id, state, patient_class, reading_mode, accession_number, study_date_text,
                   description, patient_age_text, modality, body_part, instance_count, size_bytes, first_arrival_at, last_arrival_at,
                   submitted_at, completed_at) OVERRIDING SYSTEM VALUE
SELECT study_id, site_id, '2.25.7' || lpad(study_id::text, 12, '0'), claim_id, CASE step WHEN 'receiving' THEN 'receiving' ELSE 'complete' END,
       patient_class, CASE step WHEN 'receiving' THEN NULL ELSE 'central' END, 'A' || lpad(n::text, 9, '0'), to_char(at, 'YYYYMMDD'),
       modality || ' ' || lower(body_part), lpad((n % 90)::text, 3, '0') || 'Y', modality, body_part, 1 + n % 4, 1000000, at,
       at + interval '1 minute', CASE WHEN step <> 'receiving' THEN at + interval '2 minutes' END,
       CASE WHEN step <> 'receiving' THEN at + interval '2 minutes' END
FROM made;

-- Two of three of the day have a request.
INSERT INTO request (request_id, site_id, claim_id, accession_number, year, patient_class, item_name, body_part, department, doctor, purpose,
                     clinical_diagnosis, state) OVERRIDING SYSTEM VALUE
SELECT request_id, site_id, claim_id, 'R' || lpad(n::text, 9, '0'), 2026, patient_class, '检查 ' || body_part, body_part, '内科', '陈国强', '查因', '咳嗽',
       'matched'
FROM made WHERE is_of_day AND n % 3 <> 0;
INSERT INTO request_match (site_id, request_id, study_id, method, score)
SELECT site_id, request_id, study_id, 'automatic', 1 FROM made WHERE is_of_day AND n % 3 <> 0;

INSERT INTO reading_task (task_id, site_id, study_id, queue_id, reading_mode, patient_class, priority, state, study_version, holder_id, lease_token,
                          lease_until, author_id, opened_at, due_at, first_taken_at, submitted_at, done_at) OVERRIDING SYSTEM VALUE
SELECT task_id, site_id, study_id, queue_id, 'central', patient_class, (n % 40 = 0)::integer, step, 1,
       CASE WHEN step = 'writing' THEN p.person_id END, CASE WHEN step = 'writing' THEN gen_random_uuid() END,
       CASE WHEN step = 'writing' THEN yq_now() + interval '1 day' END,
       CASE WHEN step IN ('writing', 'awaiting_review', 'done') THEN p.person_id END, at + interval '2 minutes',
       yq_now() + interval '1 hour' + (n * 7919 % 100000) * interval '1 second',
       CASE WHEN step IN ('writing', 'awaiting_review', 'done') THEN at + interval '5 minutes' END,
       CASE WHEN step IN ('awaiting_review', 'done') THEN at + interval '9 minutes' END, CASE WHEN step = 'done' THEN at + interval '20 minutes' END
FROM made JOIN person p ON p.account = 'leader'
WHERE step <> 'receiving';

INSERT INTO report (report_id, site_id, study_id, task_id) OVERRIDING SYSTEM VALUE
SELECT report_id, site_id, study_id, task_id FROM made WHERE step IN ('awaiting_review', 'done');
INSERT INTO report_version (site_id, report_id, version, state, body, study_version, author_id, policy_version_id, canonical, content_sha256,
                            written_at, submitted_at, issued_at, settled_at)
SELECT site_id, report_id, 1, CASE step WHEN 'done' THEN 'issued' ELSE 'submitted' END, '{}', 1, p.person_id, policy_version_id, '-',
       sha256(convert_to('-', 'UTF8')), at + interval '6 minutes', at + interval '9 minutes',
       CASE WHEN step = 'done' THEN at + interval '20 minutes' END, CASE WHEN step = 'done' THEN at + interval '20 minutes' END
FROM made JOIN person p ON p.account = 'leader'
WHERE step IN ('awaiting_review', 'done');

COMMIT;
-- As the ledger would have it after a while: without, plans for the figures are made for empty tables.
VACUUM ANALYZE;
