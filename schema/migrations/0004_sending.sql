-- What leaves, what was received, figures; then rights of the programs and row-level security.

-- ---- deliveries ------------------------------------------------------------------------------------------------------------------

CREATE TABLE destination (
    destination_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id     bigint NOT NULL REFERENCES site,
    name        text NOT NULL DEFAULT '',
    protocol    text NOT NULL DEFAULT 'dicom' CHECK (protocol IN ('dicom', 'stow', 'hl7', 'fhir', 'link', 'webhook')),
    ae_title    text CHECK (ae_title ~ '^[ -\[\]-~]{1,16}$'),
    host        text CHECK (host ~ '^[A-Za-z0-9.:_-]{1,253}$'),
    port        integer CHECK (port BETWEEN 1 AND 65535),
    wants_reports boolean NOT NULL DEFAULT true,
    wants_images  boolean NOT NULL DEFAULT false,
    is_enabled  boolean NOT NULL DEFAULT true,
    held_at     timestamptz, -- 暂停发送 belongs to the destination
    held_reason text NOT NULL DEFAULT '',
    last_success_at timestamptz,
    last_error_at   timestamptz,
    last_error  text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT yq_now(),
    CHECK (protocol <> 'dicom' OR (ae_title IS NOT NULL AND host IS NOT NULL AND port IS NOT NULL))
);
CREATE UNIQUE INDEX destination_once ON destination (site_id, protocol, ae_title, host, port) NULLS NOT DISTINCT WHERE is_enabled;
CREATE TRIGGER destination_hint AFTER INSERT OR UPDATE ON destination FOR EACH ROW EXECUTE FUNCTION yq_notify('yq_delivery');

CREATE TABLE delivery (
    delivery_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id     uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id       bigint NOT NULL REFERENCES site,
    destination_id bigint NOT NULL REFERENCES destination,
    purpose       text NOT NULL CHECK (purpose IN ('return', 'forward', 'recall', 'notify')),
    report_version_id bigint REFERENCES report_version,
    study_id      bigint REFERENCES study,
    study_version integer,
    message       jsonb,
    state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sending', 'verifying', 'waiting', 'delivered',
                                                                   'quarantined', 'dead', 'cancelled')),
    attempts      integer NOT NULL DEFAULT 0,
    next_try_at   timestamptz NOT NULL DEFAULT yq_now(),
    deadline_at   timestamptz NOT NULL,
    worker        uuid,        -- program.instance_id that sends it
    worker_until  timestamptz, -- lease of the worker
    last_error    text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT yq_now(),
    delivered_at  timestamptz,
    CHECK (num_nonnulls(report_version_id, study_id, message) = 1 AND (study_id IS NULL) = (study_version IS NULL)),
    CHECK ((state = 'delivered') = (delivered_at IS NOT NULL)),
    UNIQUE NULLS NOT DISTINCT (destination_id, purpose, report_version_id, study_id, study_version, message)
);
CREATE INDEX delivery_due ON delivery (destination_id, next_try_at) WHERE state IN ('pending', 'waiting');
CREATE INDEX delivery_state ON delivery (state);
CREATE INDEX delivery_report ON delivery (report_version_id);
CREATE TRIGGER delivery_transition BEFORE INSERT OR UPDATE OF state ON delivery
    FOR EACH ROW EXECUTE FUNCTION yq_check_transition('delivery');
-- By row: a statement that changed nothing is no hint, or a router that looks for work would wake itself for ever.
CREATE TRIGGER delivery_hint AFTER INSERT OR UPDATE OF state ON delivery FOR EACH ROW EXECUTE FUNCTION yq_notify('yq_delivery');

-- Progress per object; what is confirmed is not sent again.
CREATE TABLE delivery_item (
    delivery_id  bigint NOT NULL REFERENCES delivery,
    site_id      bigint NOT NULL REFERENCES site,
    instance_id  bigint NOT NULL REFERENCES instance,
    state        text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'unknown', 'confirmed', 'refused')),
    dimse_status integer CHECK (dimse_status BETWEEN 0 AND 65535),
    comment      text NOT NULL DEFAULT '',
    tried_at     timestamptz,
    confirmed_at timestamptz,
    PRIMARY KEY (delivery_id, instance_id),
    CHECK ((state = 'confirmed') = (confirmed_at IS NOT NULL))
);

CREATE TABLE delivery_attempt (
    attempt_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id bigint NOT NULL REFERENCES delivery,
    site_id     bigint NOT NULL REFERENCES site,
    number      integer NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT yq_now(),
    ended_at    timestamptz,
    outcome     text CHECK (outcome IN ('confirmed', 'failed', 'refused', 'unknown', 'cancelled')),
    error       text NOT NULL DEFAULT '',
    UNIQUE (delivery_id, number)
);

-- Facts, not a click: delivered (machine), opened, printed, read by the clinician.
CREATE TABLE receipt (
    receipt_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id     bigint NOT NULL,
    report_version_id bigint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('delivered', 'opened', 'printed', 'read')),
    delivery_id bigint REFERENCES delivery,
    person_id   bigint REFERENCES person,
    at_site_id  bigint REFERENCES site, -- the seat of the person then
    at          timestamptz NOT NULL DEFAULT yq_now(),
    FOREIGN KEY (report_version_id, site_id) REFERENCES report_version (report_version_id, site_id),
    CHECK ((kind = 'delivered') = (delivery_id IS NOT NULL) AND (kind = 'delivered') = (person_id IS NULL))
);
CREATE UNIQUE INDEX receipt_delivered_once ON receipt (delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX receipt_report ON receipt (report_version_id);

-- ---- recognition (互认), data that a region can change ---------------------------------------------------------------------------

CREATE TABLE recognition_item (
    recognition_item_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code           text NOT NULL,
    name           text NOT NULL,
    scope_level    text NOT NULL CHECK (scope_level IN ('community', 'city', 'province', 'region', 'nation')),
    reference_days integer CHECK (reference_days > 0),
    valid          daterange NOT NULL DEFAULT daterange(NULL, NULL),
    EXCLUDE USING gist (code WITH =, scope_level WITH =, valid WITH &&)
);
CREATE TABLE recognition_look (
    look_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id   bigint NOT NULL REFERENCES site,  -- where it was looked at
    study_id  bigint NOT NULL REFERENCES study,
    person_id bigint NOT NULL REFERENCES person,
    purpose   text NOT NULL CHECK (purpose <> ''),
    verdict   text NOT NULL CHECK (verdict IN ('recognisable', 'beyond_reference_time', 'not_fit')),
    shown_at  timestamptz NOT NULL DEFAULT yq_now(),
    decision  text CHECK (decision IN ('recognised', 'repeated')),
    repeat_reason smallint CHECK (repeat_reason BETWEEN 1 AND 6), -- the national six
    repeat_text text NOT NULL DEFAULT '',
    decided_at timestamptz,
    CHECK ((decision IS NULL) = (decided_at IS NULL)),
    CHECK ((decision IS NOT DISTINCT FROM 'repeated') = (repeat_reason IS NOT NULL)),
    CHECK (repeat_reason IS DISTINCT FROM 6 OR repeat_text <> '')
);

-- ---- figures -----------------------------------------------------------------------------------------------------------------------

-- A figure is defined once; what was computed names the version of its definition.
CREATE TABLE figure_definition (
    figure      text NOT NULL CHECK (figure ~ '^[a-z_]+$'),
    version     integer NOT NULL CHECK (version > 0),
    name_zh     text NOT NULL,
    name_en     text NOT NULL,
    numerator   text NOT NULL,
    denominator text NOT NULL,
    dimensions  text[] NOT NULL DEFAULT '{}',
    in_force    daterange NOT NULL CHECK (NOT isempty(in_force)),
    PRIMARY KEY (figure, version),
    EXCLUDE USING gist (figure WITH =, in_force WITH &&)
);
CREATE TABLE rollup_site_day (
    figure      text NOT NULL,
    version     integer NOT NULL,
    site_id     bigint NOT NULL REFERENCES site,
    day         date NOT NULL,
    dimension   text NOT NULL DEFAULT '',
    numerator   bigint NOT NULL,
    denominator bigint NOT NULL,
    computed_at timestamptz NOT NULL DEFAULT yq_now(),
    PRIMARY KEY (figure, version, site_id, day, dimension),
    FOREIGN KEY (figure, version) REFERENCES figure_definition
);
-- A closed month is frozen; what changes later shows as an adjustment.
CREATE TABLE month_close (
    community_id bigint NOT NULL REFERENCES scope,
    month        date NOT NULL CHECK (month = date_trunc('month', month)::date),
    figures      jsonb NOT NULL,
    closed_by    bigint REFERENCES person,
    closed_at    timestamptz NOT NULL DEFAULT yq_now(),
    PRIMARY KEY (community_id, month)
);
CREATE TRIGGER month_close_fixed BEFORE UPDATE OR DELETE ON month_close FOR EACH ROW EXECUTE FUNCTION yq_refuse_change();
CREATE TABLE month_adjustment (
    adjustment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    community_id  bigint NOT NULL,
    month         date NOT NULL,
    figure        text NOT NULL,
    site_id       bigint REFERENCES site,
    difference    jsonb NOT NULL,
    reason        text NOT NULL CHECK (reason <> ''),
    made_at       timestamptz NOT NULL DEFAULT yq_now(),
    FOREIGN KEY (community_id, month) REFERENCES month_close
);
CREATE TRIGGER month_adjustment_fixed BEFORE UPDATE OR DELETE ON month_adjustment
    FOR EACH ROW EXECUTE FUNCTION yq_refuse_change();

-- Numbers for the metrics endpoint, without patients: over every site, whoever asks (row-level security would hide them).
CREATE FUNCTION yq_gauges() RETURNS TABLE (name text, labels jsonb, value bigint) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT 'reading_tasks', jsonb_build_object('queue', q.name, 'lead', lead.name, 'state', s.state), count(t.task_id)
    FROM reading_queue q
    JOIN scope lead ON lead.scope_id = q.lead_site_id
    CROSS JOIN unnest(ARRAY['awaiting', 'writing', 'awaiting_review', 'reviewing', 'returned']) AS s (state)
    LEFT JOIN reading_task t ON t.queue_id = q.queue_id AND t.state = s.state
    GROUP BY q.queue_id, q.name, lead.name, s.state
    UNION ALL
    SELECT 'reading_tasks_late', jsonb_build_object('queue', q.name, 'lead', lead.name), count(t.task_id)
    FROM reading_queue q
    JOIN scope lead ON lead.scope_id = q.lead_site_id
    LEFT JOIN reading_task t ON t.queue_id = q.queue_id AND t.paused_at IS NULL AND t.due_at < yq_now()
         AND t.state IN ('awaiting', 'writing', 'awaiting_review', 'reviewing')
    GROUP BY q.queue_id, q.name, lead.name
    UNION ALL
    SELECT 'deliveries', jsonb_build_object('state', s.state), count(d.delivery_id)
    FROM unnest(ARRAY['pending', 'sending', 'verifying', 'waiting', 'quarantined', 'dead', 'delivered', 'cancelled']) AS s (state)
    LEFT JOIN delivery d ON d.state = s.state
    GROUP BY s.state
    UNION ALL
    SELECT 'studies', jsonb_build_object('state', s.state), count(t.study_id)
    FROM unnest(ARRAY['receiving', 'complete', 'incomplete']) AS s (state)
    LEFT JOIN study t ON t.state = s.state
    GROUP BY s.state
    UNION ALL
    SELECT 'study_signals_open', '{}', count(*) FROM study_signal WHERE handled_at IS NULL
    UNION ALL
    SELECT 'program_seen_seconds_ago', jsonb_build_object('program', program, 'host', host),
           extract(epoch FROM yq_now() - max(seen_at))::bigint
    FROM program WHERE ended_at IS NULL
    GROUP BY program, host
$$;

-- ---- row-level security ---------------------------------------------------------------------------------------------------------------

-- The statements of the gateway take the scope; this stands behind them. The other programs serve every site.
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['identity_claim', 'identity_decision', 'identity_review', 'request', 'study', 'series', 'instance',
        'reception', 'instance_conflict', 'quarantine', 'study_signal', 'request_match', 'correction', 'reading_task', 'workitem',
        'task_return', 'task_assignment', 'consultation', 'report', 'report_version', 'report_revision', 'report_remark',
        'report_signature', 'artefact', 'critical_value', 'critical_contact', 'delivery', 'delivery_item', 'delivery_attempt',
        'receipt', 'recognition_look'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY person_sites ON %I TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())))', t);
        EXECUTE format('CREATE POLICY every_site ON %I TO yq_storescp, yq_router, yq_operator USING (true)', t);
    END LOOP;
END $$;
ALTER TABLE patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY person_sites ON patient TO yq_gateway
    USING (EXISTS (SELECT FROM identity_claim c WHERE c.patient_id = patient.patient_id));
CREATE POLICY every_site ON patient TO yq_storescp, yq_router, yq_operator USING (true);

-- ---- rights of the programs --------------------------------------------------------------------------------------------------------------

-- Nothing is deleted in normal work except what says so here; the audit is only written and read.
GRANT USAGE ON SCHEMA public TO yq_storescp, yq_router, yq_gateway, yq_operator;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO yq_router, yq_gateway, yq_operator;

GRANT SELECT, INSERT, UPDATE ON identity_claim, identity_decision, identity_review, patient, study, series, instance, reception,
    instance_conflict, quarantine, study_signal, device_contact, device_clock_sample, event, program
    TO yq_storescp, yq_gateway, yq_router, yq_operator;
GRANT SELECT ON scope, scope_membership, site, edge, request, request_match, person TO yq_storescp;
GRANT SELECT, UPDATE ON device TO yq_storescp, yq_gateway;
GRANT DELETE ON event TO yq_router;
GRANT DELETE ON program TO yq_router, yq_operator;

GRANT INSERT, UPDATE ON reading_task, workitem, task_return, task_assignment, delivery, delivery_item, delivery_attempt, receipt
    TO yq_router, yq_gateway, yq_operator;
GRANT UPDATE ON destination TO yq_router;
GRANT INSERT, UPDATE ON rollup_site_day TO yq_router, yq_operator;
GRANT INSERT ON month_close, month_adjustment TO yq_router, yq_operator;

GRANT INSERT, UPDATE ON report, report_version, report_revision, report_remark, report_signature, artefact, consultation,
    critical_value, critical_contact, request, request_match, correction, recognition_look, session TO yq_gateway;
GRANT UPDATE ON person TO yq_gateway; -- password, failed logins, seat
GRANT UPDATE (ended_at) ON session TO yq_operator; -- a new password ends the logins
GRANT DELETE ON session TO yq_gateway, yq_router;

GRANT INSERT, UPDATE ON scope, scope_membership, site, site_code, grid_lead, site_enrolment, coverage_target, person, person_right,
    device, edge, item_code, request, qualification, signing_key, signing_policy, signing_policy_version, reading_queue,
    routing_rule_set, routing_rule, turnaround_limit, calendar_day, destination, recognition_item, figure_definition
    TO yq_operator;

GRANT SELECT, INSERT ON audit, audit_seal TO yq_storescp, yq_router, yq_gateway, yq_operator;
REVOKE UPDATE, DELETE ON audit, audit_seal FROM yq_storescp, yq_router, yq_gateway, yq_operator;
-- Passwords and sealed keys are read by the gateway alone, and written by the operator.
REVOKE SELECT ON person, signing_key, session FROM yq_storescp, yq_router, yq_operator;
GRANT SELECT (person_id, public_id, account, name, institution_id, seat_id, title, licence_number, national_code, language, is_active,
    failed_logins, locked_until, created_at) ON person TO yq_storescp, yq_router, yq_operator;
GRANT SELECT (signing_key_id, public_id, person_id, backend, certificate, chain, is_demo, valid, revoked_at, created_at)
    ON signing_key TO yq_router, yq_operator;
GRANT SELECT ON session TO yq_router;
GRANT SELECT (person_id, ended_at) ON session TO yq_operator;
