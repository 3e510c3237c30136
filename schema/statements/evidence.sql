-- What doctors store beside the images that they read (migration 0039).

-- name: evidence_place
-- The study of this address that the person reads, and otherwise one that the person may see.
-- $1 person
-- $2 Study Instance UID
SELECT st.public_id::text AS study, sc.public_id::text AS site, t.public_id::text AS task, coalesce(t.state = 'writing', false) AS is_writing,
       key_images_json(st.study_id)::text AS key_images
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

-- name: key_image_mark
-- An image of a study becomes a key image of the report that the person writes, or is none any more. Empty: it is done; else why not: the person writes
-- none (not_writing), there is no such image in the study (image), there are as many already (full).
-- $1 person
-- $2 study
-- $3 SOP instance UID
-- $4 frame
-- $5 whether it is one
-- $6 how many a report has at most
WITH work AS (
    SELECT st.study_id, st.site_id, t.task_id, t.holder_id AS person_id
    FROM study st
    JOIN reading_task t ON t.task_id = evidence_task($1::uuid, st.study_id) AND t.state = 'writing'
    WHERE st.public_id = $2::uuid
), image AS (
    SELECT w.study_id, w.site_id, w.task_id, w.person_id, i.instance_id
    FROM work w
    JOIN series e ON e.study_id = w.study_id
    JOIN instance i ON i.series_id = e.series_id
    WHERE i.sop_instance_uid = $3::text AND i.has_pixels AND i.origin <> 'own' AND $4::integer BETWEEN 1 AND coalesce(i.frames, 1)
), fits AS (
    SELECT m.study_id, m.site_id, m.task_id, m.person_id, m.instance_id
    FROM image m
    WHERE jsonb_array_length(key_images_json(m.study_id)) < $6::integer
       OR EXISTS (SELECT FROM key_image k WHERE k.study_id = m.study_id AND k.instance_id = m.instance_id AND k.frame = $4::integer)
), gone AS (
    DELETE FROM key_image k USING image m
    WHERE NOT $5::boolean AND k.study_id = m.study_id AND k.instance_id = m.instance_id AND k.frame = $4::integer
), made AS (
    INSERT INTO key_image (study_id, site_id, instance_id, frame, task_id, person_id)
    SELECT m.study_id, m.site_id, m.instance_id, $4::integer, m.task_id, m.person_id FROM fits m WHERE $5::boolean
    ON CONFLICT DO NOTHING
)
SELECT CASE WHEN NOT EXISTS (SELECT FROM work) THEN 'not_writing'
            WHEN NOT EXISTS (SELECT FROM image) THEN 'image'
            WHEN $5::boolean AND NOT EXISTS (SELECT FROM fits) THEN 'full'
            ELSE '' END AS refused;
