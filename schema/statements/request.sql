-- Requests 申请单: registration, and the match with a study.

-- name: request_place
-- Where a person registers, and whether the person may there; the seat where no site is named.
-- $1 person
-- $2 site, or NULL
SELECT sc.public_id::text AS site,
       yq_person_may($1::uuid, ARRAY['radiographer', 'clinician', 'duty_leader'], sc.scope_id) AS may
FROM person p
JOIN scope sc ON CASE WHEN $2::uuid IS NULL THEN sc.scope_id = p.seat_id ELSE sc.public_id = $2::uuid END
WHERE p.public_id = $1::uuid AND sc.scope_id IN (SELECT yq_person_sites());

-- name: request_item
-- What a catalogued item says, where it may be asked for at the site today.
-- $1 item
-- $2 site
SELECT i.name, i.modality, i.body_part
FROM item_code i
WHERE i.public_id = $1::uuid AND i.valid @> yq_now()::date
  AND (i.site_id IS NULL OR i.site_id = (SELECT scope_id FROM scope WHERE public_id = $2::uuid));

-- name: request_add
-- $1 site
-- $2 person
-- $3 patient ID, may be empty
-- $4 name, PN with its groups
-- $5 sex
-- $6 birth date, or NULL
-- $7 age with its unit, empty: that of the birth date
-- $8 identity number, may be empty
-- $9 item, or NULL
-- $10 the rest, a JSON object with the columns by name
WITH place AS (
    SELECT scope_id AS site_id FROM scope WHERE public_id = $1::uuid
), number AS MATERIALIZED (
    SELECT yq_next_accession(site_id) AS accession FROM place
), claim AS MATERIALIZED (
    SELECT request_claim(place.site_id, normalize($3::text, NFC), normalize($4::text, NFC), $5::text, $6::date, $8::text,
                         number.accession) AS claim_id
    FROM place, number
)
INSERT INTO request (site_id, claim_id, accession_number, year, registered_by, age_text, item_code_id,
                     patient_class, is_urgent, visit_number, phone, department, doctor, item_name, modality, body_part, laterality,
                     purpose, history, clinical_diagnosis, request_number, details)
SELECT place.site_id, claim.claim_id, number.accession, extract(year FROM yq_now()),
       (SELECT person_id FROM person WHERE public_id = $2::uuid),
       coalesce(nullif($7::text, ''), yq_age_text($6::date, yq_now()::date)),
       (SELECT item_code_id FROM item_code WHERE public_id = $9::uuid),
       v.patient_class, v.is_urgent, v.visit_number, v.phone, v.department, v.doctor, v.item_name, v.modality, v.body_part, v.laterality,
       v.purpose, v.history, v.clinical_diagnosis, v.request_number, v.details
FROM place, number, claim, jsonb_populate_record(NULL::request, normalize($10::text, NFC)::jsonb) v
RETURNING public_id::text AS request;

-- name: request_lock
-- A request that is to be changed, and what is there now.
-- $1 request
-- $2 person
SELECT sc.public_id::text AS site, r.state, c.national_id,
       yq_person_may($2::uuid, ARRAY['radiographer', 'clinician', 'duty_leader'], r.site_id) AS may
FROM request r
JOIN scope sc ON sc.scope_id = r.site_id
JOIN identity_claim c ON c.claim_id = r.claim_id
WHERE r.public_id = $1::uuid
FOR UPDATE OF r;

-- name: request_change
-- What was registered before stays as claim.
-- $1 request
-- $2 patient ID, may be empty
-- $3 name, PN with its groups
-- $4 sex
-- $5 birth date, or NULL
-- $6 age with its unit, empty: that of the birth date
-- $7 identity number, may be empty
-- $8 item, or NULL
-- $9 the rest, a JSON object with the columns by name
WITH claim AS MATERIALIZED (
    SELECT request_claim(r.site_id, normalize($2::text, NFC), normalize($3::text, NFC), $4::text, $5::date, $7::text,
                         r.accession_number) AS claim_id
    FROM request r WHERE r.public_id = $1::uuid
)
UPDATE request r
SET claim_id = claim.claim_id,
    age_text = coalesce(nullif($6::text, ''), yq_age_text($5::date, r.registered_at::date)),
    item_code_id = (SELECT item_code_id FROM item_code WHERE public_id = $8::uuid),
    patient_class = v.patient_class, is_urgent = v.is_urgent, visit_number = v.visit_number, phone = v.phone,
    department = v.department, doctor = v.doctor, item_name = v.item_name, modality = v.modality, body_part = v.body_part,
    laterality = v.laterality, purpose = v.purpose, history = v.history, clinical_diagnosis = v.clinical_diagnosis,
    request_number = v.request_number, details = v.details
FROM claim, jsonb_populate_record(NULL::request, normalize($9::text, NFC)::jsonb) v
WHERE r.public_id = $1::uuid AND r.state <> 'cancelled'
RETURNING r.request_id;

-- name: request_set_state
-- $1 request
-- $2 state that is expected
-- $3 state that follows
UPDATE request SET state = $3::text WHERE public_id = $1::uuid AND state = $2::text RETURNING request_id;

-- name: request_study_lock
-- The study that is to meet a request, or to part from it.
-- $1 study
-- $2 person
SELECT sc.public_id::text AS site, yq_person_may($2::uuid, ARRAY['radiographer', 'duty_leader'], s.site_id) AS may
FROM study s JOIN scope sc ON sc.scope_id = s.site_id
WHERE s.public_id = $1::uuid AND s.state <> 'merged'
FOR NO KEY UPDATE OF s;

-- name: request_match_check
-- Of a study and a request that are both locked; a statement of its own, so that it sees what was committed before.
-- $1 study
-- $2 request
SELECT EXISTS (SELECT FROM request_match m JOIN study s USING (study_id)
               WHERE s.public_id = $1::uuid AND m.undone_at IS NULL) AS has_request,
       NOT coalesce((SELECT yq_request_takes(r.request_id, s.study_id) FROM request r, study s
                     WHERE r.public_id = $2::uuid AND s.public_id = $1::uuid), false) AS is_taken;

-- name: request_match_add
-- By hand, with the evidence there was.
-- $1 study
-- $2 request
-- $3 person
-- $4 reason, may be empty
WITH it AS (
    SELECT s.study_id, s.site_id, r.request_id, r.public_id, r.accession_number, e.evidence, p.person_id
    FROM study s
    JOIN identity_claim c ON c.claim_id = s.claim_id
    JOIN request r ON r.site_id = s.site_id AND r.public_id = $2::uuid
    JOIN identity_claim rc ON rc.claim_id = r.claim_id
    JOIN person p ON p.public_id = $3::uuid
    CROSS JOIN LATERAL (SELECT yq_match_evidence(s, c, r, rc) AS evidence) e
    WHERE s.public_id = $1::uuid
), fact AS (
    INSERT INTO correction (site_id, study_id, kind, reason, before, after, made_by)
    SELECT site_id, study_id, 'match', coalesce(nullif($4::text, ''), 'matched by hand'), '{}',
           jsonb_build_object('request', public_id, 'accession_number', accession_number), person_id
    FROM it
)
INSERT INTO request_match (site_id, request_id, study_id, method, score, evidence, matched_by, reason)
SELECT site_id, request_id, study_id, 'manual', yq_match_score(evidence), evidence, person_id, $4::text FROM it
RETURNING match_id;

-- name: request_match_end
-- A match is undone, not deleted.
-- $1 study
-- $2 person
-- $3 reason
WITH it AS (
    SELECT m.match_id, m.site_id, m.study_id, m.matched_by, r.public_id, r.accession_number, p.person_id,
           (SELECT max(k.correction_id) FROM correction k
            WHERE k.study_id = m.study_id AND k.kind = 'match' AND k.after ->> 'request' = r.public_id::text
              AND NOT EXISTS (SELECT FROM correction u WHERE u.undoes_id = k.correction_id)) AS made_as
    FROM request_match m
    JOIN study s USING (study_id)
    JOIN request r USING (request_id)
    JOIN person p ON p.public_id = $2::uuid
    WHERE s.public_id = $1::uuid AND m.undone_at IS NULL
), fact AS (
    INSERT INTO correction (site_id, study_id, kind, reason, before, after, made_by, undoes_id)
    SELECT site_id, study_id, 'match', $3::text, jsonb_build_object('request', public_id, 'accession_number', accession_number), '{}',
           person_id, CASE WHEN matched_by IS NOT NULL THEN made_as END
    FROM it
)
UPDATE request_match m SET undone_at = yq_now(), undone_by = it.person_id, undone_reason = $3::text
FROM it WHERE m.match_id = it.match_id
RETURNING it.public_id::text AS request;

-- name: request_has_study
-- Is a match of the request in force?
-- $1 request
SELECT EXISTS (SELECT FROM request_match m JOIN request r USING (request_id)
               WHERE r.public_id = $1::uuid AND m.undone_at IS NULL) AS has_study;

-- name: request_signal
-- The router looks at the study again: views may be expected now, and the patient is of the class that was registered, unless a person
-- said another at 提交诊断.
-- $1 study
-- $2 person, or NULL
INSERT INTO study_signal (study_id, site_id, kind, detail, person_id)
SELECT s.study_id, s.site_id, g.kind, g.detail, (SELECT person_id FROM person WHERE public_id = $2::uuid)
FROM study s
LEFT JOIN request_match m ON m.study_id = s.study_id AND m.undone_at IS NULL
LEFT JOIN request r ON r.request_id = m.request_id
LEFT JOIN item_code i ON i.item_code_id = r.item_code_id
CROSS JOIN LATERAL (VALUES
    ('expected_views', jsonb_build_object('expected_views', i.expected_views), true),
    ('patient_class', jsonb_build_object('patient_class', r.patient_class),
     r.patient_class <> s.patient_class
     AND NOT EXISTS (SELECT FROM study_signal o WHERE o.study_id = s.study_id AND o.kind = 'submit' AND o.detail ? 'patient_class')))
    AS g (kind, detail, is_wanted)
WHERE s.public_id = $1::uuid AND g.is_wanted;

-- name: request_priority
-- Tasks that are under way learn whether their examination is 加急: what the rule gave, lifted or not (as task_open does).
-- $1 study, or NULL: the one of the request
-- $2 request, or NULL
UPDATE reading_task t
SET priority = t.rule_priority
             + CASE WHEN EXISTS (SELECT FROM request_match m JOIN request r USING (request_id)
                                 WHERE m.study_id = t.study_id AND m.undone_at IS NULL AND r.is_urgent) THEN 20 ELSE 0 END
WHERE t.study_id IN (SELECT s.study_id FROM study s WHERE s.public_id = $1::uuid
                     UNION
                     SELECT m.study_id FROM request_match m JOIN request r USING (request_id)
                     WHERE r.public_id = $2::uuid AND m.undone_at IS NULL)
  AND t.kind = 'primary' AND t.state NOT IN ('done', 'cancelled');

-- name: request_match_automatic
-- The router's, with the study locked: matched when the rule is certain. What it said is kept in match_decision.
-- $1 study
SELECT yq_match_by_rule(s.study_id) AS is_matched FROM study s WHERE s.public_id = $1::uuid AND s.state <> 'merged';
