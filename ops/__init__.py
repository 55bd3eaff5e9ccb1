"""Running it: settings, embedded PostgreSQL and Valkey, supervisor, model bundles, telemetry."""
