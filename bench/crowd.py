"""Shoppers for whom there is no place: each asks for one, is put in the line, and listens to where she stands."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection

from bench.signalling import Refused, ShopDoor

AT_ONCE = 4


@dataclass
class Turned:
    """What became of them: how many by the code of the answer, the places they were given, and words from the line."""

    answers: dict[str, int] = field(default_factory=dict)
    positions: list[int] = field(default_factory=list)
    told: int = 0

    def count(self, answer: str) -> None:
        """One more was answered so."""
        self.answers[answer] = self.answers.get(answer, 0) + 1


async def press(http: aiohttp.ClientSession, url: str, shoppers: int, turned: Turned) -> None:
    """All of them come, and wait until they are cancelled."""
    offer = await _offer()
    gate = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(*(_wait_in_line(http, url, offer, gate, turned) for _ in range(shoppers)))


async def _offer() -> str:
    """A description that a node would take; nobody stands behind it."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("video", "sendrecv")
    connection.createDataChannel("control")
    await connection.setLocalDescription(await connection.createOffer())
    sdp: str = connection.localDescription.sdp
    await connection.close()
    return sdp


async def _wait_in_line(
    http: aiohttp.ClientSession, url: str, offer: str, gate: asyncio.Semaphore, turned: Turned
) -> None:
    door = ShopDoor(http, url, key="pk_demo", wear=())
    async with gate:
        try:
            await door.answer(offer)
        except Refused as refused:
            said = refused.problem
            turned.count(said.get("code", str(refused.status)))
            turned.positions.append(int(said.get("position", 0)))
        else:
            turned.count("admitted")
            await door.leave()
            return
    with contextlib.suppress(aiohttp.ClientError):
        async with http.get(url + said["events"], headers=door.credential) as response:
            async for word in response.content:
                turned.told += word.startswith(b"event: place")
