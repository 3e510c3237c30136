-- What the JSON API shows. Each statement makes the JSON of its rows (column "json"); row-level security leaves out what the
-- person may not see.

-- name: gateway_me
-- $1 person
SELECT jsonb_build_object(
           'id', p.public_id, 'account', p.account, 'name', p.name, 'title', p.title, 'language', p.language,
           'licence_number', p.licence_number,
           'institution', jsonb_build_object('id', i.public_id, 'name', i.name),
           'seat', jsonb_build_object('id', s.public_id, 'name', s.name),
           'community', (SELECT jsonb_build_object('id', k.public_id, 'name', k.name)
                         FROM scope_membership m
                         JOIN scope_membership g ON g.child_id = m.parent_id AND g.valid @> yq_now()::date
                         JOIN scope k ON k.scope_id = g.parent_id
                         WHERE m.child_id = p.seat_id AND m.valid @> yq_now()::date LIMIT 1),
           'rights', coalesce((SELECT jsonb_agg(jsonb_build_object('role', r.role, 'scope', jsonb_build_object(
                                          'id', c.public_id, 'kind', c.kind, 'name', c.name)) ORDER BY r.role, c.name)
                               FROM person_right r JOIN scope c USING (scope_id)
                               WHERE r.person_id = p.person_id AND r.revoked_at IS NULL), '[]')) AS json
FROM person p
JOIN scope i ON i.scope_id = p.institution_id
JOIN scope s ON s.scope_id = p.seat_id
WHERE p.public_id = $1::uuid;

-- name: gateway_study_list
-- Studies, the last that came first. First the rows of the page alone, then what belongs to each; the places in the queues at once.
-- $1 state, or NULL
-- $2 site, or NULL
-- $3 day of arrival, or NULL
-- $4 whether a request is matched, or NULL
-- $5 these studies, or NULL
-- $6 study behind which the page begins, or NULL
-- $7 how many
-- $8 true: what waits for the site, of any day (images on their way, returned, asked, critical, a report to be called back); NULL: all
-- $9 term of a search (name_key_term()), or NULL; over all days the newest 5,000 patients that it finds
-- $10 what was typed into the search, or NULL: everybody
WITH page AS MATERIALIZED (
    SELECT st.*
    FROM study st
    WHERE ($1::text IS NULL OR st.state = $1::text)
      AND (st.state <> 'merged' OR $1::text = 'merged')
      AND ($2::uuid IS NULL OR st.site_id = (SELECT scope_id FROM scope WHERE public_id = $2::uuid))
      AND ($3::date IS NULL OR (st.first_arrival_at >= $3::date::timestamptz AND st.first_arrival_at < ($3::date + 1)::timestamptz))
      AND ($4::boolean IS NULL
           OR $4::boolean = EXISTS (SELECT FROM request_match m WHERE m.study_id = st.study_id AND m.undone_at IS NULL))
      AND ($5::uuid[] IS NULL OR st.public_id = ANY ($5::uuid[]))
      AND ($6::uuid IS NULL OR (st.first_arrival_at, st.study_id) <
                               (SELECT first_arrival_at, study_id FROM study WHERE public_id = $6::uuid))
      AND ($8::boolean IS NULL OR st.study_id IN (
               SELECT study_id FROM study WHERE state IN ('receiving', 'incomplete')
               UNION ALL SELECT study_id FROM reading_task WHERE state = 'returned'
               UNION ALL SELECT t.study_id FROM task_question q JOIN reading_task t USING (task_id)
                         WHERE q.answered_at IS NULL AND t.state NOT IN ('done', 'cancelled')
               UNION ALL SELECT study_id FROM critical_value WHERE state <> 'closed'
               UNION ALL SELECT r.study_id FROM report_recall k JOIN report_version v USING (report_version_id) JOIN report r USING (report_id)
                         WHERE k.done_at IS NULL))
      -- An array, since IN under OR would be asked of every study; and of the studies of a day each is asked, since there are few.
      AND ($10::text IS NULL
           OR ($3::date IS NULL AND st.study_id = ANY (ARRAY(SELECT f.id FROM yq_studies_found($9::text, $10::text, 5000) AS f (id))))
           OR ($3::date IS NOT NULL
               AND (starts_with(st.accession_number, upper($10::text))
                    OR EXISTS (SELECT FROM identity_key k
                               WHERE k.claim_id = st.claim_id AND k.key >= $9::text AND k.key < yq_term_end($9::text))
                    OR EXISTS (SELECT FROM request_match m JOIN request r USING (request_id) LEFT JOIN identity_key k ON k.claim_id = r.claim_id
                               WHERE m.study_id = st.study_id AND m.undone_at IS NULL
                                 AND (starts_with(r.accession_number, upper($10::text))
                                      OR (k.key >= $9::text AND k.key < yq_term_end($9::text)))))))
    ORDER BY st.first_arrival_at DESC, st.study_id DESC
    LIMIT $7::integer
), task AS MATERIALIZED (
    SELECT t.*
    FROM page CROSS JOIN LATERAL (SELECT * FROM reading_task WHERE study_id = page.study_id ORDER BY task_id DESC LIMIT 1) t
), place AS MATERIALIZED (
    SELECT * FROM yq_queue_places(ARRAY(SELECT task_id FROM task WHERE state = 'awaiting'))
), step AS (
    -- Where it is. A reader who has it, and a paper that is out, count more than the images.
    SELECT st.study_id, v.report_version_id,
           CASE WHEN f.printed_at IS NOT NULL THEN 'printed'
                WHEN v.issued_at IS NOT NULL THEN 'issued'
                WHEN t.state IN ('awaiting_review', 'reviewing') THEN 'awaiting_review'
                WHEN t.state IN ('writing', 'returned', 'cancelled') THEN t.state
                WHEN t.state = 'awaiting' AND st.state <> 'receiving' THEN 'awaiting'
                ELSE st.state END AS step,
           f.opened_at, f.printed_at
    FROM page st
    LEFT JOIN task t USING (study_id)
    LEFT JOIN LATERAL (SELECT w.report_version_id, w.issued_at FROM report r JOIN report_version w USING (report_id)
                       WHERE r.study_id = st.study_id
                       ORDER BY w.issued_at IS NOT NULL DESC, w.report_version_id DESC LIMIT 1) v ON true
    LEFT JOIN LATERAL (SELECT min(e.at) FILTER (WHERE e.kind = 'opened' AND e.at_site_id = st.site_id) AS opened_at,
                              min(e.at) FILTER (WHERE e.kind = 'printed' AND e.at_site_id = st.site_id) AS printed_at
                       FROM receipt e WHERE e.report_version_id = v.report_version_id) f ON true
)
SELECT st.public_id AS id,
       jsonb_build_object(
           'id', st.public_id, 'study_instance_uid', st.study_instance_uid, 'state', st.state, 'version', st.version,
           'site', jsonb_build_object('id', sc.public_id, 'code', si.code, 'name', sc.name),
           'patient', jsonb_build_object(
               'name', c.name, 'display_name', yq_display_name(c.name), 'id', c.typed_id, 'sex', c.sex,
               'birth_date', coalesce(c.birth_date::text, c.birth_text), 'age', st.patient_age_text,
               'keys', ARRAY(SELECT k.key FROM identity_key k WHERE k.claim_id = c.claim_id)),
           'patient_class', st.patient_class, 'reading_mode', st.reading_mode, 'modality', st.modality,
           'body_part', st.body_part, 'description', st.description, 'accession_number', st.accession_number,
           'instances', st.instance_count, 'bytes', st.size_bytes, 'unrouted_reason', st.unrouted_reason,
           'unrouted_code', st.unrouted_code, 'unrouted_detail', st.unrouted_detail,
           'hold_reason', (SELECT h.reason FROM study_hold h WHERE h.study_id = st.study_id AND h.released_at IS NULL),
           'step', s.step,
           'step_at', CASE s.step
               WHEN 'printed' THEN s.printed_at
               WHEN 'issued' THEN v.issued_at
               WHEN 'awaiting_review' THEN coalesce(t.submitted_at, t.opened_at)
               WHEN 'writing' THEN coalesce((SELECT w.claimed_at FROM workitem w WHERE w.task_id = t.task_id AND w.ended_at IS NULL),
                                            t.first_taken_at, t.opened_at)
               WHEN 'returned' THEN coalesce(back.returned_at, t.opened_at)
               WHEN 'cancelled' THEN coalesce(t.done_at, t.opened_at)
               WHEN 'awaiting' THEN greatest(t.opened_at, (SELECT max(b.answered_at) FROM task_return b WHERE b.task_id = t.task_id))
               WHEN 'complete' THEN coalesce(st.completed_at, st.last_arrival_at)
               WHEN 'incomplete' THEN st.last_arrival_at
               ELSE st.first_arrival_at END,
           'is_late', coalesce(v.issued_at IS NULL AND t.paused_at IS NULL AND t.due_at < yq_now()
                               AND t.state NOT IN ('done', 'cancelled'), false),
           'times', jsonb_build_object(
               'first_image', st.first_arrival_at, 'last_image', st.last_arrival_at, 'submitted', st.submitted_at,
               'complete', st.completed_at, 'task_opened', t.opened_at, 'taken', t.first_taken_at,
               'written', v.submitted_at, 'issued', v.issued_at, 'delivered', d.delivered_at,
               'opened', s.opened_at, 'printed', s.printed_at),
           'task', CASE WHEN t.task_id IS NOT NULL THEN
               jsonb_build_object(
                   'id', t.public_id, 'state', t.state, 'due_at', t.due_at, 'holder', h.name,
                   'place', place.place, 'expected_at', place.expected_at,
                   'open_return', CASE WHEN back.return_id IS NOT NULL THEN jsonb_build_object(
                       'id', back.public_id, 'kind', back.kind, 'reason', back.reason, 'returned_by', back_by.name,
                       'returned_at', back.returned_at) END,
                   'open_question', (SELECT yq_question_json(q) FROM task_question q
                                     WHERE q.task_id = t.task_id AND q.answered_at IS NULL
                                       AND t.state NOT IN ('done', 'cancelled'))) END,
           'report', CASE WHEN v.report_version_id IS NOT NULL THEN
               jsonb_build_object('id', v.public_id, 'state', v.state, 'version', v.version, 'kind', v.kind,
                                  'recalls', (SELECT count(*) FROM report_version w JOIN report_recall k USING (report_version_id)
                                              WHERE w.report_id = v.report_id AND k.done_at IS NULL)) END,
           'delivery', CASE WHEN d.state IS NOT NULL THEN jsonb_build_object('state', d.state) END,
           'request', CASE WHEN r.request_id IS NOT NULL THEN
               jsonb_build_object('id', r.public_id, 'accession_number', r.accession_number, 'item_name', r.item_name,
                                  'missing', to_jsonb(yq_request_missing(r))) END,
           'critical', (SELECT jsonb_build_object('id', x.public_id, 'state', x.state, 'item', x.item, 'confirm_by', x.confirm_by)
                        FROM critical_value x WHERE x.study_id = st.study_id AND x.state <> 'closed'
                        ORDER BY x.critical_value_id LIMIT 1),
           'thumbnail', CASE WHEN EXISTS (SELECT FROM series se JOIN instance n USING (series_id)
                                          WHERE se.study_id = st.study_id AND n.has_pixels AND n.origin <> 'own')
                        THEN '/api/v1/studies/' || st.public_id || '/thumbnail' END) AS json
FROM page st
JOIN step s USING (study_id)
JOIN scope sc ON sc.scope_id = st.site_id
JOIN site si ON si.site_id = st.site_id
JOIN identity_claim c ON c.claim_id = st.claim_id
LEFT JOIN task t USING (study_id)
LEFT JOIN place ON place.task_id = t.task_id
LEFT JOIN person h ON h.person_id = t.holder_id
LEFT JOIN task_return back ON back.task_id = t.task_id AND back.answered_at IS NULL
LEFT JOIN person back_by ON back_by.person_id = back.returned_by
LEFT JOIN report_version v ON v.report_version_id = s.report_version_id
LEFT JOIN LATERAL (SELECT state, delivered_at FROM delivery
                   WHERE report_version_id = v.report_version_id AND purpose = 'return'
                   ORDER BY state = 'delivered', delivery_id DESC LIMIT 1) d ON true
LEFT JOIN request_match m ON m.study_id = st.study_id AND m.undone_at IS NULL
LEFT JOIN request r ON r.request_id = m.request_id
ORDER BY st.first_arrival_at DESC, st.study_id DESC;

-- name: gateway_study
-- One study with all that hangs on it.
-- $1 study, or NULL
-- $2 the UID under which DICOMweb shows it, or NULL
WITH it AS (
    SELECT st.*, sc.public_id AS site_public_id, sc.name AS site_name, si.code AS site_code
    FROM study st JOIN scope sc ON sc.scope_id = st.site_id JOIN site si ON si.site_id = st.site_id
    WHERE st.study_id = (SELECT study_id FROM study WHERE public_id = $1::uuid
                         UNION ALL SELECT study_id FROM study WHERE shown_uid = $2::text
                         ORDER BY study_id LIMIT 1)
), tasks AS (
    SELECT t.* FROM reading_task t JOIN it USING (study_id)
    UNION ALL
    -- What was issued on a study that was merged into this one stays within reach.
    SELECT t.* FROM it JOIN study m ON m.merged_into_id = it.study_id JOIN reading_task t ON t.study_id = m.study_id AND t.state = 'done'
), versions AS (
    SELECT v.*, t.public_id AS task_public_id FROM report_version v JOIN report r USING (report_id) JOIN tasks t USING (task_id)
), sent AS (
    SELECT d.*, x.ae_title, x.name AS destination_name, x.public_id AS destination_public_id
    FROM delivery d JOIN destination x USING (destination_id)
    WHERE d.report_version_id IN (SELECT report_version_id FROM versions) OR d.study_id IN (SELECT study_id FROM it)
), receipts AS (
    SELECT e.*, p.name AS person FROM receipt e LEFT JOIN person p USING (person_id)
    WHERE e.report_version_id IN (SELECT report_version_id FROM versions)
), happened (at, event, person) AS (
    SELECT first_arrival_at, 'study.first_image', NULL::text FROM it
    UNION ALL SELECT last_arrival_at, 'study.last_image', NULL FROM it
    UNION ALL SELECT completed_at, 'study.' || state, NULL FROM it WHERE completed_at IS NOT NULL
    UNION ALL SELECT g.created_at, 'signal.' || g.kind, p.name
              FROM study_signal g JOIN it USING (study_id) LEFT JOIN person p ON p.person_id = g.person_id
              WHERE g.kind <> 'instances'
    UNION ALL SELECT opened_at, 'task.opened', NULL FROM tasks
    UNION ALL SELECT w.claimed_at, 'task.taken', p.name
              FROM workitem w JOIN tasks USING (task_id) LEFT JOIN person p ON p.person_id = w.person_id
              WHERE w.claimed_at IS NOT NULL
    UNION ALL SELECT k.returned_at, 'task.returned', p.name
              FROM task_return k JOIN tasks USING (task_id) LEFT JOIN person p ON p.person_id = k.returned_by
    UNION ALL SELECT k.answered_at, 'task.answered', p.name
              FROM task_return k JOIN tasks USING (task_id) LEFT JOIN person p ON p.person_id = k.answered_by
              WHERE k.answered_at IS NOT NULL
    UNION ALL SELECT v.submitted_at, 'report.submitted', p.name
              FROM versions v LEFT JOIN person p ON p.person_id = v.author_id WHERE v.submitted_at IS NOT NULL
    UNION ALL SELECT m.made_at, 'report.sent_back', p.name
              FROM report_remark m JOIN versions USING (report_version_id) LEFT JOIN person p ON p.person_id = m.made_by
    UNION ALL SELECT v.issued_at, 'report.issued', p.name
              FROM versions v LEFT JOIN person p ON p.person_id = coalesce(v.reviewer_id, v.author_id) WHERE v.issued_at IS NOT NULL
    UNION ALL SELECT q.asked_at, 'task.asked', p.name
              FROM task_question q JOIN tasks USING (task_id) LEFT JOIN person p ON p.person_id = q.asked_by
    UNION ALL SELECT q.answered_at, 'task.question_answered', p.name
              FROM task_question q JOIN tasks USING (task_id) LEFT JOIN person p ON p.person_id = q.answered_by
              WHERE q.answered_at IS NOT NULL
    UNION ALL SELECT m.matched_at, 'request.matched', p.name
              FROM request_match m JOIN it USING (study_id) LEFT JOIN person p ON p.person_id = m.matched_by
    UNION ALL SELECT m.undone_at, 'request.unmatched', p.name
              FROM request_match m JOIN it USING (study_id) LEFT JOIN person p ON p.person_id = m.undone_by
              WHERE m.undone_at IS NOT NULL
    UNION ALL SELECT k.made_at, 'correction.' || CASE WHEN k.undoes_id IS NULL THEN k.kind ELSE 'undo' END,
                     coalesce(p.name, k.operator)
              FROM correction_study a JOIN it USING (study_id) JOIN correction k USING (correction_id)
              LEFT JOIN person p ON p.person_id = k.made_by
              WHERE k.kind <> 'match'
    UNION ALL SELECT x.at, 'critical_value.' || x.event, p.name
              FROM critical_value k JOIN it USING (study_id)
              CROSS JOIN LATERAL (VALUES ('raise', k.raised_at, k.raised_by), ('overdue', k.overdue_at, NULL),
                                         ('read_back', k.read_back_at, k.physician_id), ('handle', k.handled_at, NULL),
                                         ('close', k.closed_at, NULL)) AS x (event, at, person_id)
              LEFT JOIN person p ON p.person_id = x.person_id
              WHERE x.at IS NOT NULL
    UNION ALL SELECT created_at, 'delivery.created', NULL FROM sent
    UNION ALL SELECT at, 'receipt.' || kind, person FROM receipts
)
SELECT it.public_id AS id, it.site_public_id AS site_id, jsonb_build_object(
    'id', it.public_id, 'study_instance_uid', it.study_instance_uid, 'shown_uid', it.shown_uid, 'state', it.state, 'version', it.version,
    'site', jsonb_build_object('id', it.site_public_id, 'code', it.site_code, 'name', it.site_name),
    'patient', (SELECT jsonb_build_object(
                    'name', c.name,
                    'display_name', CASE WHEN split_part(c.name, '=', 2) <> '' THEN replace(split_part(c.name, '=', 2), '^', '')
                                    ELSE btrim(replace(split_part(c.name, '=', 1), '^', ' ')) END,
                    'id', c.typed_id, 'issuer', c.issuer, 'sex', c.sex,
                    'birth_date', coalesce(c.birth_date::text, c.birth_text), 'age', it.patient_age_text)
                FROM identity_claim c WHERE c.claim_id = it.claim_id),
    'patient_class', it.patient_class, 'reading_mode', it.reading_mode, 'modality', it.modality, 'body_part', it.body_part,
    'description', it.description, 'accession_number', it.accession_number, 'referring_physician', it.referring_physician,
    'study_date', it.study_date_text, 'study_time', it.study_time_text,
    'instances', it.instance_count, 'bytes', it.size_bytes, 'unrouted_reason', it.unrouted_reason,
    'unrouted_code', it.unrouted_code, 'unrouted_detail', it.unrouted_detail,
    'hold_reason', (SELECT h.reason FROM study_hold h WHERE h.study_id = it.study_id AND h.released_at IS NULL),
    'rule_set_version', (SELECT n.version FROM routing_rule_set n WHERE n.rule_set_id = it.rule_set_id),
    'times', jsonb_build_object('first_image', it.first_arrival_at, 'last_image', it.last_arrival_at,
                                'submitted', it.submitted_at, 'complete', it.completed_at),
    'request', (SELECT yq_request_json(r) FROM request_match m JOIN request r USING (request_id)
                WHERE m.study_id = it.study_id AND m.undone_at IS NULL),
    'match', yq_match_json(it.study_id), 'match_decision', yq_match_decision_json(it.study_id),
    'examined_at', (SELECT yq_examined_at(x) FROM study x WHERE x.study_id = it.study_id),
    'critical_values', coalesce((SELECT jsonb_agg(yq_critical_json(k) ORDER BY k.critical_value_id)
                                 FROM critical_value k WHERE k.study_id = it.study_id), '[]'),
    'series', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'series_instance_uid', se.series_instance_uid, 'number', se.number, 'modality', se.modality, 'origin', se.origin,
            'description', se.description, 'body_part', se.body_part, 'laterality', se.laterality,
            'instances', coalesce((
                SELECT jsonb_agg(jsonb_build_object(
                    'sop_instance_uid', n.sop_instance_uid, 'sop_class_uid', n.sop_class_uid,
                    'transfer_syntax_uid', n.transfer_syntax_uid, 'number', n.number, 'rows', n.rows, 'columns', n.columns,
                    'frames', n.frames, 'bytes', n.size_bytes, 'sha256', encode(n.sha256, 'hex'), 'arrived_at', n.arrived_at,
                    'charset_verdict', n.charset_verdict,
                    'rendered', CASE WHEN n.has_pixels THEN '/dicom-web/studies/' || it.study_instance_uid || '/series/'
                        || se.series_instance_uid || '/instances/' || n.sop_instance_uid || '/rendered' END)
                    ORDER BY n.number, n.instance_id)
                FROM instance n WHERE n.series_id = se.series_id), '[]'))
            ORDER BY se.origin = 'own', se.number, se.series_id)
        FROM series se WHERE se.study_id = it.study_id AND se.instance_count > 0), '[]'),
    'merged_into', (SELECT o.public_id FROM study o WHERE o.study_id = it.merged_into_id),
    'patient_revision', it.patient_revision, 'corrected_at', it.corrected_at,
    'performed_steps', coalesce((
        SELECT jsonb_agg(jsonb_build_object('state', m.state, 'modality', m.modality, 'created_at', m.created_at, 'ended_at', m.ended_at)
                         ORDER BY m.mpps_id)
        FROM mpps m WHERE m.site_id = it.site_id AND m.study_instance_uid = it.study_instance_uid), '[]'),
    'signals', coalesce((
        SELECT jsonb_agg(jsonb_build_object('kind', g.kind, 'detail', g.detail, 'at', g.created_at, 'handled_at', g.handled_at)
                         ORDER BY g.signal_id)
        FROM study_signal g WHERE g.study_id = it.study_id), '[]'),
    'tasks', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'id', t.public_id, 'kind', t.kind, 'state', t.state, 'queue', q.name, 'rule', u.rule_key, 'rule_name', u.name,
            'covers', (SELECT v.name FROM reading_queue v WHERE v.queue_id = t.covered_queue_id),
            'study_version', t.study_version, 'opened_at', t.opened_at, 'due_at', t.due_at, 'done_at', t.done_at,
            'holder', h.name, 'author', a.name,
            'returns', coalesce((SELECT jsonb_agg(jsonb_build_object(
                                     'kind', k.kind, 'reason', k.reason, 'at', k.returned_at, 'answer', k.answer,
                                     'answered_at', k.answered_at) ORDER BY k.return_id)
                                 FROM task_return k WHERE k.task_id = t.task_id), '[]'),
            'questions', coalesce((SELECT jsonb_agg(yq_question_json(k) ORDER BY k.question_id)
                                   FROM task_question k WHERE k.task_id = t.task_id), '[]'))
            ORDER BY t.task_id)
        FROM tasks t JOIN reading_queue q USING (queue_id) LEFT JOIN routing_rule u USING (rule_id)
        LEFT JOIN person h ON h.person_id = t.holder_id LEFT JOIN person a ON a.person_id = t.author_id), '[]'),
    'reports', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'id', v.public_id, 'task_id', v.task_public_id, 'version', v.version, 'kind', v.kind, 'reason', nullif(v.reason, ''), 'state', v.state,
            'recall', (SELECT jsonb_build_object('opened_at', k.opened_at, 'done_at', k.done_at, 'done_by', o.name)
                       FROM report_recall k LEFT JOIN person o ON o.person_id = k.done_by WHERE k.report_version_id = v.report_version_id),
            'author', a.name, 'reviewer', w.name, 'submitted_at', v.submitted_at, 'issued_at', v.issued_at,
            'pdf', CASE WHEN v.submitted_at IS NOT NULL THEN '/api/v1/reports/' || v.public_id || '/pdf' END)
            ORDER BY v.report_version_id)
        FROM versions v LEFT JOIN person a ON a.person_id = v.author_id LEFT JOIN person w ON w.person_id = v.reviewer_id), '[]'),
    'deliveries', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'id', d.public_id, 'purpose', d.purpose, 'state', d.state, 'destination', d.destination_public_id,
            'ae_title', d.ae_title, 'attempts', d.attempts, 'last_error', d.last_error, 'created_at', d.created_at,
            'delivered_at', d.delivered_at) ORDER BY d.delivery_id)
        FROM sent d), '[]'),
    'receipts', coalesce((
        SELECT jsonb_agg(jsonb_build_object('kind', e.kind, 'person', e.person, 'at', e.at) ORDER BY e.receipt_id)
        FROM receipts e), '[]'),
    'timeline', (SELECT jsonb_agg(jsonb_build_object('at', at, 'event', event, 'person', person) ORDER BY at, event) FROM happened)
    ) AS json
FROM it;

-- name: gateway_study_picture
-- The object that stands for a study: the middle one of its first series with pixels.
-- $1 study
WITH pictures AS (
    SELECT n.object_key, n.frames, se.series_id, se.number AS series_number, n.number, n.instance_id, sc.public_id AS site_id
    FROM study st
    JOIN scope sc ON sc.scope_id = st.site_id
    JOIN series se ON se.study_id = st.study_id
    JOIN instance n ON n.series_id = se.series_id
    WHERE st.public_id = $1::uuid AND n.has_pixels AND n.origin <> 'own'
), first_series AS (
    SELECT series_id, count(*) AS count FROM pictures
    GROUP BY series_id, series_number ORDER BY series_number NULLS LAST, series_id LIMIT 1
)
SELECT object_key, coalesce(frames, 1) AS frames, site_id
FROM pictures JOIN first_series USING (series_id)
ORDER BY number NULLS LAST, instance_id
LIMIT 1 OFFSET (SELECT (count - 1) / 2 FROM first_series);

-- name: gateway_instance
-- The object behind a DICOMweb address.
-- $1 Study Instance UID
-- $2 Series Instance UID
-- $3 SOP Instance UID
SELECT n.object_key, n.transfer_syntax_uid, n.public_id AS id, n.sop_class_uid, n.has_pixels, coalesce(n.frames, 1) AS frames, sc.public_id AS site_id
FROM study st
JOIN scope sc ON sc.scope_id = st.site_id
JOIN series se ON se.study_id = st.study_id
JOIN instance n ON n.series_id = se.series_id
WHERE (st.shown_uid = $1::text OR st.study_instance_uid = $1::text) AND se.series_instance_uid = $2::text
  AND n.sop_instance_uid = $3::text
ORDER BY n.instance_id
LIMIT 1;

-- name: gateway_task_site
-- Where a task is, for these eyes.
-- $1 task
SELECT sc.public_id AS site_id FROM reading_task t JOIN scope sc ON sc.scope_id = t.site_id WHERE t.public_id = $1::uuid;

-- name: gateway_report
-- The task behind a report version.
-- $1 report version
SELECT t.public_id AS task_id, sc.public_id AS site_id, v.state
FROM report_version v
JOIN report r ON r.report_id = v.report_id
JOIN reading_task t ON t.task_id = r.task_id
JOIN scope sc ON sc.scope_id = v.site_id
WHERE v.public_id = $1::uuid;

-- name: gateway_sites
-- The sites that the person of this session may see.
SELECT sc.public_id AS site_id FROM yq_person_sites() AS s JOIN scope sc ON sc.scope_id = s ORDER BY sc.public_id::text COLLATE "C";

-- name: gateway_device_gauges
-- Of the devices: silence, last contact, clock.
SELECT name, labels, value FROM yq_device_gauges() ORDER BY name, labels::text;

-- name: gateway_certificate_gauges
-- Of the certificates of machines: how long they hold.
SELECT name, labels, value FROM yq_certificate_gauges() ORDER BY name, labels::text;

-- name: gateway_gauges
-- Numbers without patients, over every site: queues, deliveries, programs.
SELECT name, labels, value FROM yq_gauges() ORDER BY name, labels::text;
