-- Destinations of every transport, with what each needs to be reached, and deliveries that overtake each other by the class of their patient.

-- ---- destinations ----------------------------------------------------------------------------------------------------------

-- Texts are empty and numbers NULL where the installation's setting holds.
ALTER TABLE destination
    ADD COLUMN url text NOT NULL DEFAULT '' CHECK (url = '' OR (url ~ '^https?://[!-~]+$' AND length(url) <= 1024)),
    ADD COLUMN calling_ae text CHECK (calling_ae ~ '^[ -\[\]-~]{1,16}$'),
    -- off; server: the peer's certificate is verified; mutual: ours is shown, too
    ADD COLUMN tls text NOT NULL DEFAULT 'off' CHECK (tls IN ('off', 'server', 'mutual')),
    ADD COLUMN trust_pem text NOT NULL DEFAULT '' CHECK (length(trust_pem) <= 100000), -- whom to trust; empty: the system's authorities
    ADD COLUMN certificate_pem text NOT NULL DEFAULT '' CHECK (length(certificate_pem) <= 100000), -- ours, with its chain
    ADD COLUMN secret_sealed bytea, -- user, password, token, key of a signature, private key: signer_seal.h
    ADD COLUMN connect_timeout_ms integer CHECK (connect_timeout_ms BETWEEN 100 AND 600000),
    ADD COLUMN answer_timeout_ms  integer CHECK (answer_timeout_ms BETWEEN 100 AND 3600000),
    ADD COLUMN deliveries_max  smallint CHECK (deliveries_max BETWEEN 1 AND 64),  -- under way at once
    ADD COLUMN connections_max smallint CHECK (connections_max BETWEEN 1 AND 64), -- of one delivery
    ADD COLUMN rate_kbit integer CHECK (rate_kbit BETWEEN 16 AND 100000000),      -- all its connections together
    ADD COLUMN send_windows text NOT NULL DEFAULT ''                              -- of the day: "12:00-13:30,20:00-06:00"; empty: always
               CHECK (send_windows ~ '^$|^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9](,[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]){0,9}$'),
    ADD COLUMN backoff_min_ms bigint CHECK (backoff_min_ms BETWEEN 10 AND 86400000),
    ADD COLUMN backoff_max_ms bigint CHECK (backoff_max_ms BETWEEN 10 AND 86400000),
    ADD COLUMN deadline_ms    bigint CHECK (deadline_ms BETWEEN 1000 AND 31622400000),
    ADD COLUMN charset text NOT NULL DEFAULT 'utf-8' CHECK (charset IN ('utf-8', 'gb18030')), -- of HL7 v2 messages
    ADD COLUMN compression text NOT NULL DEFAULT 'as_stored' CHECK (compression IN ('as_stored', 'lossless')), -- lossless: where the peer takes it
    -- How it is proven that the peer holds what was sent. auto: commitment, else a query, else its answers.
    ADD COLUMN proof text NOT NULL DEFAULT 'auto' CHECK (proof IN ('auto', 'commitment', 'query', 'answers')),
    ADD COLUMN notes text NOT NULL DEFAULT '',
    -- The circuit breaker: failures in a row of the way there, until when it rests, and how many deliveries may be under way
    -- while it proves itself again (NULL: deliveries_max).
    ADD COLUMN failures integer NOT NULL DEFAULT 0,
    ADD COLUMN resting_until timestamptz,
    ADD COLUMN slow_start smallint CHECK (slow_start >= 1),
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT yq_now(),
    ADD CONSTRAINT destination_address CHECK (
        CASE protocol WHEN 'dicom' THEN ae_title IS NOT NULL AND host IS NOT NULL AND port IS NOT NULL
                      WHEN 'hl7' THEN host IS NOT NULL AND port IS NOT NULL
                      WHEN 'link' THEN true ELSE url <> '' END),
    ADD CONSTRAINT destination_mutual CHECK (tls <> 'mutual' OR certificate_pem <> '');
DROP INDEX destination_once;
CREATE UNIQUE INDEX destination_once ON destination (site_id, protocol, ae_title, host, port, url) NULLS NOT DISTINCT WHERE is_enabled;

-- ---- deliveries ------------------------------------------------------------------------------------------------------------

-- 0 急诊, 1 加急, 2 门诊/住院, 3 体检: in that order at one destination.
ALTER TABLE delivery
    ADD COLUMN rank smallint NOT NULL DEFAULT 2 CHECK (rank BETWEEN 0 AND 3),
    ADD COLUMN proof text CHECK (proof IN ('commitment', 'query', 'answers')), -- what shows that the peer holds it
    ADD COLUMN proof_note text NOT NULL DEFAULT '';                            -- "sent 180, held 180"
DROP INDEX delivery_due;
CREATE INDEX delivery_due ON delivery (destination_id, rank, next_try_at) WHERE state IN ('pending', 'waiting', 'verifying');

-- Another goes first: what is under way gives its place back at the next object, nothing of it is lost.
INSERT INTO state_transition (machine, from_state, event, to_state) VALUES ('delivery', 'sending', 'yield', 'pending');
ALTER TABLE delivery_attempt DROP CONSTRAINT delivery_attempt_outcome_check;
ALTER TABLE delivery_attempt ADD CONSTRAINT delivery_attempt_outcome_check
    CHECK (outcome IN ('confirmed', 'failed', 'refused', 'unknown', 'cancelled', 'yielded'));
