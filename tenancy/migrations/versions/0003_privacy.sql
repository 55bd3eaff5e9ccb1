-- What an owner decides about keeping, in days, and when the shop ends if its closure was asked for.
ALTER TABLE shops
    ADD COLUMN keep_visits_days   integer NOT NULL DEFAULT 7 CHECK (keep_visits_days BETWEEN 1 AND 90),
    ADD COLUMN keep_tallies_days  integer NOT NULL DEFAULT 400 CHECK (keep_tallies_days BETWEEN 30 AND 1830),
    ADD COLUMN keep_consents_days integer NOT NULL DEFAULT 1095 CHECK (keep_consents_days BETWEEN 30 AND 3650),
    ADD COLUMN keep_audit_days    integer NOT NULL DEFAULT 730 CHECK (keep_audit_days BETWEEN 90 AND 3650),
    ADD COLUMN closes_at          timestamptz,
    ADD COLUMN closure_id         uuid;

-- Whatever belongs to a shop goes with it: the application deletes the shop's own row, and the database the rest,
-- also from tables that the application may only add to.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT conrelid::regclass AS target, conname, pg_get_constraintdef(oid) AS says
                 FROM pg_constraint WHERE contype = 'f' AND confrelid = 'shops'::regclass AND confdeltype = 'a'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I %s ON DELETE CASCADE',
                       one.target, one.conname, one.conname, one.says);
    END LOOP;
END
$$;
GRANT DELETE ON shops TO vitrine_app;
CREATE POLICY only_when_closed ON shops AS RESTRICTIVE FOR DELETE TO vitrine_app USING (closes_at <= now());

-- The receipts of consent and the audit log stay what nobody can edit: a row can be deleted once its time is over by
-- the shop's own setting, whose floor is above, and not a moment before.
GRANT DELETE ON consents, audit_log TO vitrine_app;
CREATE POLICY only_when_due ON consents AS RESTRICTIVE FOR DELETE TO vitrine_app
    USING (granted_at < now() - (SELECT make_interval(days => keep_consents_days) FROM shops));
CREATE POLICY only_when_due ON audit_log AS RESTRICTIVE FOR DELETE TO vitrine_app
    USING (at < now() - (SELECT make_interval(days => keep_audit_days) FROM shops));
CREATE INDEX consents_by_time ON consents (tenant_id, granted_at);
CREATE INDEX audit_log_by_time ON audit_log (tenant_id, at);

-- A withdrawal is a row of its own. The hash is of the words in the language that she read.
ALTER TABLE consents
    ADD COLUMN granted  boolean NOT NULL DEFAULT true,
    ADD COLUMN language text NOT NULL DEFAULT 'en' CHECK (length(language) <= 10);

-- Sums by day that say nothing of any one shopper: how often something happened, how many saw which delay.
CREATE TABLE tallies (
    tenant_id uuid NOT NULL REFERENCES shops ON DELETE CASCADE,
    day       date NOT NULL,
    measure   text NOT NULL CHECK (length(measure) BETWEEN 1 AND 40),
    label     text NOT NULL CHECK (length(label) <= 64),
    count     bigint NOT NULL CHECK (count > 0),
    PRIMARY KEY (tenant_id, day, measure, label)
);
SELECT isolate_tenant_table('tallies');
GRANT SELECT, INSERT, UPDATE, DELETE ON tallies TO vitrine_app;

-- What is left of a closed shop: the signed receipt that nothing else is. Its id was told when the closure was asked for.
CREATE TABLE closed_shops (
    id        uuid PRIMARY KEY,
    closed_at timestamptz NOT NULL,
    receipt   text NOT NULL
);
GRANT SELECT, INSERT ON closed_shops TO vitrine_app;

-- The sweeper finds the shops; what is due in each it finds as that shop.
GRANT SELECT (closes_at) ON shops TO vitrine_system;
