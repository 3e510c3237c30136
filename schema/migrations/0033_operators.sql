-- What operators do with destinations, and what is measured of deliveries.

-- ---- destinations by hand --------------------------------------------------------------------------------------------------

ALTER TABLE destination
    ADD COLUMN secret_names text[] NOT NULL DEFAULT '{}', -- what secret_sealed holds, without the values
    ADD COLUMN updated_by text NOT NULL DEFAULT '';       -- who changed it last, in words

CREATE POLICY operator_adds ON destination FOR INSERT TO yq_gateway
    WITH CHECK (site_id = ANY (ARRAY(SELECT yq_role_sites(ARRAY['operator']))));
CREATE POLICY operator_removes ON destination FOR DELETE TO yq_gateway
    USING (site_id = ANY (ARRAY(SELECT yq_role_sites(ARRAY['operator']))));
GRANT INSERT, DELETE ON destination TO yq_gateway;
GRANT DELETE ON destination TO yq_operator;
-- Never to another site or another protocol: what was sent stays with where it was sent.
GRANT UPDATE (name, ae_title, calling_ae, host, port, url, tls, trust_pem, certificate_pem, secret_sealed, secret_names, connect_timeout_ms,
    answer_timeout_ms, deliveries_max, connections_max, rate_kbit, send_windows, backoff_min_ms, backoff_max_ms, deadline_ms, charset, compression,
    proof, notes, webhook_events, wants_reports, wants_images, is_enabled, failures, resting_until, slow_start, updated_at, updated_by) ON destination TO yq_gateway;

-- ---- what is measured ------------------------------------------------------------------------------------------------------

-- Histograms that survive programs: counted in the ledger by whoever changes a row, so that several routers and a restart make no difference.
-- Writers only append (nobody waits for anybody); now and then one of them adds up what was appended.
CREATE TABLE delivery_observation (
    observation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    measure  text NOT NULL CHECK (measure IN ('delivery', 'attempt', 'wait')),
    protocol text NOT NULL,
    label    text NOT NULL,            -- outcome; of wait: rank
    bucket   smallint NOT NULL,        -- how many of the bounds it lies beyond
    seconds  double precision NOT NULL
);
CREATE TABLE delivery_histogram (
    measure  text NOT NULL,
    protocol text NOT NULL,
    label    text NOT NULL,
    bucket   smallint NOT NULL,
    count    bigint NOT NULL,
    seconds  double precision NOT NULL,
    PRIMARY KEY (measure, protocol, label, bucket)
) WITH (fillfactor = 50);

-- From a tenth of a second to 30 days. Other bounds would be another metric: what was counted cannot be sorted anew.
CREATE FUNCTION yq_delivery_bounds() RETURNS double precision[] LANGUAGE sql IMMUTABLE AS $$
    SELECT '{0.1,0.3,1,3,10,30,60,300,900,3600,14400,86400,604800,2592000}'::double precision[]
$$;

CREATE FUNCTION yq_delivery_fold() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('delivery_histogram')) THEN
        RETURN; -- somebody does it just now
    END IF;
    WITH taken AS (DELETE FROM delivery_observation RETURNING measure, protocol, label, bucket, seconds)
    INSERT INTO delivery_histogram AS h
    SELECT measure, protocol, label, bucket, count(*), sum(seconds) FROM taken GROUP BY measure, protocol, label, bucket
    ON CONFLICT (measure, protocol, label, bucket) DO UPDATE SET count = h.count + excluded.count, seconds = h.seconds + excluded.seconds;
END $$;
REVOKE ALL ON FUNCTION yq_delivery_fold() FROM PUBLIC;

CREATE FUNCTION yq_delivery_observe(p_measure text, p_destination_id bigint, p_label text, p_time interval) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    took   double precision := greatest(extract(epoch FROM p_time), 0);
    number bigint;
BEGIN
    INSERT INTO delivery_observation (measure, protocol, label, bucket, seconds)
    SELECT p_measure, x.protocol, p_label, (SELECT count(*) FROM unnest(yq_delivery_bounds()) AS b WHERE b < took), took
    FROM destination x WHERE x.destination_id = p_destination_id
    RETURNING observation_id INTO number;
    IF number % 1000 = 0 THEN
        PERFORM yq_delivery_fold();
    END IF;
END $$;
REVOKE ALL ON FUNCTION yq_delivery_observe(text, bigint, text, interval) FROM PUBLIC;

-- With the owner's rights, since every program settles deliveries and none need write here.
CREATE FUNCTION yq_delivery_measure() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM yq_delivery_observe('delivery', NEW.destination_id, NEW.state, yq_now() - NEW.created_at);
    RETURN NULL;
END $$;
CREATE TRIGGER delivery_measure AFTER UPDATE OF state ON delivery FOR EACH ROW
    WHEN (NEW.state <> OLD.state AND NEW.state IN ('delivered', 'quarantined', 'dead', 'cancelled')) EXECUTE FUNCTION yq_delivery_measure();

CREATE FUNCTION yq_delivery_attempt_measure() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    d delivery;
BEGIN
    SELECT * INTO d FROM delivery WHERE delivery.delivery_id = NEW.delivery_id;
    IF TG_OP = 'UPDATE' THEN
        PERFORM yq_delivery_observe('attempt', d.destination_id, NEW.outcome, NEW.ended_at - NEW.started_at);
    ELSE
        PERFORM yq_delivery_observe('wait', d.destination_id, d.rank::text, NEW.started_at - d.created_at);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER delivery_attempt_began AFTER INSERT ON delivery_attempt FOR EACH ROW WHEN (NEW.number = 1)
    EXECUTE FUNCTION yq_delivery_attempt_measure();
CREATE TRIGGER delivery_attempt_ended AFTER UPDATE OF ended_at ON delivery_attempt FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND NEW.outcome IS NOT NULL) EXECUTE FUNCTION yq_delivery_attempt_measure();

-- Without patients and sites, for whoever watches. Cumulative, as Prometheus takes them; what is not added up yet counts.
CREATE FUNCTION yq_delivery_histograms()
RETURNS TABLE (measure text, protocol text, label text, le text, is_last boolean, count bigint, seconds double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH counted AS (
        SELECT c.measure, c.protocol, c.label, c.bucket, sum(c.count)::bigint AS count, sum(c.seconds) AS seconds
        FROM (SELECT h.measure, h.protocol, h.label, h.bucket, h.count, h.seconds FROM delivery_histogram h
              UNION ALL SELECT o.measure, o.protocol, o.label, o.bucket, 1, o.seconds FROM delivery_observation o) c
        GROUP BY c.measure, c.protocol, c.label, c.bucket
    ), bound AS (
        SELECT b.le::text AS le, b.n::integer AS n, false AS is_last FROM unnest(yq_delivery_bounds()) WITH ORDINALITY AS b (le, n)
        UNION ALL SELECT '+Inf', cardinality(yq_delivery_bounds()) + 1, true
    )
    SELECT c.measure, c.protocol, c.label, b.le, b.is_last, coalesce(sum(c.count) FILTER (WHERE c.bucket < b.n), 0)::bigint, sum(c.seconds)
    FROM counted c CROSS JOIN bound b
    GROUP BY c.measure, c.protocol, c.label, b.le, b.n, b.is_last
    ORDER BY c.measure, c.protocol, c.label, b.n
$$;
REVOKE ALL ON FUNCTION yq_delivery_histograms() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_delivery_histograms() TO yq_gateway, yq_operator;

-- Of every enabled destination, over every site.
CREATE FUNCTION yq_destination_gauges() RETURNS TABLE (name text, labels jsonb, value bigint) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    WITH one AS (
        SELECT x.*, jsonb_build_object('id', x.public_id, 'destination', coalesce(nullif(x.name, ''), x.ae_title, x.host, x.protocol), 'site', s.name,
                                       'protocol', x.protocol) AS who
        FROM destination x JOIN scope s ON s.scope_id = x.site_id WHERE x.is_enabled
    ), queued AS (
        SELECT d.destination_id, d.state, d.rank, count(*) AS count, min(d.created_at) AS oldest_at
        FROM delivery d WHERE d.state NOT IN ('delivered', 'cancelled')
        GROUP BY d.destination_id, d.state, d.rank
    )
    SELECT 'destination_waiting', o.who || jsonb_build_object('rank', r::text), coalesce(sum(q.count), 0)::bigint
    FROM one o CROSS JOIN generate_series(0, 3) AS r
    LEFT JOIN queued q ON q.destination_id = o.destination_id AND q.rank = r AND q.state IN ('pending', 'waiting')
    GROUP BY o.who, r
    UNION ALL
    SELECT g.name, o.who, g.value
    FROM one o
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(q.count) FILTER (WHERE q.state IN ('sending', 'verifying')), 0)::bigint AS under_way,
               coalesce(sum(q.count) FILTER (WHERE q.state = 'quarantined'), 0)::bigint AS refused,
               coalesce(sum(q.count) FILTER (WHERE q.state = 'dead'), 0)::bigint AS dead,
               min(q.oldest_at) FILTER (WHERE q.state NOT IN ('quarantined', 'dead')) AS oldest_at
        FROM queued q WHERE q.destination_id = o.destination_id) t
    CROSS JOIN LATERAL (VALUES
        ('destination_under_way', t.under_way), ('destination_refused', t.refused), ('destination_dead', t.dead),
        ('destination_oldest_seconds', coalesce(extract(epoch FROM yq_now() - t.oldest_at), 0)::bigint),
        ('destination_failures', o.failures::bigint),
        ('destination_resting', coalesce(o.resting_until > yq_now(), false)::integer::bigint),
        ('destination_held', (o.held_at IS NOT NULL)::integer::bigint),
        ('destination_success_seconds_ago', extract(epoch FROM yq_now() - o.last_success_at)::bigint)) AS g (name, value)
    WHERE g.value IS NOT NULL
$$;
REVOKE ALL ON FUNCTION yq_destination_gauges() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_destination_gauges() TO yq_gateway, yq_operator;
