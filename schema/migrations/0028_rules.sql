-- Routing rules in groups with conditions and actions, each change a new version; cooperation agreements; the duty table; studies that are held.

-- ---- versions -----------------------------------------------------------------------------------------------------------------

ALTER TABLE routing_rule_set ADD COLUMN made_by_operator text NOT NULL DEFAULT '' CHECK (length(made_by_operator) <= 64);

-- Groups are asked one after the other. first: its first rule that fits is the one that counts; all: every one that fits counts.
CREATE TABLE routing_rule_group (
    rule_set_id bigint NOT NULL REFERENCES routing_rule_set,
    group_no    smallint NOT NULL CHECK (group_no BETWEEN 1 AND 50),
    name        text NOT NULL CHECK (name <> '' AND length(name) <= 100),
    mode        text NOT NULL DEFAULT 'first' CHECK (mode IN ('first', 'all')),
    PRIMARY KEY (rule_set_id, group_no),
    UNIQUE (rule_set_id, name)
);
INSERT INTO routing_rule_group (rule_set_id, group_no, name) SELECT rule_set_id, 1, 'reading' FROM routing_rule_set;

-- A set begins with the group for reading.
CREATE FUNCTION yq_rule_set_group() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO routing_rule_group (rule_set_id, group_no, name) VALUES (NEW.rule_set_id, 1, 'reading');
    RETURN NULL;
END $$;
CREATE TRIGGER routing_rule_set_group AFTER INSERT ON routing_rule_set FOR EACH ROW EXECUTE FUNCTION yq_rule_set_group();

-- [{"field": "modality", "op": "is", "values": ["CT", "MR"]}]: all of them must hold. What each field and value means is lib/domain/rule.h.
CREATE FUNCTION yq_rule_conditions_ok(p_conditions jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_typeof(p_conditions) = 'array' AND jsonb_array_length(p_conditions) <= 20
           AND NOT EXISTS (
               SELECT FROM jsonb_array_elements(CASE WHEN jsonb_typeof(p_conditions) = 'array' THEN p_conditions ELSE '[]' END) c (v)
               WHERE jsonb_typeof(v) <> 'object'
                  OR coalesce(v ->> 'field', '') NOT IN ('site', 'site_type', 'grid', 'community', 'device', 'modality', 'body_part',
                         'study_description', 'series_description', 'patient_class', 'priority', 'hour', 'weekday', 'day', 'age')
                  OR coalesce(v ->> 'op', '') NOT IN ('is', 'not', 'missing', 'any')
                  OR CASE WHEN jsonb_typeof(v -> 'values') = 'array'
                          THEN jsonb_array_length(v -> 'values') > 50
                               OR (jsonb_array_length(v -> 'values') > 0) <> (v ->> 'op' IN ('is', 'not'))
                               OR EXISTS (SELECT FROM jsonb_array_elements(v -> 'values') e (w)
                                          WHERE jsonb_typeof(w) <> 'string' OR length(w #>> '{}') NOT BETWEEN 1 AND 200)
                          ELSE v ->> 'op' IN ('is', 'not') END)
$$;

ALTER TABLE routing_rule
    ADD COLUMN rule_key   uuid NOT NULL DEFAULT gen_random_uuid(), -- the same rule in the next version
    ADD COLUMN group_no   smallint NOT NULL DEFAULT 1,
    ADD COLUMN name       text NOT NULL DEFAULT '' CHECK (length(name) <= 100),
    ADD COLUMN is_enabled boolean NOT NULL DEFAULT true,
    ADD COLUMN conditions jsonb NOT NULL DEFAULT '[]' CHECK (yq_rule_conditions_ok(conditions)),
    ADD COLUMN hold_reason text NOT NULL DEFAULT '' CHECK (length(hold_reason) <= 500), -- not empty: held from the queue for it
    ALTER COLUMN queue_id DROP NOT NULL,     -- NULL: says nothing about the queue
    ALTER COLUMN reading_mode DROP NOT NULL,
    ALTER COLUMN priority DROP NOT NULL,
    ALTER COLUMN priority DROP DEFAULT;
UPDATE routing_rule r SET conditions = (
    SELECT coalesce(jsonb_agg(c.condition ORDER BY c.step), '[]')
    FROM (SELECT 1 AS step, jsonb_build_object('field', s.kind, 'op', 'is', 'values', jsonb_build_array(s.public_id)) AS condition
          FROM scope s WHERE s.scope_id = r.scope_id
          UNION ALL SELECT 2, jsonb_build_object('field', 'patient_class', 'op', 'is', 'values', jsonb_build_array(r.patient_class))
          WHERE r.patient_class IS NOT NULL
          UNION ALL SELECT 3, jsonb_build_object('field', 'modality', 'op', 'is', 'values', jsonb_build_array(r.modality))
          WHERE r.modality <> ''
          UNION ALL SELECT 4, jsonb_build_object('field', 'hour', 'op', 'is', 'values', jsonb_build_array(
              to_char(make_interval(mins => greatest(coalesce(lower(r.minutes), 0), 0)), 'HH24:MI') || '-'
              || to_char(make_interval(mins => least(coalesce(upper(r.minutes), 1440), 1440)), 'HH24:MI')))
          WHERE r.minutes IS NOT NULL AND NOT isempty(r.minutes)) c);
-- Rules that no study could meet: no modality at all, or no minute.
UPDATE routing_rule SET is_enabled = false WHERE modality = '' OR isempty(minutes);
ALTER TABLE routing_rule DROP COLUMN scope_id, DROP COLUMN patient_class, DROP COLUMN modality, DROP COLUMN minutes;
ALTER TABLE routing_rule ADD FOREIGN KEY (rule_set_id, group_no) REFERENCES routing_rule_group (rule_set_id, group_no);
ALTER TABLE routing_rule ADD UNIQUE (rule_set_id, rule_key);

-- Where a rule sends the images of a study. ai: to an AI node, which is a destination that is marked as one.
CREATE TABLE routing_rule_destination (
    rule_id        bigint NOT NULL REFERENCES routing_rule,
    destination_id bigint NOT NULL REFERENCES destination,
    kind           text NOT NULL CHECK (kind IN ('forward', 'ai')),
    PRIMARY KEY (rule_id, destination_id)
);
ALTER TABLE destination ADD COLUMN is_ai_node boolean NOT NULL DEFAULT false;

-- ---- cooperation agreements ---------------------------------------------------------------------------------------------------

-- A hospital outside of the county (of every community of the region) reads only under an agreement that is in force; one inside needs none,
-- unless there is or was one.
CREATE TABLE cooperation_agreement (
    agreement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id    uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    hospital_id  bigint NOT NULL REFERENCES site,
    scope_id     bigint NOT NULL REFERENCES scope, -- whose studies it reads
    valid        daterange NOT NULL CHECK (NOT isempty(valid)),
    note         text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
    made_by      bigint REFERENCES person,
    made_by_operator text NOT NULL DEFAULT '' CHECK (length(made_by_operator) <= 64),
    made_at      timestamptz NOT NULL DEFAULT yq_now(),
    EXCLUDE USING gist (hospital_id WITH =, scope_id WITH =, valid WITH &&)
);

-- Is the hospital a site or a lead of the community, or of another one of the same region (two leads of one county)?
CREATE FUNCTION yq_is_of_community(p_hospital bigint, p_community bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM scope o JOIN scope c ON c.scope_id = o.scope_id OR (c.kind = 'community' AND c.region <> '' AND c.region = o.region)
        WHERE o.scope_id = p_community
          AND (EXISTS (SELECT FROM yq_sites_under(c.scope_id, yq_now()::date) s WHERE s = p_hospital)
               OR EXISTS (SELECT FROM grid_lead l JOIN scope_membership m ON m.child_id = l.grid_id
                          WHERE l.site_id = p_hospital AND m.parent_id = c.scope_id
                            AND l.valid @> yq_now()::date AND m.valid @> yq_now()::date)))
$$;

-- May the hospital read studies of the site on that day? code: '' yes, agreement_missing, agreement_ended, agreement_ahead; on_day: when it
-- ended or begins.
CREATE FUNCTION yq_agreement(p_hospital bigint, p_site bigint, p_day date) RETURNS TABLE (code text, on_day date)
LANGUAGE sql STABLE AS $$
    WITH above AS (
        SELECT p_site AS scope_id
        UNION ALL SELECT m.parent_id FROM scope_membership m WHERE m.child_id = p_site AND m.valid @> p_day
        UNION ALL SELECT g.parent_id FROM scope_membership m JOIN scope_membership g ON g.child_id = m.parent_id
                  WHERE m.child_id = p_site AND m.valid @> p_day AND g.valid @> p_day
    ), known AS (
        SELECT bool_or(a.valid @> p_day) AS is_in_force, max(upper(a.valid)) FILTER (WHERE upper(a.valid) <= p_day) - 1 AS ended,
               min(lower(a.valid)) FILTER (WHERE lower(a.valid) > p_day) AS begins
        FROM cooperation_agreement a WHERE a.hospital_id = p_hospital AND a.scope_id IN (SELECT scope_id FROM above)
    )
    SELECT CASE WHEN k.is_in_force THEN ''
                WHEN k.is_in_force IS NULL AND (p_hospital = p_site
                     OR EXISTS (SELECT FROM above a JOIN scope s USING (scope_id)
                                WHERE s.kind = 'community' AND yq_is_of_community(p_hospital, s.scope_id))) THEN ''
                WHEN k.is_in_force IS NULL THEN 'agreement_missing'
                WHEN k.ended IS NOT NULL THEN 'agreement_ended' ELSE 'agreement_ahead' END,
           CASE WHEN k.is_in_force THEN NULL ELSE coalesce(k.ended, k.begins) END
    FROM known k
$$;

-- What was routed to a hospital outside so far goes on: nobody could write an agreement down before.
INSERT INTO cooperation_agreement (hospital_id, scope_id, valid, note)
SELECT DISTINCT q.lead_site_id, c.scope_id, daterange(yq_now()::date, NULL), 'the rules sent examinations there before agreements were kept'
FROM routing_rule r JOIN routing_rule_set t USING (rule_set_id) JOIN reading_queue q USING (queue_id)
CROSS JOIN scope c
WHERE c.kind = 'community' AND t.in_force @> yq_now() AND NOT yq_is_of_community(q.lead_site_id, c.scope_id)
  AND (NOT EXISTS (SELECT FROM jsonb_array_elements(r.conditions) e (v) WHERE v ->> 'field' IN ('site', 'grid', 'community'))
       OR EXISTS (SELECT FROM jsonb_array_elements(r.conditions) e (v)
                  JOIN scope s ON v ->> 'field' IN ('site', 'grid', 'community') AND v -> 'values' ? s.public_id::text
                  CROSS JOIN LATERAL yq_sites_under(s.scope_id, yq_now()::date) u
                  WHERE u IN (SELECT yq_sites_under(c.scope_id, yq_now()::date))));

-- ---- duty table -----------------------------------------------------------------------------------------------------------------

-- Who covers for a queue, and when: on these days of the week (1 Monday ... 7 Sunday) and these kinds of day, from minute to minute of the day.
-- A shift beyond midnight belongs to the day on which it begins.
CREATE TABLE duty_cover (
    cover_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    queue_id    bigint NOT NULL REFERENCES reading_queue, -- whose work it is
    by_queue_id bigint NOT NULL REFERENCES reading_queue, -- who does it
    weekdays    smallint[] NOT NULL DEFAULT '{1,2,3,4,5,6,7}' CHECK (cardinality(weekdays) BETWEEN 1 AND 7 AND weekdays <@ '{1,2,3,4,5,6,7}'::smallint[]),
    day_kind    text NOT NULL DEFAULT 'any' CHECK (day_kind IN ('any', 'working', 'off', 'holiday', 'adjusted')),
    minute_from smallint NOT NULL DEFAULT 0 CHECK (minute_from BETWEEN 0 AND 1439),
    minute_to   smallint NOT NULL DEFAULT 1440 CHECK (minute_to BETWEEN 1 AND 1440 AND minute_to <> minute_from),
    valid       daterange NOT NULL DEFAULT daterange(NULL, NULL) CHECK (NOT isempty(valid)),
    note        text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
    made_by     bigint REFERENCES person,
    made_by_operator text NOT NULL DEFAULT '' CHECK (length(made_by_operator) <= 64),
    made_at     timestamptz NOT NULL DEFAULT yq_now(),
    ended_at    timestamptz,
    CHECK (queue_id <> by_queue_id)
);
CREATE INDEX duty_cover_queue ON duty_cover (queue_id) WHERE ended_at IS NULL;

-- ---- what was decided about a study -----------------------------------------------------------------------------------------------

ALTER TABLE study
    ADD COLUMN rule_set_id bigint REFERENCES routing_rule_set, -- the version that routed it; a later one does not, unless asked
    ADD COLUMN forwarded_version integer NOT NULL DEFAULT 0,   -- up to which version its images were given to the destinations of rules
    ADD COLUMN unrouted_code text NOT NULL DEFAULT '',         -- of unrouted_reason
    ADD COLUMN unrouted_detail jsonb NOT NULL DEFAULT '{}';    -- names and days of it, no patient
UPDATE study s SET unrouted_code = CASE WHEN s.unrouted_reason = 'no routing rule is in force' THEN 'no_rules' ELSE 'no_match' END
WHERE s.unrouted_reason <> '';
UPDATE study s SET rule_set_id = r.rule_set_id, forwarded_version = s.version
FROM (SELECT DISTINCT ON (t.study_id) t.study_id, u.rule_set_id
      FROM reading_task t JOIN routing_rule u USING (rule_id) ORDER BY t.study_id, t.task_id DESC) r
WHERE r.study_id = s.study_id;

ALTER TABLE reading_task
    ADD COLUMN rule_priority smallint NOT NULL DEFAULT 0,           -- what rules gave, without 加急 of the request
    ADD COLUMN covered_queue_id bigint REFERENCES reading_queue;    -- whose work it is, where another queue covers
UPDATE reading_task t SET rule_priority = coalesce(r.priority, 0) FROM routing_rule r WHERE r.rule_id = t.rule_id;

-- Every decision of the rules about a study, with who asked for it.
CREATE TABLE study_routing (
    routing_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id       bigint NOT NULL,
    study_id      bigint NOT NULL,
    study_version integer NOT NULL,
    rule_set_id   bigint NOT NULL REFERENCES routing_rule_set,
    cause         text NOT NULL CHECK (cause IN ('offered', 'class', 'released', 'rerouted', 'late_image')),
    outcome       text NOT NULL CHECK (outcome IN ('routed', 'held', 'forwarded', 'unchanged')),
    rule_ids      bigint[] NOT NULL DEFAULT '{}', -- that fitted and counted
    queue_id      bigint REFERENCES reading_queue,
    covered_queue_id bigint REFERENCES reading_queue,
    reading_mode  text,
    priority      smallint,
    reason        text NOT NULL DEFAULT '', -- of a person
    decided_at    timestamptz NOT NULL DEFAULT yq_now(),
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id)
);
CREATE INDEX study_routing_study ON study_routing (study_id);
CREATE TRIGGER study_routing_fixed BEFORE UPDATE OR DELETE ON study_routing FOR EACH ROW EXECUTE FUNCTION yq_refuse_change();

-- Held from the queue by a rule, until a person releases it. The same rule holds the same study once.
CREATE TABLE study_hold (
    hold_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id     bigint NOT NULL,
    study_id    bigint NOT NULL,
    rule_id     bigint NOT NULL REFERENCES routing_rule,
    reason      text NOT NULL CHECK (reason <> '' AND length(reason) <= 500),
    held_at     timestamptz NOT NULL DEFAULT yq_now(),
    released_at timestamptz,
    released_by bigint REFERENCES person,
    released_by_operator text NOT NULL DEFAULT '' CHECK (length(released_by_operator) <= 64),
    release_reason text NOT NULL DEFAULT '' CHECK (length(release_reason) <= 2000),
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id),
    CHECK (released_at IS NOT NULL OR released_by IS NULL)
);
CREATE UNIQUE INDEX study_hold_open ON study_hold (study_id) WHERE released_at IS NULL;
CREATE INDEX study_hold_study ON study_hold (study_id);

ALTER TABLE study_signal DROP CONSTRAINT study_signal_kind_check;
ALTER TABLE study_signal ADD CONSTRAINT study_signal_kind_check
    CHECK (kind IN ('instances', 'submit', 'commitment', 'mpps_completed', 'expected_views', 'patient_class', 'complete_by_hand',
                    'reroute', 'release'));

-- ---- rules as one document ----------------------------------------------------------------------------------------------------------

-- A version as JSON, groups and rules in the order in which they are asked. NULL: the one in force; nothing when there is none.
-- Over every site: a destination that the asking person cannot see would be lost with the next change.
CREATE FUNCTION yq_rules_document(p_set bigint) RETURNS jsonb LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT jsonb_build_object(
        'rule_set_id', t.rule_set_id, 'version', t.version, 'in_force_from', lower(t.in_force), 'in_force_until', upper(t.in_force), 'note', t.note,
        'groups', (
            SELECT jsonb_agg(jsonb_build_object('name', g.name, 'mode', g.mode, 'rules', coalesce((
                       SELECT jsonb_agg(jsonb_build_object(
                           'id', r.rule_key, 'rule_id', r.rule_id, 'name', r.name, 'is_enabled', r.is_enabled, 'conditions', r.conditions,
                           'queue', q.public_id, 'reading_mode', r.reading_mode, 'priority', r.priority, 'hold', nullif(r.hold_reason, ''),
                           'forward', coalesce((SELECT jsonb_agg(x.public_id ORDER BY x.destination_id)
                                                FROM routing_rule_destination d JOIN destination x USING (destination_id)
                                                WHERE d.rule_id = r.rule_id AND d.kind = 'forward'), '[]'),
                           'ai', coalesce((SELECT jsonb_agg(x.public_id ORDER BY x.destination_id)
                                           FROM routing_rule_destination d JOIN destination x USING (destination_id)
                                           WHERE d.rule_id = r.rule_id AND d.kind = 'ai'), '[]')) ORDER BY r.ordinal)
                       FROM routing_rule r LEFT JOIN reading_queue q USING (queue_id)
                       WHERE r.rule_set_id = g.rule_set_id AND r.group_no = g.group_no), '[]')) ORDER BY g.group_no)
            FROM routing_rule_group g WHERE g.rule_set_id = t.rule_set_id))
    FROM routing_rule_set t
    WHERE CASE WHEN p_set IS NULL THEN t.in_force @> yq_now() ELSE t.rule_set_id = p_set END
$$;

-- Rules, agreements and the duty table hold for every site: whoever changes them at the pages is operator of every site that a community has.
CREATE FUNCTION yq_may_rule(p_roles text[]) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT yq_role_sites(p_roles))
           AND NOT EXISTS (SELECT FROM scope c CROSS JOIN LATERAL yq_sites_under(c.scope_id, yq_now()::date) s
                           WHERE c.kind = 'community' AND s NOT IN (SELECT yq_role_sites(p_roles)))
$$;

-- What a document names has to be there. YQ400 with the rule.
CREATE FUNCTION yq_rules_check(p_document jsonb) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT v.v ->> 'name' AS name, v.v AS rule
             FROM jsonb_array_elements(p_document -> 'groups') g (v) CROSS JOIN LATERAL jsonb_array_elements(g.v -> 'rules') v (v) LOOP
        IF r.rule ->> 'queue' IS NOT NULL AND NOT EXISTS (SELECT FROM reading_queue q WHERE q.public_id = (r.rule ->> 'queue')::uuid) THEN
            RAISE EXCEPTION 'cannot use rule "%": there is no queue %', r.name, r.rule ->> 'queue' USING ERRCODE = 'YQ400';
        END IF;
        IF EXISTS (SELECT FROM jsonb_array_elements_text((r.rule -> 'forward') || (r.rule -> 'ai')) e
                   WHERE NOT EXISTS (SELECT FROM destination x WHERE x.public_id = e::uuid AND x.protocol IN ('dicom', 'stow', 'link'))) THEN
            RAISE EXCEPTION 'cannot use rule "%": it sends images to a destination that is not there or takes no images', r.name
                USING ERRCODE = 'YQ400';
        END IF;
        IF EXISTS (SELECT FROM jsonb_array_elements_text(r.rule -> 'ai') e
                   WHERE NOT EXISTS (SELECT FROM destination x WHERE x.public_id = e::uuid AND x.is_ai_node)) THEN
            RAISE EXCEPTION 'cannot use rule "%": it sends to an AI node that is not marked as one (`yqctl destination ai-node`)', r.name
                USING ERRCODE = 'YQ400';
        END IF;
    END LOOP;
END $$;

-- Writes a document as the version in force from now on, and ends the one before; its form was checked by lib/domain/rule_form.h. p_base: the
-- version that was changed; YQ409 when another one is in force by now.
CREATE FUNCTION yq_rules_write(p_base integer, p_document jsonb, p_person uuid, p_operator text, p_note text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_now     timestamptz := yq_now();
    v_set     bigint;
    v_version integer;
BEGIN
    IF (session_user = 'yq_gateway' OR p_person IS NOT NULL) AND NOT yq_may_rule(ARRAY['operator']) THEN
        RAISE EXCEPTION 'cannot change the rules: they hold for every site, and you are not operator of all of them' USING ERRCODE = 'YQ403';
    END IF;
    LOCK TABLE routing_rule_set IN SHARE ROW EXCLUSIVE MODE;
    IF p_base IS DISTINCT FROM (SELECT version FROM routing_rule_set WHERE in_force @> v_now) THEN
        RAISE EXCEPTION 'cannot change the rules: somebody else changed them first' USING ERRCODE = 'YQ409';
    END IF;
    PERFORM yq_rules_check(p_document);
    UPDATE routing_rule_set SET in_force = tstzrange(lower(in_force), v_now) WHERE in_force @> v_now;
    INSERT INTO routing_rule_set (version, in_force, made_by, made_by_operator, note)
    SELECT coalesce(max(t.version), 0) + 1, tstzrange(v_now, NULL), (SELECT person_id FROM person WHERE public_id = p_person),
           coalesce(p_operator, ''), p_note
    FROM routing_rule_set t
    RETURNING rule_set_id, version INTO v_set, v_version;
    INSERT INTO routing_rule_group (rule_set_id, group_no, name, mode)
    SELECT v_set, g.n, g.v ->> 'name', g.v ->> 'mode' FROM jsonb_array_elements(p_document -> 'groups') WITH ORDINALITY g (v, n)
    ON CONFLICT (rule_set_id, group_no) DO UPDATE SET name = excluded.name, mode = excluded.mode;
    INSERT INTO routing_rule (rule_set_id, ordinal, group_no, rule_key, name, is_enabled, conditions, queue_id, reading_mode, priority, hold_reason)
    SELECT v_set, row_number() OVER (ORDER BY g.n, r.n), g.n, (r.v ->> 'id')::uuid, r.v ->> 'name', (r.v ->> 'is_enabled')::boolean,
           r.v -> 'conditions', (SELECT queue_id FROM reading_queue WHERE public_id = (r.v ->> 'queue')::uuid), r.v ->> 'reading_mode',
           (r.v ->> 'priority')::smallint, coalesce(r.v ->> 'hold', '')
    FROM jsonb_array_elements(p_document -> 'groups') WITH ORDINALITY g (v, n)
    CROSS JOIN LATERAL jsonb_array_elements(g.v -> 'rules') WITH ORDINALITY r (v, n);
    INSERT INTO routing_rule_destination (rule_id, destination_id, kind)
    SELECT u.rule_id, x.destination_id, k.kind
    FROM jsonb_array_elements(p_document -> 'groups') g (v)
    CROSS JOIN LATERAL jsonb_array_elements(g.v -> 'rules') r (v)
    CROSS JOIN LATERAL (SELECT 'forward' AS kind, e FROM jsonb_array_elements_text(r.v -> 'forward') e
                        UNION ALL SELECT 'ai', e FROM jsonb_array_elements_text(r.v -> 'ai') e) k
    JOIN routing_rule u ON u.rule_set_id = v_set AND u.rule_key = (r.v ->> 'id')::uuid
    JOIN destination x ON x.public_id = k.e::uuid;
    RETURN v_version;
END $$;

-- Names of what rules speak of: scopes, devices, queues (with their hospital), destinations.
CREATE FUNCTION yq_rule_names(p_ids uuid[]) RETURNS jsonb LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(n.id, n.name), '{}')
    FROM (SELECT public_id AS id, name FROM scope WHERE public_id = ANY (p_ids)
          UNION ALL SELECT public_id, coalesce(nullif(name, ''), calling_ae) FROM device WHERE public_id = ANY (p_ids)
          UNION ALL SELECT q.public_id, q.name FROM reading_queue q WHERE q.public_id = ANY (p_ids)
          UNION ALL SELECT x.public_id, coalesce(nullif(x.name, ''), x.ae_title, x.host, x.url) FROM destination x
          WHERE x.public_id = ANY (p_ids)) n
$$;

-- What rules may ask about a moment, in the zone of the session. before: the day before, for shifts that go beyond midnight.
CREATE FUNCTION yq_day_kinds(p_day date) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN coalesce(c.is_working, w.is_weekday) THEN '{working}'::text[] ELSE '{off}' END
           || CASE WHEN NOT c.is_working THEN '{holiday}'::text[] WHEN c.is_working AND NOT w.is_weekday THEN '{adjusted}' ELSE '{}' END
    FROM (SELECT extract(isodow FROM p_day) < 6 AS is_weekday) w LEFT JOIN calendar_day c ON c.day = p_day
$$;
CREATE FUNCTION yq_rule_moment(p_at timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'at', p_at, 'minute', (extract(hour FROM p_at) * 60 + extract(minute FROM p_at))::integer,
        'day', d.day, 'weekday', extract(isodow FROM d.day)::integer, 'kinds', yq_day_kinds(d.day),
        'before', jsonb_build_object('day', d.day - 1, 'weekday', extract(isodow FROM d.day - 1)::integer, 'kinds', yq_day_kinds(d.day - 1)))
    FROM (SELECT p_at::date AS day) d
$$;

-- What rules may ask about a site.
CREATE FUNCTION yq_rule_site(p_site bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'site', jsonb_build_array(s.public_id), 'site_type', jsonb_build_array(t.licensed_type),
        'grid', CASE WHEN g.public_id IS NULL THEN '[]' ELSE jsonb_build_array(g.public_id) END,
        'community', CASE WHEN c.public_id IS NULL THEN '[]' ELSE jsonb_build_array(c.public_id) END)
    FROM site t JOIN scope s ON s.scope_id = t.site_id
    LEFT JOIN scope_membership m ON m.child_id = t.site_id AND m.valid @> yq_now()::date
    LEFT JOIN scope g ON g.scope_id = m.parent_id
    LEFT JOIN scope_membership n ON n.child_id = g.scope_id AND n.valid @> yq_now()::date
    LEFT JOIN scope c ON c.scope_id = n.parent_id
    WHERE t.site_id = p_site
$$;

-- What rules may ask about a study. Runs with the eyes of whoever asks.
CREATE FUNCTION yq_rule_study(p_study bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT yq_rule_site(s.site_id) || jsonb_build_object(
        'device', CASE WHEN d.public_id IS NULL THEN '[]' ELSE jsonb_build_array(d.public_id) END,
        'modality', CASE WHEN s.modality = '' THEN '[]' ELSE jsonb_build_array(s.modality) END,
        'body_part', to_jsonb(ARRAY(SELECT p FROM (SELECT s.body_part AS p
                                                   UNION SELECT e.body_part FROM series e WHERE e.study_id = s.study_id AND e.origin <> 'own' AND e.instance_count > 0
                                                   UNION SELECT r.body_part FROM request_match m JOIN request r USING (request_id)
                                                   WHERE m.study_id = s.study_id AND m.undone_at IS NULL) parts
                                    WHERE p <> '' ORDER BY p LIMIT 50)),
        'study_description', CASE WHEN s.description = '' THEN '[]' ELSE jsonb_build_array(s.description) END,
        'series_description', to_jsonb(ARRAY(SELECT DISTINCT e.description FROM series e
                                             WHERE e.study_id = s.study_id AND e.origin <> 'own' AND e.instance_count > 0 AND e.description <> ''
                                             ORDER BY 1 LIMIT 200)),
        'patient_class', jsonb_build_array(s.patient_class),
        'priority', (SELECT CASE WHEN count(*) FILTER (WHERE r.is_urgent OR r.green_channel IS NOT NULL) = 0 THEN '["routine"]'::jsonb
                                 ELSE to_jsonb(array_remove(ARRAY[CASE WHEN bool_or(r.is_urgent) THEN 'urgent' END,
                                                                  CASE WHEN count(r.green_channel) > 0 THEN 'green_channel' END], NULL)) END
                     FROM request_match m JOIN request r USING (request_id) WHERE m.study_id = s.study_id AND m.undone_at IS NULL),
        'age', jsonb_build_object('text', s.patient_age_text, 'birth', c.birth_date, 'on', coalesce(yq_examined_at(s), s.first_arrival_at)::date))
    FROM study s
    JOIN identity_claim c USING (claim_id)
    LEFT JOIN device d ON d.device_id = s.device_id
    WHERE s.study_id = p_study
$$;

-- ---- looking again ------------------------------------------------------------------------------------------------------------------

-- What no rule took is looked at again when an agreement or the duty table changes, too.
CREATE TRIGGER cooperation_agreement_changed AFTER INSERT OR UPDATE ON cooperation_agreement
    FOR EACH STATEMENT EXECUTE FUNCTION yq_rules_changed();
CREATE TRIGGER duty_cover_changed AFTER INSERT OR UPDATE ON duty_cover
    FOR EACH STATEMENT EXECUTE FUNCTION yq_rules_changed();

-- ---- rights -------------------------------------------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION yq_may_rule(text[]), yq_rules_document(bigint), yq_rules_write(integer, jsonb, uuid, text, text), yq_rule_names(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_may_rule(text[]) TO yq_gateway;
GRANT EXECUTE ON FUNCTION yq_rules_document(bigint), yq_rule_names(uuid[]) TO yq_router, yq_gateway, yq_operator;
GRANT EXECUTE ON FUNCTION yq_rules_write(integer, jsonb, uuid, text, text) TO yq_gateway, yq_operator;

GRANT SELECT ON routing_rule_group, routing_rule_destination, cooperation_agreement, duty_cover TO yq_router, yq_gateway, yq_operator;
REVOKE UPDATE ON routing_rule FROM yq_operator; -- a version stays what it was
GRANT INSERT, UPDATE ON cooperation_agreement, duty_cover TO yq_operator;
GRANT DELETE ON calendar_day TO yq_operator;
DO $$
DECLARE
    t text;
BEGIN
    -- The gateway writes these in the name of a person who may.
    FOREACH t IN ARRAY ARRAY['cooperation_agreement', 'duty_cover'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY everybody_reads ON %I FOR SELECT TO yq_gateway USING (true)', t);
        EXECUTE format('CREATE POLICY who_may_rule ON %I FOR INSERT TO yq_gateway WITH CHECK (yq_may_rule(ARRAY[''operator'']))', t);
        EXECUTE format('CREATE POLICY who_may_change ON %I FOR UPDATE TO yq_gateway USING (yq_may_rule(ARRAY[''operator'']))', t);
        EXECUTE format('CREATE POLICY every_row ON %I TO yq_router, yq_operator USING (true)', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['study_routing', 'study_hold'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY person_sites ON %I TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())))', t);
        EXECUTE format('CREATE POLICY every_site ON %I TO yq_storescp, yq_router, yq_operator USING (true)', t);
        EXECUTE format('GRANT SELECT ON %I TO yq_router, yq_gateway, yq_operator', t);
    END LOOP;
END $$;
GRANT INSERT ON cooperation_agreement, duty_cover TO yq_gateway;
GRANT UPDATE (valid) ON cooperation_agreement TO yq_gateway;
GRANT UPDATE (ended_at) ON duty_cover TO yq_gateway;
GRANT INSERT ON study_routing, study_hold TO yq_router;
GRANT UPDATE ON study_hold TO yq_router, yq_gateway, yq_operator;
