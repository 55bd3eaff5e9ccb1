-- A person's account at one shop. The same address at two shops is two accounts that know nothing of each other, so
-- no question about an address can be asked across shops (docs/decisions/0010-accounts-belong-to-a-shop.md).
CREATE TABLE accounts (
    tenant_id     uuid NOT NULL REFERENCES shops,
    id            uuid NOT NULL,
    email         text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),  -- in lower case
    role          text NOT NULL CHECK (role IN ('owner', 'staff', 'read-only')),
    password_hash text NOT NULL,  -- argon2id, PHC string format
    verified_at   timestamptz,
    totp_secret   bytea,          -- sealed (tenancy/seal.py)
    totp_since    timestamptz,    -- when a code first proved that the secret had arrived
    totp_counter  bigint NOT NULL DEFAULT 0,  -- of the last code taken: each is good once
    failures      integer NOT NULL DEFAULT 0,
    blocked_until timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, email)
);
SELECT isolate_tenant_table('accounts');
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts TO vitrine_app;

CREATE TABLE recovery_codes (
    tenant_id  uuid NOT NULL,
    account_id uuid NOT NULL,
    digest     bytea NOT NULL CHECK (length(digest) = 32),
    used_at    timestamptz,
    PRIMARY KEY (tenant_id, account_id, digest),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts ON DELETE CASCADE
);
SELECT isolate_tenant_table('recovery_codes');
GRANT SELECT, INSERT, UPDATE, DELETE ON recovery_codes TO vitrine_app;

-- A login. Until the second factor has passed it is a challenge (`complete` false) and opens nothing.
CREATE TABLE logins (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    account_id uuid NOT NULL,
    digest     bytea NOT NULL CHECK (length(digest) = 32),
    complete   boolean NOT NULL,
    tries      integer NOT NULL DEFAULT 0,
    agent      text NOT NULL DEFAULT '' CHECK (length(agent) <= 200),
    created_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, digest),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts ON DELETE CASCADE
);
CREATE INDEX logins_by_account ON logins (tenant_id, account_id);
SELECT isolate_tenant_table('logins');
GRANT SELECT, INSERT, UPDATE, DELETE ON logins TO vitrine_app;

-- What was mailed to prove an address: to verify it, or to choose a new password. Good once.
CREATE TABLE mailed_links (
    tenant_id  uuid NOT NULL,
    digest     bytea NOT NULL CHECK (length(digest) = 32),
    account_id uuid NOT NULL,
    purpose    text NOT NULL CHECK (purpose IN ('verify', 'reset')),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, digest),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts ON DELETE CASCADE
);
CREATE INDEX mailed_links_by_account ON mailed_links (tenant_id, account_id);
SELECT isolate_tenant_table('mailed_links');
GRANT SELECT, INSERT, DELETE ON mailed_links TO vitrine_app;

CREATE TABLE invitations (
    tenant_id  uuid NOT NULL REFERENCES shops,
    id         uuid NOT NULL,
    email      text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    role       text NOT NULL CHECK (role IN ('owner', 'staff', 'read-only')),
    digest     bytea NOT NULL CHECK (length(digest) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, digest)
);
SELECT isolate_tenant_table('invitations');
GRANT SELECT, INSERT, DELETE ON invitations TO vitrine_app;

-- Who did what and when. Written in the transaction of the deed; the application can neither change nor delete a line.
CREATE TABLE audit_log (
    tenant_id uuid NOT NULL REFERENCES shops,
    id        bigint GENERATED ALWAYS AS IDENTITY,
    at        timestamptz NOT NULL DEFAULT now(),
    actor     text NOT NULL,  -- an address, or the beginning of a key
    action    text NOT NULL,
    target    text NOT NULL DEFAULT '',
    detail    jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, id)
);
SELECT isolate_tenant_table('audit_log');
GRANT SELECT, INSERT ON audit_log TO vitrine_app;

-- Products: what is published, and every state a product had. The product's own row holds the state of `version`.
ALTER TABLE products
    ADD COLUMN published boolean NOT NULL DEFAULT true,
    ADD COLUMN version   integer NOT NULL DEFAULT 1,
    ADD COLUMN variants  jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN bytes     bigint NOT NULL DEFAULT 0;
CREATE TABLE product_versions (
    tenant_id        uuid NOT NULL,
    product_id       uuid NOT NULL,
    number           integer NOT NULL,
    kind             text NOT NULL,
    name             text NOT NULL,
    variants         jsonb NOT NULL,
    dimensions       jsonb NOT NULL,
    report           jsonb NOT NULL,
    source_digest    text NOT NULL,
    glb_digest       text NOT NULL,
    thumbnail_digest text NOT NULL,
    bytes            bigint NOT NULL,
    made_by          text NOT NULL DEFAULT '',
    made_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, product_id, number),
    FOREIGN KEY (tenant_id, product_id) REFERENCES products ON DELETE CASCADE
);
-- Row-level security is forced on the owner too, who must see every product this once.
ALTER TABLE products NO FORCE ROW LEVEL SECURITY;
INSERT INTO product_versions (tenant_id, product_id, number, kind, name, variants, dimensions, report,
                              source_digest, glb_digest, thumbnail_digest, bytes, made_at)
SELECT tenant_id, id, 1, kind, name, variants, dimensions, report,
       source_digest, glb_digest, thumbnail_digest, bytes, updated_at FROM products;
ALTER TABLE products FORCE ROW LEVEL SECURITY;
SELECT isolate_tenant_table('product_versions');
GRANT SELECT, INSERT ON product_versions TO vitrine_app;

-- The ledger that a bill is made of. Append-only; the same event told twice is there once.
CREATE TABLE usage_events (
    tenant_id uuid NOT NULL REFERENCES shops,
    kind      text NOT NULL CHECK (kind IN ('try-on', 'storage')),
    event_id  text NOT NULL CHECK (length(event_id) BETWEEN 1 AND 200),
    at        timestamptz NOT NULL,              -- when the try-on began; when the bytes changed
    quantity  double precision NOT NULL,         -- try-on: seconds; storage: bytes more, or less
    products  uuid[] NOT NULL DEFAULT '{}',      -- what was worn
    noted_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, kind, event_id)
);
CREATE INDEX usage_events_by_time ON usage_events (tenant_id, kind, at);
SELECT isolate_tenant_table('usage_events');
GRANT SELECT, INSERT ON usage_events TO vitrine_app;

ALTER TABLE shops
    ADD COLUMN plan           text NOT NULL DEFAULT 'free' CHECK (length(plan) <= 40),
    ADD COLUMN cap_try_ons    integer CHECK (cap_try_ons >= 0),  -- a month, chosen by the owner; null is the plan's
    ADD COLUMN logo_digest    text,
    ADD COLUMN accent         text CHECK (accent ~ '^#[0-9a-f]{6}$'),
    ADD COLUMN on_accent      text CHECK (on_accent ~ '^#[0-9a-f]{6}$');
