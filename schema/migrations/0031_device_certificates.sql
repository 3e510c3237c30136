-- Devices that are told apart by the certificate that they show over TLS.

-- certificate_sha256 is what a device is known by; the certificate itself says whose it is and until when it holds, where it is at hand
-- (a fingerprint alone may be registered, too).
ALTER TABLE device
    ADD COLUMN certificate bytea,
    ADD COLUMN certificate_subject text NOT NULL DEFAULT '' CHECK (length(certificate_subject) <= 300),
    ADD COLUMN certificate_until timestamptz,
    ADD CONSTRAINT device_certificate CHECK (certificate IS NULL OR (octet_length(certificate) <= 16384 AND certificate_sha256 IS NOT NULL
                                                                     AND sha256(certificate) = certificate_sha256));

-- Commitment reports on an association of our own go over TLS, too, where the device wants it so.
ALTER TABLE device ADD COLUMN commitment_tls boolean NOT NULL DEFAULT false;

-- Receivers hear of a certificate as of everything else that a device is known by.
DROP TRIGGER device_hint ON device;
CREATE TRIGGER device_hint AFTER INSERT OR DELETE
    OR UPDATE OF site_id, calling_ae, called_ae, address, local_port, certificate_sha256, default_charset, is_enabled
    ON device FOR EACH STATEMENT EXECUTE FUNCTION yq_notify('yq_device');

-- Now with the certificate: who shows one is not who shows another, and who is registered without one may show any.
DROP FUNCTION yq_device_doubtful(bigint, text, text, cidr, integer, text);
CREATE FUNCTION yq_device_doubtful(p_device bigint, p_calling text, p_called text, p_address cidr, p_port integer, p_certificate bytea, p_own text)
RETURNS SETOF device LANGUAGE sql STABLE AS $$
    SELECT o.*
    FROM device o
    CROSS JOIN LATERAL (
        SELECT (o.address IS NULL OR coalesce(p_address <<= o.address, false)) AND (o.local_port IS NULL OR coalesce(p_port = o.local_port, false))
                   AND (o.certificate_sha256 IS NULL OR coalesce(p_certificate = o.certificate_sha256, false)) AS says_more,
               (p_address IS NULL OR coalesce(o.address <<= p_address, false)) AND (p_port IS NULL OR coalesce(o.local_port = p_port, false))
                   AND (p_certificate IS NULL OR coalesce(o.certificate_sha256 = p_certificate, false)) AS says_less) t
    WHERE o.is_enabled AND o.device_id IS DISTINCT FROM p_device AND o.calling_ae = p_calling
      AND coalesce(o.called_ae, p_own) = coalesce(p_called, p_own)
      AND o.edge_id IS NULL
      AND coalesce(o.address && p_address, true) AND coalesce(o.local_port = p_port, true)
      AND coalesce(o.certificate_sha256 = p_certificate, true)
      AND t.says_more = t.says_less
    ORDER BY o.device_id
$$;

CREATE OR REPLACE FUNCTION yq_device_apart() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    other device;
BEGIN
    IF NEW.is_enabled AND NEW.edge_id IS NULL THEN
        PERFORM pg_advisory_xact_lock(20261128, hashtext('device ' || NEW.calling_ae));
        SELECT * INTO other
        FROM yq_device_doubtful(NEW.device_id, NEW.calling_ae, NEW.called_ae, NEW.address, NEW.local_port, NEW.certificate_sha256, '') o
        WHERE o.address IS DISTINCT FROM NEW.address OR o.local_port IS DISTINCT FROM NEW.local_port
           OR o.certificate_sha256 IS DISTINCT FROM NEW.certificate_sha256
        LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'cannot tell this device from device %: a call could fit both, and neither says more', other.public_id
                USING ERRCODE = 'YQ409';
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- ---- certificates that run out -----------------------------------------------------------------------------------------------

-- Every certificate that somebody has to renew, of machines: of enabled devices, and what running receivers show themselves (they say so with
-- each sign of life). The site is NULL for what belongs to the installation.
CREATE FUNCTION yq_machine_certificates() RETURNS TABLE (kind text, site_id bigint, id uuid, name text, subject text, not_after timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT 'device', d.site_id, d.public_id, coalesce(nullif(d.name, ''), d.calling_ae), d.certificate_subject, d.certificate_until
    FROM device d WHERE d.is_enabled AND d.certificate_until IS NOT NULL
    UNION ALL
    SELECT 'receiver', NULL::bigint, p.instance_id, p.program || '@' || p.host, p.detail -> 'tls' ->> 'subject',
           (p.detail -> 'tls' ->> 'until')::timestamptz
    FROM (SELECT DISTINCT ON (host, pid) * FROM program WHERE ended_at IS NULL AND seen_at > yq_now() - interval '1 minute'
          ORDER BY host, pid, started_at DESC) p
    WHERE p.program = 'yq-storescp' AND p.detail -> 'tls' ->> 'until' IS NOT NULL
$$;
REVOKE ALL ON FUNCTION yq_machine_certificates() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_machine_certificates() TO yq_gateway, yq_operator;

CREATE FUNCTION yq_certificate_gauges() RETURNS TABLE (name text, labels jsonb, value bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT 'certificate_ends_seconds', jsonb_build_object('kind', c.kind, 'name', c.name, 'id', c.id, 'site', coalesce(t.code, '')),
           extract(epoch FROM c.not_after - yq_now())::bigint
    FROM yq_machine_certificates() c LEFT JOIN site t USING (site_id)
$$;
REVOKE ALL ON FUNCTION yq_certificate_gauges() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_certificate_gauges() TO yq_gateway, yq_operator;
