-- What the router needs: studies that no rule took are looked at again when the rules change; the one definition of coverage.

CREATE INDEX study_unrouted ON study (study_id) WHERE unrouted_reason <> '';

-- Runs with the rights of the owner: whoever may change rules need not be able to change studies.
CREATE FUNCTION yq_rules_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE study SET due_at = yq_now() WHERE unrouted_reason <> '';
    PERFORM pg_notify('yq_study', '');
    RETURN NULL;
END $$;
CREATE TRIGGER routing_rule_changed AFTER INSERT OR UPDATE ON routing_rule
    FOR EACH STATEMENT EXECUTE FUNCTION yq_rules_changed();
CREATE TRIGGER routing_rule_set_changed AFTER INSERT OR UPDATE ON routing_rule_set
    FOR EACH STATEMENT EXECUTE FUNCTION yq_rules_changed();

-- Deliveries under way whose worker fell silent.
CREATE INDEX delivery_worker ON delivery (worker_until) WHERE worker IS NOT NULL;

-- ---- coverage 覆盖率, version 1 ----------------------------------------------------------------------------------------

INSERT INTO figure_definition (figure, version, name_zh, name_en, numerator, denominator, dimensions, in_force) VALUES
    ('coverage_rate', 1, '覆盖率', 'coverage',
     'of the denominator, in the period: connected = enrolled, and an echo or image came; served = at least one report that a lead hospital of its grid issued (reading modes central and local_draft) came back; regular = at least N such reports a month',
     'sites of the community that count as township health centres on the last day of the period, with or without equipment',
     ARRAY['community', 'site_type', 'basis'], daterange('2000-01-01', NULL));

-- Every site that belongs to a community on the last day, with what happened there in the period; nothing is zero, not missing.
-- A report counts when its first version was issued in the period, by the hospital that led the site's grid on that day, and
-- came back: any version of it was delivered, or opened at the site. With a person in the session: only communities of which the
-- person may see a site. It reads past row-level security and gives numbers alone.
CREATE FUNCTION coverage_sites(p_from date, p_to date)
RETURNS TABLE (community_id bigint, grid_id bigint, site_id bigint, is_enrolled boolean, echoes bigint, images bigint, reports bigint)
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
    SELECT m.community_id, m.grid_id, m.site_id,
           EXISTS (SELECT FROM site_enrolment e, bounds b
                   WHERE e.site_id = m.site_id AND e.valid && tstzrange(b.from_at, b.to_at)),
           coalesce(c.echoes, 0)::bigint, coalesce(c.images, 0)::bigint, coalesce(r.reports, 0)::bigint
    FROM member m
    LEFT JOIN contact c ON c.site_id = m.site_id
    LEFT JOIN returned r ON r.site_id = m.site_id
    WHERE nullif(current_setting('yq.person', true), '') IS NULL
       OR m.community_id IN (SELECT seen.community_id FROM member seen WHERE seen.site_id IN (SELECT yq_person_sites()))
$$;

-- ---- hints -----------------------------------------------------------------------------------------------------------------

-- A report of ours is in: it can be returned now.
CREATE TRIGGER instance_own_hint AFTER INSERT ON instance FOR EACH ROW WHEN (NEW.origin = 'own')
    EXECUTE FUNCTION yq_notify('yq_delivery');
