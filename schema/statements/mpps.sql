-- Modality performed procedure steps.

-- name: mpps_create
-- No row: the site has this instance already.
-- $1 device
-- $2 SOP instance UID
-- $3 Study Instance UID, or empty
-- $4 accession number, or empty
-- $5 step id
-- $6 station AE title
-- $7 modality
-- $8 begun, as the modality says
INSERT INTO mpps (site_id, device_id, sop_instance_uid, state, study_instance_uid, accession_number, step_id, station_ae, modality,
                  started_text)
SELECT d.site_id, d.device_id, $2::text, 'in_progress', $3::text, $4::text, $5::text, $6::text, $7::text, $8::text
FROM device d WHERE d.public_id = $1::uuid
ON CONFLICT (site_id, sop_instance_uid) DO NOTHING
RETURNING public_id::text AS id;

-- name: mpps_lock
-- The step with this UID at the device's site.
-- $1 device
-- $2 SOP instance UID
SELECT m.public_id::text AS id, m.state, s.public_id::text AS site
FROM device d JOIN mpps m USING (site_id) JOIN scope s ON s.scope_id = m.site_id
WHERE d.public_id = $1::uuid AND m.sop_instance_uid = $2::text
FOR NO KEY UPDATE OF m;

-- name: mpps_set
-- What was not told stays.
-- $1 step
-- $2 state
-- $3 modality, or empty
-- $4 ended, as the modality says, or empty
-- $5 performed series, or NULL
UPDATE mpps
SET state = $2::text, modality = coalesce(nullif($3::text, ''), modality), ended_text = coalesce(nullif($4::text, ''), ended_text),
    series = coalesce($5::integer, series), changed_at = yq_now(),
    ended_at = CASE WHEN $2::text <> 'in_progress' THEN yq_now() END
WHERE public_id = $1::uuid;

-- name: mpps_forget_images
-- A list that is told anew takes the place of the one before.
-- $1 step
DELETE FROM mpps_image i USING mpps m WHERE m.public_id = $1::uuid AND i.mpps_id = m.mpps_id;

-- name: mpps_add_images
-- $1 step
-- $2 SOP instances
INSERT INTO mpps_image (mpps_id, site_id, sop_instance_uid)
SELECT DISTINCT m.mpps_id, m.site_id, u.uid FROM mpps m, unnest($2::text[]) AS u (uid) WHERE m.public_id = $1::uuid;

-- name: mpps_signal
-- Its study, if anything of it is here, is looked at.
-- $1 step
INSERT INTO study_signal (study_id, site_id, kind, detail)
SELECT t.study_id, t.site_id, 'mpps_completed', '{}'
FROM mpps m JOIN study t ON t.site_id = m.site_id AND t.study_instance_uid = m.study_instance_uid
WHERE m.public_id = $1::uuid AND m.state = 'completed';

-- name: mpps_list
-- here: of the objects that it names, those that we have.
-- $1 state, or NULL
SELECT m.public_id AS id, s.name AS site, d.calling_ae AS device, m.state, m.modality, m.accession_number, m.series, n.named, n.here,
       m.created_at, m.ended_at, m.study_instance_uid, m.sop_instance_uid
FROM mpps m JOIN device d USING (device_id) JOIN scope s ON s.scope_id = m.site_id
CROSS JOIN LATERAL (
    SELECT count(*) AS named, count(o.instance_id) AS here
    FROM mpps_image i LEFT JOIN instance o ON o.site_id = i.site_id AND o.sop_instance_uid = i.sop_instance_uid
    WHERE i.mpps_id = m.mpps_id) n
WHERE $1::text IS NULL OR m.state = $1::text
ORDER BY m.mpps_id DESC;
