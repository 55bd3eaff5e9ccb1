"""How a peer gets its answer: from an echo server, or from Vitrine by the shopper's own HTTP contract."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp


class Door(Protocol):
    """A way to exchange an offer for an answer."""

    @property
    def products(self) -> tuple[str, ...]:
        """Ids of what is worn."""

    async def answer(self, offer: str) -> str:
        """SDP in, SDP out."""

    async def leave(self) -> None:
        """Say goodbye."""


class EchoDoor:
    """`POST /offer` of bench.echo."""

    products: tuple[str, ...] = ()

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url

    async def answer(self, offer: str) -> str:
        """Exchange offer and answer."""
        async with self._http.post(f"{self._url}/offer", data=offer) as response:
            response.raise_for_status()
            return await response.text()

    async def leave(self) -> None:
        """An echo server sees the connection close."""


class ShopDoor:
    """Catalog, consent, session, try-on: what a shopper's browser does."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, *, key: str, wear: tuple[str, ...] = ("glasses",)
    ) -> None:
        self._http, self._url, self._key, self._wear = http, url, key, wear
        self._token = ""
        self._location = ""
        self.products: tuple[str, ...] = ()

    async def answer(self, offer: str) -> str:
        """Open a visit and a try-on that wears the first product of each wanted kind."""
        catalog = await self._json("GET", "/v1/catalog", bearer=self._key)
        by_kind: dict[str, str] = {}
        for product in catalog["products"]:
            by_kind.setdefault(product["kind"], product["id"])
        self.products = tuple(by_kind[kind] for kind in self._wear)
        consent = await self._json("GET", "/v1/consent", bearer=self._key)
        visit = await self._json(
            "POST",
            "/v1/sessions",
            json={
                "key": self._key,
                "product": self.products[0] if self.products else None,
                "consent": {"version": consent["version"], "granted": True},
            },
        )
        self._token = visit["token"]
        headers = self.credential | {"Content-Type": "application/sdp"}
        async with self._http.post(f"{self._url}/v1/try-on", data=offer.encode(), headers=headers) as response:
            text = await response.text()
            if response.status != 201:
                raise Refused(response.status, text, response.headers.get("Retry-After"))
            self._location = response.headers["Location"]
            return text

    @property
    def credential(self) -> dict[str, str]:
        """Headers that show whose visit it is."""
        return {"Authorization": f"Bearer {self._token}", "Origin": self._url}

    async def leave(self) -> None:
        """End the try-on."""
        if self._location:
            headers = self.credential
            url = self._location if "://" in self._location else self._url + self._location
            async with self._http.delete(url, headers=headers):
                self._location = ""

    async def _json(self, method: str, path: str, *, bearer: str | None = None, json: object = None) -> dict[str, Any]:
        headers = {"Origin": self._url} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        async with self._http.request(method, self._url + path, json=json, headers=headers) as response:
            if response.status >= 400:
                raise Refused(response.status, await response.text(), response.headers.get("Retry-After"))
            answer: dict[str, Any] = await response.json()
            return answer


class RelayedDoor:
    """Another door, with both descriptions rewritten so that media passes through a bench.relay."""

    def __init__(self, http: aiohttp.ClientSession, relay: str, door: Door) -> None:
        self._http, self._relay, self._door = http, relay, door

    @property
    def products(self) -> tuple[str, ...]:
        """What the door behind says is worn."""
        return self._door.products

    async def answer(self, offer: str) -> str:
        """Rewrite the offer, exchange it, rewrite the answer."""
        opened = await self._rewrite("/offer", offer)
        answer = await self._door.answer(opened["sdp"])
        return str((await self._rewrite(f"/answer/{opened['link']}", answer))["sdp"])

    async def leave(self) -> None:
        """Leave by the door behind."""
        await self._door.leave()

    async def _rewrite(self, path: str, sdp: str) -> dict[str, Any]:
        async with self._http.post(self._relay + path, data=sdp.encode()) as response:
            response.raise_for_status()
            rewritten: dict[str, Any] = await response.json()
            return rewritten


@dataclass
class Refused(Exception):
    """The server did not take the session; `body` is its problem+json."""

    status: int
    body: str
    retry_after: str | None = None

    @property
    def problem(self) -> dict[str, Any]:
        """The body, read; empty if it is something else."""
        try:
            read = json.loads(self.body)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.body[:300]}"
