-- Sites and scopes by name, and loading rosters and targets.

-- name: site_find
-- Sites that the text names exactly; a public id or code decides alone, a name may be shared.
-- $1 public id, code or name
WITH named AS (
    SELECT t.site_id, s.public_id AS id, t.code, s.name,
           CASE WHEN s.public_id::text = lower($1::text) THEN 1 WHEN t.code = $1::text THEN 2 ELSE 3 END AS rank,
           coalesce(g.name, '-') AS parent
    FROM site t
    JOIN scope s ON s.scope_id = t.site_id
    LEFT JOIN scope_membership m ON m.child_id = t.site_id AND m.valid @> yq_now()::date
    LEFT JOIN scope g ON g.scope_id = m.parent_id
    WHERE s.public_id::text = lower($1::text) OR t.code = $1::text OR s.name = $1::text
)
SELECT site_id, id, code, name, parent FROM named
WHERE rank = (SELECT min(rank) FROM named)
ORDER BY code
LIMIT 50;

-- name: site_near
-- Sites whose name or code contains the text, for "meant: ...?".
-- $1 text as typed
-- $2 how many
SELECT t.code, s.name, coalesce(g.name, '-') AS parent
FROM site t
JOIN scope s ON s.scope_id = t.site_id
LEFT JOIN scope_membership m ON m.child_id = t.site_id AND m.valid @> yq_now()::date
LEFT JOIN scope g ON g.scope_id = m.parent_id
WHERE strpos(s.name, $1::text) > 0 OR strpos(lower(t.code), lower($1::text)) > 0
ORDER BY t.code
LIMIT $2::integer;

-- name: scope_find
-- Scopes that the text names: sites before grids before communities.
-- $1 public id, code of a site, or name
WITH named AS (
    SELECT s.scope_id, s.public_id AS id, s.kind, s.name,
           CASE WHEN s.public_id::text = lower($1::text) THEN 1 WHEN t.code = $1::text THEN 2
                WHEN s.kind = 'site' THEN 3 WHEN s.kind = 'grid' THEN 4 ELSE 5 END AS rank
    FROM scope s
    LEFT JOIN site t ON t.site_id = s.scope_id
    WHERE s.public_id::text = lower($1::text) OR t.code = $1::text OR s.name = $1::text
)
SELECT scope_id, id, kind, name FROM named WHERE rank = (SELECT min(rank) FROM named) LIMIT 50;

-- name: site_enrol
-- Enrolled from now on, unless it is.
-- $1 site
INSERT INTO site_enrolment (site_id, valid)
SELECT $1::bigint, tstzrange(yq_now(), NULL)
WHERE NOT EXISTS (SELECT FROM site_enrolment WHERE site_id = $1::bigint AND valid @> yq_now());

-- name: site_list
-- Every site with its place in the tree today, and what is enrolled there.
SELECT t.code, s.name, s.public_id AS id, t.licensed_type,
       t.counts_as_township_health_centre, t.has_equipment, t.note,
       g.name AS grid, g.public_id AS grid_id, c.name AS community, c.public_id AS community_id, c.region,
       l.code AS lead_code, ls.name AS lead,
       coalesce(l.site_id = t.site_id, false) AS is_lead,
       EXISTS (SELECT FROM site_enrolment e WHERE e.site_id = t.site_id AND e.valid @> yq_now()) AS is_enrolled,
       (SELECT count(*) FROM device d WHERE d.site_id = t.site_id AND d.is_enabled) AS devices,
       (SELECT count(*) FROM destination d WHERE d.site_id = t.site_id AND d.is_enabled) AS destinations
FROM site t
JOIN scope s ON s.scope_id = t.site_id
LEFT JOIN scope_membership m ON m.child_id = t.site_id AND m.valid @> yq_now()::date
LEFT JOIN scope g ON g.scope_id = m.parent_id
LEFT JOIN scope_membership gm ON gm.child_id = g.scope_id AND gm.valid @> yq_now()::date
LEFT JOIN scope c ON c.scope_id = gm.parent_id
LEFT JOIN grid_lead gl ON gl.grid_id = g.scope_id AND gl.valid @> yq_now()::date
LEFT JOIN site l ON l.site_id = gl.site_id
LEFT JOIN scope ls ON ls.scope_id = l.site_id
ORDER BY c.scope_id, g.scope_id, coalesce(l.site_id = t.site_id, false) DESC, t.site_id;

-- ---- loading -------------------------------------------------------------------------------------------------------

-- name: roster_lock
-- One load at a time; until the transaction ends.
SELECT pg_advisory_xact_lock(7951120843);

-- name: roster_community_put
-- $1 name
-- $2 region
WITH found AS (
    SELECT scope_id FROM scope WHERE kind = 'community' AND name = $1::text AND region = $2::text ORDER BY scope_id LIMIT 1
), added AS (
    INSERT INTO scope (kind, name, region) SELECT 'community', $1::text, $2::text WHERE NOT EXISTS (SELECT FROM found)
    RETURNING scope_id
)
SELECT scope_id, false AS is_new FROM found UNION ALL SELECT scope_id, true FROM added;

-- name: roster_grid_put
-- $1 community
-- $2 name
-- $3 region
WITH found AS (
    SELECT s.scope_id FROM scope s
    JOIN scope_membership m ON m.child_id = s.scope_id AND m.parent_id = $1::bigint AND m.valid @> yq_now()::date
    WHERE s.kind = 'grid' AND s.name = $2::text ORDER BY s.scope_id LIMIT 1
), added AS (
    INSERT INTO scope (kind, name, region) SELECT 'grid', $2::text, $3::text WHERE NOT EXISTS (SELECT FROM found)
    RETURNING scope_id
), joined AS (
    INSERT INTO scope_membership (child_id, child_kind, parent_id, parent_kind)
    SELECT scope_id, 'grid', $1::bigint, 'community' FROM added
)
SELECT scope_id, false AS is_new FROM found UNION ALL SELECT scope_id, true FROM added;

-- name: roster_site_find
-- The site that a line of a roster means: by its code, else by its name in the same community.
-- $1 code, or NULL
-- $2 name
-- $3 community
SELECT site_id FROM (
    SELECT t.site_id, 1 AS rank FROM site t WHERE t.code = $1::text
    UNION ALL
    SELECT t.site_id, 2 FROM site t JOIN scope s ON s.scope_id = t.site_id
    WHERE s.name = $2::text AND t.site_id IN (SELECT yq_sites_under($3::bigint, yq_now()::date))
) AS known
ORDER BY rank, site_id
LIMIT 1;

-- name: roster_site_add
-- $1 code
-- $2 name
-- $3 region
-- $4 licensed type
-- $5 counts as a township health centre
-- $6 has equipment
-- $7 note
WITH added AS (
    INSERT INTO scope (kind, name, region) VALUES ('site', $2::text, $3::text) RETURNING scope_id
)
INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre, has_equipment, note)
SELECT scope_id, $1::text, $4::text, $5::boolean, $6::boolean, $7::text FROM added
RETURNING site_id;

-- name: roster_site_update
-- What differs from the roster; no row when nothing does. A code in use is kept when the roster names none.
-- $1 site
-- $2 code, or NULL
-- $3 name
-- $4 licensed type
-- $5 counts as a township health centre
-- $6 has equipment
-- $7 note
WITH renamed AS (
    UPDATE scope SET name = $3::text WHERE scope_id = $1::bigint AND name <> $3::text RETURNING scope_id
), changed AS (
    UPDATE site SET code = coalesce($2::text, code), licensed_type = $4::text, counts_as_township_health_centre = $5::boolean,
                    has_equipment = $6::boolean, note = $7::text
    WHERE site_id = $1::bigint
      AND (code, licensed_type, counts_as_township_health_centre, has_equipment, note)
          IS DISTINCT FROM (coalesce($2::text, code), $4::text, $5::boolean, $6::boolean, $7::text)
    RETURNING site_id
)
SELECT scope_id AS site_id FROM renamed UNION SELECT site_id FROM changed;

-- name: roster_member_move
-- Ends the membership of today when it is another one. What began today is put right in place, since it has no history.
-- $1 site
-- $2 grid
UPDATE scope_membership
SET parent_id = CASE WHEN lower(valid) = yq_now()::date THEN $2::bigint ELSE parent_id END,
    valid = CASE WHEN lower(valid) = yq_now()::date THEN valid ELSE daterange(lower(valid), yq_now()::date) END
WHERE child_id = $1::bigint AND valid @> yq_now()::date AND parent_id <> $2::bigint;

-- name: roster_member_put
-- A member from today on, or from ever when it was nowhere before.
-- $1 site
-- $2 grid
INSERT INTO scope_membership (child_id, child_kind, parent_id, parent_kind, valid)
SELECT $1::bigint, 'site', $2::bigint, 'grid',
       daterange((SELECT max(upper(valid)) FROM scope_membership WHERE child_id = $1::bigint), NULL)
WHERE NOT EXISTS (SELECT FROM scope_membership WHERE child_id = $1::bigint AND valid @> yq_now()::date);

-- name: roster_lead_move
-- $1 grid
-- $2 site
UPDATE grid_lead
SET site_id = CASE WHEN lower(valid) = yq_now()::date THEN $2::bigint ELSE site_id END,
    valid = CASE WHEN lower(valid) = yq_now()::date THEN valid ELSE daterange(lower(valid), yq_now()::date) END
WHERE grid_id = $1::bigint AND valid @> yq_now()::date AND site_id <> $2::bigint;

-- name: roster_lead_put
-- $1 grid
-- $2 site
INSERT INTO grid_lead (grid_id, site_id, valid)
SELECT $1::bigint, $2::bigint, daterange((SELECT max(upper(valid)) FROM grid_lead WHERE grid_id = $1::bigint), NULL)
WHERE NOT EXISTS (SELECT FROM grid_lead WHERE grid_id = $1::bigint AND valid @> yq_now()::date);

-- name: roster_not_named
-- Sites of a community that a roster did not name: they are kept, since their history is.
-- $1 community
-- $2 keys of the sites that it named
SELECT t.code, s.name FROM site t JOIN scope s ON s.scope_id = t.site_id
WHERE t.site_id IN (SELECT yq_sites_under($1::bigint, yq_now()::date)) AND t.site_id::text <> ALL ($2::text[])
ORDER BY t.code;

-- name: target_put
-- A row when it is new or was changed.
-- $1 community, or NULL for every one
-- $2 figure
-- $3 site type
-- $4 value between 0 and 1
-- $5 deadline
-- $6 source
INSERT INTO coverage_target (scope_id, figure, site_type, value, deadline, source)
VALUES ($1::bigint, $2::text, $3::text, $4::numeric, $5::date, $6::text)
ON CONFLICT (scope_id, figure, site_type, deadline) DO UPDATE SET value = excluded.value, source = excluded.source
WHERE (coverage_target.value, coverage_target.source) IS DISTINCT FROM (excluded.value, excluded.source)
RETURNING target_id;

-- name: community_find
-- $1 name
SELECT scope_id FROM scope WHERE kind = 'community' AND name = $1::text;

-- name: target_list
SELECT t.public_id AS id, t.figure, t.site_type, t.value::float8::text::json AS value, t.deadline::text AS deadline, t.source,
       c.name AS community
FROM coverage_target t LEFT JOIN scope c ON c.scope_id = t.scope_id
ORDER BY t.deadline, c.name NULLS FIRST, t.site_type;
