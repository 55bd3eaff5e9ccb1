"""Try-ons that run, so that one whose process dies is booked."""

from tenancy.schema import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(__file__)
