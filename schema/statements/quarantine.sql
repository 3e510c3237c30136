-- Objects that were kept and cannot be indexed as they are.

-- name: quarantine_object
-- What is needed to open one and to drive it again.
-- $1 object
SELECT q.object_key, q.state, q.sop_instance_uid, coalesce(encode(q.sha256, 'hex'), '') AS sha256_hex, doubt_may(q.site_id) AS may,
       p.public_id::text AS site, quarantine_fields(q.quarantine_id)::text AS fields
FROM quarantine q LEFT JOIN scope p ON p.scope_id = q.site_id
WHERE q.public_id = $1::uuid;

-- name: quarantine_show
-- One object with its corrections and what was done about it.
-- $1 object
SELECT jsonb_build_object(
           'id', q.public_id, 'site', CASE WHEN sc.scope_id IS NOT NULL THEN jsonb_build_object('id', sc.public_id, 'name', sc.name) END,
           'device', coalesce(nullif(d.name, ''), d.calling_ae), 'code', q.code, 'reason', q.reason, 'state', q.state,
           'arrived_at', q.arrived_at, 'arrivals', q.arrivals, 'last_arrived_at', coalesce(q.last_arrived_at, q.arrived_at),
           'settled_at', q.settled_at, 'outcome', nullif(q.outcome, ''), 'size_bytes', q.size_bytes,
           'sop_class_uid', q.sop_class_uid, 'sop_instance_uid', q.sop_instance_uid, 'transfer_syntax_uid', q.transfer_syntax_uid,
           'sha256', encode(q.sha256, 'hex'), 'may', doubt_may(q.site_id), 'corrections', quarantine_fields(q.quarantine_id),
           'revision', quarantine_revision(q.quarantine_id),
           'study_id', (SELECT st.public_id FROM reception r JOIN instance i USING (instance_id) JOIN series e USING (series_id)
                        JOIN study st USING (study_id) WHERE r.object_key = q.object_key),
           'history', coalesce((SELECT jsonb_agg(jsonb_build_object(
                                           'event', h.event, 'reason', h.reason, 'outcome', nullif(h.outcome, ''), 'fields', h.fields,
                                           'at', h.made_at, 'by', (SELECT p.name FROM person p WHERE p.person_id = h.made_by))
                                       ORDER BY h.ordinal)
                                FROM quarantine_step h WHERE h.quarantine_id = q.quarantine_id), '[]')) AS json
FROM quarantine q
LEFT JOIN scope sc ON sc.scope_id = q.site_id
LEFT JOIN device d USING (device_id)
WHERE q.public_id = $1::uuid;

-- name: quarantine_sites
-- Where the person of this session may put an object.
SELECT jsonb_build_object('id', p.public_id, 'name', p.name) AS json
FROM scope p JOIN site s ON s.site_id = p.scope_id
WHERE doubt_may(s.site_id)
ORDER BY p.name;

-- name: quarantine_correct
-- $1 object
-- $2 corrections that were there when the person looked
-- $3 the corrections
-- $4 reason
SELECT c.site::text AS site, c.revision FROM quarantine_correct($1::uuid, $2::integer, $3::jsonb, $4::text) c;

-- name: quarantine_close
-- $1 object
-- $2 closed, else open again
-- $3 reason
SELECT c.site::text AS site FROM quarantine_close($1::uuid, $2::boolean, $3::text) c;

-- name: quarantine_lock
-- Holds an open object until the end of the transaction.
-- $1 object
SELECT (l).object_key FROM quarantine_lock($1::uuid, 'open') l;

-- name: quarantine_retried
-- What came of driving it again.
-- $1 object
-- $2 stored, duplicate, conflict or failed
-- $3 in words
SELECT r.site::text AS site, r.study::text AS study, r.instance::text AS instance FROM quarantine_retried($1::uuid, $2::text, $3::text) r;

-- name: quarantine_open_ids
-- The oldest first, for a command that drives all again.
SELECT q.public_id::text AS id FROM quarantine q WHERE q.state = 'open' ORDER BY q.quarantine_id;

-- name: quarantine_finished
-- Of objects that lie apart, those that the ledger has by now.
-- $1 their keys
SELECT q.object_key, r.outcome FROM quarantine q JOIN reception r USING (object_key)
WHERE q.object_key = ANY ($1::text[]) AND q.state = 'indexed' AND r.outcome <> 'quarantined';
