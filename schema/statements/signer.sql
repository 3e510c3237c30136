-- Signing keys of persons. The private key stands here sealed; the database never sees it in the clear.

-- name: signing_key_find
-- The newest key of a person that is valid now.
-- $1 public id of the person
SELECT k.public_id, k.backend, k.sealed_key, k.certificate, k.chain[1] AS issuer, k.is_demo
FROM signing_key k
JOIN person p USING (person_id)
WHERE p.public_id = $1::uuid AND p.is_active AND k.revoked_at IS NULL AND k.valid @> yq_now()
ORDER BY k.signing_key_id DESC
LIMIT 1;

-- name: signing_key_exists
-- Has the person a key that is valid now? No row: there is no such person.
-- $1 public id of the person
SELECT EXISTS (SELECT FROM signing_key k
               WHERE k.person_id = p.person_id AND k.revoked_at IS NULL AND k.valid @> yq_now()) AS is_there
FROM person p
WHERE p.public_id = $1::uuid;

-- name: signing_key_insert
-- Keeps a key that the demo CA certified.
-- $1 public id of the person
-- $2 sealed private key
-- $3 certificate, DER
-- $4 certificate of its issuer, DER
-- $5 valid from
-- $6 valid until
INSERT INTO signing_key (person_id, backend, sealed_key, certificate, chain, is_demo, valid)
SELECT person_id, 'ledger', $2::bytea, $3::bytea, ARRAY[$4::bytea], true, tstzrange($5::timestamptz, $6::timestamptz)
FROM person
WHERE public_id = $1::uuid
RETURNING public_id;
