-- Who asks for the images of one request or step names it whole: found by an index, and not by reading the requests of every series.

CREATE INDEX series_request_attributes ON series USING gin (request_attributes jsonb_path_ops);

-- What an item has that is asked for in both, as far as they are no patterns of LIKE; NULL: nothing that can be looked up.
CREATE FUNCTION yq_requests_named(p_step text, p_procedure text) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nullif(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
        'step_id', CASE WHEN p_step !~ '[%_\\]' THEN p_step END, 'procedure_id', CASE WHEN p_procedure !~ '[%_\\]' THEN p_procedure END))), '[{}]')
$$;

-- Among which series those are that came of such a request, whoever asks: what is compared as JSON may not go by an index before his rights are
-- weighed, and they are weighed of what is found. NULL: any may be, or they are more than p_most; then each is asked.
CREATE FUNCTION yq_series_requested(p_step text, p_procedure text, p_most integer) RETURNS bigint[] LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    named jsonb := yq_requests_named(p_step, p_procedure);
    ids   bigint[];
BEGIN
    IF named IS NOT NULL THEN
        ids := ARRAY(SELECT series_id FROM series WHERE request_attributes @> named LIMIT p_most + 1);
    END IF;
    RETURN CASE WHEN cardinality(ids) <= p_most THEN ids END;
END $$;
REVOKE ALL ON FUNCTION yq_series_requested(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yq_series_requested(text, text, integer) TO yq_gateway, yq_operator;
