-- A bulk import and its rows. Who works on it says so (`beat_at`); silent for minutes, another may go on with it.
CREATE TABLE imports (
    tenant_id uuid NOT NULL REFERENCES shops ON DELETE CASCADE,
    id        uuid NOT NULL,
    state     text NOT NULL CHECK (state IN ('preview', 'running', 'done')),
    made_by   text NOT NULL,
    made_at   timestamptz NOT NULL,
    worker    uuid,
    beat_at   timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX imports_running ON imports (made_at) WHERE state = 'running';
SELECT isolate_tenant_table('imports');
GRANT SELECT, INSERT, UPDATE, DELETE ON imports TO vitrine_app;
-- Which import nobody works on, and nothing of what is in it.
CREATE POLICY find_running ON imports FOR SELECT TO vitrine_system USING (true);
GRANT SELECT (tenant_id, id, state, made_at, beat_at) ON imports TO vitrine_system;

CREATE TABLE import_rows (
    tenant_id     uuid NOT NULL,
    import_id     uuid NOT NULL,
    line          integer NOT NULL,
    sku           text NOT NULL,
    name          text NOT NULL,
    kind          text NOT NULL,
    model         text NOT NULL,
    variants      jsonb NOT NULL,
    published     boolean NOT NULL,
    plan          text NOT NULL CHECK (plan IN ('add', 'renew', 'same', 'refuse')),
    state         text NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    code          text,
    says          text NOT NULL,
    source_digest text,  -- of the model that waits for its row
    product_id    uuid,
    PRIMARY KEY (tenant_id, import_id, line),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports ON DELETE CASCADE
);
CREATE INDEX import_rows_by_source ON import_rows (tenant_id, source_digest) WHERE state = 'waiting';
SELECT isolate_tenant_table('import_rows');
GRANT SELECT, INSERT, UPDATE ON import_rows TO vitrine_app;
