-- How received objects become rows: identity by rule, studies, series, instances. Called by lib/intake with whole batches.

-- ---- DICOM dates and times -------------------------------------------------------------------------------------------------

-- A DA value (PS3.5 section 6.2; also with the dots of ACR-NEMA) as a date, NULL when it is none that a hospital can mean.
CREATE FUNCTION yq_dicom_date(p_text text) RETURNS date LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    digits text := replace(p_text, '.', '');
    y integer;
    m integer;
    d integer;
BEGIN
    IF digits IS NULL OR digits !~ '^[0-9]{8}$' THEN
        RETURN NULL;
    END IF;
    y := left(digits, 4)::integer;
    m := substr(digits, 5, 2)::integer;
    d := right(digits, 2)::integer;
    IF y NOT BETWEEN 1850 AND 2199 OR m NOT BETWEEN 1 AND 12 OR d < 1
       OR d > extract(day FROM make_date(y, m, 1) + interval '1 month' - interval '1 day') THEN
        RETURN NULL;
    END IF;
    RETURN make_date(y, m, d);
END $$;

-- A DA and a TM value in the session's zone; NULL when either is unusable. A device's clock is not believed, only shown and measured.
CREATE FUNCTION yq_dicom_time(p_date text, p_time text) RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    day    date := yq_dicom_date(p_date);
    digits text := replace(p_time, ':', '');
    h      integer;
    m      integer := 0;
    s      double precision := 0;
BEGIN
    IF day IS NULL OR digits IS NULL OR digits !~ '^[0-9]{2}([0-9]{2}([0-9]{2}([.][0-9]{1,6})?)?)?$' THEN
        RETURN NULL;
    END IF;
    h := left(digits, 2)::integer;
    IF length(digits) >= 4 THEN m := substr(digits, 3, 2)::integer; END IF;
    IF length(digits) >= 6 THEN s := substr(digits, 5)::double precision; END IF;
    IF h > 23 OR m > 59 OR s >= 61 THEN
        RETURN NULL;
    END IF;
    RETURN make_timestamptz(extract(year FROM day)::integer, extract(month FROM day)::integer, extract(day FROM day)::integer,
                            h, m, least(s, 59.999999));
END $$;

-- ---- identity by rule ------------------------------------------------------------------------------------------------------

-- "1", "000", "123456", "zhangsan", blank: typed to get past the console, and typed again for the next patient.
CREATE FUNCTION yq_is_trivial_id(p_id text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT length(n) < 3 OR n !~ '[0-9]' OR n ~ '^(.)\1*$' OR (length(n) <= 10 AND strpos('01234567890123456789', n) > 0)
    FROM (SELECT upper(regexp_replace(coalesce(p_id, ''), '[^0-9A-Za-z]', '', 'g')) AS n) t
$$;

-- A resident identity number with a right check character (GB 11643); else empty.
CREATE FUNCTION yq_national_id(p_id text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN n ~ '^[1-9][0-9]{16}[0-9X]$'
                 AND substr('10X98765432', 1 + (SELECT sum(substr(n, i, 1)::integer * (ARRAY[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])[i])
                                                FROM generate_series(1, 17) i)::integer % 11, 1) = right(n, 1)
                THEN n ELSE '' END
    FROM (SELECT upper(btrim(coalesce(p_id, ''))) AS n) t
$$;

-- The groups of a person name (PS3.5 section 6.2.1) in one script, without carets, blanks and dots.
CREATE FUNCTION yq_name_groups(p_name text, p_is_latin boolean) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT g), '{}')
    FROM (SELECT upper(regexp_replace(part, '[\s^　·.,_-]', '', 'g')) AS g FROM regexp_split_to_table(coalesce(p_name, ''), '=') part) t
    WHERE g <> '' AND strpos(g, U&'\FFFD') = 0 AND (g ~ '^[ -~]*$') = p_is_latin
$$;

-- Do two claims speak of one person? 'same': something agrees and nothing contradicts; 'different'; 'unclear'.
-- Names are compared script by script, so that 张三 and 章三 differ although both are ZHANG SAN.
CREATE FUNCTION yq_identity_relation(p_name text, p_sex text, p_birth date, q_name text, q_sex text, q_birth date) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    latin   text[] := yq_name_groups(p_name, true);
    latin_q text[] := yq_name_groups(q_name, true);
    han     text[] := yq_name_groups(p_name, false);
    han_q   text[] := yq_name_groups(q_name, false);
    names_agree boolean := false;
BEGIN
    IF latin <> '{}' AND latin_q <> '{}' THEN
        IF NOT latin && latin_q THEN RETURN 'different'; END IF;
        names_agree := true;
    END IF;
    IF han <> '{}' AND han_q <> '{}' THEN
        IF NOT han && han_q THEN RETURN 'different'; END IF;
        names_agree := true;
    END IF;
    IF (upper(p_sex), upper(q_sex)) IN (('M', 'F'), ('F', 'M')) OR p_birth <> q_birth THEN
        RETURN 'different';
    END IF;
    IF names_agree OR p_birth = q_birth THEN
        RETURN 'same';
    END IF;
    RETURN 'unclear';
END $$;

-- Whose claim is it? A patient whom an existing claim of the same study or of the same usable ID speaks of, when nothing that was ever said
-- of that patient contradicts; else a new one, and what is doubtful waits for a person.
CREATE FUNCTION intake_decide_patient(p_site bigint, p_claim identity_claim, p_study_uid text, OUT patient_id bigint, OUT reason text,
                                      OUT doubts bigint[], OUT doubt_reasons text[])
LANGUAGE plpgsql AS $$
DECLARE
    known record;
    is_trivial boolean := yq_is_trivial_id(p_claim.typed_id);
    joins bigint[] := '{}';
BEGIN
    doubts := '{}';
    doubt_reasons := '{}';
    SELECT c.* INTO known
    FROM study s JOIN identity_claim c ON c.claim_id = s.claim_id
    WHERE s.site_id = p_site AND s.study_instance_uid = p_study_uid
      AND yq_identity_relation(p_claim.name, p_claim.sex, p_claim.birth_date, c.name, c.sex, c.birth_date) <> 'different'
    ORDER BY s.split_no LIMIT 1;
    IF FOUND THEN
        IF known.typed_id = p_claim.typed_id OR is_trivial OR yq_is_trivial_id(known.typed_id) THEN
            patient_id := known.patient_id;
            reason := 'same study, nothing contradicts';
            RETURN;
        END IF;
        doubts := ARRAY[known.claim_id];
        doubt_reasons := ARRAY['candidate'];
    END IF;

    IF NOT is_trivial THEN
        FOR known IN
            SELECT t.patient_id, max(t.claim_id) AS claim_id, bool_or(t.relation = 'different') AS contradicts, bool_or(t.relation = 'same') AS agrees
            FROM (SELECT c.patient_id, c.claim_id,
                         yq_identity_relation(p_claim.name, p_claim.sex, p_claim.birth_date, c.name, c.sex, c.birth_date) AS relation
                  FROM identity_claim c
                  WHERE c.site_id = p_site AND c.typed_id = p_claim.typed_id
                    AND (c.issuer = p_claim.issuer OR c.issuer = '' OR p_claim.issuer = '')
                  ORDER BY c.claim_id DESC LIMIT 200) t
            GROUP BY t.patient_id ORDER BY 2
        LOOP
            IF known.agrees AND NOT known.contradicts THEN
                joins := joins || known.patient_id;
            END IF;
            IF cardinality(doubts) < 10 AND NOT known.claim_id = ANY (doubts) THEN
                doubts := doubts || known.claim_id;
                doubt_reasons := doubt_reasons || CASE WHEN known.contradicts THEN 'contradiction'::text ELSE 'candidate' END;
            END IF;
        END LOOP;
    END IF;

    IF cardinality(joins) = 1 THEN
        patient_id := joins[1];
        reason := 'same ID at the site, nothing contradicts';
        doubts := '{}';
        doubt_reasons := '{}';
        RETURN;
    END IF;
    INSERT INTO patient DEFAULT VALUES RETURNING patient.patient_id INTO patient_id;
    reason := CASE WHEN cardinality(doubts) > 0 THEN 'doubtful, kept apart' ELSE 'not known before' END;
END $$;

-- The claim as it came. A trivial ID with a name or birth date missing says too little: then every study has its own.
CREATE FUNCTION intake_claim(p_site bigint, p_id text, p_issuer text, p_name text, p_sex text, p_birth text, p_other_ids text,
                             p_study_uid text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    claim identity_claim;
    decision record;
BEGIN
    claim.site_id := p_site;
    claim.typed_id := p_id;
    claim.issuer := p_issuer;
    claim.name := p_name;
    claim.sex := p_sex;
    claim.birth_text := p_birth;
    claim.birth_date := yq_dicom_date(p_birth);
    claim.content_hash := sha256(convert_to(concat_ws(E'\x1f', 'image', p_id, p_issuer, p_name, p_sex, p_birth, p_other_ids,
        CASE WHEN yq_is_trivial_id(p_id) AND (p_name = '' OR claim.birth_date IS NULL) THEN p_study_uid ELSE '' END), 'UTF8'));
    SELECT c.claim_id INTO claim.claim_id FROM identity_claim c WHERE c.site_id = p_site AND c.content_hash = claim.content_hash;
    IF FOUND THEN
        RETURN claim.claim_id;
    END IF;

    SELECT * INTO decision FROM intake_decide_patient(p_site, claim, p_study_uid);
    INSERT INTO identity_claim (site_id, patient_id, source, trust, typed_id, issuer, name, sex, birth_text, birth_date, national_id,
                                other_ids, content_hash)
    VALUES (p_site, decision.patient_id, 'image', 0, p_id, p_issuer, p_name, p_sex, p_birth, claim.birth_date, yq_national_id(p_id),
            p_other_ids, claim.content_hash)
    RETURNING claim_id INTO claim.claim_id;
    INSERT INTO identity_decision (site_id, claim_id, to_patient_id, reason)
    VALUES (p_site, claim.claim_id, decision.patient_id, decision.reason);
    INSERT INTO identity_review (site_id, claim_id, other_claim_id, reason)
    SELECT p_site, claim.claim_id, d.other, d.why FROM unnest(decision.doubts, decision.doubt_reasons) AS d(other, why)
    ON CONFLICT DO NOTHING;
    RETURN claim.claim_id;
END $$;

-- ---- objects ---------------------------------------------------------------------------------------------------------------

-- One object of a batch: what the journal's record says and what stands in the dataset. NULL numbers: absent.
CREATE TYPE intake_item AS (
    ordinal integer, object_key text, origin text, device uuid, site uuid, sop_class_uid text, sop_instance_uid text,
    transfer_syntax_uid text, size_bytes bigint, header_bytes integer, arrived_us bigint, sha256 text, is_in_study boolean,
    study_instance_uid text, series_instance_uid text, patient_name text, patient_id text, issuer_of_patient_id text,
    other_patient_ids text, patient_sex text, patient_birth_date text, patient_age text, accession_number text, study_id text,
    referring_physician text, study_date text, study_time text, acquisition_date text, acquisition_time text, content_date text,
    content_time text, study_description text, series_description text, protocol_name text, body_part text, laterality text,
    modality text, view_position text, charset_declared text, charset_used text, charset_verdict text, series_number integer,
    instance_number integer, rows integer, columns integer, frames integer, has_pixels boolean);

-- The study of an object. A study UID that is used for somebody who contradicts opens a study of its own (split_no > 0) and a review.
CREATE FUNCTION intake_study(p_site bigint, p_device bigint, p_item intake_item, p_arrived timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    birth   date := yq_dicom_date(p_item.patient_birth_date);
    claim   bigint;
    known   record;
    other   bigint;
    splits  integer := 0;
    result  bigint;
BEGIN
    -- Our own reports say what the study says; they make no claim where there is a study.
    IF p_item.origin <> 'own' OR NOT EXISTS (SELECT FROM study s WHERE s.site_id = p_site AND s.study_instance_uid = p_item.study_instance_uid) THEN
        claim := intake_claim(p_site, p_item.patient_id, p_item.issuer_of_patient_id, p_item.patient_name, p_item.patient_sex,
                              p_item.patient_birth_date, p_item.other_patient_ids, p_item.study_instance_uid);
    END IF;
    FOR known IN
        SELECT s.study_id, s.claim_id, c.patient_id = mine.patient_id AS is_same,
               yq_identity_relation(p_item.patient_name, p_item.patient_sex, birth, c.name, c.sex, c.birth_date) AS relation
        FROM study s JOIN identity_claim c ON c.claim_id = s.claim_id LEFT JOIN identity_claim mine ON mine.claim_id = claim
        WHERE s.site_id = p_site AND s.study_instance_uid = p_item.study_instance_uid
        ORDER BY (c.patient_id IS NOT DISTINCT FROM mine.patient_id) DESC, s.split_no
    LOOP
        IF known.is_same OR known.relation <> 'different' THEN
            RETURN known.study_id;
        END IF;
        splits := splits + 1;
        other := coalesce(other, known.claim_id);
        result := coalesce(result, known.study_id);
    END LOOP;
    IF claim IS NULL THEN
        RETURN result; -- our own, and the patient was corrected meanwhile
    END IF;
    IF splits > 0 THEN
        INSERT INTO identity_review (site_id, claim_id, other_claim_id, reason)
        VALUES (p_site, claim, other, 'reused_study_uid') ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO study (site_id, study_instance_uid, split_no, claim_id, device_id, accession_number, dicom_study_id, study_date_text,
                       study_time_text, study_at, description, referring_physician, patient_age_text, body_part, first_arrival_at,
                       last_arrival_at)
    VALUES (p_site, p_item.study_instance_uid, splits, claim, p_device, p_item.accession_number, p_item.study_id, p_item.study_date,
            p_item.study_time, yq_dicom_time(p_item.study_date, p_item.study_time), p_item.study_description, p_item.referring_physician,
            p_item.patient_age, p_item.body_part, p_arrived, p_arrived)
    RETURNING study_id INTO result;
    RETURN result;
END $$;

CREATE FUNCTION intake_series(p_site bigint, p_study bigint, p_item intake_item) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    result bigint;
BEGIN
    SELECT series_id INTO result FROM series WHERE study_id = p_study AND series_instance_uid = p_item.series_instance_uid;
    IF NOT FOUND THEN
        INSERT INTO series (study_id, site_id, series_instance_uid, origin, number, modality, description, body_part, laterality, protocol)
        VALUES (p_study, p_site, p_item.series_instance_uid, p_item.origin, p_item.series_number, p_item.modality,
                p_item.series_description, p_item.body_part, p_item.laterality, p_item.protocol_name)
        RETURNING series_id INTO result;
    END IF;
    RETURN result;
END $$;

-- The row of a new object, or NULL when the site has one under this SOP instance UID.
CREATE FUNCTION intake_insert(p_site bigint, p_device bigint, p_item intake_item, p_arrived timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    series bigint;
    result bigint;
BEGIN
    IF p_item.is_in_study THEN
        series := intake_series(p_site, intake_study(p_site, p_device, p_item, p_arrived), p_item);
    END IF;
    INSERT INTO instance (site_id, series_id, device_id, origin, sop_class_uid, sop_instance_uid, transfer_syntax_uid, object_key,
                          size_bytes, header_bytes, sha256, arrived_at, number, rows, columns, frames, has_pixels, content_date_text,
                          content_time_text, view_position, charset_declared, charset_used, charset_verdict)
    VALUES (p_site, series, p_device, p_item.origin, p_item.sop_class_uid, p_item.sop_instance_uid, p_item.transfer_syntax_uid,
            p_item.object_key, p_item.size_bytes, p_item.header_bytes, decode(p_item.sha256, 'hex'), p_arrived, p_item.instance_number,
            p_item.rows, p_item.columns, p_item.frames, p_item.has_pixels, p_item.content_date, p_item.content_time,
            p_item.view_position, p_item.charset_declared, p_item.charset_used, p_item.charset_verdict)
    ON CONFLICT (site_id, sop_instance_uid) DO NOTHING
    RETURNING instance_id INTO result;
    RETURN result;
END $$;

-- Brings one object in and says what became of it. Known already by its key (replay): nothing changes.
CREATE FUNCTION intake_one(p_item intake_item, OUT outcome text, OUT new_instance bigint) LANGUAGE plpgsql AS $$
DECLARE
    v_site    bigint;
    v_device  bigint;
    v_arrived timestamptz := timestamptz 'epoch' + p_item.arrived_us * interval '1 microsecond';
    existing  record;
BEGIN
    SELECT r.outcome INTO outcome FROM reception r WHERE r.object_key = p_item.object_key AND r.outcome <> 'quarantined';
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT s.site_id INTO v_site FROM scope p JOIN site s ON s.site_id = p.scope_id WHERE p.public_id = p_item.site;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'cannot index: no such site' USING ERRCODE = 'YQ404';
    END IF;
    SELECT d.device_id INTO v_device FROM device d WHERE d.public_id = p_item.device;

    SELECT i.instance_id, i.sha256 INTO existing FROM instance i
    WHERE i.site_id = v_site AND i.sop_instance_uid = p_item.sop_instance_uid;
    IF NOT FOUND THEN
        new_instance := intake_insert(v_site, v_device, p_item, v_arrived);
        IF new_instance IS NULL THEN -- another process was first
            SELECT i.instance_id, i.sha256 INTO STRICT existing FROM instance i
            WHERE i.site_id = v_site AND i.sop_instance_uid = p_item.sop_instance_uid;
        END IF;
    END IF;
    outcome := CASE WHEN new_instance IS NOT NULL THEN 'stored'
                    WHEN existing.sha256 = decode(p_item.sha256, 'hex') THEN 'duplicate' ELSE 'conflict' END;
    IF outcome = 'conflict' THEN
        INSERT INTO instance_conflict (site_id, instance_id, object_key, sha256, size_bytes, header_bytes, transfer_syntax_uid, arrived_at)
        SELECT v_site, existing.instance_id, p_item.object_key, decode(p_item.sha256, 'hex'), p_item.size_bytes, p_item.header_bytes,
               p_item.transfer_syntax_uid, v_arrived
        WHERE NOT EXISTS (SELECT FROM instance_conflict c
                          WHERE c.instance_id = existing.instance_id AND c.sha256 = decode(p_item.sha256, 'hex'));
        IF NOT FOUND THEN
            outcome := 'duplicate'; -- these other bytes are kept already
        END IF;
    END IF;
    INSERT INTO reception (object_key, site_id, instance_id, outcome, arrived_at)
    VALUES (p_item.object_key, v_site, coalesce(new_instance, existing.instance_id), outcome, v_arrived)
    ON CONFLICT (object_key) DO UPDATE SET instance_id = excluded.instance_id, outcome = excluded.outcome, indexed_at = yq_now();
    UPDATE quarantine q SET settled_at = yq_now(), outcome = 'indexed' WHERE q.object_key = p_item.object_key AND q.settled_at IS NULL;
END $$;

-- Counters, times and the signal of every study that got something; our own reports are not news.
CREATE FUNCTION intake_touch_studies(p_instances bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE series s SET instance_count = s.instance_count + n.instances
    FROM (SELECT i.series_id, count(*) AS instances FROM instance i WHERE i.instance_id = ANY (p_instances) GROUP BY 1) n
    WHERE s.series_id = n.series_id;

    PERFORM FROM study s
    WHERE s.study_id IN (SELECT r.study_id FROM instance i JOIN series r USING (series_id) WHERE i.instance_id = ANY (p_instances))
    ORDER BY s.study_id FOR UPDATE;
    UPDATE study s
    SET instance_count = s.instance_count + n.instances, size_bytes = s.size_bytes + n.bytes,
        last_arrival_at = greatest(s.last_arrival_at, n.last_at), first_arrival_at = least(s.first_arrival_at, n.first_at),
        modality = CASE WHEN s.modality <> '' THEN s.modality ELSE coalesce((
            SELECT r.modality FROM series r
            WHERE r.study_id = s.study_id AND r.origin <> 'own' AND r.modality <> '' AND r.modality NOT IN ('SR', 'PR', 'KO', 'DOC', 'OT')
            ORDER BY r.series_id LIMIT 1), '') END
    FROM (SELECT r.study_id, count(*) AS instances, sum(i.size_bytes) AS bytes, max(i.arrived_at) AS last_at, min(i.arrived_at) AS first_at
          FROM instance i JOIN series r USING (series_id)
          WHERE i.instance_id = ANY (p_instances) AND i.origin <> 'own' GROUP BY 1) n
    WHERE s.study_id = n.study_id;

    INSERT INTO study_signal (study_id, site_id, kind, detail)
    SELECT r.study_id, i.site_id, 'instances', jsonb_build_object('instances', count(*))
    FROM instance i JOIN series r USING (series_id)
    WHERE i.instance_id = ANY (p_instances) AND i.origin <> 'own'
    GROUP BY 1, 2 ORDER BY 1;
END $$;

-- What the objects say about their devices: seen, character set, clock.
CREATE FUNCTION intake_touch_devices(p_items intake_item[], p_instances bigint[]) RETURNS void LANGUAGE plpgsql AS $$
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
        -- A resend of old images must not make a good clock look slow: the best sample of a day counts.
        UPDATE device d
        SET last_seen_at = greatest(d.last_seen_at, seen.last_at), first_seen_at = least(d.first_seen_at, seen.first_at),
            charset_verdict = seen.verdict,
            clock_offset = coalesce(s.clock_offset, d.clock_offset), clock_measured_at = coalesce(s.measured_at, d.clock_measured_at)
        FROM (SELECT max(c.clock_offset) AS clock_offset, max(c.measured_at) AS measured_at FROM device_clock_sample c
              WHERE c.device_id = seen.device_id AND c.measured_at > yq_now() - interval '1 day') s
        WHERE d.device_id = seen.device_id;
        INSERT INTO device_contact AS k (device_id, day, images, last_at)
        VALUES (seen.device_id, seen.last_at::date, seen.images, seen.last_at)
        ON CONFLICT (device_id, day) DO UPDATE SET images = k.images + excluded.images, last_at = greatest(k.last_at, excluded.last_at);
    END LOOP;
END $$;

-- A batch, in order of arrival, all or nothing. Objects of one study or one typed ID from several programs at once wait for each other:
-- advisory locks, few enough for any batch, always taken in the same order.
CREATE FUNCTION intake_index(p_items jsonb) RETURNS TABLE (ordinal integer, outcome text) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    item  intake_item;
    items intake_item[] := ARRAY(SELECT r FROM jsonb_populate_recordset(NULL::intake_item, p_items) r ORDER BY r.ordinal);
    one   record;
    fresh bigint[] := '{}';
BEGIN
    PERFORM pg_advisory_xact_lock(20261122, k)
    FROM (SELECT DISTINCT hashtext(t.site::text || what) & 1023 AS k
          FROM unnest(items) t, LATERAL (VALUES ('study ' || t.study_instance_uid), ('id ' || t.patient_id)) AS v(what)
          WHERE t.is_in_study ORDER BY 1) locks;
    FOREACH item IN ARRAY items LOOP
        SELECT * INTO one FROM intake_one(item);
        ordinal := item.ordinal;
        outcome := one.outcome;
        IF one.new_instance IS NOT NULL THEN
            fresh := fresh || one.new_instance;
        END IF;
        RETURN NEXT;
    END LOOP;
    PERFORM intake_touch_studies(fresh);
    PERFORM intake_touch_devices(items, fresh);
END $$;

-- An object that was kept and cannot be indexed, for people to see.
CREATE FUNCTION intake_set_apart(p_key text, p_site uuid, p_device uuid, p_reason text, p_arrived timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_site bigint := (SELECT s.site_id FROM scope p JOIN site s ON s.site_id = p.scope_id WHERE p.public_id = p_site);
BEGIN
    INSERT INTO quarantine (site_id, device_id, object_key, reason, arrived_at)
    VALUES (v_site, (SELECT d.device_id FROM device d WHERE d.public_id = p_device), p_key, p_reason, p_arrived)
    ON CONFLICT (object_key) DO UPDATE SET reason = excluded.reason;
    IF v_site IS NOT NULL THEN
        INSERT INTO reception (object_key, site_id, outcome, arrived_at) VALUES (p_key, v_site, 'quarantined', p_arrived)
        ON CONFLICT DO NOTHING;
    END IF;
END $$;

-- The parts are for intake_index() alone.
REVOKE EXECUTE ON FUNCTION intake_decide_patient, intake_claim, intake_study, intake_series, intake_insert, intake_one, intake_touch_studies,
    intake_touch_devices, intake_index, intake_set_apart FROM PUBLIC;
GRANT EXECUTE ON FUNCTION intake_index, intake_set_apart TO yq_storescp, yq_gateway;
