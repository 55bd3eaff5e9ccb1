"""Every hostile file ends in a clear answer within its time and memory, and carries nothing into what is stored."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from render import intake_child
from render.glb import ProductError, read_glb
from render.intake import take_in
from render.intake_child import IntakeDesk, intake_in_child
from render.taken import IntakeResult
from tests.render.hostile import FILES
from tests.render.hostile_child import MEMORY_MB
from tests.render.products import glasses

pytestmark = pytest.mark.timeout(300)  # all files are taken in for the first test; on a busy machine that is long

ROOT = Path(__file__).parents[2]
SECONDS_EACH = 8.0  # of processor time, on a slow machine; the most that any needs here is half of one


@dataclass(frozen=True)
class Told:
    """What became of a file."""

    code: str
    detail: str
    cpu_s: float
    written: str


@pytest.fixture(scope="module")
def told() -> dict[str, Told]:
    """All of them, taken in by one process under limits."""
    child = [sys.executable, "-m", "tests.render.hostile_child"]
    ran = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    return {name: Told(*rest) for name, *rest in lines}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_ends_in_a_clear_answer(told: dict[str, Told], name: str) -> None:
    found, code = told[name], FILES[name][1]
    if code:
        assert found.code.startswith(code)
        assert found.detail.endswith(".")
    else:
        assert found.code == ""
    assert found.cpu_s < SECONDS_EACH
    shown = json.loads(found.written or "[]")
    assert all(character.isprintable() for character in _texts(shown))


def _texts(value: object) -> str:
    if isinstance(value, str):
        return value
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return "".join(_texts(item) for item in items)


def test_there_are_many_and_none_of_them_costs_much_memory(told: dict[str, Told]) -> None:
    assert len(FILES) >= 60
    assert told["peak"].cpu_s < MEMORY_MB / 2, "megabytes resident at most"


def take(name: str) -> IntakeResult:
    return take_in(FILES[name][0](), "glasses")


def test_what_is_taken_in_all_the_same_carries_nothing_along() -> None:
    assert b"cron.d" in FILES["a zip within"][0]()
    smuggled = take("a zip within")
    assert b"cron.d" not in smuggled.glb + smuggled.thumbnail_png
    odd = take("names with control characters")
    # As PostgreSQL would have it: a JSON text without NUL and without half a pair.
    for text in (json.dumps(odd.report), json.dumps(read_glb(odd.glb).document)):
        assert "\\u0000" not in text
        assert "\\ud8" not in text


def test_a_picture_that_a_hundred_materials_share_is_written_once() -> None:
    taken = take("a hundred materials with one picture")
    document = read_glb(taken.glb).document
    assert len(document["images"]) == 1
    assert len(taken.glb) < 2 << 20


async def test_what_nobody_foresaw_is_refused_as_unreadable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A fault of ours in the child: the owner still gets an answer, and the parent no traceback."""
    for text, code in (("raise KeyError('x')", "unreadable"), ("import os; os.kill(os.getpid(), 11)", "unreadable")):
        folder = tmp_path / code / str(len(text))
        folder.mkdir(parents=True)
        (folder / "sitecustomize.py").write_text(
            "import sys, types\n"
            "fake = types.ModuleType('render.intake')\n"
            f"def take_in(*_, **__):\n    {text}\n"
            "fake.take_in = take_in\n"
            "sys.modules['render.intake'] = fake\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(folder))
        with pytest.raises(ProductError) as raised:
            await intake_in_child(glasses().pack(), "glasses")
        assert raised.value.code == code


async def test_a_child_can_say_no_more_than_an_answer_may_be_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nwhile '-m' in sys.orig_argv: sys.stdout.buffer.write(bytes(1 << 20))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(intake_child, "MAX_ANSWER_BYTES", 4 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ProductError) as raised:
        await intake_in_child(glasses().pack(), "glasses")
    assert raised.value.code == "too-heavy"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


async def test_the_child_steps_back_behind_others_and_inherits_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VITRINE_SECRET", "not for the child")
    told = tmp_path / "told"
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os\n"
        f"atexit.register(lambda: open({str(told)!r}, 'w').write(f'{{os.nice(0)}} {{sorted(os.environ)}}'))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ProductError):
        await intake_in_child(b"nothing", None)
    niceness, names = told.read_text().split(" ", 1)
    assert int(niceness) == min(19, os.nice(0) + intake_child.NICENESS)
    assert "VITRINE_SECRET" not in names


async def test_no_more_than_so_many_are_taken_in_at_once_and_no_more_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[int] = []
    most = 0
    go_on = asyncio.Event()

    async def slow(*_: object, **__: object) -> str:
        nonlocal most
        running.append(1)
        most = max(most, len(running))
        await go_on.wait()
        running.pop()
        return "taken"

    monkeypatch.setattr(intake_child, "intake_in_child", slow)
    desk = IntakeDesk(at_once=2, most_waiting=3)
    asked = [asyncio.create_task(desk.take_in(b"", None)) for _ in range(6)]
    await asyncio.sleep(0.01)
    with pytest.raises(ProductError) as raised:
        await asked[5]
    assert raised.value.code == "intake-busy"
    asked[4].cancel()  # who hangs up gives the place free
    await asyncio.sleep(0.01)
    seventh = asyncio.create_task(desk.take_in(b"", None))
    await asyncio.sleep(0.01)
    assert not seventh.done()
    go_on.set()
    assert await asyncio.gather(*asked[:4], seventh) == ["taken"] * 5
    assert most == 2


def test_processor_time_ends_a_child_that_the_clock_does_not_see() -> None:
    """The soft limit's signal comes before the kill, so that the answer says what happened."""
    busy = "from render.intake_child import limit_resources\nlimit_resources(2048, 1)\nwhile True: pass"
    began = time.monotonic()
    ran = subprocess.run([sys.executable, "-c", busy], cwd=ROOT, check=False, timeout=60)
    assert time.monotonic() - began < 50
    assert intake_child._fate(ran.returncode).code == "took-too-long"
