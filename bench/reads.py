"""How many of the shopper path's reads reach PostgreSQL: `python -m bench.reads --shoppers 3 --seconds 60`.

Shoppers walk through a whole installation by HTTP: the page, the catalog, its pictures, the consent, a visit, an offer
with its candidates, the end. What they asked of the shops' data is what the server counts (`vitrine_shop_reads_total`);
what reached PostgreSQL is what PostgreSQL itself counts (pg_stat_statements), so the server cannot flatter itself.
Meanwhile the owner renames a product every ten seconds, as in life.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection
from aiortc.mediastreams import VideoStreamTrack

from bench.exposition import series
from bench.servers import VitrineServer
from bench.signalling import Refused, ShopDoor
from ops.embedded import EmbeddedPostgres

GOAL = 0.95
READS = "vitrine_shop_reads_total"
# The tables that the shopper's path reads; what runs beside it (sweepers, queues) reads others.
_SHOPS_DATA = re.compile(r"\b(shops|api_keys|products|product_versions|visits|consents|usage_events)\b")
_SHEET = re.compile(r'href="(/static/looks/[^"]+)"')
_OPEN_TO_ALL = dict.fromkeys(("visit", "visit-shop", "try-on"), "1000000/minute")


@dataclass
class Walked:
    """What the shoppers did."""

    visits: int = 0
    requests: int = 0
    refused: int = 0
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Counts:
    """asked: reads by what answered them; reached: statements on the shops' data by their text."""

    asked: dict[tuple[str, str], float]
    reached: dict[str, int]

    def since(self, before: Counts) -> Counts:
        asked = {key: count - before.asked.get(key, 0.0) for key, count in self.asked.items()}
        reached = {text: calls - before.reached.get(text, 0) for text, calls in self.reached.items()}
        return Counts(asked, {text: calls for text, calls in reached.items() if calls})


async def walk(http: aiohttp.ClientSession, url: str, until: float, walked: Walked) -> None:
    """One shopper after the other, each as her browser asks."""
    while time.monotonic() < until:
        began = time.monotonic()
        async with http.get(f"{url}/s/demo") as response:
            page = await response.text()
        assert response.status == 200, page
        for sheet in _SHEET.findall(page):
            async with http.get(url + sheet) as response:
                assert response.status == 200
        headers = {"Authorization": "Bearer pk_demo", "Origin": url}
        async with http.get(f"{url}/v1/catalog", headers=headers) as response:
            pictures = [product["thumbnail"] for product in (await response.json())["products"]]
        for picture in pictures:
            async with http.get(picture if "://" in picture else url + picture) as response:
                assert response.status == 200
                await response.read()
        walked.requests += 2 + len(pictures)
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        connection.addTrack(VideoStreamTrack())
        connection.createDataChannel("control")
        await connection.setLocalDescription(await connection.createOffer())
        door = ShopDoor(http, url, key="pk_demo")
        try:
            await door.answer(connection.localDescription.sdp)
            await asyncio.sleep(1.0)
        except Refused as refused:
            walked.refused += 1
            print(f"refused: {refused}", file=sys.stderr)
        await door.leave()
        await connection.close()
        walked.visits += 1
        walked.requests += 5
        walked.seconds.append(time.monotonic() - began)


async def rename_now_and_then(dsn: str, until: float) -> int:
    """A product of the demo shop is changed, as an owner would; returns how often."""
    admin = await asyncpg.connect(dsn)
    changes = 0
    while time.monotonic() < until:
        await admin.execute(
            "UPDATE products SET updated_at = now() WHERE id = (SELECT min(id::text)::uuid FROM products)"
        )
        changes += 1
        await asyncio.sleep(min(10.0, max(0.0, until - time.monotonic())))
    await admin.close()
    return changes


async def count(http: aiohttp.ClientSession, url: str, dsn: str) -> Counts:
    """As of now."""
    async with http.get(f"{url}/metrics") as response:
        page = await response.text()
    asked = {(labels["what"], labels["answered_by"]): value for labels, value in series(page, READS)}
    admin = await asyncpg.connect(dsn)
    rows = await admin.fetch(
        """
        SELECT query, sum(calls)::bigint AS calls FROM pg_stat_statements
         WHERE userid IN (SELECT oid FROM pg_roles WHERE rolname IN ('vitrine_app', 'vitrine_system'))
         GROUP BY query
        """
    )
    await admin.close()
    reached = {" ".join(row["query"].split()): row["calls"] for row in rows}
    return Counts(asked, {text: calls for text, calls in reached.items() if _SHOPS_DATA.search(text)})


def prepared_postgres(folder: Path) -> EmbeddedPostgres:
    """A server that counts its statements."""
    with EmbeddedPostgres(folder) as server:
        asyncio.run(
            _execute(
                server.dsn("postgres", "postgres"), "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'"
            )
        )
    return EmbeddedPostgres(folder)


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


async def measure(postgres: EmbeddedPostgres, shoppers: int, seconds: float, settle: float) -> dict[str, Any]:
    """Start, settle, count over the window, stop."""
    # Beside the server's own database: a view of an extension there would be one that shops could read through.
    counts = postgres.dsn("postgres", "postgres")
    await _execute(counts, "CREATE EXTENSION pg_stat_statements")
    server = VitrineServer(
        {
            "DATABASE_URL": postgres.dsn_owner,
            "VITRINE_DEMO": "true",
            "VITRINE_ALLOW_PRIVATE_CANDIDATES": "true",
            "VITRINE_RATES": json.dumps(_OPEN_TO_ALL),
        }
    )
    try:
        await server.start()
        async with aiohttp.ClientSession() as http:
            warm = time.monotonic() + settle
            await asyncio.gather(*(walk(http, server.url, warm, Walked()) for _ in range(shoppers)))
            before, walked = await count(http, server.url, counts), Walked()
            until = time.monotonic() + seconds
            renaming = asyncio.create_task(rename_now_and_then(postgres.dsn_admin, until))
            await asyncio.gather(*(walk(http, server.url, until, walked) for _ in range(shoppers)))
            changes = await renaming
            counted = (await count(http, server.url, counts)).since(before)
    finally:
        await server.stop()
    return report(counted, walked, changes, seconds)


def report(counted: Counts, walked: Walked, changes: int, seconds: float) -> dict[str, Any]:
    """The figures, with the share that the goal is about."""
    asked = sum(counted.asked.values())
    selects = {text: calls for text, calls in counted.reached.items() if text.upper().startswith("SELECT")}
    reached = sum(selects.values())
    return {
        "seconds": seconds,
        "visits": walked.visits,
        "requests": walked.requests,
        "refused": walked.refused,
        "changes": changes,
        "reads_asked": asked,
        "reads_that_reached_postgresql": reached,
        "share_from_memory": 1 - reached / asked if asked else float("nan"),
        "by_what": {f"{what} by {by}": number for (what, by), number in sorted(counted.asked.items())},
        "selects": dict(sorted(selects.items(), key=lambda item: -item[1])),
        "writes": sum(calls for text, calls in counted.reached.items() if text not in selects),
    }


def main() -> int:
    """Prints a table and writes JSON; 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shoppers", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--settle", type=float, default=15.0)
    parser.add_argument("--out", type=Path, default=Path("bench/results/reads.json"))
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="vitrine-reads-", dir="/var/tmp"))
    folder.chmod(0o711)
    try:
        with prepared_postgres(folder) as postgres:
            found = asyncio.run(measure(postgres, given.shoppers, given.seconds, given.settle))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found, indent=1) + os.linesep)
    print(json.dumps(found, indent=1))
    share = found["share_from_memory"]
    print(f"{share:.2%} of the shopper path's reads never reached PostgreSQL; the goal is {GOAL:.0%}")
    return 0 if share >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
