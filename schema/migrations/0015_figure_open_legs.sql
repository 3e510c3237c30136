-- A leg that has not ended took no time yet, not none: greatest() passes over NULL.
CREATE OR REPLACE FUNCTION figure_seconds(p_from timestamptz, p_to timestamptz, p_paused interval) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_to - p_from - p_paused IS NOT NULL
                THEN greatest(extract(epoch FROM p_to - p_from - p_paused), 0)::double precision END
$$;
