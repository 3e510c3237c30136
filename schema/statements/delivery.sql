-- Deliveries. Each state has its statement, so that what a row must look like stands in one place.

-- name: delivery_create
-- Returns of issued reports that no delivery carries yet. As objects they go with what we made of the report; as a message (HL7, FHIR) without objects.
-- $1 deadline in milliseconds, where the destination says nothing
-- $2 at most so many
-- $3 of reports that were issued within so many milliseconds
WITH made AS (
    INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, rank, deadline_at)
    SELECT v.site_id, x.destination_id, 'return', v.report_version_id, yq_delivery_rank(st.patient_class, t.priority),
           yq_now() + coalesce(x.deadline_ms, $1::bigint) * interval '1 ms'
    FROM report_version v
    JOIN destination x ON x.site_id = v.site_id AND x.is_enabled AND x.wants_reports AND x.protocol IN ('dicom', 'stow', 'hl7', 'fhir')
    JOIN report r USING (report_id)
    JOIN study st ON st.study_id = r.study_id
    LEFT JOIN reading_task t ON t.task_id = r.task_id
    WHERE v.state = 'issued' AND v.issued_at > yq_now() - least($1::bigint, $3::bigint) * interval '1 ms'
      AND (x.protocol IN ('hl7', 'fhir') OR
           (SELECT count(*) FROM instance i
            WHERE i.site_id = v.site_id AND i.sop_instance_uid IN (v.sr_sop_instance_uid, v.pdf_sop_instance_uid)) = 2)
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
    JOIN destination x USING (destination_id)
    JOIN report_version v USING (report_version_id)
    JOIN instance i ON i.site_id = m.site_id AND i.sop_instance_uid IN (v.sr_sop_instance_uid, v.pdf_sop_instance_uid)
    WHERE x.protocol IN ('dicom', 'stow')
)
SELECT m.public_id::text AS delivery, s.public_id::text AS site
FROM made m JOIN scope s ON s.scope_id = m.site_id;

-- name: delivery_outlook
-- Destinations where something could start now, with how much of it.
-- $1 places of a destination that says nothing
SELECT o.destination::text, o.due FROM delivery_outlook($1::integer) o WHERE o.due > 0;

-- name: delivery_claim
-- The next delivery that may start at a destination, taken; in state dead, it was given up instead.
-- $1 destination
-- $2 worker
-- $3 lease in milliseconds
-- $4 places of a destination that says nothing
-- $5 the worst rank that is wanted
SELECT d.public_id::text AS delivery, s.public_id::text AS site, d.state, d.attempts, d.deadline_at <= yq_now() AS is_overdue,
       $1::text AS destination, d.rank, d.failures, d.proof_rounds
FROM delivery_take($1::uuid, $2::uuid, $3::bigint * interval '1 ms', $4::integer, $5::integer) d JOIN scope s ON s.scope_id = d.site_id;

-- name: delivery_lane
-- What goes on at a destination, for who sends there: whether it may be sent to, what is due and what is under way by rank, and from how many programs.
-- $1 destination
-- $2 places of a destination that says nothing
SELECT x.is_enabled AND x.held_at IS NULL AS may_send, yq_is_in_windows(x.send_windows) AS is_open, x.failures > 0 AS is_in_doubt, delivery_places(x, $2::integer) AS places,
       q.due[1] AS due_0, q.due[2] AS due_1, q.due[3] AS due_2, q.due[4] AS due_3,
       u.rank_0 AS under_way_0, u.rank_1 AS under_way_1, u.rank_2 AS under_way_2, u.rank_3 AS under_way_3, greatest(u.programs, 1) AS programs
FROM destination x
CROSS JOIN LATERAL (SELECT delivery_due_counts(x.destination_id, delivery_places(x, $2::integer) + 1) AS due OFFSET 0) q
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE d.rank = 0) AS rank_0, count(*) FILTER (WHERE d.rank = 1) AS rank_1, count(*) FILTER (WHERE d.rank = 2) AS rank_2,
           count(*) FILTER (WHERE d.rank = 3) AS rank_3, count(DISTINCT d.worker) AS programs
    FROM delivery d WHERE d.destination_id = x.destination_id AND d.worker IS NOT NULL AND d.worker_until > yq_now() AND d.state = 'sending') u
WHERE x.public_id = $1::uuid;

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
-- What was confirmed once stays confirmed. No sync for each object: one that a crash of the ledger forgets is sent again, or asked for.
-- $1 delivery
-- $2 instance
-- $3 state
-- $4 DIMSE status, or NULL
-- $5 comment of the peer
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true) AS is_set)
UPDATE delivery_item
SET state = $3::text, dimse_status = $4::integer, comment = $5::text, tried_at = yq_now(),
    confirmed_at = CASE WHEN $3::text = 'confirmed' THEN yq_now() END
FROM quick
WHERE quick.is_set = 'off' AND delivery_id = (SELECT delivery_id FROM delivery WHERE public_id = $1::uuid)
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

-- name: delivery_items_missing
-- Acknowledged, but the peer does not hold it: it is sent again.
-- $1 delivery
-- $2 instances
UPDATE delivery_item
SET state = 'pending', confirmed_at = NULL, comment = 'acknowledged, but not held'
WHERE delivery_id = (SELECT delivery_id FROM delivery WHERE public_id = $1::uuid)
  AND instance_id IN (SELECT instance_id FROM instance WHERE public_id = ANY ($2::uuid[])) AND state <> 'refused';

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
-- $5 next try in milliseconds; NULL: it keeps its place
-- $6 error
-- $7 failures in a row
-- $8 proof: commitment, query, answers; or NULL
-- $9 what the proof found, or NULL: as it is
-- $10 rounds of proof that found a difference
-- $11 one more try of a way in doubt, or 0
UPDATE delivery
SET state = $4::text, worker = NULL, worker_until = NULL, last_error = $6::text, failures = $7::smallint,
    next_try_at = coalesce(yq_now() + $5::bigint * interval '1 ms', next_try_at), proof = $8::text, proof_note = coalesce($9::text, proof_note), proof_rounds = $10::smallint,
    probes = probes + $11::integer,
    delivered_at = CASE WHEN $4::text = 'delivered' THEN yq_now() END
WHERE public_id = $1::uuid AND state = $2::text AND worker = $3::uuid
RETURNING delivery_id;

-- name: delivery_step_back
-- Lets some others of its rank pass that are due.
-- $1 delivery
-- $2 how many
UPDATE delivery d
SET next_try_at = coalesce((SELECT max(p.next_try_at) + interval '1 microsecond' FROM (
    SELECT o.next_try_at FROM delivery o
    WHERE o.destination_id = d.destination_id AND o.rank = d.rank AND o.state IN ('pending', 'waiting', 'verifying') AND o.next_try_at <= yq_now()
      AND o.delivery_id <> d.delivery_id AND o.next_try_at >= d.next_try_at
    ORDER BY o.next_try_at LIMIT $2::integer) p), d.next_try_at)
WHERE d.public_id = $1::uuid;

-- name: delivery_receipt
-- The machine's receipt of a report.
-- $1 delivery
INSERT INTO receipt (site_id, report_version_id, kind, delivery_id)
SELECT d.site_id, d.report_version_id, 'delivered', d.delivery_id
FROM delivery d WHERE d.public_id = $1::uuid AND d.report_version_id IS NOT NULL
ON CONFLICT DO NOTHING;

-- name: destination_breaker
-- Locks it.
-- $1 destination
SELECT failures, resting_until, coalesce(slow_start, 0) AS slow_start, coalesce(deliveries_max, 0) AS deliveries_max,
       coalesce(backoff_min_ms, 0) AS backoff_min_ms, coalesce(backoff_max_ms, 0) AS backoff_max_ms, yq_now() AS now
FROM destination WHERE public_id = $1::uuid
FOR NO KEY UPDATE;

-- name: destination_write
-- How the way to a destination is, after a try.
-- $1 destination
-- $2 failures in a row
-- $3 rests until, or NULL
-- $4 how many deliveries at once meanwhile, or 0: as always
-- $5 whether something got there
-- $6 what went wrong; empty: nothing
UPDATE destination
SET failures = $2::integer, resting_until = $3::timestamptz, slow_start = nullif($4::integer, 0),
    last_success_at = CASE WHEN $5::boolean THEN yq_now() ELSE last_success_at END,
    last_error_at = CASE WHEN $6::text <> '' THEN yq_now() ELSE last_error_at END,
    last_error = CASE WHEN $6::text <> '' THEN $6::text ELSE last_error END
WHERE public_id = $1::uuid;

-- name: delivery_lost
-- Locks deliveries whose worker fell silent.
-- $1 at most so many
SELECT d.public_id::text AS delivery, s.public_id::text AS site, d.worker::text AS worker, least(d.failures, 1000) AS failures, d.proof_rounds
FROM delivery d JOIN scope s ON s.scope_id = d.site_id
WHERE d.state = 'sending' AND d.worker_until <= yq_now()
ORDER BY d.worker_until
LIMIT $1::integer
FOR UPDATE OF d SKIP LOCKED;

-- name: delivery_overdue
-- Gives up what waits beyond its deadline, and says what that was.
-- $1 at most so many
WITH late AS (
    SELECT l.delivery_id
    FROM destination x
    CROSS JOIN LATERAL (
        SELECT d.delivery_id FROM delivery d
        WHERE d.destination_id = x.destination_id AND d.state IN ('pending', 'waiting') AND d.deadline_at <= yq_now()
        ORDER BY d.deadline_at LIMIT $1::integer
        FOR UPDATE SKIP LOCKED) l
    WHERE x.held_at IS NULL
    LIMIT $1::integer
)
UPDATE delivery d SET state = 'dead'
FROM late, scope s
WHERE d.delivery_id = late.delivery_id AND s.scope_id = d.site_id
RETURNING d.public_id::text AS delivery, s.public_id::text AS site;

-- name: router_next_due
-- Milliseconds until time alone gives the router something to do; NULL: nothing is due ever.
-- $1 places of a destination that says nothing
SELECT (extract(epoch FROM least(
    (SELECT min(due_at) FROM study WHERE due_at IS NOT NULL),
    (SELECT min(lease_until) FROM reading_task WHERE lease_until IS NOT NULL),
    (SELECT min(worker_until) FROM delivery WHERE worker IS NOT NULL),
    (SELECT min(o.next_at) FROM delivery_outlook($1::integer) o)
    ) - yq_now()) * 1000)::bigint AS wait_ms;

-- name: destination_settings
-- How a destination is reached.
-- $1 destination
SELECT x.public_id::text AS id, s.public_id::text AS site, x.name, x.protocol, coalesce(x.ae_title, '') AS ae_title,
       coalesce(x.calling_ae, '') AS calling_ae, coalesce(x.host, '') AS host, coalesce(x.port, 0) AS port, x.url, x.tls, x.trust_pem,
       x.certificate_pem, x.secret_sealed, coalesce(x.connect_timeout_ms, 0) AS connect_timeout_ms,
       coalesce(x.answer_timeout_ms, 0) AS answer_timeout_ms, coalesce(x.deliveries_max, 0) AS deliveries_max,
       coalesce(x.connections_max, 0) AS connections_max, coalesce(x.rate_kbit, 0) AS rate_kbit, x.charset, x.compression, x.proof,
       coalesce(x.backoff_min_ms, 0) AS backoff_min_ms, coalesce(x.backoff_max_ms, 0) AS backoff_max_ms
FROM destination x JOIN scope s ON s.scope_id = x.site_id
WHERE x.public_id = $1::uuid;
