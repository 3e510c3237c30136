-- Registration and matching of requests; character sets of devices by day.

-- ---- 登记 ------------------------------------------------------------------------------------------------------------------

-- Age with its unit on a day: days below a month, months below three years, else years.
CREATE FUNCTION yq_age_text(p_birth date, p_day date) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_birth IS NULL OR p_birth > p_day THEN ''
                WHEN a >= interval '3 years' THEN extract(year FROM a)::integer || 'Y'
                WHEN a >= interval '1 month' THEN (extract(year FROM a) * 12 + extract(month FROM a))::integer || 'M'
                ELSE (p_day - p_birth) || 'D' END
    FROM (SELECT age(p_day, p_birth) AS a) t
$$;

-- What a 检查号 of a site begins with: up to six letters and digits of the last part of its code. Of two sites with the same six, the
-- later one has a number in it.
CREATE FUNCTION yq_site_short(p_site bigint) RETURNS text LANGUAGE sql STABLE AS $$
    WITH short AS (
        SELECT site_id, upper(left(CASE WHEN last = '' THEN 'S' ELSE last END, 6)) AS word
        FROM site, LATERAL (SELECT regexp_replace(regexp_replace(code, '^.*[-._](?=[A-Za-z0-9])', ''), '[^A-Za-z0-9]', '', 'g') AS last) l
    ), mine AS (
        SELECT word, (SELECT count(*) FROM short o WHERE o.word = s.word AND o.site_id < s.site_id) AS before
        FROM short s WHERE s.site_id = p_site
    )
    SELECT CASE WHEN before = 0 THEN word ELSE left(word, 4) || lpad((before % 100)::text, 2, '0') END FROM mine
$$;

-- The next 检查号: site, day, running number; at most 16 characters that Code 128 prints. Who asks at once waits for the other's commit,
-- so that no number comes twice.
CREATE FUNCTION yq_next_accession(p_site bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    today  date := yq_now()::date;
    number integer;
    result text;
BEGIN
    LOOP
        INSERT INTO request_counter AS c (site_id, day, last) VALUES (p_site, today, 1)
        ON CONFLICT (site_id, day) DO UPDATE SET last = c.last + 1
        RETURNING c.last INTO number;
        IF number > 9999 THEN
            RAISE EXCEPTION 'cannot register more than 9999 examinations of a site a day' USING ERRCODE = 'YQ409';
        END IF;
        result := yq_site_short(p_site) || to_char(today, 'YYMMDD') || lpad(number::text, 4, '0');
        EXIT WHEN NOT EXISTS (SELECT FROM request r WHERE r.site_id = p_site AND r.year = extract(year FROM today)
                                                        AND r.accession_number = result);
    END LOOP;
    RETURN result;
END $$;

-- Who is registered, as a claim of the request. The same words about one person are one claim; when they say too little to tell two people
-- apart (no usable ID, no birth date, no identity number), every request has its own.
CREATE FUNCTION request_claim(p_site bigint, p_id text, p_name text, p_sex text, p_birth date, p_national_id text, p_salt text)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    claim    identity_claim;
    decision record;
BEGIN
    IF p_site NOT IN (SELECT yq_person_sites()) THEN
        RAISE EXCEPTION 'there is no such site' USING ERRCODE = 'YQ404';
    END IF;
    claim.site_id := p_site;
    claim.typed_id := p_id;
    claim.issuer := '';
    claim.name := p_name;
    claim.sex := p_sex;
    claim.birth_date := p_birth;
    claim.birth_text := coalesce(to_char(p_birth, 'YYYYMMDD'), '');
    claim.content_hash := sha256(convert_to(concat_ws(E'\x1f', 'request', p_id, p_name, p_sex, claim.birth_text, p_national_id,
        CASE WHEN yq_is_trivial_id(p_id) AND p_birth IS NULL AND p_national_id = '' THEN p_salt ELSE '' END), 'UTF8'));
    -- As the intake does: who speaks of one ID at once waits for the other.
    PERFORM pg_advisory_xact_lock(20261122, hashtext((SELECT public_id FROM scope WHERE scope_id = p_site)::text || 'id ' || p_id) & 1023);
    SELECT c.claim_id INTO claim.claim_id FROM identity_claim c WHERE c.site_id = p_site AND c.content_hash = claim.content_hash;
    IF FOUND THEN
        RETURN claim.claim_id;
    END IF;

    SELECT k.patient_id, 'same identity number at the site, nothing contradicts' AS reason, '{}'::bigint[] AS doubts,
           '{}'::text[] AS doubt_reasons
    INTO decision
    FROM (SELECT c.patient_id, max(c.claim_id) AS claim_id,
                 bool_or(yq_identity_relation(p_name, p_sex, p_birth, c.name, c.sex, c.birth_date) = 'different') AS contradicts
          FROM identity_claim c
          WHERE p_national_id <> '' AND c.site_id = p_site AND c.national_id = p_national_id
          GROUP BY c.patient_id) k
    WHERE NOT k.contradicts ORDER BY k.claim_id DESC LIMIT 1;
    IF NOT FOUND THEN
        SELECT * INTO decision FROM intake_decide_patient(p_site, claim, '');
    END IF;
    INSERT INTO identity_claim (site_id, patient_id, source, trust, typed_id, name, sex, birth_text, birth_date, national_id, content_hash)
    VALUES (p_site, decision.patient_id, 'request', 10, p_id, p_name, p_sex, claim.birth_text, p_birth, p_national_id, claim.content_hash)
    RETURNING claim_id INTO claim.claim_id;
    INSERT INTO identity_decision (site_id, claim_id, to_patient_id, reason)
    VALUES (p_site, claim.claim_id, decision.patient_id, decision.reason);
    INSERT INTO identity_review (site_id, claim_id, other_claim_id, reason)
    SELECT p_site, claim.claim_id, d.other, d.why FROM unnest(decision.doubts, decision.doubt_reasons) AS d (other, why)
    ON CONFLICT DO NOTHING;
    RETURN claim.claim_id;
END $$;
REVOKE ALL ON FUNCTION request_claim FROM PUBLIC;
GRANT EXECUTE ON FUNCTION request_claim TO yq_gateway;
CREATE INDEX identity_claim_national ON identity_claim (site_id, national_id) WHERE national_id <> '';

-- ---- 匹配 ------------------------------------------------------------------------------------------------------------------

-- What speaks for a study and a request being of one examination, and what against: points, out of 100. A person decides by it; the router
-- matches by itself only when the 检查号 is equal and nothing contradicts.
CREATE FUNCTION yq_match_evidence(s study, c identity_claim, r request, rc identity_claim) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH names AS (
        SELECT yq_name_groups(c.name, false) AS han, yq_name_groups(rc.name, false) AS han_r,
               yq_name_groups(c.name, true) AS latin, yq_name_groups(rc.name, true) AS latin_r
    ), fact (name, points, holds) AS (
        SELECT f.* FROM names n CROSS JOIN LATERAL (VALUES
            ('accession_equal', 50, btrim(s.accession_number) = r.accession_number),
            ('patient_id_equal', 20, c.typed_id = rc.typed_id AND NOT yq_is_trivial_id(c.typed_id)),
            ('name_equal', 20, n.han && n.han_r),
            ('pinyin_equal', 15, NOT n.han && n.han_r AND (n.han = '{}' OR n.han_r = '{}') AND n.latin && n.latin_r),
            ('name_differs', -40, (n.han <> '{}' AND n.han_r <> '{}' AND NOT n.han && n.han_r)
                                  OR ((n.han = '{}' OR n.han_r = '{}') AND n.latin <> '{}' AND n.latin_r <> '{}'
                                      AND NOT n.latin && n.latin_r)),
            ('sex_equal', 5, upper(c.sex) = upper(rc.sex) AND c.sex <> ''),
            ('sex_differs', -30, (upper(c.sex), upper(rc.sex)) IN (('M', 'F'), ('F', 'M'))),
            ('birth_date_equal', 15, c.birth_date = rc.birth_date),
            ('birth_date_differs', -20, c.birth_date <> rc.birth_date),
            ('age_near', 5, (c.birth_date IS NULL OR rc.birth_date IS NULL)
                            AND s.patient_age_text ~ '^[0-9]{1,3}Y$' AND r.age_text ~ '^[0-9]{1,3}Y$'
                            AND abs(substring(s.patient_age_text FROM '^[0-9]+')::integer
                                    - substring(r.age_text FROM '^[0-9]+')::integer) <= 1),
            ('modality_equal', 10, CASE WHEN s.modality IN ('CR', 'DX', 'RF') THEN 'DR' ELSE s.modality END
                                   = CASE WHEN r.modality IN ('CR', 'DX', 'RF') THEN 'DR' ELSE r.modality END AND r.modality <> ''),
            ('modality_differs', -20, s.modality <> '' AND r.modality <> ''
                                      AND CASE WHEN s.modality IN ('CR', 'DX', 'RF') THEN 'DR' ELSE s.modality END
                                          <> CASE WHEN r.modality IN ('CR', 'DX', 'RF') THEN 'DR' ELSE r.modality END),
            ('body_part_equal', 5, upper(s.body_part) = upper(r.body_part) AND r.body_part <> ''),
            ('within_two_hours', 10, s.first_arrival_at - r.registered_at BETWEEN interval '-10 minutes' AND interval '2 hours'),
            ('same_day', 5, s.first_arrival_at::date = r.registered_at::date
                            AND NOT s.first_arrival_at - r.registered_at BETWEEN interval '-10 minutes' AND interval '2 hours')
        ) AS f (name, points, holds)
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'points', points) ORDER BY abs(points) DESC, name) FILTER (WHERE holds), '[]')
    FROM fact
$$;

-- Their sum as a score from 0 to 1.
CREATE FUNCTION yq_match_score(p_evidence jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(0, least(100, coalesce(sum((e ->> 'points')::integer), 0)))::numeric / 100 FROM jsonb_array_elements(p_evidence) e
$$;

-- ---- devices ------------------------------------------------------------------------------------------------------------------

-- Which character sets a device's objects of a day turned out to be in.
CREATE TABLE device_charset (
    device_id bigint NOT NULL REFERENCES device,
    day       date NOT NULL,
    verdict   text NOT NULL,
    instances integer NOT NULL CHECK (instances > 0),
    PRIMARY KEY (device_id, day, verdict)
);
INSERT INTO device_charset (device_id, day, verdict, instances)
SELECT device_id, arrived_at::date, charset_verdict, count(*)
FROM instance
WHERE origin = 'device' AND device_id IS NOT NULL AND arrived_at > yq_now() - interval '31 days'
GROUP BY 1, 2, 3;
GRANT SELECT ON device_charset TO yq_router, yq_gateway, yq_operator;

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
        INSERT INTO device_charset AS k (device_id, day, verdict, instances)
        SELECT seen.device_id, i.arrived_at::date, i.charset_verdict, count(*)
        FROM instance i
        WHERE i.instance_id = ANY (p_instances) AND i.origin = 'device' AND i.device_id = seen.device_id
        GROUP BY 2, 3 ORDER BY 2, 3
        ON CONFLICT (device_id, day, verdict) DO UPDATE SET instances = k.instances + excluded.instances;
    END LOOP;
END $$;
