-- Programs that run.

-- name: presence_beat
-- $1 id of this run
-- $2 program
-- $3 host
-- $4 process id
-- $5 version
-- $6 counters, a JSON object
INSERT INTO program (instance_id, program, host, pid, version, detail)
VALUES ($1::uuid, $2::text, $3::text, $4::integer, $5::text, $6::jsonb)
ON CONFLICT (instance_id) DO UPDATE SET seen_at = yq_now(), detail = excluded.detail;

-- name: presence_end
-- $1 id of this run
UPDATE program SET ended_at = yq_now(), seen_at = yq_now() WHERE instance_id = $1::uuid AND ended_at IS NULL;

-- name: presence_trim
-- Runs that ended, or fell silent, longer ago than this.
-- $1 milliseconds
DELETE FROM program WHERE seen_at < yq_now() - $1::bigint * interval '1 ms';
