-- The pages of the operator: destinations, what waits for a person, the audit. What waits, in numbers, is status_* in list.sql.

-- name: operations_store
-- What was received, and how much of it in the last days.
-- $1 days
SELECT objects, object_bytes, grown_bytes, grown_ms FROM yq_store_use($1::integer);

-- name: operations_certificates
-- Certificates of people of the sites where the person of this session is operator or administrator, that run out soon or have run out: of
-- each the newest. Those of people who left are not missed.
-- $1 days until then
SELECT p.name AS person, k.certificate, upper(k.valid) AS not_after,
       floor(extract(epoch FROM upper(k.valid) - yq_now()) / 86400)::integer AS days_left
FROM person p
JOIN LATERAL (SELECT certificate, valid FROM signing_key
              WHERE person_id = p.person_id AND revoked_at IS NULL ORDER BY signing_key_id DESC LIMIT 1) k ON true
WHERE p.is_active AND upper(k.valid) < yq_now() + $1::integer * interval '1 day'
  AND p.seat_id IN (SELECT yq_role_sites(ARRAY['operator', 'administrator']))
ORDER BY upper(k.valid), p.person_id
LIMIT 200;

-- name: operations_machine_certificates
-- The same of devices of those sites, and of the installation's own receivers.
-- $1 days until then
SELECT jsonb_build_object('kind', c.kind, 'person', c.name, 'subject', coalesce(c.subject, ''), 'not_after', c.not_after,
                          'days_left', floor(extract(epoch FROM c.not_after - yq_now()) / 86400)::integer) AS json
FROM yq_machine_certificates() c
WHERE c.not_after < yq_now() + $1::integer * interval '1 day'
  AND (c.site_id IS NULL OR c.site_id IN (SELECT yq_role_sites(ARRAY['operator', 'administrator'])))
ORDER BY c.not_after, c.id
LIMIT 500;

-- name: operations_identity_reviews
-- What was said of one person, or of two, and waits for somebody to say which; the newest first.
-- $1 only open ones (true), only settled ones (false), or NULL
-- $2 review behind which the page begins, or NULL
-- $3 how many
SELECT r.public_id AS id,
       jsonb_build_object(
           'id', r.public_id, 'site', jsonb_build_object('id', sc.public_id, 'name', sc.name), 'reason', r.reason,
           'opened_at', r.opened_at, 'settled_at', r.settled_at, 'outcome', r.outcome,
           'settled_by', CASE WHEN r.settled_at IS NOT NULL THEN coalesce(settler.name, said.operator) END,
           'settle_reason', CASE WHEN r.settled_at IS NOT NULL THEN said.reason END,
           'can_undo', r.settled_at IS NOT NULL AND mine.patient_id = said.to_patient_id,
           'contradictions', to_jsonb(CASE WHEN r.settled_at IS NULL THEN identity_contradictions(r)
                                      ELSE yq_identity_contradictions(mine, other) END),
           'agreements', to_jsonb(yq_identity_agreements(mine, other)), 'is_same_patient', mine.patient_id = other.patient_id,
           'claims', (
               SELECT jsonb_agg(jsonb_build_object(
                   'id', c.public_id, 'trust', c.trust, 'study_instance_uid', st.study_instance_uid,
                   'patient', jsonb_build_object(
                       'name', c.name, 'display_name', yq_display_name(c.name), 'id', c.typed_id, 'sex', c.sex, 'birth_date', coalesce(c.birth_date::text, c.birth_text),
                       'age', coalesce(st.patient_age_text, '')),
                   'source', c.source, 'claimed_at', c.created_at, 'study_id', st.public_id) ORDER BY c.claim_id = r.other_claim_id DESC)
               FROM identity_claim c
               LEFT JOIN LATERAL (SELECT s.public_id, s.study_instance_uid, s.patient_age_text FROM study s
                                  WHERE s.claim_id = c.claim_id ORDER BY s.study_id DESC LIMIT 1) st ON true
               WHERE c.claim_id IN (r.claim_id, r.other_claim_id))) AS json
FROM identity_review r
JOIN scope sc ON sc.scope_id = r.site_id
LEFT JOIN identity_claim mine ON mine.claim_id = r.claim_id
LEFT JOIN identity_claim other ON other.claim_id = r.other_claim_id
LEFT JOIN person settler ON settler.person_id = r.settled_by
LEFT JOIN LATERAL (SELECT * FROM identity_settlement k WHERE k.review_id = r.review_id AND k.undoes_id IS NULL
                   ORDER BY k.settlement_id DESC LIMIT 1) said ON true
WHERE ($1::boolean IS NULL OR (r.settled_at IS NULL) = $1::boolean)
  AND NOT (r.settled_at IS NULL AND identity_is_moot(r))
  AND ($2::uuid IS NULL OR r.review_id < (SELECT review_id FROM identity_review WHERE public_id = $2::uuid))
ORDER BY r.review_id DESC
LIMIT $3::integer;

-- name: operations_conflicts
-- Two objects under one SOP Instance UID, the newest first.
-- $1 conflict behind which the page begins, or NULL
-- $2 how many
-- $3 only those that wait (true) or that are settled (false), or NULL
SELECT c.public_id AS id,
       jsonb_build_object(
           'id', c.public_id, 'site', jsonb_build_object('id', sc.public_id, 'name', sc.name), 'sop_instance_uid', i.sop_instance_uid,
           'kind', c.kind, 'state', c.state, 'likeness', nullif(c.likeness, ''), 'arrived_at', c.arrived_at, 'settled_at', c.settled_at,
           'outcome', nullif(c.outcome, ''),
           'device', (SELECT coalesce(nullif(d.name, ''), d.calling_ae) FROM device d WHERE d.device_id = c.device_id),
           'size_bytes', c.size_bytes, 'study_id', st.public_id) AS json
FROM instance_conflict c
JOIN scope sc ON sc.scope_id = c.site_id
JOIN instance i USING (instance_id)
LEFT JOIN series e ON e.series_id = i.series_id
LEFT JOIN study st ON st.study_id = e.study_id
WHERE ($1::uuid IS NULL OR c.conflict_id < (SELECT conflict_id FROM instance_conflict WHERE public_id = $1::uuid))
  AND ($3::boolean IS NULL OR (c.state IN ('comparing', 'open')) = $3::boolean)
ORDER BY c.conflict_id DESC
LIMIT $2::integer;

-- name: operations_quarantine
-- Objects that were kept and could not be indexed, the newest first.
-- $1 object behind which the page begins, or NULL
-- $2 how many
-- $3 only those that wait (true) or that are settled (false), or NULL
SELECT q.public_id AS id,
       jsonb_build_object(
           'id', q.public_id, 'site', CASE WHEN sc.scope_id IS NOT NULL THEN jsonb_build_object('id', sc.public_id, 'name', sc.name) END,
           'device', coalesce(nullif(d.name, ''), d.calling_ae), 'code', q.code, 'reason', q.reason, 'state', q.state,
           'arrived_at', q.arrived_at, 'arrivals', q.arrivals, 'size_bytes', q.size_bytes, 'sop_class_uid', q.sop_class_uid,
           'revision', quarantine_revision(q.quarantine_id), 'may', doubt_may(q.site_id),
           'settled_at', q.settled_at, 'outcome', nullif(q.outcome, '')) AS json
FROM quarantine q
LEFT JOIN scope sc ON sc.scope_id = q.site_id
LEFT JOIN device d USING (device_id)
WHERE ($1::uuid IS NULL OR q.quarantine_id < (SELECT quarantine_id FROM quarantine WHERE public_id = $1::uuid))
  AND ($3::boolean IS NULL OR (q.state = 'open') = $3::boolean)
ORDER BY q.quarantine_id DESC
LIMIT $2::integer;

-- name: operations_audit
-- The audit as the person of this session may see it, the newest first.
-- $1 first day, or NULL
-- $2 last day, or NULL
-- $3 person, account, name or other actor, or NULL
-- $4 beginning of the action, or NULL
-- $5 subject, or NULL
-- $6 outcome, or NULL
-- $7 record behind which the page begins, or NULL
-- $8 how many
SELECT a.id,
       jsonb_build_object(
           'id', a.id, 'at', a.at, 'program', a.writer, 'action', a.action, 'actor_kind', a.actor_kind, 'actor', a.actor,
           'actor_name', a.actor_name, 'subject_kind', nullif(a.subject_kind, ''), 'subject', nullif(a.subject, ''),
           'site', CASE WHEN a.site_public_id IS NOT NULL THEN
               jsonb_build_object('id', a.site_public_id, 'name', a.site_name) END,
           'outcome', a.outcome, 'detail', a.detail) AS json
FROM audit_search($1::date::timestamptz, ($2::date + 1)::timestamptz, $3::text, $4::text, $5::text, $6::text, $7::uuid, $8::integer) a
ORDER BY a.at DESC, a.writer DESC, a.sequence DESC;
