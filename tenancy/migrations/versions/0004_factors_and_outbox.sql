-- A second factor that lives in a device: only the public half is here.
CREATE TABLE passkeys (
    tenant_id     uuid NOT NULL,
    id            uuid NOT NULL,
    account_id    uuid NOT NULL,
    credential_id bytea NOT NULL CHECK (length(credential_id) BETWEEN 1 AND 1023),
    public_key    bytea NOT NULL,
    sign_count    bigint NOT NULL,  -- what the device last counted: one that counts back is a copy
    transports    text[] NOT NULL DEFAULT '{}',
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, credential_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts ON DELETE CASCADE
);
CREATE INDEX passkeys_by_account ON passkeys (tenant_id, account_id);
SELECT isolate_tenant_table('passkeys');
GRANT SELECT, INSERT, UPDATE, DELETE ON passkeys TO vitrine_app;

-- `proven_at`: when this login last showed password and second factor. `ceremony`: the random bytes that a passkey has
-- to sign next, good once.
ALTER TABLE logins
    ADD COLUMN proven_at      timestamptz,
    ADD COLUMN ceremony       bytea,
    ADD COLUMN ceremony_until timestamptz;

-- A secret that no code has proven yet stands apart from the one that counts, so that setting up a new app neither
-- locks anybody out nor lets anybody in.
ALTER TABLE accounts ADD COLUMN totp_next bytea;
ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY;
UPDATE accounts SET totp_next = totp_secret, totp_secret = NULL WHERE totp_since IS NULL;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;

-- A new address of an account, until the mail that went to it was answered.
ALTER TABLE mailed_links
    ADD COLUMN email text CHECK (length(email) BETWEEN 3 AND 254),
    DROP CONSTRAINT mailed_links_purpose_check,
    ADD CONSTRAINT mailed_links_purpose_check CHECK (purpose IN ('verify', 'reset', 'email'));

-- Where a shop wants to be told of what happens.
CREATE TABLE webhooks (
    tenant_id  uuid NOT NULL REFERENCES shops ON DELETE CASCADE,
    id         uuid NOT NULL,
    url        text NOT NULL CHECK (length(url) <= 2000),
    events     text[] NOT NULL,
    secret     bytea NOT NULL,  -- sealed: every delivery is signed with it
    active     boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
SELECT isolate_tenant_table('webhooks');
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks TO vitrine_app;

-- What is to leave the house: written in the transaction of the deed, so it is neither lost nor sent for a deed that
-- was taken back. A mail goes when it was taken; what went to a webhook stays for the owner to look at.
CREATE TABLE outbox (
    tenant_id  uuid NOT NULL REFERENCES shops ON DELETE CASCADE,
    id         uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('mail', 'webhook')),
    webhook_id uuid CHECK ((kind = 'webhook') = (webhook_id IS NOT NULL)),
    subject    text NOT NULL CHECK (length(subject) <= 100),  -- the event's type; nothing of a mail
    content    bytea NOT NULL,  -- a mail is sealed, for it may open an account
    state      text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts   integer NOT NULL DEFAULT 0,
    answer     text NOT NULL DEFAULT '' CHECK (length(answer) <= 200),  -- how the last attempt ended
    created_at timestamptz NOT NULL,
    due_at     timestamptz NOT NULL,  -- of the next attempt; later while one runs
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 'waiting';
CREATE INDEX outbox_by_webhook ON outbox (tenant_id, webhook_id, created_at);
SELECT isolate_tenant_table('outbox');
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO vitrine_app;
-- Whose turn it is, and nothing of what it says.
CREATE POLICY find_due ON outbox FOR SELECT TO vitrine_system USING (true);
GRANT SELECT (tenant_id, id, kind, state, due_at) ON outbox TO vitrine_system;
