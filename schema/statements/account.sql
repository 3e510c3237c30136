-- Accounts: logins and sessions.

-- name: account_find
-- What a login needs to know.
-- $1 account, as typed
SELECT public_id, account, name, password_hash, is_active, failed_logins,
       greatest(0, ceil(extract(epoch FROM locked_until - yq_now())))::bigint AS locked_s
FROM person
WHERE account = lower($1::text);

-- name: account_find_person
-- The same by public id.
-- $1 person
SELECT public_id, account, name, password_hash, is_active, failed_logins,
       greatest(0, ceil(extract(epoch FROM locked_until - yq_now())))::bigint AS locked_s
FROM person
WHERE public_id = $1::uuid;

-- name: account_login_failed
-- Counts a wrong password and sets the wait. Waits are counted from the last wrong one.
-- $1 person
-- $2 tries without a wait
-- $3 first wait in seconds, doubled by each further wrong password
-- $4 longest wait in seconds
-- $5 silence in seconds after which the count starts anew
WITH counted AS (
    SELECT person_id, 1 + CASE WHEN locked_until < yq_now() - $5::float8 * interval '1 s' THEN 0 ELSE failed_logins END AS failures
    FROM person WHERE public_id = $1::uuid FOR UPDATE
)
UPDATE person p
SET failed_logins = c.failures,
    locked_until = CASE WHEN c.failures > $2::integer
                   THEN yq_now() + least($4::float8, $3::float8 * power(2::float8, least(c.failures - 1 - $2::integer, 20))) * interval '1 s'
                   END
FROM counted c
WHERE p.person_id = c.person_id;

-- name: account_login_succeeded
-- $1 person
UPDATE person SET failed_logins = 0, locked_until = NULL
WHERE public_id = $1::uuid AND (failed_logins > 0 OR locked_until IS NOT NULL);

-- name: account_session_start
-- $1 SHA-256 of the token
-- $2 person
-- $3 CSRF token
-- $4 numeric address, or empty
-- $5 longest silence in milliseconds
INSERT INTO session (token_sha256, person_id, csrf_token, address, expires_at)
SELECT $1::bytea, person_id, $3::text, nullif($4::text, '')::inet, yq_now() + $5::bigint * interval '1 ms'
FROM person WHERE public_id = $2::uuid AND is_active;

-- name: account_session_find
-- The living session of a token; its silence is renewed, but not more often than every half minute.
-- $1 SHA-256 of the token
-- $2 longest silence in milliseconds
WITH living AS (
    SELECT s.token_sha256, s.csrf_token, s.last_seen_at, p.person_id, p.public_id, p.account, p.name
    FROM session s JOIN person p USING (person_id)
    WHERE s.token_sha256 = $1::bytea AND s.ended_at IS NULL AND s.expires_at > yq_now() AND p.is_active
), renewed AS (
    UPDATE session s SET last_seen_at = yq_now(), expires_at = yq_now() + $2::bigint * interval '1 ms'
    FROM living l
    WHERE s.token_sha256 = l.token_sha256 AND l.last_seen_at < yq_now() - interval '30 s'
)
SELECT l.public_id, l.account, l.name, l.csrf_token,
       coalesce((SELECT string_agg(DISTINCT r.role, ' ') FROM person_right r
                 WHERE r.person_id = l.person_id AND r.revoked_at IS NULL), '') AS roles
FROM living l;

-- name: account_roles
-- $1 person
SELECT coalesce(string_agg(DISTINCT r.role, ' '), '') AS roles
FROM person p JOIN person_right r ON r.person_id = p.person_id AND r.revoked_at IS NULL
WHERE p.public_id = $1::uuid;

-- name: account_session_end
-- $1 SHA-256 of the token
UPDATE session SET ended_at = yq_now() WHERE token_sha256 = $1::bytea AND ended_at IS NULL;

-- name: account_access_ended
-- Which of these can no longer be entered by, whoever ended them.
-- $1 SHA-256 of tokens of sessions, in hexadecimal
-- $2 public ids of tokens of workstations
SELECT u.access
FROM unnest($1::text[]) AS u (access)
WHERE NOT EXISTS (SELECT FROM session s JOIN person p USING (person_id)
                  WHERE s.token_sha256 = decode(u.access, 'hex') AND s.ended_at IS NULL AND s.expires_at > yq_now() AND p.is_active)
UNION ALL
SELECT u.access
FROM unnest($2::text[]) AS u (access)
WHERE NOT EXISTS (SELECT FROM workstation_token t JOIN person p USING (person_id)
                  WHERE t.public_id = u.access::uuid AND t.ended_at IS NULL AND t.expires_at > yq_now() AND p.is_active);

-- name: account_session_sweep
-- Forgets sessions that nobody can use any more; who logged in and out is in the audit.
DELETE FROM session WHERE ended_at IS NOT NULL OR expires_at <= yq_now();

-- name: account_session_end_others
-- After a new password; tokens of workstations end, too.
-- $1 person
-- $2 SHA-256 of the token that stays, or NULL
WITH tokens AS (
    UPDATE workstation_token t SET ended_at = yq_now()
    FROM person p
    WHERE p.public_id = $1::uuid AND t.person_id = p.person_id AND t.ended_at IS NULL
)
UPDATE session s SET ended_at = yq_now()
FROM person p
WHERE p.public_id = $1::uuid AND s.person_id = p.person_id AND s.ended_at IS NULL
  AND s.token_sha256 IS DISTINCT FROM $2::bytea;

-- name: account_password_set
-- Only over the hash that was confirmed: two changes at once do not overwrite each other.
-- $1 person
-- $2 new hash
-- $3 hash that it replaces
UPDATE person SET password_hash = $2::text
WHERE public_id = $1::uuid AND password_hash = $3::text
RETURNING public_id;
