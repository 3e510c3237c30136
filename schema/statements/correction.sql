-- Corrections and what a person says about two identities. What they do is in functions of the migrations 0021 and 0022, which preview by the same way.

-- name: correction_make
-- A preview, or the deed; with "code" in it: why not.
-- $1 person, or NULL
-- $2 operator at the machine, where there is no person
-- $3 study
-- $4 what, a JSON object
-- $5 whether it is done
SELECT correction_make($1::uuid, $2::text, $3::uuid, normalize($4::text, NFC)::jsonb, $5::boolean) AS json;

-- name: correction_undo
-- $1 person, or NULL
-- $2 operator at the machine, where there is no person
-- $3 correction
-- $4 reason
-- $5 revision of the preview
-- $6 whether it is done
SELECT correction_undo($1::uuid, $2::text, $3::uuid, $4::text, $5::text, $6::boolean) AS json;

-- name: correction_of_study
-- Where a study is, and everything that was corrected about it, the newest first. No row: no such study for these eyes.
-- $1 study
SELECT sc.public_id AS site_id,
       coalesce((SELECT jsonb_agg(yq_correction_json(k) ORDER BY k.correction_id DESC)
                 FROM correction_study a JOIN correction k USING (correction_id) WHERE a.study_id = s.study_id), '[]') AS json
FROM study s JOIN scope sc ON sc.scope_id = s.site_id
WHERE s.public_id = $1::uuid;

-- name: correction_list
-- The newest first.
-- $1 correction behind which the page begins, or NULL
-- $2 how many
SELECT k.public_id AS id, yq_correction_json(k) AS json
FROM correction k
WHERE $1::uuid IS NULL OR k.correction_id < (SELECT correction_id FROM correction WHERE public_id = $1::uuid)
ORDER BY k.correction_id DESC
LIMIT $2::integer;

-- name: correction_show
-- $1 correction
SELECT sc.public_id AS site_id, yq_correction_json(k) AS json
FROM correction k JOIN scope sc ON sc.scope_id = k.site_id
WHERE k.public_id = $1::uuid;

-- name: correction_rows
-- For the operator's command.
-- $1 study, or NULL
SELECT k.made_at, sc.name AS site, k.kind, k.undoes_id IS NOT NULL AS is_undo, coalesce(p.name, k.operator) AS made_by, k.reason,
       s.public_id AS study_id, k.public_id AS id, k.made_by IS NULL AS is_operator, k.before, k.after,
       (SELECT u.public_id FROM correction u WHERE u.undoes_id = k.correction_id) AS undone_by_id
FROM correction k
JOIN scope sc ON sc.scope_id = k.site_id
JOIN study s ON s.study_id = k.study_id
LEFT JOIN person p ON p.person_id = k.made_by
WHERE $1::uuid IS NULL OR EXISTS (SELECT FROM correction_study a JOIN study t USING (study_id)
                                  WHERE a.correction_id = k.correction_id AND t.public_id = $1::uuid)
ORDER BY k.correction_id;

-- name: correction_seen
-- Which patient the study of a task has now, and had when the task was first taken.
-- $1 task
SELECT s.patient_revision AS now,
       s.patient_revision - (SELECT count(*) FROM correction k
                             WHERE k.study_id = s.study_id AND k.kind = 'edit_patient' AND k.made_at > t.first_taken_at) AS when_taken
FROM reading_task t JOIN study s USING (study_id)
WHERE t.public_id = $1::uuid;

-- name: proposal_list
-- Corrections that are proposed for issued reports, to those who may sign at their queue or look after it; the newest first.
-- $1 person
-- $2 only open ones (true), only settled ones (false), or NULL
-- $3 proposal behind which the page begins, or NULL
-- $4 how many
SELECT p.public_id AS id,
       jsonb_build_object(
           'id', p.public_id, 'state', p.state, 'report_id', v.public_id, 'report_version', v.version, 'task_id', t.public_id,
           'study_id', st.public_id, 'site', jsonb_build_object('id', sc.public_id, 'name', sc.name),
           'patient', jsonb_build_object('name', c.name, 'display_name', yq_display_name(c.name), 'id', c.typed_id, 'sex', c.sex,
                                         'birth_date', coalesce(c.birth_date::text, c.birth_text)),
           'modality', st.modality, 'body_part', st.body_part, 'issued_at', v.issued_at, 'signer', signer.name,
           'is_mine', coalesce(signer.public_id = $1::uuid, false), 'may_settle', y.may_settle,
           'correction', yq_correction_json(k), 'opened_at', p.opened_at, 'settled_at', p.settled_at, 'settled_by', settler.name,
           'reason', nullif(p.reason, ''),
           'follow', (SELECT jsonb_build_object('kind', n.kind, 'version', n.version, 'state', n.state, 'task_id', k2.public_id, 'task_state', k2.state)
                      FROM report_version n JOIN reading_task k2 ON k2.task_id = n.written_in_task_id
                      WHERE n.report_id = v.report_id AND n.version > v.version ORDER BY n.version DESC LIMIT 1)) AS json
FROM report_proposal p
JOIN correction k USING (correction_id)
JOIN report_version v USING (report_version_id)
JOIN report r USING (report_id)
JOIN reading_task t USING (task_id)
JOIN reading_queue q USING (queue_id)
JOIN study st ON st.study_id = r.study_id
JOIN scope sc ON sc.scope_id = p.site_id
JOIN identity_claim c ON c.claim_id = st.claim_id
LEFT JOIN person signer ON signer.person_id = coalesce(v.reviewer_id, v.author_id)
LEFT JOIN person settler ON settler.person_id = p.settled_by
CROSS JOIN LATERAL (
    SELECT yq_person_may($1::uuid, ARRAY['reviewer'], p.site_id)
           AND (t.reading_mode = 'local' OR yq_person_may($1::uuid, ARRAY['reporter', 'reviewer'], q.lead_site_id)
                OR EXISTS (SELECT FROM person me WHERE me.public_id = $1::uuid AND q.lead_site_id IN (me.seat_id, me.institution_id)))
           AS may_settle,
           yq_person_may($1::uuid, ARRAY['reporter', 'duty_leader', 'quality_controller'], p.site_id) AS may_look) y
WHERE ($2::boolean IS NULL OR (p.state = 'open') = $2::boolean) AND (y.may_settle OR y.may_look)
  AND ($3::uuid IS NULL OR p.proposal_id < (SELECT proposal_id FROM report_proposal WHERE public_id = $3::uuid))
ORDER BY p.proposal_id DESC
LIMIT $4::integer;

-- name: proposal_lock
-- A proposal, and whether the person may settle it: who may sign at its queue.
-- $1 proposal
-- $2 person
SELECT p.state, sc.public_id AS site, v.public_id AS report, settler.name AS settled_by,
       yq_person_may($2::uuid, ARRAY['reviewer'], p.site_id)
       AND (t.reading_mode = 'local' OR yq_person_may($2::uuid, ARRAY['reporter', 'reviewer'], q.lead_site_id)
            OR EXISTS (SELECT FROM person me WHERE me.public_id = $2::uuid AND q.lead_site_id IN (me.seat_id, me.institution_id))) AS may
FROM report_proposal p
JOIN report_version v USING (report_version_id)
JOIN report r USING (report_id)
JOIN reading_task t USING (task_id)
JOIN reading_queue q USING (queue_id)
JOIN scope sc ON sc.scope_id = p.site_id
LEFT JOIN person settler ON settler.person_id = p.settled_by
WHERE p.public_id = $1::uuid
FOR UPDATE OF p;

-- name: proposal_settle
-- Without influence on the report, says its signer.
-- $1 proposal
-- $2 person
-- $3 reason
UPDATE report_proposal
SET state = 'no_influence', settled_at = yq_now(), reason = $3::text,
    settled_by = (SELECT person_id FROM person WHERE public_id = $2::uuid)
WHERE public_id = $1::uuid AND state = 'open'
RETURNING proposal_id;

-- name: identity_settle
-- $1 person, or NULL
-- $2 operator at the machine, where there is no person
-- $3 review
-- $4 same or different
-- $5 reason
-- $6 contradictions that were shown, an array
SELECT identity_settle($1::uuid, $2::text, $3::uuid, $4::text, $5::text, $6::text[]) AS json;

-- name: identity_undo
-- $1 person, or NULL
-- $2 operator at the machine, where there is no person
-- $3 review
-- $4 reason
SELECT identity_undo($1::uuid, $2::text, $3::uuid, $4::text) AS json;

-- name: identity_rows
-- For the operator's command: who is who, undecided first.
-- $1 only open ones (true), only settled ones (false), or NULL
SELECT r.opened_at, sc.name AS site, r.reason, c.name AS name, c.typed_id AS patient_id, c.sex, c.birth_text AS birth_date,
       o.name AS other_name, o.typed_id AS other_patient_id, o.sex AS other_sex, o.birth_text AS other_birth_date,
       array_to_string(yq_identity_contradictions(c, o), ' ') AS contradictions, r.outcome, r.settled_at,
       coalesce(p.name, t.operator) AS settled_by, t.reason AS settle_reason, r.public_id AS id
FROM identity_review r
JOIN scope sc ON sc.scope_id = r.site_id
JOIN identity_claim c ON c.claim_id = r.claim_id
JOIN identity_claim o ON o.claim_id = r.other_claim_id
LEFT JOIN person p ON p.person_id = r.settled_by
LEFT JOIN LATERAL (SELECT k.operator, k.reason FROM identity_settlement k
                   WHERE k.review_id = r.review_id AND r.settled_at IS NOT NULL ORDER BY k.settlement_id DESC LIMIT 1) t ON true
WHERE ($1::boolean IS NULL OR (r.settled_at IS NULL) = $1::boolean) AND NOT (r.settled_at IS NULL AND identity_is_moot(r))
ORDER BY r.settled_at IS NOT NULL, r.review_id;
