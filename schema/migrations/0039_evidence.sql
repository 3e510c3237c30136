-- What a doctor makes while reading and stores beside the images: measurements, segmentations, presentation states, key images. An object of ours
-- (origin own): it is no image of the examination, opens nothing, counts nowhere, and goes nowhere by itself.

-- Noted before the object is committed, so that the indexer finds its study whatever the object says. A row without its instance: the commit failed.
CREATE TABLE evidence (
    evidence_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id             bigint NOT NULL REFERENCES site,
    study_id            bigint NOT NULL,
    sop_instance_uid    text NOT NULL CHECK (sop_instance_uid ~ '^[0-9.]{1,64}$'),
    series_instance_uid text NOT NULL CHECK (series_instance_uid ~ '^[0-9.]{1,64}$'),
    sop_class_uid       text NOT NULL CHECK (sop_class_uid ~ '^[0-9.]{1,64}$'),
    task_id             bigint NOT NULL REFERENCES reading_task, -- in which it was made
    person_id           bigint NOT NULL REFERENCES person,
    admitted_at         timestamptz NOT NULL DEFAULT yq_now(),
    UNIQUE (site_id, sop_instance_uid),
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id)
);
CREATE INDEX evidence_study ON evidence (study_id);

ALTER TABLE evidence ENABLE ROW LEVEL SECURITY;
CREATE POLICY person_sites ON evidence TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())));
CREATE POLICY every_site ON evidence TO yq_storescp, yq_router, yq_operator USING (true);
GRANT SELECT ON evidence TO yq_router, yq_gateway, yq_operator;
GRANT INSERT ON evidence TO yq_gateway;

-- The task of this study that the person holds now, or nothing.
CREATE FUNCTION evidence_task(p_person uuid, p_study bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT t.task_id FROM reading_task t JOIN person p ON p.person_id = t.holder_id
    WHERE t.study_id = p_study AND p.public_id = p_person AND t.state IN ('writing', 'reviewing') AND t.lease_until > yq_now()
    ORDER BY t.task_id DESC LIMIT 1
$$;

-- Whether a person may store this object beside the images of a study: '' and it is noted, or which condition it fails.
CREATE FUNCTION evidence_admit(p_person uuid, p_study uuid, p_class text, p_sop text, p_series text, p_patient_id text, p_name text, p_sex text,
                               p_birth text, p_references text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    s      study;
    c      identity_claim;
    v_task bigint;
BEGIN
    SELECT * INTO s FROM study WHERE public_id = p_study AND state <> 'merged';
    v_task := evidence_task(p_person, s.study_id);
    IF v_task IS NULL THEN
        RETURN 'not_held';
    END IF;
    SELECT * INTO STRICT c FROM identity_claim WHERE claim_id = s.claim_id;
    IF btrim(p_patient_id) <> btrim(c.typed_id)
       OR yq_identity_relation(p_name, p_sex, yq_dicom_date(p_birth), c.name, c.sex, c.birth_date) = 'different' THEN
        RETURN 'patient';
    END IF;
    IF EXISTS (SELECT FROM instance i WHERE i.site_id = s.site_id AND i.sop_instance_uid = p_sop
                   AND NOT EXISTS (SELECT FROM evidence v WHERE v.site_id = i.site_id AND v.sop_instance_uid = p_sop AND v.study_id = s.study_id))
       OR EXISTS (SELECT FROM evidence v WHERE v.site_id = s.site_id AND v.sop_instance_uid = p_sop AND v.study_id <> s.study_id) THEN
        RETURN 'instance_taken';
    END IF;
    IF EXISTS (SELECT FROM series e JOIN instance i USING (series_id)
               WHERE e.study_id = s.study_id AND e.series_instance_uid = p_series
                 AND NOT EXISTS (SELECT FROM evidence v WHERE v.site_id = i.site_id AND v.sop_instance_uid = i.sop_instance_uid)) THEN
        RETURN 'series_taken';
    END IF;
    IF cardinality(p_references) = 0
       OR EXISTS (SELECT FROM (SELECT DISTINCT u FROM unnest(p_references) u) r
                  WHERE NOT EXISTS (SELECT FROM instance i JOIN series e USING (series_id)
                                    WHERE i.site_id = s.site_id AND i.sop_instance_uid = r.u AND e.study_id = s.study_id)) THEN
        RETURN 'reference';
    END IF;
    INSERT INTO evidence (site_id, study_id, sop_instance_uid, series_instance_uid, sop_class_uid, task_id, person_id)
    SELECT s.site_id, s.study_id, p_sop, p_series, p_class, v_task, p.person_id FROM person p WHERE p.public_id = p_person
    ON CONFLICT (site_id, sop_instance_uid) DO NOTHING;
    RETURN '';
END $$;
REVOKE EXECUTE ON FUNCTION evidence_task, evidence_admit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION evidence_task, evidence_admit TO yq_gateway;

-- Images that the report under the desk points at. What was submitted has its own copy: it is part of what is signed.
CREATE TABLE key_image (
    study_id    bigint NOT NULL,
    site_id     bigint NOT NULL REFERENCES site,
    instance_id bigint NOT NULL REFERENCES instance,
    frame       integer NOT NULL CHECK (frame >= 1),
    task_id     bigint NOT NULL REFERENCES reading_task,
    person_id   bigint NOT NULL REFERENCES person,
    marked_at   timestamptz NOT NULL DEFAULT yq_now(),
    PRIMARY KEY (study_id, instance_id, frame),
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id)
);
ALTER TABLE key_image ENABLE ROW LEVEL SECURITY;
CREATE POLICY person_sites ON key_image TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())));
CREATE POLICY every_site ON key_image TO yq_storescp, yq_router, yq_operator USING (true);
GRANT SELECT ON key_image TO yq_router, yq_gateway, yq_operator;
GRANT INSERT, DELETE ON key_image TO yq_gateway;

-- Those that are in the study still, in its order.
CREATE FUNCTION key_images_json(p_study bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'series', e.series_instance_uid, 'instance', i.sop_instance_uid, 'frame', k.frame, 'frames', coalesce(i.frames, 1),
               'series_number', e.number, 'number', i.number) ORDER BY e.number NULLS LAST, e.series_id, i.number NULLS LAST, i.instance_id, k.frame), '[]')
    FROM key_image k JOIN instance i USING (instance_id) JOIN series e USING (series_id)
    WHERE k.study_id = p_study AND e.study_id = p_study
$$;
REVOKE EXECUTE ON FUNCTION key_images_json FROM PUBLIC;
GRANT EXECUTE ON FUNCTION key_images_json TO yq_gateway, yq_router, yq_operator;

-- Evidence belongs to the study that was read, and makes no claim about a patient.
ALTER FUNCTION intake_study(bigint, bigint, intake_item, timestamptz) RENAME TO intake_study_of_claim;
CREATE FUNCTION intake_study(p_site bigint, p_device bigint, p_item intake_item, p_arrived timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    result bigint;
BEGIN
    IF p_item.origin = 'own' THEN
        SELECT v.study_id INTO result FROM evidence v WHERE v.site_id = p_site AND v.sop_instance_uid = p_item.sop_instance_uid;
    END IF;
    RETURN coalesce(result, intake_study_of_claim(p_site, p_device, p_item, p_arrived));
END $$;
REVOKE EXECUTE ON FUNCTION intake_study, intake_study_of_claim FROM PUBLIC;
