-- What a garment says beyond its model: what it is worn as, and its charts in centimetres. Null for glasses and hats.
ALTER TABLE products ADD COLUMN garment jsonb;
ALTER TABLE product_versions ADD COLUMN garment jsonb;

-- The colour of the body: a mannequin's, one that she chose, or the one to be taken from her photo.
ALTER TABLE avatars
    ADD COLUMN skin text NOT NULL DEFAULT 'neutral' CHECK (skin IN ('neutral', 'photo') OR skin ~ '^#[0-9a-f]{6}$');

-- Files of a body with garments on it, made when somebody asks. They go with the avatar, and with the body they are of.
CREATE TABLE avatar_outfits (
    tenant_id uuid NOT NULL,
    avatar_id uuid NOT NULL,
    key       text NOT NULL CHECK (key ~ '^[0-9a-f]{32}$'),  -- of all that the files depend on
    name      text NOT NULL CHECK (length(name) <= 40),
    digest    text NOT NULL,
    used_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, avatar_id, key, name),
    FOREIGN KEY (tenant_id, avatar_id) REFERENCES avatars ON DELETE CASCADE
);
SELECT isolate_tenant_table('avatar_outfits');
GRANT SELECT, INSERT, UPDATE, DELETE ON avatar_outfits TO vitrine_app;
