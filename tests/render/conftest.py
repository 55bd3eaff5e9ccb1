"""What the tests of drawing share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from render.scene import SceneRenderer


@pytest.fixture(scope="module")
def renderer() -> Iterator[SceneRenderer]:
    made = SceneRenderer()
    yield made
    made.close()
