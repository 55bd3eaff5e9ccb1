"""What the head bench says of lag."""

import numpy as np
import pytest

from bench.head import lag


@pytest.mark.parametrize("frames", [0.0, 0.4, 1.5])
def test_a_signal_that_trails_is_told_by_how_much(frames: float) -> None:
    times = np.arange(96.0)
    truth, found = np.sin(times / 5), 0.9 * np.sin((times - frames) / 5) + 2.0
    assert lag(truth, found) == pytest.approx(frames, abs=0.051)
