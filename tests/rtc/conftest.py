"""A real media node with real Valkey, GL, models and codecs, and shoppers to connect to it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from redis.asyncio import Redis

from rtc.avatars import AvatarSource
from rtc.measures import Measures
from rtc.node import MediaNode, NodeSettings
from rtc.offers import UnknownProduct
from rtc.placement import Placement
from rtc.studio import Studio
from rtc.worker import Effect

MODELS = Path("models")


class Shelf:
    """Products from memory."""

    def __init__(self, **products: bytes) -> None:
        self.products = products

    async def digest(self, tenant: str, product: str) -> str:
        if product not in self.products:
            raise UnknownProduct
        return hashlib.sha256(self.products[product]).hexdigest()

    async def read(self, tenant: str, digest: str) -> bytes:
        return next(glb for glb in self.products.values() if hashlib.sha256(glb).hexdigest() == digest)

    async def offered(self, tenant: str) -> list[str]:
        return list(self.products)


@pytest.fixture(scope="session")
def studio() -> Iterator[Studio]:
    """The frame worker with its renderer, shared by the tests because GL contexts are slow to make."""
    errors: list[BaseException] = []
    made = Studio(MODELS, on_error=errors.append)
    yield made
    made.close()
    assert errors == []


@dataclass(frozen=True)
class RunningNode:
    """A node on its socket."""

    node: MediaNode
    runner: web.AppRunner


StartNode = Callable[..., Awaitable[RunningNode]]


@pytest.fixture
async def start_node(valkey: Redis, studio: Studio, acetate: bytes, tmp_path: Path) -> AsyncIterator[StartNode]:
    running: list[RunningNode] = []

    async def start(
        name: str = "a",
        capacity: int = 4,
        make_effect: Callable[[], Effect] | None = None,
        avatars: AvatarSource | None = None,
        **settings: Any,
    ) -> RunningNode:
        """A node that takes so many sessions, however busy this machine is."""
        socket = tmp_path / f"{name}.sock"
        node = MediaNode(
            NodeSettings(name, f"unix:{socket}", **({"capacity": capacity, "least": capacity} | settings)),
            redis=valkey,
            products=Shelf(acetate=acetate),
            worker=studio.worker,
            make_effect=make_effect or studio.make_effect,
            check_picture=studio.check_picture,
            measures=Measures(name),
            avatars=avatars,
        )
        runner = web.AppRunner(node.app())
        await runner.setup()
        await web.UnixSite(runner, str(socket)).start()
        async with asyncio.timeout(60):
            await node.until_ready()
        await node.announce()
        running.append(RunningNode(node, runner))
        return running[-1]

    yield start
    for one in running:
        await one.runner.cleanup()


@pytest.fixture
async def placement(valkey: Redis) -> AsyncIterator[Placement]:
    made = Placement(valkey)
    yield made
    await made.aclose()
