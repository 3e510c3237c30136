-- What a person stores is of a site and of no device: the same bytes that two sites send are not the same object set apart.

DROP FUNCTION intake_apart_twin(text, uuid, text);
-- The key under which the same bytes from the same device, or where there is none of the same site, were set apart before, NULL when there is none.
-- A modality that is refused sends the same again and again; the bytes are kept once.
CREATE FUNCTION intake_apart_twin(p_key text, p_site uuid, p_device uuid, p_sha256 text) RETURNS text LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT q.object_key FROM quarantine q LEFT JOIN device d USING (device_id) LEFT JOIN scope s ON s.scope_id = q.site_id
    WHERE q.sha256 = decode(p_sha256, 'hex') AND d.public_id IS NOT DISTINCT FROM p_device
      AND (p_device IS NOT NULL OR s.public_id IS NOT DISTINCT FROM p_site)
      AND NOT EXISTS (SELECT FROM quarantine own WHERE own.object_key = p_key) -- shown already, and interrupted: it is finished
    ORDER BY q.quarantine_id LIMIT 1
$$;
REVOKE EXECUTE ON FUNCTION intake_apart_twin FROM PUBLIC;
GRANT EXECUTE ON FUNCTION intake_apart_twin TO yq_storescp, yq_gateway;
