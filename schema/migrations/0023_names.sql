-- What patients are found by, and who may be one person across sites. Both are worked out behind the claim: the keys of a name with tables that
-- only the programs have, candidates by the router, who sees every site.

-- ---- what waits to be worked out ---------------------------------------------------------------------------------------------

-- Every new claim is noted here by trigger, whoever writes it. Keys are made by the writer in the same transaction where it can (made_by finds
-- its own), else by the router.
CREATE TABLE identity_wanted (
    claim_id bigint NOT NULL REFERENCES identity_claim ON DELETE CASCADE,
    site_id  bigint NOT NULL REFERENCES site,
    work     text NOT NULL CHECK (work IN ('keys', 'candidates')),
    made_by  xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (work, claim_id)
);
CREATE INDEX identity_wanted_own ON identity_wanted (made_by) WHERE work = 'keys';

CREATE FUNCTION yq_want_identity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO identity_wanted (claim_id, site_id, work)
    SELECT f.claim_id, f.site_id, w.work FROM fresh f CROSS JOIN (VALUES ('keys'), ('candidates')) AS w (work);
    RETURN NULL;
END $$;
CREATE TRIGGER identity_claim_wanted AFTER INSERT ON identity_claim REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION yq_want_identity();
INSERT INTO identity_wanted (claim_id, site_id, work)
SELECT c.claim_id, c.site_id, w.work FROM identity_claim c CROSS JOIN (VALUES ('keys'), ('candidates')) AS w (work);

-- ---- names -------------------------------------------------------------------------------------------------------------------

-- A claim is found by what its keys begin with (lib/domain/name_key.h). Bytes are compared, so that a range of the index is "begins with", also
-- behind row-level security, which LIKE and the operators of arrays would keep off the index.
CREATE TABLE identity_key (
    claim_id bigint NOT NULL REFERENCES identity_claim ON DELETE CASCADE,
    site_id  bigint NOT NULL REFERENCES site,
    key      text COLLATE "C" NOT NULL CHECK (key <> '' AND octet_length(key) <= 96),
    kind     text NOT NULL CHECK (kind IN ('name', 'reading', 'part')), -- a whole name in Chinese, in Latin letters; any other
    PRIMARY KEY (claim_id, key)
);
CREATE INDEX identity_key_search ON identity_key (key, site_id) INCLUDE (claim_id);
DROP INDEX identity_claim_name; -- searched by nobody: trigrams need three characters, Chinese names have two
CREATE INDEX study_accession ON study (accession_number COLLATE "C") WHERE accession_number <> '';
CREATE INDEX request_accession_prefix ON request (accession_number COLLATE "C");
CREATE INDEX request_number ON request (request_number COLLATE "C") WHERE request_number <> '';

-- Behind the last text that begins with p_term: no text has a character beyond U+10FFFF.
CREATE FUNCTION yq_term_end(p_term text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT p_term || U&'\+10FFFF' $$;

-- Studies and requests that somebody looks for, as far as these eyes see: by what the keys of the patient begin with (of the images, and of the
-- request that is matched), or by the beginning of a number. p_term: name_key_term() of what was typed, NULL when nothing was left of it.
-- p_most: of so many claims, the newest, at most (one letter finds half the county); NULL: of all.
CREATE FUNCTION yq_studies_found(p_term text, p_typed text, p_most integer) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    WITH found AS MATERIALIZED (
        SELECT k.claim_id FROM identity_key k WHERE k.key >= p_term AND k.key < yq_term_end(p_term)
        ORDER BY k.claim_id DESC LIMIT p_most
    )
    SELECT s.study_id FROM found k JOIN study s ON s.claim_id = k.claim_id
    UNION ALL
    SELECT m.study_id FROM found k JOIN request r ON r.claim_id = k.claim_id JOIN request_match m ON m.request_id = r.request_id
    WHERE m.undone_at IS NULL
    UNION ALL
    SELECT s.study_id FROM study s
    WHERE s.accession_number <> '' AND s.accession_number COLLATE "C" >= upper(p_typed)
      AND s.accession_number COLLATE "C" < yq_term_end(upper(p_typed))
    UNION ALL
    SELECT m.study_id FROM request r JOIN request_match m ON m.request_id = r.request_id
    WHERE r.accession_number COLLATE "C" >= upper(p_typed) AND r.accession_number COLLATE "C" < yq_term_end(upper(p_typed))
      AND m.undone_at IS NULL
$$;
CREATE FUNCTION yq_requests_found(p_term text, p_typed text, p_most integer) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT r.request_id
    FROM (SELECT k.claim_id FROM identity_key k WHERE k.key >= p_term AND k.key < yq_term_end(p_term)
          ORDER BY k.claim_id DESC LIMIT p_most) k
    JOIN request r ON r.claim_id = k.claim_id
    UNION ALL
    SELECT r.request_id FROM request r
    WHERE r.accession_number COLLATE "C" >= upper(p_typed) AND r.accession_number COLLATE "C" < yq_term_end(upper(p_typed))
    UNION ALL
    SELECT r.request_id FROM request r
    WHERE r.request_number <> '' AND r.request_number COLLATE "C" >= p_typed AND r.request_number COLLATE "C" < yq_term_end(p_typed)
$$;

-- ---- the identity number counts with name, sex and birth date ------------------------------------------------------------------------

-- Nothing that was said with an identity number contradicts the sex and birth date in it: else it was typed for somebody else.
CREATE FUNCTION yq_number_fits(p_number text, p_sex text, p_birth date) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(to_char(p_birth, 'YYYYMMDD') = substr(btrim(p_number), 7, 8), true)
       AND (upper(p_sex) NOT IN ('M', 'F') OR (upper(p_sex) = 'M') = (substr(btrim(p_number), 17, 1)::integer % 2 = 1))
$$;

-- In one script at least.
CREATE FUNCTION yq_names_agree(p_name text, q_name text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT yq_name_groups(p_name, false) && yq_name_groups(q_name, false) OR yq_name_groups(p_name, true) && yq_name_groups(q_name, true)
$$;

-- "003", "A12": a running number of the day, soon somebody else's.
CREATE FUNCTION yq_is_short_id(p_id text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT length(regexp_replace(coalesce(p_id, ''), '[^0-9A-Za-z]', '', 'g')) < 4
$$;

-- As before (0006), but: an identity number typed as patient ID joins only where the names agree and sex and birth date fit it, and a study UID
-- that two people had joins nobody who fits both; and an ID that others had, or a short one, joins only with the birth date.
CREATE OR REPLACE FUNCTION intake_decide_patient(p_site bigint, p_claim identity_claim, p_study_uid text, OUT patient_id bigint, OUT reason text,
                                      OUT doubts bigint[], OUT doubt_reasons text[])
LANGUAGE plpgsql AS $$
DECLARE
    known record;
    is_trivial boolean := yq_is_trivial_id(p_claim.typed_id);
    joins bigint[] := '{}';
BEGIN
    doubts := '{}';
    doubt_reasons := '{}';
    SELECT c.*, count(*) OVER () AS studies INTO known
    FROM study s JOIN identity_claim c ON c.claim_id = s.claim_id
    WHERE s.site_id = p_site AND s.study_instance_uid = p_study_uid
      AND yq_identity_relation(p_claim.name, p_claim.sex, p_claim.birth_date, c.name, c.sex, c.birth_date) <> 'different'
    ORDER BY s.split_no LIMIT 1;
    IF FOUND AND known.studies = 1 THEN -- what fits two people who had one UID is neither's
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
            SELECT t.patient_id, max(t.claim_id) AS claim_id, bool_or(t.relation = 'different') AS contradicts,
                   bool_or(t.relation = 'same' AND t.counts) AS agrees, bool_or(t.relation = 'same' AND t.birth_date = p_claim.birth_date) AS is_born,
                   bool_or(bool_or(t.relation = 'different')) OVER () AS is_reused
            FROM (SELECT c.patient_id, c.claim_id, c.birth_date,
                         yq_identity_relation(p_claim.name, p_claim.sex, p_claim.birth_date, c.name, c.sex, c.birth_date) AS relation,
                         yq_national_id(p_claim.typed_id) = ''
                             OR (yq_number_fits(p_claim.typed_id, p_claim.sex, p_claim.birth_date)
                                 AND yq_number_fits(p_claim.typed_id, c.sex, c.birth_date) AND yq_names_agree(p_claim.name, c.name)) AS counts
                  FROM identity_claim c
                  WHERE c.site_id = p_site AND c.typed_id = p_claim.typed_id
                    AND (c.issuer = p_claim.issuer OR c.issuer = '' OR p_claim.issuer = '')
                  ORDER BY c.claim_id DESC LIMIT 200) t
            GROUP BY t.patient_id ORDER BY 2
        LOOP
            -- An ID that others had, too, and one of a few characters are the day's running number: a name alone does not bear them out.
            IF known.agrees AND NOT known.contradicts AND (known.is_born OR NOT (known.is_reused OR yq_is_short_id(p_claim.typed_id))) THEN
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

-- As before (0006), but: a short ID says as little as a trivial one. With a name or birth date missing every study has its own claim.
CREATE OR REPLACE FUNCTION intake_claim(p_site bigint, p_id text, p_issuer text, p_name text, p_sex text, p_birth text, p_other_ids text,
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
        CASE WHEN (yq_is_trivial_id(p_id) OR yq_is_short_id(p_id)) AND (p_name = '' OR claim.birth_date IS NULL) THEN p_study_uid ELSE '' END), 'UTF8'));
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

-- As before (0012), but: the number joins only where the names agree and nothing contradicts it; who else has it waits for a person.
CREATE OR REPLACE FUNCTION request_claim(p_site bigint, p_id text, p_name text, p_sex text, p_birth date, p_national_id text, p_salt text)
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
        CASE WHEN (yq_is_trivial_id(p_id) OR yq_is_short_id(p_id)) AND p_birth IS NULL AND p_national_id = '' THEN p_salt ELSE '' END), 'UTF8'));
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
                 bool_or(yq_identity_relation(p_name, p_sex, p_birth, c.name, c.sex, c.birth_date) = 'different'
                         OR NOT yq_number_fits(p_national_id, c.sex, c.birth_date)) AS contradicts,
                 bool_or(yq_names_agree(p_name, c.name)) AS agrees
          FROM identity_claim c
          WHERE p_national_id <> '' AND c.site_id = p_site AND c.national_id = p_national_id
          GROUP BY c.patient_id) k
    WHERE k.agrees AND NOT k.contradicts ORDER BY k.claim_id DESC LIMIT 1;
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
    -- Whoever else of the site has the number and is not the same beyond doubt.
    INSERT INTO identity_review (site_id, claim_id, other_claim_id, reason)
    SELECT p_site, claim.claim_id, max(c.claim_id),
           CASE WHEN bool_or(yq_identity_relation(p_name, p_sex, p_birth, c.name, c.sex, c.birth_date) = 'different')
                THEN 'contradiction' ELSE 'candidate' END
    FROM identity_claim c
    WHERE p_national_id <> '' AND c.site_id = p_site AND c.national_id = p_national_id AND c.patient_id <> decision.patient_id
      AND c.claim_id <> claim.claim_id
    GROUP BY c.patient_id ORDER BY 3 DESC LIMIT 10
    ON CONFLICT DO NOTHING;
    RETURN claim.claim_id;
END $$;

-- ---- candidates ----------------------------------------------------------------------------------------------------------------

-- A review of claims of two sites is for a person who sees both: the patient of one site is none of the other's business.
ALTER TABLE identity_review ADD COLUMN other_site_id bigint REFERENCES site CHECK (other_site_id <> site_id), -- NULL: the same site
                            ADD COLUMN evidence text[] NOT NULL DEFAULT '{}';                                -- what agrees
CREATE INDEX identity_review_other ON identity_review (other_claim_id);
CREATE INDEX identity_claim_document ON identity_claim (national_id) WHERE national_id <> '';
DROP POLICY person_sites ON identity_review;
CREATE POLICY person_sites ON identity_review TO yq_gateway
    USING (site_id = ANY (ARRAY(SELECT yq_person_sites()))
           AND (other_site_id IS NULL OR other_site_id = ANY (ARRAY(SELECT yq_person_sites()))));

-- The identity number, where the sex and birth date that were said with it are those in it; else empty: it was typed for somebody else.
CREATE FUNCTION yq_claimed_document(c identity_claim) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN yq_national_id(c.national_id) <> '' AND c.birth_date IS NOT NULL AND upper(c.sex) IN ('M', 'F')
                 AND yq_number_fits(c.national_id, c.sex, c.birth_date)
                THEN c.national_id ELSE '' END
$$;

-- What agrees between two claims of different patients, enough of it that a person should say whether they are one; NULL: too little. Either
--   the identity number, which fits sex and birth date of both, and the name, in Chinese or in pinyin; or
--   the whole name in Chinese, sex and birth date, at two sites, or at one with the same phone.
-- Nothing that contradicts: no two identity numbers either.
CREATE FUNCTION yq_candidate_evidence(c identity_claim, o identity_claim) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    has_document boolean := yq_claimed_document(c) <> '' AND yq_claimed_document(c) = yq_claimed_document(o);
    has_name     boolean := yq_name_groups(c.name, false) && yq_name_groups(o.name, false);
    has_phone    boolean;
BEGIN
    IF yq_identity_relation(c.name, c.sex, c.birth_date, o.name, o.sex, o.birth_date) = 'different'
       OR c.birth_date IS DISTINCT FROM o.birth_date OR upper(c.sex) <> upper(o.sex) OR upper(c.sex) NOT IN ('M', 'F')
       OR (c.national_id <> '' AND o.national_id <> '' AND c.national_id <> o.national_id) THEN
        RETURN NULL;
    END IF;
    SELECT count(DISTINCT r.claim_id) = 2 INTO has_phone
    FROM request r JOIN request t ON regexp_replace(r.phone, '[^0-9]', '', 'g') = regexp_replace(t.phone, '[^0-9]', '', 'g')
    WHERE length(regexp_replace(r.phone, '[^0-9]', '', 'g')) >= 7 AND r.claim_id IN (c.claim_id, o.claim_id)
      AND t.claim_id IN (c.claim_id, o.claim_id) AND t.claim_id <> r.claim_id;
    IF has_document AND NOT has_name THEN
        has_name := EXISTS (SELECT FROM identity_key a JOIN identity_key b ON b.key = a.key
                            WHERE a.claim_id = c.claim_id AND b.claim_id = o.claim_id AND a.kind = 'reading' AND b.kind = 'reading');
    END IF;
    IF NOT has_name OR c.birth_date IS NULL OR NOT (has_document OR has_phone OR c.site_id <> o.site_id) THEN
        RETURN NULL;
    END IF;
    RETURN CASE WHEN has_document THEN ARRAY['national_id'] ELSE '{}' END || ARRAY['name', 'sex', 'birth_date']
           || CASE WHEN has_phone THEN ARRAY['phone'] ELSE '{}' END;
END $$;

-- Opens what a person has to settle about a claim whose keys are made; how many. Two patients have one open question, and none that was settled.
CREATE FUNCTION identity_find_candidates(p_claim bigint) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    mine  identity_claim;
    other record;
    found_count integer := 0;
BEGIN
    SELECT * INTO mine FROM identity_claim WHERE claim_id = p_claim;
    FOR other IN
        SELECT DISTINCT ON (o.patient_id) o.claim_id, o.site_id, e.evidence
        FROM (SELECT claim_id FROM identity_claim WHERE mine.national_id <> '' AND national_id = mine.national_id
              UNION
              SELECT k.claim_id FROM identity_key m JOIN identity_key k ON k.key = m.key
              WHERE m.claim_id = p_claim AND m.kind = 'name' AND k.kind = 'name') near
        JOIN identity_claim o USING (claim_id)
        CROSS JOIN LATERAL (SELECT yq_candidate_evidence(mine, o) AS evidence
                            WHERE o.patient_id <> mine.patient_id AND o.birth_date = mine.birth_date) e
        WHERE e.evidence IS NOT NULL
          AND NOT EXISTS (SELECT FROM identity_review r
                          JOIN identity_claim a ON a.claim_id = r.claim_id JOIN identity_claim b ON b.claim_id = r.other_claim_id
                          WHERE (r.claim_id IN (SELECT claim_id FROM identity_claim WHERE patient_id = mine.patient_id)
                                 OR r.other_claim_id IN (SELECT claim_id FROM identity_claim WHERE patient_id = mine.patient_id))
                            AND o.patient_id IN (a.patient_id, b.patient_id))
        ORDER BY o.patient_id, cardinality(e.evidence) DESC, o.claim_id DESC
        LIMIT 10
    LOOP
        INSERT INTO identity_review (site_id, claim_id, other_site_id, other_claim_id, reason, evidence)
        VALUES (mine.site_id, p_claim, nullif(other.site_id, mine.site_id), other.claim_id, 'candidate', other.evidence)
        ON CONFLICT DO NOTHING;
        found_count := found_count + 1;
    END LOOP;
    RETURN found_count;
END $$;

-- ---- where an image says it was made ---------------------------------------------------------------------------------------------

ALTER TABLE series ADD COLUMN institution text NOT NULL DEFAULT ''; -- Institution Name (0008,0080), PS3.3 C.7.5.1

-- Behind intake_index(), in its transaction: what the first object of a series says about the equipment. An item of an older backlog says nothing.
CREATE FUNCTION intake_equipment(p_items jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE series e SET institution = t.institution
    FROM (SELECT DISTINCT ON (i.series_id) i.series_id, x.institution
          FROM jsonb_to_recordset(p_items) AS x (object_key text, institution text)
          JOIN instance i ON i.object_key = x.object_key
          WHERE x.institution <> '' ORDER BY i.series_id, i.instance_id) t
    WHERE e.series_id = t.series_id AND e.institution = ''
$$;
CREATE FUNCTION intake_bring_in(p_items jsonb) RETURNS TABLE (ordinal integer, outcome text) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT i.ordinal, i.outcome FROM intake_index(p_items) i;
    PERFORM intake_equipment(p_items);
END $$;

-- ---- rights ------------------------------------------------------------------------------------------------------------------------

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['identity_wanted', 'identity_key'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY person_sites ON %I TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())))', t);
        EXECUTE format('CREATE POLICY every_site ON %I TO yq_storescp, yq_router, yq_operator USING (true)', t);
    END LOOP;
END $$;
GRANT SELECT, INSERT ON identity_key TO yq_storescp, yq_gateway, yq_router, yq_operator;
GRANT SELECT, UPDATE, DELETE ON identity_wanted TO yq_storescp, yq_gateway, yq_router, yq_operator;
REVOKE EXECUTE ON FUNCTION yq_want_identity, identity_find_candidates, intake_equipment, intake_bring_in FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity_find_candidates TO yq_router;
GRANT EXECUTE ON FUNCTION intake_bring_in TO yq_storescp, yq_gateway;
