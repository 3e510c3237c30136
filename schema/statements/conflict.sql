-- The same SOP Instance UID with other bytes.

-- name: conflict_claim
-- Takes the longest waiting conflict that nobody compares.
-- $1 lease in milliseconds
UPDATE instance_conflict c
SET compare_until = yq_now() + $1::bigint * interval '1 ms', compare_tries = c.compare_tries + 1
FROM (SELECT n.conflict_id FROM instance_conflict n
      WHERE n.state = 'comparing' AND (n.compare_until IS NULL OR n.compare_until <= yq_now())
      ORDER BY n.conflict_id LIMIT 1 FOR UPDATE SKIP LOCKED) next, instance i
WHERE c.conflict_id = next.conflict_id AND i.instance_id = c.instance_id
RETURNING c.public_id::text AS id, c.object_key, i.object_key AS held_key, c.compare_tries AS tries;

-- name: conflict_judge
-- What the comparison said. No row: it moved meanwhile.
-- $1 conflict
-- $2 key of its bytes as compared
-- $3 key of the instance's bytes as compared
-- $4 likeness
SELECT j.site::text AS site, j.study::text AS study, j.state FROM conflict_judge($1::uuid, $2::text, $3::text, $4::text) j;

-- name: conflict_decide
-- A decision of a person.
-- $1 conflict
-- $2 keep, replace, separate or undo
-- $3 reason
-- $4 key of its bytes as the person saw them
-- $5 what these bytes say (replace), or NULL
-- $6 key of the instance that was made of them (separate), or NULL
SELECT d.site::text AS site, d.study::text AS study, d.state
FROM conflict_decide($1::uuid, $2::text, $3::text, $4::text, $5::jsonb, $6::text) d;

-- name: conflict_key
-- $1 conflict
SELECT c.object_key FROM instance_conflict c WHERE c.public_id = $1::uuid;

-- name: conflict_separable
-- What is needed to index the other bytes as an image of their own.
-- $1 conflict
SELECT c.object_key, c.header_bytes, c.size_bytes, encode(c.sha256, 'hex') AS sha256_hex, c.transfer_syntax_uid, c.arrived_at, i.origin,
       c.state, doubt_may(c.site_id) AS may, p.public_id::text AS site, d.public_id::text AS device
FROM instance_conflict c
JOIN instance i USING (instance_id)
JOIN scope p ON p.scope_id = c.site_id
LEFT JOIN device d ON d.device_id = c.device_id
WHERE c.public_id = $1::uuid;

-- name: conflict_objects
-- Both objects of a conflict: the one that the image answers with, then the other.
-- $1 conflict
SELECT o.which, o.object_key, coalesce(o.frames, 1) AS frames, p.public_id::text AS site,
       i.sop_instance_uid, o.has_pixels
FROM instance_conflict c
JOIN instance i USING (instance_id)
JOIN scope p ON p.scope_id = c.site_id
CROSS JOIN LATERAL (VALUES ('stored', i.object_key, i.frames, i.has_pixels), ('other', c.object_key, i.frames, i.has_pixels))
    AS o (which, object_key, frames, has_pixels)
WHERE c.public_id = $1::uuid
ORDER BY o.which DESC;

-- name: conflict_show
-- One conflict with both objects, its study and what was decided so far.
-- $1 conflict
SELECT jsonb_build_object(
           'id', c.public_id, 'site', jsonb_build_object('id', sc.public_id, 'name', sc.name), 'sop_instance_uid', i.sop_instance_uid,
           'sop_class_uid', i.sop_class_uid, 'kind', c.kind, 'state', c.state, 'likeness', nullif(c.likeness, ''),
           'compared_at', c.compared_at, 'settled_at', c.settled_at, 'may', doubt_may(c.site_id),
           'study', CASE WHEN st.study_id IS NOT NULL THEN jsonb_build_object(
               'id', st.public_id, 'study_instance_uid', st.study_instance_uid, 'state', st.state, 'version', st.version,
               'patient_name', k.name, 'patient_id', k.typed_id) END,
           'separate_instance', (SELECT x.sop_instance_uid FROM instance x WHERE x.instance_id = c.separate_instance_id),
           'objects', jsonb_build_array(
               jsonb_build_object('which', 'stored', 'size_bytes', i.size_bytes, 'transfer_syntax_uid', i.transfer_syntax_uid,
                   'arrived_at', i.arrived_at, 'sha256', encode(i.sha256, 'hex'), 'device', (
                   SELECT coalesce(nullif(d.name, ''), d.calling_ae) FROM device d WHERE d.device_id = i.device_id)),
               jsonb_build_object('which', 'other', 'size_bytes', c.size_bytes, 'transfer_syntax_uid', c.transfer_syntax_uid,
                   'arrived_at', c.arrived_at, 'sha256', encode(c.sha256, 'hex'), 'device', (
                   SELECT coalesce(nullif(d.name, ''), d.calling_ae) FROM device d WHERE d.device_id = c.device_id))),
           'history', coalesce((SELECT jsonb_agg(jsonb_build_object('event', h.event, 'reason', h.reason, 'at', h.made_at,
                                                                    'by', (SELECT p.name FROM person p WHERE p.person_id = h.made_by))
                                                 ORDER BY h.step_id)
                                FROM conflict_step h WHERE h.conflict_id = c.conflict_id), '[]')) AS json
FROM instance_conflict c
JOIN scope sc ON sc.scope_id = c.site_id
JOIN instance i USING (instance_id)
LEFT JOIN series e ON e.series_id = i.series_id
LEFT JOIN study st ON st.study_id = e.study_id
LEFT JOIN identity_claim k ON k.claim_id = st.claim_id
WHERE c.public_id = $1::uuid;
