-- Reports: drafts, submissions, issues, papers. Which step is allowed is decided by the triggers of report_version and reading_task.

-- name: report_state
-- Where a task and the newest report version written in it are; what a refused or repeated call needs to know. No row: not for these eyes.
-- $1 public id of the task
SELECT t.state AS task_state, v.public_id AS report_id, v.state, v.revision, v.version, v.kind, v.reason, v.body::text AS body, v.study_version, v.patient_revision,
       v.canonical, v.content_sha256, v.verification_code, v.sr_sop_instance_uid, v.pdf_sop_instance_uid,
       v.sr_series_instance_uid, v.pdf_series_instance_uid, author.public_id AS author, reviewer.public_id AS reviewer
FROM reading_task t
LEFT JOIN report r ON r.task_id = t.task_id
LEFT JOIN LATERAL (SELECT * FROM report_version w
                   WHERE w.report_id = coalesce(t.follows_report_id, r.report_id)
                     AND w.written_in_task_id IS NOT DISTINCT FROM CASE WHEN t.follows_report_id IS NOT NULL THEN t.task_id END
                   ORDER BY w.version DESC LIMIT 1) v ON true
LEFT JOIN person author ON author.person_id = v.author_id
LEFT JOIN person reviewer ON reviewer.person_id = v.reviewer_id
WHERE t.public_id = $1::uuid;

-- name: report_create
-- The report of a task, once.
-- $1 public id of the task
INSERT INTO report (site_id, study_id, task_id)
SELECT site_id, study_id, task_id FROM reading_task WHERE public_id = $1::uuid AND follows_report_id IS NULL
ON CONFLICT (task_id) DO NOTHING;

-- name: report_draft_create
-- The first draft. A draft that somebody else began meanwhile is a unique violation.
-- $1 public id of the task
-- $2 public id of the author
-- $3 body, JSON
INSERT INTO report_version (site_id, report_id, version, body, study_version, author_id)
SELECT r.site_id, r.report_id, 1, $3::jsonb, t.study_version, p.person_id
FROM report r
JOIN reading_task t USING (task_id)
CROSS JOIN person p
WHERE t.public_id = $1::uuid AND p.public_id = $2::uuid
RETURNING public_id AS report_id, revision;

-- name: report_draft_update
-- Keeps a draft when nobody changed it since. No row: somebody did.
-- $1 public id of the report version
-- $2 public id of the author from now on
-- $3 body, JSON
-- $4 revision that the writer saw
UPDATE report_version v
SET body = $3::jsonb, revision = v.revision + 1, author_id = p.person_id, written_at = yq_now()
FROM person p
WHERE v.public_id = $1::uuid AND p.public_id = $2::uuid AND v.state = 'draft' AND v.revision = $4::integer
RETURNING v.public_id AS report_id, v.revision;

-- name: report_revision_insert
-- Remembers a saved text.
-- $1 public id of the report version
-- $2 public id of the person who saved it
INSERT INTO report_revision (report_version_id, site_id, revision, body, saved_by)
SELECT v.report_version_id, v.site_id, v.revision, v.body, p.person_id
FROM report_version v
CROSS JOIN person p
WHERE v.public_id = $1::uuid AND p.public_id = $2::uuid
RETURNING revision;

-- name: report_policy
-- The signing policy in force at the queue of a task.
-- $1 public id of the task
SELECT v.public_id AS policy_id, v.version, v.signatures, v.different_persons
FROM reading_task t
JOIN reading_queue q USING (queue_id)
JOIN signing_policy_version v ON v.policy_id = q.policy_id AND v.in_force @> yq_now()
WHERE t.public_id = $1::uuid;

-- name: report_qualified
-- May the person do this kind of act for this examination today?
-- $1 public id of the task
-- $2 public id of the person
-- $3 write or review
SELECT yq_is_qualified(p.person_id, $3::text, s.modality, t.site_id, yq_now()::date) AS is_qualified,
       p.name, institution.name AS institution, p.licence_number
FROM reading_task t
JOIN study s USING (study_id)
CROSS JOIN person p
JOIN scope institution ON institution.scope_id = p.institution_id
WHERE t.public_id = $1::uuid AND p.public_id = $2::uuid;

-- name: report_facts
-- Everything but the body that the paper of a task says. The request's claim goes before the image's, what a person corrected before both.
-- $1 public id of the task
SELECT s.study_instance_uid, s.version AS study_version, s.state = 'complete' AS is_complete, s.modality,
       coalesce(nullif(s.accession_number, ''), q.accession_number, '') AS accession_number,
       yq_examined_at(s) AS examined_at,
       s.patient_class,
       issuer.public_id AS issuer_id, issuer.name AS issuer_name, issuer_site.code AS issuer_code,
       performer.public_id AS performer_id, performer.name AS performer_name, performer_site.code AS performer_code,
       coalesce(qc.name, c.name) AS patient_name, coalesce(nullif(qc.sex, ''), c.sex) AS patient_sex,
       coalesce(qc.birth_date, c.birth_date)::text AS birth_date,
       coalesce(CASE WHEN qc.claim_id IS NOT NULL THEN nullif(q.age_text, '') END, s.patient_age_text) AS age_text,
       coalesce(q.visit_number, '') AS visit_number, c.typed_id AS patient_id,
       coalesce(q.department, '') AS department,
       coalesce(nullif(q.doctor, ''), s.referring_physician) AS doctor,
       coalesce(nullif(q.item_name, ''), i.name, s.description) AS item,
       coalesce(nullif(q.body_part, ''), s.body_part) AS body_part,
       coalesce(q.laterality, '') AS laterality,
       coalesce(q.clinical_diagnosis, '') AS clinical_diagnosis, coalesce(q.purpose, '') AS purpose,
       coalesce(q.history, '') AS history,
       coalesce(nullif(d.name, ''), d.calling_ae, '') AS device,
       (SELECT p.name FROM person p WHERE p.person_id = q.registered_by) AS radiographer,
       key_images_json(s.study_id)::text AS key_images
FROM reading_task t
JOIN study s USING (study_id)
JOIN identity_claim c ON c.claim_id = s.claim_id
JOIN reading_queue rq ON rq.queue_id = t.queue_id
JOIN scope issuer ON issuer.scope_id = rq.lead_site_id
JOIN site issuer_site ON issuer_site.site_id = rq.lead_site_id
JOIN scope performer ON performer.scope_id = t.site_id
JOIN site performer_site ON performer_site.site_id = t.site_id
LEFT JOIN device d ON d.device_id = s.device_id
LEFT JOIN LATERAL (SELECT request_id FROM request_match m WHERE m.study_id = s.study_id AND m.undone_at IS NULL
                   ORDER BY m.match_id DESC LIMIT 1) m ON true
LEFT JOIN request q ON q.request_id = m.request_id
LEFT JOIN identity_claim qc ON qc.claim_id = q.claim_id AND qc.trust >= c.trust
LEFT JOIN item_code i ON i.item_code_id = q.item_code_id
WHERE t.public_id = $1::uuid;

-- name: report_prepare
-- Fixes what the objects of a report will be called, at its first submission.
-- $1 public id of the report version
-- $2 verification code
-- $3 SOP instance UID of the SR
-- $4 SOP instance UID of the Encapsulated PDF
-- $5 series instance UID of the SR
-- $6 series instance UID of the Encapsulated PDF
UPDATE report_version
SET verification_code = coalesce(verification_code, $2::text),
    sr_sop_instance_uid = coalesce(sr_sop_instance_uid, $3::text),
    pdf_sop_instance_uid = coalesce(pdf_sop_instance_uid, $4::text),
    sr_series_instance_uid = coalesce(sr_series_instance_uid, $5::text),
    pdf_series_instance_uid = coalesce(pdf_series_instance_uid, $6::text)
WHERE public_id = $1::uuid
RETURNING public_id;

-- name: report_reviewer
-- Who is about to issue it.
-- $1 public id of the report version
-- $2 public id of the reviewer
UPDATE report_version v SET reviewer_id = p.person_id
FROM person p
WHERE v.public_id = $1::uuid AND p.public_id = $2::uuid AND v.state = 'submitted'
RETURNING v.public_id;

-- name: artefact_insert
-- A paper, before its bytes are in the store: so the store never holds what nobody knows.
-- $1 public id of the report version
-- $2 kind
-- $3 key in the store
-- $4 SHA-256 of the file
-- $5 its size in bytes
-- $6 SOP instance UID, or NULL
INSERT INTO artefact (site_id, report_version_id, kind, object_key, sha256, size_bytes, sop_instance_uid)
SELECT site_id, report_version_id, $2::text, $3::text, $4::bytea, $5::bigint, $6::text
FROM report_version
WHERE public_id = $1::uuid
RETURNING public_id;

-- name: artefact_void
-- Sets papers of a report that was not issued aside.
-- $1 public id of the report version
-- $2 kinds
UPDATE artefact a SET voided_at = yq_now()
FROM report_version v
WHERE v.public_id = $1::uuid AND a.report_version_id = v.report_version_id AND a.kind = ANY ($2::text[]) AND a.voided_at IS NULL;

-- name: artefact_find
-- A paper in force.
-- $1 public id of the report version
-- $2 kind
SELECT a.object_key, a.sha256, a.size_bytes, a.sop_instance_uid
FROM artefact a
JOIN report_version v USING (report_version_id)
WHERE v.public_id = $1::uuid AND a.kind = $2::text AND a.voided_at IS NULL;

-- name: artefact_issued
-- The papers of a report that are DICOM objects, with their site.
-- $1 public id of the report version
SELECT a.kind, a.object_key, a.sha256, a.size_bytes, a.sop_instance_uid, place.public_id AS site
FROM artefact a
JOIN report_version v USING (report_version_id)
JOIN scope place ON place.scope_id = v.site_id
WHERE v.public_id = $1::uuid AND v.issued_at IS NOT NULL AND a.voided_at IS NULL AND a.kind IN ('sr', 'encapsulated_pdf')
ORDER BY a.kind;

-- name: report_signature_insert
-- Who signed which content, in which role.
-- $1 public id of the report version
-- $2 role
-- $3 public id of the person
-- $4 certificate of the key that signed, DER
-- $5 canonical content
-- $6 signature, CMS
-- $7 algorithm
-- $8 when
INSERT INTO report_signature (site_id, report_version_id, role, person_id, signing_key_id, content_sha256, canonical, cms,
                              algorithm, signed_at)
SELECT v.site_id, v.report_version_id, $2::text, p.person_id, k.signing_key_id, sha256(convert_to($5::text, 'UTF8')), $5::text,
       $6::bytea, $7::text, $8::timestamptz
FROM report_version v
CROSS JOIN person p
JOIN LATERAL (SELECT signing_key_id FROM signing_key
              WHERE person_id = p.person_id AND certificate = $4::bytea
              ORDER BY signing_key_id DESC LIMIT 1) k ON true
WHERE v.public_id = $1::uuid AND p.public_id = $3::uuid
RETURNING public_id;

-- name: report_signature_void
-- A submission that is sent back takes its signatures along; they stay as facts.
-- $1 public id of the report version
UPDATE report_signature s SET voided_at = yq_now()
FROM report_version v
WHERE v.public_id = $1::uuid AND s.report_version_id = v.report_version_id AND s.voided_at IS NULL;

-- name: report_submit
-- Draft -> submitted, with the content that was signed.
-- $1 public id of the report version
-- $2 revision that was signed
-- $3 canonical content
-- $4 version of the study that was read
-- $5 revision of its patient that was seen
UPDATE report_version
SET state = 'submitted', canonical = $3::text, content_sha256 = sha256(convert_to($3::text, 'UTF8')),
    study_version = $4::integer, patient_revision = $5::integer, submitted_at = yq_now()
WHERE public_id = $1::uuid AND state = 'draft' AND revision = $2::integer
RETURNING public_id;

-- name: report_remark_insert
-- What the reviewer wants changed.
-- $1 public id of the report version
-- $2 public id of the reviewer
-- $3 remark
INSERT INTO report_remark (site_id, report_version_id, revision, remark, made_by)
SELECT v.site_id, v.report_version_id, v.revision, $3::text, p.person_id
FROM report_version v
CROSS JOIN person p
WHERE v.public_id = $1::uuid AND p.public_id = $2::uuid
RETURNING remark_id;

-- name: report_send_back
-- Submitted -> draft. What was signed stays in report_signature.
-- $1 public id of the report version
UPDATE report_version
SET state = 'draft', canonical = NULL, content_sha256 = NULL, submitted_at = NULL, reviewer_id = NULL
WHERE public_id = $1::uuid AND state = 'submitted'
RETURNING public_id;

-- name: report_issue
-- Submitted -> issued. The trigger decides whether signatures and papers satisfy the policy in force.
-- $1 public id of the report version
-- $2 public id of the reviewer
-- $3 public id of the policy version
-- $4 when, as the papers say
UPDATE report_version v
SET state = 'issued', reviewer_id = p.person_id, issued_at = $4::timestamptz,
    policy_version_id = (SELECT policy_version_id FROM signing_policy_version WHERE public_id = $3::uuid)
FROM person p
WHERE v.public_id = $1::uuid AND p.public_id = $2::uuid AND v.state = 'submitted'
RETURNING v.public_id;

-- name: report_dicom
-- How the study names itself, for the objects that join it.
-- $1 public id of the task
SELECT s.study_instance_uid, s.dicom_study_id, s.accession_number, s.study_date_text, s.study_time_text, s.referring_physician,
       s.description, c.name AS patient_name, c.typed_id, c.issuer, c.birth_text, c.sex
FROM reading_task t
JOIN study s USING (study_id)
JOIN identity_claim c ON c.claim_id = s.claim_id
WHERE t.public_id = $1::uuid;

-- name: report_evidence
-- The images that were read.
-- $1 public id of the task
SELECT i.sop_class_uid, i.sop_instance_uid, r.series_instance_uid
FROM reading_task t
JOIN series r ON r.study_id = t.study_id
JOIN instance i ON i.series_id = r.series_id
WHERE t.public_id = $1::uuid AND i.origin <> 'own'
ORDER BY r.series_id, i.instance_id;

-- name: report_key_images
-- The key images that are in the study still, as key_images_json() lists them: what their pictures are drawn from.
-- $1 public id of the task
-- $2 how many at most
SELECT i.sop_instance_uid AS instance, k.frame, i.object_key
FROM reading_task t
JOIN key_image k ON k.study_id = t.study_id
JOIN instance i ON i.instance_id = k.instance_id
JOIN series e ON e.series_id = i.series_id AND e.study_id = t.study_id
WHERE t.public_id = $1::uuid
ORDER BY e.number NULLS LAST, e.series_id, i.number NULLS LAST, i.instance_id, k.frame
LIMIT $2::integer;

-- name: report_unsettled
-- Issued reports whose objects are not in yet, with the person in whose name they are brought in.
-- $1 how many at most
SELECT report_id, reviewer_id FROM yq_unsettled_reports($1::integer);

-- name: report_settled
-- SR and Encapsulated PDF are durable at the place where objects enter.
-- $1 public id of the report version
UPDATE report_version SET settled_at = yq_now()
WHERE public_id = $1::uuid AND issued_at IS NOT NULL AND settled_at IS NULL;

-- name: report_may_see_draft
-- Does the person take part in reading at the site of this task?
-- $1 public id of the task
-- $2 public id of the person
SELECT yq_person_may($2::uuid, ARRAY['reporter', 'reviewer', 'duty_leader', 'quality_controller'], t.site_id) AS may
FROM reading_task t
WHERE t.public_id = $1::uuid;

-- name: report_show
-- A version of a task's report as JSON, with all that belongs to it. No row: nothing was written yet.
-- $1 public id of the task
-- $2 true: also what is not issued
-- $3 this version; NULL: the one written in the task, and of a report that was followed the newest that was issued
SELECT jsonb_build_object(
           'id', v.public_id, 'version', v.version, 'kind', v.kind, 'reason', nullif(v.reason, ''), 'state', v.state, 'revision', v.revision,
           'study_version', v.study_version,
           'versions', (SELECT jsonb_agg(jsonb_build_object('id', w.public_id, 'version', w.version, 'kind', w.kind, 'state', w.state,
                                                            'reason', nullif(w.reason, ''), 'issued_at', w.issued_at) ORDER BY w.version)
                        FROM report_version w WHERE w.report_id = v.report_id AND w.issued_at IS NOT NULL),
           'body', CASE WHEN $2::boolean OR v.issued_at IS NOT NULL THEN v.body END,
           'content', CASE WHEN v.issued_at IS NOT NULL THEN v.canonical::jsonb END,
           'content_sha256', encode(v.content_sha256, 'hex'), 'verification_code', v.verification_code,
           'author', (SELECT name FROM person WHERE person_id = v.author_id),
           'reviewer', (SELECT name FROM person WHERE person_id = v.reviewer_id),
           'written_at', v.written_at, 'submitted_at', v.submitted_at, 'issued_at', v.issued_at, 'settled_at', v.settled_at,
           'sr_sop_instance_uid', v.sr_sop_instance_uid, 'pdf_sop_instance_uid', v.pdf_sop_instance_uid,
           'signatures', coalesce((
               SELECT jsonb_agg(jsonb_build_object('role', s.role, 'person', p.name, 'signed_at', s.signed_at,
                                                   'algorithm', s.algorithm) ORDER BY s.signature_id)
               FROM report_signature s JOIN person p USING (person_id)
               WHERE s.report_version_id = v.report_version_id AND s.voided_at IS NULL), '[]'),
           'remarks', CASE WHEN $2::boolean THEN coalesce((
               SELECT jsonb_agg(jsonb_build_object('revision', m.revision, 'remark', m.remark, 'by', p.name, 'at', m.made_at,
                                                   'body', o.body) ORDER BY m.remark_id)
               FROM report_remark m JOIN person p ON p.person_id = m.made_by
               LEFT JOIN report_revision o ON o.report_version_id = m.report_version_id AND o.revision = m.revision
               WHERE m.report_version_id = v.report_version_id), '[]') ELSE '[]' END,
           'artefacts', coalesce((
               SELECT jsonb_agg(jsonb_build_object('kind', a.kind, 'sha256', encode(a.sha256, 'hex'),
                                                   'size_bytes', a.size_bytes, 'sop_instance_uid', a.sop_instance_uid)
                                ORDER BY a.artefact_id)
               FROM artefact a
               WHERE a.report_version_id = v.report_version_id AND a.voided_at IS NULL), '[]'))::text AS report
FROM reading_task t
LEFT JOIN report r ON r.task_id = t.task_id
JOIN report_version v ON v.report_id = coalesce(t.follows_report_id, r.report_id)
WHERE t.public_id = $1::uuid AND ($3::uuid IS NULL OR v.public_id = $3::uuid)
ORDER BY coalesce(v.written_in_task_id = t.task_id, false) DESC, v.issued_at IS NOT NULL OR v.written_in_task_id IS NULL DESC, v.version DESC
LIMIT 1;

-- name: report_paper
-- The PDF of a report version that this person may open: as issued, or for those who read, as submitted.
-- $1 public id of the report version
-- $2 public id of the person
SELECT a.object_key, a.sha256, a.size_bytes, v.issued_at IS NOT NULL AS is_issued, place.public_id AS site
FROM report_version v
JOIN scope place ON place.scope_id = v.site_id
JOIN artefact a ON a.report_version_id = v.report_version_id AND a.voided_at IS NULL
 AND a.kind = CASE WHEN v.issued_at IS NULL THEN 'pdf_submitted' ELSE 'pdf' END
WHERE v.public_id = $1::uuid
  AND (v.issued_at IS NOT NULL
       OR yq_person_may($2::uuid, ARRAY['reporter', 'reviewer', 'duty_leader', 'quality_controller'], v.site_id));

-- name: report_opened
-- A fact: who opened the paper, working where.
-- $1 public id of the report version
-- $2 public id of the person
INSERT INTO receipt (site_id, report_version_id, kind, person_id, at_site_id)
SELECT v.site_id, v.report_version_id, 'opened', p.person_id, p.seat_id
FROM report_version v
CROSS JOIN person p
WHERE v.public_id = $1::uuid AND p.public_id = $2::uuid
RETURNING receipt_id;

-- name: report_find_paper
-- The report version that a paper belongs to: by its digest, by the code printed on it, or by the UID of its object.
-- $1 SHA-256 of the file, or NULL
-- $2 verification code, or NULL
-- $3 SOP instance UID, or NULL
SELECT v.public_id AS report_id, v.state, v.version, v.kind, v.verification_code, v.issued_at, v.canonical, v.content_sha256,
       issuer.name AS issuer, performer.name AS performer,
       (SELECT CASE WHEN a.voided_at IS NULL THEN a.kind ELSE 'pdf_submitted' END FROM artefact a
        WHERE a.report_version_id = v.report_version_id AND a.sha256 = $1::bytea
        ORDER BY a.voided_at NULLS FIRST LIMIT 1) AS artefact_kind,
       (SELECT i.sha256 FROM instance i
        WHERE i.site_id = v.site_id AND i.sop_instance_uid = $3::text AND i.origin = 'own') AS dataset_sha256,
       (SELECT max(n.version) FROM report_version n
        WHERE n.report_id = v.report_id AND n.version > v.version AND n.issued_at IS NOT NULL) AS later_version,
       (SELECT n.kind FROM report_version n
        WHERE n.report_id = v.report_id AND n.version > v.version AND n.issued_at IS NOT NULL ORDER BY n.version DESC LIMIT 1) AS later_kind
FROM report_version v
JOIN report r USING (report_id)
JOIN reading_task t USING (task_id)
JOIN reading_queue q USING (queue_id)
JOIN scope issuer ON issuer.scope_id = q.lead_site_id
JOIN scope performer ON performer.scope_id = v.site_id
WHERE v.report_version_id IN (SELECT a.report_version_id FROM artefact a WHERE a.sha256 = $1::bytea)
   OR v.verification_code = $2::text OR v.sr_sop_instance_uid = $3::text OR v.pdf_sop_instance_uid = $3::text
LIMIT 1;

-- name: report_signatures
-- Signatures over the content of a report version that count.
-- $1 public id of the report version
SELECT s.role, s.cms, s.canonical, s.signed_at
FROM report_signature s
JOIN report_version v USING (report_version_id)
WHERE v.public_id = $1::uuid AND s.voided_at IS NULL AND s.cms IS NOT NULL
ORDER BY s.signature_id;

-- name: report_check_facts
-- What a report's text is compared with: the person, the request, the images. The request's claim goes before the image's, what a person
-- corrected before both.
-- $1 public id of the task
SELECT coalesce(nullif(qc.sex, ''), c.sex) AS sex, s.modality,
       concat_ws(' ', s.body_part, s.description,
                 (SELECT string_agg(DISTINCT e.body_part, ' ') FROM series e WHERE e.study_id = s.study_id AND e.origin <> 'own' AND e.instance_count > 0)) AS study_part,
       coalesce(q.body_part, '') AS request_part, coalesce(nullif(q.item_name, ''), i.name, '') AS item,
       coalesce(q.laterality, '') AS request_side,
       coalesce((SELECT CASE WHEN count(DISTINCT e.laterality) = 1 THEN min(e.laterality) END
                 FROM series e WHERE e.study_id = s.study_id AND e.origin <> 'own' AND e.instance_count > 0 AND e.laterality <> ''), '') AS series_side,
       t.patient_class = 'health_check' AS is_health_check, s.state = 'incomplete' AS is_incomplete,
       s.instance_count AS instances, coalesce(i.expected_views, 0) AS expected_views
FROM reading_task t
JOIN study s USING (study_id)
JOIN identity_claim c ON c.claim_id = s.claim_id
LEFT JOIN request_match m ON m.study_id = s.study_id AND m.undone_at IS NULL
LEFT JOIN request q ON q.request_id = m.request_id
LEFT JOIN identity_claim qc ON qc.claim_id = q.claim_id AND qc.trust >= c.trust
LEFT JOIN item_code i ON i.item_code_id = q.item_code_id
WHERE t.public_id = $1::uuid;
