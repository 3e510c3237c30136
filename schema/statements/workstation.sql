-- Tokens of workstations.

-- name: workstation_add
-- One row: the id, or the problem why there is none: person, past, far, many.
-- $1 person
-- $2 workstation
-- $3 uses
-- $4 last day
-- $5 SHA-256 of the token
-- $6 longest life in days
-- $7 how many a person may have
-- $8 an operator's login name, or empty
WITH who AS (
    SELECT person_id FROM person WHERE public_id = $1::uuid AND is_active
), judged AS (
    SELECT CASE WHEN NOT EXISTS (SELECT FROM who) THEN 'person'
                WHEN $4::date < yq_now()::date THEN 'past'
                WHEN $4::date > yq_now()::date + $6::integer THEN 'far'
                WHEN (SELECT count(*) FROM workstation_token t JOIN who USING (person_id)
                      WHERE t.ended_at IS NULL AND t.expires_at > yq_now()) >= $7::integer THEN 'many' END AS problem
), made AS (
    INSERT INTO workstation_token (person_id, workstation, uses, token_sha256, expires_at, made_by)
    SELECT w.person_id, $2::text, $3::text[], $5::bytea, ($4::date + 1)::timestamptz, $8::text
    FROM who w CROSS JOIN judged j WHERE j.problem IS NULL
    RETURNING public_id
)
SELECT j.problem, (SELECT public_id::text FROM made) AS id FROM judged j;

-- name: workstation_find
-- The token with its person, whether it lives or has ended; that it was used is noted, but not more often than every half minute from one address.
-- $1 SHA-256 of the token
-- $2 numeric address, or empty
-- $3 the user that was said with it, or NULL
WITH found AS (
    SELECT t.token_id, t.public_id, t.workstation, t.uses, t.last_used_at, t.last_address, p.person_id, p.public_id AS person, p.account, p.name,
           t.ended_at IS NULL AND t.expires_at > yq_now() AND p.is_active
               AND ($3::text IS NULL OR lower($3::text) = p.account OR $3::text = t.workstation) AS lives
    FROM workstation_token t JOIN person p USING (person_id)
    WHERE t.token_sha256 = $1::bytea
), used AS (
    UPDATE workstation_token t SET last_used_at = yq_now(), last_address = nullif($2::text, '')::inet
    FROM found f
    WHERE t.token_id = f.token_id AND f.lives
      AND (f.last_used_at IS NULL OR f.last_used_at < yq_now() - interval '30 s' OR f.last_address IS DISTINCT FROM nullif($2::text, '')::inet)
)
SELECT f.public_id, f.workstation, array_to_string(f.uses, ' ') AS uses, f.person, f.account, f.name, f.lives,
       coalesce((SELECT string_agg(DISTINCT r.role, ' ') FROM person_right r
                 WHERE r.person_id = f.person_id AND r.revoked_at IS NULL), '') AS roles
FROM found f;

-- name: workstation_list
-- A person's own, and with $2 those of people seated where the person is administrator or operator; what has ended is shown for a quarter.
-- $1 person
-- $2 also those of others
SELECT jsonb_build_object('id', t.public_id, 'workstation', t.workstation, 'uses', t.uses, 'state',
           CASE WHEN t.ended_at IS NOT NULL THEN 'ended' WHEN t.expires_at <= yq_now() THEN 'expired' ELSE 'valid' END,
           'created_at', t.created_at, 'made_by', t.made_by, 'expires_at', t.expires_at, 'last_used_at', t.last_used_at,
           'last_address', host(t.last_address), 'ended_at', t.ended_at, 'ended_by', t.ended_by,
           'person', jsonb_build_object('id', p.public_id, 'account', p.account, 'name', p.name)) AS json
FROM workstation_token t JOIN person p USING (person_id)
WHERE (p.public_id = $1::uuid OR ($2::boolean AND p.seat_id = ANY (ARRAY(SELECT yq_role_sites(ARRAY['administrator', 'operator'])))))
  AND least(t.ended_at, t.expires_at) > yq_now() - interval '90 days'
ORDER BY t.ended_at IS NOT NULL OR t.expires_at <= yq_now(), p.account, t.workstation, t.token_id DESC
LIMIT 1000;

-- name: workstation_end
-- A row for a token that is there for these eyes, whether it has ended already or not.
-- $1 token
-- $2 person, or NULL for the operator of the machine
-- $3 who ends it, in words
WITH found AS (
    SELECT t.token_id, t.public_id, t.workstation, p.public_id AS person
    FROM workstation_token t JOIN person p USING (person_id)
    WHERE t.public_id = $1::uuid
      AND ($2::uuid IS NULL OR p.public_id = $2::uuid OR p.seat_id = ANY (ARRAY(SELECT yq_role_sites(ARRAY['administrator', 'operator']))))
), ended AS (
    UPDATE workstation_token t SET ended_at = yq_now(), ended_by = $3::text
    FROM found f WHERE t.token_id = f.token_id AND t.ended_at IS NULL
)
SELECT f.public_id::text AS id, f.workstation, f.person::text AS person FROM found f;

-- name: workstation_list_all
-- For yqctl, the living first.
-- $1 account, or NULL
SELECT p.account, t.workstation, array_to_string(t.uses, ',') AS uses,
       CASE WHEN t.ended_at IS NOT NULL THEN 'ended' WHEN t.expires_at <= yq_now() THEN 'expired' ELSE 'valid' END AS state,
       t.expires_at, t.last_used_at, host(t.last_address) AS last_address, t.created_at, t.made_by, t.ended_at, t.ended_by, t.public_id AS id
FROM workstation_token t JOIN person p USING (person_id)
WHERE $1::text IS NULL OR p.account = $1::text
ORDER BY t.ended_at IS NOT NULL OR t.expires_at <= yq_now(), p.account, t.workstation, t.token_id DESC;
