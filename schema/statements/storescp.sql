-- What yq-storescp reads and writes beside reception itself: devices and their contacts.

-- name: registry_load
-- Devices that call us themselves. Those that come through an edge are not among them.
SELECT d.public_id::text AS device, s.public_id::text AS site, d.calling_ae, coalesce(d.called_ae, '') AS called_ae,
    coalesce(d.address::text, '') AS address, coalesce(d.local_port, 0) AS local_port, d.default_charset,
    coalesce(encode(d.certificate_sha256, 'hex'), '') AS certificate
FROM device d
JOIN scope s ON s.scope_id = d.site_id
WHERE d.is_enabled AND d.edge_id IS NULL
ORDER BY d.device_id;

-- name: contact_add
-- Adds what a device did since the last call to its day, and remembers when it was seen. What it sent is counted by the index.
-- $1 device
-- $2 zone of the day
-- $3 echoes
-- $4 associations
-- $5 refused objects
-- $6 time of the last contact
-- $7 last error, or empty
WITH seen AS (
    UPDATE device SET first_seen_at = coalesce(first_seen_at, $6::timestamptz),
        last_seen_at = greatest(last_seen_at, $6::timestamptz),
        last_error = CASE WHEN $7::text <> '' THEN $7::text ELSE last_error END,
        last_error_at = CASE WHEN $7::text <> '' THEN $6::timestamptz ELSE last_error_at END
    WHERE public_id = $1::uuid
    RETURNING device_id
)
INSERT INTO device_contact AS c (device_id, day, echoes, associations, refused, last_at)
SELECT device_id, ($6::timestamptz AT TIME ZONE $2::text)::date, $3::integer, $4::integer, $5::integer, $6::timestamptz
FROM seen
ON CONFLICT (device_id, day) DO UPDATE SET echoes = c.echoes + excluded.echoes, associations = c.associations + excluded.associations,
    refused = c.refused + excluded.refused, last_at = greatest(c.last_at, excluded.last_at);
