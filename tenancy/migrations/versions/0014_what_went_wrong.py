"""Which photo a failure is about, and what a correction that fails goes back to."""

from tenancy.schema import run_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(__file__)
