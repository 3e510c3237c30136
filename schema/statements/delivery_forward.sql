-- Studies that go to destinations of images.

-- name: delivery_forward_lock
-- Two who forward one study at once see each other's deliveries.
-- $1 study
SELECT study_id FROM study WHERE public_id = $1::uuid FOR NO KEY UPDATE;

-- name: delivery_forward
-- The objects of a study, as it is now, to each of these destinations that takes objects: without our own, without what came from there, without what is
-- there or in a delivery that is not cancelled. No row for a destination to which nothing is left to send.
-- $1 study
-- $2 destinations
-- $3 rank
-- $4 rule, or 0
-- $5 deadline in milliseconds, where the destination says nothing
WITH subject AS (
    SELECT s.study_id, s.site_id, s.version, k.made_at, k.kind
    FROM study s LEFT JOIN LATERAL delivery_correction_of(s.study_id) k ON true
    WHERE s.public_id = $1::uuid AND s.state <> 'merged'
), wanted AS (
    SELECT x.destination_id, x.deadline_ms, i.instance_id
    FROM subject s
    JOIN destination x ON x.public_id = ANY ($2::uuid[]) AND x.is_enabled AND x.protocol IN ('dicom', 'stow', 'link')
    JOIN series r ON r.study_id = s.study_id
    JOIN instance i ON i.series_id = r.series_id AND i.origin <> 'own'
    LEFT JOIN device v ON v.device_id = i.device_id
    WHERE NOT coalesce(delivery_is_source(x, v), false)
      AND NOT EXISTS (SELECT FROM delivery_item t JOIN delivery d USING (delivery_id)
                      WHERE t.instance_id = i.instance_id AND d.destination_id = x.destination_id
                        AND (d.state <> 'cancelled' OR t.state = 'confirmed'))
), made AS (
    INSERT INTO delivery (site_id, destination_id, purpose, study_id, study_version, rank, rule_id, deadline_at, corrected_at, correction)
    SELECT s.site_id, w.destination_id, 'forward', s.study_id, s.version, $3::smallint, nullif($4::bigint, 0),
           yq_now() + coalesce(w.deadline_ms, $5::bigint) * interval '1 ms', s.made_at, s.kind
    FROM subject s CROSS JOIN (SELECT DISTINCT destination_id, deadline_ms FROM wanted) w
    RETURNING delivery_id, public_id, site_id, destination_id
), objects AS (
    INSERT INTO delivery_item (delivery_id, site_id, instance_id)
    SELECT m.delivery_id, m.site_id, w.instance_id FROM made m JOIN wanted w USING (destination_id)
)
SELECT m.public_id::text AS delivery, s.public_id::text AS site FROM made m JOIN scope s ON s.scope_id = m.site_id;

-- name: delivery_forwarded
-- Where a study has been forwarded to, or is on its way to, by which rule and how urgent.
-- $1 study
SELECT DISTINCT ON (d.destination_id) x.public_id::text AS destination, d.rank, coalesce(d.rule_id, 0) AS rule
FROM study s JOIN delivery d ON d.study_id = s.study_id AND d.purpose = 'forward' AND d.state <> 'cancelled'
JOIN destination x ON x.destination_id = d.destination_id
WHERE s.public_id = $1::uuid
ORDER BY d.destination_id, d.delivery_id DESC;
