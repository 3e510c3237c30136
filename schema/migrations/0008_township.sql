-- What the people of a site do: register and match requests, answer questions, print reports, take critical values.

-- ---- what can be registered ------------------------------------------------------------------------------------------------

ALTER TABLE item_code ADD COLUMN public_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE;

-- A starting catalogue for an installation that has none of its own. A number of views only stands where the name of the item says it.
INSERT INTO item_code (local_code, name, modality, body_part, expected_views)
SELECT v.* FROM (VALUES
    ('dr.chest-1', '胸部正位', 'DR', 'CHEST', NULL),
    ('dr.chest-2', '胸部正侧位', 'DR', 'CHEST', 2),
    ('dr.ribs-2', '肋骨正斜位', 'DR', 'RIBS', 2),
    ('dr.abdomen-erect', '腹部立位', 'DR', 'ABDOMEN', NULL),
    ('dr.abdomen-supine', '腹部卧位（KUB）', 'DR', 'ABDOMEN', NULL),
    ('dr.cspine-2', '颈椎正侧位', 'DR', 'CSPINE', 2),
    ('dr.cspine-oblique-2', '颈椎双斜位', 'DR', 'CSPINE', 2),
    ('dr.tspine-2', '胸椎正侧位', 'DR', 'TSPINE', 2),
    ('dr.lspine-2', '腰椎正侧位', 'DR', 'LSPINE', 2),
    ('dr.sspine-2', '骶尾椎正侧位', 'DR', 'SSPINE', 2),
    ('dr.pelvis-1', '骨盆正位', 'DR', 'PELVIS', NULL),
    ('dr.hip-1', '髋关节正位', 'DR', 'HIP', NULL),
    ('dr.femur-2', '股骨正侧位', 'DR', 'FEMUR', 2),
    ('dr.knee-2', '膝关节正侧位', 'DR', 'KNEE', 2),
    ('dr.leg-2', '胫腓骨正侧位', 'DR', 'LEG', 2),
    ('dr.ankle-2', '踝关节正侧位', 'DR', 'ANKLE', 2),
    ('dr.foot-2', '足正斜位', 'DR', 'FOOT', 2),
    ('dr.calcaneus-2', '跟骨侧轴位', 'DR', 'CALCANEUS', 2),
    ('dr.clavicle-1', '锁骨正位', 'DR', 'CLAVICLE', NULL),
    ('dr.shoulder-1', '肩关节正位', 'DR', 'SHOULDER', NULL),
    ('dr.humerus-2', '肱骨正侧位', 'DR', 'HUMERUS', 2),
    ('dr.elbow-2', '肘关节正侧位', 'DR', 'ELBOW', 2),
    ('dr.forearm-2', '尺桡骨正侧位', 'DR', 'FOREARM', 2),
    ('dr.wrist-2', '腕关节正侧位', 'DR', 'WRIST', 2),
    ('dr.hand-2', '手正斜位', 'DR', 'HAND', 2),
    ('dr.skull-2', '头颅正侧位', 'DR', 'SKULL', 2),
    ('dr.sinus-1', '鼻窦华氏位', 'DR', 'SINUS', NULL),
    ('ct.head', '颅脑CT平扫', 'CT', 'HEAD', NULL),
    ('ct.sinus', '鼻窦CT平扫', 'CT', 'SINUS', NULL),
    ('ct.ear', '颞骨CT平扫', 'CT', 'EAR', NULL),
    ('ct.orbit', '眼眶CT平扫', 'CT', 'ORBIT', NULL),
    ('ct.neck', '颈部CT平扫', 'CT', 'NECK', NULL),
    ('ct.chest', '胸部CT平扫', 'CT', 'CHEST', NULL),
    ('ct.chest-low-dose', '胸部低剂量CT', 'CT', 'CHEST', NULL),
    ('ct.abdomen', '上腹部CT平扫', 'CT', 'ABDOMEN', NULL),
    ('ct.abdomen-pelvis', '全腹部CT平扫', 'CT', 'ABDOMENPELVIS', NULL),
    ('ct.pelvis', '盆腔CT平扫', 'CT', 'PELVIS', NULL),
    ('ct.kidney', '泌尿系CT平扫', 'CT', 'KIDNEY', NULL),
    ('ct.cspine', '颈椎CT平扫', 'CT', 'CSPINE', NULL),
    ('ct.tspine', '胸椎CT平扫', 'CT', 'TSPINE', NULL),
    ('ct.lspine', '腰椎间盘CT平扫', 'CT', 'LSPINE', NULL),
    ('ct.knee', '膝关节CT平扫', 'CT', 'KNEE', NULL),
    ('ct.hip', '髋关节CT平扫', 'CT', 'HIP', NULL),
    ('mr.head', '头颅MR平扫', 'MR', 'HEAD', NULL),
    ('mr.head-mra', '头颅MRA', 'MR', 'HEAD', NULL),
    ('mr.cspine', '颈椎MR平扫', 'MR', 'CSPINE', NULL),
    ('mr.tspine', '胸椎MR平扫', 'MR', 'TSPINE', NULL),
    ('mr.lspine', '腰椎MR平扫', 'MR', 'LSPINE', NULL),
    ('mr.knee', '膝关节MR平扫', 'MR', 'KNEE', NULL),
    ('mr.shoulder', '肩关节MR平扫', 'MR', 'SHOULDER', NULL),
    ('mr.hip', '髋关节MR平扫', 'MR', 'HIP', NULL),
    ('mr.abdomen', '上腹部MR平扫', 'MR', 'ABDOMEN', NULL),
    ('mr.pelvis', '盆腔MR平扫', 'MR', 'PELVIS', NULL),
    ('us.abdomen', '上腹部彩超（肝胆胰脾）', 'US', 'ABDOMEN', NULL),
    ('us.kidney', '泌尿系彩超', 'US', 'KIDNEY', NULL),
    ('us.thyroid', '甲状腺彩超', 'US', 'THYROID', NULL),
    ('us.breast', '乳腺彩超', 'US', 'BREAST', NULL),
    ('us.uterus', '妇科彩超', 'US', 'UTERUS', NULL),
    ('us.fetus', '产科彩超', 'US', 'FETUS', NULL),
    ('us.prostate', '前列腺彩超', 'US', 'PROSTATE', NULL),
    ('us.heart', '心脏彩超', 'US', 'HEART', NULL),
    ('us.carotid', '颈动脉彩超', 'US', 'CAROTID', NULL),
    ('us.leg-vessels', '下肢血管彩超', 'US', 'LEG', NULL),
    ('mg.breast-4', '双乳钼靶（CC+MLO）', 'MG', 'BREAST', 4),
    ('ecg.rest-12', '常规十二导联心电图', 'ECG', 'HEART', NULL)
) AS v (local_code, name, modality, body_part, expected_views)
WHERE NOT EXISTS (SELECT FROM item_code);

-- ---- requests (申请单) ----------------------------------------------------------------------------------------------------

ALTER TABLE request ADD COLUMN modality text NOT NULL DEFAULT '';
CREATE INDEX request_day ON request (site_id, registered_at);
CREATE INDEX request_claim ON request (claim_id);

-- The running number in the 检查号 of a site and day.
CREATE TABLE request_counter (
    site_id bigint NOT NULL REFERENCES site,
    day     date NOT NULL,
    last    integer NOT NULL CHECK (last > 0),
    PRIMARY KEY (site_id, day)
);

-- A study has one request at a time. (That a request has one study, unless it is to be taken again, is for the gate of the match.)
CREATE UNIQUE INDEX request_match_study ON request_match (study_id) WHERE undone_at IS NULL;
ALTER TABLE request_match ADD COLUMN reason text NOT NULL DEFAULT '', ADD COLUMN undone_reason text NOT NULL DEFAULT '';

-- How a name is shown: the second group (in Han characters) where there is one, else the first.
CREATE FUNCTION yq_display_name(p_name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN split_part(p_name, '=', 2) <> '' THEN replace(split_part(p_name, '=', 2), '^', '')
           ELSE btrim(replace(split_part(p_name, '=', 1), '^', ' ')) END
$$;

-- What a reader will miss. A health check has no history to tell; a side is only missed where there are two.
CREATE FUNCTION yq_request_missing(r request) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(m.name ORDER BY m.place), '{}')
    FROM (VALUES
        (1, 'history', r.history = '' AND r.patient_class <> 'health_check'),
        (2, 'clinical_diagnosis', r.clinical_diagnosis = '' AND r.patient_class <> 'health_check'),
        (3, 'department', r.department = '' AND r.patient_class <> 'health_check'),
        (4, 'doctor', r.doctor = '' AND r.patient_class <> 'health_check'),
        (5, 'item_name', r.item_name = ''),
        (6, 'body_part', r.body_part = ''),
        (7, 'laterality', r.laterality = '' AND upper(r.body_part || ' ' || r.item_name) ~
            'SHOULDER|CLAVICLE|SCAPULA|HUMERUS|ARM|ELBOW|FOREARM|RADIUS|ULNA|WRIST|HAND|FINGER|HIP|FEMUR|THIGH|KNEE|LEG|TIBIA|FIBULA|ANKLE|FOOT|TOE|CALCANEUS|EXTREMITY|肩|锁骨|肱骨|肘|前臂|腕|手|指|髋|股骨|大腿|膝|小腿|踝|足|趾|跟骨')
    ) AS m (place, name, is_missing)
    WHERE m.is_missing
$$;

-- A request as the API shows it. Runs with the eyes of whoever asks.
CREATE FUNCTION yq_request_json(r request) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'id', r.public_id, 'site', jsonb_build_object('id', sc.public_id, 'name', sc.name),
        'accession_number', r.accession_number, 'request_number', r.request_number,
        'patient', jsonb_build_object(
            'name', c.name, 'display_name', yq_display_name(c.name), 'id', c.typed_id, 'sex', c.sex,
            'birth_date', coalesce(c.birth_date::text, c.birth_text), 'age', r.age_text),
        'phone', r.phone, 'patient_class', r.patient_class, 'is_urgent', r.is_urgent, 'visit_number', r.visit_number,
        'age_text', r.age_text, 'department', r.department, 'doctor', r.doctor, 'item_code_id', i.public_id,
        'item_name', r.item_name, 'modality', r.modality, 'body_part', r.body_part, 'laterality', r.laterality,
        'purpose', r.purpose, 'history', r.history, 'clinical_diagnosis', r.clinical_diagnosis, 'details', r.details,
        'missing', to_jsonb(yq_request_missing(r)), 'state', r.state, 'registered_by', p.name, 'registered_at', r.registered_at,
        'study_id', (SELECT st.public_id FROM request_match m JOIN study st USING (study_id)
                     WHERE m.request_id = r.request_id AND m.undone_at IS NULL ORDER BY m.match_id DESC LIMIT 1))
    FROM scope sc
    JOIN identity_claim c ON c.claim_id = r.claim_id
    LEFT JOIN item_code i ON i.item_code_id = r.item_code_id
    LEFT JOIN person p ON p.person_id = r.registered_by
    WHERE sc.scope_id = r.site_id
$$;

-- ---- 追问病史 ---------------------------------------------------------------------------------------------------------------

-- A question to the site; the task stays with its reader, its clock stands until the answer.
CREATE TABLE task_question (
    question_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    site_id     bigint NOT NULL,
    task_id     bigint NOT NULL,
    question    text NOT NULL CHECK (question <> '' AND length(question) <= 2000),
    asked_by    bigint NOT NULL REFERENCES person,
    asked_at    timestamptz NOT NULL DEFAULT yq_now(),
    answer      text CHECK (answer <> '' AND length(answer) <= 2000),
    answered_by bigint REFERENCES person,
    answered_at timestamptz,
    FOREIGN KEY (task_id, site_id) REFERENCES reading_task (task_id, site_id),
    CHECK ((answer IS NULL) = (answered_at IS NULL) AND (answered_by IS NULL) = (answered_at IS NULL))
);
CREATE UNIQUE INDEX task_question_one_open ON task_question (task_id) WHERE answered_at IS NULL;
CREATE INDEX task_question_task ON task_question (task_id);

CREATE FUNCTION yq_question_json(q task_question) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'id', q.public_id, 'question', q.question,
        'asked_by', (SELECT name FROM person WHERE person_id = q.asked_by), 'asked_at', q.asked_at,
        'answer', q.answer, 'answered_by', (SELECT name FROM person WHERE person_id = q.answered_by), 'answered_at', q.answered_at)
$$;

-- ---- critical values (危急值) -------------------------------------------------------------------------------------------------

CREATE INDEX critical_value_study ON critical_value (study_id);
CREATE INDEX critical_value_open ON critical_value (confirm_by) WHERE state <> 'closed';
CREATE INDEX critical_contact_value ON critical_contact (critical_value_id);
-- When the router last said that nobody confirmed in time.
ALTER TABLE critical_value ADD COLUMN overdue_at timestamptz;

CREATE FUNCTION yq_critical_json(v critical_value) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'id', v.public_id, 'study_id', st.public_id, 'site', jsonb_build_object('id', sc.public_id, 'name', sc.name),
        'patient', jsonb_build_object(
            'name', c.name, 'display_name', yq_display_name(c.name), 'id', c.typed_id, 'sex', c.sex,
            'birth_date', coalesce(c.birth_date::text, c.birth_text), 'age', st.patient_age_text),
        'modality', st.modality, 'body_part', st.body_part, 'item', v.item, 'state', v.state,
        'raised_by', (SELECT name FROM person WHERE person_id = v.raised_by), 'raised_at', v.raised_at,
        'confirm_by', v.confirm_by, 'is_overdue', v.confirm_by < coalesce(v.read_back_at, yq_now()),
        'physician_name', v.physician_name, 'read_back', v.read_back, 'read_back_at', v.read_back_at,
        'handling', v.handling, 'handled_at', v.handled_at,
        'contacts', coalesce((SELECT jsonb_agg(jsonb_build_object('contact', k.contact, 'is_physician', k.is_physician,
                                                                  'told_at', k.told_at, 'confirmed_at', k.confirmed_at)
                                               ORDER BY k.contact_id)
                              FROM critical_contact k WHERE k.critical_value_id = v.critical_value_id), '[]'))
    FROM study st
    JOIN scope sc ON sc.scope_id = v.site_id
    JOIN identity_claim c ON c.claim_id = st.claim_id
    WHERE st.study_id = v.study_id
$$;

-- ---- the queue as a site sees it ------------------------------------------------------------------------------------------

CREATE INDEX report_study ON report (study_id);
CREATE INDEX task_return_task ON task_return (task_id);
CREATE INDEX reading_task_done ON reading_task (queue_id, done_at) WHERE state = 'done';

-- Where tasks of one's own stand among all that wait in their queues, also those of other sites: numbers alone, so that it may read
-- past row-level security. The order is that of the reading room: class, priority, due time.
-- expected_at: as fast as the queue finished its tasks of the last two hours (from the first of them until now, so that a late start of the
-- day does not make it slow), after all that stands before it and all that is being written or reviewed. Unknown with fewer than four:
-- a pace made of less would be invented.
CREATE FUNCTION yq_queue_places(p_tasks bigint[]) RETURNS TABLE (task_id bigint, place integer, expected_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH asked AS MATERIALIZED (
        SELECT t.task_id, t.queue_id FROM reading_task t
        WHERE t.task_id = ANY (p_tasks) AND t.state = 'awaiting' AND t.site_id = ANY (ARRAY(SELECT yq_person_sites()))
    ), queues AS MATERIALIZED (
        SELECT DISTINCT a.queue_id FROM asked a
    ), waiting AS (
        SELECT t.task_id, t.queue_id, row_number() OVER (
                   PARTITION BY t.queue_id
                   ORDER BY CASE t.patient_class WHEN 'emergency' THEN 0 WHEN 'health_check' THEN 2 ELSE 1 END,
                            t.priority DESC, t.due_at NULLS LAST, t.task_id)::integer AS place
        FROM queues q JOIN reading_task t ON t.queue_id = q.queue_id AND t.state = 'awaiting'
    ), pace AS MATERIALIZED (
        SELECT q.queue_id, CASE WHEN d.count >= 4 AND d.first_at < yq_now() THEN (yq_now() - d.first_at) / (d.count - 1) END AS each,
               (SELECT count(*) FROM reading_task w
                WHERE w.queue_id = q.queue_id AND w.state IN ('writing', 'awaiting_review', 'reviewing')) AS in_work
        FROM queues q
        CROSS JOIN LATERAL (SELECT count(*) AS count, min(t.done_at) AS first_at FROM reading_task t
                            WHERE t.queue_id = q.queue_id AND t.state = 'done' AND t.done_at > yq_now() - interval '2 hours') d
    )
    SELECT w.task_id, w.place, yq_now() + p.each * (w.place + p.in_work)
    FROM asked a JOIN waiting w USING (task_id) JOIN pace p ON p.queue_id = w.queue_id
$$;
REVOKE ALL ON FUNCTION yq_queue_places(bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_queue_places(bigint[]) TO yq_gateway;

-- ---- rights ------------------------------------------------------------------------------------------------------------------

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['request_counter', 'task_question'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY person_sites ON %I TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())))', t);
        EXECUTE format('CREATE POLICY every_site ON %I TO yq_storescp, yq_router, yq_operator USING (true)', t);
        EXECUTE format('GRANT SELECT ON %I TO yq_router, yq_gateway, yq_operator', t);
        EXECUTE format('GRANT INSERT, UPDATE ON %I TO yq_gateway', t);
    END LOOP;
END $$;
-- The router matches by 检查号 alone, and says when nobody confirms a critical value.
GRANT INSERT ON request_match TO yq_router;
GRANT UPDATE (state) ON request TO yq_router;
GRANT UPDATE (overdue_at) ON critical_value TO yq_router;
