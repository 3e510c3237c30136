-- What was received and is in doubt: the same SOP Instance UID with other bytes, and objects that were kept and cannot be indexed. Both have a
-- state, a history, and a way out that a person takes. No bytes are changed or deleted by anything here.

INSERT INTO state_transition (machine, from_state, event, to_state) VALUES
    ('conflict', '', 'arrive', 'comparing'),
    ('conflict', 'comparing', 'match', 'kept'),
    ('conflict', 'comparing', 'differ', 'open'),
    ('conflict', 'open', 'keep', 'kept'),
    ('conflict', 'open', 'replace', 'replaced'),
    ('conflict', 'open', 'separate', 'separate'),
    ('conflict', 'kept', 'undo', 'open'),
    ('conflict', 'replaced', 'undo', 'open'),

    ('quarantine', '', 'set_apart', 'open'),
    ('quarantine', 'open', 'index', 'indexed'),
    ('quarantine', 'open', 'close', 'closed'),
    ('quarantine', 'closed', 'reopen', 'open');

-- ---- who may -------------------------------------------------------------------------------------------------------

-- May this session act on doubts of a site? Persons as operator or duty leader there; what is of no site any operator. The other programs are
-- held by their grants.
CREATE FUNCTION doubt_may(p_site bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN current_user <> 'yq_gateway' THEN true
                WHEN p_site IS NULL THEN EXISTS (SELECT yq_role_sites(ARRAY['operator']))
                ELSE p_site IN (SELECT yq_role_sites(ARRAY['operator', 'duty_leader'])) END
$$;

-- Who acts; NULL: a program, or the operator's command.
CREATE FUNCTION doubt_person() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT person_id FROM person WHERE public_id = nullif(current_setting('yq.person', true), '')::uuid
$$;

CREATE FUNCTION doubt_check_reason(p_reason text) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF btrim(coalesce(p_reason, '')) = '' OR length(p_reason) > 500 THEN
        RAISE EXCEPTION 'give a reason of 1 to 500 characters' USING ERRCODE = 'YQ400';
    END IF;
END $$;

-- ---- conflicts -----------------------------------------------------------------------------------------------------

ALTER TABLE instance_conflict
    ADD state text NOT NULL DEFAULT 'comparing' CHECK (state IN ('comparing', 'open', 'kept', 'replaced', 'separate')),
    ADD device_id bigint REFERENCES device,
    ADD likeness text NOT NULL DEFAULT '' -- what the comparison said; unfinished: every try ended without a word
        CHECK (likeness IN ('', 'same', 'header', 'pixels', 'lossy', 'undecodable', 'too_large', 'unreadable', 'late', 'unfinished')),
    ADD compared_at timestamptz,
    ADD compare_tries smallint NOT NULL DEFAULT 0,
    ADD compare_until timestamptz, -- leased to a comparison
    ADD separate_instance_id bigint REFERENCES instance; -- kept as an image of its own
UPDATE instance_conflict SET state = 'kept' WHERE settled_at IS NOT NULL;
CREATE TRIGGER instance_conflict_transition BEFORE INSERT OR UPDATE OF state ON instance_conflict
    FOR EACH ROW EXECUTE FUNCTION yq_check_transition('conflict');
CREATE INDEX instance_conflict_comparing ON instance_conflict (conflict_id) WHERE state = 'comparing';
CREATE INDEX instance_conflict_instance ON instance_conflict (instance_id);

-- What was decided about a conflict, by whom and why, with what the instance answered before and after.
CREATE TABLE conflict_step (
    step_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id     bigint NOT NULL REFERENCES site,
    conflict_id bigint NOT NULL REFERENCES instance_conflict,
    event       text NOT NULL CHECK (event IN ('match', 'differ', 'keep', 'replace', 'separate', 'undo')),
    reason      text NOT NULL CHECK (reason <> ''),
    before      jsonb NOT NULL,
    after       jsonb NOT NULL,
    made_by     bigint REFERENCES person, -- NULL: by rule, or by the operator's command
    made_at     timestamptz NOT NULL DEFAULT yq_now()
);
CREATE INDEX conflict_step_conflict ON conflict_step (conflict_id, step_id);
CREATE TRIGGER conflict_step_fixed BEFORE UPDATE OR DELETE ON conflict_step FOR EACH ROW EXECUTE FUNCTION yq_refuse_change();

-- Which device brought the other bytes. Called beside intake_index(), which knows devices and not yet this column.
CREATE FUNCTION intake_note_conflicts(p_items jsonb) RETURNS void LANGUAGE sql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE instance_conflict c SET device_id = d.device_id
    FROM jsonb_to_recordset(p_items) AS t (object_key text, device uuid) JOIN device d ON d.public_id = t.device
    WHERE c.object_key = t.object_key AND c.device_id IS NULL
$$;

-- What an instance says that comes from its bytes, as columns of that name.
CREATE FUNCTION conflict_facts(i instance) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('device_id', i.device_id, 'transfer_syntax_uid', i.transfer_syntax_uid, 'object_key', i.object_key,
        'size_bytes', i.size_bytes, 'header_bytes', i.header_bytes, 'sha256', i.sha256, 'arrived_at', i.arrived_at, 'number', i.number,
        'rows', i.rows, 'columns', i.columns, 'frames', i.frames, 'has_pixels', i.has_pixels, 'content_date_text', i.content_date_text,
        'content_time_text', i.content_time_text, 'view_position', i.view_position, 'charset_declared', i.charset_declared,
        'charset_used', i.charset_used, 'charset_verdict', i.charset_verdict)
$$;

-- The instance answers with the bytes of the conflict, and the conflict holds those that it answered with before. p_facts: conflict_facts() of
-- what follows. The study hears of it as of a late image: an offered one is reopened, its version rises, reading and report are told.
CREATE FUNCTION conflict_swap(p_conflict instance_conflict, p_facts jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    held  instance;
    facts instance;
BEGIN
    SELECT * INTO STRICT held FROM instance i WHERE i.instance_id = p_conflict.instance_id;
    facts := jsonb_populate_record(NULL::instance, p_facts);
    UPDATE instance i
    SET device_id = p_conflict.device_id, transfer_syntax_uid = p_conflict.transfer_syntax_uid, object_key = p_conflict.object_key,
        size_bytes = p_conflict.size_bytes, header_bytes = p_conflict.header_bytes, sha256 = p_conflict.sha256,
        arrived_at = p_conflict.arrived_at, number = facts.number, rows = facts.rows, columns = facts.columns, frames = facts.frames,
        has_pixels = facts.has_pixels, content_date_text = facts.content_date_text, content_time_text = facts.content_time_text,
        view_position = facts.view_position, charset_declared = facts.charset_declared, charset_used = facts.charset_used,
        charset_verdict = facts.charset_verdict
    WHERE i.instance_id = held.instance_id;
    UPDATE instance_conflict c
    SET device_id = held.device_id, transfer_syntax_uid = held.transfer_syntax_uid, object_key = held.object_key, size_bytes = held.size_bytes,
        header_bytes = held.header_bytes, sha256 = held.sha256, arrived_at = held.arrived_at
    WHERE c.conflict_id = p_conflict.conflict_id;
    UPDATE study s SET size_bytes = s.size_bytes + p_conflict.size_bytes - held.size_bytes
    FROM series e WHERE e.series_id = held.series_id AND s.study_id = e.study_id;
    INSERT INTO study_signal (study_id, site_id, kind, detail, person_id)
    SELECT e.study_id, e.site_id, 'instances', jsonb_build_object('instances', 0, 'conflict', p_conflict.public_id), doubt_person()
    FROM series e WHERE e.series_id = held.series_id;
END $$;

-- The other bytes may only take the place of an image of the same series of the same person; p_facts as conflict_decide() has them.
CREATE FUNCTION conflict_check_replace(p_held instance, p_facts jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place record;
BEGIN
    IF p_held.origin = 'own' THEN
        RAISE EXCEPTION 'cannot use the other one: this is a report of our own, and signed' USING ERRCODE = 'YQ409';
    END IF;
    IF p_held.sop_class_uid IS DISTINCT FROM p_facts ->> 'sop_class_uid' THEN
        RAISE EXCEPTION 'cannot use the other one: it is of another SOP class' USING ERRCODE = 'YQ409';
    END IF;
    SELECT e.series_instance_uid, s.study_instance_uid, c.name, c.sex, c.birth_date INTO place
    FROM series e JOIN study s USING (study_id) JOIN identity_claim c ON c.claim_id = s.claim_id WHERE e.series_id = p_held.series_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF place.study_instance_uid IS DISTINCT FROM p_facts ->> 'study_instance_uid'
       OR place.series_instance_uid IS DISTINCT FROM p_facts ->> 'series_instance_uid' THEN
        RAISE EXCEPTION 'cannot use the other one: it names another study or series; keep both as images of their own' USING ERRCODE = 'YQ409';
    END IF;
    IF yq_identity_relation(p_facts ->> 'patient_name', p_facts ->> 'patient_sex', yq_dicom_date(p_facts ->> 'patient_birth_date'),
                            place.name, place.sex, place.birth_date) = 'different' THEN
        RAISE EXCEPTION 'cannot use the other one: it names another person; keep both as images of their own' USING ERRCODE = 'YQ409';
    END IF;
END $$;

-- Only what stands in force can be undone: a later decision about the same instance goes first.
CREATE FUNCTION conflict_undo(p_conflict instance_conflict, p_held instance) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    last conflict_step;
BEGIN
    IF p_conflict.state <> 'replaced' THEN
        RETURN;
    END IF;
    SELECT * INTO STRICT last FROM conflict_step s WHERE s.conflict_id = p_conflict.conflict_id AND s.event = 'replace'
    ORDER BY s.step_id DESC LIMIT 1;
    IF last.after ->> 'object_key' IS DISTINCT FROM p_held.object_key THEN
        RAISE EXCEPTION 'cannot undo: another object took its place since; undo that first' USING ERRCODE = 'YQ409';
    END IF;
    PERFORM conflict_swap(p_conflict, last.before);
END $$;

-- One decision of a person. p_facts: of the bytes that the conflict holds (columns of instance, and what names study, series and patient), only
-- for replace; they were read under p_key, so that nobody decides about bytes that moved meanwhile. p_separate: the instance that was made of
-- them, by its key, only for separate.
CREATE FUNCTION conflict_decide(p_conflict uuid, p_event text, p_reason text, p_key text, p_facts jsonb, p_separate text)
RETURNS TABLE (site uuid, study uuid, state text) LANGUAGE plpgsql AS $$
DECLARE
    doubt  instance_conflict;
    held   instance;
    later  text;
    before jsonb;
BEGIN
    SELECT * INTO doubt FROM instance_conflict c WHERE c.public_id = p_conflict;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such conflict' USING ERRCODE = 'YQ404';
    END IF;
    IF NOT doubt_may(doubt.site_id) THEN
        RAISE EXCEPTION 'cannot do this: you are neither operator nor duty leader at its site' USING ERRCODE = 'YQ403';
    END IF;
    PERFORM doubt_check_reason(p_reason);
    SELECT * INTO STRICT held FROM instance i WHERE i.instance_id = doubt.instance_id FOR UPDATE;
    SELECT * INTO STRICT doubt FROM instance_conflict c WHERE c.public_id = p_conflict FOR UPDATE;
    SELECT t.to_state INTO later FROM state_transition t
    WHERE t.machine = 'conflict' AND t.from_state = doubt.state AND t.event = p_event AND p_event IN ('keep', 'replace', 'separate', 'undo');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'cannot do this: the conflict is %', doubt.state USING ERRCODE = 'YQ409';
    END IF;
    IF p_key IS NOT NULL AND p_key <> doubt.object_key THEN
        RAISE EXCEPTION 'cannot do this: somebody decided meanwhile; look again' USING ERRCODE = 'YQ409';
    END IF;
    before := conflict_facts(held);
    IF p_event = 'replace' THEN
        PERFORM conflict_check_replace(held, p_facts);
        PERFORM conflict_swap(doubt, p_facts);
    ELSIF p_event = 'undo' THEN
        PERFORM conflict_undo(doubt, held);
    END IF;
    SELECT * INTO STRICT held FROM instance i WHERE i.instance_id = doubt.instance_id;
    UPDATE instance_conflict c
    SET state = later, settled_at = CASE WHEN later <> 'open' THEN yq_now() END, settled_by = CASE WHEN later <> 'open' THEN doubt_person() END,
        outcome = CASE WHEN later <> 'open' THEN later ELSE '' END,
        separate_instance_id = (SELECT i.instance_id FROM instance i WHERE i.object_key = p_separate)
    WHERE c.conflict_id = doubt.conflict_id;
    INSERT INTO conflict_step (site_id, conflict_id, event, reason, before, after, made_by)
    VALUES (doubt.site_id, doubt.conflict_id, p_event, p_reason, before, conflict_facts(held), doubt_person());
    RETURN QUERY SELECT p.public_id, s.public_id, later
    FROM scope p LEFT JOIN series e ON e.series_id = held.series_id LEFT JOIN study s ON s.study_id = e.study_id
    WHERE p.scope_id = doubt.site_id;
END $$;

-- The word of a comparison. Nothing happens when the bytes were not those that were compared, or a person was first; the next round sees.
CREATE FUNCTION conflict_judge(p_conflict uuid, p_key text, p_held_key text, p_likeness text)
RETURNS TABLE (site uuid, study uuid, state text) LANGUAGE plpgsql AS $$
DECLARE
    doubt instance_conflict;
    held  instance;
    later text := CASE WHEN p_likeness = 'same' THEN 'kept' ELSE 'open' END;
BEGIN
    SELECT * INTO doubt FROM instance_conflict c WHERE c.public_id = p_conflict;
    SELECT * INTO STRICT held FROM instance i WHERE i.instance_id = doubt.instance_id FOR UPDATE;
    SELECT * INTO STRICT doubt FROM instance_conflict c WHERE c.public_id = p_conflict FOR UPDATE;
    IF doubt.state <> 'comparing' OR doubt.object_key <> p_key OR held.object_key <> p_held_key THEN
        UPDATE instance_conflict c SET compare_until = NULL WHERE c.conflict_id = doubt.conflict_id;
        RETURN;
    END IF;
    UPDATE instance_conflict c
    SET state = later, likeness = p_likeness, kind = CASE WHEN p_likeness = 'same' THEN 'reencoded' ELSE 'different' END,
        compared_at = yq_now(), compare_until = NULL, settled_at = CASE WHEN later = 'kept' THEN yq_now() END,
        outcome = CASE WHEN later = 'kept' THEN 'kept' ELSE '' END
    WHERE c.conflict_id = doubt.conflict_id;
    INSERT INTO conflict_step (site_id, conflict_id, event, reason, before, after)
    VALUES (doubt.site_id, doubt.conflict_id, CASE WHEN later = 'kept' THEN 'match' ELSE 'differ' END, p_likeness,
            conflict_facts(held), conflict_facts(held));
    RETURN QUERY SELECT p.public_id, s.public_id, later
    FROM scope p LEFT JOIN series e ON e.series_id = held.series_id LEFT JOIN study s ON s.study_id = e.study_id
    WHERE p.scope_id = doubt.site_id;
END $$;

-- ---- quarantine ----------------------------------------------------------------------------------------------------

ALTER TABLE quarantine
    ADD state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'indexed', 'closed')),
    -- What is wrong, as a code that pages have words for; reason says it as it was found.
    ADD code text NOT NULL DEFAULT 'ledger'
        CHECK (code IN ('no_site', 'sop_uid', 'mismatch', 'study_uid', 'unreadable', 'damaged', 'ledger')),
    ADD sha256 bytea CHECK (length(sha256) = 32), -- of the dataset; NULL: it was not read to its end
    ADD size_bytes bigint CHECK (size_bytes >= 0),
    ADD sop_class_uid text NOT NULL DEFAULT '', -- as announced
    ADD sop_instance_uid text NOT NULL DEFAULT '',
    ADD transfer_syntax_uid text NOT NULL DEFAULT '',
    ADD arrivals integer NOT NULL DEFAULT 1 CHECK (arrivals > 0), -- how often the same bytes came; they are kept once
    ADD last_arrived_at timestamptz,
    ADD settled_by bigint REFERENCES person;
UPDATE quarantine SET code = 'no_site' WHERE site_id IS NULL;
UPDATE quarantine SET state = CASE WHEN outcome = 'indexed' THEN 'indexed' ELSE 'closed' END WHERE settled_at IS NOT NULL;
CREATE INDEX quarantine_twin ON quarantine (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX quarantine_open ON quarantine (site_id, quarantine_id) WHERE state = 'open';

-- intake_one() says by the outcome that an object came in after all; the state follows from there.
CREATE FUNCTION quarantine_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.outcome = 'indexed' AND OLD.outcome <> 'indexed' THEN
        NEW.state := 'indexed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER quarantine_a_follow BEFORE UPDATE ON quarantine FOR EACH ROW EXECUTE FUNCTION quarantine_follow();
CREATE TRIGGER quarantine_transition BEFORE INSERT OR UPDATE ON quarantine
    FOR EACH ROW EXECUTE FUNCTION yq_check_transition('quarantine');

-- What people did about an object that could not be indexed. Corrections are facts laid over what its bytes say; the last one is in force.
CREATE TABLE quarantine_step (
    step_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id       bigint REFERENCES site, -- of the object then; NULL: of none
    quarantine_id bigint NOT NULL REFERENCES quarantine,
    ordinal       integer NOT NULL CHECK (ordinal > 0),
    event         text NOT NULL CHECK (event IN ('correct', 'retry', 'close', 'reopen')),
    reason        text NOT NULL DEFAULT '', -- of a retry: what came of it in words
    outcome       text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'stored', 'duplicate', 'conflict', 'failed')), -- of a retry
    fields        jsonb NOT NULL DEFAULT '{}', -- of a correction: by the names of intake_item
    made_by       bigint REFERENCES person, -- NULL: by the operator's command
    made_at       timestamptz NOT NULL DEFAULT yq_now(),
    UNIQUE (quarantine_id, ordinal)
);
CREATE TRIGGER quarantine_step_fixed BEFORE UPDATE OR DELETE ON quarantine_step FOR EACH ROW EXECUTE FUNCTION yq_refuse_change();

-- An object that was kept in the journal and cannot be indexed, for people to see. Idempotent by its key.
DROP FUNCTION intake_set_apart(text, uuid, uuid, text, timestamptz);
CREATE FUNCTION intake_set_apart(p_key text, p_site uuid, p_device uuid, p_code text, p_reason text, p_arrived timestamptz, p_sha256 text,
                                 p_size bigint, p_class text, p_instance text, p_syntax text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_site bigint := (SELECT s.site_id FROM scope p JOIN site s ON s.site_id = p.scope_id WHERE p.public_id = p_site);
BEGIN
    INSERT INTO quarantine (site_id, device_id, object_key, code, reason, arrived_at, sha256, size_bytes, sop_class_uid, sop_instance_uid,
                            transfer_syntax_uid)
    VALUES (v_site, (SELECT d.device_id FROM device d WHERE d.public_id = p_device), p_key, p_code, p_reason, p_arrived,
            decode(p_sha256, 'hex'), p_size, coalesce(p_class, ''), coalesce(p_instance, ''), coalesce(p_syntax, ''))
    ON CONFLICT (object_key) DO UPDATE SET reason = excluded.reason, code = excluded.code;
    IF v_site IS NOT NULL THEN
        INSERT INTO reception (object_key, site_id, outcome, arrived_at) VALUES (p_key, v_site, 'quarantined', p_arrived)
        ON CONFLICT DO NOTHING;
    END IF;
END $$;

-- The key under which the same bytes from the same device were set apart before, NULL when there is none. A modality that is refused sends the
-- same again and again; the bytes are kept once.
CREATE FUNCTION intake_apart_twin(p_key text, p_device uuid, p_sha256 text) RETURNS text LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT q.object_key FROM quarantine q LEFT JOIN device d USING (device_id)
    WHERE q.sha256 = decode(p_sha256, 'hex') AND d.public_id IS NOT DISTINCT FROM p_device
      AND NOT EXISTS (SELECT FROM quarantine own WHERE own.object_key = p_key) -- shown already, and interrupted: it is finished
    ORDER BY q.quarantine_id LIMIT 1
$$;
CREATE FUNCTION intake_apart_again(p_key text, p_arrived timestamptz) RETURNS void LANGUAGE sql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE quarantine q SET arrivals = q.arrivals + 1, last_arrived_at = greatest(coalesce(q.last_arrived_at, q.arrived_at), p_arrived)
    WHERE q.object_key = p_key
$$;

-- Locks an object that waits, for one event of its machine; the errors are those of a person.
CREATE FUNCTION quarantine_lock(p_quarantine uuid, p_state text) RETURNS quarantine LANGUAGE plpgsql AS $$
DECLARE
    doubt quarantine;
BEGIN
    SELECT * INTO doubt FROM quarantine q WHERE q.public_id = p_quarantine;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such object' USING ERRCODE = 'YQ404';
    END IF;
    IF NOT doubt_may(doubt.site_id) THEN
        RAISE EXCEPTION 'cannot do this: you are neither operator nor duty leader at its site' USING ERRCODE = 'YQ403';
    END IF;
    SELECT * INTO STRICT doubt FROM quarantine q WHERE q.public_id = p_quarantine FOR UPDATE;
    IF doubt.state <> p_state THEN
        RAISE EXCEPTION 'cannot do this: the object is %', doubt.state USING ERRCODE = 'YQ409';
    END IF;
    RETURN doubt;
END $$;

CREATE FUNCTION quarantine_note(p_doubt quarantine, p_event text, p_reason text, p_outcome text, p_fields jsonb) RETURNS integer
LANGUAGE sql AS $$
    INSERT INTO quarantine_step (site_id, quarantine_id, ordinal, event, reason, outcome, fields, made_by)
    SELECT p_doubt.site_id, p_doubt.quarantine_id, coalesce(max(s.ordinal), 0) + 1, p_event, p_reason, p_outcome, p_fields, doubt_person()
    FROM quarantine_step s WHERE s.quarantine_id = p_doubt.quarantine_id
    RETURNING ordinal
$$;

-- The corrections in force: {} when nobody made any.
CREATE FUNCTION quarantine_fields(p_quarantine bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT s.fields FROM quarantine_step s WHERE s.quarantine_id = p_quarantine AND s.event = 'correct'
                     ORDER BY s.ordinal DESC LIMIT 1), '{}')
$$;

-- How many corrections there are: who corrects says which one was seen, so that of two persons none is overwritten unseen.
CREATE FUNCTION quarantine_revision(p_quarantine bigint) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT count(*)::integer FROM quarantine_step s WHERE s.quarantine_id = p_quarantine AND s.event = 'correct'
$$;

-- p_fields replaces the corrections there were. Its site must be one where this session may act.
CREATE FUNCTION quarantine_correct(p_quarantine uuid, p_revision integer, p_fields jsonb, p_reason text)
RETURNS TABLE (site uuid, revision integer) LANGUAGE plpgsql AS $$
DECLARE
    doubt quarantine := quarantine_lock(p_quarantine, 'open');
BEGIN
    PERFORM doubt_check_reason(p_reason);
    IF quarantine_revision(doubt.quarantine_id) <> p_revision THEN
        RAISE EXCEPTION 'cannot do this: somebody corrected it meanwhile; look again' USING ERRCODE = 'YQ409';
    END IF;
    IF p_fields ? 'site' AND NOT EXISTS (SELECT FROM scope p JOIN site s ON s.site_id = p.scope_id
                                         WHERE p.public_id = (p_fields ->> 'site')::uuid AND doubt_may(s.site_id)) THEN
        RAISE EXCEPTION 'there is no such site' USING ERRCODE = 'YQ404';
    END IF;
    PERFORM quarantine_note(doubt, 'correct', p_reason, '', p_fields);
    RETURN QUERY SELECT (SELECT p.public_id FROM scope p WHERE p.scope_id = doubt.site_id), p_revision + 1;
END $$;

CREATE FUNCTION quarantine_close(p_quarantine uuid, p_is_closed boolean, p_reason text) RETURNS TABLE (site uuid) LANGUAGE plpgsql AS $$
DECLARE
    doubt quarantine := quarantine_lock(p_quarantine, CASE WHEN p_is_closed THEN 'open' ELSE 'closed' END);
BEGIN
    PERFORM doubt_check_reason(p_reason);
    UPDATE quarantine q
    SET state = CASE WHEN p_is_closed THEN 'closed' ELSE 'open' END, settled_at = CASE WHEN p_is_closed THEN yq_now() END,
        settled_by = CASE WHEN p_is_closed THEN doubt_person() END, outcome = CASE WHEN p_is_closed THEN 'closed' ELSE '' END
    WHERE q.quarantine_id = doubt.quarantine_id;
    PERFORM quarantine_note(doubt, CASE WHEN p_is_closed THEN 'close' ELSE 'reopen' END, p_reason, '', '{}');
    RETURN QUERY SELECT (SELECT p.public_id FROM scope p WHERE p.scope_id = doubt.site_id);
END $$;

-- What came of driving an object again. Behind intake_index() in its transaction; or alone with outcome failed.
CREATE FUNCTION quarantine_retried(p_quarantine uuid, p_outcome text, p_reason text) RETURNS TABLE (site uuid, study uuid, instance uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    doubt  quarantine;
    placed reception;
BEGIN
    SELECT * INTO STRICT doubt FROM quarantine q WHERE q.public_id = p_quarantine;
    SELECT * INTO placed FROM reception r WHERE r.object_key = doubt.object_key;
    IF p_outcome <> 'failed' THEN
        -- Corrected to another site: that is where it is now.
        UPDATE reception r SET site_id = i.site_id FROM instance i WHERE r.object_key = doubt.object_key AND i.instance_id = placed.instance_id;
        UPDATE quarantine q SET site_id = i.site_id, settled_by = doubt_person() FROM instance i
        WHERE q.quarantine_id = doubt.quarantine_id AND i.instance_id = placed.instance_id
        RETURNING q.* INTO doubt;
    ELSE
        UPDATE quarantine q SET reason = p_reason WHERE q.quarantine_id = doubt.quarantine_id AND q.state = 'open';
    END IF;
    PERFORM quarantine_note(doubt, 'retry', p_reason, p_outcome, '{}');
    RETURN QUERY SELECT (SELECT p.public_id FROM scope p WHERE p.scope_id = doubt.site_id), s.public_id, i.public_id
    FROM (SELECT placed.instance_id) k LEFT JOIN instance i USING (instance_id) LEFT JOIN series e ON e.series_id = i.series_id
    LEFT JOIN study s ON s.study_id = e.study_id;
END $$;

-- ---- rights --------------------------------------------------------------------------------------------------------

CREATE POLICY of_no_site_change ON quarantine FOR UPDATE TO yq_gateway
    USING (site_id IS NULL AND EXISTS (SELECT yq_role_sites(ARRAY['operator'])));

ALTER TABLE conflict_step ENABLE ROW LEVEL SECURITY;
CREATE POLICY person_sites ON conflict_step TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())));
CREATE POLICY every_site ON conflict_step TO yq_storescp, yq_router, yq_operator USING (true);
GRANT SELECT, INSERT ON conflict_step TO yq_router, yq_gateway, yq_operator;

ALTER TABLE quarantine_step ENABLE ROW LEVEL SECURITY;
CREATE POLICY person_sites ON quarantine_step TO yq_gateway
    USING (EXISTS (SELECT FROM quarantine q WHERE q.quarantine_id = quarantine_step.quarantine_id));
CREATE POLICY every_site ON quarantine_step TO yq_storescp, yq_router, yq_operator USING (true);
GRANT SELECT, INSERT ON quarantine_step TO yq_gateway, yq_operator;

REVOKE EXECUTE ON FUNCTION intake_set_apart, intake_apart_twin, intake_apart_again, intake_note_conflicts, quarantine_retried FROM PUBLIC;
GRANT EXECUTE ON FUNCTION intake_set_apart, intake_apart_twin, intake_apart_again TO yq_storescp, yq_gateway;
-- The operator's command drives objects again, too.
GRANT EXECUTE ON FUNCTION intake_index, intake_bring_in TO yq_operator;
GRANT EXECUTE ON FUNCTION intake_note_conflicts TO yq_storescp, yq_gateway, yq_operator;
GRANT EXECUTE ON FUNCTION quarantine_retried TO yq_gateway, yq_operator;
