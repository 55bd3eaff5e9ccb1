"""Accounts, their sessions and audit log; versions of products; the ledger of usage; the looks of a shop."""

from tenancy.schema import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(__file__)
