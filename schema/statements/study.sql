-- Studies: submission, completion. Only the router moves the state.

-- name: study_may_submit
-- $1 study
-- $2 person, or NULL
SELECT sc.public_id::text AS site,
       yq_person_may($2::uuid, ARRAY['radiographer', 'duty_leader', 'reporter', 'reviewer', 'operator'], s.site_id) AS may
FROM study s JOIN scope sc ON sc.scope_id = s.site_id
WHERE s.public_id = $1::uuid;

-- name: study_signal_submit
-- $1 study
-- $2 person, or NULL
-- $3 patient class, or NULL
INSERT INTO study_signal (study_id, site_id, kind, detail, person_id)
SELECT s.study_id, s.site_id, 'submit', jsonb_strip_nulls(jsonb_build_object('patient_class', $3::text)),
       (SELECT person_id FROM person WHERE public_id = $2::uuid)
FROM study s WHERE s.public_id = $1::uuid;

-- name: study_signal_complete
-- 人工确认图像已齐, with the reason.
-- $1 study
-- $2 person, or NULL
-- $3 reason
INSERT INTO study_signal (study_id, site_id, kind, detail, person_id)
SELECT s.study_id, s.site_id, 'complete_by_hand', jsonb_build_object('reason', $3::text),
       (SELECT person_id FROM person WHERE public_id = $2::uuid)
FROM study s WHERE s.public_id = $1::uuid;

-- name: study_claim
-- Locks one study that is due or has signals that nobody has handled. Others take other studies.
-- $1 studies to leave alone
SELECT s.public_id::text AS study
FROM study s
WHERE s.study_id IN (SELECT study_id FROM study WHERE due_at <= yq_now()
                     UNION
                     SELECT study_id FROM study_signal WHERE handled_at IS NULL)
  AND s.public_id <> ALL ($1::uuid[])
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED;

-- name: study_facts
-- All that decides about a locked study. A statement of its own, so that it sees what was committed before the lock was had.
-- $1 study
SELECT sc.public_id::text AS site, s.state, s.version, s.modality, s.instance_count, s.last_arrival_at, s.first_arrival_at,
       s.cap_at, s.unrouted_reason, yq_now() AS now,
       coalesce(g.patient_class, s.patient_class) AS patient_class,
       coalesce(g.patient_class, s.patient_class) <> s.patient_class AS is_class_changed,
       coalesce(g.submitted_at, s.submitted_at) AS submitted_at, g.by_hand_at, yq_known_until() AS known_until,
       coalesce(c.has_all AND c.missing = 0, false) AS is_committed, coalesce(c.missing, 0) AS commitment_missing,
       CASE WHEN p.steps IS NULL THEN g.mpps_completed_at WHEN p.is_open OR p.missing > 0 THEN NULL
            -- A list that is here whole speaks for itself, whenever its images came.
            WHEN p.named > 0 THEN greatest(p.completed_at, s.last_arrival_at) ELSE p.completed_at END AS mpps_completed_at,
       coalesce(p.missing, 0) AS mpps_missing,
       coalesce(g.has_new_images, false) AS has_new_images, coalesce(g.open_signals, '{}')::text AS open_signals,
       -- Less what came as another study of the same request.
       coalesce((SELECT greatest(1, max(i.expected_views)
                                    - coalesce(sum((SELECT sum(o.instance_count) FROM request_match n JOIN study o USING (study_id)
                                                    WHERE n.request_id = m.request_id AND n.study_id <> m.study_id AND n.undone_at IS NULL)), 0))
                 FROM request_match m JOIN request r USING (request_id) JOIN item_code i USING (item_code_id)
                 WHERE m.study_id = s.study_id AND m.undone_at IS NULL AND i.expected_views IS NOT NULL
                 GROUP BY m.match_id), 0) AS expected_views
FROM study s
JOIN scope sc ON sc.scope_id = s.site_id
LEFT JOIN LATERAL (
    SELECT max(created_at) FILTER (WHERE kind = 'submit') AS submitted_at,
           max(created_at) FILTER (WHERE kind = 'mpps_completed') AS mpps_completed_at,
           max(created_at) FILTER (WHERE kind = 'complete_by_hand') AS by_hand_at,
           bool_or(kind = 'instances' AND handled_at IS NULL) AS has_new_images,
           array_agg(signal_id) FILTER (WHERE handled_at IS NULL) AS open_signals,
           (array_agg(detail ->> 'patient_class' ORDER BY signal_id DESC)
                FILTER (WHERE detail ->> 'patient_class' IN ('emergency', 'outpatient', 'inpatient', 'health_check')))[1]
               AS patient_class
    FROM study_signal WHERE study_id = s.study_id) g ON true
-- Commitments name objects: together all that the study has; the last one perhaps more than came.
LEFT JOIN LATERAL (
    SELECT (SELECT count(DISTINCT n.instance_id) FROM commitment_study o JOIN commitment_item i USING (commitment_id)
            JOIN instance n ON n.instance_id = i.instance_id JOIN series r USING (series_id)
            WHERE o.study_id = s.study_id AND r.study_id = s.study_id AND n.origin <> 'own') >= s.instance_count AS has_all,
           (SELECT count(DISTINCT i.sop_instance_uid) FROM commitment_item i
            WHERE i.commitment_id = max(k.commitment_id) AND i.failure_reason = x'0112'::integer
              AND NOT EXISTS (SELECT FROM instance n WHERE n.site_id = s.site_id AND n.sop_instance_uid = i.sop_instance_uid)) AS missing
    FROM commitment_study k WHERE k.study_id = s.study_id HAVING count(*) > 0) c ON true
-- Performed procedure steps of the study; a discontinued one says nothing.
LEFT JOIN LATERAL (
    SELECT nullif(count(*), 0) AS steps, bool_or(m.state = 'in_progress') AS is_open,
           max(m.ended_at) FILTER (WHERE m.state = 'completed') AS completed_at,
           sum(v.named) FILTER (WHERE m.state = 'completed') AS named, sum(v.missing) FILTER (WHERE m.state = 'completed') AS missing
    FROM mpps m
    CROSS JOIN LATERAL (
        SELECT count(*) AS named, count(*) FILTER (WHERE NOT EXISTS (
                   SELECT FROM instance n WHERE n.site_id = i.site_id AND n.sop_instance_uid = i.sop_instance_uid)) AS missing
        FROM mpps_image i WHERE i.mpps_id = m.mpps_id) v
    WHERE m.site_id = s.site_id AND m.study_instance_uid = s.study_instance_uid AND m.state <> 'discontinued') p ON true
WHERE s.public_id = $1::uuid;

-- name: study_write
-- The one place where a study changes its state.
-- $1 study
-- $2 state that is expected
-- $3 state that follows, perhaps the same
-- $4 added to the version
-- $5 patient class
-- $6 submitted at
-- $7 due at: when to look again
-- $8 cap at
UPDATE study
SET state = $3::text, version = version + $4::integer, patient_class = $5::text, submitted_at = $6::timestamptz,
    due_at = $7::timestamptz, cap_at = $8::timestamptz,
    completed_at = CASE WHEN $3::text = 'complete' THEN coalesce(completed_at, yq_now()) END
WHERE public_id = $1::uuid AND state = $2::text
RETURNING version;

-- name: study_signals_handled
-- $1 signals, an array
UPDATE study_signal SET handled_at = yq_now() WHERE signal_id = ANY ($1::bigint[]) AND handled_at IS NULL;

-- name: study_routed
-- $1 study
-- $2 reading mode, or NULL: unchanged
-- $3 why no rule took it; empty: one did, or holds it
-- $4 the same as a word
-- $5 names and days of it, JSON
-- $6 rule set that decided, or NULL: none did
UPDATE study
SET reading_mode = coalesce($2::text, reading_mode), unrouted_reason = $3::text, unrouted_code = $4::text, unrouted_detail = $5::jsonb,
    rule_set_id = coalesce($6::bigint, rule_set_id)
WHERE public_id = $1::uuid
  AND (unrouted_reason <> $3::text OR reading_mode IS DISTINCT FROM coalesce($2::text, reading_mode) OR unrouted_code <> $4::text
       OR unrouted_detail <> $5::jsonb OR rule_set_id IS DISTINCT FROM coalesce($6::bigint, rule_set_id));

-- name: limit_list
-- The turnaround limits in force that hold for the study's site, with how near their scope is.
-- $1 study
SELECT coalesce(array_position(ARRAY['community', 'grid', 'site'], sc.kind), 0) AS scope_depth, l.patient_class, l.modality,
       l.minutes, l.is_working_time
FROM study s
JOIN turnaround_limit l ON l.in_force @> yq_now()
LEFT JOIN scope sc ON sc.scope_id = l.scope_id
WHERE s.public_id = $1::uuid
  AND (l.scope_id IS NULL OR s.site_id IN (SELECT yq_sites_under(l.scope_id, yq_now()::date)));

-- name: calendar_ahead
-- The minute of the day, and which of the next 120 days are working days.
SELECT (extract(hour FROM yq_now()) * 60 + extract(minute FROM yq_now()))::integer AS minute,
       (SELECT string_agg(CASE WHEN coalesce(c.is_working, extract(isodow FROM d.day) < 6) THEN '1' ELSE '0' END, ''
                          ORDER BY d.day)
        FROM (SELECT yq_now()::date + n AS day FROM generate_series(0, 119) n) d
        LEFT JOIN calendar_day c ON c.day = d.day) AS days;

-- name: task_of_study
-- The tasks that a study has: the one under way, and whether what was read is older than the study is now; what rules did with it so far, and
-- what persons ask of them.
-- $1 study
SELECT s.forwarded_version, s.rule_set_id,
       (SELECT h.public_id::text FROM study_hold h WHERE h.study_id = s.study_id AND h.released_at IS NULL) AS hold,
       EXISTS (SELECT FROM study_signal g WHERE g.study_id = s.study_id AND g.kind = 'release' AND g.handled_at IS NULL) AS is_released,
       (SELECT g.detail ->> 'reason' FROM study_signal g WHERE g.study_id = s.study_id AND g.kind = 'reroute' AND g.handled_at IS NULL
        ORDER BY g.signal_id DESC LIMIT 1) AS reroute_reason,
       (SELECT t.public_id::text FROM reading_task t
        WHERE t.study_id = s.study_id AND t.state NOT IN ('done', 'cancelled')
        ORDER BY t.task_id DESC LIMIT 1) AS open_task,
       (SELECT t.state FROM reading_task t WHERE t.study_id = s.study_id AND t.state NOT IN ('done', 'cancelled')
        ORDER BY t.task_id DESC LIMIT 1) AS open_state,
       EXISTS (SELECT FROM reading_task t WHERE t.study_id = s.study_id AND t.state <> 'cancelled') AS has_task,
       coalesce((SELECT max(t.study_version) FROM reading_task t WHERE t.study_id = s.study_id AND t.state = 'cancelled'), 0)
           AS cancelled_version,
       coalesce((SELECT max(t.study_version) FROM reading_task t WHERE t.study_id = s.study_id AND t.state = 'done'), 0)
           AS done_version
FROM study s WHERE s.public_id = $1::uuid;

-- name: task_open
-- 加急 (the request says so) lifts above what rules can lift, inside the class.
-- $1 study
-- $2 queue
-- $3 rule
-- $4 reading mode
-- $5 priority
-- $6 minutes until it is due, or NULL
-- $7 queue that it covers, or NULL
INSERT INTO reading_task (site_id, study_id, kind, queue_id, covered_queue_id, rule_id, reading_mode, patient_class, rule_priority, priority,
                          study_version, due_at)
SELECT s.site_id, s.study_id, 'primary', q.queue_id, (SELECT queue_id FROM reading_queue WHERE public_id = $7::uuid), $3::bigint, $4::text,
       s.patient_class, $5::smallint,
       $5::smallint + CASE WHEN EXISTS (SELECT FROM request_match m JOIN request r USING (request_id)
                        WHERE m.study_id = s.study_id AND m.undone_at IS NULL AND r.is_urgent) THEN 20 ELSE 0 END,
       s.version,
       yq_now() + $6::integer * interval '1 min'
FROM study s, reading_queue q
WHERE s.public_id = $1::uuid AND q.public_id = $2::uuid
RETURNING public_id::text AS task;

-- name: task_open_recheck
-- 复核: a late image came after the issue. The queue and the mode are those of the report; it waits for the signer first.
-- $1 study
INSERT INTO reading_task (site_id, study_id, kind, queue_id, reading_mode, patient_class, priority, study_version, author_id)
SELECT s.site_id, s.study_id, 'recheck', t.queue_id, t.reading_mode, s.patient_class, t.priority, s.version,
       coalesce((SELECT v.reviewer_id FROM report r JOIN report_version v USING (report_id)
                 WHERE r.study_id = s.study_id AND v.issued_at IS NOT NULL ORDER BY v.issued_at DESC LIMIT 1), t.author_id)
FROM study s JOIN reading_task t ON t.study_id = s.study_id AND t.state = 'done'
WHERE s.public_id = $1::uuid
ORDER BY t.task_id DESC LIMIT 1
RETURNING public_id::text AS task;

-- name: task_settle_recheck
-- $1 task
-- $2 reason
-- $3 person
INSERT INTO recheck_outcome (task_id, site_id, study_version, reason, settled_by)
SELECT t.task_id, t.site_id, t.study_version, $2::text, (SELECT person_id FROM person WHERE public_id = $3::uuid)
FROM reading_task t WHERE t.public_id = $1::uuid;

-- name: task_learn
-- Open tasks learn the version of their study and its patient class.
-- $1 study
UPDATE reading_task t
SET study_version = s.version, patient_class = s.patient_class
FROM study s
WHERE s.public_id = $1::uuid AND t.study_id = s.study_id AND t.state NOT IN ('done', 'cancelled')
  AND (t.study_version <> s.version OR t.patient_class <> s.patient_class)
RETURNING t.public_id::text AS task, t.study_version, t.state;

-- name: task_reroute
-- A task that waits goes where the rules send its study now.
-- $1 study
-- $2 queue
-- $3 rule
-- $4 reading mode
-- $5 priority
-- $6 minutes until it is due, or NULL
-- $7 queue that it covers, or NULL
UPDATE reading_task t
SET covered_queue_id = (SELECT queue_id FROM reading_queue WHERE public_id = $7::uuid), rule_priority = $5::smallint,
    queue_id = (SELECT queue_id FROM reading_queue WHERE public_id = $2::uuid), rule_id = $3::bigint, reading_mode = $4::text,
    priority = $5::smallint + CASE WHEN EXISTS (SELECT FROM request_match m JOIN request r USING (request_id)
                        WHERE m.study_id = t.study_id AND m.undone_at IS NULL AND r.is_urgent) THEN 20 ELSE 0 END,
    due_at = yq_now() + $6::integer * interval '1 min'
WHERE t.study_id = (SELECT study_id FROM study WHERE public_id = $1::uuid) AND t.state = 'awaiting' AND t.kind = 'primary'
RETURNING t.public_id::text AS task;
