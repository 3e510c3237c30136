-- UPS-RS (PS3.18 chapter 11). Row-level security leaves out what the person may not see. Claims and ends are written by task.sql, behind
-- the gate of lib/domain/task_step.c.

-- name: workitem_find
-- Which task a workitem is of, and how it stands; asked again behind the lock of the task.
-- $1 SOP instance UID
SELECT t.public_id::text AS task, w.public_id::text AS workitem, w.state
FROM workitem w JOIN reading_task t USING (task_id)
WHERE w.sop_instance_uid = $1::text;

-- name: workitem_progress
-- What the performer says of how far it is; a part that it does not name stays.
-- $1 workitem
-- $2 percent as text, or NULL
-- $3 words, or NULL
UPDATE workitem
SET progress = coalesce($2::numeric, progress), progress_text = coalesce($3::text, progress_text)
WHERE public_id = $1::uuid AND state = 'IN PROGRESS'
RETURNING workitem_id;

-- name: workitem_ask_cancel
-- Notes that somebody wants it to be cancelled. No row: its performer is nobody who could be told.
-- $1 workitem
-- $2 who asks
-- $3 reason, may be empty
UPDATE workitem w
SET cancel_asked_by = (SELECT person_id FROM person WHERE public_id = $2::uuid), cancel_asked_at = yq_now(), cancel_reason = $3::text
WHERE w.public_id = $1::uuid AND w.state = 'IN PROGRESS'
  AND EXISTS (SELECT FROM reading_task t JOIN study s USING (study_id) JOIN identity_claim c USING (claim_id)
              JOIN reading_queue q ON q.queue_id = t.queue_id JOIN workitem_subscription b ON b.person_id = t.holder_id
              WHERE t.task_id = w.task_id AND (b.workitem_id = w.workitem_id OR b.workitem_id IS NULL)
                AND yq_workitem_is_told(b, w, t, s, c, q.name))
RETURNING w.workitem_id;

-- name: workitem_list
-- What is open first, the oldest of it first; then what ended, the last first. Among the few that a key finds by its index, else along the list as far as
-- the page goes.
-- $1 keys (yq_workitem_fits)
-- $2 how many
-- $3 how many are left out first
WITH near AS MATERIALIZED (
    SELECT yq_workitems_near($1::jsonb, 5000) AS ids
), found AS MATERIALIZED (
    SELECT w.workitem_id
    FROM unnest((SELECT ids FROM near)) AS n (workitem_id) JOIN workitem w USING (workitem_id) JOIN reading_task t USING (task_id)
    JOIN study s USING (study_id) JOIN identity_claim c USING (claim_id) JOIN reading_queue q ON q.queue_id = t.queue_id
    WHERE yq_workitem_fits(w, t, s, c, q.name, $1::jsonb)
    UNION ALL
    (SELECT w.workitem_id
     FROM workitem w JOIN reading_task t USING (task_id) JOIN study s USING (study_id) JOIN identity_claim c USING (claim_id)
     JOIN reading_queue q ON q.queue_id = t.queue_id
     WHERE (SELECT ids FROM near) IS NULL AND w.opened_at >= yq_workitem_from($1::jsonb) AND w.opened_at < yq_workitem_to($1::jsonb)
       AND yq_workitem_fits(w, t, s, c, q.name, $1::jsonb)
     ORDER BY w.ended_at DESC NULLS FIRST, w.opened_at, w.workitem_id
     LIMIT $2::integer + $3::integer)
), page AS MATERIALIZED (
    SELECT w.workitem_id FROM found JOIN workitem w USING (workitem_id)
    ORDER BY w.ended_at DESC NULLS FIRST, w.opened_at, w.workitem_id
    LIMIT $2::integer OFFSET $3::integer
)
SELECT s.public_id::text AS id, yq_json_workitem(w, t, s, c, q.name) AS json
FROM page JOIN workitem w USING (workitem_id) JOIN reading_task t USING (task_id) JOIN study s USING (study_id)
JOIN identity_claim c USING (claim_id) JOIN reading_queue q ON q.queue_id = t.queue_id
ORDER BY w.ended_at DESC NULLS FIRST, w.opened_at, w.workitem_id;

-- name: workitem_show
-- One workitem with what it is made of (Input Information Sequence) and what came of it (Unified Procedure Step Performed Procedure
-- Sequence).
-- $1 SOP instance UID
-- $2 where DICOMweb is, for addresses
SELECT s.public_id::text AS study, sc.public_id::text AS site_id,
       yq_json_workitem(w, t, s, c, q.name) || jsonb_build_object(
           '00404021', yq_json_items((
               SELECT jsonb_agg(jsonb_build_object(
                          '0040E020', yq_json_value('CS', 'DICOM'), '0020000D', yq_json_value('UI', s.shown_uid),
                          '0020000E', yq_json_value('UI', e.series_instance_uid),
                          '00081199', yq_json_items((
                              SELECT jsonb_agg(jsonb_build_object('00081150', yq_json_value('UI', i.sop_class_uid),
                                                                  '00081155', yq_json_value('UI', i.sop_instance_uid))
                                               ORDER BY i.number NULLS LAST, i.instance_id)
                              FROM instance i WHERE i.series_id = e.series_id AND i.origin <> 'own')),
                          '0040E025', yq_json_items(jsonb_build_array(jsonb_build_object(
                              '00081190', yq_json_value('UR', $2::text || '/studies/' || s.shown_uid || '/series/' || e.series_instance_uid)))))
                      ORDER BY e.number NULLS LAST, e.series_id)
               FROM series e
               WHERE e.study_id = s.study_id AND EXISTS (SELECT FROM instance i WHERE i.series_id = e.series_id AND i.origin <> 'own'))),
           '00741216', yq_json_items(CASE WHEN w.claimed_at IS NOT NULL THEN jsonb_build_array(jsonb_build_object(
               '00404019', yq_json_workitem_code(), '00404050', yq_json_time(w.claimed_at), '00404051', yq_json_time(w.ended_at),
               '00404035', yq_json_items((SELECT jsonb_build_array(jsonb_build_object('00404037', yq_json_name(p.name)))
                                          FROM person p WHERE p.person_id = w.person_id)),
               '00404033', yq_json_items((
                   SELECT jsonb_agg(jsonb_build_object(
                              '0040E020', yq_json_value('CS', 'DICOM'), '0020000D', yq_json_value('UI', s.shown_uid),
                              '0020000E', yq_json_value('UI', e.series_instance_uid),
                              '00081199', yq_json_items(jsonb_build_array(jsonb_build_object(
                                  '00081150', yq_json_value('UI', i.sop_class_uid), '00081155', yq_json_value('UI', i.sop_instance_uid)))))
                          ORDER BY i.instance_id)
                   FROM report r JOIN report_version v USING (report_id)
                   JOIN instance i ON i.sop_instance_uid IN (v.sr_sop_instance_uid, v.pdf_sop_instance_uid) JOIN series e USING (series_id)
                   WHERE w.state = 'COMPLETED' AND r.study_id = t.study_id AND coalesce(v.written_in_task_id, r.task_id) = t.task_id
                     AND v.issued_at IS NOT NULL)))) END)) AS json
FROM workitem w JOIN reading_task t USING (task_id) JOIN study s USING (study_id) JOIN identity_claim c USING (claim_id)
JOIN reading_queue q ON q.queue_id = t.queue_id JOIN scope sc ON sc.scope_id = w.site_id
WHERE w.sop_instance_uid = $1::text;

-- ---- subscriptions -----------------------------------------------------------------------------------------------------------------

-- name: workitem_subscriber_lock
-- Who subscribes for one person waits here for the other, before either counts: until the end of the transaction.
-- $1 person
SELECT pg_advisory_xact_lock(20261129, hashtext('subscriber ' || $1::text));

-- name: workitem_subscribe
-- Behind workitem_subscriber_lock. No row: the person has too many others.
-- $1 person
-- $2 AE title
-- $3 workitem, or NULL: the worklist
-- $4 keys of a filtered worklist
-- $5 deletion lock
INSERT INTO workitem_subscription AS b (person_id, ae_title, workitem_id, filter, is_locked)
SELECT p.person_id, $2::text, w.workitem_id, $4::jsonb, $5::boolean
FROM person p LEFT JOIN workitem w ON w.public_id = $3::uuid
WHERE p.public_id = $1::uuid
  AND (SELECT count(*) FROM workitem_subscription o
       WHERE o.person_id = p.person_id AND (o.ae_title, o.workitem_id) IS DISTINCT FROM ($2::text, w.workitem_id)) < 1000
ON CONFLICT (person_id, ae_title, workitem_id)
    DO UPDATE SET filter = excluded.filter, is_locked = excluded.is_locked, is_on = true, suspended_at = NULL
RETURNING b.public_id::text AS subscription;

-- name: workitem_forget_ended
-- What a person subscribed to by name and ended long ago.
-- $1 person
DELETE FROM workitem_subscription b USING workitem w
WHERE b.person_id = (SELECT person_id FROM person WHERE public_id = $1::uuid)
  AND w.workitem_id = b.workitem_id AND w.ended_at < yq_now() - interval '30 days';

-- name: workitem_unsubscribe_all
-- The worklist, and each workitem of it.
-- $1 person
-- $2 AE title
DELETE FROM workitem_subscription
WHERE person_id = (SELECT person_id FROM person WHERE public_id = $1::uuid) AND ae_title = $2::text;

-- name: workitem_unsubscribe
-- $1 person
-- $2 AE title
-- $3 workitem
DELETE FROM workitem_subscription
WHERE person_id = (SELECT person_id FROM person WHERE public_id = $1::uuid) AND ae_title = $2::text
  AND workitem_id = (SELECT workitem_id FROM workitem WHERE public_id = $3::uuid);

-- name: workitem_leave_out
-- Of the worklist that is subscribed to, where it is.
-- $1 person
-- $2 AE title
-- $3 workitem
INSERT INTO workitem_subscription (person_id, ae_title, workitem_id, is_on)
SELECT b.person_id, b.ae_title, (SELECT workitem_id FROM workitem WHERE public_id = $3::uuid), false
FROM workitem_subscription b
WHERE b.person_id = (SELECT person_id FROM person WHERE public_id = $1::uuid) AND b.ae_title = $2::text AND b.workitem_id IS NULL;

-- name: workitem_suspend
-- No row: the worklist is not subscribed to.
-- $1 person
-- $2 AE title
UPDATE workitem_subscription SET suspended_at = coalesce(suspended_at, yq_now())
WHERE person_id = (SELECT person_id FROM person WHERE public_id = $1::uuid) AND ae_title = $2::text AND workitem_id IS NULL
RETURNING subscription_id;

-- name: workitem_told
-- Whom an event reaches.
-- $1 workitem
-- $2 what happened: the kind of the event behind "workitem."
SELECT person::text, ae_title, report::text FROM yq_workitem_told($1::uuid, $2::text);

-- name: workitem_standing
-- How things stand, for who opens a channel or just subscribed.
-- $1 person, or NULL
-- $2 AE title, or NULL
-- $3 the subscription that was just made, or NULL
SELECT person::text, ae_title, report::text FROM yq_workitem_standing($1::uuid, $2::text, $3::uuid);
