-- Storage commitments that we ask of destinations.

-- name: delivery_commitment_ask
-- $1 delivery
-- $2 transaction UID
-- $3 our AE title
-- $4 the peer's
INSERT INTO delivery_commitment (delivery_id, site_id, transaction_uid, our_ae, peer_ae)
SELECT delivery_id, site_id, $2::text, $3::text, $4::text FROM delivery WHERE public_id = $1::uuid;

-- name: delivery_commitment_latest
-- What was asked last, unless something was sent since then.
-- $1 delivery
SELECT c.transaction_uid, c.answered_at IS NOT NULL AS is_answered,
       (extract(epoch FROM yq_now() - c.asked_at) * 1000)::bigint AS age_ms
FROM delivery_commitment c JOIN delivery d USING (delivery_id)
WHERE d.public_id = $1::uuid
  AND c.asked_at >= (SELECT coalesce(max(i.tried_at), '-infinity') FROM delivery_item i WHERE i.delivery_id = d.delivery_id)
ORDER BY c.delivery_commitment_id DESC
LIMIT 1;

-- name: delivery_commitment_held
-- $1 transaction UID
SELECT DISTINCT uid FROM delivery_commitment, unnest(held) AS uid WHERE transaction_uid = $1::text;

-- name: delivery_commitment_answer
-- The first answer counts. No row: nothing was asked so.
-- $1 transaction UID
-- $2 who answers: AE title
-- $3 SOP instances that it holds
UPDATE delivery_commitment c
SET answered_at = coalesce(c.answered_at, yq_now()), held = coalesce(c.held, $3::text[])
WHERE c.transaction_uid = $1::text AND c.peer_ae = $2::text
RETURNING c.transaction_uid;

-- name: delivery_commitment_awaited
-- Whether an answer is awaited from somebody who calls.
-- $1 the peer's AE title
-- $2 ours
SELECT EXISTS (SELECT FROM delivery_commitment WHERE peer_ae = $1::text AND our_ae = $2::text AND answered_at IS NULL
                                                 AND asked_at > yq_now() - interval '30 days') AS is_awaited;

-- name: delivery_places
-- Where the objects of a delivery belong, series by series.
-- $1 delivery
SELECT i.sop_instance_uid AS sop, st.study_instance_uid AS study, se.series_instance_uid AS series
FROM delivery d
JOIN delivery_item x USING (delivery_id)
JOIN instance i USING (instance_id)
JOIN series se USING (series_id)
JOIN study st ON st.study_id = se.study_id
WHERE d.public_id = $1::uuid
ORDER BY st.study_instance_uid, se.series_instance_uid;
