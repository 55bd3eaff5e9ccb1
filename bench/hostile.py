"""What hostile uploads do to everybody else: `python -m bench.hostile`.

Every file of `tests/render/hostile.py` is uploaded to a whole installation, three at a time, while shoppers' calls
leave at a steady rate. Told are the answers, the memory of the web process before, meanwhile and after, and the
shoppers' times without and with the uploads.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
import psutil

from bench.api import GOAL_MS, middle_and_tail, owner_of_a_shop, press, shoppers_calls
from bench.servers import VitrineServer
from tests.render.hostile import FILES

AT_ONCE = 3
MOST_GROWN_MB = 96.0  # the web process may hold what is being uploaded, and nothing of it afterwards
_OPEN = dict.fromkeys(("any", "shop", "visitor", "visit", "visit-shop", "key", "upload"), "1000000/minute")


async def upload(http: aiohttp.ClientSession, url: str, owner: dict[str, str], files: Iterator[tuple[str, Any]]) -> Any:
    """One file after the other until none is left; the answers, by status and reason, and those that are wrong."""
    answers: Counter[str] = Counter()
    wrong: list[str] = []
    for name, (make, expected) in files:
        form = aiohttp.FormData()
        form.add_field("name", "hostile")
        form.add_field("kind", "glasses")
        form.add_field("glb", await asyncio.to_thread(make), filename="a.glb", content_type="model/gltf-binary")
        async with http.post(f"{url}/v1/products", data=form, headers=owner) as response:
            told = await response.json()
            reason = told.get("reason", told.get("code", "taken in"))
            answers[f"{response.status} {reason}"] += 1
            taken = response.status == 201 and not expected
            refused = response.status == 422 and told["detail"].endswith(".")
            too_large = response.status == 413
            if not (taken or refused or too_large):
                wrong.append(f"{name}: {response.status} {reason}")
    return answers, wrong


async def watch(process: psutil.Process, seen: list[float]) -> None:
    """Megabytes resident, five times a second."""
    while True:
        seen.append(process.memory_info().rss / 2**20)
        await asyncio.sleep(0.2)


async def measure(rate: float, seconds: float) -> dict[str, Any]:
    """Start, shoppers alone, shoppers beside the uploads, stop."""
    server = VitrineServer({"VITRINE_RATES": json.dumps(_OPEN)})
    try:
        await server.start()
        web = server.process_of("web")
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            owner = await owner_of_a_shop(http, server.url)
            calls = await shoppers_calls(http, server.url)
            await press(http, server.url, calls, rate, 5.0)
            # One goes before the measure: what the first upload loads stays, and is no growth.
            files = iter(FILES.items())
            await upload(http, server.url, owner, iter([next(files)]))
            alone = await press(http, server.url, calls, rate, seconds)
            before, seen = web.memory_info().rss / 2**20, list[float]()
            watching = asyncio.create_task(watch(web, seen))
            began = time.monotonic()
            uploading = [asyncio.create_task(upload(http, server.url, owner, files)) for _ in range(AT_ONCE)]
            beside = await press(http, server.url, calls, rate, seconds)
            while not all(task.done() for task in uploading):
                more = await press(http, server.url, calls, rate, 2.0)
                for name, took in more.took_ms.items():
                    beside.took_ms[name].extend(took)
                beside.failed.update(more.failed)
            told = await asyncio.gather(*uploading)
            took_s = time.monotonic() - began
            await asyncio.sleep(2.0)
            watching.cancel()
            after = web.memory_info().rss / 2**20
    finally:
        await server.stop()
    answers = sum((some for some, _ in told), Counter[str]())
    times = {
        name: [round(value, 1) for value in middle_and_tail([ms for some in times.took_ms.values() for ms in some])]
        for name, times in (("without", alone), ("with", beside))
    }
    return {
        "files": sum(answers.values()),
        "seconds": round(took_s, 1),
        "answers": dict(answers.most_common()),
        "wrong": [one for _, some in told for one in some],
        "shoppers_calls": sum(len(some) for some in beside.took_ms.values()),
        "shoppers_failed": {**alone.failed, **beside.failed},
        "shoppers_p50_and_p95_ms": times,
        "web_mb": {"before": round(before, 1), "most": round(max(seen), 1), "after": round(after, 1)},
    }


def main() -> int:
    """Prints the report as JSON; 1 if anything was answered wrongly or anybody felt it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=20.0, help="shoppers' calls a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="at least")
    options = parser.parse_args()
    found = asyncio.run(measure(options.rate, options.seconds))
    print(json.dumps(found, indent=2))
    calm = found["shoppers_p50_and_p95_ms"]["with"][1] <= GOAL_MS and not found["shoppers_failed"]
    flat = found["web_mb"]["after"] - found["web_mb"]["before"] <= MOST_GROWN_MB
    return 0 if calm and flat and not found["wrong"] else 1


if __name__ == "__main__":
    sys.exit(main())
