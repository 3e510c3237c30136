-- The audit chain.

-- name: audit_append
-- One fact; the ledger numbers and chains it. The same record twice is one record.
-- $1 writer
-- $2 when it happened
-- $3 action
-- $4 kind of the actor
-- $5 actor
-- $6 kind of the subject
-- $7 subject, a public id
-- $8 public id of the site, or NULL
-- $9 outcome
-- $10 detail, a JSON object
-- $11 id of the record
INSERT INTO audit (writer, at, action, actor_kind, actor, subject_kind, subject, site_id, outcome, detail, spool_id)
VALUES ($1::text, $2::timestamptz, $3::text, $4::text, $5::text, $6::text, $7::text,
        (SELECT scope_id FROM scope WHERE public_id = $8::uuid AND kind = 'site'),
        $9::text, $10::jsonb, $11::uuid)
ON CONFLICT (spool_id) DO NOTHING;

-- name: audit_purpose
-- For what a person looks at a study: the nearest ground that the ledger knows, a task with it where that is the ground. No row: none.
-- $1 person
-- $2 kind of the subject: study, instance or task
-- $3 subject, a public id
WITH looked AS (
    SELECT st.study_id, st.site_id, c.patient_id
    FROM study st JOIN identity_claim c USING (claim_id)
    WHERE st.study_id = CASE $2::text
        WHEN 'study' THEN (SELECT s.study_id FROM study s WHERE s.public_id = $3::uuid)
        WHEN 'instance' THEN (SELECT e.study_id FROM instance i JOIN series e USING (series_id) WHERE i.public_id = $3::uuid)
        ELSE (SELECT t.study_id FROM reading_task t WHERE t.public_id = $3::uuid) END
), ground AS (
    SELECT 1 AS place, CASE t.state WHEN 'reviewing' THEN 'review' ELSE 'reading' END AS purpose, t.public_id::text AS task
    FROM looked l JOIN reading_task t ON t.task_id = evidence_task($1::uuid, l.study_id)
    UNION ALL
    SELECT 2, 'prior', t.public_id::text
    FROM looked l JOIN identity_claim oc ON oc.patient_id = l.patient_id JOIN study o ON o.claim_id = oc.claim_id AND o.study_id <> l.study_id
    JOIN reading_task t ON t.task_id = evidence_task($1::uuid, o.study_id)
    UNION ALL
    SELECT 3, 'consultation', t.public_id::text
    FROM looked l JOIN reading_task t USING (study_id) JOIN consultation x USING (task_id) JOIN person p ON p.person_id = x.asked_of
    WHERE p.public_id = $1::uuid AND x.state IN ('requested', 'accepted')
    UNION ALL
    SELECT 4, 'report', t.public_id::text
    FROM looked l JOIN reading_task t USING (study_id) JOIN report r USING (task_id) JOIN report_version v USING (report_id)
    JOIN person p ON p.public_id = $1::uuid
    WHERE v.author_id = p.person_id
       OR EXISTS (SELECT FROM report_signature g WHERE g.report_version_id = v.report_version_id AND g.person_id = p.person_id)
    UNION ALL
    SELECT 4 + g.place::integer, g.purpose, NULL
    FROM looked l
    CROSS JOIN (VALUES (1, 'queue', ARRAY['reporter', 'reviewer']), (2, 'duty', ARRAY['duty_leader']), (3, 'care', ARRAY['clinician']),
                       (4, 'examination', ARRAY['radiographer']), (5, 'quality_review', ARRAY['quality_controller']),
                       (6, 'administration', ARRAY['administrator', 'operator'])) AS g (place, purpose, roles)
    WHERE yq_person_may($1::uuid, g.roles, l.site_id)
)
SELECT purpose, task FROM ground ORDER BY place, task LIMIT 1;

-- name: audit_walk
-- Every record in the order of its chain, with the text that was hashed.
SELECT a.writer, a.sequence, a.previous, a.hash, audit_text(a) AS content
FROM audit a
ORDER BY a.writer COLLATE "C", a.sequence;

-- name: audit_sealed_heads_missing
-- Heads that were sealed and are not in the audit any more as they were: the end of a chain was cut off.
SELECT h.key AS writer, (h.value ->> 0)::bigint AS sequence
FROM audit_seal s
CROSS JOIN LATERAL jsonb_each(s.heads) AS h
WHERE NOT EXISTS (SELECT FROM audit a
                  WHERE a.writer = h.key AND a.sequence = (h.value ->> 0)::bigint
                    AND encode(a.hash, 'hex') = h.value ->> 1)
ORDER BY h.key, 2;
