"""Whoever keeps something of a shop in memory is told when the shop changes."""

from tenancy.schema import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(__file__)
