"""A visit to the fitting room alone, whose shopper never agreed to a camera."""

from tenancy.schema import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(__file__)
