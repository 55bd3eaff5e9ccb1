"""What the web and a media node say to each other about one try-on.

The web process needs no more of this room than this file, placement and what they import: no codecs, no GL.
"""

from dataclasses import dataclass, field

from rtc.claims import Visitor

MAX_SDP_BYTES = 64 * 1024
MAX_FRAGMENT_BYTES = 8 * 1024


@dataclass(frozen=True)
class TryOnOffer:
    """A shopper's offer on its way to a node.

    products None: wear what was worn last in this visit. replaces: the visit's session that gives way to this one.
    """

    session_id: str
    tenant: str
    visit: str
    sdp: str
    products: tuple[str, ...] | None = None
    replaces: str | None = None

    @property
    def visitor(self) -> Visitor:
        return Visitor(self.tenant, self.visit)


@dataclass(frozen=True)
class TryOnAnswer:
    """A node's answer."""

    session_id: str
    node: str
    sdp: str


@dataclass(frozen=True)
class NodeState:
    """What a node says of itself, every second.

    url: `unix:/path` or `http://host:port`. capacity: sessions it takes in all, by its load now.
    busy: the part of its frame worker's time that was used, 0 to 1. steps_down: how far those that run have given way
    to load. worn: how often which product is worn now, by shop.
    """

    id: str
    url: str
    sessions: int
    capacity: int
    busy: float
    ready: bool
    draining: bool
    tenants: dict[str, int]
    seen_at: float
    steps_down: int = 0
    worn: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def free(self) -> int:
        """Sessions it would still take."""
        return 0 if self.draining or not self.ready else max(0, self.capacity - self.sessions)


class OfferRejected(Exception):
    """An offer that cannot become a try-on; `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class UnknownProduct(Exception):
    """The shop has no such product."""

    code = "unknown-product"


class Unavailable(Exception):
    """What the try-on needs is away for the moment: the shop's database, or the store of its files."""

    code = "unavailable"


class SessionActive(Exception):
    """The visit has a live try-on already."""

    code = "session-active"


class UnknownSession(Exception):
    """No such try-on."""

    code = "unknown-session"


class UnknownTicket(Exception):
    """Nobody waits with this ticket."""

    code = "unknown-ticket"


class NoNode(Exception):
    """No media node answers."""

    code = "no-media-node"


class Full(Exception):
    """Every node is full; the shopper waits in a queue."""

    code = "queue"

    def __init__(self, *, position: int, eta_seconds: int, ticket: str, retry_after: int) -> None:
        super().__init__(f"position {position}")
        self.position = position
        self.eta_seconds = eta_seconds
        self.ticket = ticket
        self.retry_after = retry_after
