-- What devices said about their examinations being all there, for the page of operations; and how long it is kept.

-- name: operations_commitments
-- Storage commitments, the newest first.
-- $1 state, or NULL
-- $2 commitment behind which the page begins, or NULL
-- $3 how many
SELECT c.public_id AS id,
       jsonb_build_object(
           'id', c.public_id, 'site', jsonb_build_object('id', s.public_id, 'name', s.name), 'device', coalesce(nullif(d.name, ''), d.calling_ae),
           'state', c.state, 'is_duplicate', c.is_duplicate, 'held', c.held, 'instances', c.instances, 'tries', c.tries,
           'requested_at', c.requested_at, 'judged_at', c.judged_at, 'reported_at', c.reported_at,
           'next_try_at', CASE WHEN c.state = 'judged' THEN c.next_try_at END, 'deadline_at', c.deadline_at,
           'last_error', nullif(c.last_error, ''), 'transaction_uid', c.transaction_uid) AS json
FROM commitment c JOIN device d USING (device_id) JOIN scope s ON s.scope_id = c.site_id
WHERE ($1::text IS NULL OR c.state = $1::text)
  AND ($2::uuid IS NULL OR c.commitment_id < (SELECT commitment_id FROM commitment WHERE public_id = $2::uuid))
ORDER BY c.commitment_id DESC
LIMIT $3::integer;

-- name: operations_steps
-- Performed procedure steps, the newest first. here: of the objects that it names, those that we have.
-- $1 state, or NULL
-- $2 step behind which the page begins, or NULL
-- $3 how many
SELECT m.public_id AS id,
       jsonb_build_object(
           'id', m.public_id, 'site', jsonb_build_object('id', s.public_id, 'name', s.name), 'device', coalesce(nullif(d.name, ''), d.calling_ae),
           'state', m.state, 'modality', m.modality, 'series', m.series, 'named', n.named, 'here', n.here, 'created_at', m.created_at,
           'ended_at', m.ended_at, 'study_id', (SELECT t.public_id FROM study t WHERE t.site_id = m.site_id AND t.study_instance_uid = m.study_instance_uid
                                                ORDER BY t.split_no LIMIT 1)) AS json
FROM mpps m JOIN device d USING (device_id) JOIN scope s ON s.scope_id = m.site_id
CROSS JOIN LATERAL (
    SELECT count(*) AS named, count(o.instance_id) AS here
    FROM mpps_image i LEFT JOIN instance o ON o.site_id = i.site_id AND o.sop_instance_uid = i.sop_instance_uid
    WHERE i.mpps_id = m.mpps_id) n
WHERE ($1::text IS NULL OR m.state = $1::text)
  AND ($2::uuid IS NULL OR m.mpps_id < (SELECT mpps_id FROM mpps WHERE public_id = $2::uuid))
ORDER BY m.mpps_id DESC
LIMIT $3::integer;

-- name: gateway_completion_gauges
-- Commitments and performed steps by state, over every site.
SELECT name, labels, value FROM yq_completion_gauges() ORDER BY name, labels::text;

-- name: commitment_trim
-- Forgets commitments that came to an end long ago; how many. A device that asks about one of them again is answered anew.
-- $1 age, milliseconds
-- $2 at most so many
WITH old AS MATERIALIZED (
    SELECT commitment_id FROM commitment
    WHERE state IN ('reported', 'dead') AND requested_at < yq_now() - $1::bigint * interval '1 ms'
    ORDER BY commitment_id LIMIT $2::integer FOR UPDATE SKIP LOCKED
), items AS (
    DELETE FROM commitment_item i USING old WHERE i.commitment_id = old.commitment_id
), studies AS (
    DELETE FROM commitment_study k USING old WHERE k.commitment_id = old.commitment_id
), gone AS (
    DELETE FROM commitment c USING old WHERE c.commitment_id = old.commitment_id RETURNING 1
)
SELECT count(*) AS trimmed FROM gone;
