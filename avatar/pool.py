"""One worker of the pool: takes a job from the line, has its bench compute, and stores what came of it.

There is a worker for each device. The bench is a process of its own, so that the longest computation never holds up
the renewal of the lease, and a crash in a decoder costs one attempt. It is started for the first job and stays warm
until nothing was asked of it for a while. What the line is made of, `server.py` decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog

from avatar.messages import MOST_BYTES, Message, receive

LOAD_WITHIN_S, WORK_WITHIN_S = 120.0, 180.0
WARM_FOR_S = 600.0
RENEW_EVERY_S, LOOK_EVERY_S = 5.0, 3.0
AFTER_TROUBLE_S = 2.0
_ENVIRONMENT = frozenset({"PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"})
SLOW = ("too-slow", "This took too long. Please try again with smaller photos.")
UNREADABLE = ("photo-gone", "Your photos were deleted before we could look at them. Please send them again.")

log = structlog.get_logger("avatars")


class Stated(Protocol):
    """What the shopper says of herself."""

    @property
    def height_cm(self) -> float: ...
    @property
    def weight_kg(self) -> float | None: ...
    @property
    def sex(self) -> str | None: ...
    @property
    def clothing(self) -> str | None: ...
    @property
    def skin(self) -> str: ...


class Job(Protocol):
    """One attempt at one avatar. `body` is None when it is to be made of photos."""

    @property
    def stated(self) -> Stated: ...
    @property
    def corrections_cm(self) -> Mapping[str, float]: ...
    @property
    def body(self) -> Mapping[str, Any] | None: ...
    @property
    def measures(self) -> Mapping[str, Mapping[str, float]]: ...


@dataclass(frozen=True)
class Made:
    """An avatar. body: sex and betas; measures: value_cm and sigma_cm by name; skin: "#rrggbb" or None."""

    body: Mapping[str, Any]
    measures: Mapping[str, Mapping[str, float]]
    findings: Sequence[Mapping[str, str | None]]
    body_glb: bytes
    plain_glb: bytes
    thumbnail_png: bytes
    skin: str | None = None


AnyJob = TypeVar("AnyJob", bound=Job)


class Line(Protocol[AnyJob]):
    """Where jobs come from and results go. What is said of a job that another worker has by now raises `superseded`."""

    async def take(self) -> AnyJob | None: ...
    async def photos(self, work: AnyJob, /) -> Mapping[str, bytes]: ...
    async def progress(self, work: AnyJob, stage: str, share: float, /) -> None: ...
    async def renew(self, work: AnyJob, /) -> None: ...
    async def complete(self, work: AnyJob, made: Made, /) -> None: ...
    async def fail(self, work: AnyJob, code: str, advice: str, view: str | None = None, /) -> None: ...
    async def give_back(self, work: AnyJob, /) -> None: ...


class BenchCrashed(Exception):
    """The computing process ended in the middle of a job."""


class BenchTooSlow(Exception):
    """The computing process took longer than any job does."""


OnStage = Callable[[str, float], Awaitable[None]]


class Bench:
    """The process that computes, started when it is needed."""

    def __init__(
        self,
        models: Path,
        *,
        maker: str | None = None,
        engine: str | None = None,
        engine_s: float = 0.0,
        program: str = "avatar.workbench",
        most_bytes: int = MOST_BYTES,
        environment: Mapping[str, str] | None = None,
        before_exec: Callable[[], None] | None = None,
    ) -> None:
        """`engine`: another way to the shape (`avatar.engines.engine`), which may take `engine_s` of its own.

        `program`: the module it runs; `most_bytes`: of an answer. `environment`: more for it to know, such as its
        device. `before_exec`: binds it to this process's life.
        """
        self._command = [sys.executable, "-m", program, "--models", str(models)]
        if maker is not None:
            self._command += ["--maker", maker]
        if engine is not None:
            self._command += ["--engine", engine, "--engine-seconds", str(engine_s)]
        self._within_s = WORK_WITHIN_S + engine_s
        kept = {name: value for name, value in os.environ.items() if name in _ENVIRONMENT}
        self._environment = {**kept, "OPENBLAS_NUM_THREADS": "1", **(environment or {})}
        self._before_exec = before_exec
        self._most_bytes = most_bytes
        self._process: asyncio.subprocess.Process | None = None
        self.used_at = time.monotonic()

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def warm_up(self) -> None:
        """Start it if it does not run. Raises BenchCrashed, BenchTooSlow."""
        self.used_at = time.monotonic()
        if self.pid is not None:
            return
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment,
            preexec_fn=self._before_exec,
        )
        await self._next(LOAD_WITHIN_S)

    async def carry_out(self, order: Message, on_stage: OnStage) -> Message:
        """The answer to an order. Raises BenchCrashed, BenchTooSlow, and what `on_stage` raises; cancelled or failed,
        the process is ended, for it may be computing still."""
        try:
            await self.warm_up()
            assert self._process is not None and self._process.stdin is not None
            self._process.stdin.write(order.packed())
            with contextlib.suppress(ConnectionError):  # its end shows at the other pipe
                await self._process.stdin.drain()
            until = time.monotonic() + self._within_s
            while "stage" in (answer := await self._next(until - time.monotonic())).head:
                await on_stage(answer.head["stage"], answer.head["share"])
        except BaseException:
            await self.stop()
            raise
        self.used_at = time.monotonic()
        return answer

    async def stop(self) -> None:
        """End the process; harmless if there is none."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _next(self, within_s: float) -> Message:
        assert self._process is not None and self._process.stdout is not None
        try:
            async with asyncio.timeout(within_s):
                return await receive(self._process.stdout, self._most_bytes)
        except TimeoutError:
            raise BenchTooSlow from None
        except EOFError:
            raise BenchCrashed from None


@dataclass
class Worker:
    """Works on the line. superseded, unreadable: what the line raises when a job is another's by now, and when its
    photos are gone. away: what it raises while it cannot be reached."""

    line: Line[Any]
    bench: Bench
    superseded: type[Exception]
    unreadable: type[Exception]
    away: tuple[type[Exception], ...]
    renew_every_s: float = RENEW_EVERY_S
    warm_for_s: float = WARM_FOR_S
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)
    _expected: bool = False

    def wake(self) -> None:
        """There may be something to do."""
        self._stirred.set()

    def get_ready(self) -> None:
        """There will be something to do: load the models now, so that it need not wait for them."""
        self._expected = True
        self._stirred.set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._stirred.clear()
                try:
                    job = await self.line.take()
                except self.away:
                    await asyncio.sleep(AFTER_TROUBLE_S)
                    continue
                if job is None:
                    await self._rest()
                else:
                    await self._work_on(job)
        finally:
            await self.bench.stop()

    async def _rest(self) -> None:
        if self.bench.pid is not None and time.monotonic() - self.bench.used_at > self.warm_for_s:
            await self.bench.stop()
        if self._expected:
            self._expected = False
            try:
                await self.bench.warm_up()
            except (BenchCrashed, BenchTooSlow):
                await self.bench.stop()
                log.error("bench-not-ready")  # noqa: TRY400  the next job will say more
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._stirred.wait()

    async def _work_on(self, job: Any) -> None:
        """One attempt, with whatever comes of it written down."""
        started = time.monotonic()
        try:
            outcome = await self._attempt(job)
        except self.superseded:
            outcome = "superseded"
        except self.away:  # the lease runs out, and it is taken again
            outcome = "line-away"
        except asyncio.CancelledError:
            with contextlib.suppress(self.superseded, *self.away):
                await self.line.give_back(job)
            raise
        log.info("avatar", outcome=outcome, seconds=round(time.monotonic() - started, 2))

    async def _attempt(self, job: Any) -> str:
        try:
            answer = await self._computed(job)
        except BenchCrashed:
            await self.line.give_back(job)
            return "crashed"
        except BenchTooSlow:
            await self.line.fail(job, *SLOW)
            return SLOW[0]
        except self.unreadable:
            await self.line.fail(job, *UNREADABLE)
            return UNREADABLE[0]
        if "failed" in answer.head:
            if "why" in answer.head:
                log.warning("engine-failed", code=answer.head["failed"], why=answer.head["why"])
            await self.line.fail(job, answer.head["failed"], answer.head["advice"], answer.head.get("view"))
            return str(answer.head["failed"])
        await self.line.complete(job, _made(answer))
        return "complete"

    async def _computed(self, job: Any) -> Message:
        """The bench's answer. While it computes the lease is renewed, and if it is lost the bench is ended."""
        photos = {} if job.body is not None else await self.line.photos(job)
        stated = {name: getattr(job.stated, name) for name in ("height_cm", "weight_kg", "sex", "clothing", "skin")}
        head = {
            "stated": stated,
            "corrections_cm": dict(job.corrections_cm),
            "body": job.body,
            "measures": {name: dict(measure) for name, measure in job.measures.items()},
        }

        async def on_stage(stage: str, share: float) -> None:
            await self.line.progress(job, stage, share)

        computing = asyncio.ensure_future(self.bench.carry_out(Message(head, photos), on_stage))
        renewing = asyncio.ensure_future(self._renew(job))
        try:
            await asyncio.wait({computing, renewing}, return_when=asyncio.FIRST_COMPLETED)
            return computing.result() if computing.done() else await renewing
        finally:
            for task in (computing, renewing):
                task.cancel()
            await asyncio.gather(computing, renewing, return_exceptions=True)

    async def _renew(self, job: Any) -> Any:
        """Never returns; raises `superseded`."""
        while True:
            await asyncio.sleep(self.renew_every_s)
            with contextlib.suppress(*self.away):
                await self.line.renew(job)


def _made(answer: Message) -> Made:
    made, parts = answer.head["made"], answer.parts
    return Made(
        body=made["body"],
        measures=made["measures"],
        findings=made["findings"],
        body_glb=parts["body.glb"],
        plain_glb=parts["plain.glb"],
        thumbnail_png=parts["thumbnail.png"],
        skin=made["skin"],
    )
