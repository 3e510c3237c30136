-- When a study is all there, as machines say it: storage commitment (PS3.4 annex J), modality performed procedure step (PS3.4 annex F), and up
-- to when the ledger knows all that was acknowledged.

-- ---- what the ledger knows -------------------------------------------------------------------------------------------------

-- Everything that this host acknowledged before this time is in the ledger.
ALTER TABLE host ADD COLUMN known_until timestamptz NOT NULL DEFAULT '-infinity';

-- The same of all hosts together. One that fell silent is not waited for, nor one that ended with nothing left; without hosts all is known.
CREATE FUNCTION yq_known_until() RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT coalesce(min(known_until), yq_now()) FROM host
    WHERE reported_at > yq_now() - interval '1 min' AND (ended_at IS NULL OR waiting_objects > 0)
$$;

-- A word that ends the waiting is judged when all is known that was acknowledged before it: receivers tell at once.
CREATE TRIGGER study_signal_known AFTER INSERT ON study_signal FOR EACH ROW
    WHEN (NEW.kind IN ('submit', 'commitment', 'mpps_completed', 'complete_by_hand')) EXECUTE FUNCTION yq_notify('yq_intake');

-- ---- storage commitment ------------------------------------------------------------------------------------------------------

-- Where a device takes the N-EVENT-REPORT when the association of its request is gone. No host: the address that it asked from.
ALTER TABLE device ADD COLUMN commitment_host text CHECK (commitment_host ~ '^[!-~]{1,253}$');
ALTER TABLE device ADD COLUMN commitment_port integer CHECK (commitment_port BETWEEN 1 AND 65535);

INSERT INTO state_transition (machine, from_state, event, to_state) VALUES
    ('commitment', '', 'request', 'waiting'),
    ('commitment', 'waiting', 'judge', 'judged'),
    ('commitment', 'judged', 'claim', 'reporting'),
    ('commitment', 'reporting', 'fail', 'judged'),
    ('commitment', 'reporting', 'answer', 'reported'),
    ('commitment', 'judged', 'give_up', 'dead'),
    ('commitment', 'dead', 'requeue', 'judged'),
    ('commitment', 'judged', 'ask_again', 'waiting'),
    ('commitment', 'reported', 'ask_again', 'waiting'),
    ('commitment', 'dead', 'ask_again', 'waiting'),
    ('mpps', '', 'create', 'in_progress'),
    ('mpps', 'in_progress', 'complete', 'completed'),
    ('mpps', 'in_progress', 'discontinue', 'discontinued');

CREATE TABLE commitment (
    commitment_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id       uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id         bigint NOT NULL REFERENCES site,
    device_id       bigint NOT NULL REFERENCES device,
    transaction_uid text NOT NULL CHECK (transaction_uid ~ '^[0-9.]{1,64}$'),
    is_duplicate    boolean NOT NULL DEFAULT false, -- the UID is in use with another list (0131H)
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'judged', 'reporting', 'reported', 'dead')),
    list_sha256     bytea NOT NULL CHECK (length(list_sha256) = 32), -- tells a repeated request from another one
    calling_ae      text NOT NULL, -- the device's, of the request
    called_ae       text NOT NULL, -- ours
    address         text NOT NULL,
    instances       integer NOT NULL CHECK (instances > 0),
    held            integer NOT NULL DEFAULT 0,
    requested_at    timestamptz NOT NULL DEFAULT yq_now(), -- for the last time
    judged_at       timestamptz,
    reported_at     timestamptz,
    tries           integer NOT NULL DEFAULT 0, -- reports that failed
    next_try_at     timestamptz NOT NULL DEFAULT yq_now(), -- waiting: to look again; judged: to report
    linger_until    timestamptz NOT NULL, -- the association of the request may take the report until then
    deadline_at     timestamptz NOT NULL,
    worker          uuid,
    worker_until    timestamptz,
    last_error      text NOT NULL DEFAULT '',
    CHECK ((state = 'reporting') = (worker IS NOT NULL) AND (worker IS NULL) = (worker_until IS NULL)),
    CHECK (held BETWEEN 0 AND instances),
    UNIQUE (commitment_id, site_id)
);
CREATE UNIQUE INDEX commitment_transaction ON commitment (device_id, transaction_uid) WHERE NOT is_duplicate;
CREATE INDEX commitment_open ON commitment (next_try_at) WHERE state IN ('waiting', 'judged');
CREATE INDEX commitment_worker ON commitment (worker_until) WHERE worker IS NOT NULL;
CREATE TRIGGER commitment_transition BEFORE INSERT OR UPDATE OF state ON commitment
    FOR EACH ROW EXECUTE FUNCTION yq_check_transition('commitment');
CREATE TRIGGER commitment_hint AFTER INSERT OR UPDATE OF state, next_try_at ON commitment
    FOR EACH ROW EXECUTE FUNCTION yq_notify('yq_commitment');
CREATE TRIGGER commitment_known AFTER INSERT OR UPDATE OF requested_at ON commitment
    FOR EACH ROW EXECUTE FUNCTION yq_notify('yq_intake');

-- What a request names. failure_reason: PS3.3 C.14.1.1; NULL: held, or not judged yet.
CREATE TABLE commitment_item (
    commitment_id    bigint NOT NULL,
    site_id          bigint NOT NULL,
    ordinal          integer NOT NULL CHECK (ordinal > 0),
    sop_class_uid    text NOT NULL CHECK (sop_class_uid ~ '^[0-9.]{1,64}$'),
    sop_instance_uid text NOT NULL CHECK (sop_instance_uid ~ '^[0-9.]{1,64}$'),
    instance_id      bigint REFERENCES instance,
    failure_reason   integer CHECK (failure_reason BETWEEN 1 AND 65535),
    PRIMARY KEY (commitment_id, ordinal),
    FOREIGN KEY (commitment_id, site_id) REFERENCES commitment (commitment_id, site_id)
);

-- The studies that a judged request speaks of.
CREATE TABLE commitment_study (
    commitment_id bigint NOT NULL,
    site_id       bigint NOT NULL,
    study_id      bigint NOT NULL,
    PRIMARY KEY (study_id, commitment_id),
    FOREIGN KEY (commitment_id, site_id) REFERENCES commitment (commitment_id, site_id),
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id)
);

-- ---- modality performed procedure step ---------------------------------------------------------------------------------------

-- What a modality says that it does. Its states are those of PS3.3 C.4.14; ended ones are never changed.
CREATE TABLE mpps (
    mpps_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id          uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id            bigint NOT NULL REFERENCES site,
    device_id          bigint NOT NULL REFERENCES device,
    sop_instance_uid   text NOT NULL CHECK (sop_instance_uid ~ '^[0-9.]{1,64}$'),
    state              text NOT NULL CHECK (state IN ('in_progress', 'completed', 'discontinued')),
    study_instance_uid text NOT NULL DEFAULT '', -- of the scheduled step; empty: none was told
    accession_number   text NOT NULL DEFAULT '',
    step_id            text NOT NULL DEFAULT '',
    station_ae         text NOT NULL DEFAULT '',
    modality           text NOT NULL DEFAULT '',
    started_text       text NOT NULL DEFAULT '', -- by the modality's clock, as it came
    ended_text         text NOT NULL DEFAULT '',
    series             integer NOT NULL DEFAULT 0, -- performed, as it lists them
    created_at         timestamptz NOT NULL DEFAULT yq_now(),
    changed_at         timestamptz NOT NULL DEFAULT yq_now(),
    ended_at           timestamptz,
    CHECK ((state = 'in_progress') = (ended_at IS NULL)),
    UNIQUE (site_id, sop_instance_uid),
    UNIQUE (mpps_id, site_id)
);
CREATE INDEX mpps_study ON mpps (site_id, study_instance_uid);
CREATE TRIGGER mpps_transition BEFORE INSERT OR UPDATE OF state ON mpps FOR EACH ROW EXECUTE FUNCTION yq_check_transition('mpps');

-- The objects that a performed step lists.
CREATE TABLE mpps_image (
    mpps_id          bigint NOT NULL,
    site_id          bigint NOT NULL,
    sop_instance_uid text NOT NULL CHECK (sop_instance_uid ~ '^[0-9.]{1,64}$'),
    PRIMARY KEY (mpps_id, sop_instance_uid),
    FOREIGN KEY (mpps_id, site_id) REFERENCES mpps (mpps_id, site_id)
);

-- ---- 复核 -------------------------------------------------------------------------------------------------------------------------

-- A late image came after the issue, and the signer looked: the report stands. What does change it is a report of its own.
INSERT INTO state_transition (machine, from_state, event, to_state) VALUES ('task', 'writing', 'no_influence', 'done');
CREATE TABLE recheck_outcome (
    task_id    bigint PRIMARY KEY,
    site_id    bigint NOT NULL,
    study_version integer NOT NULL, -- that was looked at
    reason     text NOT NULL CHECK (reason <> '' AND length(reason) <= 2000),
    settled_by bigint NOT NULL REFERENCES person,
    settled_at timestamptz NOT NULL DEFAULT yq_now(),
    FOREIGN KEY (task_id, site_id) REFERENCES reading_task (task_id, site_id)
);
CREATE TRIGGER recheck_outcome_fixed BEFORE UPDATE OR DELETE ON recheck_outcome FOR EACH ROW EXECUTE FUNCTION yq_refuse_change();

-- ---- rights ----------------------------------------------------------------------------------------------------------------------

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['commitment', 'commitment_item', 'commitment_study', 'mpps', 'mpps_image', 'recheck_outcome'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY person_sites ON %I TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())))', t);
        EXECUTE format('CREATE POLICY every_site ON %I TO yq_storescp, yq_router, yq_operator USING (true)', t);
        EXECUTE format('GRANT SELECT ON %I TO yq_storescp, yq_router, yq_gateway, yq_operator', t);
    END LOOP;
END $$;
GRANT INSERT, UPDATE ON commitment, commitment_item, mpps, mpps_image TO yq_storescp;
GRANT DELETE ON commitment_item, mpps_image TO yq_storescp; -- a list that is told anew
GRANT UPDATE ON commitment, commitment_item TO yq_router;
GRANT INSERT ON commitment_study TO yq_router;
GRANT INSERT ON recheck_outcome TO yq_gateway;
GRANT UPDATE ON commitment TO yq_operator;
GRANT SELECT ON host TO yq_router;
GRANT SELECT ON state_transition TO yq_storescp;
