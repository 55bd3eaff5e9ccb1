"""The pool as processes: whatever is killed or frozen, an avatar is made once, and each failure says why."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import psutil
import pytest

from tenancy.avatars import Avatar
from tenancy.clock import utc_now
from tenancy.database import Database
from tenancy.files import Files
from tenancy.stated import Stated
from tenancy.visits import Visit
from tests import bodies
from tests.photographs import photographed
from tests.services import Addresses
from tests.tenancy.avatar_people import PHOTO, House

ROOT = Path(__file__).resolve().parents[1]


class Pool:
    """Workers as processes over one database, and the folder with which a test holds them up."""

    def __init__(self, house: House, addresses: Addresses, valkey_url: str) -> None:
        self.house = house
        self.latch = house.folder / "latch"
        self.latch.mkdir()
        self.addresses = addresses
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.endswith("_URL")},
            "DATABASE_APP_URL": addresses.app,
            "REDIS_URL": valkey_url,
            "STORAGE_URL": (house.folder / "files").as_uri(),
            "VITRINE_DATA": str(house.folder),
            "VITRINE_SECRET": "x" * 40,
        }
        self.workers: list[psutil.Popen] = []

    def start(self, *, latched: bool = True) -> psutil.Popen:
        models = self.latch if latched else ROOT / "models"
        command = [sys.executable, str(ROOT / "server.py"), "avatar"]
        command += ["--maker", "tests.latched:Latched"] if latched else []
        environment = {**self._environment, "VITRINE_MODELS": str(models), "PYTHONPATH": str(ROOT)}
        log = (self.house.folder / "worker.log").open("ab")
        worker = psutil.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd="/")
        self.workers.append(worker)
        return worker

    @property
    def begun(self) -> list[Path]:
        """What was begun, the first first."""
        return sorted(self.latch.glob("begun-*"), key=lambda path: path.stat().st_mtime_ns)

    def let_go(self) -> None:
        (self.latch / "go").touch()

    async def until(self, holds: Callable[[], object], within_s: float = 60) -> None:
        async with asyncio.timeout(within_s):
            while not holds():
                assert any(worker.is_running() for worker in self.workers), self.log()
                await asyncio.sleep(0.05)

    async def at_rest(self, visit: Visit, avatar: Avatar, within_s: float = 90) -> Avatar:
        async with asyncio.timeout(within_s):
            while not (now := await self.house.avatars.get(visit, avatar.id)).at_rest:  # noqa: ASYNC110  in PostgreSQL
                await asyncio.sleep(0.05)
        return now

    async def let_the_lease_run_out(self) -> None:
        """As if the worker that has the job had said nothing for a minute, and for as long as it has it."""
        (holder,) = await self.rows("SELECT queue_manager_id AS id FROM jobs.pgqueuer WHERE status = 'picked'")
        late = "UPDATE jobs.pgqueuer SET heartbeat = heartbeat - interval '1 minute' WHERE queue_manager_id = '{}'"
        async with asyncio.timeout(60):
            while await self.rows(late.format(holder["id"]) + " RETURNING id"):  # noqa: ASYNC110  another process's
                await asyncio.sleep(0.5)

    def log(self) -> str:
        return (self.house.folder / "worker.log").read_text()

    async def rows(self, statement: str) -> list[asyncpg.Record]:
        admin = await asyncpg.connect(self.addresses.admin)
        try:
            return list(await admin.fetch(statement))
        finally:
            await admin.close()

    def stop(self) -> None:
        for worker in self.workers:
            for process in [*worker.children(recursive=True), worker] if worker.is_running() else []:
                process.kill()
            worker.wait()


@pytest.fixture
async def pool(
    database: Database, files: Files, tmp_path: Path, addresses: Addresses, valkey_url: str
) -> AsyncIterator[Pool]:
    made = Pool(House(database, files, tmp_path, clock=utc_now), addresses, valkey_url)
    (made.latch / "made.pickle").write_bytes(pickle.dumps(bodies.built()))
    yield made
    made.stop()


async def test_killed_in_mid_job_the_avatar_is_made_once_by_another(pool: Pool):
    visit = await pool.house.visit()
    avatar = await pool.house.ask(visit)
    doomed = pool.start()
    await pool.until(lambda: len(pool.begun) == 1)
    (computing,) = doomed.children()
    pool.start()
    doomed.send_signal(signal.SIGKILL)
    doomed.wait()
    psutil.wait_procs([computing], timeout=5)
    assert not computing.is_running()  # it does not outlive its worker
    await pool.let_the_lease_run_out()
    await pool.until(lambda: len(pool.begun) == 2)
    pool.let_go()
    done = await pool.at_rest(visit, avatar)
    assert done.status == "complete", done
    assert (await pool.house.avatars.file(visit, avatar.id, "body.glb"))[1] == bodies.built().body_glb
    assert len(pool.begun) == 2
    assert [row["quantity"] for row in await pool.rows("SELECT quantity FROM usage_events")] == [1]
    assert await pool.rows("SELECT FROM jobs.pgqueuer") == []


async def test_a_frozen_worker_that_wakes_up_cannot_overwrite(pool: Pool):
    visit = await pool.house.visit()
    avatar = await pool.house.ask(visit)
    frozen = pool.start()
    await pool.until(lambda: len(pool.begun) == 1)
    frozen.send_signal(signal.SIGSTOP)
    pool.start()
    await pool.let_the_lease_run_out()  # and its transaction may be open, until PostgreSQL ends it
    await pool.until(lambda: len(pool.begun) == 2)
    frozen.send_signal(signal.SIGCONT)
    # It finds that the job is another's, ends its computing process, and is there for the next job.
    await pool.until(lambda: "superseded" in pool.log())
    assert (await pool.house.avatars.get(visit, avatar.id)).status == "processing"
    pool.let_go()
    assert (await pool.at_rest(visit, avatar)).status == "complete"
    assert [row["attempt"] for row in await pool.rows("SELECT attempt FROM avatars")] == [2]
    assert [row["quantity"] for row in await pool.rows("SELECT quantity FROM usage_events")] == [1]
    assert frozen.is_running()


async def test_two_workers_share_the_line_and_never_a_job(pool: Pool):
    visits = [await pool.house.visit(slug) for slug in "abcdef"]
    avatars = [await pool.house.ask(visit, f"\xff\xd8\xff {n}".encode()) for n, visit in enumerate(visits)]
    pool.start()
    pool.start()
    await pool.until(lambda: len(pool.begun) == 2)
    pool.let_go()
    for visit, avatar in zip(visits, avatars, strict=True):
        assert (await pool.at_rest(visit, avatar)).status == "complete"
    assert len(pool.begun) == len({path.read_bytes() for path in pool.begun}) == 6


async def test_each_failure_says_why(pool: Pool):
    visit, crash = await pool.house.visit(), pool.latch / "crash"
    avatar = await pool.house.ask(visit, b"\xff\xd8\xff nobody")
    pool.let_go()
    pool.start()
    failed = await pool.at_rest(visit, avatar)
    assert (failed.status, failed.failure, failed.advice) == ("failed", "nobody", "We could not find anyone.")
    assert failed.failure_view == "front"
    failed = await pool.at_rest(visit, await pool.house.ask(visit, b"\xff\xd8\xff too slow"))
    assert (failed.status, failed.failure, failed.failure_view) == ("failed", "engine-too-slow", None)
    assert "engine" not in failed.advice.lower(), "what an engine says is for the operator"
    assert "the engine ended with -9" in pool.log()
    crash.touch()
    failed = await pool.at_rest(visit, await pool.house.ask(visit))
    assert (failed.status, failed.failure) == ("failed", "gave-up")
    assert len(pool.begun) == 2 + 3  # a crash is tried again, and not for ever
    crash.unlink()
    assert (await pool.at_rest(visit, await pool.house.ask(visit))).status == "complete"
    assert "nobody" in pool.log() and "canary" not in pool.log()


async def test_told_to_stop_in_mid_job_it_gives_the_job_back(pool: Pool):
    visit = await pool.house.visit()
    avatar = await pool.house.ask(visit)
    worker = pool.start()
    await pool.until(lambda: len(pool.begun) == 1)
    worker.terminate()
    assert worker.wait(20) == 0
    assert (await pool.house.avatars.get(visit, avatar.id)).status == "queued"
    pool.let_go()
    pool.start()
    assert (await pool.at_rest(visit, avatar)).status == "complete"


async def test_photos_of_a_person_become_her_body(pool: Pool):
    """The whole way with the real maker: sealed photos, a worker, its process, files, receipts, and a correction."""
    shown = await asyncio.to_thread(photographed, ROOT / "models")
    visit = await pool.house.visit()
    stated = Stated(shown.person.stated_height_cm, shown.person.stated_weight_kg, "female", "tight")
    photos = {"front": shown.front, "side": shown.side}
    avatar = await pool.house.avatars.ask(visit, stated, photos, PHOTO)  # type: ignore[arg-type]
    pool.start(latched=False)
    done = await pool.at_rest(visit, avatar, within_s=110)
    assert done.status == "complete", done
    for name in ("chest", "waist", "hip"):
        assert abs(done.measures[name]["value_cm"] - shown.person.truth[name]) < 6
        assert 0.3 < done.measures[name]["sigma_cm"] < 6
    assert (await pool.house.avatars.file(visit, avatar.id, "body.glb"))[1][:4] == b"glTF"
    assert (await pool.house.avatars.file(visit, avatar.id, "thumbnail.png"))[1][:4] == b"\x89PNG"
    assert len(await pool.house.photos.receipts(visit.tenant_id, avatar.id)) == 2
    wanted = done.measures["waist"]["value_cm"] + 3
    await pool.house.avatars.correct(visit, avatar.id, {"waist": wanted})
    after = await pool.at_rest(visit, avatar)
    assert after.failure is None
    assert abs(after.measures["waist"]["value_cm"] - wanted) < 1
    assert after.files["body.glb"] != done.files["body.glb"]
