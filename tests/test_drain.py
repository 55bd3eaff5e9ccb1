"""A media process run by hand, beside those of the machine, is told to stop: its shoppers move and it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import aiohttp
import pytest

from tests.installation import ROOT, Installation
from tests.rtc.shopper import Shopper

pytestmark = pytest.mark.timeout(400)
SDP = {"Content-Type": "application/sdp"}


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with Installation() as made:
        made.start(settings={"VITRINE_SESSIONS_PER_PROCESS": "1"})
        yield made


@contextmanager
def by_hand(installation: Installation) -> Iterator[subprocess.Popen[bytes]]:
    """A node beside the machine's own."""
    environment = installation.child("media").environ()
    environment |= {"VITRINE_SESSIONS_PER_PROCESS": "3", "VITRINE_DRAIN_SECONDS": "30"}
    del environment["NOTIFY_SOCKET"]
    socket = installation.data / "by-hand.sock"
    command = [sys.executable, str(ROOT / "server.py"), "media", "--name", "by-hand", "--listen", f"unix:{socket}"]
    process = subprocess.Popen(command, env={**os.environ, **environment})
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()


async def place(client: aiohttp.ClientSession, url: str, shopper: Shopper, **headers: str) -> str:
    """Comes in, if need be after standing in the line: a node is heard of a little after it is there."""
    offer, given = await shopper.offer(), {**SDP, **headers}
    async with asyncio.timeout(60):
        while True:
            async with client.post(url, data=offer, headers=given) as response:
                if response.status == 201:
                    await shopper.accept(await response.text())
                    return response.headers["Location"]
                refused = await response.json()
            assert refused["code"] == "queue", refused
            given["Vitrine-Ticket"] = refused["ticket"]
            await asyncio.sleep(0.5)


async def token(client: aiohttp.ClientSession, url: str) -> str:
    async with client.get(url + "/v1/consent") as response:
        consent = {"version": (await response.json())["version"], "granted": True}
    body: dict[str, Any] = {"key": "pk_demo", "product": None, "consent": consent}
    async with client.post(url + "/v1/sessions", json=body) as response:
        return str((await response.json())["token"])


async def test_sigterm_moves_the_shoppers_and_then_ends(installation: Installation) -> None:
    before, first, second = Shopper(), Shopper(), Shopper()
    url = installation.url + "/v1/try-on"
    async with aiohttp.ClientSession() as client, AsyncExitStack() as stack:
        elsewhere = {"Authorization": f"Bearer {await token(client, installation.url)}"}
        taken = await place(client, url, before, **elsewhere)  # the only place of the machine's own node
        await before.see(1, within_s=60)
        node = stack.enter_context(by_hand(installation))
        await until_there(installation, node)
        bearer = {"Authorization": f"Bearer {await token(client, installation.url)}"}
        location = await place(client, url, first, **bearer)
        await first.see(2, within_s=60)
        async with client.delete(installation.url + taken, headers=elsewhere) as response:
            assert response.status == 204
        node.send_signal(signal.SIGTERM)
        await first.hear("move", within_s=20)
        await place(client, url, second, **bearer, **{"Vitrine-Replaces": location})
        await second.see(2, within_s=60)
        await first.see(1)
        async with client.delete(installation.url + location, headers=bearer) as response:
            assert response.status == 204
        assert await asyncio.to_thread(node.wait, 25) == 0
        await second.see(2)
    await asyncio.gather(before.close(), first.close(), second.close())


async def until_there(installation: Installation, process: subprocess.Popen[bytes]) -> None:
    """Its socket is there and `/readyz` on it says that it dresses a picture."""
    connector = aiohttp.UnixConnector(str(installation.data / "by-hand.sock"))
    deadline = time.monotonic() + 120
    async with aiohttp.ClientSession(connector=connector) as node:
        while time.monotonic() < deadline:
            assert process.poll() is None
            try:
                async with node.get("http://node/readyz") as response:
                    if response.status == 200:
                        await asyncio.sleep(1.2)  # it announces itself every second
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.2)
    raise AssertionError("the node never came up")
