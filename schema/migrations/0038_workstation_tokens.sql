-- Tokens by which a named workstation acts for a person at the DICOMweb doors, without a password and without a session.

CREATE TABLE workstation_token (
    token_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id    uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    person_id    bigint NOT NULL REFERENCES person,
    workstation  text NOT NULL CHECK (workstation <> '' AND length(workstation) <= 60 AND position(':' IN workstation) = 0), -- user of HTTP Basic
    uses         text[] NOT NULL CHECK (uses <> '{}' AND uses <@ ARRAY['read', 'store', 'worklist']),
    token_sha256 bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32), -- of 256 random bits: nothing to guess, nothing to slow down
    made_by      text NOT NULL DEFAULT '', -- an operator's login name; empty: the person
    created_at   timestamptz NOT NULL DEFAULT yq_now(),
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    last_address inet,
    ended_at     timestamptz,
    ended_by     text NOT NULL DEFAULT '', -- who revoked it, in words; empty: a new password, or the account was disabled
    CHECK (expires_at > created_at)
);
CREATE INDEX workstation_token_person ON workstation_token (person_id);

GRANT SELECT, INSERT, UPDATE (last_used_at, last_address, ended_at, ended_by) ON workstation_token TO yq_gateway;
GRANT INSERT, UPDATE (ended_at, ended_by) ON workstation_token TO yq_operator;
-- The hash is compared by the gateway alone.
GRANT SELECT (token_id, public_id, person_id, workstation, uses, made_by, created_at, expires_at, last_used_at, last_address, ended_at, ended_by)
    ON workstation_token TO yq_operator;
