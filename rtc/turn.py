"""Credentials for the relays, in coturn's REST form: made of a shared secret, valid for minutes, stored nowhere.

The form is draft-uberti-behave-turn-rest-00, coturn's `use-auth-secret`: the user name is `expiry:who`, the
password its HMAC-SHA1 in base64. A relay checks the expiry when an allocation is made; one that is made lives on.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Relays:
    """urls: `turn:host:port?transport=udp` and the like. secret: shared with them. lifetime_s: of credentials."""

    urls: tuple[str, ...]
    secret: str = field(repr=False)
    lifetime_s: int = 600

    def server(self, who: str, now: float) -> dict[str, Any]:
        """An entry for `iceServers`. who: a visit or a session, for the relay's quotas. now: seconds since 1970."""
        username = f"{int(now) + self.lifetime_s}:{who}"
        # SHA-1 is what the relays speak; as a keyed hash it is not broken.
        digest = hmac.digest(self.secret.encode(), username.encode(), "sha1")
        return {"urls": list(self.urls), "username": username, "credential": base64.b64encode(digest).decode()}


def servers_for(fixed: Sequence[Any], relays: Relays | None, who: str, now: float) -> list[dict[str, Any]]:
    """Every ICE server for one shopper: those that never change, and the relays with credentials of her own."""
    servers = [dict(server) for server in fixed]
    return servers if relays is None else [*servers, relays.server(who, now)]
