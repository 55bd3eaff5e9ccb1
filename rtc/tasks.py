"""Tasks that end when they are told to."""

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 0.1


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and return when all have ended, however they did.

    Once is not enough: `asyncio.wait_for` of Python 3.11 forgets a cancellation that comes as its work is done
    (bpo-37658, mended in 3.12), and redis-py waits with it. A loop over Valkey would go on for ever.
    """
    tasks = list(tasks)
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
