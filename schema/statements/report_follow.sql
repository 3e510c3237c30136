-- What follows an issued report: 更正, 补充, and calling the earlier paper back.

-- name: report_follow
-- Begins the next version. No right, a later version, or one that is being written is an error.
-- $1 person
-- $2 report version
-- $3 correction or supplement
-- $4 reason
SELECT f.task::text AS task, f.report::text AS report, f.site::text AS site
FROM report_follow($1::uuid, $2::uuid, $3::text, $4::text) f;

-- name: report_recall_done
-- Somebody at the site called the earlier paper back. No row: no such report for these eyes. is_done: there was something, and nobody had done it.
-- $1 report version
-- $2 person
WITH done AS (
    UPDATE report_recall k SET done_at = yq_now(), done_by = p.person_id
    FROM report_version v, person p
    WHERE v.public_id = $1::uuid AND k.report_version_id = v.report_version_id AND k.done_at IS NULL AND p.public_id = $2::uuid
    RETURNING k.report_version_id
)
SELECT s.public_id::text AS site, EXISTS (SELECT FROM done) AS is_done
FROM report_version v JOIN scope s ON s.scope_id = v.site_id
WHERE v.public_id = $1::uuid;
