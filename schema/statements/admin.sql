-- What an operator registers: devices, destinations, accounts, qualifications, rules.

-- ---- devices -------------------------------------------------------------------------------------------------------

-- name: device_add
-- No row when an enabled device is known by the same.
-- $1 site
-- $2 name
-- $3 calling AE title
-- $4 called AE title, or NULL
-- $5 address, or NULL
-- $6 local port, or NULL
-- $7 modality, or NULL
-- $8 default character set, or NULL
-- $9 SHA-256 of the certificate that it shows, hexadecimal, or NULL
-- $10 the certificate (DER), or NULL
-- $11 its subject
-- $12 end of its time, or NULL
INSERT INTO device (site_id, name, calling_ae, called_ae, address, local_port, modality, default_charset, certificate_sha256, certificate,
                    certificate_subject, certificate_until)
VALUES ($1::bigint, coalesce($2::text, ''), $3::text, $4::text, $5::cidr, $6::integer, coalesce($7::text, ''), coalesce($8::text, ''),
        decode($9::text, 'hex'), $10::bytea, $11::text, $12::timestamptz)
ON CONFLICT DO NOTHING
RETURNING public_id AS id;

-- name: device_doubtful
-- The enabled devices that a call could fit as well, neither saying more than the other.
-- $1 public id of the device that is asked for, or NULL: a new one
-- $2 calling AE title
-- $3 called AE title, or NULL
-- $4 address, or NULL
-- $5 local port, or NULL
-- $6 SHA-256 of its certificate, hexadecimal, or NULL
-- $7 our own AE title, which NULL stands for
SELECT d.public_id AS id, s.name AS site, t.code AS site_code,
       d.address IS NOT DISTINCT FROM $4::cidr AND d.local_port IS NOT DISTINCT FROM $5::integer
           AND d.certificate_sha256 IS NOT DISTINCT FROM decode($6::text, 'hex') AS is_same
FROM yq_device_doubtful((SELECT o.device_id FROM device o WHERE o.public_id = $1::uuid), $2::text, $3::text, $4::cidr, $5::integer,
                        decode($6::text, 'hex'), $7::text) d
JOIN site t USING (site_id) JOIN scope s ON s.scope_id = d.site_id
ORDER BY 4 DESC, d.device_id
LIMIT 1;

-- name: device_find
-- $1 public id or calling AE title
SELECT public_id AS id FROM device WHERE public_id::text = lower($1::text) OR calling_ae = btrim($1::text)
ORDER BY device_id;

-- name: device_set_enabled
-- $1 public id
-- $2 enabled
UPDATE device SET is_enabled = $2::boolean WHERE public_id = $1::uuid AND is_enabled <> $2::boolean;

-- name: device_lock
-- A device that is to be changed, and what is registered now.
-- $1 public id
SELECT d.name, d.calling_ae, coalesce(d.called_ae, '') AS called_ae, coalesce(d.address::text, '') AS address,
       coalesce(d.local_port, 0) AS local_port, d.modality, d.default_charset, d.is_enabled, sc.public_id AS site,
       coalesce(encode(d.certificate_sha256, 'hex'), '') AS certificate_sha256
FROM device d JOIN scope sc ON sc.scope_id = d.site_id
WHERE d.public_id = $1::uuid
FOR UPDATE OF d;

-- name: device_change
-- $1 public id
-- $2 name
-- $3 calling AE title
-- $4 called AE title, or NULL
-- $5 address, or NULL
-- $6 local port, or NULL
-- $7 modality
-- $8 default character set
-- $9 the certificate changes, too, to what follows
-- $10 its SHA-256, hexadecimal, or NULL
-- $11 the certificate (DER), or NULL
-- $12 its subject
-- $13 end of its time, or NULL
UPDATE device SET name = $2::text, calling_ae = $3::text, called_ae = $4::text, address = $5::cidr, local_port = $6::integer,
    modality = $7::text, default_charset = $8::text,
    certificate_sha256 = CASE WHEN $9::boolean THEN decode($10::text, 'hex') ELSE certificate_sha256 END,
    certificate = CASE WHEN $9::boolean THEN $11::bytea ELSE certificate END,
    certificate_subject = CASE WHEN $9::boolean THEN $12::text ELSE certificate_subject END,
    certificate_until = CASE WHEN $9::boolean THEN $13::timestamptz ELSE certificate_until END
WHERE public_id = $1::uuid;

-- name: device_list
SELECT d.public_id AS id, d.calling_ae AS ae_title, d.called_ae AS called_ae_title, d.address::text AS address, d.local_port,
       s.name AS site, t.code AS site_code, d.name, d.modality, d.default_charset, d.is_enabled,
       d.first_seen_at, d.last_seen_at, d.last_error, d.last_error_at, d.charset_verdict,
       extract(epoch FROM d.clock_offset)::bigint AS clock_offset_s, d.clock_measured_at,
       yq_clock_words(d.clock_offset, d.clock_measured_at) AS clock, q.last_image_at, q.due_at AS images_due_at,
       CASE WHEN d.is_enabled AND q.due_at < yq_now() THEN q.due_at END AS silent_since,
       d.commitment_host, d.commitment_port, d.commitment_tls, encode(d.certificate_sha256, 'hex') AS certificate_sha256, d.certificate_until
FROM device d JOIN site t USING (site_id) JOIN scope s ON s.scope_id = d.site_id
LEFT JOIN LATERAL yq_device_silence(d.device_id) q ON true
ORDER BY d.device_id;

-- name: device_show
-- Everything that is known of one device.
-- $1 public id
SELECT d.public_id AS id, d.name, s.name AS site, t.code AS site_code, d.calling_ae AS ae_title, d.called_ae AS called_ae_title,
       d.address::text AS address, d.local_port, encode(d.certificate_sha256, 'hex') AS certificate_sha256,
       nullif(d.certificate_subject, '') AS certificate_subject, d.certificate_until,
       floor(extract(epoch FROM d.certificate_until - yq_now()) / 86400)::integer AS certificate_days_left,
       d.modality, d.default_charset, d.is_enabled, d.created_at, d.first_seen_at, d.last_seen_at,
       q.last_image_at, q.due_at AS images_due_at, q.usual_images, q.history AS days_of_history,
       CASE WHEN d.is_enabled AND q.due_at < yq_now() THEN q.due_at END AS silent_since,
       (SELECT n.noticed_at FROM device_silence n WHERE n.device_id = d.device_id AND n.ended_at IS NULL) AS silence_noticed_at,
       d.last_error, d.last_error_at,
       yq_clock_words(d.clock_offset, d.clock_measured_at) AS clock, extract(epoch FROM d.clock_offset)::bigint AS clock_offset_s,
       d.clock_measured_at,
       coalesce((SELECT jsonb_agg(jsonb_build_object('measured_at', c.measured_at, 'offset_s', extract(epoch FROM c.clock_offset)::bigint)
                                  ORDER BY c.measured_at DESC)
                 FROM (SELECT * FROM device_clock_sample c WHERE c.device_id = d.device_id ORDER BY c.measured_at DESC LIMIT 20) c), '[]')
           AS clock_samples,
       coalesce((SELECT jsonb_agg(jsonb_build_object('verdict', k.verdict, 'instances', k.instances) ORDER BY k.instances DESC, k.verdict)
                 FROM (SELECT c.verdict, sum(c.instances) AS instances FROM device_charset c
                       WHERE c.device_id = d.device_id AND c.day > yq_now()::date - 30 GROUP BY c.verdict) k), '[]') AS charset_verdicts,
       coalesce((SELECT jsonb_agg(jsonb_build_object('day', k.day, 'images', k.images, 'echoes', k.echoes, 'associations', k.associations,
                                                     'refused', k.refused, 'first_image_at', k.first_image_at,
                                                     'last_image_at', k.last_image_at) ORDER BY k.day DESC)
                 FROM (SELECT * FROM device_contact k WHERE k.device_id = d.device_id ORDER BY k.day DESC LIMIT 14) k), '[]') AS contacts
FROM device d JOIN site t USING (site_id) JOIN scope s ON s.scope_id = d.site_id
LEFT JOIN LATERAL yq_device_silence(d.device_id) q ON true
WHERE d.public_id = $1::uuid;

-- name: device_silence_begin
-- Silences that are due and not noticed yet; each is told once.
-- $1 how many
INSERT INTO device_silence (device_id, last_image_at, due_at)
SELECT d.device_id, q.last_image_at, q.due_at
FROM device d
CROSS JOIN LATERAL yq_device_silence(d.device_id) q
WHERE d.is_enabled AND q.due_at < yq_now()
  AND NOT EXISTS (SELECT FROM device_silence n WHERE n.device_id = d.device_id AND n.ended_at IS NULL)
ORDER BY d.device_id LIMIT $1::integer
ON CONFLICT DO NOTHING
RETURNING (SELECT d.public_id FROM device d WHERE d.device_id = device_silence.device_id) AS device,
          (SELECT sc.public_id FROM device d JOIN scope sc ON sc.scope_id = d.site_id WHERE d.device_id = device_silence.device_id) AS site;

-- name: device_silence_end
-- Silences that an image, or taking the device out of use, has ended.
-- $1 how many
UPDATE device_silence n SET ended_at = yq_now()
FROM (SELECT n.silence_id, d.public_id AS device, sc.public_id AS site
      FROM device_silence n JOIN device d USING (device_id) JOIN scope sc ON sc.scope_id = d.site_id
      WHERE n.ended_at IS NULL
        AND (NOT d.is_enabled OR EXISTS (SELECT FROM device_contact k WHERE k.device_id = d.device_id AND k.last_image_at > n.last_image_at))
      ORDER BY n.silence_id LIMIT $1::integer FOR UPDATE OF n SKIP LOCKED) e
WHERE n.silence_id = e.silence_id
RETURNING e.device, e.site;

-- name: match_policy_list
-- Every site with devices, what the rule may there, and what came of the last seven days.
SELECT t.code, s.name AS site, coalesce(p.beyond_accession, true) AS beyond_accession, p.changed_at,
       (SELECT count(*) FROM request_match m WHERE m.site_id = t.site_id AND m.method = 'automatic' AND m.undone_at IS NULL
                                                AND m.matched_at > yq_now() - interval '7 days') AS automatic_7d,
       (SELECT count(*) FROM request_match m WHERE m.site_id = t.site_id AND m.method = 'manual' AND m.undone_at IS NULL
                                                AND m.matched_at > yq_now() - interval '7 days') AS manual_7d,
       (SELECT count(*) FROM study x WHERE x.site_id = t.site_id AND x.first_arrival_at > yq_now() - interval '7 days'
                                        AND NOT EXISTS (SELECT FROM request_match m WHERE m.study_id = x.study_id AND m.undone_at IS NULL))
           AS waiting_7d
FROM site t
JOIN scope s ON s.scope_id = t.site_id
LEFT JOIN match_policy p ON p.site_id = t.site_id
WHERE p.site_id IS NOT NULL OR EXISTS (SELECT FROM device d WHERE d.site_id = t.site_id)
ORDER BY t.code;

-- name: match_policy_set
-- $1 internal key of the site
-- $2 whether the rule may match beyond the 检查号
INSERT INTO match_policy (site_id, beyond_accession) VALUES ($1::bigint, $2::boolean)
ON CONFLICT (site_id) DO UPDATE SET beyond_accession = excluded.beyond_accession, changed_at = yq_now();

-- ---- staff ---------------------------------------------------------------------------------------------------------

-- name: staff_add
-- No row when the account is taken.
-- $1 account
-- $2 name
-- $3 password hash
-- $4 site: main institution and seat
-- $5 title, or NULL
-- $6 licence number, or NULL
-- $7 language, or NULL
INSERT INTO person (account, name, password_hash, institution_id, seat_id, title, licence_number, language)
VALUES ($1::text, $2::text, $3::text, $4::bigint, $4::bigint, coalesce($5::text, ''), coalesce($6::text, ''), coalesce($7::text, 'zh-CN'))
ON CONFLICT (account) DO NOTHING
RETURNING public_id AS id;

-- name: staff_grant_role
-- A row for an account that there is, whether the role is new or not.
-- $1 account
-- $2 role
-- $3 scope
WITH who AS (
    SELECT person_id, public_id FROM person WHERE account = $1::text
), granted AS (
    INSERT INTO person_right (person_id, role, scope_id) SELECT person_id, $2::text, $3::bigint FROM who
    ON CONFLICT DO NOTHING
)
SELECT public_id AS id FROM who;

-- name: staff_set_password
-- $1 account
-- $2 password hash
UPDATE person SET password_hash = $2::text, failed_logins = 0, locked_until = NULL WHERE account = $1::text
RETURNING public_id AS id;

-- name: staff_set_active
-- $1 account
-- $2 active
UPDATE person SET is_active = $2::boolean WHERE account = $1::text
RETURNING public_id AS id;

-- name: staff_end_sessions
-- The logins, and the tokens of workstations.
-- $1 person
WITH tokens AS (
    UPDATE workstation_token t SET ended_at = yq_now()
    FROM person p
    WHERE p.public_id = $1::uuid AND t.person_id = p.person_id AND t.ended_at IS NULL
)
UPDATE session s SET ended_at = yq_now()
FROM person p
WHERE p.public_id = $1::uuid AND s.person_id = p.person_id AND s.ended_at IS NULL;

-- name: staff_qualify
-- A row for an account that there is; nothing new when the same is granted for at least as long.
-- $1 account
-- $2 kind
-- $3 modality, or NULL for every one
-- $4 scope
-- $5 first day, or NULL for today
-- $6 last day, or NULL
WITH who AS (
    SELECT person_id, public_id FROM person WHERE account = $1::text
), wanted AS (
    SELECT daterange(coalesce($5::date, yq_now()::date), $6::date, '[]') AS valid
), granted AS (
    INSERT INTO qualification (person_id, kind, modality, scope_id, valid)
    SELECT w.person_id, $2::text, $3::text, $4::bigint, v.valid FROM who w CROSS JOIN wanted v
    WHERE NOT EXISTS (SELECT FROM qualification q
                      WHERE q.person_id = w.person_id AND q.kind = $2::text AND q.modality IS NOT DISTINCT FROM $3::text
                        AND q.scope_id = $4::bigint AND q.valid @> v.valid)
)
SELECT public_id AS id FROM who;

-- name: staff_list
SELECT p.account, p.public_id AS id, p.name, p.title, s.name AS site, t.code AS site_code, p.is_active,
       coalesce((SELECT string_agg(DISTINCT r.role, ' ' ORDER BY r.role) FROM person_right r
                 WHERE r.person_id = p.person_id AND r.revoked_at IS NULL), '') AS role_names,
       coalesce((SELECT jsonb_agg(jsonb_build_object('role', r.role, 'scope', c.name, 'scope_kind', c.kind, 'scope_id', c.public_id)
                                  ORDER BY r.role, c.scope_id)
                 FROM person_right r JOIN scope c USING (scope_id)
                 WHERE r.person_id = p.person_id AND r.revoked_at IS NULL), '[]') AS roles,
       coalesce((SELECT jsonb_agg(jsonb_build_object('kind', q.kind, 'modality', q.modality, 'scope', c.name, 'valid', q.valid::text)
                                  ORDER BY q.qualification_id)
                 FROM qualification q JOIN scope c USING (scope_id) WHERE q.person_id = p.person_id), '[]') AS qualifications,
       EXISTS (SELECT FROM signing_key k WHERE k.person_id = p.person_id AND k.revoked_at IS NULL AND k.valid @> yq_now())
           AS has_signing_key,
       p.locked_until > yq_now() IS TRUE AS is_locked, p.language, p.licence_number, p.created_at
FROM person p JOIN site t ON t.site_id = p.seat_id JOIN scope s ON s.scope_id = t.site_id
ORDER BY p.person_id;

-- name: staff_find
-- $1 account
SELECT p.public_id AS id, p.name, s.name AS institution
FROM person p JOIN scope s ON s.scope_id = p.institution_id
WHERE p.account = $1::text;

-- ---- what an installation begins with --------------------------------------------------------------------------------

-- name: defaults_lock
SELECT pg_advisory_xact_lock(7951120844);

-- name: defaults_now
SELECT yq_now() AS now;

-- name: defaults_policy
INSERT INTO signing_policy (name) VALUES ('two_signatures') ON CONFLICT (name) DO NOTHING;

-- name: defaults_policy_version
-- $1 now
INSERT INTO signing_policy_version (policy_id, version, signatures, different_persons, in_force)
SELECT policy_id, 1, 2, true, tstzrange($1::timestamptz, NULL) FROM signing_policy
WHERE name = 'two_signatures'
  AND NOT EXISTS (SELECT FROM signing_policy_version v WHERE v.policy_id = signing_policy.policy_id);

-- name: defaults_queues
-- One for every hospital that leads a grid today.
INSERT INTO reading_queue (lead_site_id, policy_id, name)
SELECT DISTINCT l.site_id, p.policy_id, s.name || '影像诊断'
FROM grid_lead l JOIN scope s ON s.scope_id = l.site_id CROSS JOIN signing_policy p
WHERE l.valid @> yq_now()::date AND p.name = 'two_signatures'
  AND NOT EXISTS (SELECT FROM reading_queue q WHERE q.lead_site_id = l.site_id);

-- name: defaults_rules_state
-- Are rules wanted: there are none, or the default ones miss a grid or name a lead that is none any more.
SELECT coalesce(bool_or(r.note <> 'default'), false) AS is_own,
       (count(r.rule_set_id) = 0 OR bool_and(r.note = 'default'))
       AND EXISTS (
           SELECT FROM grid_lead l
           WHERE l.valid @> yq_now()::date
             AND NOT EXISTS (SELECT FROM routing_rule u JOIN reading_queue q USING (queue_id)
                             JOIN routing_rule_set t USING (rule_set_id)
                             WHERE t.in_force @> yq_now() AND q.lead_site_id = l.site_id
                               AND EXISTS (SELECT FROM jsonb_array_elements(u.conditions) c (v)
                                           JOIN scope g ON v ->> 'field' = 'grid' AND v -> 'values' ? g.public_id::text
                                           WHERE g.scope_id = l.grid_id))) AS is_needed
FROM routing_rule_set r
WHERE r.in_force @> yq_now();

-- name: defaults_rules_end
-- $1 now
UPDATE routing_rule_set SET in_force = tstzrange(lower(in_force), $1::timestamptz)
WHERE in_force @> $1::timestamptz AND lower(in_force) < $1::timestamptz;

-- name: defaults_rules_begin
-- $1 now
INSERT INTO routing_rule_set (version, in_force, note)
SELECT coalesce(max(version), 0) + 1, tstzrange($1::timestamptz, NULL), 'default' FROM routing_rule_set;

-- name: defaults_rules
-- Three a grid: emergencies, everyday work, health checks. All are read by the lead (central).
-- $1 now
INSERT INTO routing_rule (rule_set_id, ordinal, name, conditions, queue_id, reading_mode, priority)
SELECT t.rule_set_id, row_number() OVER (ORDER BY c.step, l.grid_id), left(g.name || c.word, 100),
       jsonb_build_array(jsonb_build_object('field', 'grid', 'op', 'is', 'values', jsonb_build_array(g.public_id)))
       || CASE WHEN c.patient_class IS NULL THEN '[]'
          ELSE jsonb_build_array(jsonb_build_object('field', 'patient_class', 'op', 'is', 'values', jsonb_build_array(c.patient_class))) END,
       (SELECT q.queue_id FROM reading_queue q WHERE q.lead_site_id = l.site_id ORDER BY q.queue_id LIMIT 1), 'central', 0
FROM routing_rule_set t
CROSS JOIN grid_lead l
JOIN scope g ON g.scope_id = l.grid_id
CROSS JOIN (VALUES (1, 'emergency', ' 急诊'), (2, 'health_check', ' 体检'), (3, NULL, '')) AS c (step, patient_class, word)
WHERE t.in_force @> $1::timestamptz AND l.valid @> yq_now()::date;

-- name: defaults_limits
-- The limits of the guidance, in minutes; working time counts a day as 8 hours. A more special row (class and modality) wins.
INSERT INTO turnaround_limit (patient_class, modality, minutes, is_working_time)
VALUES ('emergency', NULL, 60, false), ('emergency', 'DX', 30, false), ('emergency', 'CR', 30, false),
       ('emergency', 'DR', 30, false), ('emergency', 'CT', 60, false), ('emergency', 'MR', 60, false), ('emergency', 'ECG', 20, false),
       ('outpatient', 'CT', 240, true), ('outpatient', 'MR', 240, true),
       ('inpatient', 'CT', 360, true), ('inpatient', 'MR', 360, true),
       ('health_check', NULL, 1440, true), ('health_check', 'DX', 1440, true), ('health_check', 'CR', 1440, true),
       ('health_check', 'DR', 1440, true), ('health_check', 'ECG', 1440, true),
       (NULL, 'DX', 120, false), (NULL, 'CR', 120, false), (NULL, 'DR', 120, false), (NULL, 'ECG', 20, false),
       (NULL, NULL, 1440, false)
ON CONFLICT DO NOTHING;

-- ---- demonstration -------------------------------------------------------------------------------------------------

-- name: demo_scope
-- A site by code, else the grid of that name, else the community.
-- $1 code or name
SELECT s.scope_id
FROM scope s LEFT JOIN site t ON t.site_id = s.scope_id
WHERE t.code = $1::text OR (s.name = $1::text AND s.kind <> 'site')
ORDER BY t.code IS NULL, s.kind = 'community', s.scope_id
LIMIT 1;

-- name: demo_destination_move
-- The destination of the demonstration moves to the port that is configured now, with its deliveries.
-- $1 site
-- $2 AE title
-- $3 port
UPDATE destination SET port = $3::integer
WHERE site_id = $1::bigint AND ae_title = $2::text AND host = '127.0.0.1' AND port <> $3::integer AND is_enabled;
