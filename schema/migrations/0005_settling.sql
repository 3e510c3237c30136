-- Issued reports whose SR and Encapsulated PDF a crash kept out. The gateway sees rows only in the name of a person: this tells it in
-- whose name to look, and nothing else.
CREATE FUNCTION yq_unsettled_reports(p_limit integer) RETURNS TABLE (report_id uuid, reviewer_id uuid) LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT v.public_id, p.public_id
    FROM report_version v
    JOIN person p ON p.person_id = v.reviewer_id
    WHERE v.issued_at IS NOT NULL AND v.settled_at IS NULL
    ORDER BY v.issued_at
    LIMIT p_limit
$$;
REVOKE ALL ON FUNCTION yq_unsettled_reports(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_unsettled_reports(integer) TO yq_gateway, yq_operator;
