-- Destinations: found, shown, changed by hand. How one is reached when something is sent is destination_settings in delivery.sql.

-- name: destination_find
-- $1 public id, AE title or name
SELECT public_id AS id FROM destination
WHERE public_id::text = lower($1::text) OR ae_title = btrim($1::text) OR (name <> '' AND name = btrim($1::text))
ORDER BY destination_id;

-- name: destination_list
SELECT d.public_id AS id, s.name AS site, t.code AS site_code, d.name, d.protocol, d.ae_title, d.host, d.port, d.url,
       CASE WHEN d.url <> '' THEN d.url ELSE concat(d.ae_title || '@', d.host, ':' || d.port) END AS address, d.tls, d.wants_reports,
       d.wants_images, d.is_enabled, d.held_at IS NOT NULL AS is_held, d.held_at, d.held_reason, d.failures, d.resting_until,
       CASE WHEN NOT d.is_enabled THEN 'disabled' WHEN d.held_at IS NOT NULL THEN 'held' WHEN d.resting_until > yq_now() THEN 'resting'
            WHEN d.slow_start IS NOT NULL THEN 'slow start' ELSE 'open' END AS way,
       d.last_success_at, d.last_error_at, d.last_error, q.open AS open_deliveries, q.failed AS failed_deliveries, q.oldest_at
FROM destination d JOIN site t USING (site_id) JOIN scope s ON s.scope_id = d.site_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE v.state NOT IN ('quarantined', 'dead')) AS open, count(*) FILTER (WHERE v.state IN ('quarantined', 'dead')) AS failed,
           min(v.created_at) FILTER (WHERE v.state NOT IN ('quarantined', 'dead')) AS oldest_at
    FROM delivery v WHERE v.destination_id = d.destination_id AND v.state NOT IN ('delivered', 'cancelled')) q
ORDER BY d.destination_id;

-- name: destination_overview
-- Destinations with their queues, those first that need a person.
-- $1 only this one, or NULL
-- $2 of every site (the operator of the machine), or only where the person of this session is operator or administrator
-- $3 with its settings; a secret is only named
SELECT x.public_id::text AS id, sc.public_id::text AS site_id, x.site_id IN (SELECT yq_role_sites(ARRAY['operator'])) AS may,
       x.trust_pem, x.certificate_pem,
       jsonb_build_object(
           'id', x.public_id, 'site', jsonb_build_object('id', sc.public_id, 'name', sc.name), 'name', x.name, 'protocol', x.protocol,
           'ae_title', coalesce(x.ae_title, ''), 'host', coalesce(x.host, ''), 'port', coalesce(x.port, 0), 'url', x.url, 'tls', x.tls,
           'is_enabled', x.is_enabled, 'held_at', x.held_at, 'held_reason', x.held_reason)
       || jsonb_build_object(
           'waiting', q.waiting, 'waiting_by_rank', q.by_rank, 'under_way', q.under_way, 'refused', q.refused, 'dead', q.dead,
           'oldest_at', q.oldest_at, 'next_try_at', q.next_try_at, 'rate_per_hour', t.of_hour, 'delivered_today', t.of_day,
           'last_success_at', x.last_success_at, 'last_error', x.last_error, 'last_error_at', x.last_error_at,
           'failures', x.failures, 'resting_until', x.resting_until, 'slow_start', x.slow_start,
           'send_windows', x.send_windows, 'clock', to_char(yq_now(), 'HH24:MI'))
       || CASE WHEN $3::boolean THEN jsonb_build_object(
           'calling_ae', coalesce(x.calling_ae, ''), 'trust_pem', x.trust_pem, 'certificate_pem', x.certificate_pem,
           'secrets', to_jsonb(x.secret_names), 'connect_timeout_ms', x.connect_timeout_ms, 'answer_timeout_ms', x.answer_timeout_ms,
           'deliveries_max', x.deliveries_max, 'connections_max', x.connections_max, 'rate_kbit', x.rate_kbit,
           'backoff_min_ms', x.backoff_min_ms, 'backoff_max_ms', x.backoff_max_ms, 'deadline_ms', x.deadline_ms, 'charset', x.charset,
           'compression', x.compression, 'proof', x.proof, 'notes', x.notes, 'webhook_events', to_jsonb(x.webhook_events),
           'wants_reports', x.wants_reports, 'wants_images', x.wants_images,
           'created_at', x.created_at, 'updated_at', x.updated_at, 'updated_by', x.updated_by) ELSE '{}' END AS json
FROM destination x
JOIN scope sc ON sc.scope_id = x.site_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE d.state IN ('pending', 'waiting')) AS waiting,
           jsonb_build_array(count(*) FILTER (WHERE d.state IN ('pending', 'waiting') AND d.rank = 0),
                             count(*) FILTER (WHERE d.state IN ('pending', 'waiting') AND d.rank = 1),
                             count(*) FILTER (WHERE d.state IN ('pending', 'waiting') AND d.rank = 2),
                             count(*) FILTER (WHERE d.state IN ('pending', 'waiting') AND d.rank = 3)) AS by_rank,
           count(*) FILTER (WHERE d.state IN ('sending', 'verifying')) AS under_way,
           count(*) FILTER (WHERE d.state = 'quarantined') AS refused, count(*) FILTER (WHERE d.state = 'dead') AS dead,
           min(d.created_at) FILTER (WHERE d.state IN ('pending', 'sending', 'verifying', 'waiting')) AS oldest_at,
           CASE WHEN x.is_enabled AND x.held_at IS NULL THEN
               greatest(min(d.next_try_at) FILTER (WHERE d.state IN ('pending', 'verifying', 'waiting') AND d.worker IS NULL),
                        CASE WHEN count(*) FILTER (WHERE d.state IN ('pending', 'verifying', 'waiting') AND d.worker IS NULL) > 0
                             THEN x.resting_until END) END AS next_try_at
    FROM delivery d
    WHERE d.destination_id = x.destination_id AND d.state NOT IN ('delivered', 'cancelled')) q
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE d.delivered_at >= yq_now()::date::timestamptz) AS of_day,
           count(*) FILTER (WHERE d.delivered_at > yq_now() - interval '1 hour') AS of_hour
    FROM delivery d
    WHERE d.destination_id = x.destination_id AND d.state = 'delivered'
      AND d.delivered_at >= least(yq_now()::date::timestamptz, yq_now() - interval '1 hour')) t
WHERE ($2::boolean OR x.site_id = ANY (ARRAY(SELECT yq_role_sites(ARRAY['operator', 'administrator']))))
  AND ($1::uuid IS NULL OR x.public_id = $1::uuid)
ORDER BY q.refused + q.dead > 0 DESC, q.waiting + q.under_way DESC, sc.name, x.destination_id
LIMIT 1000;

-- name: destination_sites
-- Where the person of this session may add one.
SELECT sc.public_id AS id, jsonb_build_object('id', sc.public_id, 'name', sc.name) AS json
FROM yq_role_sites(ARRAY['operator']) AS s JOIN scope sc ON sc.scope_id = s
ORDER BY sc.name, sc.scope_id;

-- name: operations_destination
-- Whose a destination is, for these eyes; may: the person of this session is operator there.
-- $1 destination
SELECT sc.public_id AS site_id, x.site_id IN (SELECT yq_role_sites(ARRAY['operator'])) AS may
FROM destination x JOIN scope sc ON sc.scope_id = x.site_id
WHERE x.public_id = $1::uuid;

-- name: operations_site
-- The same of a site.
-- $1 site
SELECT sc.public_id AS site_id, t.site_id IN (SELECT yq_role_sites(ARRAY['operator'])) AS may
FROM site t JOIN scope sc ON sc.scope_id = t.site_id
WHERE sc.public_id = $1::uuid AND t.site_id IN (SELECT yq_person_sites());

-- name: destination_form
-- The values of a destination, locked against another change.
-- $1 destination
SELECT s.public_id::text AS site, s.name AS site_name, x.protocol, to_jsonb(x.updated_at) #>> '{}' AS updated_at, x.updated_by, x.secret_sealed,
       to_jsonb(x.secret_names) AS secret_names, to_jsonb(x) AS form
FROM destination x JOIN scope s ON s.scope_id = x.site_id
WHERE x.public_id = $1::uuid
FOR UPDATE OF x;

-- name: destination_double
-- An enabled one at the same address.
-- $1 site
-- $2 values of the form
-- $3 the destination itself, or NULL
SELECT coalesce(nullif(x.name, ''), x.ae_title, x.host, x.url) AS name, s.name AS site
FROM jsonb_populate_record(NULL::destination, $2::jsonb) f
JOIN scope s ON s.public_id = $1::uuid
JOIN destination x ON x.site_id = s.scope_id AND x.protocol = f.protocol AND x.is_enabled AND f.is_enabled
WHERE (x.ae_title, x.host, x.port, x.url) IS NOT DISTINCT FROM (f.ae_title, f.host, f.port, f.url)
  AND x.public_id IS DISTINCT FROM $3::uuid
LIMIT 1;

-- name: destination_create
-- $1 id
-- $2 site
-- $3 values of the form
-- $4 secret, sealed, or NULL
-- $5 names of what is in it
-- $6 person, or NULL: the operator
-- $7 operator
INSERT INTO destination (public_id, site_id, protocol, name, ae_title, calling_ae, host, port, url, tls, trust_pem, certificate_pem, secret_sealed,
    secret_names, connect_timeout_ms, answer_timeout_ms, deliveries_max, connections_max, rate_kbit, send_windows, backoff_min_ms, backoff_max_ms,
    deadline_ms, charset, compression, proof, notes, webhook_events, wants_reports, wants_images, is_enabled, updated_by)
SELECT $1::uuid, s.scope_id, f.protocol, f.name, f.ae_title, f.calling_ae, f.host, f.port, f.url, f.tls, f.trust_pem, f.certificate_pem, $4::bytea,
       $5::text[], f.connect_timeout_ms, f.answer_timeout_ms, f.deliveries_max, f.connections_max, f.rate_kbit, f.send_windows, f.backoff_min_ms,
       f.backoff_max_ms, f.deadline_ms, f.charset, f.compression, f.proof, f.notes, f.webhook_events, f.wants_reports, f.wants_images, f.is_enabled,
       coalesce((SELECT p.name FROM person p WHERE p.public_id = $6::uuid), $7::text, '')
FROM jsonb_populate_record(NULL::destination, $3::jsonb) f JOIN scope s ON s.public_id = $2::uuid AND s.kind = 'site';

-- name: destination_change
-- A way that changed is tried at once. The revision always moves on, also where the clock stands still.
-- $1 destination
-- $2 values of the form
-- $3 secret, sealed, or NULL
-- $4 names of what is in it
-- $5 person, or NULL: the operator
-- $6 operator
-- $7 whether the way there changed
UPDATE destination x
SET name = f.name, ae_title = f.ae_title, calling_ae = f.calling_ae, host = f.host, port = f.port, url = f.url, tls = f.tls,
    trust_pem = f.trust_pem, certificate_pem = f.certificate_pem, secret_sealed = $3::bytea, secret_names = $4::text[],
    connect_timeout_ms = f.connect_timeout_ms, answer_timeout_ms = f.answer_timeout_ms, deliveries_max = f.deliveries_max,
    connections_max = f.connections_max, rate_kbit = f.rate_kbit, send_windows = f.send_windows, backoff_min_ms = f.backoff_min_ms,
    backoff_max_ms = f.backoff_max_ms, deadline_ms = f.deadline_ms, charset = f.charset, compression = f.compression, proof = f.proof,
    notes = f.notes, webhook_events = f.webhook_events, wants_reports = f.wants_reports, wants_images = f.wants_images, is_enabled = f.is_enabled,
    failures = CASE WHEN $7::boolean THEN 0 ELSE x.failures END, resting_until = CASE WHEN $7::boolean THEN NULL ELSE x.resting_until END,
    slow_start = CASE WHEN $7::boolean THEN NULL ELSE x.slow_start END,
    updated_at = greatest(yq_now(), x.updated_at + interval '1 microsecond'),
    updated_by = coalesce((SELECT p.name FROM person p WHERE p.public_id = $5::uuid), $6::text, '')
FROM jsonb_populate_record(NULL::destination, $2::jsonb) f
WHERE x.public_id = $1::uuid;

-- name: destination_hold
-- $1 public id
-- $2 reason; NULL releases
UPDATE destination x
SET held_at = CASE WHEN $2::text IS NULL THEN NULL ELSE coalesce(x.held_at, yq_now()) END, held_reason = coalesce($2::text, '')
FROM scope s
WHERE x.public_id = $1::uuid AND s.scope_id = x.site_id
RETURNING s.public_id AS site_id;

-- name: destination_try_now
-- A destination that rests is tried at once, and so is what waits there for another try; no more than so many.
-- $1 destination
-- $2 at most so many
WITH it AS (
    UPDATE destination SET resting_until = NULL WHERE public_id = $1::uuid RETURNING destination_id
), due AS (
    SELECT d.delivery_id FROM delivery d JOIN it USING (destination_id)
    WHERE d.state = 'waiting' AND d.next_try_at > yq_now()
    ORDER BY d.rank, d.next_try_at LIMIT $2::integer FOR UPDATE OF d SKIP LOCKED
)
UPDATE delivery d SET next_try_at = yq_now() FROM due WHERE d.delivery_id = due.delivery_id;

-- name: destination_uses
-- What stands in the way of removing it.
-- $1 destination
SELECT count(d.delivery_id) AS deliveries
FROM destination x LEFT JOIN LATERAL (SELECT delivery_id FROM delivery WHERE destination_id = x.destination_id LIMIT 1000) d ON true
WHERE x.public_id = $1::uuid
GROUP BY x.destination_id;

-- name: destination_remove
-- $1 destination
DELETE FROM destination WHERE public_id = $1::uuid;

-- name: destination_gauges
-- Numbers without patients, of every enabled destination.
SELECT name, labels, value FROM yq_destination_gauges() ORDER BY name, labels::text;
