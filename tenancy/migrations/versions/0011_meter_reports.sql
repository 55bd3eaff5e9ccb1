ALTER TABLE shops ADD COLUMN billing_customer text CHECK (length(billing_customer) BETWEEN 1 AND 200);
-- Which shops pay, and nothing of what.
GRANT SELECT (plan) ON shops TO vitrine_system;

-- A sum of the ledger on its way to whoever bills. Its id and its quantity never change once it may have been sent.
CREATE TABLE meter_reports (
    tenant_id uuid NOT NULL REFERENCES shops ON DELETE CASCADE,
    id        uuid NOT NULL,
    meter     text NOT NULL CHECK (meter IN ('try-on', 'avatar', 'storage')),
    quantity  double precision NOT NULL,
    at        timestamptz NOT NULL,
    day       date,  -- of storage, which is summed by day
    state     text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'refused')),
    attempts  integer NOT NULL DEFAULT 0,
    due_at    timestamptz NOT NULL,
    answer    text NOT NULL DEFAULT '' CHECK (length(answer) <= 200),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, meter, day)
);
CREATE INDEX meter_reports_due ON meter_reports (tenant_id, due_at) WHERE state = 'waiting';
SELECT isolate_tenant_table('meter_reports');
GRANT SELECT, INSERT, UPDATE, DELETE ON meter_reports TO vitrine_app;

-- Each event of the ledger is in one report.
CREATE TABLE metered_events (
    tenant_id uuid NOT NULL,
    kind      text NOT NULL,
    event_id  text NOT NULL,
    report_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, kind, event_id),
    FOREIGN KEY (tenant_id, kind, event_id) REFERENCES usage_events ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, report_id) REFERENCES meter_reports ON DELETE CASCADE
);
CREATE INDEX metered_events_by_report ON metered_events (tenant_id, report_id);
SELECT isolate_tenant_table('metered_events');
GRANT SELECT, INSERT ON metered_events TO vitrine_app;
CREATE INDEX usage_events_by_noting ON usage_events (tenant_id, kind, noted_at);
