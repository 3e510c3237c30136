-- Storage commitment: what devices asked, what we hold, who was told.

-- name: commitment_add
-- No row: the transaction UID is in use.
-- $1 device
-- $2 transaction UID
-- $3 the UID is in use with another list
-- $4 SHA-256 of the list
-- $5 the device's AE title
-- $6 ours
-- $7 its address
-- $8 instances that are named
-- $9 how long the association of the request may take the report, milliseconds
-- $10 how long the report is tried, milliseconds
INSERT INTO commitment (site_id, device_id, transaction_uid, is_duplicate, list_sha256, calling_ae, called_ae, address, instances,
                        linger_until, deadline_at)
SELECT d.site_id, d.device_id, $2::text, $3::boolean, $4::bytea, $5::text, $6::text, $7::text, $8::integer,
       yq_now() + $9::bigint * interval '1 ms', yq_now() + $10::bigint * interval '1 ms'
FROM device d WHERE d.public_id = $1::uuid
ON CONFLICT (device_id, transaction_uid) WHERE NOT is_duplicate DO NOTHING
RETURNING public_id::text AS id;

-- name: commitment_add_items
-- $1 commitment
-- $2 SOP classes
-- $3 SOP instances
INSERT INTO commitment_item (commitment_id, site_id, ordinal, sop_class_uid, sop_instance_uid)
SELECT c.commitment_id, c.site_id, i.ordinal, i.sop_class_uid, i.sop_instance_uid
FROM commitment c, unnest($2::text[], $3::text[]) WITH ORDINALITY AS i (sop_class_uid, sop_instance_uid, ordinal)
WHERE c.public_id = $1::uuid;

-- name: commitment_same
-- The transaction that has the UID, locked.
-- $1 device
-- $2 transaction UID
SELECT c.public_id::text AS id, encode(c.list_sha256, 'hex') AS list
FROM commitment c JOIN device d USING (device_id)
WHERE d.public_id = $1::uuid AND c.transaction_uid = $2::text AND NOT c.is_duplicate
FOR NO KEY UPDATE OF c;

-- name: commitment_ask_again
-- The same request once more: looked at anew, unless its report is on its way just now.
-- $1 commitment
-- $2 linger, milliseconds
-- $3 deadline, milliseconds
UPDATE commitment
SET state = CASE state WHEN 'reporting' THEN state ELSE 'waiting' END, requested_at = yq_now(), next_try_at = yq_now(), tries = 0,
    last_error = '', linger_until = yq_now() + $2::bigint * interval '1 ms', deadline_at = yq_now() + $3::bigint * interval '1 ms'
WHERE public_id = $1::uuid;

-- name: commitment_open_count
-- $1 device
SELECT count(*) AS open, max(s.public_id::text) AS site
FROM device d
JOIN scope s ON s.scope_id = d.site_id
LEFT JOIN commitment c ON c.device_id = d.device_id AND c.state IN ('waiting', 'judged', 'reporting')
WHERE d.public_id = $1::uuid
GROUP BY d.device_id;

-- name: commitment_next
-- Locks one request to look at. is_decidable: what is missing is missing, or was waited for long enough.
-- $1 longest wait for what was acknowledged, milliseconds
SELECT c.public_id::text AS id, s.public_id::text AS site, c.is_duplicate,
       c.requested_at <= yq_known_until() OR c.requested_at + $1::bigint * interval '1 ms' <= yq_now() AS is_decidable
FROM commitment c JOIN scope s ON s.scope_id = c.site_id
WHERE c.state = 'waiting' AND c.next_try_at <= yq_now()
ORDER BY c.next_try_at LIMIT 1
FOR NO KEY UPDATE OF c SKIP LOCKED;

-- name: commitment_missing
-- $1 commitment
SELECT count(*) AS missing
FROM commitment c JOIN commitment_item i USING (commitment_id)
WHERE c.public_id = $1::uuid
  AND NOT EXISTS (SELECT FROM instance n WHERE n.site_id = c.site_id AND n.sop_instance_uid = i.sop_instance_uid);

-- name: commitment_later
-- $1 commitment
-- $2 wait, milliseconds
UPDATE commitment SET next_try_at = yq_now() + $2::bigint * interval '1 ms' WHERE public_id = $1::uuid;

-- name: commitment_match
-- What the ledger says of each item: 0112H no such object, 0119H class/instance conflict, 0131H duplicate transaction UID.
-- $1 commitment
UPDATE commitment_item i
SET instance_id = CASE WHEN c.is_duplicate THEN NULL ELSE n.instance_id END,
    failure_reason = CASE WHEN c.is_duplicate THEN x'0131'::integer WHEN n.instance_id IS NULL THEN x'0112'::integer
                          WHEN n.sop_class_uid <> i.sop_class_uid THEN x'0119'::integer END
FROM commitment c
JOIN commitment_item o ON o.commitment_id = c.commitment_id
LEFT JOIN instance n ON n.site_id = o.site_id AND n.sop_instance_uid = o.sop_instance_uid
WHERE c.public_id = $1::uuid AND i.commitment_id = o.commitment_id AND i.ordinal = o.ordinal;

-- name: commitment_objects
-- Where the bytes of the items must lie that the ledger knows.
-- $1 commitment
SELECT i.ordinal::text AS ordinal, n.object_key, n.header_bytes + n.size_bytes AS size_bytes
FROM commitment c JOIN commitment_item i USING (commitment_id) JOIN instance n USING (instance_id)
WHERE c.public_id = $1::uuid AND i.failure_reason IS NULL;

-- name: commitment_without_bytes
-- 0110H processing failure: known, but the object store has it not.
-- $1 commitment
-- $2 ordinals
UPDATE commitment_item i SET failure_reason = x'0110'::integer
FROM commitment c
WHERE c.public_id = $1::uuid AND i.commitment_id = c.commitment_id AND i.ordinal = ANY ($2::integer[]);

-- name: commitment_judge
-- $1 commitment
UPDATE commitment c
SET state = 'judged', judged_at = yq_now(), next_try_at = greatest(yq_now(), c.linger_until),
    held = (SELECT count(*) FROM commitment_item i WHERE i.commitment_id = c.commitment_id AND i.failure_reason IS NULL)
WHERE c.public_id = $1::uuid AND c.state = 'waiting'
RETURNING c.held, c.instances;

-- name: commitment_tell_studies
-- The studies that it speaks of are looked at again.
-- $1 commitment
WITH named AS (
    SELECT c.commitment_id, c.site_id, r.study_id, count(*) AS held, max(c.instances) AS instances
    FROM commitment c JOIN commitment_item i USING (commitment_id) JOIN instance n USING (instance_id) JOIN series r USING (series_id)
    WHERE c.public_id = $1::uuid AND i.failure_reason IS NULL
    GROUP BY c.commitment_id, c.site_id, r.study_id
), linked AS (
    INSERT INTO commitment_study (commitment_id, site_id, study_id) SELECT commitment_id, site_id, study_id FROM named ON CONFLICT DO NOTHING
)
INSERT INTO study_signal (study_id, site_id, kind, detail)
SELECT study_id, site_id, 'commitment', jsonb_build_object('held', held, 'named', instances) FROM named ORDER BY study_id;

-- name: commitment_take
-- One of these that is judged, to be reported on the association that asked.
-- $1 commitments
-- $2 worker
-- $3 its lease, milliseconds
UPDATE commitment
SET state = 'reporting', worker = $2::uuid, worker_until = yq_now() + $3::bigint * interval '1 ms'
WHERE commitment_id = (SELECT commitment_id FROM commitment WHERE public_id = ANY ($1::uuid[]) AND state = 'judged'
                       ORDER BY commitment_id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING public_id::text AS id, transaction_uid, calling_ae, called_ae, tries, '' AS host, 0 AS port, false AS is_tls, '' AS trust_pem;

-- name: commitment_claim
-- One that is due, to be reported on an association of our own; a device is called once at a time. port NULL: nobody knows where. trust_pem: the
-- certificate that is registered for the device, or empty.
-- $1 worker
-- $2 its lease, milliseconds
UPDATE commitment c
SET state = 'reporting', worker = $1::uuid, worker_until = yq_now() + $2::bigint * interval '1 ms'
FROM device d
WHERE d.device_id = c.device_id
  AND c.commitment_id = (SELECT o.commitment_id FROM commitment o
                         WHERE o.state = 'judged' AND o.next_try_at <= yq_now()
                           AND NOT EXISTS (SELECT FROM commitment b WHERE b.device_id = o.device_id AND b.worker IS NOT NULL)
                         ORDER BY o.next_try_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING c.public_id::text AS id, c.transaction_uid, c.calling_ae, c.called_ae, c.tries,
          coalesce(d.commitment_host, c.address) AS host, d.commitment_port AS port, d.commitment_tls AS is_tls,
          CASE WHEN d.certificate IS NOT NULL THEN
              E'-----BEGIN CERTIFICATE-----\n' || encode(d.certificate, 'base64') || E'\n-----END CERTIFICATE-----\n' ELSE '' END AS trust_pem;

-- name: commitment_items
-- $1 commitment
SELECT i.sop_class_uid, i.sop_instance_uid, coalesce(i.failure_reason, 0) AS failure_reason
FROM commitment c JOIN commitment_item i USING (commitment_id)
WHERE c.public_id = $1::uuid ORDER BY i.ordinal;

-- name: commitment_answered
-- $1 commitment
-- $2 worker
UPDATE commitment c
SET state = 'reported', reported_at = yq_now(), worker = NULL, worker_until = NULL, last_error = ''
FROM scope s
WHERE c.public_id = $1::uuid AND c.worker = $2::uuid AND s.scope_id = c.site_id
RETURNING s.public_id::text AS site, c.held, c.instances;

-- name: commitment_failed
-- $1 commitment
-- $2 worker
-- $3 what went wrong
-- $4 wait before the next try, milliseconds
UPDATE commitment
SET state = 'judged', worker = NULL, worker_until = NULL, tries = tries + 1, last_error = $3::text,
    next_try_at = yq_now() + $4::bigint * interval '1 ms'
WHERE public_id = $1::uuid AND worker = $2::uuid;

-- name: commitment_let_go
-- The association of the requests is gone: the router reports.
-- $1 commitments
UPDATE commitment
SET linger_until = yq_now(), next_try_at = CASE state WHEN 'judged' THEN least(next_try_at, yq_now()) ELSE next_try_at END
WHERE public_id = ANY ($1::uuid[]) AND state IN ('waiting', 'judged', 'reporting') AND linger_until > yq_now();

-- name: commitment_recover
-- Reports whose program died on the way.
UPDATE commitment
SET state = 'judged', worker = NULL, worker_until = NULL, next_try_at = yq_now(), last_error = 'the program that reported it ended'
WHERE worker_until <= yq_now();

-- name: commitment_give_up
-- $1 at most so many
WITH late AS (
    SELECT commitment_id FROM commitment WHERE state = 'judged' AND deadline_at <= yq_now() AND next_try_at <= yq_now()
    ORDER BY commitment_id LIMIT $1::integer FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE commitment c SET state = 'dead'
FROM late, scope s
WHERE c.commitment_id = late.commitment_id AND s.scope_id = c.site_id
RETURNING c.public_id::text AS id, s.public_id::text AS site;

-- name: commitment_next_due
-- Milliseconds until one is to be looked at, reported or taken back; NULL: none.
SELECT (extract(epoch FROM least((SELECT min(c.next_try_at) FROM commitment c WHERE c.state IN ('waiting', 'judged')
                                    AND (c.state = 'waiting' OR NOT EXISTS (SELECT FROM commitment b WHERE b.device_id = c.device_id
                                                                             AND b.worker IS NOT NULL))),
                                 (SELECT min(worker_until) FROM commitment WHERE worker IS NOT NULL)) - yq_now()) * 1000)::bigint AS wait_ms;

-- ---- by hand ---------------------------------------------------------------------------------------------------------------

-- name: commitment_set_address
-- Where a device takes reports. No row: no such device.
-- $1 device
-- $2 host, or NULL: the address that it asked from
-- $3 port, or NULL: none, reports go on the association that asked alone
-- $4 it speaks TLS there
WITH due AS (
    UPDATE commitment SET next_try_at = yq_now()
    WHERE device_id = (SELECT device_id FROM device WHERE public_id = $1::uuid) AND state = 'judged' AND linger_until <= yq_now()
)
UPDATE device d SET commitment_host = $2::text, commitment_port = $3::integer, commitment_tls = $4::boolean
FROM scope s
WHERE d.public_id = $1::uuid AND s.scope_id = d.site_id
RETURNING s.public_id::text AS site;

-- name: commitment_find
-- $1 public id or transaction UID
SELECT public_id AS id FROM commitment WHERE public_id::text = lower($1::text) OR transaction_uid = $1::text ORDER BY commitment_id;

-- name: commitment_requeue
-- To be reported again now, whatever came of it before; not one that is under way or still to be judged.
-- $1 commitment
-- $2 deadline, milliseconds
UPDATE commitment c
SET state = 'judged', next_try_at = yq_now(), deadline_at = yq_now() + $2::bigint * interval '1 ms'
FROM scope s
WHERE c.public_id = $1::uuid AND c.state IN ('judged', 'dead') AND s.scope_id = c.site_id
RETURNING s.public_id::text AS site;

-- name: commitment_list
-- $1 state, or NULL
SELECT c.public_id AS id, s.name AS site, d.calling_ae AS device, c.state, c.held, c.instances, c.is_duplicate, c.tries, c.requested_at,
       c.judged_at, c.reported_at, CASE WHEN c.state = 'judged' THEN c.next_try_at END AS next_try_at, c.deadline_at, c.last_error,
       c.transaction_uid
FROM commitment c JOIN device d USING (device_id) JOIN scope s ON s.scope_id = c.site_id
WHERE $1::text IS NULL OR c.state = $1::text
ORDER BY c.commitment_id DESC;

-- name: commitment_show
-- $1 commitment
SELECT c.public_id AS id, c.transaction_uid, s.name AS site, d.calling_ae AS device, c.state, c.is_duplicate, c.held, c.instances,
       c.requested_at, c.judged_at, c.reported_at, c.tries, c.next_try_at, c.linger_until, c.deadline_at, c.last_error,
       coalesce(d.commitment_host, c.address) AS host, d.commitment_port AS port, d.commitment_tls AS is_tls,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('sop_instance_uid', i.sop_instance_uid, 'sop_class_uid', i.sop_class_uid,
            'failure_reason', to_hex(i.failure_reason)) ORDER BY i.ordinal), '[]')
        FROM commitment_item i WHERE i.commitment_id = c.commitment_id AND i.failure_reason IS NOT NULL) AS failed,
       (SELECT coalesce(jsonb_agg(t.study_instance_uid), '[]')
        FROM commitment_study k JOIN study t USING (study_id) WHERE k.commitment_id = c.commitment_id) AS studies
FROM commitment c JOIN device d USING (device_id) JOIN scope s ON s.scope_id = c.site_id
WHERE c.public_id = $1::uuid;
