-- Corrections: split, merge, moved images, edited patients, and what a person says about two identities. The bytes that were received never
-- change, nothing joins two people by itself, and everything here can be taken back.

-- ---- states ----------------------------------------------------------------------------------------------------------------

-- A study that was merged is left empty and leads to where its images are. Taken back, it is restored, and so are its tasks.
INSERT INTO state_transition (machine, from_state, event, to_state) VALUES
    ('study', 'receiving', 'merge', 'merged'),
    ('study', 'complete', 'merge', 'merged'),
    ('study', 'incomplete', 'merge', 'merged'),
    ('study', 'merged', 'restore', 'receiving'),

    ('task', 'cancelled', 'restore', 'awaiting'),

    ('report_proposal', '', 'propose', 'open'),
    ('report_proposal', 'open', 'dismiss', 'no_influence'),
    ('report_proposal', 'open', 'correct', 'corrected'),
    ('report_proposal', 'open', 'withdraw', 'withdrawn');

ALTER TABLE study
    DROP CONSTRAINT study_state_check,
    ADD CONSTRAINT study_state_check CHECK (state IN ('receiving', 'complete', 'incomplete', 'merged')),
    ADD COLUMN merged_into_id bigint REFERENCES study,
    ADD COLUMN received_claim_id bigint REFERENCES identity_claim, -- what the images say, once a person said otherwise
    ADD COLUMN patient_revision integer NOT NULL DEFAULT 0 CHECK (patient_revision >= 0), -- + 1 by every edit of the patient
    ADD COLUMN corrected_at timestamptz,                           -- the last of them
    ADD CONSTRAINT study_merged CHECK ((state = 'merged') = (merged_into_id IS NOT NULL)),
    ADD CONSTRAINT study_merged_elsewhere CHECK (merged_into_id <> study_id);
CREATE INDEX study_merged_into ON study (merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX study_received_claim ON study (received_claim_id) WHERE received_claim_id IS NOT NULL;
DROP INDEX study_not_complete;
CREATE INDEX study_not_complete ON study (study_id) WHERE state IN ('receiving', 'incomplete');

-- Which patient was seen by who submitted it.
ALTER TABLE report_version ADD COLUMN patient_revision integer NOT NULL DEFAULT 0;

-- A match by the operator of the machine has a login in place of a person.
ALTER TABLE request_match ADD COLUMN operator text NOT NULL DEFAULT '', DROP CONSTRAINT request_match_check,
    ADD CONSTRAINT request_match_check CHECK ((method = 'manual') = (matched_by IS NOT NULL OR operator <> ''));

-- ---- what was corrected ------------------------------------------------------------------------------------------------------

ALTER TABLE correction
    ALTER COLUMN made_by DROP NOT NULL,
    ADD COLUMN operator text NOT NULL DEFAULT '', -- login at the machine, where no person made it
    ADD COLUMN steps jsonb NOT NULL DEFAULT '{}', -- which rows changed, by internal key: what an undo goes back by
    ADD CONSTRAINT correction_maker CHECK ((made_by IS NULL) = (operator <> ''));

-- Every study that a correction touched. from: images left it; to: they came to it; new: it came of it; self: the only one.
CREATE TABLE correction_study (
    correction_id bigint NOT NULL REFERENCES correction,
    study_id      bigint NOT NULL,
    site_id       bigint NOT NULL,
    role          text NOT NULL CHECK (role IN ('self', 'from', 'to', 'new')),
    PRIMARY KEY (correction_id, study_id),
    FOREIGN KEY (study_id, site_id) REFERENCES study (study_id, site_id)
);
CREATE INDEX correction_study_study ON correction_study (study_id);
CREATE TRIGGER correction_study_fixed BEFORE UPDATE OR DELETE ON correction_study FOR EACH ROW EXECUTE FUNCTION yq_refuse_change();
INSERT INTO correction_study (correction_id, study_id, site_id, role) SELECT correction_id, study_id, site_id, 'self' FROM correction;

-- The statements of a match write the fact alone.
CREATE FUNCTION correction_of_match() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO correction_study (correction_id, study_id, site_id, role) VALUES (NEW.correction_id, NEW.study_id, NEW.site_id, 'self');
    RETURN NULL;
END $$;
CREATE TRIGGER correction_of_match AFTER INSERT ON correction FOR EACH ROW WHEN (NEW.kind IN ('match', 'edit_patient'))
    EXECUTE FUNCTION correction_of_match();

-- Where images go that would come to a study, by their series: to where the series went. Of a series that was parted, the rest stays.
CREATE TABLE series_route (
    route_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id             bigint NOT NULL,
    from_study_id       bigint NOT NULL,
    to_study_id         bigint NOT NULL,
    series_instance_uid text NOT NULL,
    correction_id       bigint NOT NULL REFERENCES correction DEFERRABLE INITIALLY DEFERRED, -- written last, when all of it is known
    ended_by_id         bigint REFERENCES correction DEFERRABLE INITIALLY DEFERRED, -- the one that sent them elsewhere, or took it back
    FOREIGN KEY (from_study_id, site_id) REFERENCES study (study_id, site_id),
    FOREIGN KEY (to_study_id, site_id) REFERENCES study (study_id, site_id),
    CHECK (from_study_id <> to_study_id)
);
CREATE UNIQUE INDEX series_route_once ON series_route (from_study_id, series_instance_uid) WHERE ended_by_id IS NULL;
CREATE INDEX series_route_correction ON series_route (correction_id);
CREATE INDEX series_route_ended ON series_route (ended_by_id) WHERE ended_by_id IS NOT NULL;

-- The study that the object itself would have come to, where a route sent it elsewhere.
ALTER TABLE instance ADD COLUMN came_for_study_id bigint REFERENCES study;

-- 更正 is proposed: what an issued report was written over has been corrected. Reports never change by themselves.
CREATE TABLE report_proposal (
    proposal_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id         uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id           bigint NOT NULL,
    report_version_id bigint NOT NULL,
    correction_id     bigint NOT NULL REFERENCES correction,
    state             text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'no_influence', 'corrected', 'withdrawn')),
    opened_at         timestamptz NOT NULL DEFAULT yq_now(),
    settled_at        timestamptz,
    settled_by        bigint REFERENCES person,
    reason            text NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    FOREIGN KEY (report_version_id, site_id) REFERENCES report_version (report_version_id, site_id),
    UNIQUE (report_version_id, correction_id),
    CHECK ((state = 'open') = (settled_at IS NULL)),
    CHECK (state <> 'no_influence' OR (settled_by IS NOT NULL AND reason <> ''))
);
CREATE INDEX report_proposal_open ON report_proposal (site_id, proposal_id) WHERE state = 'open';
CREATE TRIGGER report_proposal_transition BEFORE INSERT OR UPDATE OF state ON report_proposal
    FOR EACH ROW EXECUTE FUNCTION yq_check_transition('report_proposal');

-- A later version of the report answers what was proposed for the earlier ones.
CREATE FUNCTION report_proposal_answered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE report_proposal p SET state = 'corrected', settled_at = yq_now(), settled_by = NEW.reviewer_id
    FROM report_version v
    WHERE v.report_version_id = p.report_version_id AND v.report_id = NEW.report_id AND v.version < NEW.version AND p.state = 'open';
    RETURN NULL;
END $$;
CREATE TRIGGER report_proposal_answered AFTER UPDATE OF state ON report_version FOR EACH ROW
    WHEN (NEW.state = 'issued' AND OLD.state <> 'issued') EXECUTE FUNCTION report_proposal_answered();

-- What a person said about two identities: a fact, and an undo is one of its own.
CREATE TABLE identity_settlement (
    settlement_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id       uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id         bigint NOT NULL REFERENCES site,
    review_id       bigint NOT NULL REFERENCES identity_review,
    outcome         text NOT NULL CHECK (outcome IN ('same', 'different')),
    reason          text NOT NULL CHECK (reason <> '' AND length(reason) <= 2000),
    confirmed       text[] NOT NULL DEFAULT '{}', -- contradictions that the person was shown
    from_patient_id bigint NOT NULL REFERENCES patient, -- of the review's claim
    to_patient_id   bigint NOT NULL REFERENCES patient, -- the same: nothing moved
    made_by         bigint REFERENCES person,
    operator        text NOT NULL DEFAULT '',
    made_at         timestamptz NOT NULL DEFAULT yq_now(),
    undoes_id       bigint UNIQUE REFERENCES identity_settlement,
    CHECK ((made_by IS NULL) = (operator <> ''))
);
CREATE INDEX identity_settlement_review ON identity_settlement (review_id);
CREATE TRIGGER identity_settlement_fixed BEFORE UPDATE OR DELETE ON identity_settlement
    FOR EACH ROW EXECUTE FUNCTION yq_refuse_change();

-- ---- rights ------------------------------------------------------------------------------------------------------------------

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['correction_study', 'series_route', 'report_proposal', 'identity_settlement'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY person_sites ON %I TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())))', t);
        EXECUTE format('CREATE POLICY every_site ON %I TO yq_storescp, yq_router, yq_operator USING (true)', t);
        EXECUTE format('GRANT SELECT ON %I TO yq_router, yq_gateway, yq_operator', t);
        EXECUTE format('GRANT INSERT ON %I TO yq_gateway, yq_operator', t);
    END LOOP;
END $$;
GRANT UPDATE ON series_route, report_proposal TO yq_gateway, yq_operator;
GRANT INSERT ON correction TO yq_operator;
GRANT INSERT, UPDATE ON request_match TO yq_operator;

-- ---- words -------------------------------------------------------------------------------------------------------------------

-- In what two claims contradict each other: the fields on which yq_identity_relation() says 'different', and the identity number.
CREATE FUNCTION yq_identity_contradictions(c identity_claim, d identity_claim) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(f.name ORDER BY f.place), '{}')
    FROM (VALUES
        (1, 'name', yq_identity_relation(c.name, '', NULL, d.name, '', NULL) = 'different'),
        (2, 'sex', (upper(c.sex), upper(d.sex)) IN (('M', 'F'), ('F', 'M'))),
        (3, 'birth_date', c.birth_date <> d.birth_date),
        (4, 'document', c.national_id <> '' AND d.national_id <> '' AND c.national_id <> d.national_id)
    ) AS f (place, name, holds)
    WHERE f.holds
$$;

CREATE FUNCTION yq_identity_agreements(c identity_claim, d identity_claim) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(f.name ORDER BY f.place), '{}')
    FROM (VALUES
        (1, 'name', yq_identity_relation(c.name, '', NULL, d.name, '', NULL) = 'same'),
        (2, 'sex', c.sex <> '' AND upper(c.sex) = upper(d.sex)),
        (3, 'birth_date', c.birth_date = d.birth_date),
        (4, 'patient_id', c.typed_id = d.typed_id AND NOT yq_is_trivial_id(c.typed_id)),
        (5, 'document', c.national_id <> '' AND c.national_id = d.national_id)
    ) AS f (place, name, holds)
    WHERE f.holds
$$;

CREATE FUNCTION yq_claim_json(c identity_claim, p_age text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('name', c.name, 'sex', c.sex, 'birth_date', coalesce(c.birth_date::text, c.birth_text),
                              'patient_id', c.typed_id, 'document', c.national_id, 'age', coalesce(p_age, ''))
$$;

-- An identity number is kept and compared, and not shown.
CREATE FUNCTION yq_document_shown(p_document text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT repeat('*', greatest(length(p_document) - 4, 0)) || right(p_document, 4)
$$;

CREATE FUNCTION yq_patient_shown(p_patient jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT p_patient || jsonb_build_object('document', yq_document_shown(p_patient ->> 'document'))
$$;

-- Members of two patients that differ, in the order of a form.
CREATE FUNCTION yq_patient_changes(p_before jsonb, p_after jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_agg(CASE n WHEN 'document' THEN jsonb_build_object('name', n, 'before', yq_document_shown(p_before ->> n),
                                                                             'after', yq_document_shown(p_after ->> n))
                              ELSE jsonb_build_object('name', n, 'before', p_before ->> n, 'after', p_after ->> n) END ORDER BY place), '[]')
    FROM unnest(ARRAY['name', 'sex', 'birth_date', 'patient_id', 'document', 'age']) WITH ORDINALITY AS f (n, place)
    WHERE p_before ->> n IS DISTINCT FROM p_after ->> n
$$;

-- A UID of the 2.25 arc (PS3.5 annex B.2).
CREATE FUNCTION yq_uid_new() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT '2.25.' || (((a::numeric * 4294967296 + b) * 4294967296 + c) * 4294967296 + d)::text
    FROM (SELECT ('x' || substr(h, 1, 8))::bit(32)::bigint AS a, ('x' || substr(h, 9, 8))::bit(32)::bigint AS b,
                 ('x' || substr(h, 17, 8))::bit(32)::bigint AS c, ('x' || substr(h, 25, 8))::bit(32)::bigint AS d
          FROM (SELECT replace(gen_random_uuid()::text, '-', '') AS h) u) w
$$;

-- ---- a correction under way ----------------------------------------------------------------------------------------------------

-- What is to be done, resolved; by internal key. patient: as typed, whole; NULL where claim_id says whose it is.
CREATE TYPE correction_work AS (
    kind text, site_id bigint, study_id bigint, target_id bigint, claim_id bigint, request_id bigint, patient jsonb,
    instances bigint[], person_id bigint, operator text, reason text);

CREATE FUNCTION correction_may(p_person uuid, p_site bigint) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_person IS NOT NULL AND NOT yq_person_may(p_person, ARRAY['radiographer', 'duty_leader'], p_site) THEN
        RAISE EXCEPTION 'cannot correct this: no right at its site' USING ERRCODE = 'YQ403';
    END IF;
END $$;

-- Which images leave. Our own reports stay with their study.
CREATE FUNCTION correction_chosen(p_study bigint, p_kind text, p_body jsonb) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_series text[] := ARRAY(SELECT jsonb_array_elements_text(coalesce(p_body -> 'series', '[]')));
    v_sops   text[] := ARRAY(SELECT jsonb_array_elements_text(coalesce(p_body -> 'instances', '[]')));
    v_all    bigint[] := ARRAY(SELECT i.instance_id FROM series e JOIN instance i USING (series_id)
                               WHERE e.study_id = p_study AND i.origin <> 'own' ORDER BY i.instance_id);
    v_chosen bigint[];
    v_lost   text;
BEGIN
    IF p_kind = 'edit_patient' THEN
        RETURN '{}';
    ELSIF p_kind = 'merge' THEN
        RETURN v_all;
    END IF;
    SELECT u INTO v_lost FROM unnest(v_series) u
    WHERE NOT EXISTS (SELECT FROM series e JOIN instance i USING (series_id)
                      WHERE e.study_id = p_study AND e.series_instance_uid = u AND i.instance_id = ANY (v_all));
    IF NOT FOUND THEN
        SELECT u INTO v_lost FROM unnest(v_sops) u
        WHERE NOT EXISTS (SELECT FROM instance i WHERE i.instance_id = ANY (v_all) AND i.sop_instance_uid = u);
    END IF;
    IF v_lost IS NOT NULL THEN
        RAISE EXCEPTION 'there is no series or image % in this study', v_lost USING ERRCODE = 'YQ404';
    END IF;
    v_chosen := ARRAY(SELECT i.instance_id FROM instance i JOIN series e USING (series_id)
                      WHERE i.instance_id = ANY (v_all)
                        AND (e.series_instance_uid = ANY (v_series) OR i.sop_instance_uid = ANY (v_sops)) ORDER BY 1);
    IF cardinality(v_chosen) = 0 THEN
        RAISE EXCEPTION 'cannot go on: no image is chosen' USING ERRCODE = 'YQ400';
    ELSIF cardinality(v_chosen) = cardinality(v_all) THEN
        RAISE EXCEPTION 'cannot move every image out of a study: merge it into the other one, or edit its patient' USING ERRCODE = 'YQ400';
    END IF;
    RETURN v_chosen;
END $$;

-- The patient as typed, with what was not typed as it is.
CREATE FUNCTION correction_patient(p_claim bigint, p_age text, p_day date, p_typed jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT yq_claim_json(c, p_age) || jsonb_strip_nulls(p_typed)
           || CASE WHEN p_typed ->> 'birth_date' <> '' AND NOT p_typed ? 'age' THEN
                  jsonb_build_object('age', coalesce(yq_age_text((p_typed ->> 'birth_date')::date, p_day), '')) ELSE '{}' END
    FROM identity_claim c WHERE c.claim_id = p_claim
$$;

CREATE FUNCTION correction_request(p_site bigint, p_request uuid) RETURNS request LANGUAGE plpgsql STABLE AS $$
DECLARE
    r request;
BEGIN
    SELECT * INTO r FROM request q WHERE q.public_id = p_request AND q.site_id = p_site;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such request at the site of the study' USING ERRCODE = 'YQ404';
    ELSIF r.state = 'cancelled' THEN
        RAISE EXCEPTION 'cannot use this request: it is cancelled' USING ERRCODE = 'YQ409';
    ELSIF EXISTS (SELECT FROM request_match m WHERE m.request_id = r.request_id AND m.undone_at IS NULL) THEN
        RAISE EXCEPTION 'cannot use this request: it has a study already' USING ERRCODE = 'YQ409';
    END IF;
    RETURN r;
END $$;

CREATE FUNCTION correction_target(p_study study, p_target uuid) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    t study;
BEGIN
    SELECT * INTO t FROM study WHERE public_id = p_target;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such study to bring the images to' USING ERRCODE = 'YQ404';
    ELSIF t.site_id <> p_study.site_id THEN
        RAISE EXCEPTION 'cannot bring images to a study of another site' USING ERRCODE = 'YQ400';
    ELSIF t.study_id = p_study.study_id THEN
        RAISE EXCEPTION 'cannot bring images to the study that they are in' USING ERRCODE = 'YQ400';
    ELSIF t.state = 'merged' THEN
        RAISE EXCEPTION 'cannot bring images to a study that was merged into another' USING ERRCODE = 'YQ409';
    END IF;
    RETURN t.study_id;
END $$;

CREATE FUNCTION correction_read(p_person uuid, p_operator text, p_study uuid, p_body jsonb) RETURNS correction_work
LANGUAGE plpgsql STABLE AS $$
DECLARE
    s study;
    r request;
    w correction_work;
BEGIN
    SELECT * INTO s FROM study WHERE public_id = p_study;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such study' USING ERRCODE = 'YQ404';
    END IF;
    PERFORM correction_may(p_person, s.site_id);
    IF s.state = 'merged' THEN
        RAISE EXCEPTION 'cannot correct this study: it was merged into another' USING ERRCODE = 'YQ409';
    END IF;
    w.kind := p_body ->> 'kind';
    w.site_id := s.site_id;
    w.study_id := s.study_id;
    w.reason := coalesce(p_body ->> 'reason', '');
    w.operator := CASE WHEN p_person IS NULL THEN p_operator ELSE '' END;
    w.person_id := (SELECT person_id FROM person WHERE public_id = p_person);
    w.instances := correction_chosen(s.study_id, w.kind, p_body);
    IF w.kind IN ('merge', 'move_images') THEN
        w.target_id := correction_target(s, (p_body ->> 'target_study_id')::uuid);
    ELSIF p_body ->> 'request_id' IS NOT NULL THEN
        r := correction_request(s.site_id, (p_body ->> 'request_id')::uuid);
        w.request_id := r.request_id;
        w.claim_id := r.claim_id;
    ELSIF p_body ->> 'claim_id' IS NOT NULL THEN
        SELECT c.claim_id INTO w.claim_id FROM identity_claim c
        WHERE c.public_id = (p_body ->> 'claim_id')::uuid AND c.site_id = s.site_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'there is no such identity at the site of the study' USING ERRCODE = 'YQ404';
        END IF;
    ELSIF w.kind = 'edit_patient' THEN
        w.patient := correction_patient(s.claim_id, s.patient_age_text, s.first_arrival_at::date, p_body -> 'patient');
    ELSE
        w.patient := '{"sex": "", "birth_date": "", "patient_id": "", "document": "", "age": ""}' || jsonb_strip_nulls(p_body -> 'patient');
        IF w.patient ->> 'age' = '' AND w.patient ->> 'birth_date' <> '' THEN
            w.patient := w.patient || jsonb_build_object('age', coalesce(yq_age_text((w.patient ->> 'birth_date')::date, s.first_arrival_at::date), ''));
        END IF;
    END IF;
    RETURN w;
END $$;

-- Everybody who corrects these studies, or brings objects of them in, waits for the other: the locks of the intake first, then the rows,
-- both in one order.
CREATE FUNCTION correction_lock(p_studies bigint[], p_typed_id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(20261122, k)
    FROM (SELECT DISTINCT hashtext(sc.public_id::text || what) & 1023 AS k
          FROM study s JOIN scope sc ON sc.scope_id = s.site_id
          CROSS JOIN LATERAL (VALUES ('study ' || s.study_instance_uid), ('id ' || p_typed_id)) AS v (what)
          WHERE s.study_id = ANY (p_studies) AND what IS NOT NULL ORDER BY 1) locks;
    PERFORM FROM study s WHERE s.study_id = ANY (p_studies) ORDER BY s.study_id FOR NO KEY UPDATE;
    -- A report that is being submitted or issued holds its task: it is done before this, or sees this.
    PERFORM FROM reading_task t WHERE t.study_id = ANY (p_studies) ORDER BY t.task_id FOR NO KEY UPDATE;
END $$;

-- What a preview was made over. Opaque outside: how many corrections the studies had, and a digest of what they were. Images and versions
-- do not count for who the patient is.
CREATE FUNCTION correction_revision(p_kind text, p_studies bigint[]) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT (SELECT count(DISTINCT k.correction_id) FROM correction_study k WHERE k.study_id = ANY (p_studies)) || '-'
           || left(encode(sha256(convert_to(string_agg(concat_ws('|', s.public_id, s.claim_id, s.patient_revision, s.state = 'merged',
                  CASE WHEN p_kind <> 'edit_patient' THEN concat_ws('|', s.version, s.instance_count, s.size_bytes) END,
                  (SELECT m.match_id FROM request_match m WHERE m.study_id = s.study_id AND m.undone_at IS NULL),
                  (SELECT string_agg(v.report_version_id::text, ',' ORDER BY v.report_version_id)
                   FROM report r JOIN report_version v USING (report_id) WHERE r.study_id = s.study_id AND v.issued_at IS NOT NULL)),
                  ';' ORDER BY s.study_id), 'UTF8')), 'hex'), 32)
    FROM study s WHERE s.study_id = ANY (p_studies)
$$;

-- Who changed what since a revision was given: the corrections behind it, and where there is none, the newest of what else counts.
CREATE FUNCTION correction_since(p_revision text, p_studies bigint[]) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_seen   integer := coalesce(substring(p_revision FROM '^([0-9]{1,9})-')::integer, 0);
    v_result jsonb;
BEGIN
    SELECT jsonb_agg(jsonb_build_object('what', CASE WHEN k.kind = 'match' THEN 'match' ELSE 'correction' END, 'kind', k.kind,
                                        'by', coalesce(p.name, nullif(k.operator, '')), 'at', k.made_at) ORDER BY k.correction_id)
    INTO v_result
    FROM (SELECT DISTINCT correction_id FROM correction_study WHERE study_id = ANY (p_studies) ORDER BY 1 OFFSET v_seen LIMIT 50) n
    JOIN correction k USING (correction_id) LEFT JOIN person p ON p.person_id = k.made_by;
    IF v_result IS NULL THEN
        SELECT jsonb_build_array(jsonb_build_object('what', x.what, 'kind', NULL, 'by', x.who, 'at', x.at)) INTO v_result
        FROM (SELECT 'report' AS what, p.name AS who, v.issued_at AS at
              FROM report r JOIN report_version v USING (report_id) LEFT JOIN person p ON p.person_id = v.reviewer_id
              WHERE r.study_id = ANY (p_studies) AND v.issued_at IS NOT NULL
              UNION ALL SELECT 'match', p.name, coalesce(m.undone_at, m.matched_at)
              FROM request_match m LEFT JOIN person p ON p.person_id = coalesce(m.undone_by, m.matched_by)
              WHERE m.study_id = ANY (p_studies)
              UNION ALL SELECT 'images', NULL, s.last_arrival_at FROM study s WHERE s.study_id = ANY (p_studies)) x
        ORDER BY x.at DESC LIMIT 1;
    END IF;
    RETURN coalesce(v_result, '[]');
END $$;

-- ---- the preview ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION correction_tasks_json(p_studies bigint[], p_ended bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', t.public_id, 'study_id', s.public_id, 'kind', t.kind, 'state', t.state, 'holder', h.name, 'author', a.name,
        'has_draft', EXISTS (SELECT FROM report r JOIN report_version v USING (report_id)
                             WHERE r.task_id = t.task_id AND v.state IN ('draft', 'provisional', 'submitted')),
        'effect', CASE WHEN t.study_id = p_ended THEN 'cancel' ELSE 'confirm' END) ORDER BY t.task_id), '[]')
    FROM reading_task t JOIN study s USING (study_id)
    LEFT JOIN person h ON h.person_id = t.holder_id LEFT JOIN person a ON a.person_id = t.author_id
    WHERE t.study_id = ANY (p_studies) AND t.state NOT IN ('done', 'cancelled')
$$;

CREATE FUNCTION correction_reports_json(p_studies bigint[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', v.public_id, 'study_id', s.public_id, 'version', v.version, 'issued_at', v.issued_at, 'reviewer', p.name,
        'effect', 'propose') ORDER BY v.report_version_id), '[]')
    FROM report r JOIN report_version v USING (report_id) JOIN study s ON s.study_id = r.study_id
    LEFT JOIN person p ON p.person_id = v.reviewer_id
    WHERE r.study_id = ANY (p_studies) AND v.state = 'issued'
$$;

CREATE FUNCTION correction_deliveries_json(p_studies bigint[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('open', count(*) FILTER (WHERE d.state NOT IN ('delivered', 'cancelled')),
                              'delivered', count(*) FILTER (WHERE d.state = 'delivered'))
    FROM delivery d
    WHERE d.study_id = ANY (p_studies)
       OR d.report_version_id IN (SELECT v.report_version_id FROM report r JOIN report_version v USING (report_id)
                                  WHERE r.study_id = ANY (p_studies))
$$;

CREATE FUNCTION correction_images_json(p_instances bigint[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('series', count(DISTINCT i.series_id), 'instances', count(*), 'bytes', coalesce(sum(i.size_bytes), 0))
    FROM instance i WHERE i.instance_id = ANY (p_instances)
$$;

-- One study of a preview. p_gain: images that come (or leave, below 0).
CREATE FUNCTION correction_study_json(p_study bigint, p_role text, p_gain integer, p_ends boolean, p_request_after text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'id', s.public_id, 'role', p_role, 'display_name', yq_display_name(c.name), 'patient_id', c.typed_id,
        'study_instance_uid', s.study_instance_uid, 'instances_before', s.instance_count, 'instances_after', s.instance_count + p_gain,
        'state', s.state, 'state_after', CASE WHEN p_ends THEN 'merged' ELSE s.state END,
        'request', q.accession_number, 'request_after', p_request_after)
    FROM study s JOIN identity_claim c ON c.claim_id = s.claim_id
    LEFT JOIN request_match m ON m.study_id = s.study_id AND m.undone_at IS NULL
    LEFT JOIN request q ON q.request_id = m.request_id
    WHERE s.study_id = p_study
$$;

CREATE FUNCTION correction_accession(p_study bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT r.accession_number FROM request_match m JOIN request r USING (request_id) WHERE m.study_id = p_study AND m.undone_at IS NULL
$$;

CREATE FUNCTION correction_studies_json(w correction_work) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    n      integer := cardinality(w.instances);
    source text := correction_accession(w.study_id);
    target text := correction_accession(w.target_id);
BEGIN
    IF w.kind = 'edit_patient' THEN
        RETURN jsonb_build_array(correction_study_json(w.study_id, 'self', 0, false, source));
    ELSIF w.kind = 'split' THEN
        RETURN jsonb_build_array(
            correction_study_json(w.study_id, 'from', -n, false, source),
            (SELECT jsonb_build_object(
                 'id', NULL, 'role', 'new', 'display_name', yq_display_name(coalesce(w.patient ->> 'name', c.name)),
                 'patient_id', coalesce(w.patient ->> 'patient_id', c.typed_id, ''), 'study_instance_uid', s.study_instance_uid,
                 'instances_before', 0, 'instances_after', n, 'state', 'receiving', 'state_after', s.state,
                 'request', NULL, 'request_after', (SELECT accession_number FROM request WHERE request_id = w.request_id))
             FROM study s LEFT JOIN identity_claim c ON c.claim_id = w.claim_id WHERE s.study_id = w.study_id));
    END IF;
    RETURN jsonb_build_array(
        correction_study_json(w.study_id, 'from', -n, w.kind = 'merge', CASE WHEN w.kind <> 'merge' THEN source END),
        correction_study_json(w.target_id, 'to', n, false, CASE WHEN w.kind = 'merge' THEN coalesce(target, source) ELSE target END));
END $$;

-- The patient before and after: of the study, or of the images that move.
CREATE FUNCTION correction_fields(w correction_work) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT yq_patient_changes(yq_claim_json(c, s.patient_age_text),
                              CASE WHEN w.target_id IS NOT NULL THEN (SELECT yq_claim_json(d, t.patient_age_text) FROM study t
                                                                      JOIN identity_claim d USING (claim_id) WHERE t.study_id = w.target_id)
                                   ELSE coalesce(w.patient, (SELECT yq_claim_json(d, yq_age_text(d.birth_date, s.first_arrival_at::date))
                                                             FROM identity_claim d WHERE d.claim_id = w.claim_id)) END)
    FROM study s JOIN identity_claim c USING (claim_id) WHERE s.study_id = w.study_id
$$;

-- What the person has to be shown before images of one patient come under another.
CREATE FUNCTION correction_contradictions(w correction_work) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT yq_identity_contradictions(c, d)
                     FROM study s JOIN identity_claim c ON c.claim_id = s.claim_id
                     JOIN study t ON t.study_id = w.target_id JOIN identity_claim d ON d.claim_id = t.claim_id
                     WHERE s.study_id = w.study_id), '{}')
$$;

CREATE FUNCTION correction_preview(w correction_work, p_revision text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_studies bigint[] := array_remove(ARRAY[w.study_id, w.target_id], NULL);
BEGIN
    RETURN jsonb_build_object(
        'kind', w.kind, 'revision', p_revision, 'fields', correction_fields(w),
        'contradictions', to_jsonb(correction_contradictions(w)), 'images', correction_images_json(w.instances),
        'studies', correction_studies_json(w),
        'tasks', correction_tasks_json(v_studies, CASE WHEN w.kind = 'merge' THEN w.study_id END),
        'reports', correction_reports_json(v_studies), 'deliveries', correction_deliveries_json(v_studies));
END $$;

-- ---- what comes in afterwards ----------------------------------------------------------------------------------------------------

-- A study that a split made and an undo took back never was one: nothing comes to it. One that was merged leads on.
CREATE FUNCTION intake_is_withdrawn(s study) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT s.state = 'merged' AND NOT EXISTS (
        SELECT FROM correction k WHERE k.study_id = s.study_id AND k.kind = 'merge' AND k.undoes_id IS NULL
                                   AND NOT EXISTS (SELECT FROM correction u WHERE u.undoes_id = k.correction_id))
$$;

-- Where images of a series go that would come to a study: after the series, and after the study, as people moved them.
CREATE FUNCTION intake_route(p_study bigint, p_series text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_study bigint := p_study;
    v_next  bigint;
BEGIN
    FOR hop IN 1..50 LOOP
        SELECT to_study_id INTO v_next FROM series_route
        WHERE from_study_id = v_study AND series_instance_uid = p_series AND ended_by_id IS NULL;
        IF NOT FOUND THEN
            SELECT merged_into_id INTO v_next FROM study WHERE study_id = v_study;
        END IF;
        EXIT WHEN v_next IS NULL;
        v_study := v_next;
    END LOOP;
    RETURN v_study;
END $$;

-- The study of an object. A study UID that is used for somebody who contradicts opens a study of its own (split_no > 0) and a review. What the
-- images of a study said counts on after a person said who it is.
CREATE OR REPLACE FUNCTION intake_study(p_site bigint, p_device bigint, p_item intake_item, p_arrived timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    birth   date := yq_dicom_date(p_item.patient_birth_date);
    claim   bigint;
    known   record;
    other   bigint;
    result  bigint;
BEGIN
    -- Our own reports belong to the study that was reported on, and make no claim where there is a study.
    IF p_item.origin = 'own' THEN
        SELECT r.study_id INTO result FROM report_version v JOIN report r USING (report_id)
        WHERE v.site_id = p_site AND p_item.sop_instance_uid IN (v.sr_sop_instance_uid, v.pdf_sop_instance_uid);
        IF FOUND THEN
            RETURN result;
        END IF;
    END IF;
    IF p_item.origin <> 'own' OR NOT EXISTS (SELECT FROM study s WHERE s.site_id = p_site AND s.study_instance_uid = p_item.study_instance_uid) THEN
        claim := intake_claim(p_site, p_item.patient_id, p_item.issuer_of_patient_id, p_item.patient_name, p_item.patient_sex,
                              p_item.patient_birth_date, p_item.other_patient_ids, p_item.study_instance_uid);
    END IF;
    FOR known IN
        SELECT s.study_id, s.claim_id, k.is_same, k.fits, count(*) FILTER (WHERE k.fits) OVER () AS fitting
        FROM study s
        LEFT JOIN identity_claim mine ON mine.claim_id = claim
        CROSS JOIN LATERAL (
            SELECT coalesce(bool_or(c.patient_id = mine.patient_id), false) AS is_same,
                   bool_or(yq_identity_relation(p_item.patient_name, p_item.patient_sex, birth, c.name, c.sex, c.birth_date) <> 'different') AS fits
            FROM identity_claim c WHERE c.claim_id IN (s.claim_id, s.received_claim_id)) k
        WHERE s.site_id = p_site AND s.study_instance_uid = p_item.study_instance_uid AND NOT intake_is_withdrawn(s)
        ORDER BY k.is_same DESC, s.split_no
    LOOP
        -- What says nothing of its patient fits every one who had the UID, and is nobody's.
        IF known.is_same OR (known.fits AND known.fitting = 1) THEN
            RETURN known.study_id;
        END IF;
        other := coalesce(other, known.claim_id);
        result := coalesce(result, known.study_id);
    END LOOP;
    IF claim IS NULL THEN
        RETURN result; -- our own, and the patient was corrected meanwhile
    END IF;
    IF other IS NOT NULL AND other <> claim THEN
        INSERT INTO identity_review (site_id, claim_id, other_claim_id, reason)
        VALUES (p_site, claim, other, 'reused_study_uid') ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO study (site_id, study_instance_uid, split_no, claim_id, device_id, accession_number, dicom_study_id, study_date_text,
                       study_time_text, study_at, description, referring_physician, patient_age_text, body_part, first_arrival_at,
                       last_arrival_at)
    VALUES (p_site, p_item.study_instance_uid,
            (SELECT coalesce(max(s.split_no) + 1, 0) FROM study s
             WHERE s.site_id = p_site AND s.study_instance_uid = p_item.study_instance_uid),
            claim, p_device, p_item.accession_number, p_item.study_id, p_item.study_date,
            p_item.study_time, yq_dicom_time(p_item.study_date, p_item.study_time), p_item.study_description, p_item.referring_physician,
            p_item.patient_age, p_item.body_part, p_arrived, p_arrived)
    RETURNING study_id INTO result;
    RETURN result;
END $$;

-- The row of a new object, or NULL when the site has one under this SOP instance UID.
CREATE OR REPLACE FUNCTION intake_insert(p_site bigint, p_device bigint, p_item intake_item, p_arrived timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    study  bigint;
    place  bigint;
    series bigint;
    result bigint;
BEGIN
    IF p_item.is_in_study THEN
        study := intake_study(p_site, p_device, p_item, p_arrived);
        place := CASE WHEN p_item.origin = 'own' THEN study ELSE intake_route(study, p_item.series_instance_uid) END;
        series := intake_series(p_site, place, p_item);
    END IF;
    INSERT INTO instance (site_id, series_id, device_id, origin, sop_class_uid, sop_instance_uid, transfer_syntax_uid, object_key,
                          size_bytes, header_bytes, sha256, arrived_at, number, rows, columns, frames, has_pixels, content_date_text,
                          content_time_text, view_position, charset_declared, charset_used, charset_verdict, came_for_study_id)
    VALUES (p_site, series, p_device, p_item.origin, p_item.sop_class_uid, p_item.sop_instance_uid, p_item.transfer_syntax_uid,
            p_item.object_key, p_item.size_bytes, p_item.header_bytes, decode(p_item.sha256, 'hex'), p_arrived, p_item.instance_number,
            p_item.rows, p_item.columns, p_item.frames, p_item.has_pixels, p_item.content_date, p_item.content_time,
            p_item.view_position, p_item.charset_declared, p_item.charset_used, p_item.charset_verdict, nullif(study, place))
    ON CONFLICT (site_id, sop_instance_uid) DO NOTHING
    RETURNING instance_id INTO result;
    RETURN result;
END $$;
REVOKE EXECUTE ON FUNCTION intake_is_withdrawn, intake_route FROM PUBLIC;

-- ---- figures -----------------------------------------------------------------------------------------------------------------

-- A study that was merged into another is no second examination. A report that was issued on it counts as ever.

CREATE OR REPLACE FUNCTION figure_facts(p_community uuid, p_from date, p_to date, p_modes text[]) RETURNS SETOF figure_fact LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp SET work_mem = '64MB' SET jit = off SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH place AS MATERIALIZED (
        SELECT f.site_id, NOT f.is_lead AS is_member
        FROM figure_sites(p_to) f JOIN scope c ON c.scope_id = f.community_id
        WHERE c.public_id = p_community
    ), lead AS MATERIALIZED (
        SELECT m.child_id AS site_id, l.site_id AS lead_site_id, m.valid * l.valid AS valid
        FROM scope_membership m JOIN grid_lead l ON l.grid_id = m.parent_id AND l.valid && m.valid
        WHERE m.child_id IN (SELECT site_id FROM place)
    ), chosen AS (
        SELECT s.study_id FROM study s
        WHERE s.first_arrival_at >= p_from::timestamptz AND s.first_arrival_at < (p_to + 1)::timestamptz
          AND s.site_id IN (SELECT site_id FROM place) AND s.state <> 'merged'
        UNION
        SELECT r.study_id FROM report_version v JOIN report r USING (report_id)
        WHERE v.issued_at >= p_from::timestamptz AND v.issued_at < (p_to + 1)::timestamptz
          AND v.site_id IN (SELECT site_id FROM place)
    ), base AS MATERIALIZED (
        SELECT s.study_id, s.site_id, place.is_member, s.patient_class, s.modality, s.reading_mode, s.first_arrival_at, s.state,
               s.completed_at, s.submitted_at AS pressed_at, t.task_id, t.opened_at AS offered_at, t.first_taken_at, t.due_at, t.paused_for,
               t.queue_id, t.reading_mode AS read_as, r.report_id, v.report_version_id, v.submitted_at, v.issued_at, v.author_id, v.reviewer_id,
               v.body ->> 'result' AS result, v.body ->> 'quality_grade' AS quality_grade,
               y.signatures
        FROM chosen
        JOIN study s USING (study_id)
        JOIN place USING (site_id)
        LEFT JOIN LATERAL (SELECT * FROM reading_task x WHERE x.study_id = s.study_id AND x.kind = 'primary'
                           ORDER BY x.state = 'cancelled', x.task_id DESC LIMIT 1) t ON true
        LEFT JOIN report r ON r.task_id = t.task_id
        LEFT JOIN report_version v ON v.report_id = r.report_id AND v.kind = 'original' AND v.state IN ('issued', 'superseded')
        LEFT JOIN signing_policy_version y USING (policy_version_id)
        WHERE p_modes IS NULL OR s.reading_mode = ANY (p_modes)
    ), pause AS (
        SELECT k.task_id, bool_or(k.kind = 'retake') AS is_retake, bool_or(k.kind = 'request') AS is_request,
               sum(coalesce(k.end_at, yq_now()) - k.begin_at) FILTER (WHERE k.begin_at < b.first_taken_at) AS waiting,
               sum(coalesce(k.end_at, yq_now()) - k.begin_at) FILTER (WHERE k.begin_at >= b.submitted_at) AS review
        FROM (SELECT task_id, kind, returned_at AS begin_at, answered_at AS end_at FROM task_return
              UNION ALL SELECT task_id, 'question', asked_at, answered_at FROM task_question) k
        JOIN base b USING (task_id)
        GROUP BY k.task_id
    ), receipts AS (
        SELECT b.report_id, min(c.at) AS returned_at, min(c.at) FILTER (WHERE c.kind = 'opened') AS opened_at
        FROM base b JOIN report_version w ON w.report_id = b.report_id JOIN receipt c ON c.report_version_id = w.report_version_id
        WHERE b.issued_at IS NOT NULL AND (c.kind = 'delivered' OR (c.kind = 'opened' AND c.at_site_id = b.site_id))
        GROUP BY b.report_id
    ), remarks AS (
        SELECT DISTINCT m.report_version_id FROM report_remark m JOIN base USING (report_version_id)
    )
    SELECT b.study_id, b.site_id, b.is_member,
           b.first_arrival_at >= p_from::timestamptz AND b.first_arrival_at < (p_to + 1)::timestamptz,
           coalesce(b.issued_at >= p_from::timestamptz AND b.issued_at < (p_to + 1)::timestamptz, false),
           b.patient_class, b.modality, b.reading_mode, b.first_arrival_at, b.task_id IS NOT NULL, least(b.completed_at, b.offered_at),
           b.first_taken_at,
           b.submitted_at, b.issued_at, c.returned_at, c.opened_at,
           CASE WHEN b.pressed_at <= b.issued_at THEN b.pressed_at ELSE b.first_arrival_at END,
           b.due_at, b.due_at - b.offered_at, coalesce(b.paused_for, interval '0'), coalesce(p.waiting, interval '0'),
           coalesce(p.review, interval '0'),
           l.site_id IS NOT NULL AND b.read_as IN ('central', 'local_draft'),
           b.result, coalesce(b.quality_grade, ''), CASE WHEN b.signatures = 2 AND b.reviewer_id <> b.author_id THEN 2 ELSE 1 END, b.author_id, b.reviewer_id,
           m.report_version_id IS NOT NULL, coalesce(p.is_retake, false), coalesce(p.is_request, false)
    FROM base b
    LEFT JOIN reading_queue q USING (queue_id)
    LEFT JOIN lead l ON l.site_id = b.site_id AND l.lead_site_id = q.lead_site_id AND l.valid @> b.issued_at::date
    LEFT JOIN pause p USING (task_id)
    LEFT JOIN receipts c USING (report_id)
    LEFT JOIN remarks m USING (report_version_id);
END $$;

CREATE OR REPLACE FUNCTION figure_days(p_community uuid, p_to date, p_modes text[]) RETURNS TABLE (site_id bigint, daily jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT n.site_id, jsonb_agg(n.studies ORDER BY n.day)
    FROM (SELECT f.site_id, d.day::date AS day, coalesce(max(s.studies), 0) AS studies
          FROM figure_sites(p_to) f
          JOIN scope c ON c.scope_id = f.community_id AND c.public_id = p_community
          CROSS JOIN generate_series(p_to - 29, p_to, interval '1 day') AS d (day)
          LEFT JOIN (SELECT x.site_id, x.first_arrival_at::date AS day, count(*) AS studies FROM study x
                     WHERE x.first_arrival_at >= (p_to - 29)::timestamptz AND x.first_arrival_at < (p_to + 1)::timestamptz
                       AND (p_modes IS NULL OR x.reading_mode = ANY (p_modes)) AND x.state <> 'merged'
                     GROUP BY 1, 2) s ON s.site_id = f.site_id AND s.day = d.day::date
          GROUP BY 1, 2) n
    GROUP BY n.site_id
$$;
