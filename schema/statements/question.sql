-- 追问病史, and the receipt of a printed report.

-- name: question_add
-- Both clocks stand from now on.
-- $1 task
-- $2 person
-- $3 question
WITH it AS (
    UPDATE reading_task SET paused_at = coalesce(paused_at, yq_now()) WHERE public_id = $1::uuid RETURNING task_id, site_id
)
INSERT INTO task_question (site_id, task_id, question, asked_by)
SELECT it.site_id, it.task_id, normalize($3::text, NFC), (SELECT person_id FROM person WHERE public_id = $2::uuid) FROM it
RETURNING public_id::text AS question;

-- name: question_is_open
-- $1 task
SELECT EXISTS (SELECT FROM task_question q JOIN reading_task t USING (task_id)
               WHERE t.public_id = $1::uuid AND q.answered_at IS NULL) AS is_open;

-- name: question_task
-- $1 question
SELECT t.public_id::text AS task FROM task_question q JOIN reading_task t USING (task_id) WHERE q.public_id = $1::uuid;

-- name: question_answer
-- The clocks go on, unless the task is returned as well: then they wait for that answer.
-- $1 question
-- $2 person
-- $3 answer
WITH it AS (
    UPDATE task_question
    SET answer = normalize($3::text, NFC), answered_at = yq_now(),
        answered_by = (SELECT person_id FROM person WHERE public_id = $2::uuid)
    WHERE public_id = $1::uuid AND answered_at IS NULL
    RETURNING task_id
), clock AS (
    UPDATE reading_task t
    SET paused_for = t.paused_for + (yq_now() - t.paused_at), due_at = t.due_at + (yq_now() - t.paused_at), paused_at = NULL
    FROM it WHERE t.task_id = it.task_id AND t.paused_at IS NOT NULL AND t.state <> 'returned'
)
SELECT task_id FROM it;

-- name: receipt_report
-- An issued report that may be printed.
-- $1 report version
SELECT sc.public_id::text AS site, v.issued_at IS NOT NULL AS is_issued
FROM report_version v JOIN scope sc ON sc.scope_id = v.site_id
WHERE v.public_id = $1::uuid;

-- name: receipt_print
-- A fact, and how often there is one now.
-- $1 report version
-- $2 person
WITH made AS (
    INSERT INTO receipt (site_id, report_version_id, kind, person_id, at_site_id)
    SELECT v.site_id, v.report_version_id, 'printed', p.person_id, p.seat_id
    FROM report_version v, person p
    WHERE v.public_id = $1::uuid AND p.public_id = $2::uuid
    RETURNING report_version_id
)
SELECT (SELECT count(*) FROM receipt e WHERE e.report_version_id = made.report_version_id AND e.kind = 'printed') + 1 AS printed
FROM made;
