-- The outbox of events.

-- name: event_append
-- One event, in the transaction of the change. No row: there is no such site.
-- $1 kind
-- $2 public id of the subject
-- $3 public id of the site, or NULL when it is not about a patient
INSERT INTO event (kind, subject_id, site_id)
SELECT $1::text, $2::uuid, place.site_id
FROM (SELECT scope_id AS site_id FROM scope WHERE public_id = $3::uuid AND kind = 'site'
      UNION ALL
      SELECT NULL WHERE $3::uuid IS NULL) AS place
RETURNING event_id;

-- name: event_read
-- Events behind a cursor, in the order of their transactions. Only those of transactions that are older than every running one:
-- nothing can still appear before them.
-- $1 xid of the cursor
-- $2 event id of the cursor
-- $3 how many at most
SELECT e.xid::text AS xid, e.event_id, e.kind, e.subject_id, s.public_id AS site, e.created_at
FROM event e
LEFT JOIN scope s ON s.scope_id = e.site_id
WHERE (e.xid, e.event_id) > ($1::text::xid8, $2::bigint)
  AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY e.xid, e.event_id
LIMIT $3::integer;

-- name: event_held_back
-- Is anything committed and not yet readable, because an older transaction still runs?
SELECT EXISTS (SELECT FROM event WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())) AS held_back;

-- name: event_head
-- The cursor of now: what is readable lies before it, what will be readable behind it.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xid;

-- name: event_trim
-- Forgets events by age.
-- $1 older than this
DELETE FROM event WHERE created_at < $1::timestamptz;
