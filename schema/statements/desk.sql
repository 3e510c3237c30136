-- The desk of who reads: the queue and its rows, one task with all that belongs to it, earlier examinations, templates, phrases.
-- Each makes the JSON of its answer (column "json"), as in gateway.sql. Whose eyes: row-level security, and the sites where
-- the person reads or leads.

-- name: desk_queue
-- A window of the tasks that the person may work on: who stands in it, and how many there are. The order looks at few columns; the JSON of the
-- rows is made by desk_tasks for the window alone. Class first, inside it the own drafts, then priority and due time.
-- $1 person
-- $2 state, or NULL
-- $3 queue, or NULL
-- $4 patient class, or NULL
-- $5 modality, or NULL
-- $6 site, or NULL
-- $7 part of a name, patient id or accession number as a LIKE pattern; ^, blanks and case do not count; or NULL
-- $8 how many to leave out
-- $9 how many at most
-- $10 the same as term of a search (name_key_term()), or NULL
WITH me AS (
    SELECT person_id FROM person WHERE public_id = $1::uuid AND is_active
), reach AS MATERIALIZED (
    SELECT DISTINCT s AS site_id
    FROM me
    JOIN person_right r ON r.person_id = me.person_id AND r.revoked_at IS NULL
    CROSS JOIN LATERAL yq_sites_under(r.scope_id, yq_now()::date) AS s
    WHERE r.role IN ('reporter', 'reviewer', 'duty_leader')
), mine AS MATERIALIZED (
    SELECT t.task_id, t.public_id, t.state, t.patient_class, t.priority, t.due_at, t.queue_id, t.site_id, t.study_id,
           t.author_id IS NOT DISTINCT FROM me.person_id AS is_own,
           coalesce(t.paused_at IS NULL AND t.due_at < yq_now(), false) AS is_late
    FROM me CROSS JOIN reading_task t
    WHERE t.state NOT IN ('done', 'cancelled') AND t.site_id = ANY (ARRAY(SELECT site_id FROM reach))
), fit AS MATERIALIZED (
    SELECT m.*
    FROM mine m
    WHERE ($2::text IS NULL OR m.state = $2::text)
      AND ($3::uuid IS NULL OR m.queue_id = (SELECT queue_id FROM reading_queue WHERE public_id = $3::uuid))
      AND ($4::text IS NULL OR m.patient_class = $4::text)
      AND ($6::uuid IS NULL OR m.site_id = (SELECT scope_id FROM scope WHERE public_id = $6::uuid))
      AND (($5::text IS NULL AND $7::text IS NULL) OR m.study_id IN (
          SELECT st.study_id
          FROM study st
          JOIN identity_claim c ON c.claim_id = st.claim_id
          LEFT JOIN request_match k ON k.study_id = st.study_id AND k.undone_at IS NULL
          LEFT JOIN request q ON q.request_id = k.request_id
          LEFT JOIN identity_claim qc ON qc.claim_id = q.claim_id
          WHERE st.study_id IN (SELECT study_id FROM mine)
            AND ($5::text IS NULL OR st.modality = $5::text)
            AND ($7::text IS NULL
                 OR EXISTS (SELECT FROM identity_key i WHERE i.claim_id IN (c.claim_id, qc.claim_id)
                            AND i.key >= $10::text AND i.key < yq_term_end($10::text))
                 OR lower(translate(concat_ws(chr(10), c.name, c.typed_id, st.accession_number, qc.name, qc.typed_id,
                                                               q.accession_number), '^ ', '')) LIKE lower(translate($7::text, '^ ', '')))))
), page AS (
    SELECT public_id, row_number() OVER (ORDER BY CASE patient_class WHEN 'emergency' THEN 0 WHEN 'health_check' THEN 2 ELSE 1 END,
                                         is_own DESC, priority DESC, due_at NULLS LAST, task_id) AS place
    FROM fit
    ORDER BY place
    OFFSET $8::integer LIMIT $9::integer
)
SELECT coalesce((SELECT string_agg(public_id::text, ',' ORDER BY place) FROM page), '') AS ids,
       jsonb_build_object(
           'total', (SELECT count(*) FROM fit),
           'counts', (SELECT jsonb_build_object(
                          'patient_class', jsonb_build_object(
                              'emergency', count(*) FILTER (WHERE patient_class = 'emergency'),
                              'outpatient', count(*) FILTER (WHERE patient_class = 'outpatient'),
                              'inpatient', count(*) FILTER (WHERE patient_class = 'inpatient'),
                              'health_check', count(*) FILTER (WHERE patient_class = 'health_check')),
                          'state', jsonb_build_object(
                              'awaiting', count(*) FILTER (WHERE state = 'awaiting'),
                              'writing', count(*) FILTER (WHERE state = 'writing'),
                              'awaiting_review', count(*) FILTER (WHERE state = 'awaiting_review'),
                              'reviewing', count(*) FILTER (WHERE state = 'reviewing'),
                              'returned', count(*) FILTER (WHERE state = 'returned')),
                          'late', count(*) FILTER (WHERE is_late))
                      FROM mine),
           'queues', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', q.public_id, 'name', q.name) ORDER BY q.name, q.queue_id), '[]')
                      FROM reading_queue q WHERE q.queue_id IN (SELECT queue_id FROM mine))) AS json;

-- name: desk_tasks
-- Tasks as rows of the queue, in the order of the list, also those that are over; what the person does not reach is left out.
-- $1 person
-- $2 tasks, public ids with commas between them
WITH reach AS MATERIALIZED (
    SELECT DISTINCT s AS site_id
    FROM person p
    JOIN person_right r ON r.person_id = p.person_id AND r.revoked_at IS NULL
    CROSS JOIN LATERAL yq_sites_under(r.scope_id, yq_now()::date) AS s
    WHERE p.public_id = $1::uuid AND p.is_active AND r.role IN ('reporter', 'reviewer', 'duty_leader')
), wanted AS MATERIALIZED (
    SELECT w.id, min(w.place) AS place
    FROM unnest(string_to_array($2::text, ',')::uuid[]) WITH ORDINALITY AS w (id, place)
    GROUP BY w.id
)
SELECT t.public_id AS id, sc.public_id AS site_id, st.public_id AS study_id,
       jsonb_build_object(
           'id', t.public_id, 'kind', t.kind, 'state', t.state, 'patient_class', t.patient_class, 'priority', t.priority,
           'reading_mode', t.reading_mode, 'opened_at', t.opened_at, 'due_at', t.due_at, 'paused_at', t.paused_at,
           'is_late', coalesce(t.state NOT IN ('done', 'cancelled') AND t.paused_at IS NULL AND t.due_at < yq_now(), false),
           'study_version', t.study_version,
           'queue', jsonb_build_object('id', q.public_id, 'name', q.name, 'lead', lead.name),
           'study', jsonb_build_object(
               'id', st.public_id, 'study_instance_uid', st.study_instance_uid, 'shown_uid', st.shown_uid, 'state', st.state, 'version', st.version,
               'modality', st.modality, 'body_part', st.body_part, 'description', st.description,
               'instances', st.instance_count, 'accession_number', st.accession_number,
               'thumbnail', '/api/v1/studies/' || st.public_id || '/thumbnail'),
           'patient', jsonb_build_object(
               'name', c.name, 'display_name', yq_display_name(c.name), 'id', c.typed_id, 'sex', c.sex,
               'birth_date', coalesce(c.birth_date::text, c.birth_text), 'age', st.patient_age_text),
           'site', jsonb_build_object('id', sc.public_id, 'name', sc.name),
           'holder', h.name, 'is_mine', coalesce(h.public_id = $1::uuid, false), 'lease_until', t.lease_until,
           'author', a.name, 'is_own_draft', coalesce(a.public_id = $1::uuid, false),
           'is_sent_back', t.state IN ('awaiting', 'writing') AND EXISTS (
               SELECT FROM report_version v JOIN report_remark m USING (report_version_id)
               WHERE v.report_id = coalesce(t.follows_report_id, (SELECT r.report_id FROM report r WHERE r.task_id = t.task_id))
                 AND v.written_in_task_id IS NOT DISTINCT FROM CASE WHEN t.follows_report_id IS NOT NULL THEN t.task_id END
                 AND v.state = 'draft'),
           'follow_reason', nullif(t.reason, ''),
           'priors', (SELECT count(*) FROM identity_claim oc JOIN study o ON o.claim_id = oc.claim_id
                      WHERE oc.patient_id = c.patient_id AND o.study_id <> st.study_id),
           'open_return', (SELECT jsonb_build_object('id', k.public_id, 'kind', k.kind, 'reason', k.reason, 'returned_by', p.name,
                                                     'returned_at', k.returned_at)
                           FROM task_return k JOIN person p ON p.person_id = k.returned_by
                           WHERE k.task_id = t.task_id AND k.answered_at IS NULL),
           'open_question', (SELECT yq_question_json(k) FROM task_question k WHERE k.task_id = t.task_id AND k.answered_at IS NULL),
           'has_request', m.request_id IS NOT NULL,
           'has_history', coalesce(m.history <> '', false),
           'critical', (SELECT v.state FROM critical_value v WHERE v.study_id = st.study_id
                        ORDER BY v.state = 'closed', v.critical_value_id DESC LIMIT 1)) AS json
FROM wanted w
JOIN reading_task t ON t.public_id = w.id
JOIN reading_queue q ON q.queue_id = t.queue_id
JOIN scope lead ON lead.scope_id = q.lead_site_id
JOIN study st ON st.study_id = t.study_id
JOIN scope sc ON sc.scope_id = t.site_id
JOIN identity_claim c ON c.claim_id = st.claim_id
LEFT JOIN person h ON h.person_id = t.holder_id
LEFT JOIN person a ON a.person_id = t.author_id
LEFT JOIN LATERAL (SELECT r.request_id, r.history FROM request_match k JOIN request r ON r.request_id = k.request_id
                   WHERE k.study_id = st.study_id AND k.undone_at IS NULL) m ON true
WHERE t.site_id IN (SELECT site_id FROM reach)
ORDER BY w.place;

-- name: desk_work
-- What belongs to a task beside its row: request, returns, who had it, the signing policy, what the person may do with it.
-- $1 person
-- $2 task
SELECT jsonb_build_object(
           'request', (
               SELECT yq_request_json(r) FROM request_match k JOIN request r USING (request_id)
               WHERE k.study_id = t.study_id AND k.undone_at IS NULL),
           'returns', coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                   'kind', k.kind, 'reason', k.reason, 'returned_by', b.name, 'returned_at', k.returned_at,
                   'answer', k.answer, 'answered_by', a.name, 'answered_at', k.answered_at) ORDER BY k.return_id)
               FROM task_return k JOIN person b ON b.person_id = k.returned_by LEFT JOIN person a ON a.person_id = k.answered_by
               WHERE k.task_id = t.task_id), '[]'),
           'questions', coalesce((SELECT jsonb_agg(yq_question_json(k) ORDER BY k.question_id)
                                  FROM task_question k WHERE k.task_id = t.task_id), '[]'),
           'assignments', coalesce((
               SELECT jsonb_agg(jsonb_build_object('kind', x.kind, 'from', f.name, 'to', o.name, 'by', b.name, 'reason', x.reason,
                                                   'at', x.made_at) ORDER BY x.assignment_id)
               FROM task_assignment x JOIN person o ON o.person_id = x.to_id JOIN person b ON b.person_id = x.made_by
               LEFT JOIN person f ON f.person_id = x.from_id
               WHERE x.task_id = t.task_id), '[]'),
           'corrected', jsonb_build_object(
               'patient_revision', st.patient_revision, 'corrected_at', st.corrected_at,
               'corrections', coalesce((
                   SELECT jsonb_agg(yq_correction_json(k) ORDER BY k.correction_id DESC)
                   FROM correction_study a JOIN correction k USING (correction_id)
                   WHERE a.study_id = st.study_id AND k.made_at > coalesce(t.first_taken_at, t.opened_at)), '[]')),
           'policy', jsonb_build_object('signatures', coalesce(v.signatures, 2), 'needs_two_persons', coalesce(v.different_persons, true)),
           'may', jsonb_build_object(
               'write', y.may_write AND (t.reading_mode <> 'central' OR y.is_of_lead)
                        AND yq_is_qualified(y.person_id, 'write', st.modality, t.site_id, yq_now()::date),
               'review', y.may_review AND (t.reading_mode = 'local' OR y.is_of_lead)
                         AND NOT (coalesce(v.different_persons, true) AND t.author_id IS NOT DISTINCT FROM y.person_id)
                         AND yq_is_qualified(y.person_id, 'review', st.modality, t.site_id, yq_now()::date),
               'lead', y.may_lead),
           'quality_scale', CASE WHEN st.modality IN ('CR', 'DX', 'DR', 'MG', 'RF', 'PX', 'IO', 'RG')
                            THEN '["甲", "乙", "丙", "废"]'::jsonb ELSE '["优", "良", "合格", "不合格"]'::jsonb END) AS json
FROM reading_task t
JOIN study st ON st.study_id = t.study_id
JOIN reading_queue q ON q.queue_id = t.queue_id
LEFT JOIN signing_policy_version v ON v.policy_id = q.policy_id AND v.in_force @> yq_now()
CROSS JOIN LATERAL (
    SELECT p.person_id,
           yq_person_may($1::uuid, ARRAY['reporter', 'reviewer'], t.site_id) AS may_write,
           yq_person_may($1::uuid, ARRAY['reviewer'], t.site_id) AS may_review,
           yq_person_may($1::uuid, ARRAY['duty_leader'], t.site_id) AS may_lead,
           q.lead_site_id IN (p.seat_id, p.institution_id)
           OR yq_person_may($1::uuid, ARRAY['reporter', 'reviewer'], q.lead_site_id) AS is_of_lead
    FROM person p WHERE p.public_id = $1::uuid) y
WHERE t.public_id = $2::uuid;

-- name: desk_priors
-- Other studies of the same patient as far as these eyes see, the newest first, each with the report in force.
-- $1 study
-- $2 how many at most
SELECT jsonb_build_object(
           'study', jsonb_build_object(
               'id', o.public_id, 'study_instance_uid', o.study_instance_uid, 'modality', o.modality, 'body_part', o.body_part,
               'description', o.description, 'examined_at', yq_examined_at(o), 'first_image', o.first_arrival_at,
               'instances', o.instance_count),
           'site', jsonb_build_object('id', sc.public_id, 'name', sc.name),
           'report', CASE WHEN v.report_version_id IS NOT NULL THEN jsonb_build_object(
               'id', v.public_id, 'issued_at', v.issued_at, 'version', v.version, 'body', v.body,
               'pdf', '/api/v1/reports/' || v.public_id || '/pdf') END) AS json,
       o.public_id AS id
FROM study st
JOIN identity_claim c ON c.claim_id = st.claim_id
JOIN identity_claim oc ON oc.patient_id = c.patient_id
JOIN study o ON o.claim_id = oc.claim_id AND o.study_id <> st.study_id
JOIN scope sc ON sc.scope_id = o.site_id
LEFT JOIN LATERAL (
    SELECT rv.* FROM report r JOIN report_version rv USING (report_id)
    WHERE r.study_id = o.study_id AND rv.state = 'issued'
    ORDER BY rv.issued_at DESC, rv.report_version_id DESC LIMIT 1) v ON true
WHERE st.public_id = $1::uuid
ORDER BY o.first_arrival_at DESC, o.study_id DESC
LIMIT $2::integer;

-- name: desk_study_site
-- Where a study is, for these eyes.
-- $1 study
SELECT sc.public_id AS site_id FROM study st JOIN scope sc ON sc.scope_id = st.site_id WHERE st.public_id = $1::uuid;

-- name: desk_colleagues
-- Who could hold a task: active people with a right to write or review at its site, with how many tasks they hold now.
-- $1 task
WITH it AS (
    SELECT t.task_id, t.site_id, t.reading_mode, t.author_id, q.lead_site_id, st.modality, coalesce(v.different_persons, true) AS two
    FROM reading_task t
    JOIN study st ON st.study_id = t.study_id
    JOIN reading_queue q ON q.queue_id = t.queue_id
    LEFT JOIN signing_policy_version v ON v.policy_id = q.policy_id AND v.in_force @> yq_now()
    WHERE t.public_id = $1::uuid
), able AS (
    SELECT p.person_id, p.public_id, p.name, p.title,
           it.reading_mode <> 'central' OR y.is_of_lead AS may_write,
           y.may_review AND (it.reading_mode = 'local' OR y.is_of_lead) AND NOT (it.two AND it.author_id IS NOT DISTINCT FROM p.person_id)
               AS may_review, it.modality, it.site_id
    FROM it
    CROSS JOIN person p
    CROSS JOIN LATERAL (
        SELECT yq_person_may(p.public_id, ARRAY['reviewer'], it.site_id) AS may_review,
               it.lead_site_id IN (p.seat_id, p.institution_id)
               OR yq_person_may(p.public_id, ARRAY['reporter', 'reviewer'], it.lead_site_id) AS is_of_lead) y
    WHERE p.is_active
      AND EXISTS (SELECT FROM person_right r WHERE r.person_id = p.person_id AND r.revoked_at IS NULL AND r.role IN ('reporter', 'reviewer'))
      AND yq_person_may(p.public_id, ARRAY['reporter', 'reviewer'], it.site_id)
), fit AS (
    SELECT a.person_id, a.public_id, a.name, a.title,
           a.may_write AND yq_is_qualified(a.person_id, 'write', a.modality, a.site_id, yq_now()::date) AS may_write,
           a.may_review AND yq_is_qualified(a.person_id, 'review', a.modality, a.site_id, yq_now()::date) AS may_review
    FROM able a
)
SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'id', f.public_id, 'name', f.name, 'title', f.title, 'may_write', f.may_write, 'may_review', f.may_review,
                    'tasks', (SELECT count(*) FROM reading_task h WHERE h.holder_id = f.person_id)) ORDER BY f.name, f.person_id)
                FILTER (WHERE f.may_write OR f.may_review), '[]') AS json
FROM fit f;

-- name: desk_revisions
-- Saved texts of the newest report version of a task, the newest first; of those who take part in reading there. No row: no such task.
-- $1 person
-- $2 task
SELECT coalesce(x.json, '[]') AS json
FROM reading_task t
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
               'revision', o.revision, 'saved_at', o.saved_at, 'person', p.name,
               'is_submission', (v.submitted_at IS NOT NULL AND o.revision = v.revision)
                                OR EXISTS (SELECT FROM report_remark m
                                           WHERE m.report_version_id = v.report_version_id AND m.revision = o.revision))
               ORDER BY o.revision DESC) AS json
    FROM (SELECT rv.* FROM report r JOIN report_version rv USING (report_id)
          WHERE r.task_id = t.task_id ORDER BY rv.version DESC LIMIT 1) v
    JOIN report_revision o ON o.report_version_id = v.report_version_id
    JOIN person p ON p.person_id = o.saved_by) x ON true
WHERE t.public_id = $2::uuid
  AND yq_person_may($1::uuid, ARRAY['reporter', 'reviewer', 'duty_leader', 'quality_controller'], t.site_id);

-- name: desk_revision
-- One saved text.
-- $1 person
-- $2 task
-- $3 revision
SELECT o.body AS json
FROM reading_task t
JOIN report r ON r.task_id = t.task_id
JOIN LATERAL (SELECT report_version_id FROM report_version WHERE report_id = r.report_id ORDER BY version DESC LIMIT 1) v ON true
JOIN report_revision o ON o.report_version_id = v.report_version_id AND o.revision = $3::integer
WHERE t.public_id = $2::uuid
  AND yq_person_may($1::uuid, ARRAY['reporter', 'reviewer', 'duty_leader', 'quality_controller'], t.site_id);

-- name: desk_templates
-- Report templates in force, those that fit best first: the part that was asked for, then the order in which they are kept.
-- $1 modality, or NULL; DX, CR and DR are one
-- $2 body part or description, or NULL
-- $3 sex, or NULL
-- $4 patient class, or NULL
SELECT jsonb_build_object(
           'id', m.public_id, 'name', m.name, 'modality', m.modality, 'body_part', m.body_part, 'result', m.result,
           'body', jsonb_build_object('method', m.method, 'findings', m.findings, 'impression', m.impression,
                                      'recommendation', m.recommendation)) AS json
FROM report_template m
CROSS JOIN LATERAL (
    SELECT $2::text IS NOT NULL AND EXISTS (SELECT FROM unnest(m.words) w WHERE strpos(upper($2::text), w) > 0) AS fits) y
WHERE m.in_force @> yq_now()
  AND ($1::text IS NULL OR m.modality = CASE WHEN $1::text IN ('DX', 'CR') THEN 'DR' ELSE $1::text END)
  AND ($3::text IS NULL OR $3::text NOT IN ('M', 'F') OR m.sex IN ('', $3::text))
ORDER BY y.fits DESC, (m.patient_class <> '' AND m.patient_class IS NOT DISTINCT FROM $4::text) DESC,
         (m.patient_class = '' OR $4::text IS NULL) DESC, m.ordinal, m.template_id
LIMIT 200;

-- name: desk_phrases
-- The person's own phrases.
-- $1 person
SELECT jsonb_build_object('id', f.public_id, 'shortcut', f.shortcut, 'text', f.text, 'modality', f.modality, 'field', f.field) AS json
FROM phrase f JOIN person p USING (person_id)
WHERE p.public_id = $1::uuid
ORDER BY f.shortcut, f.phrase_id;

-- name: desk_phrase_add
-- $1 person
-- $2 shortcut
-- $3 text
-- $4 modality, may be empty
-- $5 field, may be empty
INSERT INTO phrase (person_id, shortcut, text, modality, field)
SELECT person_id, $2::text, $3::text, $4::text, $5::text FROM person WHERE public_id = $1::uuid
RETURNING jsonb_build_object('id', public_id, 'shortcut', shortcut, 'text', text, 'modality', modality, 'field', field) AS json;

-- name: desk_phrase_change
-- $1 person
-- $2 phrase
-- $3 shortcut
-- $4 text
-- $5 modality, may be empty
-- $6 field, may be empty
UPDATE phrase f
SET shortcut = $3::text, text = $4::text, modality = $5::text, field = $6::text, changed_at = yq_now()
FROM person p
WHERE p.person_id = f.person_id AND p.public_id = $1::uuid AND f.public_id = $2::uuid
RETURNING jsonb_build_object('id', f.public_id, 'shortcut', f.shortcut, 'text', f.text, 'modality', f.modality, 'field', f.field) AS json;

-- name: desk_phrase_remove
-- $1 person
-- $2 phrase
DELETE FROM phrase f USING person p
WHERE p.person_id = f.person_id AND p.public_id = $1::uuid AND f.public_id = $2::uuid
RETURNING f.public_id AS id;
