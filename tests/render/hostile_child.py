"""Takes every hostile file in, in one process that may use so much memory, and tells of each what became of it."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

from render.glb import ProductError
from render.intake import prepare
from render.intake_child import limit_resources
from tests.render.hostile import FILES

MEMORY_MB, CPU_S = 1536, 90


def main() -> None:
    """One JSON line a file: name, code, detail, seconds of processor time."""
    warnings.simplefilter("ignore")
    limit_resources(MEMORY_MB, CPU_S)
    for name, (make, _) in FILES.items():
        data = make()
        began = time.process_time()
        code = detail = ""
        written = ""
        try:
            prepared = prepare(data, None)
            written = json.dumps([prepared.findings, prepared.name, [p.name for p in prepared.model.parts]])
        except ProductError as error:
            code, detail = error.code, error.detail
        except Exception as error:
            code, detail = f"unforeseen {type(error).__name__}: {error}"[:300], ""
        took = time.process_time() - began
        print(json.dumps([name, code, detail, took, written]), flush=True)
    print(json.dumps(["peak", "", "", peak_mb(), ""]), flush=True)


def peak_mb() -> float:
    """The most memory that this program held; getrusage would begin with what its parent held when it forked."""
    status = Path("/proc/self/status").read_text()
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
    sys.exit(0)
