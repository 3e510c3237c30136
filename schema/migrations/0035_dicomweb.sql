-- What DICOMweb (PS3.18) shows: one Study Instance UID a study, and values of the JSON model (annex F).

-- A UID of the 2.25 arc (PS3.5 annex B.2) that is always the same for an id.
CREATE FUNCTION yq_uid_of(p_id uuid) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '2.25.' || (((a::numeric * 4294967296 + b) * 4294967296 + c) * 4294967296 + d)::text
    FROM (SELECT ('x' || substr(h, 1, 8))::bit(32)::bigint AS a, ('x' || substr(h, 9, 8))::bit(32)::bigint AS b,
                 ('x' || substr(h, 17, 8))::bit(32)::bigint AS c, ('x' || substr(h, 25, 8))::bit(32)::bigint AS d
          FROM (SELECT replace(p_id::text, '-', '') AS h) u) w
$$;

-- A UID that a modality kept for the next patient belongs to the first; who was parted from him is shown under a UID of his own.
ALTER TABLE study ADD COLUMN shown_uid text COLLATE "C" NOT NULL
    GENERATED ALWAYS AS (CASE WHEN split_no = 0 THEN study_instance_uid ELSE yq_uid_of(public_id) END) STORED;
CREATE INDEX study_shown_uid ON study (shown_uid);
CREATE INDEX study_date_text ON study (study_date_text COLLATE "C") WHERE study_date_text <> '';

-- An attribute with one value; empty: without a value.
CREATE FUNCTION yq_json_value(p_vr text, p_value text) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN coalesce(p_value, '') = '' THEN jsonb_build_object('vr', p_vr)
                ELSE jsonb_build_object('vr', p_vr, 'Value', jsonb_build_array(p_value)) END
$$;
CREATE FUNCTION yq_json_number(p_vr text, p_value bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_value IS NULL THEN jsonb_build_object('vr', p_vr)
                ELSE jsonb_build_object('vr', p_vr, 'Value', jsonb_build_array(p_value)) END
$$;
CREATE FUNCTION yq_json_values(p_vr text, p_values text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN coalesce(cardinality(p_values), 0) = 0 THEN jsonb_build_object('vr', p_vr)
                ELSE jsonb_build_object('vr', p_vr, 'Value', to_jsonb(p_values)) END
$$;
-- Alphabetic, ideographic, phonetic (PS3.18 section F.2.2).
CREATE FUNCTION yq_json_name(p_name text) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN coalesce(p_name, '') = '' THEN '{"vr": "PN"}'::jsonb
                ELSE jsonb_build_object('vr', 'PN', 'Value', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
                         'Alphabetic', nullif(split_part(p_name, '=', 1), ''), 'Ideographic', nullif(split_part(p_name, '=', 2), ''),
                         'Phonetic', nullif(split_part(p_name, '=', 3), ''))))) END
$$;

-- Does one of the groups of a name fit a pattern of LIKE? Case, blanks and carets do not matter.
CREATE FUNCTION yq_name_fits(p_name text, p_pattern text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT EXISTS (SELECT FROM unnest(string_to_array(translate(lower(p_name), '^ ', ''), '=')) AS g (part)
                   WHERE g.part LIKE translate(lower(p_pattern), '^ ', ''))
$$;

-- Whose study it is, as decided now: these attributes are written anew in every answer.
CREATE FUNCTION yq_json_patient(c identity_claim, p_age text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        '00100010', yq_json_name(c.name), '00100020', yq_json_value('LO', c.typed_id),
        '00100021', yq_json_value('LO', c.issuer),
        '00100030', yq_json_value('DA', coalesce(to_char(c.birth_date, 'YYYYMMDD'), '')),
        '00100040', yq_json_value('CS', c.sex), '00101010', yq_json_value('AS', p_age))
$$;
CREATE FUNCTION yq_json_study(s study, c identity_claim) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT yq_json_patient(c, s.patient_age_text) || jsonb_build_object(
        '00080005', yq_json_value('CS', 'ISO_IR 192'), '0020000D', yq_json_value('UI', s.shown_uid),
        '00080020', yq_json_value('DA', s.study_date_text), '00080030', yq_json_value('TM', s.study_time_text),
        '00080050', yq_json_value('SH', s.accession_number), '00080090', yq_json_name(s.referring_physician),
        '00081030', yq_json_value('LO', s.description), '00200010', yq_json_value('SH', s.dicom_study_id))
$$;
CREATE FUNCTION yq_json_series(e series) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        '0020000E', yq_json_value('UI', e.series_instance_uid), '00080060', yq_json_value('CS', e.modality),
        '0008103E', yq_json_value('LO', e.description), '00200011', yq_json_number('IS', e.number),
        '00180015', yq_json_value('CS', e.body_part), '00200060', yq_json_value('CS', e.laterality),
        '00181030', yq_json_value('LO', e.protocol))
$$;
-- What corrections change, in front of each object's own attributes; gateway/dicomweb_metadata.c leaves the same ones out of these.
CREATE FUNCTION yq_json_overlay(s study, c identity_claim, p_series text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT yq_json_patient(c, s.patient_age_text) || jsonb_build_object(
        '00080005', yq_json_value('CS', 'ISO_IR 192'), '00080050', yq_json_value('SH', s.accession_number),
        '0020000D', yq_json_value('UI', s.shown_uid), '0020000E', yq_json_value('UI', p_series))
$$;

-- Where the objects of a study lie, for what is made of them before anybody asks: over every site, and nothing about the patient.
CREATE FUNCTION yq_study_objects(p_study uuid)
RETURNS TABLE (series bigint, id uuid, sop_class_uid text, sop_instance_uid text, object_key text, charset_used text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT e.series_id, i.public_id, i.sop_class_uid, i.sop_instance_uid, i.object_key, i.charset_used
    FROM study s JOIN series e USING (study_id) JOIN instance i USING (series_id)
    WHERE s.public_id = p_study
    ORDER BY e.series_id, i.number NULLS LAST, i.instance_id
$$;
REVOKE ALL ON FUNCTION yq_study_objects(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_study_objects(uuid) TO yq_gateway;
