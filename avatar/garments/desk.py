"""Takes owners' garments in, so many at a time, each in a process of its own with limits."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avatar.garments.intake_child import ANSWER_BYTES
from avatar.messages import Message, read
from avatar.pool import Bench, BenchCrashed, BenchTooSlow

PROGRAM = "avatar.garments.intake_child"
FOLDER, MANIFEST = "garments", "manifest.json"


class GarmentRefused(Exception):
    """`code` is stable, the message says what to change; `busy` when as many wait as may."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True)
class TakenIn:
    """See `avatar.garments.take_in.Taken`."""

    glb: bytes
    worn_glb: bytes
    garment: Mapping[str, Any]
    dimensions: Mapping[str, float]
    report: Mapping[str, Any]
    kind: str = "garment"


class GarmentDesk:
    """`at_once` at a time; `most_waiting` more wait their turn."""

    def __init__(self, models: Path, *, at_once: int, most_waiting: int = 32) -> None:
        self._models = models
        self._places = asyncio.Semaphore(at_once)
        self._room = at_once + most_waiting

    async def take_in(self, glb: bytes, details: Mapping[str, Any]) -> TakenIn:
        """The garment, written anew. One of our own catalogue was taken in at set-up, and is only looked up.

        Raises GarmentRefused.
        """
        if not details and (known := await asyncio.to_thread(self._known, hashlib.sha256(glb).hexdigest())):
            return _taken(known)
        if self._room <= 0:
            raise GarmentRefused("busy", "Many models are being taken in. Try again in a minute.")
        self._room -= 1
        try:
            async with self._places:
                answer = await self._answer(Message({"details": dict(details)}, {"glb": glb}))
        finally:
            self._room += 1
        if "refused" in answer.head:
            why: str = answer.head["why"]
            raise GarmentRefused(answer.head["refused"], f"{why[:1].upper()}{why[1:]}.")
        return _taken(answer)

    def _known(self, digest: str) -> Message | None:
        folder = self._models / FOLDER
        try:
            manifest = json.loads((folder / MANIFEST).read_text())
            name = next((name for name, said in manifest.items() if said["sha256"] == digest), None)
            known = read(io.BytesIO((folder / f"{name}.taken").read_bytes())) if name is not None else None
        except (OSError, ValueError):
            return None
        return known if known is not None and "worn" in known.parts else None  # an older set-up's had none

    async def _answer(self, order: Message) -> Message:
        bench = Bench(self._models, program=PROGRAM, most_bytes=ANSWER_BYTES)
        try:
            return await bench.carry_out(order, _says_nothing)
        except (BenchCrashed, BenchTooSlow):
            raise GarmentRefused("too-heavy", "The model needs more memory or time than a garment may.") from None
        finally:
            await bench.stop()


def _taken(answer: Message) -> TakenIn:
    taken = answer.head["taken"]
    return TakenIn(answer.parts["glb"], answer.parts["worn"], taken["garment"], taken["dimensions"], taken["report"])


async def _says_nothing(_stage: str, _share: float) -> None:
    return
