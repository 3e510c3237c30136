-- The figures of the cockpit. What each one counts is defined by the functions of the migration 'figures'; here it is added up and gets
-- its shape (gateway/web/src/api/types.ts, Figures).

-- name: figure_communities
-- Communities of which the person may see figures, by name.
-- $1 day
SELECT DISTINCT c.public_id::text AS id, c.name
FROM figure_sites($1::date) f JOIN scope c ON c.scope_id = f.community_id
ORDER BY c.name, id;

-- name: figure_definitions
-- Those in force today.
SELECT jsonb_build_object('figure', figure, 'version', version, 'name_zh', name_zh, 'name_en', name_en, 'numerator', numerator,
                          'denominator', denominator, 'numerator_en', numerator_en, 'denominator_en', denominator_en,
                          'dimensions', dimensions) AS json
FROM figure_definition
WHERE in_force @> yq_now()::date
ORDER BY figure;

-- name: figure_memory
-- For this transaction: sorts of a long period stay in memory, and no plan is compiled for one use.
SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true);

-- name: figures
-- All of one community at once.
-- $1 community
-- $2 first day
-- $3 last day
-- $4 reading modes, an array; NULL: every study, also those that no rule took yet
WITH facts AS MATERIALIZED (
    SELECT f.* FROM figure_facts($1::uuid, $2::date, $3::date, $4::text[]) f
), place AS MATERIALIZED (
    SELECT p.*, t.code, t.counts_as_township_health_centre AS counts, t.has_equipment, s.public_id, s.name, g.name AS grid
    FROM figure_sites($3::date) p
    JOIN scope c ON c.scope_id = p.community_id
    JOIN scope g ON g.scope_id = p.grid_id
    JOIN scope s ON s.scope_id = p.site_id
    JOIN site t ON t.site_id = p.site_id
    WHERE c.public_id = $1::uuid
), tally AS MATERIALIZED (
    SELECT f.site_id, m.figure, count(*) FILTER (WHERE m.is_counted) AS numerator, count(*) AS denominator
    FROM facts f CROSS JOIN LATERAL figure_marks(ROW (f.*)::figure_fact) m
    GROUP BY f.site_id, m.figure
), critical AS (
    SELECT count(*) FILTER (WHERE is_in_time) AS in_time, count(*) FILTER (WHERE is_closed) AS closed, count(*) AS number
    FROM figure_critical($1::uuid, $2::date, $3::date, $4::text[])
), total AS MATERIALIZED (
    SELECT figure, sum(numerator)::bigint AS numerator, sum(denominator)::bigint AS denominator FROM tally GROUP BY figure
    UNION ALL SELECT 'critical_in_time', in_time, number FROM critical
    UNION ALL SELECT 'critical_closed', closed, number FROM critical
), ratio AS MATERIALIZED (
    SELECT d.ordinal, d.figure, figure_ratio(coalesce(t.numerator, 0), coalesce(t.denominator, 0)) AS json
    FROM unnest(ARRAY['positive_rate', 'grade_a_rate', 'retake_rate', 'request_return_rate', 'double_signature_rate',
                      'review_change_rate', 'critical_in_time', 'critical_closed', 'diagnosis_by_lead_rate', 'in_time_centre',
                      'in_time_site']) WITH ORDINALITY AS d (figure, ordinal)
    LEFT JOIN total t USING (figure)
), leg AS (
    SELECT l.leg, count(*) AS number, percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY l.seconds) AS s
    FROM facts f CROSS JOIN LATERAL figure_legs(ROW (f.*)::figure_fact) l
    GROUP BY l.leg
), class AS (
    SELECT f.patient_class, f.modality, count(*) AS number,
           count(*) FILTER (WHERE f.due_at IS NOT NULL) AS limited,
           count(*) FILTER (WHERE f.issued_at <= f.due_at) AS in_time,
           percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (
               ORDER BY figure_seconds(f.ready_at, f.issued_at, f.paused)) AS s
    FROM facts f WHERE f.is_report
    GROUP BY 1, 2
), work AS (
    SELECT w.person_id, count(*) FILTER (WHERE w.is_author) AS written, count(*) FILTER (WHERE NOT w.is_author) AS reviewed,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY w.seconds) FILTER (WHERE w.is_author) AS median_s
    FROM facts f CROSS JOIN LATERAL (VALUES
             (f.author_id, true, figure_seconds(f.taken_at, f.submitted_at,
                                                       f.paused - f.paused_waiting - f.paused_review)),
             (f.reviewer_id, false, NULL)) w (person_id, is_author, seconds)
    WHERE f.is_report AND w.person_id IS NOT NULL
    GROUP BY w.person_id
), stage AS (
    SELECT count(*) AS studies, count(f.ready_at) AS complete, count(f.taken_at) AS read, count(f.issued_at) AS issued,
           count(f.returned_at) AS returned, count(f.opened_at) AS opened
    FROM facts f WHERE f.is_study
), connection AS (
    SELECT count(*) FILTER (WHERE v.is_enrolled) AS enrolled,
           count(*) FILTER (WHERE v.is_enrolled AND v.echoes + v.images > 0) AS connected
    FROM coverage_contacts($2::date, $3::date) v JOIN place p USING (site_id) WHERE p.counts
), day AS (
    SELECT d.day::date AS day, coalesce(s.number, 0) AS studies, coalesce(r.number, 0) AS reports
    FROM generate_series($2::date, $3::date, interval '1 day') AS d (day)
    LEFT JOIN (SELECT f.first_image_at::date AS day, count(*) AS number FROM facts f WHERE f.is_study GROUP BY 1) s
        ON s.day = d.day::date
    LEFT JOIN (SELECT f.issued_at::date AS day, count(*) AS number FROM facts f WHERE f.is_report GROUP BY 1) r
        ON r.day = d.day::date
), hour AS (
    SELECT d.isodow, h.hour, coalesce(s.number, 0) AS studies
    FROM generate_series(1, 7) AS d (isodow) CROSS JOIN generate_series(0, 23) AS h (hour)
    LEFT JOIN (SELECT extract(isodow FROM f.first_image_at) AS isodow, extract(hour FROM f.first_image_at) AS hour,
                      count(*) AS number
               FROM facts f WHERE f.is_study GROUP BY 1, 2) s ON s.isodow = d.isodow AND s.hour = h.hour
), site_line AS (
    SELECT p.grid, p.code, p.counts, jsonb_build_object(
               'site', jsonb_build_object('id', p.public_id, 'code', p.code, 'name', p.name, 'grid', p.grid),
               'counts', p.counts, 'has_equipment', p.has_equipment,
               'studies', coalesce(s.studies, 0), 'reports', coalesce(s.reports, 0),
               'in_time', figure_ratio(coalesce(s.in_time, 0), coalesce(s.limited, 0)),
               'positive', figure_ratio(coalesce(s.positive, 0), coalesce(s.flagged, 0)),
               'grade_a', figure_ratio(coalesce(s.grade_a, 0), coalesce(s.graded, 0)),
               'daily', d.daily, 'last_seen_at', w.last_seen_at, 'wrong', w.wrong) AS json
    FROM place p
    JOIN figure_days($1::uuid, $3::date, $4::text[]) d USING (site_id)
    JOIN figure_wrong($1::uuid, $3::date) w USING (site_id)
    LEFT JOIN (SELECT site_id,
                      sum(denominator) FILTER (WHERE figure = 'volume') AS studies,
                      sum(denominator) FILTER (WHERE figure = 'reports') AS reports,
                      (sum(numerator) FILTER (WHERE figure = 'in_time_centre'))::bigint AS in_time,
                      (sum(denominator) FILTER (WHERE figure = 'in_time_centre'))::bigint AS limited,
                      (sum(numerator) FILTER (WHERE figure = 'positive_rate'))::bigint AS positive,
                      (sum(denominator) FILTER (WHERE figure = 'positive_rate'))::bigint AS flagged,
                      (sum(numerator) FILTER (WHERE figure = 'grade_a_rate'))::bigint AS grade_a,
                      (sum(denominator) FILTER (WHERE figure = 'grade_a_rate'))::bigint AS graded
               FROM tally GROUP BY site_id) s USING (site_id)
)
SELECT jsonb_build_object(
    'volume', (SELECT jsonb_agg(jsonb_build_object('day', day, 'studies', studies, 'reports', reports) ORDER BY day) FROM day),
    'studies', coalesce((SELECT denominator FROM total WHERE figure = 'volume'), 0),
    'reports', coalesce((SELECT denominator FROM total WHERE figure = 'reports'), 0),
    'in_time', jsonb_build_object('centre', (SELECT json FROM ratio WHERE figure = 'in_time_centre'),
                                  'site', (SELECT json FROM ratio WHERE figure = 'in_time_site')),
    'turnaround', (SELECT jsonb_agg(jsonb_build_object('leg', o.leg, 'count', coalesce(l.number, 0), 'median_s', l.s[1],
                                                       'p90_s', l.s[2]) ORDER BY o.ordinal)
                   FROM unnest(ARRAY['arrival', 'waiting', 'writing', 'review', 'return', 'centre', 'site'])
                        WITH ORDINALITY AS o (leg, ordinal) LEFT JOIN leg l USING (leg)),
    'turnaround_by_class', coalesce((
        SELECT jsonb_agg(jsonb_build_object('patient_class', c.patient_class, 'modality', c.modality, 'limit_minutes', t.minutes,
                             'is_working_time', coalesce(t.is_working_time, false), 'count', c.number,
                             'in_time', figure_ratio(c.in_time, c.limited), 'median_s', c.s[1], 'p90_s', c.s[2])
                         ORDER BY array_position(ARRAY['emergency', 'outpatient', 'inpatient', 'health_check'], c.patient_class),
                                  c.modality)
        FROM class c
        LEFT JOIN LATERAL (
            SELECT t.minutes, t.is_working_time FROM turnaround_limit t LEFT JOIN scope s USING (scope_id)
            WHERE t.in_force @> yq_now() AND (t.scope_id IS NULL OR s.public_id = $1::uuid)
              AND coalesce(t.patient_class, c.patient_class) = c.patient_class AND coalesce(t.modality, c.modality) = c.modality
            ORDER BY t.scope_id IS NULL, t.modality IS NULL, t.patient_class IS NULL LIMIT 1) t ON true), '[]'),
    'funnel', (SELECT jsonb_agg(jsonb_build_object('stage', x.stage, 'count', x.number) ORDER BY x.ordinal)
               FROM stage s CROSS JOIN connection n CROSS JOIN LATERAL (VALUES
                   (1, 'enrolled_sites', n.enrolled), (2, 'connected_sites', n.connected), (3, 'studies', s.studies),
                   (4, 'complete', s.complete), (5, 'read', s.read), (6, 'issued', s.issued), (7, 'returned', s.returned),
                   (8, 'opened', s.opened)) x (ordinal, stage, number)),
    'heat', (SELECT jsonb_agg(jsonb_build_object('isodow', isodow, 'hour', hour, 'studies', studies) ORDER BY isodow, hour) FROM hour),
    'rates', (SELECT jsonb_agg(jsonb_build_object('figure', figure, 'ratio', json) ORDER BY ordinal)
              FROM ratio WHERE figure NOT IN ('in_time_centre', 'in_time_site')),
    'workload', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
                   'person', jsonb_build_object('id', p.public_id, 'name', p.name),
                   'site', jsonb_build_object('id', s.public_id, 'name', s.name),
                   'written', w.written, 'reviewed', w.reviewed, 'median_writing_s', w.median_s)
                   ORDER BY w.written + w.reviewed DESC, p.public_id)
        FROM work w JOIN person p USING (person_id) JOIN scope s ON s.scope_id = p.seat_id), '[]'),
    'sites', coalesce((SELECT jsonb_agg(json ORDER BY counts DESC, grid, code) FROM site_line), '[]'),
    'open_critical_values', (SELECT count(*)
                             FROM figure_critical($1::uuid, date '2000-01-01', greatest($3::date, yq_now()::date), NULL)
                             WHERE NOT is_closed)) AS json;

-- name: coverage_months
-- For the trend: what coverage_sites() says of one community in each month up to a day, at most 13 (a year, and the month a year ago), from the first on in which anything
-- came. The month of the day itself ends with it.
-- $1 community
-- $2 last day
SELECT to_char(m.from_day, 'YYYY-MM') AS month, c.public_id::text AS community_id, t.licensed_type,
       t.counts_as_township_health_centre AS counts, t.has_equipment, f.is_enrolled, f.echoes, f.images, f.reports
FROM scope c
CROSS JOIN LATERAL (
    SELECT greatest(date_trunc('month', $2::date - interval '12 months'),
                    date_trunc('month', coalesce(min(k.day), $2::date)::timestamp)) AS from_day
    FROM scope_membership g JOIN scope_membership m ON m.parent_id = g.child_id JOIN device d ON d.site_id = m.child_id
    JOIN device_contact k USING (device_id)
    WHERE g.parent_id = c.scope_id AND k.day <= $2::date) start
CROSS JOIN LATERAL (SELECT n::date AS from_day, least((n + interval '1 month')::date - 1, $2::date) AS to_day
                    FROM generate_series(start.from_day, $2::date::timestamp, interval '1 month') n) m
CROSS JOIN LATERAL coverage_sites(m.from_day, m.to_day) f
JOIN site t ON t.site_id = f.site_id
WHERE c.public_id = $1::uuid AND f.community_id = c.scope_id
ORDER BY m.from_day, f.site_id;

-- name: figure_find
-- $1 figure
SELECT figure FROM figure_definition WHERE figure = $1::text AND in_force @> yq_now()::date;

-- name: figure_rows
-- The studies of a figure's denominator, the last that came first. Columns but the first are shown.
-- $1 community
-- $2 first day
-- $3 last day
-- $4 reading modes, an array; NULL: every study
-- $5 figure
-- $6 site, or NULL
-- $7 study behind which the page begins, or NULL
-- $8 how many
WITH facts AS (
    SELECT f.* FROM figure_facts($1::uuid, $2::date, $3::date, $4::text[]) f
), marked AS (
    SELECT f.*, m.is_counted, NULL::double precision AS seconds
    FROM facts f CROSS JOIN LATERAL figure_marks(ROW (f.*)::figure_fact) m
    WHERE m.figure = $5::text
    UNION ALL
    SELECT f.*, true, l.seconds
    FROM facts f CROSS JOIN LATERAL figure_legs(ROW (f.*)::figure_fact) l
    WHERE $5::text = 'turnaround_' || l.leg
)
SELECT s.public_id::text AS id, s.public_id::text AS study, p.name AS site, f.patient_class, f.modality, f.reading_mode,
       f.first_image_at, f.ready_at AS complete_at, f.taken_at, f.submitted_at, f.issued_at, f.returned_at, f.due_at,
       extract(epoch FROM f.paused)::bigint AS paused_s, a.name AS author, r.name AS reviewer, round(f.seconds)::bigint AS seconds,
       f.is_counted AS counted
FROM marked f
JOIN study s USING (study_id)
JOIN scope p ON p.scope_id = f.site_id
LEFT JOIN person a ON a.person_id = f.author_id
LEFT JOIN person r ON r.person_id = f.reviewer_id
WHERE ($6::uuid IS NULL OR p.public_id = $6::uuid)
  AND ($7::uuid IS NULL OR (f.first_image_at, f.study_id) < (SELECT first_arrival_at, study_id FROM study WHERE public_id = $7::uuid))
ORDER BY f.first_image_at DESC, f.study_id DESC
LIMIT $8::integer;

-- name: figure_rows_critical
-- Critical values, the last one first.
-- $1 community
-- $2 first day
-- $3 last day
-- $4 reading modes, an array; NULL: every study
-- $5 figure
-- $6 site, or NULL
-- $7 critical value behind which the page begins, or NULL
-- $8 how many
SELECT v.public_id::text AS id, s.public_id::text AS study, p.name AS site, c.patient_class, c.modality, c.reading_mode, c.raised_at,
       c.confirm_by, c.read_back_at, c.closed_at,
       CASE $5::text WHEN 'critical_closed' THEN c.is_closed ELSE c.is_in_time END AS counted
FROM figure_critical($1::uuid, $2::date, $3::date, $4::text[]) c
JOIN critical_value v USING (critical_value_id)
JOIN study s ON s.study_id = c.study_id
JOIN scope p ON p.scope_id = c.site_id
WHERE ($6::uuid IS NULL OR p.public_id = $6::uuid)
  AND ($7::uuid IS NULL OR (c.raised_at, c.critical_value_id) <
                           (SELECT raised_at, critical_value_id FROM critical_value WHERE public_id = $7::uuid))
ORDER BY c.raised_at DESC, c.critical_value_id DESC
LIMIT $8::integer;

-- name: figure_rows_coverage
-- The sites of the coverage rate, as coverage_sites() counts them. Reading modes are part of its definition.
-- $1 community
-- $2 first day
-- $3 last day
-- $4 not used: an array
-- $5 not used: a text
-- $6 site, or NULL
-- $7 site behind which the page begins, or NULL
-- $8 how many
SELECT s.public_id::text AS id, t.code, s.name AS site, g.name AS grid, t.has_equipment, f.is_enrolled AS enrolled, f.echoes, f.images,
       f.reports
FROM coverage_sites($2::date, $3::date) f
JOIN scope c ON c.scope_id = f.community_id
JOIN scope g ON g.scope_id = f.grid_id
JOIN scope s ON s.scope_id = f.site_id
JOIN site t ON t.site_id = f.site_id
WHERE c.public_id = $1::uuid AND t.counts_as_township_health_centre AND ($6::uuid IS NULL OR s.public_id = $6::uuid)
  AND ($7::uuid IS NULL OR f.site_id > (SELECT scope_id FROM scope WHERE public_id = $7::uuid))
  AND $4::text[] IS NOT DISTINCT FROM $4::text[] AND $5::text IS NOT NULL
ORDER BY f.site_id
LIMIT $8::integer;
