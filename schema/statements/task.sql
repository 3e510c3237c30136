-- Reading tasks. Every change of state goes through task_give, task_free or task_answer, behind task_lock.

-- name: task_lock
-- Locks a task and says what there is to know before a step: its state, its lease, and what this person may do with it.
-- Row-level security decides whether it is there at all.
-- $1 task
-- $2 person, or NULL
SELECT t.task_id, t.public_id::text AS task, sc.public_id::text AS site, t.state, t.study_version, s.state AS study_state,
       t.reading_mode, t.kind, t.lease_token::text AS token, coalesce(t.lease_until > yq_now(), false) AS is_leased,
       h.public_id::text AS holder, h.name AS holder_name, a.public_id::text AS author,
       coalesce(v.different_persons, true) AS different_persons,
       r.may_write AND (t.reading_mode <> 'central' OR r.is_of_lead) AS may_write,
       r.may_review AND (t.reading_mode = 'local' OR r.is_of_lead) AS may_review, r.may_lead, r.may_answer
FROM reading_task t
JOIN study s ON s.study_id = t.study_id
JOIN scope sc ON sc.scope_id = t.site_id
JOIN reading_queue q ON q.queue_id = t.queue_id
LEFT JOIN signing_policy_version v ON v.policy_id = q.policy_id AND v.in_force @> yq_now()
LEFT JOIN person h ON h.person_id = t.holder_id
LEFT JOIN person a ON a.person_id = t.author_id
CROSS JOIN LATERAL (
    SELECT yq_person_may($2::uuid, ARRAY['reporter', 'reviewer'], t.site_id) AS may_write,
           yq_person_may($2::uuid, ARRAY['reviewer'], t.site_id) AS may_review,
           yq_person_may($2::uuid, ARRAY['duty_leader'], t.site_id) AS may_lead,
           yq_person_may($2::uuid, ARRAY['radiographer', 'clinician', 'duty_leader'], t.site_id) AS may_answer,
           EXISTS (SELECT FROM person p WHERE p.public_id = $2::uuid AND q.lead_site_id IN (p.seat_id, p.institution_id))
           OR yq_person_may($2::uuid, ARRAY['reporter', 'reviewer'], q.lead_site_id) AS is_of_lead) r
WHERE t.public_id = $1::uuid
FOR UPDATE OF t;

-- name: task_may
-- What another person may do with a task that is locked: of somebody to whom it is given.
-- $1 task
-- $2 person
SELECT yq_person_may($2::uuid, ARRAY['reporter', 'reviewer'], t.site_id) AND (t.reading_mode <> 'central' OR r.is_of_lead)
           AS may_write,
       yq_person_may($2::uuid, ARRAY['reviewer'], t.site_id) AND (t.reading_mode = 'local' OR r.is_of_lead) AS may_review
FROM reading_task t
JOIN reading_queue q ON q.queue_id = t.queue_id
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM person p WHERE p.public_id = $2::uuid AND q.lead_site_id IN (p.seat_id, p.institution_id))
           OR yq_person_may($2::uuid, ARRAY['reporter', 'reviewer'], q.lead_site_id) AS is_of_lead) r
WHERE t.public_id = $1::uuid;

-- name: task_give
-- A lease on the task for somebody: take, take_review, assign, hand_over, send_back.
-- $1 task
-- $2 state that is expected
-- $3 state that follows
-- $4 person who holds it then
-- $5 token
-- $6 length of the lease in milliseconds
-- $7 whether the person becomes its author
UPDATE reading_task
SET state = $3::text,
    holder_id = (SELECT person_id FROM person WHERE public_id = $4::uuid),
    lease_token = $5::uuid,
    lease_until = yq_now() + $6::bigint * interval '1 ms',
    author_id = CASE WHEN $7::boolean THEN (SELECT person_id FROM person WHERE public_id = $4::uuid) ELSE author_id END,
    first_taken_at = coalesce(first_taken_at, yq_now())
WHERE public_id = $1::uuid AND state = $2::text
RETURNING lease_until, study_version;

-- name: task_free
-- Ends the lease: release, expire, submit, issue, return, cancel. Who submits or issues does not wait for the answer to a question any more;
-- whoever gives it back leaves the clocks as they are.
-- $1 task
-- $2 state that is expected
-- $3 state that follows
UPDATE reading_task
SET state = $3::text, holder_id = NULL, lease_token = NULL, lease_until = NULL,
    submitted_at = CASE WHEN $3::text = 'awaiting_review' AND state = 'writing' THEN yq_now() ELSE submitted_at END,
    done_at = CASE WHEN $3::text IN ('done', 'cancelled') THEN yq_now() ELSE done_at END,
    paused_for = CASE WHEN stops THEN paused_for + (yq_now() - paused_at) ELSE paused_for END,
    due_at = CASE WHEN stops THEN due_at + (yq_now() - paused_at) ELSE due_at END,
    paused_at = CASE WHEN $3::text = 'returned' THEN coalesce(paused_at, yq_now()) WHEN stops THEN NULL ELSE paused_at END
FROM (SELECT task_id AS id, paused_at IS NOT NULL AND ($3::text IN ('done', 'cancelled') OR (state = 'writing' AND $3::text = 'awaiting_review'))
                 AS stops
      FROM reading_task WHERE public_id = $1::uuid) pause
WHERE task_id = pause.id AND state = $2::text
RETURNING task_id;

-- name: task_answer
-- Back into the queue; the time that it stood still is added to both clocks. They stand on while a question is open.
-- $1 task
UPDATE reading_task t
SET state = 'awaiting',
    paused_at = CASE WHEN EXISTS (SELECT FROM task_question q WHERE q.task_id = t.task_id AND q.answered_at IS NULL) THEN yq_now() END,
    paused_for = paused_for + (yq_now() - coalesce(paused_at, yq_now())),
    due_at = due_at + (yq_now() - coalesce(paused_at, yq_now()))
WHERE public_id = $1::uuid AND state = 'returned'
RETURNING task_id;

-- name: task_renew
-- $1 task
-- $2 token
-- $3 person
-- $4 length of the lease in milliseconds
UPDATE reading_task
SET lease_until = yq_now() + $4::bigint * interval '1 ms'
WHERE public_id = $1::uuid AND lease_token = $2::uuid AND lease_until > yq_now()
  AND holder_id = (SELECT person_id FROM person WHERE public_id = $3::uuid)
RETURNING lease_until, study_version, state;

-- name: task_return_open
-- $1 task
-- $2 kind
-- $3 reason
-- $4 person
INSERT INTO task_return (site_id, task_id, kind, reason, returned_by)
SELECT t.site_id, t.task_id, $2::text, $3::text, (SELECT person_id FROM person WHERE public_id = $4::uuid)
FROM reading_task t WHERE t.public_id = $1::uuid;

-- name: task_return_answer
-- $1 task
-- $2 answer
-- $3 person
UPDATE task_return
SET answer = $2::text, answered_at = yq_now(), answered_by = (SELECT person_id FROM person WHERE public_id = $3::uuid)
WHERE task_id = (SELECT task_id FROM reading_task WHERE public_id = $1::uuid) AND answered_at IS NULL;

-- name: task_assignment_add
-- $1 task
-- $2 assign, transfer or take_over
-- $3 who had it, or NULL
-- $4 who has it now
-- $5 who decided
-- $6 reason
INSERT INTO task_assignment (site_id, task_id, kind, from_id, to_id, made_by, reason)
SELECT t.site_id, t.task_id, $2::text, (SELECT person_id FROM person WHERE public_id = $3::uuid),
       (SELECT person_id FROM person WHERE public_id = $4::uuid), (SELECT person_id FROM person WHERE public_id = $5::uuid),
       $6::text
FROM reading_task t WHERE t.public_id = $1::uuid;

-- name: task_expired
-- Locks tasks whose lease ran out, oldest first; others that work on the same list take other rows.
-- $1 at most so many
SELECT public_id::text AS task
FROM reading_task
WHERE lease_until <= yq_now()
ORDER BY lease_until
LIMIT $1::integer
FOR UPDATE SKIP LOCKED;

-- name: workitem_open
-- A new attempt, for a task that has none open.
-- $1 task
-- $2 SOP instance UID
-- $3 SCHEDULED or IN PROGRESS
-- $4 token, or NULL
-- $5 person, or NULL
INSERT INTO workitem (sop_instance_uid, site_id, task_id, state, transaction_uid, person_id, claimed_at)
SELECT $2::text, t.site_id, t.task_id, $3::text, $4::uuid, (SELECT person_id FROM person WHERE public_id = $5::uuid),
       CASE WHEN $3::text = 'IN PROGRESS' THEN yq_now() END
FROM reading_task t WHERE t.public_id = $1::uuid;

-- name: workitem_claim
-- $1 task
-- $2 token
-- $3 person
UPDATE workitem
SET state = 'IN PROGRESS', transaction_uid = $2::uuid, claimed_at = yq_now(),
    person_id = (SELECT person_id FROM person WHERE public_id = $3::uuid)
WHERE task_id = (SELECT task_id FROM reading_task WHERE public_id = $1::uuid) AND ended_at IS NULL
RETURNING workitem_id;

-- name: workitem_end
-- $1 task
-- $2 COMPLETED or CANCELED
-- $3 reason
UPDATE workitem
SET state = $2::text, reason = $3::text, ended_at = yq_now()
WHERE task_id = (SELECT task_id FROM reading_task WHERE public_id = $1::uuid) AND ended_at IS NULL;

-- name: task_next
-- Locks the task that the person should do next, of those that task_take() or task_take_review() would give: class first, inside it what
-- the person began, then priority and due time. Who asks at the same time gets another one. No row: nothing waits.
-- $1 person
-- $2 true: to write; false: to review
-- $3 queue, or NULL
-- $4 patient class, or NULL
-- $5 modality, or NULL
WITH me AS MATERIALIZED (
    SELECT person_id, seat_id, institution_id FROM person WHERE public_id = $1::uuid AND is_active
), reach AS MATERIALIZED (
    SELECT s AS site_id, bool_or(r.role = 'reviewer') AS may_review
    FROM me
    JOIN person_right r ON r.person_id = me.person_id AND r.revoked_at IS NULL
    CROSS JOIN LATERAL yq_sites_under(r.scope_id, yq_now()::date) AS s
    WHERE r.role IN ('reporter', 'reviewer')
    GROUP BY s
), queues AS MATERIALIZED (
    SELECT q.queue_id, coalesce(v.different_persons, true) AS different_persons,
           q.lead_site_id IN (me.seat_id, me.institution_id) OR q.lead_site_id IN (SELECT site_id FROM reach) AS is_of_lead
    FROM me CROSS JOIN reading_queue q
    LEFT JOIN signing_policy_version v ON v.policy_id = q.policy_id AND v.in_force @> yq_now()
    WHERE $3::uuid IS NULL OR q.public_id = $3::uuid
), kinds AS MATERIALIZED (
    SELECT k.site_id, k.modality
    FROM me CROSS JOIN (SELECT DISTINCT t.site_id, st.modality
                        FROM reading_task t JOIN study st USING (study_id)
                        WHERE t.state = CASE WHEN $2::boolean THEN 'awaiting' ELSE 'awaiting_review' END
                          AND ($5::text IS NULL OR st.modality = $5::text)
                        OFFSET 0) k
    WHERE yq_is_qualified(me.person_id, CASE WHEN $2::boolean THEN 'write' ELSE 'review' END, k.modality, k.site_id, yq_now()::date)
)
SELECT t.public_id::text AS task
FROM reading_task t
JOIN study st ON st.study_id = t.study_id
JOIN reach ON reach.site_id = t.site_id
JOIN queues q ON q.queue_id = t.queue_id
JOIN kinds k ON k.site_id = t.site_id AND k.modality = st.modality
CROSS JOIN me
WHERE t.state = CASE WHEN $2::boolean THEN 'awaiting' ELSE 'awaiting_review' END
  AND st.state <> 'receiving'
  AND ($4::text IS NULL OR t.patient_class = $4::text)
  AND CASE WHEN $2::boolean THEN t.reading_mode <> 'central' OR q.is_of_lead
      ELSE reach.may_review AND (t.reading_mode = 'local' OR q.is_of_lead)
           AND NOT (q.different_persons AND t.author_id IS NOT DISTINCT FROM me.person_id) END
ORDER BY CASE t.patient_class WHEN 'emergency' THEN 0 WHEN 'health_check' THEN 2 ELSE 1 END,
         (t.author_id IS NOT DISTINCT FROM me.person_id) DESC, t.priority DESC, t.due_at NULLS LAST, t.task_id
LIMIT 1
FOR UPDATE OF t SKIP LOCKED;
