-- What patients are found by: keys of claims, and who may be one person.

-- name: name_wanted_own
-- Claims that this transaction made and that have no keys yet.
SELECT w.claim_id::text AS claim, c.name, c.typed_id
FROM identity_wanted w JOIN identity_claim c USING (claim_id)
WHERE w.work = 'keys' AND w.made_by = pg_current_xact_id_if_assigned()
ORDER BY w.claim_id;

-- name: name_wanted
-- Claims that have no keys yet, the newest first: of today's patients somebody asks sooner. Locked until the transaction ends.
-- $1 at most so many
SELECT w.claim_id::text AS claim, c.name, c.typed_id
FROM identity_wanted w JOIN identity_claim c USING (claim_id)
WHERE w.work = 'keys'
ORDER BY w.claim_id DESC
LIMIT $1::integer
FOR UPDATE OF w SKIP LOCKED;

-- name: name_keys_add
-- $1 claim of each key
-- $2 keys
-- $3 kind of each key
INSERT INTO identity_key (claim_id, site_id, key, kind)
SELECT c.claim_id, c.site_id, k.key, k.kind
FROM unnest($1::text[]::bigint[], $2::text[], $3::text[]) AS k (claim_id, key, kind)
JOIN identity_claim c USING (claim_id)
ON CONFLICT DO NOTHING;

-- name: name_keys_done
-- $1 claims
DELETE FROM identity_wanted WHERE work = 'keys' AND claim_id = ANY ($1::text[]::bigint[]);

-- name: name_candidates
-- Looks for candidates of claims whose keys are there; one program at a time, so that two claims do not each find the other. How many claims
-- were looked at, and how many reviews were opened.
-- $1 at most so many claims
WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(20261124, 24) AS is_mine
), looked AS MATERIALIZED (
    SELECT w.claim_id
    FROM identity_wanted w
    WHERE w.work = 'candidates' AND (SELECT is_mine FROM turn)
      AND NOT EXISTS (SELECT FROM identity_wanted k WHERE k.work = 'keys' AND k.claim_id = w.claim_id)
    ORDER BY w.claim_id
    LIMIT $1::integer
), found AS MATERIALIZED (
    SELECT claim_id, identity_find_candidates(claim_id) AS reviews FROM looked
), done AS (
    DELETE FROM identity_wanted w USING found WHERE w.work = 'candidates' AND w.claim_id = found.claim_id
)
SELECT count(*)::integer AS claims, coalesce(sum(reviews), 0)::integer AS reviews FROM found;
