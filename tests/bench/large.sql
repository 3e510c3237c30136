-- A ledger that has been receiving for three years: :instances instances at the one site and device there are, as reception leaves them behind.
-- 100 instances a study in two series. Rows only, no objects. Triggers and foreign keys are left out, and indexes are made behind the rows.
-- psql variable: instances

SET session_replication_role = replica;
SET TimeZone = 'Asia/Shanghai';
SET client_min_messages = warning;

-- What can be made anew behind the rows: every index that no foreign key leans on. Checks cost most of the time; they are as good as before for
-- rows that come later, and hold for these.
CREATE TEMP TABLE later AS
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname) AS off,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) AS again
FROM pg_constraint c
WHERE c.conrelid IN ('instance'::regclass, 'reception'::regclass) AND c.contype IN ('p', 'u')
  AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.conindid = c.conindid)
UNION ALL
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname),
       format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
FROM pg_constraint c
WHERE c.conrelid IN ('instance'::regclass, 'reception'::regclass) AND c.contype = 'c'
UNION ALL
SELECT format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
FROM pg_index i
WHERE i.indrelid IN ('instance'::regclass, 'reception'::regclass) AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid);

SELECT off FROM later
\gexec

CREATE TEMP TABLE made AS
SELECT n, d.site_id, d.device_id,
       -- Makers have roots of their own; one of them is the one that DCMTK invents under.
       (ARRAY['1.2.840.113619.2.55.3', '1.3.12.2.1107.5.1.4', '1.2.276.0.7230010.3.1', '1.2.156.112605.66988'])[1 + n % 4] AS root,
       (ARRAY['CT', 'CT', 'DX', 'MR'])[1 + n % 4] AS modality,
       yq_now() - interval '3 years' * (1 - n / (:instances / 100)::double precision) AS at,
       (ARRAY['陈', '李', '黄', '林', '梁', '吴', '伍', '谭', '甄', '赵'])[1 + n % 10]
           || (ARRAY['国', '秀', '志', '美', '建', '淑', '伟'])[1 + n % 7] || (ARRAY['强', '兰', '远', '芬', '华', '君', '明', '珍', '辉', '玲', '平'])[1 + n % 11]
           AS name
FROM generate_series(1, :instances / 100) AS n CROSS JOIN (SELECT site_id, device_id FROM device LIMIT 1) d;
ANALYZE made;

INSERT INTO patient (patient_id) OVERRIDING SYSTEM VALUE SELECT n FROM made;
INSERT INTO identity_claim (claim_id, site_id, patient_id, source, typed_id, name, sex, birth_text, birth_date, content_hash, created_at)
    OVERRIDING SYSTEM VALUE
SELECT n, site_id, n, 'image', 'P' || lpad((n * 7919 % 10000000)::text, 8, '0'), 'LEDGER^' || n || '=' || name, (ARRAY['M', 'F'])[1 + n % 2],
       to_char(date '1940-01-01' + n % 25000, 'YYYYMMDD'), date '1940-01-01' + n % 25000, sha256(convert_to('ledger ' || n, 'UTF8')), at
FROM made;
INSERT INTO identity_decision (site_id, claim_id, to_patient_id, reason, decided_at) SELECT site_id, n, n, 'not known before', at FROM made;

INSERT INTO study (study_id, site_id, study_instance_uid, claim_id, device_id, state, accession_number, dicom_study_id, study_date_text,
                   study_time_text, study_at, description, modality, body_part, instance_count, size_bytes, first_arrival_at, last_arrival_at,
                   completed_at) OVERRIDING SYSTEM VALUE
SELECT n, site_id, root || '.' || 1700000000 + n || '.' || n * 7919::bigint % 100003, n, device_id, 'complete', 'A' || lpad(n::text, 9, '0'), n::text,
       to_char(at, 'YYYYMMDD'), to_char(at, 'HH24MISS'), at, modality || '检查', modality, 'CHEST', 100, 100 * 525274, at, at + interval '1 minute',
       at + interval '6 minutes'
FROM made;
INSERT INTO series (series_id, study_id, site_id, series_instance_uid, number, modality, description, body_part, instance_count)
    OVERRIDING SYSTEM VALUE
SELECT 2 * n - s, n, site_id, root || '.' || 1700000000 + n || '.' || s + 1 || '.' || n * 104729::bigint % 1000003, s + 1, modality, 'SERIES ' || s + 1, 'CHEST', 50
FROM made, generate_series(0, 1) AS s;
INSERT INTO study_signal (study_id, site_id, kind, detail, created_at, handled_at)
SELECT n, site_id, 'instances', '{"instances": 50}', at, at + interval '1 second' FROM made, generate_series(1, 2);
INSERT INTO event (kind, subject_id, site_id, created_at)
SELECT 'study.arrived', s.public_id, s.site_id, s.first_arrival_at FROM study s WHERE s.first_arrival_at > yq_now() - interval '7 days';

INSERT INTO instance (instance_id, site_id, series_id, device_id, origin, sop_class_uid, sop_instance_uid, transfer_syntax_uid, object_key,
                      size_bytes, header_bytes, sha256, arrived_at, number, rows, columns, has_pixels, content_date_text, content_time_text,
                      charset_declared, charset_used, charset_verdict, indexed_at) OVERRIDING SYSTEM VALUE
SELECT i, site_id, 2 * n - (i % 2), device_id, 'device', '1.2.840.10008.5.1.4.1.1.2', root || '.' || 1700000000 + n || '.' || i * 104729 % 100000007,
       '1.2.840.10008.1.2.1', md5(i::text), 525274, 436, sha256(int8send(i)), at, (i % 100) / 2 + 1, 512, 512, true, to_char(at, 'YYYYMMDD'),
       to_char(at, 'HH24MISS'), 'ISO_IR 192', 'UTF-8', 'as_declared', at
FROM made CROSS JOIN LATERAL generate_series((n - 1) * 100::bigint + 1, n * 100::bigint) AS i;
INSERT INTO reception (object_key, site_id, instance_id, outcome, arrived_at, indexed_at)
SELECT object_key, site_id, instance_id, 'stored', arrived_at, indexed_at FROM instance;

SELECT again FROM later
\gexec

SELECT setval(pg_get_serial_sequence('patient', 'patient_id'), (SELECT max(patient_id) FROM patient)),
       setval(pg_get_serial_sequence('identity_claim', 'claim_id'), (SELECT max(claim_id) FROM identity_claim)),
       setval(pg_get_serial_sequence('study', 'study_id'), (SELECT max(study_id) FROM study)),
       setval(pg_get_serial_sequence('series', 'series_id'), (SELECT max(series_id) FROM series)),
       setval(pg_get_serial_sequence('instance', 'instance_id'), (SELECT max(instance_id) FROM instance));

-- As it would be after three years; what autovacuum would do first is done before anything is measured.
VACUUM ANALYZE;
CHECKPOINT;
SELECT count(*), pg_database_size(current_database()) / 1048576 FROM instance;
