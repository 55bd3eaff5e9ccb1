"""Snapshots that shoppers took, in memory and for two minutes."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict

KEPT_S = 120.0
MOST = 64


class Snapshots:
    """Those of one node; their names begin with its own, which is how the web finds them."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._kept: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    def keep(self, jpeg: bytes) -> str:
        """Keep one; returns the path under which the web serves it."""
        name = f"{self._node}~{secrets.token_urlsafe(16)}"
        self._kept[name] = (jpeg, time.monotonic())
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return f"/v1/snapshots/{name}.jpg"

    def find(self, name: str) -> bytes | None:
        """The JPEG, if it is there still."""
        found = self._kept.get(name)
        return None if found is None or time.monotonic() - found[1] > KEPT_S else found[0]

    def forget_old(self) -> None:
        """Let go of those whose time is over."""
        now = time.monotonic()
        for name in [name for name, (_, taken_at) in self._kept.items() if now - taken_at > KEPT_S]:
            del self._kept[name]
