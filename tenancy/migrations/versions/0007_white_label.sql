ALTER TABLE shops
    ADD COLUMN paper       text CHECK (paper ~ '^#[0-9a-f]{6}$'),  -- the ground of its pages; null is ours
    ADD COLUMN font        text CHECK (length(font) <= 40),        -- one of ours by its name, or 'own'
    ADD COLUMN font_digest text,                                   -- of its own, a WOFF2
    ADD COLUMN language    text CHECK (length(language) <= 10),    -- null: the browser's
    ADD COLUMN words       jsonb NOT NULL DEFAULT '{}';            -- its own texts, by language and key

-- Addresses of its own at which a shop's page is shown. Anybody may ask for any; the one who proves it has it.
CREATE TABLE domains (
    tenant_id   uuid NOT NULL REFERENCES shops ON DELETE CASCADE,
    host        text NOT NULL CHECK (host = lower(host) AND length(host) BETWEEN 4 AND 253),
    token       text NOT NULL CHECK (length(token) BETWEEN 20 AND 100),  -- to be put into its DNS
    added_at    timestamptz NOT NULL DEFAULT now(),
    verified_at timestamptz,
    PRIMARY KEY (tenant_id, host)
);
CREATE UNIQUE INDEX domains_verified ON domains (host) WHERE verified_at IS NOT NULL;
SELECT isolate_tenant_table('domains');
GRANT SELECT, INSERT, UPDATE, DELETE ON domains TO vitrine_app;

-- From the host of a request to its shop.
CREATE POLICY find_domain ON domains FOR SELECT TO vitrine_system USING (verified_at IS NOT NULL);
GRANT SELECT (tenant_id, host, verified_at) ON domains TO vitrine_system;

CREATE TRIGGER told AFTER INSERT OR DELETE ON domains FOR EACH ROW EXECUTE FUNCTION tell_of_change();
CREATE TRIGGER told_of_update AFTER UPDATE ON domains FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION tell_of_change();
