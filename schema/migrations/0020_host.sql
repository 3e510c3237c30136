-- Every host that receives, as it saw itself last: what it acknowledged and nobody else has yet, and how much room it has.

CREATE TABLE host (
    host_id             uuid PRIMARY KEY,      -- lies in the journal (journal/host), and so goes with the journal's disk
    name                text NOT NULL CHECK (name <> ''),
    home                text NOT NULL CHECK (home <> ''), -- YQ_HOME: several may be on one machine
    program             text NOT NULL,         -- who reported
    version             text NOT NULL,
    first_reported_at   timestamptz NOT NULL DEFAULT yq_now(),
    reported_at         timestamptz NOT NULL DEFAULT yq_now(),
    ended_at            timestamptz,           -- its receiver ended in order, and nobody of it has reported since
    slots               integer NOT NULL CHECK (slots >= 0), -- of its journal, held by running processes
    -- Acknowledged, and only in its journal: lost with its disk.
    unplaced_objects    bigint NOT NULL CHECK (unplaced_objects >= 0),
    unplaced_bytes      bigint NOT NULL CHECK (unplaced_bytes >= 0),
    -- Acknowledged and not in this ledger, those above included: only its journal knows of them.
    waiting_objects     bigint NOT NULL CHECK (waiting_objects >= 0),
    waiting_bytes       bigint NOT NULL CHECK (waiting_bytes >= 0),
    waiting_peak        bigint NOT NULL CHECK (waiting_peak >= waiting_objects), -- the most since nothing waited: how far catching up has come
    oldest_at           timestamptz,
    quarantined_objects bigint NOT NULL CHECK (quarantined_objects >= 0), -- under its journal/quarantine
    store_path          text NOT NULL,
    store_total_bytes   bigint NOT NULL,
    store_free_bytes    bigint NOT NULL,
    store_state         text NOT NULL CHECK (store_state IN ('fine', 'low', 'full')),
    journal_total_bytes bigint NOT NULL,
    journal_free_bytes  bigint NOT NULL,
    journal_state       text NOT NULL CHECK (journal_state IN ('fine', 'low', 'full')),
    CHECK ((waiting_objects = 0) = (oldest_at IS NULL))
);

-- Open pages hear that room ran out or came back.
CREATE FUNCTION yq_host_room() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO event (kind, subject_id) VALUES ('host.room', NEW.host_id);
    RETURN NULL;
END $$;
CREATE TRIGGER host_room_new AFTER INSERT ON host FOR EACH ROW
    WHEN (NEW.store_state <> 'fine' OR NEW.journal_state <> 'fine') EXECUTE FUNCTION yq_host_room();
CREATE TRIGGER host_room AFTER UPDATE ON host FOR EACH ROW
    WHEN (OLD.store_state <> NEW.store_state OR OLD.journal_state <> NEW.journal_state) EXECUTE FUNCTION yq_host_room();

GRANT SELECT, INSERT, UPDATE ON host TO yq_storescp;
GRANT SELECT ON host TO yq_gateway, yq_operator;
GRANT DELETE ON host TO yq_operator;
