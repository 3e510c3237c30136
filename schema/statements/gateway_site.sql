-- What the API shows to the people of a site: requests, candidates for a match, devices, questions, critical values. JSON as in gateway.sql.

-- name: gateway_request_list
-- Requests, the last that was registered first.
-- $1 site, or NULL
-- $2 day, or NULL
-- $3 state, or NULL
-- $4 what was typed into the search: also the beginning of the 检查号 or 申请单号; or NULL
-- $5 request behind which the page begins, or NULL
-- $6 how many
-- $7 term of the search (name_key_term()), or NULL
WITH page AS MATERIALIZED (
    SELECT r.request_id
    FROM request r
    WHERE ($1::uuid IS NULL OR r.site_id = (SELECT scope_id FROM scope WHERE public_id = $1::uuid))
      AND ($2::date IS NULL OR (r.registered_at >= $2::date::timestamptz AND r.registered_at < ($2::date + 1)::timestamptz))
      AND ($3::text IS NULL OR r.state = $3::text)
      AND ($4::text IS NULL OR r.request_id = ANY (ARRAY(SELECT f.id FROM yq_requests_found($7::text, $4::text, 5000) AS f (id))))
      AND ($5::uuid IS NULL OR (r.registered_at, r.request_id) <
                               (SELECT registered_at, request_id FROM request WHERE public_id = $5::uuid))
    ORDER BY r.registered_at DESC, r.request_id DESC
    LIMIT $6::integer
)
SELECT r.public_id AS id, yq_request_json(r) AS json
FROM page JOIN request r USING (request_id)
ORDER BY r.registered_at DESC, r.request_id DESC;

-- name: gateway_request
-- $1 request
SELECT sc.public_id AS site_id, yq_request_json(r) AS json
FROM request r JOIN scope sc ON sc.scope_id = r.site_id
WHERE r.public_id = $1::uuid;

-- name: gateway_items
-- What can be asked for today at a site, or anywhere that the person may see.
-- $1 site, or NULL
SELECT i.public_id AS id,
       jsonb_build_object('id', i.public_id, 'name', i.name, 'modality', i.modality, 'body_part', i.body_part,
                          'expected_views', i.expected_views) AS json
FROM item_code i
WHERE i.valid @> yq_now()::date
  AND (i.site_id IS NULL
       OR (i.site_id IN (SELECT yq_person_sites())
           AND ($1::uuid IS NULL OR i.site_id = (SELECT scope_id FROM scope WHERE public_id = $1::uuid))))
ORDER BY array_position(ARRAY['DR', 'CT', 'MR', 'US', 'MG', 'ECG'], i.modality) NULLS LAST, i.modality, i.item_code_id
LIMIT 2000;

-- name: gateway_match_candidates
-- Requests of the site that a study may be of, best first: registered in the week before the study came or the day after, or of the same
-- 检查号; not those that have all their images.
-- $1 study
-- $2 how many
WITH it AS (
    SELECT st, c, st.site_id, st.first_arrival_at, btrim(st.accession_number) AS accession
    FROM study st JOIN identity_claim c ON c.claim_id = st.claim_id
    WHERE st.public_id = $1::uuid
), near AS (
    SELECT r.request_id, yq_match_evidence(it.st, it.c, r, rc) AS evidence
    FROM it
    JOIN request r ON r.site_id = it.site_id
        AND (r.registered_at BETWEEN it.first_arrival_at - interval '7 days' AND it.first_arrival_at + interval '1 day'
             OR r.accession_number = it.accession)
    JOIN identity_claim rc ON rc.claim_id = r.claim_id
    WHERE r.state <> 'cancelled' AND (r.state = 'registered' OR yq_request_takes(r.request_id, (it.st).study_id))
), best AS MATERIALIZED (
    SELECT near.*, yq_match_score(near.evidence) AS score FROM near ORDER BY score DESC, request_id DESC LIMIT $2::integer
)
SELECT r.public_id AS id,
       jsonb_build_object('request', yq_request_json(r), 'score', best.score, 'evidence', best.evidence) AS json
FROM best JOIN request r USING (request_id)
ORDER BY best.score DESC, r.request_id DESC;

-- name: gateway_match_decision
-- What the rule said last of a study; null: nothing yet.
-- $1 study
SELECT coalesce(yq_match_decision_json(st.study_id), 'null') AS json FROM study st WHERE st.public_id = $1::uuid;

-- name: gateway_study_site
-- Where a study is, for these eyes.
-- $1 study
SELECT sc.public_id AS site_id FROM study st JOIN scope sc ON sc.scope_id = st.site_id WHERE st.public_id = $1::uuid;

-- name: gateway_question
-- $1 question
SELECT sc.public_id AS site_id, yq_question_json(q) AS json
FROM task_question q JOIN scope sc ON sc.scope_id = q.site_id
WHERE q.public_id = $1::uuid;

-- name: gateway_critical_value
-- $1 critical value
SELECT sc.public_id AS site_id, yq_critical_json(v) AS json
FROM critical_value v JOIN scope sc ON sc.scope_id = v.site_id
WHERE v.public_id = $1::uuid;

-- name: gateway_critical_list
-- Those not closed by the time by which they have to be confirmed; or all, the newest first.
-- $1 whether those alone that are not closed
-- $2 site, or NULL
-- $3 how many
SELECT v.public_id AS id, yq_critical_json(v) AS json
FROM critical_value v
WHERE (NOT $1::boolean OR v.state <> 'closed')
  AND ($2::uuid IS NULL OR v.site_id = (SELECT scope_id FROM scope WHERE public_id = $2::uuid))
ORDER BY CASE WHEN $1::boolean THEN v.confirm_by END, v.critical_value_id DESC
LIMIT $3::integer;

-- name: gateway_device_list
-- The devices of the sites that the person may see; today is the day of the installation's zone.
-- $1 site, or NULL
SELECT d.public_id AS id,
       jsonb_build_object(
           'id', d.public_id, 'site', jsonb_build_object('id', sc.public_id, 'name', sc.name), 'name', d.name,
           'calling_ae', d.calling_ae, 'called_ae', d.called_ae, 'local_port', d.local_port,
           'modality', d.modality, 'address', d.address::text, 'is_enabled', d.is_enabled,
           'certificate', CASE WHEN d.certificate_sha256 IS NOT NULL THEN jsonb_build_object(
               'sha256', encode(d.certificate_sha256, 'hex'), 'subject', d.certificate_subject, 'not_after', d.certificate_until,
               'days_left', floor(extract(epoch FROM d.certificate_until - yq_now()) / 86400)::integer) END,
           'silence', (SELECT jsonb_build_object('last_image_at', q.last_image_at, 'due_at', q.due_at, 'usual_images', q.usual_images,
                                                 'history', q.history, 'is_silent', d.is_enabled AND coalesce(q.due_at < yq_now(), false))
                       FROM yq_device_silence(d.device_id) q),
           'first_seen_at', d.first_seen_at, 'last_seen_at', d.last_seen_at, 'last_error', d.last_error,
           'last_error_at', d.last_error_at, 'charset_verdict', d.charset_verdict,
           'charset_counts', coalesce((
               SELECT jsonb_agg(jsonb_build_object('verdict', k.verdict, 'instances', k.instances) ORDER BY k.instances DESC, k.verdict)
               FROM (SELECT c.verdict, sum(c.instances) AS instances FROM device_charset c
                     WHERE c.device_id = d.device_id AND c.day > yq_now()::date - 30 GROUP BY c.verdict) k), '[]'),
           'clock_offset_s', round(extract(epoch FROM d.clock_offset))::bigint, 'clock_measured_at', d.clock_measured_at,
           'today', jsonb_build_object('echoes', coalesce(t.echoes, 0), 'associations', coalesce(t.associations, 0),
                                       'images', coalesce(t.images, 0), 'refusals', coalesce(t.refused, 0))) AS json
FROM device d
JOIN scope sc ON sc.scope_id = d.site_id
LEFT JOIN device_contact t ON t.device_id = d.device_id AND t.day = yq_now()::date
WHERE d.site_id IN (SELECT yq_person_sites()) AND ($1::uuid IS NULL OR sc.public_id = $1::uuid)
ORDER BY sc.name, d.name, d.device_id
LIMIT 5000;

-- name: gateway_device_test
-- What we know of a device's line, step by step, from its registration to its clock. Modalities open the line, so that nothing can be sent
-- to them: what is missing says what to do there. An echo or image counts when it came today; its time is that of the last contact of the day.
-- $1 device
WITH it AS (
    SELECT d.*, sc.public_id AS site_public_id, t.echoes, t.images, t.refused, t.last_at,
           (SELECT max(c.last_at) FROM device_contact c WHERE c.device_id = d.device_id AND c.echoes > 0) AS echo_at,
           (SELECT max(c.last_at) FROM device_contact c WHERE c.device_id = d.device_id AND c.images > 0) AS image_at
    FROM device d
    JOIN scope sc ON sc.scope_id = d.site_id
    LEFT JOIN device_contact t ON t.device_id = d.device_id AND t.day = yq_now()::date
    WHERE d.public_id = $1::uuid AND d.site_id IN (SELECT yq_person_sites())
)
SELECT it.site_public_id AS site_id, jsonb_build_object('steps', jsonb_build_array(
    jsonb_build_object('step', 'registered', 'ok', true, 'at', it.created_at, 'detail', it.calling_ae),
    jsonb_build_object('step', 'enabled', 'ok', it.is_enabled, 'at', NULL,
                       'detail', CASE WHEN it.is_enabled THEN '' ELSE 'ask_operator' END),
    jsonb_build_object('step', 'seen', 'ok', it.last_seen_at IS NOT NULL, 'at', it.last_seen_at,
                       'detail', CASE WHEN it.last_seen_at IS NULL THEN 'press_echo'
                                      WHEN it.last_error_at > it.last_seen_at THEN it.last_error ELSE '' END),
    jsonb_build_object('step', 'echo', 'ok', coalesce(it.echoes, 0) > 0, 'at', it.echo_at,
                       'detail', CASE WHEN coalesce(it.echoes, 0) > 0 THEN '' ELSE 'press_echo' END),
    jsonb_build_object('step', 'images', 'ok', coalesce(it.images, 0) > 0, 'at', it.image_at,
                       'detail', CASE WHEN coalesce(it.images, 0) > 0 THEN it.images::text ELSE 'send_image' END),
    jsonb_build_object('step', 'charset', 'ok', it.charset_verdict IN ('as_declared', 'ascii', 'detected', 'by_device'), 'at', it.last_seen_at,
                       'detail', CASE WHEN it.charset_verdict = '' THEN 'send_image' ELSE it.charset_verdict END),
    jsonb_build_object('step', 'clock', 'ok', coalesce(abs(extract(epoch FROM it.clock_offset)) <= 300, false), 'at', it.clock_measured_at,
                       'detail', CASE WHEN it.clock_offset IS NULL THEN 'send_image'
                                      ELSE round(extract(epoch FROM it.clock_offset))::bigint::text END))) AS json
FROM it;
