-- What arrives: devices, identity, requests, studies, and what is said about them.

-- ---- devices ---------------------------------------------------------------------------------------------------------

-- An edge box in a township. Its site is its own; what it made while offline gets our ids on first contact.
CREATE TABLE edge (
    edge_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id          uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id            bigint NOT NULL REFERENCES site,
    name               text NOT NULL,
    certificate_sha256 bytea UNIQUE CHECK (length(certificate_sha256) = 32),
    last_seen_at       timestamptz
);

-- A device is what is known of it: ten may call themselves DR behind one address.
CREATE TABLE device (
    device_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id          uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id            bigint NOT NULL REFERENCES site,
    name               text NOT NULL DEFAULT '',
    calling_ae         text NOT NULL CHECK (calling_ae ~ '^[ -\[\]-~]{1,16}$' AND calling_ae ~ '[^ ]'),
    called_ae          text CHECK (called_ae ~ '^[ -\[\]-~]{1,16}$'), -- NULL: our own title
    address            cidr,                                          -- NULL: from anywhere
    local_port         integer CHECK (local_port BETWEEN 1 AND 65535),
    certificate_sha256 bytea CHECK (length(certificate_sha256) = 32),
    edge_id            bigint REFERENCES edge,
    modality           text NOT NULL DEFAULT '',
    default_charset    text NOT NULL DEFAULT '', -- used when the bytes do not decide
    is_enabled         boolean NOT NULL DEFAULT true,
    clock_offset       interval,                 -- device clock minus ours, last measured
    clock_measured_at  timestamptz,
    charset_verdict    text NOT NULL DEFAULT '', -- of the last object
    first_seen_at      timestamptz,
    last_seen_at       timestamptz,
    last_error         text NOT NULL DEFAULT '',
    last_error_at      timestamptz,
    created_at         timestamptz NOT NULL DEFAULT yq_now()
);
CREATE UNIQUE INDEX device_known ON device (calling_ae, called_ae, address, local_port, certificate_sha256, edge_id)
    NULLS NOT DISTINCT WHERE is_enabled;
CREATE TRIGGER device_hint AFTER INSERT OR DELETE OR UPDATE OF site_id, calling_ae, called_ae, address, local_port, is_enabled
    ON device FOR EACH STATEMENT EXECUTE FUNCTION yq_notify('yq_device');

-- Contacts per day of the community's zone: the ground of "connected".
CREATE TABLE device_contact (
    device_id    bigint NOT NULL REFERENCES device,
    day          date NOT NULL,
    echoes       integer NOT NULL DEFAULT 0,
    associations integer NOT NULL DEFAULT 0,
    images       integer NOT NULL DEFAULT 0,
    refused      integer NOT NULL DEFAULT 0,
    last_at      timestamptz NOT NULL,
    PRIMARY KEY (device_id, day)
);

CREATE TABLE device_clock_sample (
    device_id    bigint NOT NULL REFERENCES device,
    measured_at  timestamptz NOT NULL DEFAULT yq_now(),
    clock_offset interval NOT NULL,
    PRIMARY KEY (device_id, measured_at)
);

-- ---- identity ----------------------------------------------------------------------------------------------------------

-- A human being as this county knows him. Nothing merges by itself across claims that contradict.
CREATE TABLE patient (
    patient_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    empi_id     text UNIQUE, -- of a county master index, where there is one
    created_at  timestamptz NOT NULL DEFAULT yq_now()
);

-- What arrived, kept as it came.
CREATE TABLE identity_claim (
    claim_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id    uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id      bigint NOT NULL REFERENCES site,
    patient_id   bigint NOT NULL REFERENCES patient, -- as decided now; identity_decision has how
    source       text NOT NULL CHECK (source IN ('image', 'request', 'edge', 'manual', 'empi')),
    trust        smallint NOT NULL DEFAULT 0,        -- higher wins where two disagree: image 0, request 10, verified 20
    typed_id     text NOT NULL,
    issuer       text NOT NULL DEFAULT '',
    name         text NOT NULL, -- PN with its groups, UTF-8
    sex          text NOT NULL DEFAULT '',
    birth_text   text NOT NULL DEFAULT '',
    birth_date   date,
    national_id  text NOT NULL DEFAULT '',
    other_ids    text NOT NULL DEFAULT '',
    content_hash bytea NOT NULL CHECK (length(content_hash) = 32),
    created_at   timestamptz NOT NULL DEFAULT yq_now(),
    UNIQUE (site_id, content_hash)
);
CREATE INDEX identity_claim_typed ON identity_claim (site_id, typed_id);
CREATE INDEX identity_claim_patient ON identity_claim (patient_id);
CREATE INDEX identity_claim_name ON identity_claim USING gin (name gin_trgm_ops);

CREATE TABLE identity_decision (
    decision_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id     bigint NOT NULL REFERENCES site,
    claim_id    bigint NOT NULL REFERENCES identity_claim,
    from_patient_id bigint REFERENCES patient,
    to_patient_id   bigint NOT NULL REFERENCES patient,
    reason      text NOT NULL,
    decided_by  bigint REFERENCES person, -- NULL: by rule
    decided_at  timestamptz NOT NULL DEFAULT yq_now()
);

-- 待核对: waits for a person.
CREATE TABLE identity_review (
    review_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id      uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id        bigint NOT NULL REFERENCES site,
    claim_id       bigint NOT NULL REFERENCES identity_claim,
    other_claim_id bigint NOT NULL REFERENCES identity_claim CHECK (other_claim_id <> claim_id),
    reason         text NOT NULL CHECK (reason IN ('contradiction', 'candidate', 'reused_study_uid')),
    opened_at      timestamptz NOT NULL DEFAULT yq_now(),
    settled_at     timestamptz,
    settled_by     bigint REFERENCES person,
    outcome        text CHECK (outcome IN ('same', 'different')),
    CHECK ((settled_at IS NULL) = (outcome IS NULL)),
    UNIQUE (claim_id, other_claim_id, reason)
);
CREATE INDEX identity_review_open ON identity_review (site_id, opened_at) WHERE settled_at IS NULL;

-- ---- requests (申请单) ----------------------------------------------------------------------------------------------------

-- One mapping between local item, insurance item, recognition item and DICOM procedure.
CREATE TABLE item_code (
    item_code_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id          bigint REFERENCES site, -- NULL: everywhere
    local_code       text NOT NULL,
    name             text NOT NULL,
    modality         text NOT NULL DEFAULT '',
    body_part        text NOT NULL DEFAULT '',
    expected_views   smallint CHECK (expected_views > 0), -- 胸部正侧位 = 2
    insurance_code   text NOT NULL DEFAULT '',
    recognition_code text NOT NULL DEFAULT '',
    procedure_code   text NOT NULL DEFAULT '', -- code ^ scheme ^ meaning
    valid            daterange NOT NULL DEFAULT daterange(NULL, NULL)
);
CREATE UNIQUE INDEX item_code_once ON item_code (site_id, local_code, valid) NULLS NOT DISTINCT;

CREATE TABLE request (
    request_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id        uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id          bigint NOT NULL REFERENCES site,
    claim_id         bigint NOT NULL REFERENCES identity_claim,
    request_number   text NOT NULL DEFAULT '',  -- 申请单号
    accession_number text NOT NULL CHECK (accession_number ~ '^[ -~]{1,16}$'), -- 检查号
    year             smallint NOT NULL,         -- unique per site and year at best
    patient_class    text NOT NULL CHECK (patient_class IN ('emergency', 'outpatient', 'inpatient', 'health_check')),
    is_urgent        boolean NOT NULL DEFAULT false, -- 加急
    green_channel    text CHECK (green_channel IN ('chest_pain', 'stroke', 'trauma')),
    visit_number     text NOT NULL DEFAULT '',  -- 门诊/住院/体检号
    age_text         text NOT NULL DEFAULT '',
    phone            text NOT NULL DEFAULT '',
    department       text NOT NULL DEFAULT '',
    doctor           text NOT NULL DEFAULT '',
    doctor_code      text NOT NULL DEFAULT '',
    item_code_id     bigint REFERENCES item_code,
    item_name        text NOT NULL DEFAULT '',
    body_part        text NOT NULL DEFAULT '',
    laterality       text NOT NULL DEFAULT '' CHECK (laterality IN ('', 'left', 'right', 'both', 'none')),
    purpose          text NOT NULL DEFAULT '',
    history          text NOT NULL DEFAULT '',
    clinical_diagnosis text NOT NULL DEFAULT '',
    details          jsonb NOT NULL DEFAULT '{}', -- pregnancy, allergy, renal function, operations, specimen
    photo_key        text,                        -- object of the paper form
    state            text NOT NULL DEFAULT 'registered' CHECK (state IN ('registered', 'matched', 'cancelled')),
    registered_by    bigint REFERENCES person,
    registered_at    timestamptz NOT NULL DEFAULT yq_now(),
    UNIQUE (site_id, year, accession_number)
);

-- ---- studies -------------------------------------------------------------------------------------------------------------

CREATE TABLE study (
    study_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id          uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id            bigint NOT NULL REFERENCES site,
    study_instance_uid text NOT NULL CHECK (study_instance_uid ~ '^[0-9.]{1,64}$'),
    split_no           smallint NOT NULL DEFAULT 0, -- > 0: a study UID kept for the next patient, split
    claim_id           bigint NOT NULL REFERENCES identity_claim,
    device_id          bigint REFERENCES device,
    state              text NOT NULL DEFAULT 'receiving' CHECK (state IN ('receiving', 'complete', 'incomplete')),
    version            integer NOT NULL DEFAULT 1 CHECK (version > 0), -- + 1 by a late image
    patient_class      text NOT NULL DEFAULT 'outpatient'
                       CHECK (patient_class IN ('emergency', 'outpatient', 'inpatient', 'health_check')),
    reading_mode       text CHECK (reading_mode IN ('central', 'local_draft', 'local')), -- set by the rule that matched
    accession_number   text NOT NULL DEFAULT '',
    dicom_study_id     text NOT NULL DEFAULT '',
    study_date_text    text NOT NULL DEFAULT '', -- as it came
    study_time_text    text NOT NULL DEFAULT '',
    study_at           timestamptz,              -- interpreted; shown, never sorted or measured by
    description        text NOT NULL DEFAULT '',
    referring_physician text NOT NULL DEFAULT '',
    patient_age_text   text NOT NULL DEFAULT '',
    modality           text NOT NULL DEFAULT '', -- the one that decides rules: of the first image series
    body_part          text NOT NULL DEFAULT '',
    instance_count     integer NOT NULL DEFAULT 0, -- received, without our own
    size_bytes         bigint NOT NULL DEFAULT 0,
    first_arrival_at   timestamptz NOT NULL,
    last_arrival_at    timestamptz NOT NULL,
    submitted_at       timestamptz,  -- 提交诊断
    due_at             timestamptz,  -- the router decides about completion then
    cap_at             timestamptz,  -- offered as incomplete then
    completed_at       timestamptz,
    unrouted_reason    text NOT NULL DEFAULT '', -- complete, but no rule matched
    retake_of_id       bigint REFERENCES study,
    UNIQUE (site_id, study_instance_uid, split_no),
    UNIQUE (study_id, site_id)
);
CREATE INDEX study_arrival ON study (first_arrival_at, study_id);
CREATE INDEX study_uid ON study (study_instance_uid);
CREATE INDEX study_due ON study (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX study_day ON study (site_id, last_arrival_at);
CREATE INDEX study_claim ON study (claim_id);
CREATE TRIGGER study_transition BEFORE INSERT OR UPDATE OF state ON study
    FOR EACH ROW EXECUTE FUNCTION yq_check_transition('study');

CREATE TABLE series (
    series_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    study_id            bigint NOT NULL,
    site_id             bigint NOT NULL,
    series_instance_uid text NOT NULL CHECK (series_instance_uid ~ '^[0-9.]{1,64}$'),
    origin              text NOT NULL DEFAULT 'device' CHECK (origin IN ('device', 'link', 'own')),
    number              integer,
    modality            text NOT NULL DEFAULT '',
    description         text NOT NULL DEFAULT '',
    body_part           text NOT NULL DEFAULT '',
    laterality          text NOT NULL DEFAULT '',
    protocol            text NOT NULL DEFAULT '',
    instance_count      integer NOT NULL DEFAULT 0,
    UNIQUE (study_id, series_instance_uid),
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id),
    UNIQUE (series_id, site_id)
);

-- One stored object. Of a kind without patient (hanging protocol, colour palette ...): no series.
CREATE TABLE instance (
    instance_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id           uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id             bigint NOT NULL REFERENCES site,
    series_id           bigint,
    device_id           bigint REFERENCES device,
    origin              text NOT NULL CHECK (origin IN ('device', 'link', 'own')),
    sop_class_uid       text NOT NULL CHECK (sop_class_uid ~ '^[0-9.]{1,64}$'),
    sop_instance_uid    text NOT NULL CHECK (sop_instance_uid ~ '^[0-9.]{1,64}$'),
    transfer_syntax_uid text NOT NULL CHECK (transfer_syntax_uid ~ '^[0-9.]{1,64}$'),
    object_key          text NOT NULL UNIQUE CHECK (object_key ~ '^[0-9a-f]{32}$'),
    size_bytes          bigint NOT NULL CHECK (size_bytes >= 0),   -- of the dataset as received
    header_bytes        integer NOT NULL CHECK (header_bytes >= 0), -- our preamble and meta header before it
    sha256              bytea NOT NULL CHECK (length(sha256) = 32), -- of the dataset as received
    arrived_at          timestamptz NOT NULL,
    number              integer,
    rows                integer,
    columns             integer,
    frames              integer,
    has_pixels          boolean NOT NULL DEFAULT false,
    content_date_text   text NOT NULL DEFAULT '',
    content_time_text   text NOT NULL DEFAULT '',
    view_position       text NOT NULL DEFAULT '',
    charset_declared    text NOT NULL DEFAULT '',
    charset_used        text NOT NULL DEFAULT '',
    charset_verdict     text NOT NULL DEFAULT '',
    indexed_at          timestamptz NOT NULL DEFAULT yq_now(),
    UNIQUE (site_id, sop_instance_uid),
    FOREIGN KEY (series_id, site_id) REFERENCES series (series_id, site_id)
);
CREATE INDEX instance_series ON instance (series_id, number);
CREATE INDEX instance_sop ON instance (sop_instance_uid);

-- What became of every committed object; makes replay from the journal idempotent.
CREATE TABLE reception (
    object_key  text PRIMARY KEY,
    site_id     bigint NOT NULL REFERENCES site,
    instance_id bigint REFERENCES instance, -- NULL: quarantined
    outcome     text NOT NULL CHECK (outcome IN ('stored', 'duplicate', 'conflict', 'quarantined')),
    arrived_at  timestamptz NOT NULL,
    indexed_at  timestamptz NOT NULL DEFAULT yq_now()
);

-- The same SOP instance UID with other bytes: kept, never overwritten, never dropped.
CREATE TABLE instance_conflict (
    conflict_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id     bigint NOT NULL REFERENCES site,
    instance_id bigint NOT NULL REFERENCES instance,
    object_key  text NOT NULL UNIQUE,
    sha256      bytea NOT NULL CHECK (length(sha256) = 32),
    size_bytes  bigint NOT NULL,
    header_bytes integer NOT NULL,
    transfer_syntax_uid text NOT NULL,
    kind        text NOT NULL DEFAULT 'undecided' CHECK (kind IN ('undecided', 'reencoded', 'different')),
    arrived_at  timestamptz NOT NULL,
    settled_at  timestamptz,
    settled_by  bigint REFERENCES person,
    outcome     text NOT NULL DEFAULT ''
);

-- Objects that were kept and cannot be indexed: shown, corrected, driven again.
CREATE TABLE quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id     bigint REFERENCES site,
    device_id   bigint REFERENCES device,
    object_key  text NOT NULL UNIQUE,
    reason      text NOT NULL,
    arrived_at  timestamptz NOT NULL,
    settled_at  timestamptz,
    outcome     text NOT NULL DEFAULT ''
);

-- storescp and gateway say what happened; only the router moves the study's state.
CREATE TABLE study_signal (
    signal_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    study_id   bigint NOT NULL,
    site_id    bigint NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('instances', 'submit', 'commitment', 'mpps_completed', 'expected_views',
                                             'patient_class', 'complete_by_hand')),
    detail     jsonb NOT NULL DEFAULT '{}', -- e.g. {"instances": 40}, {"patient_class": "emergency"}
    person_id  bigint REFERENCES person,
    created_at timestamptz NOT NULL DEFAULT yq_now(),
    handled_at timestamptz,
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id)
);
CREATE INDEX study_signal_open ON study_signal (signal_id) WHERE handled_at IS NULL;
CREATE INDEX study_signal_study ON study_signal (study_id);
CREATE TRIGGER study_signal_hint AFTER INSERT ON study_signal FOR EACH STATEMENT EXECUTE FUNCTION yq_notify('yq_study');

-- A study meets its request; reversible.
CREATE TABLE request_match (
    match_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id    bigint NOT NULL REFERENCES site,
    request_id bigint NOT NULL REFERENCES request,
    study_id   bigint NOT NULL,
    method     text NOT NULL CHECK (method IN ('automatic', 'manual')),
    score      numeric(4, 3) NOT NULL CHECK (score BETWEEN 0 AND 1),
    evidence   jsonb NOT NULL DEFAULT '{}',
    matched_by bigint REFERENCES person,
    matched_at timestamptz NOT NULL DEFAULT yq_now(),
    undone_by  bigint REFERENCES person,
    undone_at  timestamptz,
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id),
    CHECK ((method = 'manual') = (matched_by IS NOT NULL))
);
CREATE UNIQUE INDEX request_match_once ON request_match (request_id, study_id) WHERE undone_at IS NULL;

-- Job number one of every day. A fact over untouched bytes: who, when, why, before, after; reversible.
CREATE TABLE correction (
    correction_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id     bigint NOT NULL REFERENCES site,
    study_id    bigint NOT NULL REFERENCES study,
    kind        text NOT NULL CHECK (kind IN ('match', 'split', 'merge', 'move_images', 'edit_patient')),
    reason      text NOT NULL CHECK (reason <> ''),
    before      jsonb NOT NULL,
    after       jsonb NOT NULL,
    made_by     bigint NOT NULL REFERENCES person,
    made_at     timestamptz NOT NULL DEFAULT yq_now(),
    undoes_id   bigint UNIQUE REFERENCES correction -- an undo is a correction of its own
);
CREATE TRIGGER correction_fixed BEFORE UPDATE OR DELETE ON correction FOR EACH ROW EXECUTE FUNCTION yq_refuse_change();
