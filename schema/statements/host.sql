-- Hosts that receive.

-- name: host_clock
-- Asked before a look: whatever was acknowledged by then is in the ledger or is seen waiting.
SELECT yq_now() AS now;

-- name: host_report
-- What a host says of itself; one report replaces the one before.
-- $1 id
-- $2 host name
-- $3 YQ_HOME
-- $4 program
-- $5 version
-- $6 ends in order
-- $7 slots of the journal that are held
-- $8 objects that are only in the journal
-- $9 their bytes
-- $10 objects that wait for the ledger
-- $11 their bytes
-- $12 the most that waited since nothing did, as this program saw it
-- $13 age of the oldest of them, milliseconds
-- $14 objects set apart
-- $15 directory of the store
-- $16 size of the store's file system
-- $17 free of it
-- $18 fine, low or full
-- $19 size of the journal's file system
-- $20 free of it
-- $21 fine, low or full
-- $22 what the ledger's clock said before it looked
INSERT INTO host (host_id, name, home, program, version, ended_at, slots, unplaced_objects, unplaced_bytes, waiting_objects, waiting_bytes,
                  waiting_peak, oldest_at, quarantined_objects, store_path, store_total_bytes, store_free_bytes, store_state,
                  journal_total_bytes, journal_free_bytes, journal_state, known_until)
VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text, CASE WHEN $6::boolean THEN yq_now() END, $7::integer, $8::bigint, $9::bigint,
        $10::bigint, $11::bigint, $12::bigint, CASE WHEN $10::bigint > 0 THEN yq_now() - $13::bigint * interval '1 ms' END, $14::bigint,
        $15::text, $16::bigint, $17::bigint, $18::text, $19::bigint, $20::bigint, $21::text,
        -- What it acknowledged before it looked is in the ledger, but for what it saw waiting.
        $22::timestamptz - CASE WHEN $10::bigint > 0 THEN $13::bigint ELSE 0 END * interval '1 ms')
ON CONFLICT (host_id) DO UPDATE
SET name = excluded.name, home = excluded.home, program = excluded.program, version = excluded.version, reported_at = yq_now(),
    ended_at = excluded.ended_at, slots = excluded.slots, unplaced_objects = excluded.unplaced_objects,
    unplaced_bytes = excluded.unplaced_bytes, waiting_objects = excluded.waiting_objects, waiting_bytes = excluded.waiting_bytes,
    -- A receiver that started amid the absence saw less of it than the one before.
    waiting_peak = CASE WHEN excluded.waiting_objects = 0 THEN 0 ELSE greatest(host.waiting_peak, excluded.waiting_peak) END,
    oldest_at = excluded.oldest_at, quarantined_objects = excluded.quarantined_objects, store_path = excluded.store_path,
    store_total_bytes = excluded.store_total_bytes, store_free_bytes = excluded.store_free_bytes, store_state = excluded.store_state,
    journal_total_bytes = excluded.journal_total_bytes, journal_free_bytes = excluded.journal_free_bytes,
    journal_state = excluded.journal_state,
    -- Of two receivers of one home that report at once the later look may be written first; what is known stays known.
    known_until = greatest(host.known_until, excluded.known_until)
RETURNING EXISTS (SELECT FROM study_signal g
                  WHERE g.signal_id > (SELECT max(signal_id) - 200 FROM study_signal) AND g.created_at > host.known_until
                    AND g.kind IN ('submit', 'mpps_completed', 'complete_by_hand'))
    OR EXISTS (SELECT FROM commitment c WHERE c.state = 'waiting' AND c.requested_at > host.known_until) AS is_awaited;

-- name: host_list
-- Every host, the one that needs somebody first. state: reporting; stranded (it does not report, and acknowledged objects are only there);
-- silent (it fell silent: what it acknowledged since its last report is not known); stopped (ended in order, with nothing left).
-- $1 silence after which one counts as away, milliseconds
SELECT h.host_id AS id, h.name, h.home, t.state, h.program, h.version, h.first_reported_at, h.reported_at, h.ended_at,
       extract(epoch FROM yq_now() - h.reported_at)::bigint AS silent_s, h.slots, h.unplaced_objects, h.unplaced_bytes, h.waiting_objects,
       h.waiting_bytes, h.waiting_peak, h.oldest_at, h.quarantined_objects, h.store_path, h.store_total_bytes, h.store_free_bytes,
       h.store_state, h.journal_total_bytes, h.journal_free_bytes, h.journal_state
FROM host h
CROSS JOIN LATERAL (
    SELECT CASE WHEN h.ended_at IS NULL AND h.reported_at > yq_now() - $1::bigint * interval '1 ms' THEN 'reporting'
                WHEN h.waiting_objects > 0 OR h.quarantined_objects > 0 THEN 'stranded'
                WHEN h.ended_at IS NULL THEN 'silent'
                ELSE 'stopped' END AS state) t
ORDER BY array_position(ARRAY['stranded', 'silent', 'reporting', 'stopped'], t.state), h.name, h.home, h.host_id;

-- name: host_find
-- $1 id, or host name
SELECT host_id AS id FROM host WHERE host_id::text = lower($1::text) OR name = $1::text
ORDER BY host_id;

-- name: host_forget
-- Removes the row of a host that does not report; what it said last comes back, for the record. No row: it reports.
-- $1 id
-- $2 silence after which one counts as away, milliseconds
DELETE FROM host
WHERE host_id = $1::uuid AND (ended_at IS NOT NULL OR reported_at <= yq_now() - $2::bigint * interval '1 ms')
RETURNING name, waiting_objects, unplaced_objects, quarantined_objects;
