-- What yqctl shows: lists that stream, and what is not settled yet.

-- name: list_studies
-- $1 site, or NULL
-- $2 state, or NULL
-- $3 term of a search for patients (name_key_term()), or NULL
-- $4 what was typed into the search, or NULL: everybody
SELECT st.study_instance_uid, c.name AS patient_name, s.name AS site, st.state, st.instance_count AS instances,
       st.size_bytes AS bytes, st.public_id AS id, t.code AS site_code, c.typed_id AS patient_id, st.modality, st.patient_class,
       st.accession_number, st.version, st.reading_mode, st.unrouted_reason,
       st.first_arrival_at, st.last_arrival_at, st.submitted_at, st.completed_at,
       r.state AS task_state, r.public_id AS task_id
FROM study st
JOIN site t USING (site_id)
JOIN scope s ON s.scope_id = st.site_id
JOIN identity_claim c USING (claim_id)
LEFT JOIN LATERAL (SELECT k.state, k.public_id FROM reading_task k WHERE k.study_id = st.study_id
                   ORDER BY k.task_id DESC LIMIT 1) AS r ON true
WHERE ($1::bigint IS NULL OR st.site_id = $1::bigint) AND ($2::text IS NULL OR st.state = $2::text)
  AND ($4::text IS NULL OR st.study_id = ANY (ARRAY(SELECT f.id FROM yq_studies_found($3::text, $4::text, NULL) AS f (id))))
ORDER BY st.study_id;

-- name: list_study_find
-- $1 public id or Study Instance UID
SELECT st.public_id AS id, s.name AS site FROM study st JOIN scope s ON s.scope_id = st.site_id
WHERE st.study_instance_uid = $1::text OR st.public_id::text = lower($1::text)
ORDER BY st.study_id
LIMIT 20;

-- name: list_study_show
-- $1 public id
SELECT st.study_instance_uid, c.name AS patient_name, s.name AS site, st.state, st.instance_count AS instances,
       st.size_bytes AS bytes, st.public_id AS id, t.code AS site_code, c.typed_id AS patient_id, c.sex AS patient_sex,
       c.birth_text AS patient_birth_date, st.modality, st.body_part, st.description, st.patient_class, st.accession_number,
       st.version, st.reading_mode, st.unrouted_reason, t_rules.version AS rule_set_version, o.reason AS hold_reason, o.held_at, d.calling_ae AS device,
       st.study_date_text AS study_date, st.study_time_text AS study_time,
       st.first_arrival_at, st.last_arrival_at, st.submitted_at, st.completed_at, st.due_at,
       coalesce((SELECT jsonb_agg(jsonb_build_object('series_instance_uid', e.series_instance_uid, 'modality', e.modality,
                                                     'origin', e.origin, 'instances', e.instance_count, 'description', e.description,
                                                     'institution', e.institution)
                                  ORDER BY e.series_id)
                 FROM series e WHERE e.study_id = st.study_id AND e.instance_count > 0), '[]') AS series,
       (SELECT o.public_id FROM study o WHERE o.study_id = st.merged_into_id) AS merged_into,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', k.public_id, 'state', k.state, 'queue', q.name, 'kind', k.kind,
                                                     'covers', (SELECT v.name FROM reading_queue v WHERE v.queue_id = k.covered_queue_id),
                                                     'rule', u.rule_key, 'rule_name', u.name, 'reading_mode', k.reading_mode, 'opened_at', k.opened_at)
                                  ORDER BY k.task_id)
                 FROM reading_task k JOIN reading_queue q USING (queue_id) LEFT JOIN routing_rule u USING (rule_id)
                 WHERE k.study_id = st.study_id), '[]') AS tasks,
       coalesce((SELECT jsonb_agg(jsonb_build_object('at', r.decided_at, 'cause', r.cause, 'outcome', r.outcome, 'rule_set_version', n.version,
                                                     'queue', q.name, 'reading_mode', r.reading_mode, 'priority', r.priority, 'reason', r.reason)
                                  ORDER BY r.routing_id)
                 FROM study_routing r JOIN routing_rule_set n USING (rule_set_id) LEFT JOIN reading_queue q USING (queue_id)
                 WHERE r.study_id = st.study_id), '[]') AS routings,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', v.public_id, 'version', v.version, 'kind', v.kind, 'state', v.state,
                                                     'issued_at', v.issued_at) ORDER BY v.report_version_id)
                 FROM report o JOIN report_version v USING (report_id) WHERE o.study_id = st.study_id), '[]') AS reports,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', y.public_id, 'state', y.state, 'destination', z.ae_title,
                                                     'delivered_at', y.delivered_at) ORDER BY y.delivery_id)
                 FROM report o JOIN report_version v USING (report_id) JOIN delivery y USING (report_version_id)
                 JOIN destination z USING (destination_id) WHERE o.study_id = st.study_id), '[]') AS deliveries
FROM study st
JOIN site t USING (site_id)
JOIN scope s ON s.scope_id = st.site_id
JOIN identity_claim c USING (claim_id)
LEFT JOIN device d USING (device_id)
LEFT JOIN routing_rule_set t_rules USING (rule_set_id)
LEFT JOIN study_hold o ON o.study_id = st.study_id AND o.released_at IS NULL
WHERE st.public_id = $1::uuid;

-- name: list_instances
-- $1 Study Instance UID or public id of a study, or NULL
SELECT i.sop_instance_uid, i.sop_class_uid, i.transfer_syntax_uid, i.size_bytes, i.sha256, i.origin,
       st.study_instance_uid, e.series_instance_uid, e.modality, i.number, i.frames, s.name AS site, i.public_id AS id, i.arrived_at
FROM instance i
JOIN scope s ON s.scope_id = i.site_id
LEFT JOIN series e USING (series_id)
LEFT JOIN study st USING (study_id)
WHERE $1::text IS NULL OR st.study_instance_uid = $1::text OR st.public_id::text = lower($1::text)
ORDER BY i.instance_id;

-- name: list_tasks
-- $1 state, or NULL
SELECT k.public_id AS id, k.state, s.name AS site, st.study_instance_uid, st.modality, k.patient_class, k.kind, k.reading_mode,
       k.priority, q.name AS queue, u.rule_key AS rule, h.account AS holder, k.lease_until, a.account AS author,
       k.study_version, st.state AS study_state, k.opened_at, k.due_at, k.first_taken_at, k.submitted_at, k.done_at,
       st.public_id AS study_id
FROM reading_task k
JOIN study st USING (study_id)
JOIN scope s ON s.scope_id = k.site_id
JOIN reading_queue q USING (queue_id)
LEFT JOIN routing_rule u USING (rule_id)
LEFT JOIN person h ON h.person_id = k.holder_id
LEFT JOIN person a ON a.person_id = k.author_id
WHERE $1::text IS NULL OR k.state = $1::text
ORDER BY k.task_id;

-- name: list_conflicts
SELECT c.public_id AS id, i.sop_instance_uid, s.name AS site, c.kind, c.state, c.likeness, c.arrived_at, c.settled_at, c.outcome, c.size_bytes, c.sha256,
       i.sha256 AS first_sha256
FROM instance_conflict c JOIN instance i USING (instance_id) JOIN scope s ON s.scope_id = c.site_id
ORDER BY c.conflict_id;

-- name: list_quarantine
SELECT q.public_id AS id, s.name AS site, d.calling_ae AS device, q.code, q.reason, q.state, q.arrived_at, q.arrivals, q.settled_at, q.outcome,
       q.object_key
FROM quarantine q LEFT JOIN scope s ON s.scope_id = q.site_id LEFT JOIN device d USING (device_id)
ORDER BY q.quarantine_id;

-- ---- status --------------------------------------------------------------------------------------------------------

-- name: status_programs
-- Programs that gave a sign of life within the time, or are the last of their kind to have given one.
-- $1 silence after which one counts as away, milliseconds
SELECT program, host, pid, version, started_at, seen_at, ended_at, detail,
       ended_at IS NULL AND seen_at > yq_now() - $1::bigint * interval '1 ms' AS is_running
FROM program p
WHERE (ended_at IS NULL AND seen_at > yq_now() - $1::bigint * interval '1 ms')
   OR instance_id = (SELECT l.instance_id FROM program l WHERE l.program = p.program ORDER BY l.seen_at DESC LIMIT 1)
ORDER BY program, is_running DESC, instance_id;

-- name: status_ledger
SELECT (SELECT max(number) FROM schema_migration) AS version, current_setting('server_version') AS server,
       pg_database_size(current_database()) AS size_bytes;

-- name: status_queues
-- Everything that waits somewhere.
SELECT (SELECT count(*) FROM study_signal WHERE handled_at IS NULL) AS signals,
       (SELECT count(*) FROM study WHERE state = 'receiving') AS studies_receiving,
       (SELECT count(*) FROM study WHERE state = 'complete') AS studies_complete,
       (SELECT count(*) FROM study WHERE state = 'incomplete') AS studies_incomplete,
       (SELECT count(*) FROM study WHERE unrouted_reason <> '') AS studies_unrouted,
       (SELECT count(*) FROM study_hold WHERE released_at IS NULL) AS studies_held,
       (SELECT count(*) FROM identity_review r WHERE r.settled_at IS NULL AND NOT identity_is_moot(r)) AS identity_reviews,
       (SELECT count(*) FROM instance_conflict WHERE state = 'open') AS conflicts,
       (SELECT count(*) FROM quarantine WHERE state = 'open') AS quarantined,
       (SELECT count(*) FROM destination WHERE held_at IS NOT NULL AND is_enabled) AS destinations_held,
       (SELECT count(*) FROM report_version WHERE issued_at IS NOT NULL AND settled_at IS NULL) AS reports_unsettled;

-- name: status_states
-- How many rows of each machine are in each state that it has.
-- $1 machine: task or delivery
SELECT m.state, CASE WHEN $1::text = 'task' THEN (SELECT count(*) FROM reading_task k WHERE k.state = m.state)
                     ELSE (SELECT count(*) FROM delivery y WHERE y.state = m.state) END AS number
FROM (SELECT DISTINCT to_state AS state FROM state_transition WHERE machine = $1::text) AS m
ORDER BY m.state;

-- name: wait_open
-- What is on its way by itself and has not arrived. A study whose next look is in the future still counts: the quiet time ends by itself.
-- deliveries_held_back, whose destination a person holds or disabled, does not come to rest by itself, and is told apart for that.
-- $1 also count deliveries that wait for another try
SELECT (SELECT count(*) FROM study_signal WHERE handled_at IS NULL) AS signals,
       (SELECT count(*) FROM study WHERE state = 'receiving' AND due_at IS NOT NULL) AS studies_receiving,
       /* Offered at once, an emergency, while the word that it is whole waits for receivers to be through: the next look follows in half a second. */
       (SELECT count(*) FROM study WHERE state = 'incomplete' AND unrouted_reason = ''
          AND due_at < yq_now() + interval '1 second') AS studies_looked_at_again,
       (SELECT count(*) FROM study st WHERE st.state = 'complete' AND st.unrouted_reason = ''
          AND NOT EXISTS (SELECT FROM study_hold h WHERE h.study_id = st.study_id AND h.released_at IS NULL)
          AND NOT EXISTS (SELECT FROM reading_task k WHERE k.study_id = st.study_id)) AS studies_without_task,
       (SELECT count(*) FROM commitment WHERE state = 'waiting') AS commitments_to_judge,
       (SELECT count(*) FROM instance_conflict WHERE state = 'comparing') AS conflicts_comparing,
       (SELECT count(*) FROM report_version WHERE issued_at IS NOT NULL AND settled_at IS NULL) AS reports_without_objects,
       (SELECT count(*) FROM report_version v WHERE v.state = 'issued' AND v.settled_at IS NOT NULL
          AND NOT EXISTS (SELECT FROM delivery y WHERE y.report_version_id = v.report_version_id)
          AND EXISTS (SELECT FROM destination z WHERE z.site_id = v.site_id AND z.is_enabled AND z.wants_reports
                      AND z.created_at <= v.issued_at)) AS reports_without_deliveries,
       y.under_way AS deliveries_under_way, y.waiting AS deliveries_waiting, y.held_back AS deliveries_held_back
FROM (SELECT count(*) FILTER (WHERE d.state <> 'waiting' AND NOT h.is_held) AS under_way,
             count(*) FILTER (WHERE d.state = 'waiting' AND NOT h.is_held AND $1::boolean) AS waiting,
             count(*) FILTER (WHERE h.is_held) AS held_back
      FROM delivery d JOIN destination x USING (destination_id)
      CROSS JOIN LATERAL (SELECT d.worker IS NULL AND (NOT x.is_enabled OR x.held_at IS NOT NULL) AS is_held) AS h
      WHERE d.state IN ('pending', 'sending', 'verifying', 'waiting')) AS y;
