"""A shop's own colours, font, words, language and domains."""

from tenancy.schema import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(__file__)
