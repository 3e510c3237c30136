-- Searches for workitems by patient, by number and by day go by indexes and look at no more than these find, however many workitems there are.

-- The first letters of one group of a name as yq_name_fits() compares it.
CREATE FUNCTION yq_name_start(p_name text, p_group integer) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(translate(lower(split_part(p_name, '=', p_group)), '^ ', ''), 32)
$$;
CREATE INDEX identity_claim_alphabetic ON identity_claim (yq_name_start(name, 1) COLLATE "C");
CREATE INDEX identity_claim_ideographic ON identity_claim (yq_name_start(name, 2) COLLATE "C");
CREATE INDEX identity_claim_phonetic ON identity_claim (yq_name_start(name, 3) COLLATE "C");
CREATE INDEX identity_claim_typed_prefix ON identity_claim (typed_id COLLATE "C");
CREATE INDEX workitem_opened ON workitem (opened_at);

-- What every text that fits a pattern of LIKE lies between, in the order of "C". p_first is empty where it may begin with anything.
CREATE FUNCTION yq_pattern_range(p_pattern text, OUT p_first text, OUT p_last text) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT l.plain, CASE WHEN l.quoted = p_pattern THEN l.plain ELSE yq_term_end(l.plain) END
    FROM (SELECT q.quoted, regexp_replace(q.quoted, '\\(.)', '\1', 'g') AS plain
          FROM (SELECT coalesce(substring(p_pattern FROM '^(?:[^%_\\]|\\.)*'), '') AS quoted) q) l
$$;

-- The first moment that is not before what stands in 14 digits, YYYYMMDDHH24MISS, which need not be one: behind 99 of something comes the next of
-- what is greater.
CREATE FUNCTION yq_moment(p_digits text) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT (CASE WHEN d.month > 12 THEN d.start + interval '1 year'
                 WHEN d.start + make_interval(months => d.month - 1, days => d.day - 1) >= d.start + make_interval(months => d.month)
                     THEN d.start + make_interval(months => d.month)
                 ELSE d.start + make_interval(months => d.month - 1, days => d.day - 1)
                      + CASE WHEN d.hour > 23 THEN interval '1 day' WHEN d.minute > 59 THEN make_interval(hours => d.hour + 1)
                             ELSE make_interval(hours => d.hour, mins => d.minute, secs => least(d.second, 60)) END
            END)::timestamptz
    FROM (SELECT make_date(greatest(left(p_digits, 4)::integer, 1), 1, 1)::timestamp AS start,
                 greatest(substr(p_digits, 5, 2)::integer, 1) AS month, greatest(substr(p_digits, 7, 2)::integer, 1) AS day,
                 substr(p_digits, 9, 2)::integer AS hour, substr(p_digits, 11, 2)::integer AS minute, substr(p_digits, 13, 2)::integer AS second) d
$$;
-- When a workitem was opened that fits the keys "from" and "to" of yq_workitem_fits(): from the first, before the second.
CREATE FUNCTION yq_workitem_from(p jsonb) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p ? 'from' THEN yq_moment(rpad(p ->> 'from', 14, '0')) ELSE '-infinity' END
$$;
CREATE FUNCTION yq_workitem_to(p jsonb) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p ? 'to' THEN yq_moment(rpad(p ->> 'to', 14, '9')) + interval '1 s' ELSE 'infinity' END
$$;

-- Does one of a claim's keys begin with the term of a search?
CREATE FUNCTION yq_claim_sounds(p_claim bigint, p_term text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM identity_key k WHERE k.claim_id = p_claim AND k.key >= p_term AND k.key < yq_term_end(p_term))
$$;
-- As before (0037), with "term": a name by its sound.
CREATE OR REPLACE FUNCTION yq_workitem_fits(w workitem, t reading_task, s study, c identity_claim, p_queue text, p jsonb) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT (NOT p ? 'states' OR p -> 'states' ? w.state)
       AND (NOT p ? 'uids' OR p -> 'uids' ? w.sop_instance_uid)
       AND (NOT p ? 'studies' OR p -> 'studies' ? s.shown_uid)
       AND (NOT p ? 'priorities' OR p -> 'priorities' ? yq_workitem_priority(t))
       AND (NOT p ? 'readiness' OR p -> 'readiness' ? yq_workitem_is_ready(t, s))
       AND (NOT p ? 'label' OR p_queue LIKE p ->> 'label')
       AND (NOT p ? 'patient_id' OR c.typed_id LIKE p ->> 'patient_id')
       AND (NOT p ? 'patient_name' OR yq_name_fits(c.name, p ->> 'patient_name'))
       AND (NOT p ? 'term' OR yq_claim_sounds(c.claim_id, p ->> 'term'))
       AND (NOT p ? 'accession' OR s.accession_number LIKE p ->> 'accession')
       AND (NOT p ? 'from' OR to_char(w.opened_at, 'YYYYMMDDHH24MISS') COLLATE "C" >= p ->> 'from')
       AND (NOT p ? 'to' OR to_char(w.opened_at, 'YYYYMMDDHH24MISS') COLLATE "C" <= p ->> 'to')
$$;

-- Workitems of studies, or of the studies of claims, at most so many; NULL when there are more of either.
CREATE FUNCTION yq_workitems_of_studies(p_studies bigint[], p_most integer) RETURNS bigint[] LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN cardinality(f.ids) <= p_most THEN f.ids END
    FROM (SELECT ARRAY(SELECT w.workitem_id
                       FROM unnest(p_studies) AS u (study_id) JOIN reading_task t USING (study_id) JOIN workitem w USING (task_id)
                       LIMIT p_most + 1) AS ids
          WHERE cardinality(p_studies) <= p_most) f
$$;
CREATE FUNCTION yq_workitems_of_claims(p_claims bigint[], p_most integer) RETURNS bigint[] LANGUAGE sql STABLE AS $$
    SELECT yq_workitems_of_studies(ARRAY(SELECT s.study_id FROM (SELECT DISTINCT u FROM unnest(p_claims) AS u) c (claim_id) JOIN study s USING (claim_id)
                                         LIMIT p_most + 1), p_most)
    WHERE cardinality(p_claims) <= p_most
$$;

-- Among which workitems those are that fit the keys of a search: by the first key that leaves at most p_most of everything on the way, at the sites
-- that these eyes see; whether they fit the other keys, too, is asked of each. NULL: no key does, and a walk along the list meets enough of them soon.
-- Behind row-level security LIKE and functions would be kept off the indexes: this looks past it, at these sites alone. The one plan that is good is
-- from key to claim, study, task and workitem, each by its index.
CREATE FUNCTION yq_workitems_near(p jsonb, p_most integer) RETURNS bigint[] LANGUAGE plpgsql STABLE SECURITY DEFINER
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
    SELECT left(p_first, 32), p_last INTO low, high FROM yq_pattern_range(translate(lower(p ->> 'patient_name'), '^ ', ''));
    IF ids IS NULL AND low <> '' THEN
        ids := yq_workitems_of_claims(ARRAY(
            SELECT c.claim_id FROM identity_claim c
            WHERE (yq_name_start(c.name, 1) COLLATE "C" BETWEEN low AND high OR yq_name_start(c.name, 2) COLLATE "C" BETWEEN low AND high
                   OR yq_name_start(c.name, 3) COLLATE "C" BETWEEN low AND high) AND c.site_id = ANY (sites)
            LIMIT p_most + 1), p_most);
    END IF;
    IF ids IS NULL AND (p ? 'from' OR p ? 'to') THEN
        ids := ARRAY(SELECT w.workitem_id FROM workitem w
                     WHERE w.opened_at >= yq_workitem_from(p) AND w.opened_at < yq_workitem_to(p) AND w.site_id = ANY (sites)
                     LIMIT p_most + 1);
    END IF;
    RETURN CASE WHEN cardinality(ids) <= p_most THEN ids END;
END $$;
REVOKE ALL ON FUNCTION yq_workitems_near(jsonb, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_workitems_near(jsonb, integer) TO yq_gateway;
