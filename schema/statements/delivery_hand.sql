-- Deliveries as an operator sees and moves them.

-- name: operations_delivery
-- Whose a delivery is, for these eyes; may: the person of this session is operator there.
-- $1 delivery
SELECT sc.public_id AS site_id, d.site_id IN (SELECT yq_role_sites(ARRAY['operator'])) AS may
FROM delivery d JOIN scope sc ON sc.scope_id = d.site_id
WHERE d.public_id = $1::uuid;

-- name: delivery_page
-- Deliveries, the newest first.
-- $1 states, or NULL
-- $2 site, or NULL
-- $3 destination, or NULL
-- $4 id or Study Instance UID of the study, or NULL
-- $5 made at least so many seconds ago, or NULL
-- $6 delivery behind which the page begins, or NULL
-- $7 how many
WITH page AS MATERIALIZED (
    SELECT d.delivery_id
    FROM delivery d
    WHERE ($1::text[] IS NULL OR d.state = ANY ($1::text[]))
      AND ($2::uuid IS NULL OR d.site_id = (SELECT scope_id FROM scope WHERE public_id = $2::uuid))
      AND ($3::uuid IS NULL OR d.destination_id = (SELECT destination_id FROM destination WHERE public_id = $3::uuid))
      AND ($4::text IS NULL
           OR d.study_id IN (SELECT study_id FROM study WHERE public_id::text = lower($4::text) OR study_instance_uid = $4::text)
           OR d.report_version_id IN (
               SELECT v.report_version_id FROM study s JOIN report r USING (study_id) JOIN report_version v USING (report_id)
               WHERE s.public_id::text = lower($4::text) OR s.study_instance_uid = $4::text))
      AND ($5::bigint IS NULL OR d.created_at <= yq_now() - $5::bigint * interval '1 s')
      AND ($6::uuid IS NULL OR d.delivery_id < (SELECT delivery_id FROM delivery WHERE public_id = $6::uuid))
    ORDER BY d.delivery_id DESC
    LIMIT $7::integer
)
SELECT d.public_id AS id,
       jsonb_build_object(
           'id', d.public_id, 'purpose', d.purpose, 'state', d.state, 'rank', d.rank,
           'site', jsonb_build_object('id', sc.public_id, 'name', sc.name),
           'destination', jsonb_build_object('id', x.public_id, 'name', x.name, 'ae_title', coalesce(x.ae_title, ''), 'protocol', x.protocol,
                                             'is_held', x.held_at IS NOT NULL),
           'report_id', v.public_id, 'study_id', coalesce(st.public_id, sr.public_id), 'items', i.items, 'confirmed', i.confirmed,
           'attempts', d.attempts, 'next_try_at', CASE WHEN d.state IN ('pending', 'waiting') THEN d.next_try_at END,
           'deadline_at', d.deadline_at, 'last_error', d.last_error, 'created_at', d.created_at, 'delivered_at', d.delivered_at,
           'proof', d.proof, 'proof_note', d.proof_note) AS json
FROM page
JOIN delivery d USING (delivery_id)
JOIN destination x ON x.destination_id = d.destination_id
JOIN scope sc ON sc.scope_id = d.site_id
CROSS JOIN LATERAL (SELECT count(*) AS items, count(*) FILTER (WHERE t.state = 'confirmed') AS confirmed
                    FROM delivery_item t WHERE t.delivery_id = d.delivery_id) i
LEFT JOIN study st ON st.study_id = d.study_id
LEFT JOIN report_version v ON v.report_version_id = d.report_version_id
LEFT JOIN report r ON r.report_id = v.report_id
LEFT JOIN study sr ON sr.study_id = r.study_id
ORDER BY d.delivery_id DESC;

-- name: delivery_list
-- The same for the operator of the machine, the oldest first.
-- $1 states, or NULL
-- $2 internal key of the site, or NULL
-- $3 destination, or NULL
-- $4 id or Study Instance UID of the study, or NULL
-- $5 made at least so many milliseconds ago, or NULL
SELECT y.public_id AS id, y.state, y.purpose, y.rank, s.name AS site, coalesce(z.ae_title, nullif(z.name, ''), z.url) AS ae_title, z.host, z.port,
       z.protocol, y.attempts, y.next_try_at, y.deadline_at, y.created_at, y.delivered_at, y.last_error, y.proof, y.proof_note,
       z.public_id AS destination_id, v.public_id AS report_id, coalesce(os.study_instance_uid, st.study_instance_uid) AS study_instance_uid,
       i.items, i.items_confirmed
FROM delivery y
JOIN destination z USING (destination_id)
JOIN scope s ON s.scope_id = y.site_id
CROSS JOIN LATERAL (SELECT count(*) AS items, count(*) FILTER (WHERE t.state = 'confirmed') AS items_confirmed
                    FROM delivery_item t WHERE t.delivery_id = y.delivery_id) i
LEFT JOIN report_version v USING (report_version_id)
LEFT JOIN report o USING (report_id)
LEFT JOIN study os ON os.study_id = o.study_id
LEFT JOIN study st ON st.study_id = y.study_id
WHERE ($1::text[] IS NULL OR y.state = ANY ($1::text[])) AND ($2::bigint IS NULL OR y.site_id = $2::bigint)
  AND ($3::uuid IS NULL OR z.public_id = $3::uuid)
  AND ($4::text IS NULL OR $4::text IN (st.study_instance_uid, os.study_instance_uid) OR lower($4::text) IN (st.public_id::text, os.public_id::text))
  AND ($5::bigint IS NULL OR y.created_at <= yq_now() - $5::bigint * interval '1 ms')
ORDER BY y.delivery_id;

-- name: delivery_show
-- One delivery: its tries (the last 100), its objects (1000 at most, what is missing first), what shows that the peer holds it.
-- $1 delivery
SELECT jsonb_build_object(
           'id', d.public_id, 'purpose', d.purpose, 'state', d.state, 'rank', d.rank,
           'site', jsonb_build_object('id', sc.public_id, 'name', sc.name),
           'destination', jsonb_build_object('id', x.public_id, 'name', x.name, 'ae_title', coalesce(x.ae_title, ''), 'protocol', x.protocol,
                                             'is_held', x.held_at IS NOT NULL, 'held_reason', x.held_reason),
           'report_id', v.public_id, 'study_id', st.public_id, 'study_instance_uid', st.study_instance_uid,
           'attempts', d.attempts, 'next_try_at', CASE WHEN d.state IN ('pending', 'waiting', 'verifying') THEN d.next_try_at END,
           'deadline_at', d.deadline_at, 'last_error', d.last_error, 'created_at', d.created_at, 'delivered_at', d.delivered_at,
           'proof', d.proof, 'proof_note', d.proof_note)
       || jsonb_build_object(
           'items', (SELECT count(*) FROM delivery_item i WHERE i.delivery_id = d.delivery_id),
           'confirmed', (SELECT count(*) FROM delivery_item i WHERE i.delivery_id = d.delivery_id AND i.state = 'confirmed'),
           'items_by_state', coalesce((SELECT jsonb_object_agg(g.state, g.count)
                                       FROM (SELECT i.state, count(*) AS count FROM delivery_item i WHERE i.delivery_id = d.delivery_id GROUP BY i.state) g),
                                      '{}'),
           'objects', coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                          'sop_instance_uid', n.sop_instance_uid, 'modality', e.modality, 'number', n.number, 'state', i.state,
                          'dimse_status', i.dimse_status, 'comment', i.comment, 'tried_at', i.tried_at, 'confirmed_at', i.confirmed_at)
                          ORDER BY i.state = 'confirmed', i.instance_id)
               FROM (SELECT * FROM delivery_item WHERE delivery_id = d.delivery_id ORDER BY state = 'confirmed', instance_id LIMIT 1000) i
               JOIN instance n USING (instance_id) JOIN series e ON e.series_id = n.series_id), '[]'),
           'tries', coalesce((
               SELECT jsonb_agg(jsonb_build_object('number', a.number, 'started_at', a.started_at, 'ended_at', a.ended_at, 'outcome', a.outcome,
                                                   'error', a.error) ORDER BY a.number DESC)
               FROM (SELECT * FROM delivery_attempt WHERE delivery_id = d.delivery_id ORDER BY number DESC LIMIT 100) a), '[]')) AS json
FROM delivery d
JOIN destination x ON x.destination_id = d.destination_id
JOIN scope sc ON sc.scope_id = d.site_id
LEFT JOIN report_version v ON v.report_version_id = d.report_version_id
LEFT JOIN report r ON r.report_id = v.report_id
LEFT JOIN study st ON st.study_id = coalesce(d.study_id, r.study_id)
WHERE d.public_id = $1::uuid;

-- name: delivery_hand_state
-- $1 delivery
SELECT state FROM delivery WHERE public_id = $1::uuid;

-- name: delivery_hand_requeue
-- What was refused or has died gets a new deadline; what waits is due now.
-- $1 delivery
-- $2 time until its new deadline, milliseconds
WITH moved AS (
    UPDATE delivery y
    SET state = CASE y.state WHEN 'waiting' THEN 'waiting' ELSE 'pending' END, next_try_at = yq_now(), worker = NULL, worker_until = NULL,
        deadline_at = CASE y.state WHEN 'waiting' THEN y.deadline_at ELSE yq_now() + $2::bigint * interval '1 ms' END,
        failures = 0, proof_rounds = 0, probes = 0
    WHERE y.public_id = $1::uuid AND y.state IN ('quarantined', 'dead', 'waiting')
    RETURNING y.delivery_id, y.site_id
), again AS (
    UPDATE delivery_item i SET state = 'pending' FROM moved WHERE i.delivery_id = moved.delivery_id AND i.state = 'refused'
)
SELECT s.public_id AS site_id FROM moved JOIN scope s ON s.scope_id = moved.site_id;

-- name: delivery_hand_cancel
-- $1 delivery
UPDATE delivery y SET state = 'cancelled', worker = NULL, worker_until = NULL
FROM scope s
WHERE y.public_id = $1::uuid AND y.state NOT IN ('delivered', 'cancelled') AND s.scope_id = y.site_id
RETURNING s.public_id AS site_id;

-- name: delivery_hand_requeue_all
-- Everything that was refused or has died at a destination is pending again, due now, with its event; how many. No more than $3 at once.
-- $1 destination
-- $2 time until the new deadline, milliseconds
-- $3 at most so many
WITH again AS (
    SELECT d.delivery_id FROM delivery d JOIN destination x USING (destination_id)
    WHERE x.public_id = $1::uuid AND d.state IN ('quarantined', 'dead')
    ORDER BY d.delivery_id LIMIT $3::integer
    FOR UPDATE OF d SKIP LOCKED
), moved AS (
    UPDATE delivery y SET state = 'pending', next_try_at = yq_now(), deadline_at = yq_now() + $2::bigint * interval '1 ms',
                          worker = NULL, worker_until = NULL, failures = 0, proof_rounds = 0, probes = 0
    FROM again WHERE y.delivery_id = again.delivery_id
    RETURNING y.delivery_id, y.public_id, y.site_id
), objects AS (
    UPDATE delivery_item i SET state = 'pending' FROM moved WHERE i.delivery_id = moved.delivery_id AND i.state = 'refused'
), told AS (
    INSERT INTO event (kind, subject_id, site_id) SELECT 'delivery.requeue', public_id, site_id FROM moved RETURNING 1
)
SELECT count(*)::integer AS count FROM told;

-- name: delivery_histograms
-- How long deliveries, tries and waits took, counted since the ledger was made; the buckets of each in order, the last has the sum.
SELECT measure, protocol, label, le, is_last, count, (seconds * 1000)::bigint AS total_ms FROM yq_delivery_histograms();
