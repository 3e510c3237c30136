-- Deliveries. Each state has its statement, so that what a row must look like stands in one place.

-- name: delivery_create
-- Returns of issued reports that no delivery carries yet, with their objects.
-- $1 deadline in milliseconds
-- $2 at most so many
WITH made AS (
    INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, deadline_at)
    SELECT v.site_id, x.destination_id, 'return', v.report_version_id, yq_now() + $1::bigint * interval '1 ms'
    FROM report_version v
    JOIN destination x ON x.site_id = v.site_id AND x.is_enabled AND x.wants_reports AND x.protocol IN ('dicom', 'stow', 'hl7', 'fhir')
    WHERE v.state = 'issued' AND v.issued_at > yq_now() - $1::bigint * interval '1 ms'
      AND (SELECT count(*) FROM instance i
           WHERE i.site_id = v.site_id AND i.sop_instance_uid IN (v.sr_sop_instance_uid, v.pdf_sop_instance_uid)) = 2
      AND NOT EXISTS (SELECT FROM delivery d WHERE d.report_version_id = v.report_version_id
                                               AND d.destination_id = x.destination_id AND d.purpose = 'return')
      AND (v.issued_at >= x.created_at OR NOT EXISTS (SELECT FROM delivery d WHERE d.report_version_id = v.report_version_id))
    ORDER BY v.issued_at
    LIMIT $2::integer
    ON CONFLICT DO NOTHING
    RETURNING delivery_id, public_id, site_id, report_version_id, destination_id
), objects AS (
    INSERT INTO delivery_item (delivery_id, site_id, instance_id)
    SELECT m.delivery_id, m.site_id, i.instance_id
    FROM made m
    JOIN destination x ON x.destination_id = m.destination_id AND x.protocol IN ('dicom', 'stow')
    JOIN report_version v USING (report_version_id)
    JOIN instance i ON i.site_id = m.site_id AND i.sop_instance_uid IN (v.sr_sop_instance_uid, v.pdf_sop_instance_uid)
)
SELECT m.public_id::text AS delivery, s.public_id::text AS site
FROM made m JOIN scope s ON s.scope_id = m.site_id;

-- name: delivery_destinations_due
-- Destinations that may be sent to and have something due.
SELECT x.public_id::text AS destination, count(*)::integer AS due
FROM delivery d JOIN destination x USING (destination_id)
WHERE d.state IN ('pending', 'waiting', 'verifying') AND d.next_try_at <= yq_now()
  AND (d.worker_until IS NULL OR d.worker_until <= yq_now())
  AND x.is_enabled AND x.held_at IS NULL AND x.protocol <> 'link'
GROUP BY x.public_id;

-- name: delivery_claim
-- Takes the next delivery that is due for a destination; others take others. Unknown outcomes are looked into first.
-- $1 destination
-- $2 worker
-- $3 lease in milliseconds
WITH next AS (
    SELECT d.delivery_id
    FROM delivery d JOIN destination x USING (destination_id)
    WHERE x.public_id = $1::uuid AND x.is_enabled AND x.held_at IS NULL AND x.protocol <> 'link'
      AND d.state IN ('pending', 'waiting', 'verifying') AND d.next_try_at <= yq_now()
      AND (d.worker_until IS NULL OR d.worker_until <= yq_now())
      AND (d.state <> 'waiting' OR d.deadline_at > yq_now())
    ORDER BY d.state = 'verifying' DESC, d.next_try_at, d.delivery_id
    LIMIT 1
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE delivery d
SET state = CASE d.state WHEN 'verifying' THEN 'verifying' ELSE 'sending' END,
    attempts = d.attempts + CASE d.state WHEN 'verifying' THEN 0 ELSE 1 END,
    worker = $2::uuid, worker_until = yq_now() + $3::bigint * interval '1 ms'
FROM next, destination x, scope s
WHERE d.delivery_id = next.delivery_id AND x.destination_id = d.destination_id AND s.scope_id = d.site_id
RETURNING d.public_id::text AS delivery, s.public_id::text AS site, d.state, d.attempts, d.deadline_at <= yq_now() AS is_overdue,
          x.public_id::text AS destination;

-- name: delivery_attempt_begin
-- $1 delivery
INSERT INTO delivery_attempt (delivery_id, site_id, number)
SELECT d.delivery_id, d.site_id,
       (SELECT coalesce(max(a.number), 0) + 1 FROM delivery_attempt a WHERE a.delivery_id = d.delivery_id)
FROM delivery d WHERE d.public_id = $1::uuid;

-- name: delivery_attempt_end
-- $1 delivery
-- $2 outcome
-- $3 error
UPDATE delivery_attempt
SET ended_at = yq_now(), outcome = $2::text, error = $3::text
WHERE delivery_id = (SELECT delivery_id FROM delivery WHERE public_id = $1::uuid) AND ended_at IS NULL;

-- name: delivery_items
-- $1 delivery
SELECT i.public_id::text AS instance, i.object_key, i.sop_class_uid, i.sop_instance_uid, i.transfer_syntax_uid, t.state
FROM delivery d
JOIN delivery_item t USING (delivery_id)
JOIN instance i USING (instance_id)
WHERE d.public_id = $1::uuid
ORDER BY t.instance_id;

-- name: delivery_item_write
-- What was confirmed once stays confirmed.
-- $1 delivery
-- $2 instance
-- $3 state
-- $4 DIMSE status, or NULL
-- $5 comment of the peer
UPDATE delivery_item
SET state = $3::text, dimse_status = $4::integer, comment = $5::text, tried_at = yq_now(),
    confirmed_at = CASE WHEN $3::text = 'confirmed' THEN yq_now() END
WHERE delivery_id = (SELECT delivery_id FROM delivery WHERE public_id = $1::uuid)
  AND instance_id = (SELECT instance_id FROM instance WHERE public_id = $2::uuid) AND state <> 'confirmed';

-- name: delivery_items_confirm
-- At the end of a try: objects that the peer has, as far as the ledger does not know yet.
-- $1 delivery
-- $2 instances
UPDATE delivery_item
SET state = 'confirmed', tried_at = yq_now(), confirmed_at = yq_now()
WHERE delivery_id = (SELECT delivery_id FROM delivery WHERE public_id = $1::uuid)
  AND instance_id IN (SELECT instance_id FROM instance WHERE public_id = ANY ($2::uuid[])) AND state <> 'confirmed';

-- name: delivery_items_again
-- Objects without a known outcome are sent again.
-- $1 delivery
UPDATE delivery_item
SET state = 'pending'
WHERE delivery_id = (SELECT delivery_id FROM delivery WHERE public_id = $1::uuid) AND state = 'unknown';

-- name: delivery_keep
-- $1 worker
-- $2 deliveries
-- $3 lease in milliseconds
UPDATE delivery
SET worker_until = yq_now() + $3::bigint * interval '1 ms'
WHERE public_id = ANY ($2::uuid[]) AND worker = $1::uuid AND state IN ('sending', 'verifying');

-- name: delivery_write
-- The end of a try: the one place where a worker changes the state.
-- $1 delivery
-- $2 state that is expected
-- $3 worker that is expected
-- $4 state that follows, perhaps the same
-- $5 next try in milliseconds
-- $6 error
UPDATE delivery
SET state = $4::text, worker = NULL, worker_until = NULL, last_error = $6::text,
    next_try_at = yq_now() + $5::bigint * interval '1 ms',
    delivered_at = CASE WHEN $4::text = 'delivered' THEN yq_now() END
WHERE public_id = $1::uuid AND state = $2::text AND worker = $3::uuid
RETURNING delivery_id;

-- name: delivery_receipt
-- The machine's receipt of a report.
-- $1 delivery
INSERT INTO receipt (site_id, report_version_id, kind, delivery_id)
SELECT d.site_id, d.report_version_id, 'delivered', d.delivery_id
FROM delivery d WHERE d.public_id = $1::uuid AND d.report_version_id IS NOT NULL
ON CONFLICT DO NOTHING;

-- name: destination_worked
-- The destination answers: what waits for it is due now.
-- $1 destination
WITH seen AS (
    UPDATE destination SET last_success_at = yq_now() WHERE public_id = $1::uuid RETURNING destination_id
), due AS (
    SELECT d.delivery_id FROM delivery d JOIN seen USING (destination_id)
    WHERE d.state = 'waiting' AND d.next_try_at > yq_now()
    ORDER BY d.delivery_id FOR UPDATE OF d SKIP LOCKED
)
UPDATE delivery SET next_try_at = yq_now() WHERE delivery_id IN (SELECT delivery_id FROM due);

-- name: destination_failed
-- $1 destination
-- $2 error
UPDATE destination SET last_error_at = yq_now(), last_error = $2::text WHERE public_id = $1::uuid;

-- name: delivery_lost
-- Locks deliveries whose worker fell silent.
-- $1 at most so many
SELECT d.public_id::text AS delivery, s.public_id::text AS site, d.worker::text AS worker
FROM delivery d JOIN scope s ON s.scope_id = d.site_id
WHERE d.state = 'sending' AND d.worker_until <= yq_now()
ORDER BY d.worker_until
LIMIT $1::integer
FOR UPDATE OF d SKIP LOCKED;

-- name: delivery_overdue
-- Gives up what waits beyond its deadline, and says what that was.
-- $1 at most so many
WITH late AS (
    SELECT d.delivery_id FROM delivery d JOIN destination x USING (destination_id)
    WHERE d.state = 'waiting' AND d.deadline_at <= yq_now() AND x.held_at IS NULL
    ORDER BY d.delivery_id LIMIT $1::integer
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE delivery d SET state = 'dead'
FROM late, scope s
WHERE d.delivery_id = late.delivery_id AND s.scope_id = d.site_id
RETURNING d.public_id::text AS delivery, s.public_id::text AS site;

-- name: router_next_due
-- Milliseconds until time alone gives the router something to do; NULL: nothing is due ever.
SELECT (extract(epoch FROM least(
    (SELECT min(due_at) FROM study WHERE due_at IS NOT NULL),
    (SELECT min(lease_until) FROM reading_task WHERE lease_until IS NOT NULL),
    (SELECT min(worker_until) FROM delivery WHERE worker IS NOT NULL),
    (SELECT min(d.next_try_at) FROM delivery d JOIN destination x USING (destination_id)
     WHERE d.state IN ('pending', 'waiting', 'verifying') AND d.worker IS NULL AND x.is_enabled AND x.held_at IS NULL)
    ) - yq_now()) * 1000)::bigint AS wait_ms;

-- name: destination_settings
-- How a destination is reached.
-- $1 destination
SELECT x.public_id::text AS id, s.public_id::text AS site, x.name, x.protocol, coalesce(x.ae_title, '') AS ae_title,
       coalesce(x.calling_ae, '') AS calling_ae, coalesce(x.host, '') AS host, coalesce(x.port, 0) AS port, x.url, x.tls, x.trust_pem,
       x.certificate_pem, x.secret_sealed, coalesce(x.connect_timeout_ms, 0) AS connect_timeout_ms,
       coalesce(x.answer_timeout_ms, 0) AS answer_timeout_ms, coalesce(x.deliveries_max, 0) AS deliveries_max,
       coalesce(x.connections_max, 0) AS connections_max, coalesce(x.rate_kbit, 0) AS rate_kbit, x.charset, x.compression, x.proof
FROM destination x JOIN scope s ON s.scope_id = x.site_id
WHERE x.public_id = $1::uuid;
