"""What comes in through signalling, checked before aiortc sees it.

Offers follow WHIP (RFC 9725). A sendrecv video section gets the try-on back. A plain WHIP client's sendonly one is
taken too; who sends it hears of her face and its measures, if she opens the control channel, and sees nothing.
Trickled candidates are SDP fragments (RFC 8840).
"""

import ipaddress
import re
from dataclasses import dataclass

from aiortc import RTCIceCandidate
from aiortc.sdp import MediaDescription, SessionDescription, candidate_from_sdp

from rtc.offers import MAX_FRAGMENT_BYTES, MAX_SDP_BYTES, OfferRejected

MAX_CANDIDATES = 20
CODECS = frozenset({"VP8", "H264"})
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291 part 2.5.5.1; ::1 and :: are in it too


@dataclass(frozen=True)
class CandidatePolicy:
    """Which remote addresses the server will send packets to.

    Without `allow_private` only public ones: a stranger must not aim our STUN checks at internal services.
    """

    allow_private: bool = True

    def admits(self, candidate: RTCIceCandidate) -> bool:
        """Whether this remote candidate may be tried."""
        if candidate.protocol.lower() != "udp" or candidate.component != 1 or not 1024 <= candidate.port <= 65535:
            return False
        try:
            address = ipaddress.ip_address(candidate.ip)
        except ValueError:
            return False  # an mDNS name: the browser's own checks will reach us, and tell its address
        return all(self._admits(one) for one in (address, *_inside(address)))

    def _admits(self, address: Address) -> bool:
        if address.is_multicast or address.is_unspecified or address.is_link_local:
            return False  # link-local holds the clouds' metadata services
        return self.allow_private or (address.is_global and not getattr(address, "is_site_local", False))


def _inside(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 address to which a translator or the kernel would send what goes to this IPv6 address."""
    if address.version == 4:
        return ()
    if address in NAT64 or address in COMPATIBLE:
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    return tuple(one for one in (address.ipv4_mapped, address.sixtofour) if one is not None)


def check_offer(text: str, policy: CandidatePolicy) -> str:
    """The offer with the candidates that may be tried; raises OfferRejected.

    Codes: sdp-too-large, sdp-invalid, sdp-no-video, sdp-many-videos, sdp-no-codec, sdp-not-sendrecv.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_SDP_BYTES:
        raise OfferRejected("sdp-too-large", "An offer has at most 64 kB.")
    try:
        description = SessionDescription.parse(text)
    except Exception as error:  # aiortc's parser raises whatever it stumbles over
        raise OfferRejected("sdp-invalid", "This is not a session description.") from error
    if not text.startswith("v=0") or not description.media:
        raise OfferRejected("sdp-invalid", "This is not a session description.")
    videos = [media for media in description.media if media.kind == "video"]
    if not videos:
        raise OfferRejected("sdp-no-video", "The offer has no video section.")
    if len(videos) > 1:
        raise OfferRejected("sdp-many-videos", "The offer has more than one video section.")
    video = videos[0]
    if video.direction not in ("sendrecv", "sendonly"):
        raise OfferRejected("sdp-not-sendrecv", "The video section must send, and receive to see the try-on.")
    if not any(codec.name in CODECS for codec in video.rtp.codecs):
        raise OfferRejected("sdp-no-codec", "The offer has neither VP8 nor H.264.")
    if not all(_can_connect(media) for media in description.media):
        raise OfferRejected("sdp-invalid", "The offer lacks ICE credentials or a fingerprint.")
    return _without_unwanted_candidates(text, policy)


def _can_connect(media: MediaDescription) -> bool:
    return bool(media.ice and media.ice.usernameFragment and media.dtls and media.dtls.fingerprints)


def _without_unwanted_candidates(text: str, policy: CandidatePolicy) -> str:
    kept, admitted = [], 0
    for line in re.split(r"\r\n|\n", text):
        if line.startswith("a=candidate:"):
            candidate = _read_candidate(line)
            if candidate is None or admitted >= MAX_CANDIDATES or not policy.admits(candidate):
                continue
            admitted += 1
        kept.append(line)
    return "\r\n".join(kept)


def _read_candidate(line: str) -> RTCIceCandidate | None:
    try:
        return candidate_from_sdp(line.removeprefix("a=").removeprefix("candidate:"))
    except (AssertionError, ValueError, IndexError):
        return None


@dataclass(frozen=True)
class Fragment:
    """Trickled candidates of one generation, and whether they were the last."""

    ufrag: str | None
    candidates: tuple[RTCIceCandidate, ...]
    complete: bool


def read_fragment(text: str, policy: CandidatePolicy) -> Fragment:
    """Parse an SDP fragment (RFC 8840 part 9); raises OfferRejected with code sdp-fragment-invalid."""
    if len(text) > MAX_FRAGMENT_BYTES:
        raise OfferRejected("sdp-fragment-invalid", "A fragment has at most 8 kB.")
    ufrag, mid, complete = None, "0", False
    candidates: list[RTCIceCandidate] = []
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("a=ice-ufrag:"):
            ufrag = line.split(":", 1)[1]
        elif line.startswith("a=mid:"):
            mid = line.split(":", 1)[1]
        elif line == "a=end-of-candidates":
            complete = True
        elif line.startswith("a=candidate:"):
            candidate = _read_candidate(line)
            if candidate is None:
                raise OfferRejected("sdp-fragment-invalid", "A candidate line cannot be read.")
            if policy.admits(candidate) and len(candidates) < MAX_CANDIDATES:
                candidate.sdpMid = mid
                candidates.append(candidate)
        elif line and not re.match(r"^[a-z]=", line):
            raise OfferRejected("sdp-fragment-invalid", "This is not an SDP fragment.")
    return Fragment(ufrag, tuple(candidates), complete)
