-- An issued report is followed by a version of its own: 更正 (the earlier ones are superseded) or 补充 (they stay in force). It is written, reviewed and
-- signed in a task of its own; the paper that lies at the site is called back.

ALTER TABLE reading_task
    DROP CONSTRAINT reading_task_kind_check,
    ADD CONSTRAINT reading_task_kind_check CHECK (kind IN ('primary', 'recheck', 'correction', 'supplement')),
    ADD follows_report_id bigint REFERENCES report, -- whose next version is written in it
    ADD reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 2000), -- that goes onto the paper
    ADD CHECK ((kind IN ('correction', 'supplement')) = (follows_report_id IS NOT NULL)),
    ADD CHECK (follows_report_id IS NULL OR reason <> '');
CREATE UNIQUE INDEX reading_task_follows_one ON reading_task (follows_report_id) WHERE state NOT IN ('done', 'cancelled');

ALTER TABLE report_version ADD written_in_task_id bigint REFERENCES reading_task; -- NULL: in the task of the report
CREATE INDEX report_version_task ON report_version (written_in_task_id) WHERE written_in_task_id IS NOT NULL;

-- 收回旧报告: a version that lies at the site, perhaps on paper, and is in force no more. Somebody there says that it was called back.
CREATE TABLE report_recall (
    report_version_id bigint PRIMARY KEY,
    site_id   bigint NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT yq_now(),
    done_at   timestamptz,
    done_by   bigint REFERENCES person,
    FOREIGN KEY (report_version_id, site_id) REFERENCES report_version (report_version_id, site_id),
    CHECK ((done_at IS NULL) = (done_by IS NULL))
);
CREATE INDEX report_recall_open ON report_recall (site_id) WHERE done_at IS NULL;

-- Behind the issue of a correction: what it corrects is superseded, leaves no more, and is called back.
CREATE FUNCTION report_version_followed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    former bigint;
BEGIN
    FOR former IN
        UPDATE report_version v SET state = 'superseded'
        WHERE v.report_id = NEW.report_id AND v.version < NEW.version AND v.state = 'issued' RETURNING v.report_version_id
    LOOP
        INSERT INTO report_recall (report_version_id, site_id) VALUES (former, NEW.site_id);
        UPDATE delivery d SET state = 'cancelled', last_error = 'the report was corrected'
        WHERE d.report_version_id = former AND d.state IN ('pending', 'waiting', 'quarantined', 'dead') AND d.worker IS NULL;
    END LOOP;
    INSERT INTO event (kind, subject_id, site_id) VALUES ('report.superseded', NEW.public_id, NEW.site_id);
    RETURN NULL;
END $$;
CREATE TRIGGER report_version_followed AFTER UPDATE OF state ON report_version FOR EACH ROW
    WHEN (NEW.state = 'issued' AND OLD.state = 'submitted' AND NEW.kind = 'correction') EXECUTE FUNCTION report_version_followed();

-- Whoever signs at the queue of an issued report begins its next version, with the text of the last one, or with the draft of a task that was cancelled.
CREATE FUNCTION report_follow(p_person uuid, p_report uuid, p_kind text, p_reason text) RETURNS TABLE (task uuid, report uuid, site uuid)
LANGUAGE plpgsql AS $$
DECLARE
    former    report_version;
    begun     report_version;
    origin    reading_task;
    study_now study;
    v_person  bigint := (SELECT person_id FROM person WHERE public_id = p_person);
    v_task    bigint;
    v_version bigint;
BEGIN
    SELECT v.* INTO former FROM report_version v WHERE v.public_id = p_report AND v.issued_at IS NOT NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such issued report' USING ERRCODE = 'YQ404';
    END IF;
    SELECT t.* INTO STRICT origin FROM report r JOIN reading_task t USING (task_id) WHERE r.report_id = former.report_id FOR UPDATE OF t;
    IF NOT (SELECT yq_person_may(p_person, ARRAY['reviewer'], origin.site_id)
                   AND (origin.reading_mode = 'local' OR yq_person_may(p_person, ARRAY['reporter', 'reviewer'], q.lead_site_id)
                        OR EXISTS (SELECT FROM person me WHERE me.public_id = p_person AND q.lead_site_id IN (me.seat_id, me.institution_id)))
            FROM reading_queue q WHERE q.queue_id = origin.queue_id) THEN
        RAISE EXCEPTION 'cannot follow this report: you have no right to sign at its queue' USING ERRCODE = 'YQ403';
    END IF;
    SELECT s.* INTO STRICT study_now FROM study s WHERE s.study_id = origin.study_id;
    IF study_now.state = 'merged' THEN
        RAISE EXCEPTION 'cannot follow this report: its study was merged into another; take the merge back, or report there' USING ERRCODE = 'YQ409';
    END IF;
    PERFORM FROM report_version v WHERE v.report_id = former.report_id FOR UPDATE;
    SELECT v.* INTO begun FROM report_version v WHERE v.report_id = former.report_id AND v.state IN ('draft', 'provisional', 'submitted');
    IF EXISTS (SELECT FROM reading_task t WHERE t.follows_report_id = former.report_id AND t.state NOT IN ('done', 'cancelled')) THEN
        RAISE EXCEPTION 'cannot follow this report: its next version is being written' USING ERRCODE = 'YQ409';
    END IF;
    IF former.state <> 'issued' OR EXISTS (SELECT FROM report_version v WHERE v.report_id = former.report_id AND v.version > former.version
                                                                             AND v.issued_at IS NOT NULL) THEN
        RAISE EXCEPTION 'cannot follow this version: a later one is there, look at that' USING ERRCODE = 'YQ409';
    END IF;
    INSERT INTO reading_task (site_id, study_id, kind, queue_id, reading_mode, patient_class, priority, study_version, author_id, follows_report_id, reason)
    VALUES (origin.site_id, origin.study_id, p_kind, origin.queue_id, origin.reading_mode, study_now.patient_class, greatest(origin.priority, 20),
            study_now.version, v_person, former.report_id, p_reason)
    RETURNING task_id INTO v_task;
    INSERT INTO workitem (sop_instance_uid, site_id, task_id) VALUES (yq_uid_new(), origin.site_id, v_task);
    IF begun.report_version_id IS NULL THEN
        INSERT INTO report_version (site_id, report_id, version, kind, reason, predecessor_id, body, study_version, author_id, written_in_task_id)
        VALUES (former.site_id, former.report_id, former.version + 1, p_kind, p_reason, former.report_version_id, former.body, study_now.version,
                v_person, v_task)
        RETURNING report_version_id INTO v_version;
        INSERT INTO report_revision (report_version_id, site_id, revision, body, saved_by) VALUES (v_version, former.site_id, 1, former.body, v_person);
    ELSE
        v_version := begun.report_version_id;
        IF begun.state = 'submitted' THEN
            UPDATE report_signature s SET voided_at = yq_now() WHERE s.report_version_id = v_version AND s.voided_at IS NULL;
            UPDATE artefact a SET voided_at = yq_now() WHERE a.report_version_id = v_version AND a.voided_at IS NULL;
            UPDATE report_version v SET state = 'draft', canonical = NULL, content_sha256 = NULL, submitted_at = NULL, reviewer_id = NULL
            WHERE v.report_version_id = v_version;
        END IF;
        UPDATE report_version v SET kind = p_kind, reason = p_reason, written_in_task_id = v_task, author_id = v_person
        WHERE v.report_version_id = v_version;
    END IF;
    RETURN QUERY SELECT t.public_id, v.public_id, c.public_id
    FROM reading_task t, report_version v, scope c WHERE t.task_id = v_task AND v.report_version_id = v_version AND c.scope_id = former.site_id;
END $$;

ALTER TABLE report_recall ENABLE ROW LEVEL SECURITY;
CREATE POLICY person_sites ON report_recall TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())));
CREATE POLICY every_site ON report_recall TO yq_storescp, yq_router, yq_operator USING (true);
GRANT SELECT ON report_recall TO yq_router, yq_gateway, yq_operator;
GRANT UPDATE ON report_recall TO yq_gateway;
REVOKE EXECUTE ON FUNCTION report_version_followed FROM PUBLIC;

-- ---- no compiling of statements ----------------------------------------------------------------------------------------------------

-- Those of the ledger are short; row-level security makes the planner think some long, and compiling one took 11 s of 23.
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET jit = off', current_database()); END $$;

-- ---- the identity number that the request has, and the device sends as patient ID ----------------------------------------------------------

-- As before (0023), but: a number joins with whoever of the site has it, typed as patient ID or given at registration; else every registered patient of
-- a device that sends it waited in 待核对.
CREATE OR REPLACE FUNCTION intake_decide_patient(p_site bigint, p_claim identity_claim, p_study_uid text, OUT patient_id bigint, OUT reason text,
                                      OUT doubts bigint[], OUT doubt_reasons text[])
LANGUAGE plpgsql AS $$
DECLARE
    known record;
    is_trivial boolean := yq_is_trivial_id(p_claim.typed_id);
    joins bigint[] := '{}';
    number text := coalesce(nullif(p_claim.national_id, ''), yq_national_id(p_claim.typed_id));
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

    IF NOT is_trivial OR number <> '' THEN
        FOR known IN
            SELECT t.patient_id, max(t.claim_id) AS claim_id, bool_or(t.relation = 'different') AS contradicts,
                   bool_or(t.relation = 'same' AND t.counts) AS agrees, bool_or(t.relation = 'same' AND t.birth_date = p_claim.birth_date) AS is_born,
                   bool_or(bool_or(t.relation = 'different')) OVER () AS is_reused
            FROM (SELECT c.patient_id, c.claim_id, c.birth_date,
                         yq_identity_relation(p_claim.name, p_claim.sex, p_claim.birth_date, c.name, c.sex, c.birth_date) AS relation,
                         CASE WHEN number = '' THEN true
                              ELSE (c.typed_id = p_claim.typed_id AND yq_national_id(p_claim.typed_id) = '')
                                   OR (yq_number_fits(number, p_claim.sex, p_claim.birth_date)
                                       AND yq_number_fits(number, c.sex, c.birth_date) AND yq_names_agree(p_claim.name, c.name)) END AS counts
                  FROM (SELECT o.claim_id FROM identity_claim o
                        WHERE NOT is_trivial AND o.site_id = p_site AND o.typed_id = p_claim.typed_id
                          AND (o.issuer = p_claim.issuer OR o.issuer = '' OR p_claim.issuer = '')
                        UNION
                        SELECT o.claim_id FROM identity_claim o WHERE number <> '' AND o.national_id = number AND o.site_id = p_site) near
                  JOIN identity_claim c USING (claim_id)
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

-- ---- commitments and performed steps: counted, and not kept for ever ------------------------------------------------------------------------

CREATE FUNCTION yq_completion_gauges() RETURNS TABLE (name text, labels jsonb, value bigint) LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT 'commitments', jsonb_build_object('state', s.state), count(c.commitment_id)
    FROM (VALUES ('waiting'), ('judged'), ('reporting'), ('reported'), ('dead')) AS s (state) LEFT JOIN commitment c USING (state) GROUP BY s.state
    UNION ALL
    SELECT 'performed_steps', jsonb_build_object('state', s.state), count(m.mpps_id)
    FROM (VALUES ('in_progress'), ('completed'), ('discontinued')) AS s (state) LEFT JOIN mpps m USING (state) GROUP BY s.state
$$;
REVOKE EXECUTE ON FUNCTION yq_completion_gauges FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_completion_gauges TO yq_gateway;
GRANT DELETE ON commitment, commitment_item, commitment_study TO yq_router;
CREATE INDEX commitment_ended ON commitment (requested_at) WHERE state IN ('reported', 'dead');
