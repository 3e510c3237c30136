-- What lib/db itself needs of the ledger.

-- name: db_session_settings
-- Settings of a fresh session. The zone decides how days, weeks and months are cut.
-- $1 microseconds that the program's clock is ahead
-- $2 statement time-out with unit
-- $3 time zone
SELECT set_config('yq.clock_offset', $1::text, false),
       set_config('statement_timeout', $2::text, false),
       set_config('TimeZone', $3::text, false);

-- name: db_session_person
-- Whose eyes the session has; row-level security reads it.
-- $1 public id of a person, or empty
SELECT set_config('yq.person', $1::text, false);

-- name: db_session_timeout
-- $1 statement time-out with unit, 0 for none
SELECT set_config('statement_timeout', $1::text, false);

-- name: migration_lock
-- One migrating process at a time; held by the session.
SELECT pg_advisory_lock(7951120842);

-- name: migration_unlock
SELECT pg_advisory_unlock(7951120842);

-- name: migration_table
CREATE TABLE IF NOT EXISTS schema_migration (
	number     integer     PRIMARY KEY CHECK (number > 0),
	name       text        NOT NULL UNIQUE,
	sha256     text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
	applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- name: migration_table_grant
-- Every program compares the ledger's version with its own at start.
GRANT SELECT ON schema_migration TO PUBLIC;

-- name: migration_list
SELECT number, name, sha256, applied_at FROM schema_migration ORDER BY number;

-- name: migration_record
-- $1 number
-- $2 name
-- $3 SHA-256 of the file, hexadecimal
INSERT INTO schema_migration (number, name, sha256) VALUES ($1::integer, $2::text, $3::text);
