-- UPS-RS (PS3.18 chapter 11, PS3.4 annex CC): workitems as workstations see them, who is told of their events, and the events.

ALTER TABLE workitem
    ADD COLUMN public_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE, -- what events name it by
    ADD COLUMN progress numeric(5, 2) CHECK (progress BETWEEN 0 AND 100),
    ADD COLUMN progress_text text NOT NULL DEFAULT '' CHECK (length(progress_text) <= 1024),
    ADD COLUMN cancel_asked_by bigint REFERENCES person, -- of the last request to cancel it
    ADD COLUMN cancel_asked_at timestamptz,
    ADD COLUMN cancel_reason text NOT NULL DEFAULT '' CHECK (length(cancel_reason) <= 2000),
    ADD CHECK ((cancel_asked_by IS NULL) = (cancel_asked_at IS NULL));
CREATE INDEX workitem_shown ON workitem (ended_at DESC NULLS FIRST, opened_at, workitem_id);
CREATE INDEX workitem_task ON workitem (task_id);

-- Who is told: a person's workstation by its AE title. A row of a workitem goes before the one of the whole worklist.
CREATE TABLE workitem_subscription (
    subscription_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id     uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    person_id     bigint NOT NULL REFERENCES person,
    ae_title      text NOT NULL CHECK (ae_title <> '' AND length(ae_title) <= 16),
    workitem_id   bigint REFERENCES workitem, -- NULL: the worklist, now and to come
    filter        jsonb NOT NULL DEFAULT '{}', -- of a filtered worklist, as yq_workitem_fits() reads it
    is_on         boolean NOT NULL DEFAULT true, -- false: this workitem is left out of the worklist that is subscribed to
    is_locked     boolean NOT NULL DEFAULT false, -- deletion lock
    suspended_at  timestamptz, -- what is opened from then on is not told
    created_at    timestamptz NOT NULL DEFAULT yq_now(),
    UNIQUE NULLS NOT DISTINCT (person_id, ae_title, workitem_id),
    CHECK (workitem_id IS NULL OR (filter = '{}' AND suspended_at IS NULL)),
    CHECK (workitem_id IS NOT NULL OR is_on)
);
CREATE INDEX workitem_subscription_workitem ON workitem_subscription (workitem_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON workitem_subscription TO yq_gateway;
GRANT SELECT ON workitem_subscription TO yq_router, yq_operator;

-- ---- events ----------------------------------------------------------------------------------------------------------------------

-- Whichever door moved it: the state that it got stands in the kind, so that no step is lost when two follow each other at once.
CREATE FUNCTION yq_workitem_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event (kind, subject_id, site_id) VALUES ('workitem.' || lower(replace(NEW.state, ' ', '_')), NEW.public_id, NEW.site_id);
    RETURN NULL;
END $$;
CREATE TRIGGER workitem_born AFTER INSERT ON workitem FOR EACH ROW EXECUTE FUNCTION yq_workitem_moved();
CREATE TRIGGER workitem_moved AFTER UPDATE OF state ON workitem
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION yq_workitem_moved();

-- A return and its answer leave the workitem SCHEDULED and change whether it can be taken (Input Readiness State).
CREATE FUNCTION yq_workitem_readiness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event (kind, subject_id, site_id)
    SELECT 'workitem.scheduled', w.public_id, w.site_id FROM workitem w WHERE w.task_id = NEW.task_id AND w.state = 'SCHEDULED';
    RETURN NULL;
END $$;
CREATE TRIGGER reading_task_readiness AFTER UPDATE OF state ON reading_task
    FOR EACH ROW WHEN (OLD.state = 'awaiting' AND NEW.state = 'returned' OR OLD.state = 'returned' AND NEW.state = 'awaiting')
    EXECUTE FUNCTION yq_workitem_readiness();

-- So do images that come late, and the end of their coming. By whoever receives, who has no business with workitems.
CREATE FUNCTION yq_workitem_images() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO event (kind, subject_id, site_id)
    SELECT 'workitem.scheduled', w.public_id, w.site_id
    FROM reading_task t JOIN workitem w USING (task_id) WHERE t.study_id = NEW.study_id AND w.state = 'SCHEDULED';
    RETURN NULL;
END $$;
CREATE TRIGGER study_readiness AFTER UPDATE OF state ON study
    FOR EACH ROW WHEN ((OLD.state = 'receiving') <> (NEW.state = 'receiving')) EXECUTE FUNCTION yq_workitem_images();

-- ---- as DICOM JSON ----------------------------------------------------------------------------------------------------------------

CREATE FUNCTION yq_json_items(p_items jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_items IS NULL OR p_items = '[]' THEN jsonb_build_object('vr', 'SQ')
                ELSE jsonb_build_object('vr', 'SQ', 'Value', p_items) END
$$;
CREATE FUNCTION yq_json_time(p_at timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT yq_json_value('DT', to_char(p_at, 'YYYYMMDDHH24MISSTZHTZM'))
$$;

-- READY: it may be taken. INCOMPLETE: images are still coming, or the site was asked and has not answered.
CREATE FUNCTION yq_workitem_is_ready(t reading_task, s study) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN s.state = 'receiving' OR t.state = 'returned' THEN 'INCOMPLETE' ELSE 'READY' END
$$;
CREATE FUNCTION yq_workitem_priority(t reading_task) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN t.patient_class = 'emergency' THEN 'HIGH' WHEN t.patient_class = 'health_check' THEN 'LOW'
                WHEN t.priority > 0 THEN 'HIGH' ELSE 'MEDIUM' END
$$;

-- Interpretation (CID 9231).
CREATE FUNCTION yq_json_workitem_code() RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT yq_json_items(jsonb_build_array(jsonb_build_object(
        '00080100', yq_json_value('SH', '110005'), '00080102', yq_json_value('SH', 'DCM'),
        '00080104', yq_json_value('LO', 'Interpretation'))))
$$;

-- What a search shows of a workitem (PS3.4 table CC.2.5-3). The Transaction UID is nobody's but its holder's.
CREATE FUNCTION yq_json_workitem(w workitem, t reading_task, s study, c identity_claim, p_queue text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT yq_json_patient(c, s.patient_age_text) || jsonb_build_object(
        '00080005', yq_json_value('CS', 'ISO_IR 192'),
        '00080016', yq_json_value('UI', '1.2.840.10008.5.1.4.34.6.1'), '00080018', yq_json_value('UI', w.sop_instance_uid),
        '0020000D', yq_json_value('UI', s.shown_uid), '00741000', yq_json_value('CS', w.state),
        '00741200', yq_json_value('CS', yq_workitem_priority(t)), '00741202', yq_json_value('LO', left(p_queue, 64)),
        '00741204', yq_json_value('LO', left(concat_ws(' ', nullif(s.modality, ''), nullif(s.description, '')), 64)),
        '00404005', yq_json_time(w.opened_at), '00404010', yq_json_time(coalesce(w.ended_at, w.claimed_at, w.opened_at)),
        '00404011', yq_json_time(t.due_at), '00404018', yq_json_workitem_code(),
        '00404041', yq_json_value('CS', yq_workitem_is_ready(t, s)),
        '00741002', yq_json_items(CASE WHEN w.progress IS NOT NULL OR w.progress_text <> '' OR w.state = 'CANCELED' THEN
            jsonb_build_array(jsonb_build_object(
                '00741004', CASE WHEN w.progress IS NULL THEN jsonb_build_object('vr', 'DS')
                                 ELSE jsonb_build_object('vr', 'DS', 'Value', jsonb_build_array(w.progress)) END,
                '00741006', yq_json_value('ST', w.progress_text))
            || CASE WHEN w.state = 'CANCELED' THEN jsonb_build_object(
                '00404052', yq_json_time(w.ended_at), '00741238', yq_json_value('LT', w.reason)) ELSE '{}' END) END),
        '0040A370', yq_json_items(jsonb_build_array(jsonb_build_object(
            '0020000D', yq_json_value('UI', s.shown_uid), '00080050', yq_json_value('SH', s.accession_number),
            '00080090', yq_json_name(s.referring_physician)))))
$$;

-- Does it fit the keys of a search or of a filtered worklist? Lists and patterns of LIKE; a key that is absent fits everything.
CREATE FUNCTION yq_workitem_fits(w workitem, t reading_task, s study, c identity_claim, p_queue text, p jsonb) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (NOT p ? 'states' OR p -> 'states' ? w.state)
       AND (NOT p ? 'uids' OR p -> 'uids' ? w.sop_instance_uid)
       AND (NOT p ? 'studies' OR p -> 'studies' ? s.shown_uid)
       AND (NOT p ? 'priorities' OR p -> 'priorities' ? yq_workitem_priority(t))
       AND (NOT p ? 'readiness' OR p -> 'readiness' ? yq_workitem_is_ready(t, s))
       AND (NOT p ? 'label' OR p_queue LIKE p ->> 'label')
       AND (NOT p ? 'patient_id' OR c.typed_id LIKE p ->> 'patient_id')
       AND (NOT p ? 'patient_name' OR yq_name_fits(c.name, p ->> 'patient_name'))
       AND (NOT p ? 'accession' OR s.accession_number LIKE p ->> 'accession')
       AND (NOT p ? 'from' OR to_char(w.opened_at, 'YYYYMMDDHH24MISS') COLLATE "C" >= p ->> 'from')
       AND (NOT p ? 'to' OR to_char(w.opened_at, 'YYYYMMDDHH24MISS') COLLATE "C" <= p ->> 'to')
$$;

-- ---- event reports ------------------------------------------------------------------------------------------------------------------

-- UPS State Report, Cancel Requested, Progress Report (PS3.4 table CC.2.4-1) as PS3.18 section 11.13 writes them. No patient in it.
CREATE FUNCTION yq_workitem_report(w workitem, t reading_task, s study, p_kind text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
               '00000002', yq_json_value('UI', '1.2.840.10008.5.1.4.34.6.1'), '00001000', yq_json_value('UI', w.sop_instance_uid),
               '00001002', yq_json_number('US', CASE p_kind WHEN 'cancel_asked' THEN 2 WHEN 'progress' THEN 3 ELSE 1 END))
        || CASE p_kind
           WHEN 'cancel_asked' THEN jsonb_build_object('00741238', yq_json_value('LT', w.cancel_reason),
               '0074100E', yq_json_value('LO', (SELECT left(p.name, 64) FROM person p WHERE p.person_id = w.cancel_asked_by)))
           WHEN 'progress' THEN jsonb_build_object('00741002', yq_json_items(jsonb_build_array(jsonb_build_object(
               '00741004', CASE WHEN w.progress IS NULL THEN jsonb_build_object('vr', 'DS')
                                ELSE jsonb_build_object('vr', 'DS', 'Value', jsonb_build_array(w.progress)) END,
               '00741006', yq_json_value('ST', w.progress_text)))))
           ELSE jsonb_build_object('00741000', yq_json_value('CS', upper(replace(p_kind, '_', ' '))),
                                   '00404041', yq_json_value('CS', yq_workitem_is_ready(t, s)))
               || CASE WHEN p_kind = 'canceled' THEN jsonb_build_object('00741238', yq_json_value('LT', left(w.reason, 256))) ELSE '{}' END
           END
$$;

-- Does a subscription take a workitem in? What the person may see now is asked beside it.
CREATE FUNCTION yq_workitem_is_told(b workitem_subscription, w workitem, t reading_task, s study, c identity_claim, p_queue text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT b.is_on
       AND (b.workitem_id = w.workitem_id
            OR (b.workitem_id IS NULL AND w.opened_at < coalesce(b.suspended_at, 'infinity')
                AND NOT EXISTS (SELECT FROM workitem_subscription o
                                WHERE o.person_id = b.person_id AND o.ae_title = b.ae_title AND o.workitem_id = w.workitem_id)
                AND yq_workitem_fits(w, t, s, c, p_queue, b.filter)))
$$;

-- Over every site, since the feed has nobody's eyes: whom an event reaches, and what it says.
CREATE FUNCTION yq_workitem_told(p_workitem uuid, p_kind text) RETURNS TABLE (person uuid, ae_title text, report jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT p.public_id, b.ae_title, yq_workitem_report(w, t, s, p_kind)
    FROM workitem w JOIN reading_task t USING (task_id) JOIN study s USING (study_id) JOIN identity_claim c USING (claim_id)
    JOIN reading_queue q ON q.queue_id = t.queue_id
    JOIN workitem_subscription b ON b.workitem_id = w.workitem_id OR b.workitem_id IS NULL
    JOIN person p ON p.person_id = b.person_id
    WHERE w.public_id = p_workitem AND yq_workitem_is_told(b, w, t, s, c, q.name)
      AND yq_person_may(p.public_id, ARRAY['reporter', 'reviewer', 'duty_leader'], w.site_id)
$$;

-- How things stand for a subscriber that opens its channel, or for one subscription that was just made: what is open, what ended within a
-- day, and what it asked for by name. The oldest first; too many are cut, the search has them all.
CREATE FUNCTION yq_workitem_standing(p_person uuid, p_ae_title text, p_subscription uuid)
RETURNS TABLE (person uuid, ae_title text, report jsonb) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH mine AS MATERIALIZED (
        SELECT b.* FROM workitem_subscription b JOIN person p USING (person_id)
        WHERE (p_subscription IS NULL AND p.public_id = p_person AND b.ae_title = p_ae_title) OR b.public_id = p_subscription
    ), reach AS MATERIALIZED (
        SELECT DISTINCT p.person_id, p.public_id, u AS site_id
        FROM person p JOIN person_right r ON r.person_id = p.person_id AND r.revoked_at IS NULL
        CROSS JOIN LATERAL yq_sites_under(r.scope_id, yq_now()::date) AS u
        WHERE p.person_id IN (SELECT m.person_id FROM mine m) AND p.is_active AND r.role IN ('reporter', 'reviewer', 'duty_leader')
    ), near AS MATERIALIZED (
        SELECT w.workitem_id FROM workitem w WHERE w.ended_at IS NULL OR w.ended_at > yq_now() - interval '1 day'
        UNION SELECT m.workitem_id FROM mine m WHERE m.workitem_id IS NOT NULL
    )
    SELECT p.public_id, b.ae_title, yq_workitem_report(w, t, s, lower(replace(w.state, ' ', '_')))
    FROM near JOIN workitem w USING (workitem_id) JOIN reading_task t USING (task_id) JOIN study s USING (study_id)
    JOIN identity_claim c USING (claim_id) JOIN reading_queue q ON q.queue_id = t.queue_id
    JOIN mine b ON b.workitem_id = w.workitem_id OR b.workitem_id IS NULL
    JOIN reach p ON p.person_id = b.person_id AND p.site_id = w.site_id
    WHERE yq_workitem_is_told(b, w, t, s, c, q.name)
    ORDER BY w.workitem_id
    LIMIT 1000
$$;
REVOKE ALL ON FUNCTION yq_workitem_told(uuid, text), yq_workitem_standing(uuid, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_workitem_told(uuid, text), yq_workitem_standing(uuid, text, uuid) TO yq_gateway;
