-- Devices that are told apart, their clocks and their silence; what is matched without a person, and why.

-- ---- devices that are told apart ---------------------------------------------------------------------------------------

-- Two registrations of one calling and one called title that can fit the same call, while neither says more than the other: one by address,
-- one by port, say. Whose call it is would be a guess, so that it is refused. (Those that say exactly the same are refused by device_known.)
-- Public: the same question is asked before a registration, for the words.
CREATE FUNCTION yq_device_doubtful(p_device bigint, p_calling text, p_called text, p_address cidr, p_port integer, p_own text)
RETURNS SETOF device LANGUAGE sql STABLE AS $$
    SELECT o.*
    FROM device o
    CROSS JOIN LATERAL (
        SELECT (o.address IS NULL OR coalesce(p_address <<= o.address, false)) AND (o.local_port IS NULL OR coalesce(p_port = o.local_port, false)) AS says_more,
               (p_address IS NULL OR coalesce(o.address <<= p_address, false)) AND (p_port IS NULL OR coalesce(o.local_port = p_port, false)) AS says_less) t
    WHERE o.is_enabled AND o.device_id IS DISTINCT FROM p_device AND o.calling_ae = p_calling
      AND coalesce(o.called_ae, p_own) = coalesce(p_called, p_own)
      AND o.certificate_sha256 IS NULL AND o.edge_id IS NULL
      AND coalesce(o.address && p_address, true) AND coalesce(o.local_port = p_port, true)
      AND t.says_more = t.says_less
    ORDER BY o.device_id
$$;

-- Who registers the same title at once waits for the other, so that both are compared.
CREATE FUNCTION yq_device_apart() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    other device;
BEGIN
    IF NEW.is_enabled AND NEW.certificate_sha256 IS NULL AND NEW.edge_id IS NULL THEN
        PERFORM pg_advisory_xact_lock(20261128, hashtext('device ' || NEW.calling_ae));
        SELECT * INTO other
        FROM yq_device_doubtful(NEW.device_id, NEW.calling_ae, NEW.called_ae, NEW.address, NEW.local_port, '') o
        WHERE o.address IS DISTINCT FROM NEW.address OR o.local_port IS DISTINCT FROM NEW.local_port
        LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'cannot tell this device from device %: a call could fit both, and neither says more', other.public_id
                USING ERRCODE = 'YQ409';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER device_apart BEFORE INSERT OR UPDATE OF calling_ae, called_ae, address, local_port, certificate_sha256, edge_id, is_enabled ON device
    FOR EACH ROW EXECUTE FUNCTION yq_device_apart();

-- ---- clocks ----------------------------------------------------------------------------------------------------------------

-- What a device's clock was against ours at a time, from the samples of the day before. A sample is the time that an image bears minus its
-- arrival: an image is older than its arrival, so that the largest sample comes nearest, and a resend of old images does not make a good
-- clock look slow. Two cases would take a day to be seen by that alone: a clock that was ahead and is set right (what is ahead by more than
-- five minutes before a sample that is not does not count), and one that fell behind by days, as a dead battery makes it (the newest samples
-- agree within two minutes over ten minutes or more: that is a clock that runs, not a resend).
CREATE FUNCTION yq_device_clock(p_device bigint, p_at timestamptz) RETURNS TABLE (clock_offset interval, measured_at timestamptz)
LANGUAGE sql STABLE AS $$
    WITH sample AS (
        SELECT c.measured_at, c.clock_offset, first_value(c.clock_offset) OVER (ORDER BY c.measured_at DESC) AS newest
        FROM device_clock_sample c
        WHERE c.device_id = p_device AND c.measured_at > p_at - interval '1 day' AND c.measured_at <= p_at
    ), counted AS (
        SELECT s.*, bool_or(abs(extract(epoch FROM s.clock_offset - s.newest)) > 120) OVER (ORDER BY s.measured_at DESC) AS is_before_run
        FROM sample s
        WHERE s.newest > interval '5 minutes' OR s.clock_offset <= interval '5 minutes'
    ), run AS (
        SELECT max(c.clock_offset) AS clock_offset, max(c.measured_at) AS measured_at
        FROM counted c WHERE NOT c.is_before_run
        HAVING max(c.measured_at) - min(c.measured_at) >= interval '10 minutes' AND max(c.clock_offset) < interval '-1 day'
    )
    SELECT coalesce(r.clock_offset, m.clock_offset), m.measured_at
    FROM (SELECT max(c.clock_offset) AS clock_offset, max(c.measured_at) AS measured_at FROM counted c) m
    LEFT JOIN run r ON true
    WHERE m.measured_at IS NOT NULL
$$;

-- An offset in words for the operator's command: "right", "8 h slow", "26 years slow (says 2000)".
CREATE FUNCTION yq_clock_words(p_offset interval, p_at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_offset IS NULL THEN ''
                WHEN n.s <= 300 THEN 'right'
                ELSE CASE WHEN n.s < 3600 THEN floor(n.s / 60) || ' min'
                          WHEN n.s < 172800 THEN floor(n.s / 3600) || ' h'
                          WHEN n.s < 31557600 THEN floor(n.s / 86400) || ' days'
                          ELSE floor(n.s / 31557600) || ' years' END
                     || CASE WHEN p_offset > interval '0' THEN ' fast' ELSE ' slow' END
                     || CASE WHEN n.s >= 31557600 THEN ' (says ' || extract(year FROM p_at + p_offset) || ')' ELSE '' END END
    FROM (SELECT abs(extract(epoch FROM p_offset)) AS s) n
$$;

-- What the objects say about their devices: seen, character set, clock.
CREATE OR REPLACE FUNCTION intake_touch_devices(p_items intake_item[], p_instances bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    seen record;
BEGIN
    FOR seen IN
        SELECT i.device_id, count(*) AS images, max(i.arrived_at) AS last_at, min(i.arrived_at) AS first_at,
               (array_agg(i.charset_verdict ORDER BY i.instance_id DESC))[1] AS verdict,
               -- An image is older than its arrival; the youngest one of the batch comes nearest to what the device's clock says now.
               max(coalesce(yq_dicom_time(t.acquisition_date, t.acquisition_time), yq_dicom_time(t.content_date, t.content_time))
                   - i.arrived_at) AS clock_offset
        FROM instance i JOIN unnest(p_items) t ON t.object_key = i.object_key
        WHERE i.instance_id = ANY (p_instances) AND i.origin = 'device' AND i.device_id IS NOT NULL
        GROUP BY 1 ORDER BY 1
    LOOP
        PERFORM FROM device d WHERE d.device_id = seen.device_id FOR UPDATE;
        IF seen.clock_offset IS NOT NULL AND NOT EXISTS (
            SELECT FROM device_clock_sample c
            WHERE c.device_id = seen.device_id AND c.measured_at > yq_now() - interval '1 minute' AND c.clock_offset >= seen.clock_offset) THEN
            INSERT INTO device_clock_sample (device_id, measured_at, clock_offset) VALUES (seen.device_id, yq_now(), seen.clock_offset)
            ON CONFLICT (device_id, measured_at) DO UPDATE SET clock_offset = greatest(device_clock_sample.clock_offset, excluded.clock_offset);
            DELETE FROM device_clock_sample c WHERE c.device_id = seen.device_id AND c.measured_at < yq_now() - interval '30 days';
        END IF;
        UPDATE device d
        SET last_seen_at = greatest(d.last_seen_at, seen.last_at), first_seen_at = least(d.first_seen_at, seen.first_at),
            charset_verdict = seen.verdict,
            clock_offset = coalesce(s.clock_offset, d.clock_offset), clock_measured_at = coalesce(s.measured_at, d.clock_measured_at)
        FROM (SELECT 1) one LEFT JOIN LATERAL yq_device_clock(seen.device_id, yq_now()) s ON true
        WHERE d.device_id = seen.device_id;
        INSERT INTO device_contact AS k (device_id, day, images, last_at)
        VALUES (seen.device_id, seen.last_at::date, seen.images, seen.last_at)
        ON CONFLICT (device_id, day) DO UPDATE SET images = k.images + excluded.images, last_at = greatest(k.last_at, excluded.last_at);
        INSERT INTO device_charset AS k (device_id, day, verdict, instances)
        SELECT seen.device_id, i.arrived_at::date, i.charset_verdict, count(*)
        FROM instance i
        WHERE i.instance_id = ANY (p_instances) AND i.origin = 'device' AND i.device_id = seen.device_id
        GROUP BY 2, 3 ORDER BY 2, 3
        ON CONFLICT (device_id, day, verdict) DO UPDATE SET instances = k.instances + excluded.instances;
    END LOOP;
END $$;

-- When a study was made, for people: what the device says while its clock was right, else when the first image came. Nothing is sorted,
-- filtered or measured by it.
CREATE FUNCTION yq_examined_at(s study) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN s.study_at IS NULL OR s.study_at > s.first_arrival_at + interval '5 minutes' THEN s.first_arrival_at
                WHEN abs(extract(epoch FROM coalesce(c.clock_offset, d.clock_offset))) > 300 THEN s.first_arrival_at
                ELSE s.study_at END
    FROM (SELECT 1) one
    LEFT JOIN device d ON d.device_id = s.device_id
    LEFT JOIN LATERAL yq_device_clock(s.device_id, s.last_arrival_at + interval '1 hour') c ON true
$$;

-- ---- silence ---------------------------------------------------------------------------------------------------------------

ALTER TABLE device_contact ADD COLUMN first_image_at timestamptz, ADD COLUMN last_image_at timestamptz;
UPDATE device_contact k SET first_image_at = i.first_at, last_image_at = i.last_at
FROM (SELECT device_id, arrived_at::date AS day, min(arrived_at) AS first_at, max(arrived_at) AS last_at
      FROM instance WHERE origin = 'device' AND device_id IS NOT NULL AND arrived_at > yq_now() - interval '60 days' GROUP BY 1, 2) i
WHERE k.device_id = i.device_id AND k.day = i.day AND k.images > 0;
UPDATE device_contact SET first_image_at = last_at, last_image_at = last_at WHERE images > 0 AND first_image_at IS NULL;

-- Whoever counts images says when the last of them came; the first such time of a day is the day's first image.
CREATE FUNCTION yq_device_image_times() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.images > (CASE WHEN TG_OP = 'UPDATE' THEN OLD.images ELSE 0 END) THEN
        NEW.first_image_at := coalesce(NEW.first_image_at, NEW.last_at);
        NEW.last_image_at := greatest(NEW.last_image_at, NEW.last_at);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER device_contact_images BEFORE INSERT OR UPDATE OF images ON device_contact
    FOR EACH ROW EXECUTE FUNCTION yq_device_image_times();

-- The one definition of a silent device. Of the eight weeks that end with its last image: the days of one kind (the same weekday, working or
-- not by the calendar of holidays; a weekend day that is worked counts as any working day). With four of them or more, and images on three
-- quarters of them, the device is expected on such a day by the time by which three quarters of those had begun, and an hour. Silence is due at
-- the first such time after the last image; before it, or with less history, a device is not silent. Days are those of the session's zone.
CREATE FUNCTION yq_device_silence(p_device bigint)
RETURNS TABLE (last_image_at timestamptz, due_at timestamptz, usual_images integer, history integer)
LANGUAGE sql STABLE AS $$
    WITH contact AS (
        SELECT k.day, k.images, k.first_image_at, k.last_image_at FROM device_contact k WHERE k.device_id = p_device AND k.images > 0
    ), last AS (
        SELECT max(day) AS day, greatest(min(day), max(day) - 55) AS first_day, max(last_image_at) AS at FROM contact
    ), day AS (
        SELECT g::date AS day, extract(isodow FROM g)::integer AS weekday, coalesce(c.is_working, extract(isodow FROM g) < 6) AS is_working,
               g::date > last.day AS is_ahead
        FROM last
        CROSS JOIN LATERAL generate_series(last.first_day::timestamp, (last.day + 14)::timestamp, interval '1 day') g
        LEFT JOIN calendar_day c ON c.day = g::date
    ), usual AS (
        SELECT a.day, count(*) AS days, count(k.day) AS sent,
               percentile_disc(0.75) WITHIN GROUP (ORDER BY k.first_image_at::time) AS by_time,
               round(avg(coalesce(k.images, 0))) AS images
        FROM day a
        JOIN day p ON NOT p.is_ahead AND p.is_working = a.is_working AND (p.weekday = a.weekday OR (a.is_working AND a.weekday > 5))
        LEFT JOIN contact k ON k.day = p.day
        WHERE a.is_ahead
        GROUP BY a.day
    )
    SELECT last.at, d.due_at, d.images::integer, d.days::integer
    FROM last
    LEFT JOIN LATERAL (SELECT (u.day + u.by_time)::timestamptz + interval '1 hour' AS due_at, u.images, u.days
                       FROM usual u WHERE u.days >= 4 AND u.sent * 4 >= u.days * 3 ORDER BY u.day LIMIT 1) d ON true
    WHERE last.day IS NOT NULL
$$;

-- A silence that was noticed: told once, ended by the next image, or by taking the device out of use.
CREATE TABLE device_silence (
    silence_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id     bigint NOT NULL REFERENCES device,
    last_image_at timestamptz NOT NULL,
    due_at        timestamptz NOT NULL, -- it had usually sent by then
    noticed_at    timestamptz NOT NULL DEFAULT yq_now(),
    ended_at      timestamptz
);
CREATE UNIQUE INDEX device_silence_open ON device_silence (device_id) WHERE ended_at IS NULL;
CREATE INDEX device_silence_device ON device_silence (device_id, silence_id);
GRANT SELECT, INSERT, UPDATE ON device_silence TO yq_router;
GRANT SELECT ON device_silence TO yq_gateway, yq_operator;

-- Numbers of devices without patients, over every site, for /metrics.
CREATE FUNCTION yq_device_gauges() RETURNS TABLE (name text, labels jsonb, value bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH it AS MATERIALIZED (
        SELECT d.*, coalesce(s.due_at < yq_now(), false) AS is_silent,
               jsonb_build_object('site', t.code, 'device', coalesce(nullif(d.name, ''), d.calling_ae), 'id', d.public_id) AS who
        FROM device d JOIN site t USING (site_id)
        LEFT JOIN LATERAL yq_device_silence(d.device_id) s ON true
        WHERE d.is_enabled
    )
    SELECT 'devices', '{}'::jsonb, count(*) FROM it
    UNION ALL SELECT 'devices_silent', '{}'::jsonb, count(*) FILTER (WHERE is_silent) FROM it
    UNION ALL SELECT 'device_silent', who, is_silent::integer FROM it
    UNION ALL SELECT 'device_seen_seconds_ago', who, extract(epoch FROM yq_now() - last_seen_at)::bigint FROM it WHERE last_seen_at IS NOT NULL
    UNION ALL SELECT 'device_clock_offset_seconds', who, round(extract(epoch FROM clock_offset))::bigint FROM it WHERE clock_offset IS NOT NULL
$$;
REVOKE ALL ON FUNCTION yq_device_gauges() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_device_gauges() TO yq_gateway, yq_operator;

-- ---- 匹配: evidence ----------------------------------------------------------------------------------------------------------

CREATE INDEX request_site_accession ON request (site_id, accession_number);

-- How two person names stand to one another: 'equal' (in their own script), 'pinyin' (in Latin letters alone), 'different', or 'unknown' where
-- they have no script in common. (These are in plpgsql, since that keeps its plans: a rule that looks at hundreds of requests has no time to
-- plan nested functions anew for each.)
CREATE FUNCTION yq_match_names(p_name text, q_name text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    han     text[] := yq_name_groups(p_name, false);
    han_q   text[] := yq_name_groups(q_name, false);
    latin   text[] := yq_name_groups(p_name, true);
    latin_q text[] := yq_name_groups(q_name, true);
BEGIN
    RETURN CASE WHEN han && han_q THEN 'equal'
                WHEN han <> '{}' AND han_q <> '{}' THEN 'different'
                WHEN latin = '{}' OR latin_q = '{}' THEN 'unknown'
                WHEN latin && latin_q THEN 'pinyin'
                ELSE 'different' END;
END $$;

-- A typed ID that people with other names, sexes or birth dates have as well says nothing: reused daily, or one of a family's.
CREATE FUNCTION yq_is_reused_id(c identity_claim, rc identity_claim) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM identity_claim o
                   WHERE o.site_id = c.site_id AND o.typed_id = c.typed_id AND o.claim_id NOT IN (c.claim_id, rc.claim_id)
                     AND (yq_identity_relation(o.name, o.sex, o.birth_date, c.name, c.sex, c.birth_date) = 'different'
                          OR yq_identity_relation(o.name, o.sex, o.birth_date, rc.name, rc.sex, rc.birth_date) = 'different'));
END $$;

-- Films have many names.
CREATE FUNCTION yq_modality_group(p_modality text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_modality IN ('CR', 'DX', 'RF') THEN 'DR' WHEN p_modality = 'OT' THEN '' ELSE p_modality END
$$;

-- Years of age on a day: by the birth date, else as typed (a device computes the latter by its clock, where it has the former).
CREATE FUNCTION yq_age_years(p_birth date, p_text text, p_day date) RETURNS integer LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE WHEN p_birth <= p_day THEN extract(year FROM age(p_day, p_birth))::integer
                WHEN p_text ~ '^[0-9]{1,3}Y$' THEN nullif(left(p_text, -1)::integer, 0) END;
END $$;

-- What speaks for a study and a request being of one examination, and what against: points. A person decides by it, and the rule below.
CREATE OR REPLACE FUNCTION yq_match_evidence(s study, c identity_claim, r request, rc identity_claim) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    names      text := yq_match_names(c.name, rc.name);
    accession  text := btrim(s.accession_number);
    modality   text := coalesce(nullif(yq_modality_group(s.modality), ''),
                                (SELECT yq_modality_group(d.modality) FROM device d WHERE d.device_id = s.device_id), '');
    modality_r text := yq_modality_group(r.modality);
    part       text := upper(s.body_part);
    part_r     text := upper(r.body_part);
    is_aged    boolean := c.birth_date IS NULL OR rc.birth_date IS NULL;
    years      integer := abs(yq_age_years(c.birth_date, s.patient_age_text, s.first_arrival_at::date)
                              - yq_age_years(rc.birth_date, r.age_text, r.registered_at::date));
    is_same_id boolean := c.typed_id = rc.typed_id AND NOT yq_is_trivial_id(c.typed_id);
    is_other   boolean := accession <> '' AND accession <> r.accession_number
                          AND EXISTS (SELECT FROM request o WHERE o.site_id = s.site_id AND o.accession_number = accession);
    is_soon    boolean := s.first_arrival_at - r.registered_at BETWEEN interval '-10 minutes' AND interval '2 hours';
BEGIN
    IF is_same_id THEN
        is_same_id := NOT yq_is_reused_id(c, rc);
    END IF;
    -- Chinese here and Latin letters there: the pinyin of the one, every reading of the surname, is among the keys of its claim.
    IF names = 'unknown' AND EXISTS (SELECT FROM identity_key a JOIN identity_key b ON b.key = a.key AND b.kind = 'reading'
                                     WHERE a.claim_id = c.claim_id AND a.kind = 'reading' AND b.claim_id = rc.claim_id) THEN
        names := 'pinyin';
    END IF;
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('name', f.name, 'points', f.points) ORDER BY abs(f.points) DESC, f.name), '[]')
            FROM (VALUES
                ('accession_equal', 50, accession = r.accession_number),
                ('accession_as_id', 40, accession <> r.accession_number AND btrim(c.typed_id) = r.accession_number),
                ('accession_of_another', -40, is_other),
                ('patient_id_equal', 20, is_same_id),
                ('document_equal', 30, c.national_id <> '' AND c.national_id = rc.national_id),
                ('document_differs', -40, c.national_id <> '' AND rc.national_id <> '' AND c.national_id <> rc.national_id),
                ('name_equal', 20, names = 'equal'),
                ('pinyin_equal', 15, names = 'pinyin'),
                ('name_differs', -40, names = 'different'),
                ('sex_equal', 5, upper(c.sex) = upper(rc.sex) AND c.sex <> ''),
                ('sex_differs', -30, (upper(c.sex), upper(rc.sex)) IN (('M', 'F'), ('F', 'M'))),
                ('birth_date_equal', 15, c.birth_date = rc.birth_date),
                ('birth_date_differs', -20, c.birth_date <> rc.birth_date),
                ('age_near', 5, is_aged AND years <= 1),
                ('age_differs', -20, is_aged AND years > 3),
                ('modality_equal', 10, modality = modality_r AND modality <> ''),
                ('modality_differs', -20, modality <> modality_r AND modality <> '' AND modality_r <> ''),
                ('body_part_equal', 5, part = part_r AND part <> ''),
                ('body_part_differs', -5, part <> part_r AND part ~ '^[A-Z]+$' AND part_r ~ '^[A-Z]+$'),
                ('within_two_hours', 10, is_soon),
                ('same_day', 5, s.first_arrival_at::date = r.registered_at::date AND NOT is_soon)
            ) AS f (name, points, holds)
            WHERE f.holds);
END $$;

-- ---- 匹配: the rule ------------------------------------------------------------------------------------------------------------

-- Beyond the 检查号 nothing is matched without a person where a site says so. No row: the rule may.
CREATE TABLE match_policy (
    site_id          bigint PRIMARY KEY REFERENCES site,
    beyond_accession boolean NOT NULL,
    changed_at       timestamptz NOT NULL DEFAULT yq_now()
);

-- Which version of the rule decided, how sure it was of the best request, and how far the next one stood behind.
ALTER TABLE request_match ADD COLUMN rule_version smallint, ADD COLUMN margin integer;

-- What the rule said of a study, kept whenever it says something else than before.
CREATE TABLE match_decision (
    decision_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id      bigint NOT NULL,
    study_id     bigint NOT NULL,
    rule_version smallint NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('matched', 'waiting')),
    request_id   bigint REFERENCES request,  -- the best candidate; NULL: there was none
    score        numeric(4, 3) CHECK (score BETWEEN 0 AND 1),
    margin       integer,                    -- points to the next one; NULL: there was no other
    evidence     jsonb NOT NULL DEFAULT '[]',
    reasons      text[] NOT NULL DEFAULT '{}', -- why it waits for a person
    decided_at   timestamptz NOT NULL DEFAULT yq_now(),
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id),
    CHECK ((outcome = 'matched') = (reasons = '{}'))
);
CREATE INDEX match_decision_study ON match_decision (study_id, decision_id);

-- May one more study be of this request? It has none yet; or what it had was returned for a retake; or its item wants more views than the
-- studies have that it has, and this one brings no more than those: 正位 and 侧位 that come as two studies.
CREATE FUNCTION yq_request_takes(p_request bigint, p_study bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT count(m.match_id) FILTER (WHERE NOT k.is_retaken) = 0
           OR coalesce(i.expected_views, 0) >= sum(s.instance_count) FILTER (WHERE NOT k.is_retaken)
                                               + (SELECT x.instance_count FROM study x WHERE x.study_id = p_study)
    FROM request r
    LEFT JOIN item_code i USING (item_code_id)
    LEFT JOIN request_match m ON m.request_id = r.request_id AND m.undone_at IS NULL AND m.study_id <> p_study
    LEFT JOIN study s ON s.study_id = m.study_id
    LEFT JOIN LATERAL (SELECT EXISTS (SELECT FROM reading_task t JOIN task_return b USING (task_id)
                                      WHERE t.study_id = m.study_id AND b.kind = 'retake') AS is_retaken) k ON true
    WHERE r.request_id = p_request AND r.state <> 'cancelled'
    GROUP BY i.expected_views
$$;

-- The requests that a study could be of: those that bear its 检查号 (also where that was typed as patient ID), those of its patient ID or
-- identity number in the 90 days before, and, when no number leads to one, those of its name or birth date that were registered within a day of
-- its first image.
CREATE FUNCTION yq_match_candidates(p_study bigint)
RETURNS TABLE (request_id bigint, evidence jsonb, facts text[], points integer, contradicts boolean, is_free boolean, is_near boolean,
               was_parted boolean)
LANGUAGE sql STABLE AS $$
    WITH it AS MATERIALIZED (
        SELECT s, c, s.site_id, s.study_id, s.first_arrival_at, s.device_id, btrim(s.accession_number) AS accession, btrim(c.typed_id) AS typed,
               c.birth_date, yq_name_groups(c.name, false) || yq_name_groups(c.name, true) AS names
        FROM study s JOIN identity_claim c ON c.claim_id = s.claim_id WHERE s.study_id = p_study
    ), numbered AS MATERIALIZED (
        SELECT r.request_id FROM it JOIN request r ON r.site_id = it.site_id AND r.accession_number = ANY (ARRAY[it.accession, it.typed])
        WHERE r.accession_number <> ''
    ), named AS (
        SELECT request_id FROM numbered
        UNION
        SELECT r.request_id
        FROM it
        JOIN identity_claim k ON k.site_id = it.site_id AND k.typed_id = (it.c).typed_id AND NOT yq_is_trivial_id(k.typed_id)
        JOIN request r ON r.claim_id = k.claim_id
        UNION
        SELECT r.request_id
        FROM it
        JOIN identity_claim k ON k.site_id = it.site_id AND k.national_id = (it.c).national_id AND k.national_id <> ''
        JOIN request r ON r.claim_id = k.claim_id
        UNION
        SELECT r.request_id
        FROM it
        JOIN request r ON r.site_id = it.site_id
            AND r.registered_at BETWEEN it.first_arrival_at - interval '1 day' AND it.first_arrival_at + interval '1 day'
        JOIN identity_claim k ON k.claim_id = r.claim_id
        -- As far as a name without its signs can tell: a look that is cheap for hundreds. What has no name and no birth date in common comes
        -- into no question.
        WHERE NOT EXISTS (SELECT FROM numbered)
          AND (k.birth_date = it.birth_date
               OR EXISTS (SELECT FROM unnest(it.names) g WHERE strpos(upper(regexp_replace(k.name, '[\s^　·.,_-]', '', 'g')), g) > 0))
    )
    SELECT r.request_id, e.evidence, e.facts, e.points,
           e.facts && ARRAY['accession_of_another', 'document_differs', 'name_differs', 'sex_differs', 'birth_date_differs', 'age_differs',
                            'modality_differs'],
           r.state = 'registered'
           OR (r.state = 'matched' AND yq_request_takes(r.request_id, it.study_id)
               -- By itself only what one device sent within two hours: the second view of what has just been taken.
               AND NOT EXISTS (SELECT FROM request_match m JOIN study o USING (study_id)
                               WHERE m.request_id = r.request_id AND m.undone_at IS NULL
                                 AND (o.device_id IS DISTINCT FROM it.device_id
                                      OR NOT it.first_arrival_at - o.first_arrival_at BETWEEN interval '-2 hours' AND interval '2 hours'))),
           it.first_arrival_at - r.registered_at BETWEEN interval '-1 day' AND interval '1 day',
           EXISTS (SELECT FROM request_match m WHERE m.study_id = it.study_id AND m.request_id = r.request_id AND m.undone_at IS NOT NULL)
    FROM it
    CROSS JOIN named n
    JOIN request r ON r.request_id = n.request_id
    JOIN identity_claim rc ON rc.claim_id = r.claim_id
    CROSS JOIN LATERAL (SELECT j.evidence, ARRAY(SELECT f ->> 'name' FROM jsonb_array_elements(j.evidence) f) AS facts,
                               coalesce((SELECT sum((f ->> 'points')::integer) FROM jsonb_array_elements(j.evidence) f), 0)::integer AS points
                        FROM (SELECT yq_match_evidence(it.s, it.c, r, rc) AS evidence) j) e
    WHERE r.state <> 'cancelled' AND r.registered_at > it.first_arrival_at - interval '90 days'
$$;

-- The rule, version 2. It matches the best request alone, and only if
--   nothing contradicts: name, sex, birth date, age, identity number, modality, the 检查号 of another request;
--   the request is free (yq_request_takes), and no person parted the two before;
--   it bears the 检查号, and name, birth date, patient ID or identity number agrees too; or, where the site leaves more to the rule, within a day of the registration, with
--   60 points: the name in its own script with identity number, patient ID, or birth date and sex; or in Latin letters with one of the first two;
--   and the modality, and no other body part;
--   and no other request comes near: 30 points behind at least (what contradicts does not count), and none has a number (检查号, patient ID,
--   identity number) in common with the study that the best has not.
-- Else the study waits for a person, and the reasons say why.
CREATE FUNCTION yq_match_decide(p_study bigint) RETURNS match_decision LANGUAGE plpgsql STABLE AS $$
DECLARE
    strong  CONSTANT text[] := ARRAY['accession_equal', 'accession_as_id', 'document_equal', 'patient_id_equal'];
    numbers CONSTANT text[] := ARRAY['accession_equal', 'accession_as_id'];
    result  match_decision;
    all_of  jsonb;
    best    record;
    rival   record;
BEGIN
    result.rule_version := 2;
    result.study_id := p_study;
    result.site_id := (SELECT site_id FROM study WHERE study_id = p_study);
    result.outcome := 'waiting';
    result.evidence := '[]';
    result.reasons := '{}';
    SELECT coalesce(jsonb_agg(to_jsonb(k)), '[]') INTO all_of FROM yq_match_candidates(p_study) k;
    SELECT k.* INTO best
    FROM jsonb_to_recordset(all_of) AS k (request_id bigint, evidence jsonb, facts text[], points integer, contradicts boolean, is_free boolean,
                                          is_near boolean, was_parted boolean)
    ORDER BY k.contradicts, k.points DESC, k.request_id DESC LIMIT 1;
    IF NOT FOUND THEN
        result.reasons := ARRAY['no_request'];
        RETURN result;
    END IF;
    result.request_id := best.request_id;
    result.evidence := best.evidence;
    result.score := yq_match_score(best.evidence);
    SELECT max(k.points) FILTER (WHERE NOT k.contradicts) AS points,
           bool_or(NOT (ARRAY(SELECT f FROM unnest(k.facts) f WHERE f = ANY (strong)) <@ best.facts)) AS has_other_number
    INTO rival
    FROM jsonb_to_recordset(all_of) AS k (request_id bigint, facts text[], points integer, contradicts boolean)
    WHERE k.request_id <> best.request_id;
    result.margin := best.points - rival.points;

    IF best.contradicts THEN
        result.reasons := result.reasons || 'contradicts'::text;
    END IF;
    IF NOT best.is_free THEN
        result.reasons := result.reasons || 'taken'::text;
    END IF;
    IF best.was_parted THEN
        result.reasons := result.reasons || 'parted'::text;
    END IF;
    IF best.facts && numbers THEN
        -- Half of all people share a sex: a mistyped number may be the neighbour's.
        IF NOT best.facts && ARRAY['name_equal', 'pinyin_equal', 'patient_id_equal', 'document_equal', 'birth_date_equal'] THEN
            result.reasons := result.reasons || 'number_alone'::text;
        END IF;
    ELSIF NOT coalesce((SELECT p.beyond_accession FROM match_policy p WHERE p.site_id = result.site_id), true) THEN
        result.reasons := result.reasons || 'switched_off'::text;
    ELSE
        IF NOT best.is_near THEN
            result.reasons := result.reasons || 'not_near'::text;
        END IF;
        IF best.points < 60 OR NOT 'modality_equal' = ANY (best.facts) OR 'body_part_differs' = ANY (best.facts)
           OR NOT (best.facts && ARRAY['name_equal', 'pinyin_equal'])
           OR NOT (best.facts && ARRAY['document_equal', 'patient_id_equal']
                   OR best.facts @> ARRAY['name_equal', 'birth_date_equal', 'sex_equal']) THEN
            result.reasons := result.reasons || 'too_little'::text;
        END IF;
    END IF;
    IF result.margin < 30 THEN
        result.reasons := result.reasons || 'close_second'::text;
    END IF;
    IF rival.has_other_number THEN
        result.reasons := result.reasons || 'other_number'::text;
    END IF;
    IF result.reasons = '{}' THEN
        result.outcome := 'matched';
    END IF;
    RETURN result;
END $$;

-- The router's, with the study locked: matches it when the rule is certain, and keeps what was said. Who comes second waits for the lock of the
-- request, and the rule is asked again. True: matched.
CREATE FUNCTION yq_match_by_rule(p_study bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    decision match_decision;
    last     match_decision;
BEGIN
    IF EXISTS (SELECT FROM request_match m WHERE m.study_id = p_study AND m.undone_at IS NULL) THEN
        RETURN false;
    END IF;
    decision := yq_match_decide(p_study);
    IF decision.outcome = 'matched' THEN
        PERFORM FROM request r WHERE r.request_id = decision.request_id FOR UPDATE;
        decision := yq_match_decide(p_study);
    END IF;
    SELECT * INTO last FROM match_decision d WHERE d.study_id = p_study ORDER BY d.decision_id DESC LIMIT 1;
    IF (last.rule_version, last.outcome, last.request_id, last.reasons) IS DISTINCT FROM
       (decision.rule_version, decision.outcome, decision.request_id, decision.reasons) THEN
        INSERT INTO match_decision (site_id, study_id, rule_version, outcome, request_id, score, margin, evidence, reasons)
        VALUES (decision.site_id, p_study, decision.rule_version, decision.outcome, decision.request_id, decision.score, decision.margin,
                decision.evidence, decision.reasons);
    END IF;
    IF decision.outcome <> 'matched' THEN
        RETURN false;
    END IF;
    INSERT INTO request_match (site_id, request_id, study_id, method, score, evidence, rule_version, margin)
    VALUES (decision.site_id, decision.request_id, p_study, 'automatic', decision.score, decision.evidence, decision.rule_version, decision.margin);
    UPDATE request SET state = 'matched' WHERE request_id = decision.request_id AND state = 'registered';
    -- The other studies of the request look again: together they may have the views that are expected.
    INSERT INTO study_signal (study_id, site_id, kind)
    SELECT m.study_id, m.site_id, 'expected_views' FROM request_match m
    WHERE m.request_id = decision.request_id AND m.study_id <> p_study AND m.undone_at IS NULL;
    RETURN true;
END $$;

-- Evidence that comes late: a request that is registered, changed, freed or cancelled behind the images makes the router look again at the
-- studies without request to which it may speak. A signal, and no update: whoever registers waits for no study.
CREATE FUNCTION yq_request_news() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO study_signal (study_id, site_id, kind)
    SELECT s.study_id, s.site_id, 'expected_views'
    FROM study s
    JOIN identity_claim c ON c.claim_id = s.claim_id
    JOIN identity_claim rc ON rc.claim_id = NEW.claim_id
    WHERE s.site_id = NEW.site_id AND s.last_arrival_at >= NEW.registered_at - interval '1 day'
      AND NOT EXISTS (SELECT FROM request_match m WHERE m.study_id = s.study_id AND m.undone_at IS NULL)
      AND (btrim(s.accession_number) = NEW.accession_number OR btrim(c.typed_id) IN (NEW.accession_number, rc.typed_id)
           OR (c.national_id <> '' AND c.national_id = rc.national_id) OR yq_match_names(c.name, rc.name) IN ('equal', 'pinyin'));
    RETURN NULL;
END $$;
CREATE TRIGGER request_news AFTER INSERT OR UPDATE OF claim_id, item_code_id, modality, body_part ON request
    FOR EACH ROW EXECUTE FUNCTION yq_request_news();
CREATE TRIGGER request_freed AFTER UPDATE OF state ON request FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND NEW.state <> 'matched') EXECUTE FUNCTION yq_request_news();

-- ---- 匹配: shown ---------------------------------------------------------------------------------------------------------------

-- What the rule said last of a study. Runs with the eyes of whoever asks.
CREATE FUNCTION yq_match_decision_json(p_study bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('outcome', d.outcome, 'reasons', to_jsonb(d.reasons), 'rule_version', d.rule_version, 'score', d.score,
                              'margin', d.margin, 'evidence', d.evidence, 'decided_at', d.decided_at,
                              'request_id', (SELECT r.public_id FROM request r WHERE r.request_id = d.request_id))
    FROM match_decision d WHERE d.study_id = p_study ORDER BY d.decision_id DESC LIMIT 1
$$;

-- The match in force of a study: by whom or by which rule, and by what.
CREATE FUNCTION yq_match_json(p_study bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('method', m.method, 'score', m.score, 'margin', m.margin, 'evidence', m.evidence, 'rule_version', m.rule_version,
                              'matched_at', m.matched_at, 'reason', m.reason,
                              'matched_by', (SELECT p.name FROM person p WHERE p.person_id = m.matched_by))
    FROM request_match m WHERE m.study_id = p_study AND m.undone_at IS NULL
$$;

-- ---- rights -------------------------------------------------------------------------------------------------------------------

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['match_policy', 'match_decision'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY person_sites ON %I TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())))', t);
        EXECUTE format('CREATE POLICY every_site ON %I TO yq_storescp, yq_router, yq_operator USING (true)', t);
    END LOOP;
END $$;
GRANT SELECT ON match_decision, match_policy TO yq_router, yq_gateway, yq_operator;
GRANT INSERT ON match_decision TO yq_router;
GRANT INSERT, UPDATE ON match_policy TO yq_operator;
