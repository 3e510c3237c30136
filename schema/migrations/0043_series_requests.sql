-- QIDO-RS finds series by the performed procedure step that made them and by what was asked for (PS3.18 table 10.6.1-5), and studies by their time.

ALTER TABLE series
    ADD COLUMN performed_date_text text NOT NULL DEFAULT '', -- as they came; empty of series from before
    ADD COLUMN performed_time_text text NOT NULL DEFAULT '',
    ADD COLUMN request_attributes jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(request_attributes) = 'array'); -- [{step_id, procedure_id}]
CREATE INDEX series_performed_date ON series (performed_date_text COLLATE "C") WHERE performed_date_text <> '';

-- What a backlog of before does not say is NULL.
ALTER TYPE intake_item ADD ATTRIBUTE performed_date text, ADD ATTRIBUTE performed_time text, ADD ATTRIBUTE request_attributes jsonb;

CREATE OR REPLACE FUNCTION intake_series(p_site bigint, p_study bigint, p_item intake_item) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    result bigint;
BEGIN
    SELECT series_id INTO result FROM series WHERE study_id = p_study AND series_instance_uid = p_item.series_instance_uid;
    IF NOT FOUND THEN
        INSERT INTO series (study_id, site_id, series_instance_uid, origin, number, modality, description, body_part, laterality, protocol,
                            performed_date_text, performed_time_text, request_attributes)
        VALUES (p_study, p_site, p_item.series_instance_uid, p_item.origin, p_item.series_number, p_item.modality,
                p_item.series_description, p_item.body_part, p_item.laterality, p_item.protocol_name, coalesce(p_item.performed_date, ''),
                coalesce(p_item.performed_time, ''), coalesce(p_item.request_attributes, '[]'))
        RETURNING series_id INTO result;
    END IF;
    RETURN result;
END $$;

-- As before (0022); a series that is parted takes these along.
CREATE OR REPLACE FUNCTION correction_move(p_instances bigint[], p_to bigint, p_correction bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    e       record;
    v_into  bigint;
    v_steps jsonb := '[]';
BEGIN
    FOR e IN
        SELECT r.series_id, r.study_id, r.site_id, r.series_instance_uid, array_agg(i.instance_id ORDER BY i.instance_id) AS chosen,
               count(*) = (SELECT count(*) FROM instance a WHERE a.series_id = r.series_id) AS is_whole
        FROM instance i JOIN series r USING (series_id)
        WHERE i.instance_id = ANY (p_instances) GROUP BY r.series_id ORDER BY r.series_id
    LOOP
        SELECT series_id INTO v_into FROM series WHERE study_id = p_to AND series_instance_uid = e.series_instance_uid;
        IF e.is_whole AND v_into IS NULL THEN
            UPDATE series SET study_id = p_to WHERE series_id = e.series_id;
            v_steps := v_steps || jsonb_build_object('series', e.series_id, 'from', e.study_id, 'to', p_to);
        ELSE
            IF v_into IS NULL THEN
                INSERT INTO series (study_id, site_id, series_instance_uid, origin, number, modality, description, body_part, laterality, protocol,
                                    performed_date_text, performed_time_text, request_attributes)
                SELECT p_to, site_id, series_instance_uid, origin, number, modality, description, body_part, laterality, protocol,
                       performed_date_text, performed_time_text, request_attributes
                FROM series WHERE series_id = e.series_id RETURNING series_id INTO v_into;
            END IF;
            UPDATE instance SET series_id = v_into WHERE instance_id = ANY (e.chosen);
            v_steps := v_steps || jsonb_build_object('instances', to_jsonb(e.chosen), 'from_series', e.series_id, 'to_series', v_into,
                                                     'from', e.study_id, 'to', p_to, 'is_whole', e.is_whole);
        END IF;
        IF e.is_whole THEN
            -- What went away before and comes back now stays; what is sent on goes on from here.
            UPDATE series_route SET ended_by_id = p_correction
            WHERE from_study_id IN (p_to, e.study_id) AND series_instance_uid = e.series_instance_uid AND ended_by_id IS NULL;
            INSERT INTO series_route (site_id, from_study_id, to_study_id, series_instance_uid, correction_id)
            VALUES (e.site_id, e.study_id, p_to, e.series_instance_uid, p_correction);
        END IF;
    END LOOP;
    RETURN v_steps;
END $$;

-- The digits HHMMSSFFFFFF of a time (TM), from its beginning where it is less exact; NULL: it is none.
CREATE FUNCTION yq_time_digits(p_time text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_time ~ '^([01][0-9]|2[0-3])(:?[0-5][0-9](:?([0-5][0-9]|60)([.][0-9]{1,6})?)?)?$'
                THEN rpad(translate(p_time, ':.', ''), 12, '0') END
$$;
-- Does one item fit all that is asked of it (PS3.4 section C.2.2.2.6)? Patterns of LIKE, NULL: any.
CREATE FUNCTION yq_requests_fit(p_requests jsonb, p_step text, p_procedure text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT EXISTS (SELECT FROM jsonb_to_recordset(p_requests) AS r (step_id text, procedure_id text)
                   WHERE (p_step IS NULL OR r.step_id LIKE p_step) AND (p_procedure IS NULL OR r.procedure_id LIKE p_procedure))
$$;
CREATE FUNCTION yq_json_requests(p_requests jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('vr', 'SQ', 'Value', (
        SELECT jsonb_agg(jsonb_build_object('00400009', yq_json_value('SH', r.item ->> 'step_id'),
                                            '00401001', yq_json_value('SH', r.item ->> 'procedure_id')) ORDER BY r.place)
        FROM jsonb_array_elements(p_requests) WITH ORDINALITY AS r (item, place))))
$$;
CREATE OR REPLACE FUNCTION yq_json_series(e series) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        '0020000E', yq_json_value('UI', e.series_instance_uid), '00080060', yq_json_value('CS', e.modality),
        '0008103E', yq_json_value('LO', e.description), '00200011', yq_json_number('IS', e.number),
        '00180015', yq_json_value('CS', e.body_part), '00200060', yq_json_value('CS', e.laterality),
        '00181030', yq_json_value('LO', e.protocol), '00400244', yq_json_value('DA', e.performed_date_text),
        '00400245', yq_json_value('TM', e.performed_time_text), '00400275', yq_json_requests(e.request_attributes))
$$;

-- What QIDO-RS asks of a study, at each of its levels; NULL: anything. PostgreSQL puts the text of the function in its place, so the plan is that of
-- the whole statement and keys that are NULL cost nothing. For that it is no SECURITY DEFINER, sets nothing and has no WITH.
-- p_term: key of a search by sound; p_of: only of the patient of this study. Among the claims that a name finds by a reading a NULL stands for any of
-- them, where they are too many to be listed (yq_claims_read()); OFFSET 0, else the planner looks them up as well, to count them.
CREATE FUNCTION yq_studies_sought(
    p_uids text[], p_patient_id text, p_name text, p_term text, p_accession text, p_from text, p_to text, p_modalities text[], p_description text,
    p_referring text, p_born_from date, p_born_to date, p_sex text, p_study_id text, p_time_from text, p_time_to text, p_of text)
RETURNS TABLE (st study, c identity_claim) LANGUAGE sql STABLE AS $$
    SELECT st, c
    FROM study st JOIN identity_claim c USING (claim_id)
    WHERE st.state <> 'merged'
      AND (p_uids IS NULL OR st.shown_uid = ANY (p_uids))
      AND (p_patient_id IS NULL OR c.typed_id LIKE p_patient_id)
      AND (p_name IS NULL OR yq_name_fits(c.name, p_name)
           OR (coalesce(c.claim_id IN (SELECT unnest(coalesce(r.claims, ARRAY[NULL::bigint]))
                                       FROM (SELECT yq_claims_read(p_name, 100000) AS claims OFFSET 0) r), true)
               AND yq_claim_reads(c, p_name)))
      AND (p_term IS NULL OR st.claim_id IN (SELECT k.claim_id FROM identity_key k WHERE k.key >= p_term AND k.key < yq_term_end(p_term)))
      AND (p_accession IS NULL OR st.accession_number LIKE p_accession)
      AND (p_from IS NULL OR (st.study_date_text <> '' AND st.study_date_text COLLATE "C" >= p_from))
      AND (p_to IS NULL OR (st.study_date_text <> '' AND st.study_date_text COLLATE "C" <= p_to))
      AND (p_time_from IS NULL OR yq_time_digits(st.study_time_text) COLLATE "C" >= p_time_from)
      AND (p_time_to IS NULL OR yq_time_digits(st.study_time_text) COLLATE "C" <= p_time_to)
      AND (p_modalities IS NULL OR EXISTS (SELECT FROM series e WHERE e.study_id = st.study_id AND e.modality LIKE ANY (p_modalities)))
      AND (p_description IS NULL OR st.description ILIKE p_description)
      AND (p_referring IS NULL OR yq_name_fits(st.referring_physician, p_referring))
      AND (p_born_from IS NULL OR c.birth_date >= p_born_from)
      AND (p_born_to IS NULL OR c.birth_date <= p_born_to)
      AND (p_sex IS NULL OR c.sex = p_sex)
      AND (p_study_id IS NULL OR st.dicom_study_id LIKE p_study_id)
      AND (p_of IS NULL OR c.patient_id IN (SELECT oc.patient_id FROM study o JOIN identity_claim oc USING (claim_id)
                                            WHERE o.state <> 'merged' AND o.shown_uid = p_of))
$$;
