"""What Alembic runs: the connection is handed in by `tenancy.schema.migrate`, and there is no other way to run it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
