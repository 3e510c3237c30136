-- The audit chain.

-- name: audit_append
-- One fact; the ledger numbers and chains it. The same record twice is one record.
-- $1 writer
-- $2 when it happened
-- $3 action
-- $4 kind of the actor
-- $5 actor
-- $6 kind of the subject
-- $7 subject, a public id
-- $8 public id of the site, or NULL
-- $9 outcome
-- $10 detail, a JSON object
-- $11 id of the record
INSERT INTO audit (writer, at, action, actor_kind, actor, subject_kind, subject, site_id, outcome, detail, spool_id)
VALUES ($1::text, $2::timestamptz, $3::text, $4::text, $5::text, $6::text, $7::text,
        (SELECT scope_id FROM scope WHERE public_id = $8::uuid AND kind = 'site'),
        $9::text, $10::jsonb, $11::uuid)
ON CONFLICT (spool_id) DO NOTHING;

-- name: audit_walk
-- Every record in the order of its chain, with the text that was hashed.
SELECT a.writer, a.sequence, a.previous, a.hash, audit_text(a) AS content
FROM audit a
ORDER BY a.writer COLLATE "C", a.sequence;

-- name: audit_sealed_heads_missing
-- Heads that were sealed and are not in the audit any more as they were: the end of a chain was cut off.
SELECT h.key AS writer, (h.value ->> 0)::bigint AS sequence
FROM audit_seal s
CROSS JOIN LATERAL jsonb_each(s.heads) AS h
WHERE NOT EXISTS (SELECT FROM audit a
                  WHERE a.writer = h.key AND a.sequence = (h.value ->> 0)::bigint
                    AND encode(a.hash, 'hex') = h.value ->> 1)
ORDER BY h.key, 2;
