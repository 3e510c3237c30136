-- Storage commitments that we ask of destinations (PS3.4 annex J): the answer may come hours later, on an association that the peer opens.

-- What was asked for a delivery. held: the SOP Instance UIDs that the peer says it holds.
CREATE TABLE delivery_commitment (
    delivery_commitment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id     bigint NOT NULL REFERENCES delivery,
    site_id         bigint NOT NULL REFERENCES site,
    transaction_uid text NOT NULL UNIQUE CHECK (transaction_uid ~ '^[0-9.]{1,64}$'),
    our_ae          text NOT NULL, -- as which we asked, and are called
    peer_ae         text NOT NULL, -- who was asked, and calls
    asked_at        timestamptz NOT NULL DEFAULT yq_now(),
    answered_at     timestamptz,
    held            text[],
    CHECK ((answered_at IS NULL) = (held IS NULL))
);
CREATE INDEX delivery_commitment_delivery ON delivery_commitment (delivery_id, delivery_commitment_id);
CREATE INDEX delivery_commitment_open ON delivery_commitment (peer_ae, our_ae) WHERE answered_at IS NULL;

-- An answer is looked at now, not when the question would have been asked again.
CREATE FUNCTION yq_commitment_answered() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE delivery SET next_try_at = yq_now() WHERE delivery_id = NEW.delivery_id AND state = 'verifying' AND next_try_at > yq_now();
    PERFORM pg_notify('yq_delivery', '');
    RETURN NULL;
END $$;
CREATE TRIGGER delivery_commitment_answered AFTER UPDATE OF answered_at ON delivery_commitment FOR EACH ROW
    EXECUTE FUNCTION yq_commitment_answered();

ALTER TABLE delivery_commitment ENABLE ROW LEVEL SECURITY;
CREATE POLICY person_sites ON delivery_commitment TO yq_gateway USING (site_id = ANY (ARRAY(SELECT yq_person_sites())));
CREATE POLICY every_site ON delivery_commitment TO yq_storescp, yq_router, yq_operator USING (true);
GRANT SELECT ON delivery_commitment TO yq_storescp, yq_router, yq_gateway, yq_operator;
GRANT INSERT ON delivery_commitment TO yq_router;
GRANT UPDATE (answered_at, held) ON delivery_commitment TO yq_storescp, yq_router;
