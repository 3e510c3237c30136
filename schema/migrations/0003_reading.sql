-- Reading: policies, rules, tasks, consultations, reports, signatures, papers, critical values.

-- ---- who may sign ------------------------------------------------------------------------------------------------------

CREATE TABLE qualification (
    qualification_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id  bigint NOT NULL REFERENCES person,
    kind       text NOT NULL CHECK (kind IN ('write', 'review', 'sign_provisional')),
    modality   text,                          -- NULL: every one
    scope_id   bigint NOT NULL REFERENCES scope, -- practice scope
    valid      daterange NOT NULL CHECK (NOT isempty(valid)),
    granted_by bigint REFERENCES person,
    granted_at timestamptz NOT NULL DEFAULT yq_now()
);
CREATE INDEX qualification_person ON qualification (person_id, kind);

-- A key behind the signer interface. The database never sees it in the clear.
CREATE TABLE signing_key (
    signing_key_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id      uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    person_id      bigint NOT NULL REFERENCES person,
    backend        text NOT NULL,      -- ledger, pkcs11, ...
    sealed_key     bytea,              -- AES-256-GCM under the key file of the installation; NULL: elsewhere
    certificate    bytea NOT NULL,     -- DER
    chain          bytea[] NOT NULL DEFAULT '{}',
    is_demo        boolean NOT NULL DEFAULT false,
    valid          tstzrange NOT NULL CHECK (NOT isempty(valid)),
    revoked_at     timestamptz,
    created_at     timestamptz NOT NULL DEFAULT yq_now()
);
CREATE INDEX signing_key_person ON signing_key (person_id);

CREATE TABLE signing_policy (
    policy_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    name      text NOT NULL UNIQUE
);
-- What was decided under a version keeps naming it.
CREATE TABLE signing_policy_version (
    policy_version_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id           uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    policy_id           bigint NOT NULL REFERENCES signing_policy,
    version             integer NOT NULL CHECK (version > 0),
    signatures          smallint NOT NULL CHECK (signatures IN (1, 2)),
    different_persons   boolean NOT NULL,
    provisional_hours   int4range[] NOT NULL DEFAULT '{}', -- minutes of the day in which provisional reports are allowed
    in_force            tstzrange NOT NULL CHECK (NOT isempty(in_force)),
    made_by             bigint REFERENCES person,
    UNIQUE (policy_id, version),
    EXCLUDE USING gist (policy_id WITH =, in_force WITH &&),
    CHECK (signatures = 2 OR NOT different_persons)
);

-- ---- rules ------------------------------------------------------------------------------------------------------------------

CREATE TABLE reading_queue (
    queue_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    lead_site_id bigint NOT NULL REFERENCES site, -- 诊断机构, the issuer
    policy_id bigint NOT NULL REFERENCES signing_policy,
    name      text NOT NULL CHECK (name <> ''),
    UNIQUE (lead_site_id, name)
);

CREATE TABLE routing_rule_set (
    rule_set_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version     integer NOT NULL UNIQUE CHECK (version > 0),
    in_force    tstzrange NOT NULL CHECK (NOT isempty(in_force)),
    made_by     bigint REFERENCES person,
    note        text NOT NULL DEFAULT '',
    EXCLUDE USING gist (in_force WITH &&)
);
-- The first that fits, by ordinal, decides.
CREATE TABLE routing_rule (
    rule_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id     uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    rule_set_id   bigint NOT NULL REFERENCES routing_rule_set,
    ordinal       integer NOT NULL,
    scope_id      bigint REFERENCES scope, -- NULL: every site
    patient_class text CHECK (patient_class IN ('emergency', 'outpatient', 'inpatient', 'health_check')),
    modality      text,
    minutes       int4range, -- of the day
    queue_id      bigint NOT NULL REFERENCES reading_queue,
    reading_mode  text NOT NULL CHECK (reading_mode IN ('central', 'local_draft', 'local')),
    priority      smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN -10 AND 10), -- inside the class
    UNIQUE (rule_set_id, ordinal)
);

-- Turnaround limits shipped as defaults; 参考，以本院制度为准.
CREATE TABLE turnaround_limit (
    limit_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope_id      bigint REFERENCES scope,
    patient_class text CHECK (patient_class IN ('emergency', 'outpatient', 'inpatient', 'health_check')),
    modality      text,
    minutes       integer NOT NULL CHECK (minutes > 0),
    is_working_time boolean NOT NULL DEFAULT false, -- counted in working hours of the calendar
    in_force      tstzrange NOT NULL DEFAULT tstzrange(NULL, NULL) CHECK (NOT isempty(in_force))
);
CREATE UNIQUE INDEX turnaround_limit_once ON turnaround_limit (scope_id, patient_class, modality, in_force) NULLS NOT DISTINCT;

-- Days that differ from the week: 法定节假日 and 调休.
CREATE TABLE calendar_day (
    day        date PRIMARY KEY,
    is_working boolean NOT NULL,
    name       text NOT NULL DEFAULT ''
);

-- ---- reading tasks -------------------------------------------------------------------------------------------------------------

CREATE TABLE reading_task (
    task_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id     uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id       bigint NOT NULL,
    study_id      bigint NOT NULL,
    kind          text NOT NULL DEFAULT 'primary' CHECK (kind IN ('primary', 'recheck')), -- 复核 after a late image
    queue_id      bigint NOT NULL REFERENCES reading_queue,
    rule_id       bigint REFERENCES routing_rule, -- NULL: by hand or recheck
    reading_mode  text NOT NULL CHECK (reading_mode IN ('central', 'local_draft', 'local')),
    patient_class text NOT NULL CHECK (patient_class IN ('emergency', 'outpatient', 'inpatient', 'health_check')),
    priority      smallint NOT NULL DEFAULT 0,
    state         text NOT NULL DEFAULT 'awaiting'
                  CHECK (state IN ('awaiting', 'writing', 'awaiting_review', 'reviewing', 'returned', 'done', 'cancelled')),
    study_version integer NOT NULL, -- that the task offers; a late image raises it
    holder_id     bigint REFERENCES person,
    lease_token   uuid,
    lease_until   timestamptz,
    author_id     bigint REFERENCES person, -- whose draft it is, also while nobody holds it
    opened_at     timestamptz NOT NULL DEFAULT yq_now(),
    due_at        timestamptz,
    paused_at     timestamptz,              -- both clocks stand while 退回, waiting for history, 会诊
    paused_for    interval NOT NULL DEFAULT '0',
    first_taken_at timestamptz,
    submitted_at  timestamptz,
    done_at       timestamptz,
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id),
    UNIQUE (task_id, site_id),
    CHECK ((state IN ('writing', 'reviewing')) = (holder_id IS NOT NULL)),
    CHECK ((holder_id IS NULL) = (lease_token IS NULL) AND (holder_id IS NULL) = (lease_until IS NULL))
);
CREATE UNIQUE INDEX reading_task_one_open ON reading_task (study_id, kind) WHERE state NOT IN ('done', 'cancelled');
CREATE INDEX reading_task_study ON reading_task (study_id);
CREATE INDEX reading_task_queue ON reading_task (queue_id, state, due_at);
CREATE INDEX reading_task_lease ON reading_task (lease_until) WHERE lease_until IS NOT NULL;
CREATE TRIGGER reading_task_transition BEFORE INSERT OR UPDATE OF state ON reading_task
    FOR EACH ROW EXECUTE FUNCTION yq_check_transition('task');

-- UPS (PS3.4 annex CC): one row a claim attempt, since UPS cannot go back to SCHEDULED. Transaction UID = lease token.
CREATE TABLE workitem (
    workitem_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sop_instance_uid text NOT NULL UNIQUE, -- 2.25.
    site_id         bigint NOT NULL,
    task_id         bigint NOT NULL,
    state           text NOT NULL DEFAULT 'SCHEDULED' CHECK (state IN ('SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED')),
    transaction_uid uuid,
    person_id       bigint REFERENCES person,
    opened_at       timestamptz NOT NULL DEFAULT yq_now(),
    claimed_at      timestamptz,
    ended_at        timestamptz,
    reason          text NOT NULL DEFAULT '', -- release, expire, hand_over ...
    FOREIGN KEY (task_id, site_id) REFERENCES reading_task (task_id, site_id),
    CHECK ((state IN ('COMPLETED', 'CANCELED')) = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX workitem_one_open ON workitem (task_id) WHERE ended_at IS NULL;

-- 退回申请 to registration and doctor, 退回重拍 to the radiographer.
CREATE TABLE task_return (
    return_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id     bigint NOT NULL,
    task_id     bigint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('request', 'retake')),
    reason      text NOT NULL CHECK (reason <> '' AND length(reason) <= 2000),
    returned_by bigint NOT NULL REFERENCES person,
    returned_at timestamptz NOT NULL DEFAULT yq_now(),
    answer      text CHECK (length(answer) <= 2000),
    answered_by bigint REFERENCES person,
    answered_at timestamptz,
    retake_study_id bigint REFERENCES study,
    FOREIGN KEY (task_id, site_id) REFERENCES reading_task (task_id, site_id),
    CHECK ((answered_at IS NULL) = (answered_by IS NULL))
);
CREATE UNIQUE INDEX task_return_one_open ON task_return (task_id) WHERE answered_at IS NULL;

-- 指派, 转派, 接管: who moved the lease, and why.
CREATE TABLE task_assignment (
    assignment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id     bigint NOT NULL,
    task_id     bigint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('assign', 'transfer', 'take_over')),
    from_id     bigint REFERENCES person,
    to_id       bigint NOT NULL REFERENCES person,
    made_by     bigint NOT NULL REFERENCES person,
    reason      text NOT NULL DEFAULT '' CHECK (kind <> 'take_over' OR reason <> ''),
    made_at     timestamptz NOT NULL DEFAULT yq_now(),
    FOREIGN KEY (task_id, site_id) REFERENCES reading_task (task_id, site_id)
);

-- 会诊: a child of the task.
CREATE TABLE consultation (
    consultation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id     bigint NOT NULL,
    task_id     bigint NOT NULL,
    state       text NOT NULL DEFAULT 'requested'
                CHECK (state IN ('requested', 'accepted', 'declined', 'answered', 'adopted')),
    purpose     text NOT NULL CHECK (purpose <> ''),
    history     text NOT NULL DEFAULT '',
    level       text NOT NULL DEFAULT '',
    deadline    timestamptz,
    asked_by    bigint NOT NULL REFERENCES person,
    asked_of    bigint REFERENCES person,
    asked_site_id bigint REFERENCES site,
    asked_at    timestamptz NOT NULL DEFAULT yq_now(),
    answer      text,
    answered_at timestamptz,
    FOREIGN KEY (task_id, site_id) REFERENCES reading_task (task_id, site_id),
    CHECK (state NOT IN ('answered', 'adopted') OR answer IS NOT NULL)
);
CREATE TRIGGER consultation_transition BEFORE INSERT OR UPDATE OF state ON consultation
    FOR EACH ROW EXECUTE FUNCTION yq_check_transition('consultation');

-- ---- reports ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE report (
    report_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id    bigint NOT NULL,
    study_id   bigint NOT NULL,
    task_id    bigint NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT yq_now(),
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id),
    FOREIGN KEY (task_id, site_id) REFERENCES reading_task (task_id, site_id),
    UNIQUE (report_id, site_id)
);

CREATE TABLE report_version (
    report_version_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id         uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id           bigint NOT NULL,
    report_id         bigint NOT NULL,
    version           integer NOT NULL CHECK (version > 0),
    kind              text NOT NULL DEFAULT 'original' CHECK (kind IN ('original', 'correction', 'supplement', 'void')),
    reason            text NOT NULL DEFAULT '' CHECK (kind IN ('original', 'supplement') OR reason <> ''),
    predecessor_id    bigint REFERENCES report_version,
    state             text NOT NULL DEFAULT 'draft'
                      CHECK (state IN ('draft', 'provisional', 'submitted', 'issued', 'superseded', 'void')),
    revision          integer NOT NULL DEFAULT 1 CHECK (revision > 0), -- + 1 by every save
    body              jsonb NOT NULL,      -- what the doctor writes
    study_version     integer NOT NULL,    -- that was read
    author_id         bigint NOT NULL REFERENCES person,
    reviewer_id       bigint REFERENCES person,
    policy_version_id bigint REFERENCES signing_policy_version, -- in force at issue
    canonical         text,                -- at submission: everything that the paper says, as it is signed
    content_sha256    bytea,
    verification_code text UNIQUE,         -- of the QR code on the paper
    sr_sop_instance_uid  text UNIQUE,      -- fixed at submission, so that a second try makes the same objects
    pdf_sop_instance_uid text UNIQUE,
    sr_series_instance_uid  text,
    pdf_series_instance_uid text,
    written_at        timestamptz NOT NULL DEFAULT yq_now(),
    submitted_at      timestamptz,
    issued_at         timestamptz,
    settled_at        timestamptz,         -- SR and Encapsulated PDF are in
    UNIQUE (report_id, version),
    UNIQUE (report_version_id, site_id),
    FOREIGN KEY (report_id, site_id) REFERENCES report (report_id, site_id),
    CHECK ((canonical IS NULL) = (content_sha256 IS NULL)),
    CHECK (content_sha256 = sha256(convert_to(canonical, 'UTF8'))),
    CHECK (state NOT IN ('submitted', 'issued', 'superseded', 'void') OR (canonical IS NOT NULL AND submitted_at IS NOT NULL)),
    CHECK (state NOT IN ('issued', 'superseded', 'void') OR (issued_at IS NOT NULL AND policy_version_id IS NOT NULL))
);
CREATE UNIQUE INDEX report_version_one_open ON report_version (report_id) WHERE state IN ('draft', 'provisional', 'submitted');
CREATE INDEX report_version_issued ON report_version (site_id, issued_at) WHERE issued_at IS NOT NULL;
CREATE INDEX report_version_unsettled ON report_version (issued_at) WHERE issued_at IS NOT NULL AND settled_at IS NULL;

-- Every saved text, so that a reviewer sees what changed and nothing typed is lost.
CREATE TABLE report_revision (
    report_version_id bigint NOT NULL,
    site_id           bigint NOT NULL,
    revision          integer NOT NULL,
    body              jsonb NOT NULL,
    saved_by          bigint NOT NULL REFERENCES person,
    saved_at          timestamptz NOT NULL DEFAULT yq_now(),
    PRIMARY KEY (report_version_id, revision),
    FOREIGN KEY (report_version_id, site_id) REFERENCES report_version (report_version_id, site_id)
);

-- 退回修改, with its remark.
CREATE TABLE report_remark (
    remark_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id           bigint NOT NULL,
    report_version_id bigint NOT NULL,
    revision          integer NOT NULL,
    remark            text NOT NULL CHECK (remark <> '' AND length(remark) <= 2000),
    made_by           bigint NOT NULL REFERENCES person,
    made_at           timestamptz NOT NULL DEFAULT yq_now(),
    FOREIGN KEY (report_version_id, site_id) REFERENCES report_version (report_version_id, site_id)
);

-- Author and reviewer sign the same digest. A signature is never deleted: a submission sent back voids it.
CREATE TABLE report_signature (
    signature_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id         uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id           bigint NOT NULL,
    report_version_id bigint NOT NULL,
    role              text NOT NULL CHECK (role IN ('author', 'reviewer', 'provisional')),
    person_id         bigint NOT NULL REFERENCES person,
    signing_key_id    bigint REFERENCES signing_key, -- NULL: by password while the CA is away, to be signed later (补签)
    content_sha256    bytea NOT NULL CHECK (length(content_sha256) = 32),
    canonical         text NOT NULL CHECK (content_sha256 = sha256(convert_to(canonical, 'UTF8'))),
    cms               bytea,
    algorithm         text NOT NULL DEFAULT '',
    signed_at         timestamptz NOT NULL DEFAULT yq_now(),
    voided_at         timestamptz,
    FOREIGN KEY (report_version_id, site_id) REFERENCES report_version (report_version_id, site_id),
    CHECK ((signing_key_id IS NULL) = (cms IS NULL))
);
CREATE UNIQUE INDEX report_signature_once ON report_signature (report_version_id, role) WHERE voided_at IS NULL;

-- Papers, by digest, in the object store. Made once, never edited.
CREATE TABLE artefact (
    artefact_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id         uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id           bigint NOT NULL,
    report_version_id bigint NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('pdf_submitted', 'pdf', 'sr', 'encapsulated_pdf', 'hl7', 'fhir')),
    object_key        text NOT NULL CHECK (object_key ~ '^[0-9a-f]{32}$'),
    sha256            bytea NOT NULL CHECK (length(sha256) = 32), -- of the file
    size_bytes        bigint NOT NULL CHECK (size_bytes > 0),
    sop_instance_uid  text,
    created_at        timestamptz NOT NULL DEFAULT yq_now(),
    voided_at         timestamptz,
    FOREIGN KEY (report_version_id, site_id) REFERENCES report_version (report_version_id, site_id)
);
CREATE UNIQUE INDEX artefact_once ON artefact (report_version_id, kind) WHERE voided_at IS NULL;
CREATE INDEX artefact_digest ON artefact (sha256);
CREATE INDEX artefact_object ON artefact (object_key);

-- Is the person qualified, for this kind of act, modality and site, on this day?
CREATE FUNCTION yq_is_qualified(p_person bigint, p_kind text, p_modality text, p_site bigint, p_day date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM qualification q JOIN person p USING (person_id)
        WHERE q.person_id = p_person AND p.is_active AND q.kind = p_kind AND q.valid @> p_day
          AND (q.modality IS NULL OR q.modality = p_modality)
          AND p_site IN (SELECT yq_sites_under(q.scope_id, p_day)))
$$;

-- The gate of every issue: the signatures satisfy the policy in force now, and the papers exist. Nothing goes past it.
CREATE FUNCTION report_version_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    policy   signing_policy_version;
    modality text;
    today    date := yq_now()::date;
    made     text[];
BEGIN
    IF OLD.state IN ('issued', 'superseded', 'void') AND
       (NEW.canonical, NEW.content_sha256, NEW.body, NEW.author_id, NEW.reviewer_id, NEW.issued_at, NEW.version, NEW.study_version,
        NEW.policy_version_id, NEW.report_id, NEW.sr_sop_instance_uid, NEW.pdf_sop_instance_uid, NEW.verification_code)
       IS DISTINCT FROM
       (OLD.canonical, OLD.content_sha256, OLD.body, OLD.author_id, OLD.reviewer_id, OLD.issued_at, OLD.version, OLD.study_version,
        OLD.policy_version_id, OLD.report_id, OLD.sr_sop_instance_uid, OLD.pdf_sop_instance_uid, OLD.verification_code) THEN
        RAISE EXCEPTION 'cannot change an issued report: it is only followed by a new version' USING ERRCODE = 'YQ403';
    END IF;
    IF NEW.state <> 'issued' OR OLD.state = 'issued' THEN
        RETURN NEW;
    END IF;
    SELECT v.*  INTO policy
    FROM report r JOIN reading_task t USING (task_id) JOIN reading_queue q USING (queue_id)
    JOIN signing_policy_version v ON v.policy_id = q.policy_id AND v.in_force @> yq_now()
    WHERE r.report_id = NEW.report_id;
    SELECT s.modality INTO modality FROM report r JOIN study s USING (study_id) WHERE r.report_id = NEW.report_id;
    IF policy.policy_version_id IS NULL OR NEW.policy_version_id IS DISTINCT FROM policy.policy_version_id THEN
        RAISE EXCEPTION 'cannot issue: the report does not name the signing policy in force' USING ERRCODE = 'YQ403';
    END IF;
    SELECT coalesce(array_agg(role), '{}') INTO made FROM report_signature
    WHERE report_version_id = NEW.report_version_id AND voided_at IS NULL AND content_sha256 = NEW.content_sha256
      AND ((role = 'author' AND person_id = NEW.author_id) OR (role = 'reviewer' AND person_id = NEW.reviewer_id));
    IF NOT made @> (CASE policy.signatures WHEN 2 THEN ARRAY['author', 'reviewer'] ELSE ARRAY['author'] END) THEN
        RAISE EXCEPTION 'cannot issue: the signing policy asks for % signature(s) over this content', policy.signatures
            USING ERRCODE = 'YQ403';
    END IF;
    IF policy.different_persons AND NEW.author_id IS NOT DISTINCT FROM NEW.reviewer_id THEN
        RAISE EXCEPTION 'cannot issue: author and reviewer must be different persons' USING ERRCODE = 'YQ403';
    END IF;
    IF NOT yq_is_qualified(NEW.author_id, CASE policy.signatures WHEN 2 THEN 'write' ELSE 'review' END, modality, NEW.site_id, today)
       OR (policy.signatures = 2 AND NOT yq_is_qualified(NEW.reviewer_id, 'review', modality, NEW.site_id, today)) THEN
        RAISE EXCEPTION 'cannot issue: a signer is not qualified for this examination today' USING ERRCODE = 'YQ403';
    END IF;
    IF (SELECT count(*) FROM artefact WHERE report_version_id = NEW.report_version_id AND voided_at IS NULL
                                        AND kind IN ('pdf', 'sr', 'encapsulated_pdf')) <> 3 THEN
        RAISE EXCEPTION 'cannot issue: PDF, SR and Encapsulated PDF must be kept first' USING ERRCODE = 'YQ403';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER report_version_transition BEFORE INSERT OR UPDATE OF state ON report_version
    FOR EACH ROW EXECUTE FUNCTION yq_check_transition('report_version');
CREATE TRIGGER report_version_guard BEFORE UPDATE ON report_version FOR EACH ROW EXECUTE FUNCTION report_version_guard();

-- Issued papers and signatures stay as they are, except that they may be voided before the issue.
CREATE FUNCTION report_part_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (to_jsonb(NEW) - 'voided_at') <> (to_jsonb(OLD) - 'voided_at') OR OLD.voided_at IS NOT NULL
       OR EXISTS (SELECT FROM report_version WHERE report_version_id = OLD.report_version_id
                                               AND state IN ('issued', 'superseded', 'void')) THEN
        RAISE EXCEPTION 'cannot change % of a report', TG_TABLE_NAME USING ERRCODE = 'YQ403';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER report_signature_fixed BEFORE UPDATE OR DELETE ON report_signature
    FOR EACH ROW EXECUTE FUNCTION report_part_guard();
CREATE TRIGGER artefact_fixed BEFORE UPDATE OR DELETE ON artefact FOR EACH ROW EXECUTE FUNCTION report_part_guard();

-- ---- critical values (危急值), apart from the report and often before it ----------------------------------------------------

CREATE TABLE critical_value (
    critical_value_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id     bigint NOT NULL,
    study_id    bigint NOT NULL,
    item        text NOT NULL CHECK (item <> ''),
    state       text NOT NULL DEFAULT 'raised' CHECK (state IN ('raised', 'notified', 'read_back', 'handled', 'closed')),
    raised_by   bigint NOT NULL REFERENCES person,
    raised_at   timestamptz NOT NULL DEFAULT yq_now(),
    confirm_by  timestamptz NOT NULL,
    physician_id bigint REFERENCES person,  -- the clock stops at the physician
    physician_name text NOT NULL DEFAULT '',
    read_back   text NOT NULL DEFAULT '',
    read_back_at timestamptz,
    handling    text NOT NULL DEFAULT '',
    handled_at  timestamptz,
    closed_at   timestamptz,
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id),
    UNIQUE (critical_value_id, site_id),
    CHECK (state NOT IN ('read_back', 'handled', 'closed') OR (read_back_at IS NOT NULL AND read_back <> '')),
    CHECK (state NOT IN ('handled', 'closed') OR (handled_at IS NOT NULL AND handling <> ''))
);
CREATE TRIGGER critical_value_transition BEFORE INSERT OR UPDATE OF state ON critical_value
    FOR EACH ROW EXECUTE FUNCTION yq_check_transition('critical_value');

-- Who was told, in which order, and who took it for the physician.
CREATE TABLE critical_contact (
    contact_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id           bigint NOT NULL,
    critical_value_id bigint NOT NULL,
    contact           text NOT NULL,
    person_id         bigint REFERENCES person,
    is_physician      boolean NOT NULL,
    told_at           timestamptz NOT NULL DEFAULT yq_now(),
    confirmed_at      timestamptz,
    FOREIGN KEY (critical_value_id, site_id) REFERENCES critical_value (critical_value_id, site_id)
);
