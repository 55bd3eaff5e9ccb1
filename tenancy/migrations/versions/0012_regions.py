"""The region whose law a shop's consents are given under."""

from tenancy.schema import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(__file__)
