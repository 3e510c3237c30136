-- Open pages hear of a study when its first image is there, whether a request is matched to it or not.
CREATE FUNCTION yq_study_arrived() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO event (kind, subject_id, site_id) VALUES ('study.arrived', NEW.public_id, NEW.site_id);
    RETURN NULL;
END $$;
CREATE TRIGGER study_arrived AFTER INSERT ON study FOR EACH ROW EXECUTE FUNCTION yq_study_arrived();
