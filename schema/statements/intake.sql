-- What lib/intake asks of the ledger.

-- name: intake_index
-- Brings a batch of received objects in: identity, study, series, instance, signal; all or nothing, idempotent by object key.
-- $1 array of objects with the members of the type intake_item, and institution
SELECT ordinal, outcome FROM intake_bring_in($1::jsonb);

-- name: intake_set_apart
-- An object that was kept in the journal and cannot be indexed.
-- $1 object key
-- $2 public id of the site, or NULL
-- $3 public id of the device, or NULL
-- $4 code of what is wrong
-- $5 reason
-- $6 arrival
-- $7 SHA-256 of its dataset, hexadecimal, or NULL
-- $8 bytes of its dataset, or NULL
-- $9 SOP class as announced, or NULL
-- $10 SOP instance as announced, or NULL
-- $11 transfer syntax, or NULL
SELECT intake_set_apart($1::text, $2::uuid, $3::uuid, $4::text, $5::text, $6::timestamptz, $7::text, $8::bigint, $9::text, $10::text,
                        $11::text);

-- name: intake_apart_twin
-- The key under which the same bytes of the same device, or where there is none of the same site, were set apart before.
-- $1 key of the object at hand
-- $2 site
-- $3 device, or NULL
-- $4 SHA-256 of its dataset, hexadecimal
SELECT intake_apart_twin($1::text, $2::uuid, $3::uuid, $4::text) AS twin;

-- name: intake_apart_again
-- The same bytes came again.
-- $1 key of what was set apart
-- $2 arrival
SELECT intake_apart_again($1::text, $2::timestamptz);

-- name: intake_note_conflicts
-- Which devices brought the conflicts of a batch.
-- $1 as of intake_index
SELECT intake_note_conflicts($1::jsonb);

-- name: intake_check_objects
-- Everything that must lie in the store, for the store check.
SELECT 'instance' AS kind, object_key, sop_instance_uid, encode(sha256, 'hex') AS sha256_hex, size_bytes, header_bytes FROM instance
UNION ALL
SELECT 'conflict', c.object_key, i.sop_instance_uid, encode(c.sha256, 'hex'), c.size_bytes, c.header_bytes
FROM instance_conflict c JOIN instance i USING (instance_id)
UNION ALL
SELECT 'artefact', a.object_key, a.sop_instance_uid, encode(a.sha256, 'hex'), a.size_bytes, 0
FROM artefact a JOIN report_version v USING (report_version_id)
-- The row of a paper is written before its bytes; only what was submitted or issued with it must be there.
WHERE a.voided_at IS NULL AND (v.issued_at IS NOT NULL OR (a.kind = 'pdf_submitted' AND v.submitted_at IS NOT NULL));

-- name: intake_unknown_keys
-- Keys of stored objects that no row names.
-- $1 object keys
SELECT k.object_key FROM unnest($1::text[]) AS k(object_key)
WHERE NOT EXISTS (SELECT FROM instance i WHERE i.object_key = k.object_key)
  AND NOT EXISTS (SELECT FROM instance_conflict c WHERE c.object_key = k.object_key)
  AND NOT EXISTS (SELECT FROM artefact a WHERE a.object_key = k.object_key)
  AND NOT EXISTS (SELECT FROM request r WHERE r.photo_key = k.object_key);
