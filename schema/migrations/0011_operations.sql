-- What operators do at the pages: destinations held and released, the audit searched, what is not of a site.

-- Sites at which the person of this session (setting yq.person) holds one of the roles.
CREATE FUNCTION yq_role_sites(p_roles text[]) RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT DISTINCT s
    FROM person p
    JOIN person_right r ON r.person_id = p.person_id AND r.revoked_at IS NULL AND r.role = ANY (p_roles)
    CROSS JOIN LATERAL yq_sites_under(r.scope_id, yq_now()::date) AS s
    WHERE p.public_id = nullif(current_setting('yq.person', true), '')::uuid AND p.is_active
$$;

-- ---- destinations --------------------------------------------------------------------------------------------------

ALTER TABLE destination ENABLE ROW LEVEL SECURITY;
CREATE POLICY person_sites ON destination FOR SELECT TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())));
CREATE POLICY operator_sites ON destination FOR UPDATE TO yq_gateway
    USING (site_id = ANY (ARRAY(SELECT yq_role_sites(ARRAY['operator']))));
CREATE POLICY every_site ON destination TO yq_router, yq_operator USING (true);
GRANT UPDATE (held_at, held_reason) ON destination TO yq_gateway;

-- The queue of a destination, and what it got today.
CREATE INDEX delivery_destination ON delivery (destination_id, state) WHERE state NOT IN ('delivered', 'cancelled');
CREATE INDEX delivery_delivered ON delivery (destination_id, delivered_at) WHERE state = 'delivered';

-- ---- quarantine ----------------------------------------------------------------------------------------------------

-- What came from a site that nobody knows any more is of no site: an operator sees it, wherever the right is.
CREATE POLICY of_no_site ON quarantine FOR SELECT TO yq_gateway
    USING (site_id IS NULL AND EXISTS (SELECT yq_role_sites(ARRAY['operator'])));

-- ---- the store -----------------------------------------------------------------------------------------------------

-- What was received, over every site, without our own reports; and how much of it came in the last days, for "days left". The store belongs
-- to the host, not to a site. grown_ms NULL: nothing is known of a whole day.
CREATE FUNCTION yq_store_use(p_days integer) RETURNS TABLE (objects bigint, object_bytes bigint, grown_bytes bigint, grown_ms bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(sum(s.instance_count), 0)::bigint, coalesce(sum(s.size_bytes), 0)::bigint,
           coalesce(sum(s.size_bytes) FILTER (WHERE s.first_arrival_at >= w.from_at), 0)::bigint,
           CASE WHEN yq_now() - w.from_at >= interval '1 day' THEN (extract(epoch FROM yq_now() - w.from_at) * 1000)::bigint END
    FROM (SELECT greatest(yq_now() - p_days * interval '1 day', (SELECT min(first_arrival_at) FROM study)) AS from_at) w
    LEFT JOIN study s ON true
    GROUP BY w.from_at
$$;
REVOKE ALL ON FUNCTION yq_store_use(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_store_use(integer) TO yq_gateway, yq_operator;

-- ---- audit ---------------------------------------------------------------------------------------------------------

-- Of the audit the gateway sees what the function below shows. The chain is made with the owner's rights, since it reads the record before.
ALTER FUNCTION audit_chain() SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE SELECT ON audit FROM yq_gateway;
GRANT SELECT (spool_id) ON audit TO yq_gateway; -- the arbiter of ON CONFLICT

-- The audit as the person of this session may see it, the newest first: records of the sites where the person is operator, administrator or
-- quality controller. Of those without a site: what persons seated there did, the own, and what no person did (strangers, devices, programs,
-- the operator's command).
-- actor: public id, account or name of a person, or the actor as it stands; action: a beginning.
CREATE FUNCTION audit_search(p_from timestamptz, p_to timestamptz, p_actor text, p_action text, p_subject text, p_outcome text,
                             p_after uuid, p_limit integer)
RETURNS TABLE (id uuid, at timestamptz, writer text, sequence bigint, action text, actor_kind text, actor text, actor_name text, subject_kind text,
               subject text, site_public_id uuid, site_name text, outcome text, detail jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    seen   bigint[] := ARRAY(SELECT yq_role_sites(ARRAY['operator', 'administrator', 'quality_controller']));
    actors text[];
    mark   record;
BEGIN
    IF seen = '{}' THEN
        RETURN;
    END IF;
    IF p_actor IS NOT NULL THEN
        actors := p_actor || ARRAY(SELECT p.public_id::text FROM person p WHERE p.account = p_actor OR p.name = p_actor LIMIT 100);
    END IF;
    SELECT a.at, a.writer, a.sequence INTO mark FROM audit a WHERE a.spool_id = p_after;
    RETURN QUERY
    SELECT a.spool_id, a.at, a.writer, a.sequence, a.action, a.actor_kind, a.actor, p.name, a.subject_kind, a.subject, sc.public_id, sc.name, a.outcome,
           a.detail
    FROM audit a
    LEFT JOIN person p ON a.actor_kind = 'person' AND p.public_id::text = a.actor
    LEFT JOIN scope sc ON sc.scope_id = a.site_id
    WHERE (p_from IS NULL OR a.at >= p_from) AND (p_to IS NULL OR a.at < p_to)
      AND (p_actor IS NULL OR a.actor = ANY (actors))
      AND (p_action IS NULL OR starts_with(a.action, p_action))
      AND (p_subject IS NULL OR a.subject = p_subject)
      AND (p_outcome IS NULL OR a.outcome = p_outcome)
      AND (p_after IS NULL OR (a.at, a.writer, a.sequence) < (mark.at, mark.writer, mark.sequence))
      AND CASE WHEN a.site_id IS NOT NULL THEN a.site_id = ANY (seen)
               WHEN a.actor_kind <> 'person' THEN true
               ELSE p.seat_id = ANY (seen) OR a.actor = current_setting('yq.person', true) END
    ORDER BY a.at DESC, a.writer DESC, a.sequence DESC
    LIMIT p_limit;
END $$;
REVOKE ALL ON FUNCTION audit_search(timestamptz, timestamptz, text, text, text, text, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_search(timestamptz, timestamptz, text, text, text, text, uuid, integer) TO yq_gateway;
