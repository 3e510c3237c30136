-- Coverage: the definition is the function coverage_sites(); here it gets its names.

-- name: coverage_period
-- The period asked for, checked and in days; the running month up to today when none is given.
-- $1 first day, or NULL
-- $2 last day, or NULL
SELECT p.from_day::text AS from_day, p.to_day::text AS to_day,
       (p.from_day - (p.to_day - p.from_day + 1))::text AS before_from, (p.from_day - 1)::text AS before_to,
       (extract(year FROM p.to_day) * 12 + extract(month FROM p.to_day)
        - extract(year FROM p.from_day) * 12 - extract(month FROM p.from_day) + 1)::integer AS months,
       p.to_day - p.from_day + 1 AS days
FROM (SELECT coalesce($1::date, date_trunc('month', coalesce($2::date, yq_now()::date))::date) AS from_day,
             coalesce($2::date, yq_now()::date) AS to_day) p;

-- name: coverage_sites
-- $1 first day
-- $2 last day
SELECT c.public_id::text AS community_id, c.name AS community, g.name AS grid, s.public_id::text AS site_id, t.code, s.name,
       t.licensed_type, t.counts_as_township_health_centre AS counts, t.has_equipment, f.is_enrolled, f.echoes, f.images,
       f.reports
FROM coverage_sites($1::date, $2::date) f
JOIN scope c ON c.scope_id = f.community_id
JOIN scope g ON g.scope_id = f.grid_id
JOIN scope s ON s.scope_id = f.site_id
JOIN site t ON t.site_id = f.site_id
ORDER BY f.community_id, f.grid_id, f.site_id;

-- name: coverage_targets
-- Days until each target's end are counted from the last day of the period.
-- $1 last day
SELECT c.public_id::text AS community_id, t.site_type, t.value::float8::text AS value, t.deadline::text AS deadline, t.source,
       t.deadline - $1::date AS days_left
FROM coverage_target t
LEFT JOIN scope c ON c.scope_id = t.scope_id
WHERE t.figure = 'coverage_rate'
ORDER BY t.site_type, t.deadline;
