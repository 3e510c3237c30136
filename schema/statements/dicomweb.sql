-- DICOMweb (PS3.18). Row-level security leaves out what the person may not see. Patterns are those of LIKE, NULL: any.

-- name: dicomweb_studies
-- QIDO-RS, studies: the last that came first. JSON without the addresses, which depend on who asks.
-- $1 Study Instance UIDs, or NULL
-- $2 pattern of the patient ID
-- $3 pattern of the name
-- $4 term of a search by sound (name_key_term()), or NULL
-- $5 pattern of the accession number
-- $6 first study date, as text, or NULL
-- $7 last study date
-- $8 patterns of the modalities in the study, or NULL
-- $9 pattern of the description
-- $10 pattern of the referring physician
-- $11 first birth date
-- $12 last birth date
-- $13 sex
-- $14 pattern of the study id
-- $15 first study time, as HHMMSSFFFFFF
-- $16 last study time
-- $17 how many
-- $18 how many are left out first
-- $19 only of the patient of this Study Instance UID, or NULL
WITH page AS MATERIALIZED (
    SELECT (s.st).study_id, (s.st).first_arrival_at
    FROM yq_studies_sought($1::text[], $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text[], $9::text,
                           $10::text, $11::date, $12::date, $13::text, $14::text, $15::text, $16::text, $19::text) AS s
    ORDER BY (s.st).first_arrival_at DESC, (s.st).study_id DESC
    LIMIT $17::integer OFFSET $18::integer
)
SELECT st.public_id::text AS id, st.shown_uid,
       yq_json_study(st, c) || jsonb_build_object(
           '00080056', yq_json_value('CS', 'ONLINE'),
           '00080061', yq_json_values('CS', n.modalities), '00080062', yq_json_values('UI', n.classes),
           '00201206', yq_json_number('IS', n.series), '00201208', yq_json_number('IS', n.instances)) AS json
FROM page JOIN study st USING (study_id) JOIN identity_claim c USING (claim_id)
CROSS JOIN LATERAL (SELECT count(DISTINCT e.series_id) AS series, count(i.instance_id) AS instances,
                           array_agg(DISTINCT e.modality) FILTER (WHERE e.modality <> '') AS modalities,
                           array_agg(DISTINCT i.sop_class_uid) FILTER (WHERE i.sop_class_uid IS NOT NULL) AS classes
                    FROM series e LEFT JOIN instance i USING (series_id) WHERE e.study_id = st.study_id) AS n
ORDER BY page.first_arrival_at DESC, st.study_id DESC;

-- name: dicomweb_series
-- QIDO-RS, series of one study, or of all.
-- $1 Study Instance UID, or NULL
-- $2 Series Instance UIDs, or NULL
-- $3 patterns of the modalities, or NULL
-- $4 series number, or NULL
-- $5 pattern of the series description
-- $6 how many
-- $7 how many are left out first
-- $8 Study Instance UIDs, or NULL
-- $9 pattern of the patient ID
-- $10 pattern of the name
-- $11 term of a search by sound
-- $12 pattern of the accession number
-- $13 first study date
-- $14 last study date
-- $15 modalities in the study
-- $16 pattern of the study description
-- $17 pattern of the referring physician
-- $18 first birth date
-- $19 last birth date
-- $20 sex
-- $21 pattern of the study id
-- $22 first study time, as HHMMSSFFFFFF
-- $23 last study time
-- $24 only of the patient of this Study Instance UID, or NULL
-- $25 first day on which the performed procedure step began
-- $26 last day
-- $27 first time of the day, as HHMMSSFFFFFF
-- $28 last time
-- $29 pattern of the scheduled procedure step id
-- $30 pattern of the requested procedure id, of the same item
SELECT (s.st).public_id::text AS id, (s.st).shown_uid, e.series_instance_uid,
       CASE WHEN $1::text IS NULL THEN yq_json_study(s.st, s.c) ELSE '{}' END || yq_json_series(e) || jsonb_build_object(
           '00080005', yq_json_value('CS', 'ISO_IR 192'), '0020000D', yq_json_value('UI', (s.st).shown_uid),
           '00201209', yq_json_number('IS', (SELECT count(*) FROM instance i WHERE i.series_id = e.series_id))) AS json
FROM yq_studies_sought($8::text[], $9::text, $10::text, $11::text, $12::text, $13::text, $14::text, $15::text[], $16::text,
                       $17::text, $18::date, $19::date, $20::text, $21::text, $22::text, $23::text, $24::text) AS s
JOIN series e ON e.study_id = (s.st).study_id
WHERE ($1::text IS NULL OR (s.st).shown_uid = $1::text)
  AND ($2::text[] IS NULL OR e.series_instance_uid = ANY ($2::text[]))
  AND ($3::text[] IS NULL OR e.modality LIKE ANY ($3::text[]))
  AND ($4::integer IS NULL OR e.number = $4::integer)
  AND ($5::text IS NULL OR e.description ILIKE $5::text)
  AND ($25::text IS NULL OR (e.performed_date_text <> '' AND e.performed_date_text COLLATE "C" >= $25::text))
  AND ($26::text IS NULL OR (e.performed_date_text <> '' AND e.performed_date_text COLLATE "C" <= $26::text))
  AND ($27::text IS NULL OR yq_time_digits(e.performed_time_text) COLLATE "C" >= $27::text)
  AND ($28::text IS NULL OR yq_time_digits(e.performed_time_text) COLLATE "C" <= $28::text)
  AND (($29::text IS NULL AND $30::text IS NULL)
       OR (coalesce(e.series_id IN (SELECT unnest(coalesce(r.series, ARRAY[NULL::bigint]))
                                    FROM (SELECT yq_series_requested($29::text, $30::text, 100000) AS series OFFSET 0) r), true)
           AND yq_requests_fit(e.request_attributes, $29::text, $30::text)))
  AND EXISTS (SELECT FROM instance i WHERE i.series_id = e.series_id)
ORDER BY (s.st).first_arrival_at DESC, (s.st).study_id DESC, e.number NULLS LAST, e.series_id
LIMIT $6::integer OFFSET $7::integer;

-- name: dicomweb_instances
-- QIDO-RS, instances of a series, of a study, or of all.
-- $1 Study Instance UID, or NULL
-- $2 Series Instance UID, or NULL
-- $3 SOP Instance UIDs, or NULL
-- $4 SOP classes, or NULL
-- $5 instance number, or NULL
-- $6 how many
-- $7 how many are left out first
-- $8 Series Instance UIDs, or NULL
-- $9 modalities, or NULL
-- $10 pattern of the series description
-- $11 Study Instance UIDs, or NULL
-- $12 pattern of the patient ID
-- $13 pattern of the name
-- $14 term of a search by sound
-- $15 pattern of the accession number
-- $16 first study date
-- $17 last study date
-- $18 modalities in the study
-- $19 pattern of the study description
-- $20 pattern of the referring physician
-- $21 first birth date
-- $22 last birth date
-- $23 sex
-- $24 pattern of the study id
-- $25 first study time, as HHMMSSFFFFFF
-- $26 last study time
-- $27 only of the patient of this Study Instance UID, or NULL
-- $28 series number, or NULL
-- $29 first day on which the performed procedure step began
-- $30 last day
-- $31 first time of the day, as HHMMSSFFFFFF
-- $32 last time
-- $33 pattern of the scheduled procedure step id
-- $34 pattern of the requested procedure id, of the same item
SELECT (s.st).public_id::text AS id, (s.st).shown_uid, e.series_instance_uid, i.sop_instance_uid,
       CASE WHEN $1::text IS NULL THEN yq_json_study(s.st, s.c) ELSE '{}' END || CASE WHEN $2::text IS NULL THEN yq_json_series(e) ELSE '{}' END
       || jsonb_build_object(
           '00080005', yq_json_value('CS', 'ISO_IR 192'), '0020000D', yq_json_value('UI', (s.st).shown_uid),
           '0020000E', yq_json_value('UI', e.series_instance_uid), '00080016', yq_json_value('UI', i.sop_class_uid),
           '00080018', yq_json_value('UI', i.sop_instance_uid), '00080056', yq_json_value('CS', 'ONLINE'),
           '00200013', yq_json_number('IS', i.number), '00083002', yq_json_value('UI', i.transfer_syntax_uid))
       || CASE WHEN i.has_pixels THEN jsonb_build_object(
           '00280008', yq_json_number('IS', coalesce(i.frames, 1)), '00280010', yq_json_number('US', i.rows),
           '00280011', yq_json_number('US', i.columns)) ELSE '{}' END AS json
FROM yq_studies_sought($11::text[], $12::text, $13::text, $14::text, $15::text, $16::text, $17::text, $18::text[], $19::text,
                       $20::text, $21::date, $22::date, $23::text, $24::text, $25::text, $26::text, $27::text) AS s
JOIN series e ON e.study_id = (s.st).study_id JOIN instance i USING (series_id)
WHERE ($1::text IS NULL OR (s.st).shown_uid = $1::text)
  AND ($2::text IS NULL OR e.series_instance_uid = $2::text)
  AND ($3::text[] IS NULL OR i.sop_instance_uid = ANY ($3::text[]))
  AND ($4::text[] IS NULL OR i.sop_class_uid = ANY ($4::text[]))
  AND ($5::integer IS NULL OR i.number = $5::integer)
  AND ($8::text[] IS NULL OR e.series_instance_uid = ANY ($8::text[]))
  AND ($9::text[] IS NULL OR e.modality LIKE ANY ($9::text[]))
  AND ($10::text IS NULL OR e.description ILIKE $10::text)
  AND ($28::integer IS NULL OR e.number = $28::integer)
  AND ($29::text IS NULL OR (e.performed_date_text <> '' AND e.performed_date_text COLLATE "C" >= $29::text))
  AND ($30::text IS NULL OR (e.performed_date_text <> '' AND e.performed_date_text COLLATE "C" <= $30::text))
  AND ($31::text IS NULL OR yq_time_digits(e.performed_time_text) COLLATE "C" >= $31::text)
  AND ($32::text IS NULL OR yq_time_digits(e.performed_time_text) COLLATE "C" <= $32::text)
  AND (($33::text IS NULL AND $34::text IS NULL)
       OR (coalesce(e.series_id IN (SELECT unnest(coalesce(r.series, ARRAY[NULL::bigint]))
                                    FROM (SELECT yq_series_requested($33::text, $34::text, 100000) AS series OFFSET 0) r), true)
           AND yq_requests_fit(e.request_attributes, $33::text, $34::text)))
ORDER BY (s.st).first_arrival_at DESC, (s.st).study_id DESC, e.number NULLS LAST, e.series_id, i.number NULLS LAST, i.instance_id
LIMIT $6::integer OFFSET $7::integer;

-- name: dicomweb_objects
-- WADO-RS: the objects under an address, in the order of their series.
-- $1 Study Instance UID
-- $2 Series Instance UID, or NULL
-- $3 SOP Instance UID, or NULL
-- What is the same for a whole series is made once for it.
WITH under AS MATERIALIZED (
    SELECT st.study_id, st.public_id::text AS study, sc.public_id::text AS site_id, st.shown_uid, e.series_id, e.series_instance_uid, e.number,
           yq_json_overlay(st, c, e.series_instance_uid)::text AS overlay,
           st.received_claim_id IS NOT NULL OR st.split_no > 0
               OR EXISTS (SELECT FROM correction_study a WHERE a.study_id = st.study_id) AS is_corrected
    FROM study st JOIN series e USING (study_id) JOIN scope sc ON sc.scope_id = st.site_id JOIN identity_claim c USING (claim_id)
    WHERE st.state <> 'merged' AND st.shown_uid = $1::text AND ($2::text IS NULL OR e.series_instance_uid = $2::text)
)
SELECT u.study, u.site_id, i.public_id::text AS id, u.series_id::text AS series, u.shown_uid, u.series_instance_uid, i.sop_instance_uid, i.sop_class_uid,
       i.transfer_syntax_uid, i.object_key, i.header_bytes + i.size_bytes AS size_bytes, i.has_pixels, coalesce(i.frames, 1) AS frames, i.charset_used,
       u.overlay,
       -- Whether a person may have said otherwise than the bytes do.
       u.is_corrected OR i.came_for_study_id IS NOT NULL AS is_corrected
FROM under u JOIN instance i USING (series_id)
WHERE $3::text IS NULL OR i.sop_instance_uid = $3::text
ORDER BY u.study_id, u.number NULLS LAST, u.series_id, i.number NULLS LAST, i.instance_id;

-- name: dicomweb_ahead
-- Where the objects of a study lie, in the order in which they are shown.
-- $1 study
SELECT series::text, id::text, sop_class_uid, sop_instance_uid, object_key, charset_used FROM yq_study_objects($1::uuid);

-- name: dicomweb_parent
-- Whether there is such a study, or series of it.
-- $1 Study Instance UID
-- $2 Series Instance UID, or NULL
SELECT st.study_id FROM study st
WHERE st.state <> 'merged' AND st.shown_uid = $1::text
  AND ($2::text IS NULL OR EXISTS (SELECT FROM series e WHERE e.study_id = st.study_id AND e.series_instance_uid = $2::text))
LIMIT 1;

-- name: dicomweb_store_place
-- Whose objects a person stores, and whether the person may; the seat where no site is named.
-- $1 person
-- $2 site, or NULL
SELECT sc.public_id::text AS site, yq_person_may($1::uuid, ARRAY['radiographer'], sc.scope_id) AS may
FROM person p
JOIN scope sc ON CASE WHEN $2::uuid IS NULL THEN sc.scope_id = p.seat_id ELSE sc.public_id = $2::uuid END
WHERE p.public_id = $1::uuid AND sc.kind = 'site' AND sc.scope_id IN (SELECT yq_person_sites());
