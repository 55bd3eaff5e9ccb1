"""How long what is kept, how a shop ends with all that is its, and sums that name nobody."""

from tenancy.schema import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(__file__)
