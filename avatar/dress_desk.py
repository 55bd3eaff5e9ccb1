"""Has outfits made and sizes judged by two processes of its own: one that dresses, and one that need not wait for it.

Each is started when it is first needed and ends after a while of rest. So many wait; who comes then is sent away.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avatar.messages import Message
from avatar.pool import Bench, BenchCrashed, BenchTooSlow

MOST_WAITING = 12
WARM_FOR_S, LOOK_EVERY_S = 600.0, 20.0
FORGET_AFTER_S = 40.0  # nobody's body is kept in memory for longer than it is being dressed
PROGRAM = "avatar.dressing"
REVISION = "2"  # count it when the files of the same outfit change


class DeskBusy(Exception):
    """As many wait as may."""


class DeskFailed(Exception):
    """What was asked for cannot be made; `code` is stable, the message says why."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True)
class Order:
    """A GLB of an outfit. key: of the outfit; body: sex and betas; worn: product, name, size, kind and chart of each
    garment; models: their GLBs; name: `garment.glb` and so on; color: "#rrggbb" of the body, None for a mannequin's."""

    key: str
    name: str
    body: Mapping[str, Any]
    color: str | None
    tucked: bool
    worn: Sequence[Mapping[str, Any]]
    models: Sequence[bytes]


class DressDesk:
    """`before_exec`: binds a process to this one's life."""

    def __init__(self, models: Path, *, before_exec: Callable[[], None] | None = None) -> None:
        self._dressing = _Place(Bench(models, program=PROGRAM, before_exec=before_exec))
        self._judging = _Place(Bench(models, program=PROGRAM, before_exec=before_exec))
        self._made: dict[tuple[str, str], asyncio.Task[Message]] = {}

    async def dress(self, order: Order) -> bytes:
        """The file; two who ask for the same at a time wait for one. Raises DeskBusy, DeskFailed."""
        wanted = (order.key, order.name)
        making = self._made.get(wanted)
        if making is None:
            head: dict[str, Any] = {"do": "dress", "file": order.name, "key": order.key, "body": dict(order.body)}
            head |= {"color": order.color, "tucked": order.tucked, "worn": [dict(one) for one in order.worn]}
            parts = {str(index): model for index, model in enumerate(order.models)}
            # A task of its own: when who asked goes away, the process is not ended in the middle.
            making = asyncio.create_task(self._dressing.carry_out(Message(head, parts)))
            self._made[wanted] = making
            making.add_done_callback(lambda task: self._forget(wanted, task))
        return (await asyncio.shield(making)).parts["file"]

    async def fit(
        self, measures: Mapping[str, Mapping[str, float]], chart: object, body_chart: object
    ) -> Mapping[str, Any]:
        """`avatar.dressing.report`. Raises DeskBusy, DeskFailed."""
        told = {name: dict(measure) for name, measure in measures.items()}
        order = Message({"do": "fit", "measures": told, "chart": chart, "body_chart": body_chart})
        answer = await asyncio.shield(asyncio.create_task(self._judging.carry_out(order)))
        done: Mapping[str, Any] = answer.head["done"]
        return done

    async def rest_always(self) -> None:
        """Until cancelled: ends processes of which nothing was asked for a while, and has bodies forgotten before."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for place in (self._dressing, self._judging):
                await place.rest()

    async def close(self) -> None:
        """End both processes."""
        await asyncio.gather(self._dressing.bench.stop(), self._judging.bench.stop())

    def _forget(self, wanted: tuple[str, str], task: asyncio.Task[Message]) -> None:
        self._made.pop(wanted, None)
        if not task.cancelled():
            task.exception()  # whoever asked may be gone


class _Place:
    """One process, one order at a time."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._asked_at = 0.0
        self._forgotten = True

    async def carry_out(self, order: Message) -> Message:
        if self._waiting >= MOST_WAITING:
            raise DeskBusy
        self._waiting += 1
        try:
            async with self._turn:
                self._asked_at, self._forgotten = time.monotonic(), False
                answer = await self.bench.carry_out(order, _says_nothing)
        except BenchCrashed:
            raise DeskFailed("crashed", "it cannot be put on a body") from None
        except BenchTooSlow:
            raise DeskFailed("too-slow", "it takes too long to put on") from None
        finally:
            self._waiting -= 1
        if "failed" in answer.head:
            raise DeskFailed(answer.head["failed"], answer.head["why"])
        return answer

    async def rest(self) -> None:
        idle_s = time.monotonic() - self._asked_at
        if self._waiting or self.bench.pid is None or idle_s <= FORGET_AFTER_S:
            return
        async with self._turn:
            if idle_s > WARM_FOR_S:
                await self.bench.stop()
            elif not self._forgotten:
                self._forgotten = True
                with contextlib.suppress(BenchCrashed, BenchTooSlow):
                    await self.bench.carry_out(Message({"do": "forget"}), _says_nothing)


async def _says_nothing(_stage: str, _share: float) -> None:
    return
