-- The part of coverage that needs no report has a function of its own, so that the funnel does not count every report for it.

CREATE FUNCTION coverage_contacts(p_from date, p_to date)
RETURNS TABLE (community_id bigint, grid_id bigint, site_id bigint, is_enrolled boolean, echoes bigint, images bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH bounds AS (
        SELECT p_from::timestamptz AS from_at, (p_to + 1)::timestamptz AS to_at
    ), member AS (
        SELECT g.parent_id AS community_id, m.parent_id AS grid_id, s.site_id
        FROM site s
        JOIN scope_membership m ON m.child_id = s.site_id AND m.valid @> p_to
        JOIN scope_membership g ON g.child_id = m.parent_id AND g.valid @> p_to
    ), contact AS (
        SELECT d.site_id, sum(c.echoes) AS echoes, sum(c.images) AS images
        FROM device_contact c JOIN device d USING (device_id)
        WHERE c.day BETWEEN p_from AND p_to
        GROUP BY d.site_id
    )
    SELECT m.community_id, m.grid_id, m.site_id,
           EXISTS (SELECT FROM site_enrolment e, bounds b
                   WHERE e.site_id = m.site_id AND e.valid && tstzrange(b.from_at, b.to_at)),
           coalesce(c.echoes, 0)::bigint, coalesce(c.images, 0)::bigint
    FROM member m
    LEFT JOIN contact c ON c.site_id = m.site_id
    WHERE nullif(current_setting('yq.person', true), '') IS NULL
       OR m.community_id IN (SELECT seen.community_id FROM member seen WHERE seen.site_id IN (SELECT yq_person_sites()))
$$;

CREATE OR REPLACE FUNCTION coverage_sites(p_from date, p_to date)
RETURNS TABLE (community_id bigint, grid_id bigint, site_id bigint, is_enrolled boolean, echoes bigint, images bigint, reports bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH bounds AS (
        SELECT p_from::timestamptz AS from_at, (p_to + 1)::timestamptz AS to_at
    ), returned AS (
        SELECT v.site_id, count(*) AS reports
        FROM bounds b
        JOIN report_version v ON v.issued_at >= b.from_at AND v.issued_at < b.to_at
        JOIN report r USING (report_id)
        JOIN reading_task t USING (task_id)
        JOIN reading_queue q USING (queue_id)
        WHERE v.kind = 'original' AND v.state IN ('issued', 'superseded') AND t.reading_mode IN ('central', 'local_draft')
          AND EXISTS (SELECT FROM scope_membership m JOIN grid_lead l ON l.grid_id = m.parent_id
                      WHERE m.child_id = v.site_id AND m.valid @> v.issued_at::date AND l.valid @> v.issued_at::date
                        AND l.site_id = q.lead_site_id)
          AND EXISTS (SELECT FROM report_version any_version JOIN receipt c USING (report_version_id)
                      WHERE any_version.report_id = r.report_id
                        AND (c.kind = 'delivered' OR (c.kind = 'opened' AND c.at_site_id = v.site_id)))
        GROUP BY v.site_id
    )
    SELECT c.community_id, c.grid_id, c.site_id, c.is_enrolled, c.echoes, c.images, coalesce(r.reports, 0)::bigint
    FROM coverage_contacts(p_from, p_to) c
    LEFT JOIN returned r ON r.site_id = c.site_id
$$;
