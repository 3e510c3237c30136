-- The queue of deliveries: who is next at each destination, at the same cost whether a thousand wait or a million; destinations that rest while there is
-- no way to them; what shows that a peer holds what it acknowledged.

-- ---- states ----------------------------------------------------------------------------------------------------------------

INSERT INTO state_transition (machine, from_state, event, to_state) VALUES
    -- Acknowledged, then asked for; a peer that acknowledges and does not keep is for a person.
    ('delivery', 'sending', 'prove', 'verifying'),
    ('delivery', 'verifying', 'refuse', 'quarantined'),
    -- Behind a destination that rested all the time nothing was ever tried.
    ('delivery', 'pending', 'give_up', 'dead'),

    -- The breaker of a destination is not stored as a state: breaker.h derives it.
    ('breaker', '', 'create', 'closed'),
    ('breaker', 'closed', 'fail', 'open'),
    ('breaker', 'open', 'rest_over', 'half_open'),
    ('breaker', 'open', 'answer', 'slow'),
    ('breaker', 'half_open', 'fail', 'open'),
    ('breaker', 'half_open', 'answer', 'slow'),
    ('breaker', 'slow', 'fail', 'open'),
    ('breaker', 'slow', 'recover', 'closed');

-- ---- deliveries ------------------------------------------------------------------------------------------------------------

ALTER TABLE delivery
    ADD COLUMN failures smallint NOT NULL DEFAULT 0 CHECK (failures >= 0),        -- tries in a row that it failed by itself, not for want of a way
    ADD COLUMN probes integer NOT NULL DEFAULT 0 CHECK (probes >= 0),               -- tries that found no way while the destination was in doubt already
    ADD COLUMN proof_rounds smallint NOT NULL DEFAULT 0 CHECK (proof_rounds >= 0), -- how often the peer did not hold what it had acknowledged
    ADD COLUMN rule_id bigint,                                                     -- the routing rule that wants it; NULL: none, or by hand
    -- A correction of its study that the receiver does not know of: what was sent, or will be, says what the device said.
    ADD COLUMN corrected_at timestamptz,
    ADD COLUMN correction text CHECK (correction IN ('match', 'split', 'merge', 'move_images', 'edit_patient')),
    ADD CONSTRAINT delivery_correction CHECK ((corrected_at IS NULL) = (correction IS NULL));

ALTER TABLE destination ADD CONSTRAINT destination_breaker CHECK (failures >= 0 AND (failures = 0 OR slow_start IS NULL));

-- Each subject goes to a destination once for one purpose; cancelled by hand it may be asked for anew. A study may go again with what came later:
-- delivery_forward() looks at its objects, under the lock of the study.
ALTER TABLE delivery DROP CONSTRAINT delivery_destination_id_purpose_report_version_id_study_id__key;
CREATE UNIQUE INDEX delivery_once ON delivery (destination_id, purpose, report_version_id, message) NULLS NOT DISTINCT
    WHERE study_id IS NULL AND state <> 'cancelled';
CREATE INDEX delivery_study ON delivery (study_id, destination_id) WHERE study_id IS NOT NULL;
CREATE INDEX delivery_item_instance ON delivery_item (instance_id);

CREATE INDEX delivery_verify ON delivery (destination_id, rank, next_try_at) WHERE state = 'verifying';
CREATE INDEX delivery_probe ON delivery (destination_id, probes, rank, next_try_at) WHERE state IN ('pending', 'waiting');
CREATE INDEX delivery_under_way ON delivery (destination_id) WHERE worker IS NOT NULL;
CREATE INDEX delivery_deadline ON delivery (destination_id, deadline_at) WHERE state IN ('pending', 'waiting');

-- ---- hints -----------------------------------------------------------------------------------------------------------------

-- Routers are woken by what gives them work, not by each other's work: by what may be due, and by the end of something urgent, for which others wait.
DROP TRIGGER delivery_hint ON delivery;
CREATE TRIGGER delivery_hint AFTER INSERT ON delivery FOR EACH ROW EXECUTE FUNCTION yq_notify('yq_delivery');
CREATE TRIGGER delivery_changed_hint AFTER UPDATE OF state ON delivery FOR EACH ROW
    WHEN (NEW.state IN ('pending', 'waiting', 'verifying') OR (NEW.rank < 2 AND NEW.state <> 'sending'))
    EXECUTE FUNCTION yq_notify('yq_delivery');
DROP TRIGGER destination_hint ON destination;
CREATE TRIGGER destination_hint AFTER INSERT ON destination FOR EACH ROW EXECUTE FUNCTION yq_notify('yq_delivery');
CREATE TRIGGER destination_changed_hint AFTER UPDATE ON destination FOR EACH ROW
    WHEN ((NEW.is_enabled, NEW.held_at, NEW.host, NEW.port, NEW.url, NEW.deliveries_max, NEW.send_windows, NEW.resting_until, NEW.slow_start)
          IS DISTINCT FROM
          (OLD.is_enabled, OLD.held_at, OLD.host, OLD.port, OLD.url, OLD.deliveries_max, OLD.send_windows, OLD.resting_until, OLD.slow_start))
    EXECUTE FUNCTION yq_notify('yq_delivery');

-- ---- order -----------------------------------------------------------------------------------------------------------------

-- 急诊 0, 加急 1, 门诊/住院 2, 体检 3.
CREATE FUNCTION yq_delivery_rank(p_patient_class text, p_priority integer) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
    SELECT (CASE WHEN p_patient_class = 'emergency' THEN 0 WHEN p_priority > 0 THEN 1 WHEN p_patient_class = 'health_check' THEN 3 ELSE 2 END)::smallint
$$;

-- By the clock of the session's zone. "22:00-06:00" goes over midnight, "00:00-00:00" is the whole day; what is no time of a day never comes.
CREATE FUNCTION yq_is_in_windows(p_windows text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT p_windows = '' OR EXISTS (
        SELECT FROM unnest(string_to_array(p_windows, ',')) AS w (span), to_char(yq_now(), 'HH24:MI') AS clock (now)
        WHERE CASE WHEN left(span, 5) < right(span, 5) THEN now >= left(span, 5) AND now < right(span, 5)
                   ELSE now >= left(span, 5) OR now < right(span, 5) END)
$$;

-- How many deliveries may be under way at a destination: one to try the way after a rest, then twice as many with each that gets through. The default of
-- the installation is given, since it is not in the ledger.
CREATE FUNCTION delivery_places(x destination, p_places integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN x.failures > 0 THEN 1 ELSE least(coalesce(x.slow_start, 64), coalesce(x.deliveries_max, p_places)) END::integer
$$;

-- The worst rank that may start at a destination now; -1: none. Nothing starts beside what is more urgent, and an emergency finds a place
-- beyond the last one, unless the destination has just rested.
CREATE FUNCTION delivery_most(x destination, p_places integer, p_busy integer, p_best integer) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_busy < delivery_places(x, p_places) THEN CASE WHEN yq_is_in_windows(x.send_windows) THEN coalesce(p_best, 3) ELSE 0 END
                WHEN p_busy = delivery_places(x, p_places) AND x.failures = 0 AND x.slow_start IS NULL THEN 0
                ELSE -1 END
$$;

-- The functions below find the first of an index, and must go on doing so while the planner still believes that the table is small. Planned once a session:
-- a look at the ends of an index, which planning takes, costs more than the work itself where much has just left the queue.

-- What is due at a destination, by rank (element 1 is rank 0), each counted up to p_most only.
CREATE FUNCTION delivery_due_counts(p_destination bigint, p_most integer) RETURNS integer[] LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
    counts integer[] := '{0,0,0,0}';
BEGIN
    FOR r IN 0 .. 3 LOOP
        counts[r + 1] := (SELECT count(*) FROM (
            SELECT FROM delivery d
            WHERE d.destination_id = p_destination AND d.rank = r AND d.state IN ('pending', 'waiting', 'verifying')
              AND d.next_try_at <= yq_now() AND (d.worker IS NULL OR d.worker_until <= yq_now())
            LIMIT p_most) due);
    END LOOP;
    RETURN counts;
END $$;

-- When the next of these ranks is due at a destination; NULL: nothing waits there.
CREATE FUNCTION delivery_next_at(p_destination bigint, p_worst integer) RETURNS timestamptz LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
    found timestamptz;
    next timestamptz;
BEGIN
    FOR r IN 0 .. p_worst LOOP
        SELECT d.next_try_at INTO next FROM delivery d
        WHERE d.destination_id = p_destination AND d.rank = r AND d.state IN ('pending', 'waiting', 'verifying')
          AND (d.worker IS NULL OR d.worker_until <= yq_now())
        ORDER BY d.next_try_at LIMIT 1;
        found := least(found, next);
    END LOOP;
    RETURN found;
END $$;

-- How many are under way at a destination, and the most urgent that is being sent.
CREATE FUNCTION delivery_busy(p_destination bigint, OUT busy integer, OUT best integer) LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
BEGIN
    SELECT count(*), min(d.rank) FILTER (WHERE d.state = 'sending') INTO busy, best
    FROM delivery d WHERE d.destination_id = p_destination AND d.worker IS NOT NULL AND d.worker_until > yq_now();
END $$;

-- Every destination that may be sent to, with what could start there. due: how much at most is worth a worker now. next_at: when something could.
CREATE FUNCTION delivery_outlook(p_places integer) RETURNS TABLE (destination uuid, due integer, next_at timestamptz) LANGUAGE plpgsql STABLE AS $$
DECLARE
    x destination;
    busy integer;
    best integer;
    most integer;
    is_resting boolean;
    counts integer[];
BEGIN
    FOR x IN SELECT * FROM destination d WHERE d.is_enabled AND d.held_at IS NULL LOOP
        SELECT b.busy, b.best INTO busy, best FROM delivery_busy(x.destination_id) b;
        most := delivery_most(x, p_places, busy, best);
        CONTINUE WHEN most < 0;
        is_resting := coalesce(x.resting_until > yq_now(), false);
        destination := x.public_id;
        next_at := greatest(delivery_next_at(x.destination_id, most), x.resting_until);
        due := 0;
        IF NOT is_resting AND next_at <= yq_now() THEN
            counts := delivery_due_counts(x.destination_id, delivery_places(x, p_places) + 1);
            due := least((SELECT sum(n) FROM unnest(counts[:most + 1]) n), greatest(delivery_places(x, p_places) - busy, 1));
        END IF;
        CONTINUE WHEN next_at IS NULL;
        RETURN NEXT;
    END LOOP;
END $$;

-- Takes the next delivery of a destination: by rank, inside it first what is to be looked into, then what has been due the longest. What is found
-- beyond its deadline is given up instead, and given back as that. No row: nothing may start. One at a time at each destination, so that no more start
-- than may be under way, whoever asks. While a destination is in doubt the way is tried by whichever has been tried least, since one of them may be what
-- breaks it; all keep their places.
CREATE FUNCTION delivery_take(p_destination uuid, p_worker uuid, p_lease interval, p_places integer, p_worst integer) RETURNS SETOF delivery LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
    x destination;
    d delivery;
    busy integer;
    best integer;
    most integer;
BEGIN
    SELECT * INTO x FROM destination
    WHERE public_id = p_destination AND is_enabled AND held_at IS NULL AND (resting_until IS NULL OR resting_until <= yq_now())
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT b.busy, b.best INTO busy, best FROM delivery_busy(x.destination_id) b;
    most := delivery_most(x, p_places, busy, best);
    IF x.failures > 0 AND least(most, p_worst) = 3 THEN
        SELECT * INTO d FROM delivery o
        WHERE o.destination_id = x.destination_id AND o.state IN ('pending', 'waiting') AND o.next_try_at <= yq_now()
        ORDER BY o.probes, o.rank, o.next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
    FOR r IN 0 .. least(most, p_worst) LOOP
        EXIT WHEN d.delivery_id IS NOT NULL;
        SELECT * INTO d FROM delivery o
        WHERE o.destination_id = x.destination_id AND o.rank = r AND o.state = 'verifying' AND o.next_try_at <= yq_now()
          AND (o.worker IS NULL OR o.worker_until <= yq_now())
        ORDER BY o.next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            SELECT * INTO d FROM delivery o
            WHERE o.destination_id = x.destination_id AND o.rank = r AND o.state IN ('pending', 'waiting') AND o.next_try_at <= yq_now()
            ORDER BY o.next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED;
        END IF;
        EXIT WHEN FOUND;
    END LOOP;
    IF d.delivery_id IS NULL THEN
        RETURN;
    END IF;
    IF d.state <> 'verifying' AND d.deadline_at <= yq_now() THEN
        RETURN QUERY UPDATE delivery o SET state = 'dead' WHERE o.delivery_id = d.delivery_id RETURNING o.*;
    ELSE
        RETURN QUERY UPDATE delivery o
            SET state = CASE d.state WHEN 'verifying' THEN 'verifying' ELSE 'sending' END,
                attempts = d.attempts + CASE d.state WHEN 'verifying' THEN 0 ELSE 1 END,
                worker = p_worker, worker_until = yq_now() + p_lease
            WHERE o.delivery_id = d.delivery_id RETURNING o.*;
    END IF;
END $$;

-- ---- forwards ----------------------------------------------------------------------------------------------------------------

-- Whether a host lies in a network; a name may. What is no address is one.
CREATE FUNCTION yq_may_lie_in(p_host text, p_network cidr) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN p_network IS NULL OR p_host::inet <<= p_network;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN true;
END $$;

-- Whether a destination is the device itself: what came from there does not go back.
CREATE FUNCTION delivery_is_source(x destination, v device) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT x.protocol = 'dicom' AND v.calling_ae IS NOT DISTINCT FROM x.ae_title AND yq_may_lie_in(x.host, v.address)
$$;

-- ---- corrections -------------------------------------------------------------------------------------------------------------

-- The last correction of a study that stands and of which the stored bytes, and so whoever gets them, know nothing. A match says nothing against them.
CREATE FUNCTION delivery_correction_of(p_study bigint) RETURNS TABLE (made_at timestamptz, kind text) LANGUAGE sql STABLE AS $$
    SELECT k.made_at, k.kind
    FROM correction_study a JOIN correction k USING (correction_id)
    WHERE a.study_id = p_study AND k.kind <> 'match' AND k.undoes_id IS NULL
      AND NOT EXISTS (SELECT FROM correction u WHERE u.undoes_id = k.correction_id)
    ORDER BY k.correction_id DESC LIMIT 1
$$;

-- With the rights of the owner: whoever corrects need not see every destination.
CREATE FUNCTION delivery_of_correction() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE delivery d SET corrected_at = k.made_at, correction = k.kind
    FROM (SELECT max(c.made_at) AS made_at, max(c.kind) AS kind FROM delivery_correction_of(NEW.study_id) c) k
    WHERE d.study_id = NEW.study_id AND d.state <> 'cancelled';
    RETURN NULL;
END $$;
CREATE TRIGGER delivery_of_correction AFTER INSERT ON correction_study FOR EACH ROW EXECUTE FUNCTION delivery_of_correction();
