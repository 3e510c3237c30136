-- Webhooks: what happens at a site is told to those of its destinations that asked for it.

-- Names of events, as the stream of the API has them; docs/messages.md says what each means.
ALTER TABLE destination
    ADD COLUMN webhook_events text[] NOT NULL DEFAULT '{}'
        CHECK (webhook_events <@ ARRAY['study.arrived', 'study.complete', 'study.incomplete', 'study.reopened', 'task.return', 'report.issue',
                                       'report.printed', 'critical_value.raise', 'critical_value.notify', 'critical_value.read_back',
                                       'critical_value.handle', 'critical_value.close', 'critical_value.overdue']),
    ADD CONSTRAINT destination_webhook CHECK (protocol = 'webhook' OR webhook_events = '{}');
CREATE INDEX destination_webhooks ON destination (site_id) WHERE protocol = 'webhook' AND is_enabled;

-- In the transaction of the change: a webhook is told what was committed, all of it, and nothing else. Critical values go first.
CREATE FUNCTION yq_tell_webhooks() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO delivery (site_id, destination_id, purpose, message, rank, deadline_at)
    SELECT NEW.site_id, x.destination_id, 'notify',
           jsonb_build_object('event', NEW.event_id, 'kind', NEW.kind, 'subject', NEW.subject_id, 'at', NEW.created_at),
           CASE WHEN NEW.kind LIKE 'critical\_value.%' THEN 0 ELSE 2 END,
           yq_now() + coalesce(x.deadline_ms, 2592000000) * interval '1 ms'
    FROM destination x
    WHERE x.site_id = NEW.site_id AND x.protocol = 'webhook' AND x.is_enabled AND NEW.kind = ANY (x.webhook_events);
    RETURN NULL;
END $$;
CREATE TRIGGER event_webhook AFTER INSERT ON event FOR EACH ROW
    WHEN (NEW.site_id IS NOT NULL AND split_part(NEW.kind, '.', 1) IN ('study', 'task', 'report', 'critical_value'))
    EXECUTE FUNCTION yq_tell_webhooks();
