"""Avatars, the photos they are made from, and the queue of the work."""

from tenancy.schema import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(__file__)
