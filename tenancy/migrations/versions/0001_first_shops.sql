-- Isolates one tenant table: every migration that makes one calls this, so no table can have a weaker rule.
-- NULLIF: once a transaction has set it, the setting reads '' afterwards, not NULL. The sub-select makes the
-- tenant one value for the query instead of one function call for each row.
CREATE FUNCTION isolate_tenant_table(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    own CONSTANT text := '(tenant_id = (SELECT NULLIF(current_setting(''app.tenant_id'', true), '''')::uuid))';
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY own_rows ON %s USING %s WITH CHECK %s', target, own, own);
END
$$;
REVOKE ALL ON FUNCTION isolate_tenant_table(regclass) FROM PUBLIC;

GRANT USAGE ON SCHEMA public TO vitrine_app, vitrine_system;

-- The shop itself is the first tenant row. The slug is public (it is in the page's address), so its being taken
-- tells nobody anything new.
CREATE TABLE shops (
    tenant_id       uuid PRIMARY KEY,
    slug            text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9](-?[a-z0-9])*$' AND length(slug) <= 63),
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    allowed_origins text[] NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
SELECT isolate_tenant_table('shops');
GRANT SELECT, INSERT, UPDATE ON shops TO vitrine_app;

-- Keys of a shop's pages (publishable) and of its servers (secret). A secret key is shown once and is here only as
-- its SHA-256, which is enough for 256 random bits. A digest is unique everywhere because a key names its shop.
CREATE TABLE api_keys (
    tenant_id    uuid NOT NULL REFERENCES shops,
    id           uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('publishable', 'secret')),
    label        text NOT NULL DEFAULT '' CHECK (length(label) <= 200),
    shown        text NOT NULL,  -- the whole of a publishable key, the first characters of a secret one
    digest       bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    scopes       text[] NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at   timestamptz,
    PRIMARY KEY (tenant_id, id)
);
SELECT isolate_tenant_table('api_keys');
GRANT SELECT, INSERT, UPDATE ON api_keys TO vitrine_app;

CREATE TABLE products (
    tenant_id        uuid NOT NULL REFERENCES shops,
    id               uuid NOT NULL,
    external_id      text CHECK (length(external_id) BETWEEN 1 AND 200),  -- the shop's own name for it, such as a SKU
    kind             text NOT NULL CHECK (kind IN ('glasses', 'hat', 'garment')),
    name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    position         integer NOT NULL DEFAULT 0,
    dimensions       jsonb NOT NULL DEFAULT '{}',  -- millimetres by name
    report           jsonb NOT NULL DEFAULT '{}',  -- what the intake found, for the owner
    source_digest    text NOT NULL,                -- SHA-256 of the upload, to know the same file again
    glb_digest       text NOT NULL,
    thumbnail_digest text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, external_id)
);
CREATE INDEX products_in_order ON products (tenant_id, position, name);
SELECT isolate_tenant_table('products');
GRANT SELECT, INSERT, UPDATE, DELETE ON products TO vitrine_app;

-- One shopper's visit. The token names the shop and is here only as its SHA-256.
CREATE TABLE visits (
    tenant_id    uuid NOT NULL REFERENCES shops,
    id           uuid NOT NULL,
    token_digest bytea NOT NULL CHECK (length(token_digest) = 32),
    product_id   uuid,
    opened_at    timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, token_digest),
    FOREIGN KEY (tenant_id, product_id) REFERENCES products ON DELETE SET NULL (product_id)
);
CREATE INDEX visits_by_end ON visits (tenant_id, expires_at);
CREATE INDEX visits_by_product ON visits (tenant_id, product_id) WHERE product_id IS NOT NULL;
SELECT isolate_tenant_table('visits');
GRANT SELECT, INSERT, UPDATE, DELETE ON visits TO vitrine_app;

-- Receipts: who agreed to which text when. They outlive the visit, which is why there is no foreign key to it, and
-- the application can neither change nor delete one.
CREATE TABLE consents (
    tenant_id   uuid NOT NULL REFERENCES shops,
    id          uuid NOT NULL,
    visit_id    uuid NOT NULL,
    purpose     text NOT NULL CHECK (purpose IN ('camera', 'photo')),
    version     text NOT NULL,
    text_digest text NOT NULL,  -- SHA-256 of the words that were shown
    region      text CHECK (length(region) <= 10),
    granted_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX consents_by_visit ON consents (tenant_id, visit_id);
SELECT isolate_tenant_table('consents');
GRANT SELECT, INSERT ON consents TO vitrine_app;

-- Reads across shops, for `Database.system` alone: a key or an address to its shop, and no column more.
CREATE POLICY find_shop ON shops FOR SELECT TO vitrine_system USING (true);
GRANT SELECT (tenant_id, slug, name, allowed_origins) ON shops TO vitrine_system;
CREATE POLICY find_key ON api_keys FOR SELECT TO vitrine_system USING (true);
GRANT SELECT (tenant_id, id, kind, digest, scopes, revoked_at) ON api_keys TO vitrine_system;

GRANT SELECT ON alembic_version TO vitrine_app;
