"""Products of the demo shop for tests that wear something."""

import pytest

from demo.shop import WEARABLES


@pytest.fixture(scope="session")
def acetate() -> bytes:
    """Bold black glasses as canonical GLB: the easiest to see."""
    return next(demo.build() for demo in WEARABLES if demo.name == "Norton Black")
