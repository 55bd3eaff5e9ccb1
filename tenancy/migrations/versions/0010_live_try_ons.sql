-- How far each running try-on is, as its media process last said. A line goes when the try-on is booked.
CREATE TABLE live_try_ons (
    tenant_id  uuid NOT NULL REFERENCES shops ON DELETE CASCADE,
    session_id text NOT NULL CHECK (length(session_id) BETWEEN 1 AND 200),
    started_at timestamptz NOT NULL,
    seconds    double precision NOT NULL,
    products   uuid[] NOT NULL DEFAULT '{}',
    beat_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, session_id)
) WITH (fillfactor = 50);  -- each is rewritten every few seconds, in place
CREATE INDEX live_try_ons_by_beat ON live_try_ons (beat_at);
SELECT isolate_tenant_table('live_try_ons');
GRANT SELECT, INSERT, UPDATE, DELETE ON live_try_ons TO vitrine_app;
-- Which ones fell silent; what was worn is the shop's own affair.
CREATE POLICY find_silent ON live_try_ons FOR SELECT TO vitrine_system USING (true);
GRANT SELECT (tenant_id, session_id, beat_at) ON live_try_ons TO vitrine_system;
