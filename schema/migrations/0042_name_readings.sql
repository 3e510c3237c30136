-- A key of a name in Latin letters finds whose name is written in characters alone, by its pinyin; a key with component groups is compared by these.

-- Does a name fit a pattern of LIKE? Case, blanks and carets do not matter. A pattern without "=" fits any group of the name; one with it has
-- groups, and each that is given fits the same group of the name.
CREATE OR REPLACE FUNCTION yq_name_fits(p_name text, p_pattern text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN strpos(p_pattern, '=') = 0
                THEN EXISTS (SELECT FROM unnest(string_to_array(n.name, '=')) AS g (part) WHERE g.part LIKE n.pattern)
                ELSE NOT EXISTS (SELECT FROM unnest(string_to_array(n.pattern, '=')) WITH ORDINALITY AS k (part, place)
                                 WHERE k.part <> '' AND split_part(n.name, '=', k.place::integer) NOT LIKE k.part) END
    FROM (SELECT translate(lower(p_name), '^ ', '') AS name, translate(lower(p_pattern), '^ ', '') AS pattern) n
$$;

-- What stands in a pattern for the alphabetic group; empty where it has no Latin letters, and readings have nothing to say.
CREATE FUNCTION yq_pattern_latin(p_pattern text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN k.part ~ '[a-z]' THEN k.part ELSE '' END
    FROM (SELECT split_part(translate(lower(p_pattern), '^ ', ''), '=', 1) AS part) k
$$;
-- Does a claim's name fit with one of its readings (lib/domain/name_key.h) as alphabetic group? Whoever asks sees the claim; to find out again for
-- each of its keys would cost more than all else.
CREATE FUNCTION yq_claim_reads(c identity_claim, p_pattern text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT yq_pattern_latin(p_pattern) <> ''
       AND EXISTS (SELECT FROM identity_key k
                   WHERE k.claim_id = c.claim_id AND k.kind = 'reading'
                     AND yq_name_fits(k.key || '=' || split_part(c.name, '=', 2) || '=' || split_part(c.name, '=', 3), p_pattern))
$$;
REVOKE ALL ON FUNCTION yq_claim_reads(identity_claim, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_claim_reads(identity_claim, text) TO yq_storescp, yq_gateway, yq_router, yq_operator;
-- Among which claims those are that a pattern finds by a reading, as far as these eyes see: by index, or in one pass over the keys where the pattern
-- may begin with anything. NULL: they are more than p_most; then each claim is asked, and a walk along the newest meets enough of them soon.
CREATE FUNCTION yq_claims_read(p_pattern text, p_most integer) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    latin text := yq_pattern_latin(p_pattern);
    low   text;
    high  text;
    ids   bigint[];
BEGIN
    SELECT p_first, p_last INTO low, high FROM yq_pattern_range(latin);
    IF latin = '' THEN
        RETURN '{}';
    ELSIF low = '' THEN
        ids := ARRAY(SELECT k.claim_id FROM identity_key k WHERE k.kind = 'reading' AND k.key LIKE latin LIMIT p_most + 1);
    ELSE
        ids := ARRAY(SELECT k.claim_id FROM identity_key k
                     WHERE k.key >= low AND k.key <= high AND k.kind = 'reading' AND k.key LIKE latin
                     LIMIT p_most + 1);
    END IF;
    RETURN CASE WHEN cardinality(ids) <= p_most THEN ids END;
END $$;

-- What the first group of a pattern that has a beginning lies between; the characters first, of which fewer people have the same.
CREATE FUNCTION yq_name_range(p_pattern text, OUT p_first text, OUT p_last text) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(r.p_first, 32), r.p_last
    FROM (VALUES (1, 2), (2, 1), (3, 3)) AS o (turn, place),
         yq_pattern_range(split_part(translate(lower(p_pattern), '^ ', ''), '=', o.place)) r
    WHERE r.p_first <> ''
    ORDER BY o.turn LIMIT 1
$$;

-- As before (0040), with readings of the name.
CREATE OR REPLACE FUNCTION yq_workitem_fits(w workitem, t reading_task, s study, c identity_claim, p_queue text, p jsonb) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT (NOT p ? 'states' OR p -> 'states' ? w.state)
       AND (NOT p ? 'uids' OR p -> 'uids' ? w.sop_instance_uid)
       AND (NOT p ? 'studies' OR p -> 'studies' ? s.shown_uid)
       AND (NOT p ? 'priorities' OR p -> 'priorities' ? yq_workitem_priority(t))
       AND (NOT p ? 'readiness' OR p -> 'readiness' ? yq_workitem_is_ready(t, s))
       AND (NOT p ? 'label' OR p_queue LIKE p ->> 'label')
       AND (NOT p ? 'patient_id' OR c.typed_id LIKE p ->> 'patient_id')
       AND (NOT p ? 'patient_name' OR yq_name_fits(c.name, p ->> 'patient_name') OR yq_claim_reads(c, p ->> 'patient_name'))
       AND (NOT p ? 'term' OR yq_claim_sounds(c.claim_id, p ->> 'term'))
       AND (NOT p ? 'accession' OR s.accession_number LIKE p ->> 'accession')
       AND (NOT p ? 'from' OR to_char(w.opened_at, 'YYYYMMDDHH24MISS') COLLATE "C" >= p ->> 'from')
       AND (NOT p ? 'to' OR to_char(w.opened_at, 'YYYYMMDDHH24MISS') COLLATE "C" <= p ->> 'to')
$$;

-- As before (0040), with readings of the name.
CREATE OR REPLACE FUNCTION yq_workitems_near(p jsonb, p_most integer) RETURNS bigint[] LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
    sites bigint[] := ARRAY(SELECT yq_person_sites());
    low   text;
    high  text;
    ids   bigint[];
BEGIN
    IF p ? 'uids' THEN
        RETURN ARRAY(SELECT w.workitem_id FROM workitem w WHERE w.sop_instance_uid = ANY (ARRAY(SELECT jsonb_array_elements_text(p -> 'uids'))));
    END IF;
    IF p ? 'studies' THEN
        ids := yq_workitems_of_studies(ARRAY(
            SELECT s.study_id FROM study s
            WHERE s.shown_uid = ANY (ARRAY(SELECT jsonb_array_elements_text(p -> 'studies'))) AND s.site_id = ANY (sites)
            LIMIT p_most + 1), p_most);
    END IF;
    SELECT p_first, p_last INTO low, high FROM yq_pattern_range(p ->> 'accession');
    IF ids IS NULL AND low <> '' THEN
        ids := yq_workitems_of_studies(ARRAY(
            SELECT s.study_id FROM study s
            WHERE s.accession_number <> '' AND s.accession_number COLLATE "C" BETWEEN low AND high AND s.site_id = ANY (sites)
            LIMIT p_most + 1), p_most);
    END IF;
    SELECT p_first, p_last INTO low, high FROM yq_pattern_range(p ->> 'patient_id');
    IF ids IS NULL AND low <> '' THEN
        ids := yq_workitems_of_claims(ARRAY(
            SELECT c.claim_id FROM identity_claim c WHERE c.typed_id COLLATE "C" BETWEEN low AND high AND c.site_id = ANY (sites)
            LIMIT p_most + 1), p_most);
    END IF;
    IF ids IS NULL AND p ? 'term' THEN
        ids := yq_workitems_of_claims(ARRAY(
            SELECT k.claim_id FROM identity_key k
            WHERE k.key >= p ->> 'term' AND k.key < yq_term_end(p ->> 'term') AND k.site_id = ANY (sites)
            LIMIT p_most + 1), p_most);
    END IF;
    SELECT p_first, p_last INTO low, high FROM yq_name_range(p ->> 'patient_name');
    IF ids IS NULL AND low <> '' THEN
        ids := yq_workitems_of_claims(ARRAY(
            (SELECT c.claim_id FROM identity_claim c
             WHERE (yq_name_start(c.name, 1) COLLATE "C" BETWEEN low AND high OR yq_name_start(c.name, 2) COLLATE "C" BETWEEN low AND high
                    OR yq_name_start(c.name, 3) COLLATE "C" BETWEEN low AND high) AND c.site_id = ANY (sites)
             LIMIT p_most + 1)
            UNION
            (SELECT k.claim_id FROM identity_key k
             WHERE yq_pattern_latin(p ->> 'patient_name') <> '' AND k.key BETWEEN low AND high AND k.kind = 'reading' AND k.site_id = ANY (sites)
             LIMIT p_most + 1)), p_most);
    END IF;
    IF ids IS NULL AND (p ? 'from' OR p ? 'to') THEN
        ids := ARRAY(SELECT w.workitem_id FROM workitem w
                     WHERE w.opened_at >= yq_workitem_from(p) AND w.opened_at < yq_workitem_to(p) AND w.site_id = ANY (sites)
                     LIMIT p_most + 1);
    END IF;
    RETURN CASE WHEN cardinality(ids) <= p_most THEN ids END;
END $$;
