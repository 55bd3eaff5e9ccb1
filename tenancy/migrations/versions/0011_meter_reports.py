"""What was told of the ledger to whoever bills."""

from tenancy.schema import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(__file__)
