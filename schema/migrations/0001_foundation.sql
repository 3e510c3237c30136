-- Foundation: clock, state machines, scope tree and sites, persons and rights, events, programs, audit.
-- Run as yq_owner. The roles yq_storescp, yq_router, yq_gateway and yq_operator exist already (deploy/ledger).

-- "Now" for everything that is decided here. Tests move it by the setting yq.clock_offset (microseconds, as text).
CREATE FUNCTION yq_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT statement_timestamp()
           + coalesce(nullif(current_setting('yq.clock_offset', true), ''), '0')::bigint * interval '1 microsecond'
$$;

-- One hint a statement; a scan of the ledger is the truth. TG_ARGV[0] is the channel.
CREATE FUNCTION yq_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_ARGV[0], '');
    RETURN NULL;
END $$;

CREATE FUNCTION yq_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'cannot change %: rows of it are only added', TG_TABLE_NAME USING ERRCODE = 'YQ403';
END $$;

-- ---- state machines ------------------------------------------------------------------------------------------------

-- The same lists as lib/domain/*.def; a test compares them. from_state '' is the birth of a row.
CREATE TABLE state_transition (
    machine    text NOT NULL,
    from_state text NOT NULL,
    event      text NOT NULL,
    to_state   text NOT NULL,
    PRIMARY KEY (machine, from_state, event)
);
CREATE INDEX state_transition_step ON state_transition (machine, from_state, to_state);

INSERT INTO state_transition (machine, from_state, event, to_state) VALUES
    ('study', '', 'first_image', 'receiving'),
    ('study', 'receiving', 'completed', 'complete'),
    ('study', 'receiving', 'cap_reached', 'incomplete'),
    ('study', 'complete', 'late_image', 'receiving'),
    ('study', 'incomplete', 'late_image', 'receiving'),
    ('study', 'incomplete', 'completed', 'complete'),

    ('task', '', 'open', 'awaiting'),
    ('task', 'awaiting', 'take', 'writing'),
    ('task', 'awaiting', 'assign', 'writing'),
    ('task', 'writing', 'hand_over', 'writing'),
    ('task', 'writing', 'release', 'awaiting'),
    ('task', 'writing', 'expire', 'awaiting'),
    ('task', 'writing', 'submit', 'awaiting_review'),
    ('task', 'writing', 'issue', 'done'),
    ('task', 'awaiting_review', 'take_review', 'reviewing'),
    ('task', 'reviewing', 'hand_over', 'reviewing'),
    ('task', 'reviewing', 'release', 'awaiting_review'),
    ('task', 'reviewing', 'expire', 'awaiting_review'),
    ('task', 'reviewing', 'send_back', 'writing'),
    ('task', 'reviewing', 'issue', 'done'),
    ('task', 'awaiting', 'return', 'returned'),
    ('task', 'writing', 'return', 'returned'),
    ('task', 'returned', 'answer', 'awaiting'),
    ('task', 'awaiting', 'cancel', 'cancelled'),
    ('task', 'writing', 'cancel', 'cancelled'),
    ('task', 'awaiting_review', 'cancel', 'cancelled'),
    ('task', 'reviewing', 'cancel', 'cancelled'),
    ('task', 'returned', 'cancel', 'cancelled'),

    ('report_version', '', 'create', 'draft'),
    ('report_version', 'draft', 'submit', 'submitted'),
    ('report_version', 'draft', 'issue_provisional', 'provisional'),
    ('report_version', 'provisional', 'submit', 'submitted'),
    ('report_version', 'submitted', 'send_back', 'draft'),
    ('report_version', 'submitted', 'issue', 'issued'),
    ('report_version', 'issued', 'supersede', 'superseded'),
    ('report_version', 'issued', 'void', 'void'),

    ('critical_value', '', 'raise', 'raised'),
    ('critical_value', 'raised', 'notify', 'notified'),
    ('critical_value', 'notified', 'escalate', 'notified'),
    ('critical_value', 'notified', 'read_back', 'read_back'),
    ('critical_value', 'read_back', 'handle', 'handled'),
    ('critical_value', 'handled', 'close', 'closed'),

    ('consultation', '', 'request', 'requested'),
    ('consultation', 'requested', 'accept', 'accepted'),
    ('consultation', 'requested', 'decline', 'declined'),
    ('consultation', 'accepted', 'answer', 'answered'),
    ('consultation', 'answered', 'adopt', 'adopted'),

    ('delivery', '', 'create', 'pending'),
    ('delivery', 'pending', 'start', 'sending'),
    ('delivery', 'sending', 'confirm', 'delivered'),
    ('delivery', 'sending', 'fail', 'waiting'),
    ('delivery', 'sending', 'lose', 'verifying'),
    ('delivery', 'sending', 'refuse', 'quarantined'),
    ('delivery', 'verifying', 'confirm', 'delivered'),
    ('delivery', 'verifying', 'fail', 'waiting'),
    ('delivery', 'waiting', 'start', 'sending'),
    ('delivery', 'waiting', 'give_up', 'dead'),
    ('delivery', 'quarantined', 'requeue', 'pending'),
    ('delivery', 'dead', 'requeue', 'pending'),
    ('delivery', 'pending', 'cancel', 'cancelled'),
    ('delivery', 'sending', 'cancel', 'cancelled'),
    ('delivery', 'verifying', 'cancel', 'cancelled'),
    ('delivery', 'waiting', 'cancel', 'cancelled'),
    ('delivery', 'quarantined', 'cancel', 'cancelled'),
    ('delivery', 'dead', 'cancel', 'cancelled');

-- A CHECK cannot see the old row: this trigger can. TG_ARGV[0] is the machine; the column is always "state".
CREATE FUNCTION yq_check_transition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old_state text := '';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.state = OLD.state THEN
            RETURN NEW;
        END IF;
        old_state := OLD.state;
    END IF;
    IF NOT EXISTS (SELECT FROM state_transition
                   WHERE machine = TG_ARGV[0] AND from_state = old_state AND to_state = NEW.state) THEN
        RAISE EXCEPTION 'cannot change %: no transition from "%" to "%"', TG_ARGV[0], old_state, NEW.state
            USING ERRCODE = 'YQ409';
    END IF;
    RETURN NEW;
END $$;

-- ---- scope tree, sites ----------------------------------------------------------------------------------------------

-- community > grid > site. The key of every right and of every patient-bearing row.
CREATE TABLE scope (
    scope_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    kind       text NOT NULL CHECK (kind IN ('community', 'grid', 'site')),
    name       text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    region     text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT yq_now(),
    UNIQUE (scope_id, kind)
);

-- Membership is dated: a site that changes its grid keeps its history in the figures.
CREATE TABLE scope_membership (
    child_id    bigint NOT NULL,
    child_kind  text NOT NULL CHECK (child_kind IN ('grid', 'site')),
    parent_id   bigint NOT NULL,
    parent_kind text NOT NULL,
    valid       daterange NOT NULL DEFAULT daterange(NULL, NULL) CHECK (NOT isempty(valid)),
    FOREIGN KEY (child_id, child_kind) REFERENCES scope (scope_id, kind),
    FOREIGN KEY (parent_id, parent_kind) REFERENCES scope (scope_id, kind),
    CHECK ((child_kind, parent_kind) IN (('grid', 'community'), ('site', 'grid'))),
    EXCLUDE USING gist (child_id WITH =, valid WITH &&)
);
CREATE INDEX scope_membership_parent ON scope_membership (parent_id);

-- licensed_type is what the licence says; whether the site counts as a township health centre is apart from it.
CREATE TABLE site (
    site_id       bigint PRIMARY KEY,
    kind          text NOT NULL DEFAULT 'site' CHECK (kind = 'site'),
    code          text NOT NULL UNIQUE CHECK (code ~ '^[A-Za-z0-9_.-]{1,32}$'),
    licensed_type text NOT NULL CHECK (licensed_type IN ('township_health_centre', 'community_health_centre', 'hospital',
                                                         'village_clinic', 'public_health', 'sub_community')),
    counts_as_township_health_centre boolean NOT NULL,
    has_equipment boolean NOT NULL DEFAULT true, -- without equipment it stays in the denominator, flagged
    note          text NOT NULL DEFAULT '',
    FOREIGN KEY (site_id, kind) REFERENCES scope (scope_id, kind)
);

-- National institution codes, insurance codes and others, each in its system.
CREATE TABLE site_code (
    site_id bigint NOT NULL REFERENCES site,
    system  text NOT NULL,
    code    text NOT NULL,
    valid   daterange NOT NULL DEFAULT daterange(NULL, NULL),
    PRIMARY KEY (site_id, system, code),
    EXCLUDE USING gist (system WITH =, code WITH =, valid WITH &&)
);

-- Which hospital leads a grid.
CREATE TABLE grid_lead (
    grid_id   bigint NOT NULL,
    grid_kind text NOT NULL DEFAULT 'grid' CHECK (grid_kind = 'grid'),
    site_id   bigint NOT NULL REFERENCES site,
    valid     daterange NOT NULL DEFAULT daterange(NULL, NULL) CHECK (NOT isempty(valid)),
    FOREIGN KEY (grid_id, grid_kind) REFERENCES scope (scope_id, kind),
    EXCLUDE USING gist (grid_id WITH =, valid WITH &&)
);

-- From its enrolment on a site counts as connected when an echo or image came in the period.
CREATE TABLE site_enrolment (
    site_id bigint NOT NULL REFERENCES site,
    valid   tstzrange NOT NULL CHECK (NOT isempty(valid)),
    EXCLUDE USING gist (site_id WITH =, valid WITH &&)
);

CREATE TABLE coverage_target (
    target_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    scope_id  bigint REFERENCES scope, -- NULL: every community
    figure    text NOT NULL CHECK (figure IN ('coverage_rate')),
    site_type text NOT NULL,
    value     numeric(5, 4) NOT NULL CHECK (value > 0 AND value <= 1),
    deadline  date NOT NULL,
    source    text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (scope_id, figure, site_type, deadline)
);

-- Sites at and below a scope on a day.
CREATE FUNCTION yq_sites_under(p_scope bigint, p_day date) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    WITH RECURSIVE tree AS (
        SELECT scope_id, kind FROM scope WHERE scope_id = p_scope
        UNION ALL
        SELECT m.child_id, m.child_kind FROM tree t
        JOIN scope_membership m ON m.parent_id = t.scope_id AND m.valid @> p_day
    )
    SELECT scope_id FROM tree WHERE kind = 'site'
$$;

-- ---- persons (staff), rights, sessions ------------------------------------------------------------------------------

-- Somebody who works here. A patient is never in this table.
CREATE TABLE person (
    person_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id      uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    account        text NOT NULL UNIQUE CHECK (account ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    name           text NOT NULL CHECK (name <> '' AND length(name) <= 100),
    password_hash  text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    institution_id bigint NOT NULL REFERENCES site, -- main institution (第一执业机构)
    seat_id        bigint NOT NULL REFERENCES site, -- where the person works now
    title          text NOT NULL DEFAULT '',        -- 医师, 主治医师, 副主任医师 ...
    licence_number text NOT NULL DEFAULT '',
    national_code  text NOT NULL DEFAULT '',
    language       text NOT NULL DEFAULT 'zh-CN' CHECK (language IN ('zh-CN', 'en')),
    is_active      boolean NOT NULL DEFAULT true,
    failed_logins  integer NOT NULL DEFAULT 0 CHECK (failed_logins >= 0),
    locked_until   timestamptz,
    created_at     timestamptz NOT NULL DEFAULT yq_now()
);

CREATE TABLE person_right (
    person_id  bigint NOT NULL REFERENCES person,
    role       text NOT NULL CHECK (role IN ('radiographer', 'clinician', 'reporter', 'reviewer', 'duty_leader',
                                             'quality_controller', 'administrator', 'operator')),
    scope_id   bigint NOT NULL REFERENCES scope,
    granted_at timestamptz NOT NULL DEFAULT yq_now(),
    revoked_at timestamptz CHECK (revoked_at >= granted_at)
);
CREATE UNIQUE INDEX person_right_once ON person_right (person_id, role, scope_id) WHERE revoked_at IS NULL;

CREATE TABLE session (
    token_sha256 bytea PRIMARY KEY CHECK (length(token_sha256) = 32),
    person_id    bigint NOT NULL REFERENCES person,
    csrf_token   text NOT NULL,
    address      inet,
    created_at   timestamptz NOT NULL DEFAULT yq_now(),
    last_seen_at timestamptz NOT NULL DEFAULT yq_now(),
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz
);
CREATE INDEX session_person ON session (person_id);

-- Sites that the person of this session (setting yq.person, a public id) may see. Nobody without a person.
CREATE FUNCTION yq_person_sites() RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT DISTINCT s
    FROM person p
    JOIN person_right r ON r.person_id = p.person_id AND r.revoked_at IS NULL
    CROSS JOIN LATERAL yq_sites_under(r.scope_id, yq_now()::date) AS s
    WHERE p.public_id = nullif(current_setting('yq.person', true), '')::uuid AND p.is_active
$$;

-- Does the person hold one of the roles at a scope that contains the site?
CREATE FUNCTION yq_person_may(p_person uuid, p_roles text[], p_site bigint) RETURNS boolean LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM person p
        JOIN person_right r ON r.person_id = p.person_id AND r.revoked_at IS NULL
        WHERE p.public_id = p_person AND p.is_active AND r.role = ANY (p_roles)
          AND p_site IN (SELECT yq_sites_under(r.scope_id, yq_now()::date)))
$$;

-- ---- events, programs, audit ------------------------------------------------------------------------------------------

-- Outbox: written in the transaction of the change, read below the snapshot's xmin (a sequence is not commit order).
CREATE TABLE event (
    event_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL CHECK (kind ~ '^[a-z_]+\.[a-z_]+$'), -- study.complete, task.open, delivery.delivered
    subject_id uuid NOT NULL,                                      -- public id of the study, task, report version ...
    site_id    bigint REFERENCES site,                             -- NULL: not about a patient
    xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    created_at timestamptz NOT NULL DEFAULT yq_now()
);
CREATE INDEX event_order ON event (xid, event_id);
CREATE INDEX event_age ON event (created_at);
CREATE TRIGGER event_hint AFTER INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION yq_notify('yq_event');

-- One row a running program, renewed while it runs; what `yqctl status` shows.
CREATE TABLE program (
    instance_id uuid PRIMARY KEY,
    program     text NOT NULL,
    host        text NOT NULL,
    pid         integer NOT NULL,
    version     text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT yq_now(),
    seen_at     timestamptz NOT NULL DEFAULT yq_now(),
    ended_at    timestamptz,
    detail      jsonb NOT NULL DEFAULT '{}' -- counters; of storescp: acknowledged and still only in the journal of its host
);

-- Append-only, hash-chained per writer. The trigger numbers and chains, so that a writer cannot lie about it.
CREATE TABLE audit (
    writer      text NOT NULL CHECK (writer <> ''),
    sequence    bigint NOT NULL,
    at          timestamptz NOT NULL,            -- when it happened
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    action      text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'), -- association.reject, study.view, report.issue
    actor_kind  text NOT NULL CHECK (actor_kind IN ('person', 'device', 'program', 'operator', 'unknown')),
    actor       text NOT NULL,                   -- public id, or AE title and address of a stranger
    subject_kind text NOT NULL DEFAULT '',
    subject     text NOT NULL DEFAULT '',        -- public id
    site_id     bigint,
    outcome     text NOT NULL CHECK (outcome IN ('success', 'refused', 'failed')),
    detail      jsonb NOT NULL DEFAULT '{}',     -- no patient data
    spool_id    uuid UNIQUE,                     -- of a record that waited in a local spool: replay is idempotent
    previous    bytea NOT NULL,
    hash        bytea NOT NULL,
    PRIMARY KEY (writer, sequence)
);
CREATE INDEX audit_subject ON audit (subject, at);
CREATE INDEX audit_time ON audit (at);

-- The text that is hashed: fields joined by U+001F, time in UTC, jsonb in PostgreSQL's canonical output.
CREATE FUNCTION audit_text(a audit) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat_ws(E'\x1f', a.writer, a.sequence, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
                     a.action, a.actor_kind, a.actor, a.subject_kind, a.subject, coalesce(a.site_id::text, ''), a.outcome,
                     a.detail::text, coalesce(a.spool_id::text, ''))
$$;

CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last audit;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('audit:' || NEW.writer, 0));
    SELECT * INTO last FROM audit WHERE writer = NEW.writer ORDER BY sequence DESC LIMIT 1;
    NEW.sequence := coalesce(last.sequence, 0) + 1;
    NEW.previous := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
    NEW.hash := sha256(NEW.previous || convert_to(audit_text(NEW), 'UTF8'));
    RETURN NEW;
END $$;
CREATE TRIGGER audit_chain BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_chain();
CREATE TRIGGER audit_fixed BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION yq_refuse_change();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION yq_refuse_change();

-- The heads of all chains, sealed into one signed root.
CREATE TABLE audit_seal (
    seal_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sealed_at timestamptz NOT NULL DEFAULT yq_now(),
    heads     jsonb NOT NULL, -- {writer: [sequence, hash]}
    root      bytea NOT NULL CHECK (length(root) = 32),
    signature bytea NOT NULL
);
CREATE TRIGGER audit_seal_fixed BEFORE UPDATE OR DELETE ON audit_seal FOR EACH ROW EXECUTE FUNCTION yq_refuse_change();
