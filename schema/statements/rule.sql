-- Routing rules: the document of a version, what is known of a study, who covers, who may read.

-- name: rule_document
-- A version of the rules as JSON; no row: there is none.
-- $1 rule set, or NULL: the one in force
SELECT d.document FROM (SELECT yq_rules_document($1::bigint) AS document) d WHERE d.document IS NOT NULL;

-- name: rule_set_of_version
-- $1 version
SELECT rule_set_id FROM routing_rule_set WHERE version = $1::integer;

-- name: rule_sets
-- The versions, the newest first, with who made them.
SELECT t.version, lower(t.in_force) AS in_force_from, upper(t.in_force) AS in_force_until, t.in_force @> yq_now() AS is_in_force, t.note,
       coalesce(p.name, nullif(t.made_by_operator, ''), '') AS made_by,
       (SELECT count(*) FROM routing_rule r WHERE r.rule_set_id = t.rule_set_id) AS rules
FROM routing_rule_set t LEFT JOIN person p ON p.person_id = t.made_by
ORDER BY t.version DESC
LIMIT 500;

-- name: rule_write
-- $1 version that was changed, or NULL: there was none
-- $2 document
-- $3 person, or NULL
-- $4 operator at the machine, or NULL
-- $5 what was changed
SELECT yq_rules_write($1::integer, $2::jsonb, $3::uuid, $4::text, $5::text) AS version;

-- name: rule_names
-- $1 ids, an array
SELECT yq_rule_names($1::uuid[]) AS names;

-- name: rule_moment
-- $1 time, or NULL: now
SELECT yq_rule_moment(coalesce($1::timestamptz, yq_now())) AS moment;

-- name: rule_study
-- $1 study
SELECT yq_rule_study(s.study_id) AS facts, s.rule_set_id, sc.public_id::text AS site FROM study s JOIN scope sc ON sc.scope_id = s.site_id
WHERE s.public_id = $1::uuid;

-- name: rule_site
-- $1 site
SELECT yq_rule_site(scope_id) AS facts FROM scope WHERE public_id = $1::uuid AND kind = 'site';

-- name: rule_queue
-- Whose queue it is, and whether that hospital may read studies of the site then (yq_agreement).
-- $1 queue
-- $2 site
-- $3 day
SELECT q.name, h.name AS hospital, h.public_id::text AS hospital_id, a.code, a.on_day::text AS on_day
FROM reading_queue q
JOIN scope h ON h.scope_id = q.lead_site_id
LEFT JOIN scope s ON s.public_id = $2::uuid
CROSS JOIN LATERAL yq_agreement(q.lead_site_id, s.scope_id, $3::date) a
WHERE q.public_id = $1::uuid;

-- name: duty_of_day
-- Covers that may count on a day or, beyond midnight, began on the day before.
-- $1 day
SELECT c.public_id::text AS id, q.public_id::text AS queue, b.public_id::text AS by_queue, array_to_string(c.weekdays, '') AS weekdays,
       c.day_kind, c.minute_from, c.minute_to, c.valid @> $1::date AS is_valid, c.valid @> ($1::date - 1) AS was_valid
FROM duty_cover c
JOIN reading_queue q ON q.queue_id = c.queue_id
JOIN reading_queue b ON b.queue_id = c.by_queue_id
WHERE c.ended_at IS NULL AND (c.valid @> $1::date OR c.valid @> ($1::date - 1))
ORDER BY c.cover_id;

-- name: routing_record
-- $1 study
-- $2 rule set
-- $3 cause
-- $4 outcome
-- $5 rules that counted, an array of their internal keys as text
-- $6 queue, or NULL
-- $7 covered queue, or NULL
-- $8 reading mode, or NULL
-- $9 priority, or NULL
-- $10 reason of a person
INSERT INTO study_routing (site_id, study_id, study_version, rule_set_id, cause, outcome, rule_ids, queue_id, covered_queue_id, reading_mode,
                           priority, reason)
SELECT s.site_id, s.study_id, s.version, $2::bigint, $3::text, $4::text, $5::text[]::bigint[],
       (SELECT queue_id FROM reading_queue WHERE public_id = $6::uuid), (SELECT queue_id FROM reading_queue WHERE public_id = $7::uuid),
       $8::text, $9::smallint, $10::text
FROM study s WHERE s.public_id = $1::uuid;

-- name: routing_forwarded
-- The version of a study whose images were given to the destinations of rules, and the rules that did it.
-- $1 study
-- $2 rule set
UPDATE study SET forwarded_version = version, rule_set_id = $2::bigint WHERE public_id = $1::uuid;

-- name: hold_place
-- $1 study
-- $2 rule
-- $3 reason
INSERT INTO study_hold (site_id, study_id, rule_id, reason)
SELECT s.site_id, s.study_id, $2::bigint, $3::text FROM study s WHERE s.public_id = $1::uuid
ON CONFLICT (study_id) WHERE released_at IS NULL DO NOTHING
RETURNING public_id::text AS hold;

-- name: hold_lift
-- The router's: rules that were asked anew do not hold it any more.
-- $1 study
UPDATE study_hold SET released_at = yq_now()
WHERE study_id = (SELECT study_id FROM study WHERE public_id = $1::uuid) AND released_at IS NULL;

-- name: hold_was_released
-- Did a person release this study from this rule (whatever its version) before?
-- $1 study
-- $2 rule
SELECT EXISTS (SELECT FROM study_hold h JOIN routing_rule r USING (rule_id) JOIN study s USING (study_id)
               WHERE s.public_id = $1::uuid AND h.released_at IS NOT NULL AND h.release_reason <> ''
                 AND r.rule_key = (SELECT rule_key FROM routing_rule WHERE rule_id = $2::bigint)) AS is_released;

-- name: routing_state
-- What stands against routing a study by hand, for these eyes.
-- $1 study
-- $2 person, or NULL
SELECT sc.public_id::text AS site, s.state, s.version, s.unrouted_reason, t.state AS task_state, q.public_id::text AS queue, q.name AS queue_name, t.reading_mode,
       t.priority, t.rule_priority, set_in_use.version AS rule_set_version, h.reason AS hold_reason,
       EXISTS (SELECT FROM reading_task d WHERE d.study_id = s.study_id AND d.state = 'done') AS is_read,
       $2::uuid IS NULL OR yq_person_may($2::uuid, ARRAY['duty_leader', 'operator'], s.site_id) AS may
FROM study s
JOIN scope sc ON sc.scope_id = s.site_id
LEFT JOIN routing_rule_set set_in_use ON set_in_use.rule_set_id = s.rule_set_id
LEFT JOIN LATERAL (SELECT * FROM reading_task o WHERE o.study_id = s.study_id AND o.state NOT IN ('done', 'cancelled')
                   ORDER BY o.task_id DESC LIMIT 1) t ON true
LEFT JOIN reading_queue q ON q.queue_id = t.queue_id
LEFT JOIN study_hold h ON h.study_id = s.study_id AND h.released_at IS NULL
WHERE s.public_id = $1::uuid;

-- name: routing_signal
-- $1 study
-- $2 person, or NULL
-- $3 reroute or release
-- $4 reason
INSERT INTO study_signal (study_id, site_id, kind, detail, person_id)
SELECT s.study_id, s.site_id, $3::text, jsonb_build_object('reason', $4::text), (SELECT person_id FROM person WHERE public_id = $2::uuid)
FROM study s WHERE s.public_id = $1::uuid;

-- name: hold_release
-- $1 study
-- $2 person, or NULL
-- $3 operator at the machine, or NULL
-- $4 reason
UPDATE study_hold h
SET released_at = yq_now(), released_by = (SELECT person_id FROM person WHERE public_id = $2::uuid),
    released_by_operator = coalesce($3::text, ''), release_reason = $4::text
FROM study s
WHERE s.public_id = $1::uuid AND h.study_id = s.study_id AND h.released_at IS NULL
RETURNING h.public_id::text AS hold;

-- name: routing_waiting
-- Studies whose work waits for a person because of the rules: held ones and those that no rule takes; for these eyes, the oldest first.
SELECT s.public_id AS id, s.study_instance_uid, sc.name AS site, s.modality, s.patient_class, s.last_arrival_at, s.unrouted_reason,
       s.unrouted_code, s.unrouted_detail, h.reason AS hold_reason, h.held_at, r.name AS hold_rule
FROM study s
JOIN scope sc ON sc.scope_id = s.site_id
LEFT JOIN study_hold h ON h.study_id = s.study_id AND h.released_at IS NULL
LEFT JOIN routing_rule r ON r.rule_id = h.rule_id
WHERE s.study_id IN (SELECT study_id FROM study WHERE unrouted_reason <> ''
                     UNION SELECT study_id FROM study_hold WHERE released_at IS NULL)
ORDER BY s.study_id
LIMIT 1000;

-- name: routing_awaiting
-- Studies whose task waits in a queue and could be routed anew.
-- $1 queue
SELECT s.public_id::text AS study FROM reading_task t JOIN study s USING (study_id)
WHERE t.queue_id = (SELECT queue_id FROM reading_queue WHERE public_id = $1::uuid) AND t.state = 'awaiting' AND t.kind = 'primary'
ORDER BY t.task_id
LIMIT 5000;

-- ---- queues, agreements, duty, calendar ------------------------------------------------------------------------------

-- name: rule_choices
-- What a rule may name: for the form at the pages.
SELECT jsonb_build_object(
    'may', yq_may_rule(ARRAY['operator']),
    'queues', coalesce((SELECT jsonb_agg(jsonb_build_object('id', q.public_id, 'name', q.name, 'hospital', h.name) ORDER BY h.name, q.name)
                        FROM reading_queue q JOIN scope h ON h.scope_id = q.lead_site_id), '[]'),
    'destinations', coalesce((SELECT jsonb_agg(jsonb_build_object('id', x.public_id, 'name', coalesce(nullif(x.name, ''), x.ae_title, x.host, x.url),
                                                                  'site', s.name, 'is_ai_node', x.is_ai_node) ORDER BY s.name, x.destination_id)
                              FROM destination x JOIN scope s ON s.scope_id = x.site_id
                              WHERE x.is_enabled AND x.protocol IN ('dicom', 'stow', 'link')), '[]'),
    'scopes', coalesce((SELECT jsonb_agg(jsonb_build_object('id', c.public_id, 'kind', c.kind, 'name', c.name, 'type', t.licensed_type) ORDER BY c.scope_id)
                        FROM scope c LEFT JOIN site t ON t.site_id = c.scope_id), '[]'),
    'devices', coalesce((SELECT jsonb_agg(jsonb_build_object('id', d.public_id, 'name', coalesce(nullif(d.name, ''), d.calling_ae), 'site', s.name)
                                          ORDER BY s.name, d.device_id)
                         FROM device d JOIN scope s ON s.scope_id = d.site_id WHERE d.is_enabled), '[]')) AS json;

-- name: queue_list
SELECT q.public_id AS id, q.name, h.name AS hospital, t.code AS hospital_code, p.name AS policy,
       (SELECT count(*) FROM reading_task k WHERE k.queue_id = q.queue_id AND k.state = 'awaiting') AS awaiting
FROM reading_queue q
JOIN scope h ON h.scope_id = q.lead_site_id JOIN site t ON t.site_id = q.lead_site_id
JOIN signing_policy p USING (policy_id)
ORDER BY h.name, q.queue_id;

-- name: queue_find
-- $1 id, or name of the queue or of its hospital
SELECT q.public_id::text AS id FROM reading_queue q JOIN scope h ON h.scope_id = q.lead_site_id JOIN site t ON t.site_id = q.lead_site_id
WHERE q.public_id::text = lower($1::text) OR q.name = $1::text
   OR ((h.name = $1::text OR t.code = $1::text) AND NOT EXISTS (SELECT FROM reading_queue o WHERE o.name = $1::text))
ORDER BY q.queue_id LIMIT 20;

-- name: queue_add
-- $1 hospital, a site
-- $2 name
-- $3 signing policy by name
INSERT INTO reading_queue (lead_site_id, policy_id, name)
SELECT s.scope_id, p.policy_id, $2::text FROM scope s, signing_policy p WHERE s.public_id = $1::uuid AND p.name = $3::text
RETURNING public_id::text AS id;

-- name: site_add
-- A hospital outside of the communities, that no roster names.
-- $1 name
-- $2 code
WITH s AS (INSERT INTO scope (kind, name) VALUES ('site', $1::text) RETURNING scope_id, public_id),
     t AS (INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)
           SELECT scope_id, $2::text, 'hospital', false FROM s RETURNING site_id)
SELECT s.public_id::text AS id FROM s, t;

-- name: agreement_list
SELECT a.public_id AS id, h.name AS hospital, h.public_id AS hospital_id, s.name AS scope, s.public_id AS scope_id, lower(a.valid) AS from_day,
       upper(a.valid) - 1 AS until_day,
       CASE WHEN a.valid @> yq_now()::date THEN 'in_force' WHEN lower(a.valid) > yq_now()::date THEN 'ahead' ELSE 'ended' END AS state,
       a.note, coalesce(p.name, nullif(a.made_by_operator, ''), '') AS made_by, a.made_at
FROM cooperation_agreement a
JOIN scope h ON h.scope_id = a.hospital_id JOIN scope s ON s.scope_id = a.scope_id
LEFT JOIN person p ON p.person_id = a.made_by
ORDER BY h.name, s.name, lower(a.valid);

-- name: agreement_add
-- $1 hospital
-- $2 scope
-- $3 first day
-- $4 last day, or NULL
-- $5 note
-- $6 person, or NULL
-- $7 operator at the machine, or NULL
INSERT INTO cooperation_agreement (hospital_id, scope_id, valid, note, made_by, made_by_operator)
SELECT h.scope_id, s.scope_id, daterange($3::date, $4::date, '[]'), $5::text, (SELECT person_id FROM person WHERE public_id = $6::uuid),
       coalesce($7::text, '')
FROM scope h, scope s WHERE h.public_id = $1::uuid AND h.kind = 'site' AND s.public_id = $2::uuid
RETURNING public_id::text AS id;

-- name: agreement_end
-- From the day after; one that has not begun never holds.
-- $1 agreement
-- $2 last day
UPDATE cooperation_agreement SET valid = daterange(lower(valid), $2::date, '[]')
WHERE public_id = $1::uuid AND lower(valid) <= $2::date AND (upper(valid) IS NULL OR upper(valid) > $2::date)
RETURNING public_id::text AS id;

-- name: duty_list
-- Covers that hold or will hold.
SELECT c.public_id AS id, q.name AS queue, q.public_id AS queue_id, b.name AS by_queue, b.public_id AS by_queue_id,
       array_to_string(c.weekdays, ',') AS weekdays, c.day_kind,
       to_char(make_interval(mins => c.minute_from), 'HH24:MI') || '-' || to_char(make_interval(mins => c.minute_to), 'HH24:MI') AS hours,
       lower(c.valid) AS from_day, upper(c.valid) - 1 AS until_day, c.note, coalesce(p.name, nullif(c.made_by_operator, ''), '') AS made_by
FROM duty_cover c
JOIN reading_queue q ON q.queue_id = c.queue_id JOIN reading_queue b ON b.queue_id = c.by_queue_id
LEFT JOIN person p ON p.person_id = c.made_by
WHERE c.ended_at IS NULL AND coalesce(upper(c.valid) > yq_now()::date, true)
ORDER BY q.name, c.cover_id;

-- name: duty_add
-- $1 queue that is covered
-- $2 queue that covers
-- $3 weekdays, an array
-- $4 kind of day
-- $5 minute from
-- $6 minute to
-- $7 first day, or NULL
-- $8 last day, or NULL
-- $9 note
-- $10 person, or NULL
-- $11 operator at the machine, or NULL
INSERT INTO duty_cover (queue_id, by_queue_id, weekdays, day_kind, minute_from, minute_to, valid, note, made_by, made_by_operator)
SELECT q.queue_id, b.queue_id, $3::text[]::smallint[], $4::text, $5::smallint, $6::smallint, daterange($7::date, $8::date, '[]'), $9::text,
       (SELECT person_id FROM person WHERE public_id = $10::uuid), coalesce($11::text, '')
FROM reading_queue q, reading_queue b WHERE q.public_id = $1::uuid AND b.public_id = $2::uuid
RETURNING public_id::text AS id;

-- name: duty_end
-- $1 cover
UPDATE duty_cover SET ended_at = yq_now() WHERE public_id = $1::uuid AND ended_at IS NULL RETURNING public_id::text AS id;

-- name: calendar_list
SELECT day, is_working, name FROM calendar_day ORDER BY day;

-- name: calendar_set
-- $1 first day
-- $2 last day
-- $3 is it worked
-- $4 name
INSERT INTO calendar_day (day, is_working, name)
SELECT d::date, $3::boolean, $4::text FROM generate_series($1::date::timestamp, $2::date::timestamp, interval '1 day') d
ON CONFLICT (day) DO UPDATE SET is_working = excluded.is_working, name = excluded.name;

-- name: calendar_clear
-- $1 first day
-- $2 last day
DELETE FROM calendar_day WHERE day BETWEEN $1::date AND $2::date;

-- name: destination_ai_node
-- $1 destination
-- $2 is it one
UPDATE destination SET is_ai_node = $2::boolean WHERE public_id = $1::uuid RETURNING public_id::text AS id;

-- name: rule_may
-- May the person of this session change what holds for every site?
SELECT yq_may_rule(ARRAY['operator']) AS may;
