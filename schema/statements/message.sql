-- Messages: what is sent that has no objects.

-- name: message_report
-- What the ledger has about the report of a delivery. The paper and the signed content are authoritative; this names their parts.
-- $1 delivery
SELECT d.public_id::text AS delivery, v.public_id::text AS report_version, r.public_id::text AS report,
       patient.public_id::text AS patient, q.public_id::text AS request, site.public_id::text AS site, issuer.public_id::text AS issuer,
       v.kind, v.version, v.reason, v.canonical, v.issued_at, coalesce(v.verification_code, '') AS verification_code,
       reviewer.name AS reviewer, c.name AS patient_pn, c.issuer AS patient_issuer,
       coalesce(q.request_number, '') AS request_number, coalesce(q.doctor_code, '') AS doctor_code,
       coalesce(i.local_code, '') AS item_code,
       EXISTS (SELECT FROM report_version n
               WHERE n.report_id = v.report_id AND n.version > v.version AND n.issued_at IS NOT NULL) AS is_replaced
FROM delivery d
JOIN report_version v USING (report_version_id)
JOIN report r USING (report_id)
JOIN study s ON s.study_id = r.study_id
JOIN identity_claim c ON c.claim_id = s.claim_id
JOIN patient ON patient.patient_id = c.patient_id
JOIN scope site ON site.scope_id = v.site_id
JOIN reading_task t ON t.task_id = r.task_id
JOIN reading_queue rq ON rq.queue_id = t.queue_id
JOIN scope issuer ON issuer.scope_id = rq.lead_site_id
LEFT JOIN person reviewer ON reviewer.person_id = v.reviewer_id
LEFT JOIN LATERAL (SELECT request_id FROM request_match m WHERE m.study_id = s.study_id AND m.undone_at IS NULL
                   ORDER BY m.match_id DESC LIMIT 1) m ON true
LEFT JOIN request q ON q.request_id = m.request_id
LEFT JOIN item_code i ON i.item_code_id = q.item_code_id
WHERE d.public_id = $1::uuid AND v.issued_at IS NOT NULL;

-- name: message_event
-- What happened, for a webhook: kind, time and ids, nothing about the patient.
-- $1 delivery
WITH m AS (
    SELECT public_id, site_id, message->>'kind' AS kind, (message->>'at')::timestamptz AS at, (message->>'subject')::uuid AS subject,
           split_part(message->>'kind', '.', 1) AS about
    FROM delivery WHERE public_id = $1::uuid AND message ? 'kind'
)
SELECT m.public_id::text AS delivery, m.kind, m.at, site.public_id::text AS site, code.code AS site_code,
       s.public_id::text AS study, s.study_instance_uid, nullif(s.accession_number, '') AS accession_number, t.public_id::text AS task,
       v.public_id::text AS report_version, r.public_id::text AS report, v.version, v.kind AS report_kind,
       cv.public_id::text AS critical_value
FROM m
JOIN scope site ON site.scope_id = m.site_id
JOIN site code ON code.site_id = m.site_id
LEFT JOIN report_version v ON v.public_id = CASE WHEN m.about = 'report' THEN m.subject END
LEFT JOIN report r USING (report_id)
LEFT JOIN critical_value cv ON cv.public_id = CASE WHEN m.about = 'critical_value' THEN m.subject END
LEFT JOIN LATERAL (SELECT * FROM reading_task WHERE public_id = CASE WHEN m.about = 'task' THEN m.subject END
                   UNION ALL SELECT * FROM reading_task WHERE task_id = r.task_id) t ON true
LEFT JOIN LATERAL (SELECT * FROM study WHERE public_id = CASE WHEN m.about = 'study' THEN m.subject END
                   UNION ALL SELECT * FROM study WHERE study_id = coalesce(r.study_id, cv.study_id, t.study_id)) s ON true;

-- name: message_study_uids
-- The studies that the objects of a delivery belong to.
-- $1 delivery
SELECT DISTINCT s.study_instance_uid
FROM delivery d
JOIN delivery_item t USING (delivery_id)
JOIN instance i USING (instance_id)
JOIN series r ON r.series_id = i.series_id
JOIN study s ON s.study_id = r.study_id
WHERE d.public_id = $1::uuid
ORDER BY s.study_instance_uid;
