-- Critical values 危急值.

-- name: critical_study
-- Where a critical value would be raised, and whether the person may.
-- $1 study
-- $2 person
SELECT sc.public_id::text AS site, yq_person_may($2::uuid, ARRAY['reporter', 'reviewer', 'duty_leader'], s.site_id) AS may
FROM study s JOIN scope sc ON sc.scope_id = s.site_id
WHERE s.public_id = $1::uuid;

-- name: critical_add
-- $1 study
-- $2 person
-- $3 item
-- $4 milliseconds until somebody has to confirm
INSERT INTO critical_value (site_id, study_id, item, raised_by, confirm_by)
SELECT s.site_id, s.study_id, normalize($3::text, NFC), (SELECT person_id FROM person WHERE public_id = $2::uuid),
       yq_now() + $4::bigint * interval '1 ms'
FROM study s WHERE s.public_id = $1::uuid
RETURNING public_id::text AS critical_value;

-- name: critical_lock
-- $1 critical value
-- $2 person
SELECT v.state, sc.public_id::text AS site, st.public_id::text AS study,
       yq_person_may($2::uuid, ARRAY['reporter', 'reviewer', 'duty_leader', 'radiographer', 'clinician'], v.site_id) AS may_tell,
       yq_person_may($2::uuid, ARRAY['radiographer', 'clinician', 'duty_leader'], v.site_id) AS may_handle
FROM critical_value v
JOIN study st USING (study_id)
JOIN scope sc ON sc.scope_id = v.site_id
WHERE v.public_id = $1::uuid
FOR UPDATE OF v;

-- name: critical_tell
-- $1 critical value
-- $2 who was told
-- $3 whether that is a physician
INSERT INTO critical_contact (site_id, critical_value_id, contact, is_physician)
SELECT v.site_id, v.critical_value_id, normalize($2::text, NFC), $3::boolean FROM critical_value v WHERE v.public_id = $1::uuid;

-- name: critical_move
-- $1 critical value
-- $2 state that is expected
-- $3 state that follows
UPDATE critical_value SET state = $3::text, closed_at = CASE WHEN $3::text = 'closed' THEN yq_now() END
WHERE public_id = $1::uuid AND state = $2::text
RETURNING critical_value_id;

-- name: critical_read_back
-- A physician repeated it, or somebody says which physician did: the clock stops. The one told last has confirmed.
-- $1 critical value
-- $2 words
-- $3 name of the physician
-- $4 person who notes it
WITH moved AS (
    UPDATE critical_value v
    SET state = 'read_back', read_back = normalize($2::text, NFC), physician_name = normalize($3::text, NFC), read_back_at = yq_now(),
        physician_id = (SELECT p.person_id FROM person p
                        WHERE p.public_id = $4::uuid AND yq_person_may($4::uuid, ARRAY['clinician'], v.site_id))
    WHERE v.public_id = $1::uuid AND v.state = 'notified'
    RETURNING v.critical_value_id
), confirmed AS (
    UPDATE critical_contact k SET confirmed_at = yq_now()
    WHERE k.contact_id = (SELECT max(o.contact_id) FROM critical_contact o JOIN moved USING (critical_value_id))
)
SELECT critical_value_id FROM moved;

-- name: critical_handle
-- $1 critical value
-- $2 what was done
UPDATE critical_value SET state = 'handled', handling = normalize($2::text, NFC), handled_at = yq_now()
WHERE public_id = $1::uuid AND state = 'read_back'
RETURNING critical_value_id;

-- name: critical_overdue
-- The router's: nobody confirmed in time, or whoever was told afterwards did not either. Each such lapse is said once.
-- $1 milliseconds in which somebody has to confirm
-- $2 at most so many
UPDATE critical_value v SET overdue_at = yq_now()
FROM (SELECT o.critical_value_id
      FROM critical_value o
      CROSS JOIN LATERAL (SELECT max(k.told_at) AS at FROM critical_contact k WHERE k.critical_value_id = o.critical_value_id) told
      WHERE o.state IN ('raised', 'notified') AND o.confirm_by < yq_now()
        AND (o.overdue_at IS NULL
             OR (told.at > o.overdue_at AND told.at + $1::bigint * interval '1 ms' < yq_now()))
      ORDER BY o.confirm_by LIMIT $2::integer
      FOR UPDATE OF o SKIP LOCKED) late, scope sc
WHERE v.critical_value_id = late.critical_value_id AND sc.scope_id = v.site_id
RETURNING v.public_id::text AS critical_value, sc.public_id::text AS site;
