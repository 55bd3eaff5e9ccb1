-- The shop's id goes out on one channel with the commit of the change, and what sort of thing it was
-- (tenancy/change_feed.py). It is a trigger's work, so that no way of writing can forget it, a repair by hand included.
CREATE FUNCTION tell_of_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_notify('vitrine_changes', COALESCE(NEW.tenant_id, OLD.tenant_id) || ' ' || TG_TABLE_NAME
                                         || CASE WHEN TG_OP = 'DELETE' THEN ' removed' ELSE '' END);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION tell_of_change() FROM PUBLIC;

CREATE TRIGGER told AFTER INSERT OR DELETE ON shops FOR EACH ROW EXECUTE FUNCTION tell_of_change();
CREATE TRIGGER told_of_update AFTER UPDATE ON shops FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION tell_of_change();

CREATE TRIGGER told AFTER INSERT OR DELETE ON products FOR EACH ROW EXECUTE FUNCTION tell_of_change();
CREATE TRIGGER told_of_update AFTER UPDATE ON products FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION tell_of_change();

-- That a key was used changes nothing for anybody.
CREATE TRIGGER told AFTER INSERT OR DELETE ON api_keys FOR EACH ROW EXECUTE FUNCTION tell_of_change();
CREATE TRIGGER told_of_update AFTER UPDATE ON api_keys FOR EACH ROW
    WHEN ((to_jsonb(OLD) - 'last_used_at') IS DISTINCT FROM (to_jsonb(NEW) - 'last_used_at'))
    EXECUTE FUNCTION tell_of_change();

-- A visit that begins or goes on makes nothing untrue that is kept; one that is erased or cut short does.
CREATE TRIGGER told AFTER DELETE ON visits FOR EACH ROW
    WHEN (OLD.expires_at > now()) EXECUTE FUNCTION tell_of_change();
CREATE TRIGGER told_of_update AFTER UPDATE ON visits FOR EACH ROW
    WHEN (NEW.expires_at < OLD.expires_at OR NEW.token_digest IS DISTINCT FROM OLD.token_digest)
    EXECUTE FUNCTION tell_of_change();
