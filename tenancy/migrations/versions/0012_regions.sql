-- Where a shop's shoppers are, as its owner says: ISO 3166-1, or 3166-2 where the law is a state's own.
ALTER TABLE shops ADD COLUMN region text CHECK (region ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$');
GRANT SELECT (region) ON shops TO vitrine_system;

-- A receipt names a region of that form or none. Until now nobody wrote one.
ALTER TABLE consents ADD CONSTRAINT consents_region_is_a_code CHECK (region ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$');
