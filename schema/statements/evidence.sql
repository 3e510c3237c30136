-- What doctors store beside the images that they read (migration 0039).

-- name: evidence_place
-- The study of this address that the person reads, and otherwise one that the person may see.
-- $1 person
-- $2 Study Instance UID
SELECT st.public_id::text AS study, sc.public_id::text AS site, t.public_id::text AS task
FROM study st
JOIN scope sc ON sc.scope_id = st.site_id
LEFT JOIN reading_task t ON t.task_id = evidence_task($1::uuid, st.study_id)
WHERE st.shown_uid = $2::text AND st.state <> 'merged'
ORDER BY t.task_id IS NULL, st.study_id
LIMIT 1;

-- name: evidence_admit
-- Empty: it may come, and is noted; else which condition it fails.
-- $1 person
-- $2 study
-- $3 SOP class
-- $4 SOP instance UID
-- $5 Series Instance UID
-- $6 patient ID
-- $7 patient's name
-- $8 sex
-- $9 birth date, as text
-- $10 SOP instance UIDs that it refers to
SELECT evidence_admit($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::text[]) AS refused;
