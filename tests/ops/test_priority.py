"""A process that steps back does so before the whole machine, and nobody else with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

STEP_BACK = """
import os
from ops.priority import step_back
step_back(7)
print(os.nice(0), open('/proc/self/autogroup').read().rpartition(' ')[2])
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel has no groups by session")
@pytest.mark.parametrize("leads", [True, False])
def test_one_that_leads_its_session_takes_the_session_along(leads: bool) -> None:
    before = Path("/proc/self/autogroup").read_text().split()[-1]
    said = subprocess.run(
        [sys.executable, "-c", STEP_BACK], capture_output=True, text=True, check=True, start_new_session=leads
    ).stdout.split()
    own = min(19, os.nice(0) + 7)
    assert [int(one) for one in said] == [own, own if leads else int(before)]
    assert Path("/proc/self/autogroup").read_text().split()[-1] == before
