"""Who may speak to a session: only addresses that ICE has checked, and never faster than they are heard.

aioice hands every datagram that is not STUN to DTLS, whoever sent it, through a queue without end. A stranger who
guesses the port could so win the race of the ClientHello (ASVS 5.0 17.2.6) or fill the memory. The guard sorts
datagrams by their first byte (RFC 7983), drops what comes from unchecked addresses, and bounds the queue. The
camera's packets, nine in ten, are decrypted and handed to their receiver on the spot.

What comes through, and is decrypted, is read by parsers that take much for granted. aiortc ends a session at the first
exception that one of them raises, so the guard stands there too: a packet that cannot be read is dropped.
"""

import functools
import logging
import time
from dataclasses import dataclass
from typing import Any

import pylibsrtp
from aioice.ice import CandidatePair, Connection, StunProtocol
from aiortc import RTCSctpTransport, clock
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtp import RtpPacket, is_rtcp

from rtc.receive import VideoReceiver
from rtc.sctp_check import has_room, may_be_read

MAX_QUEUED = 512  # datagrams; half a second at 8 Mb/s
MAX_DATAGRAM = 2048
# Unauthenticated messages a second that are worth an answer; a browser's checks need some ten.
STUN_PER_S = 100
# Streams that one shopper may have; a browser has two for her camera and names one more in its reports. libsrtp and
# aiortc's router keep an entry for each, for good.
MAX_SOURCES = 16
STUN_HEADER, STUN_COOKIE = 20, b"\x21\x12\xa4\x42"  # RFC 8489 part 5
log = logging.getLogger("vitrine.guard")


@dataclass
class Refused:
    """Datagrams that were dropped, by cause."""

    unchecked: int = 0
    overflow: int = 0
    malformed: int = 0
    flood: int = 0
    unreadable: int = 0
    sources: int = 0


class DatagramGuard:
    """Stands before the sockets of one ICE connection; install it when its candidates have been gathered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._checked: set[tuple[str, int]] = set()
        self._sources: set[bytes] = set()
        self._dtls: RTCDtlsTransport | None = None
        self._stun_second = 0
        self._stun_count = 0
        self.refused = Refused()

    def install(self) -> None:
        """Take over the sockets' datagrams."""
        for protocol in self._connection._protocols:
            original = protocol.datagram_received
            guarded: Any = functools.partial(self._receive, protocol, original)
            setattr(protocol, "datagram_received", guarded)  # noqa: B010 (mypy: a method)

    def _receive(self, protocol: StunProtocol, original: Any, data: bytes, address: tuple[Any, ...]) -> None:
        first = data[0] if data else 255
        if len(data) > MAX_DATAGRAM or not (first < 4 or 20 <= first < 64 or 128 <= first < 192):
            self.refused.malformed += 1
            return
        source = (address[0], address[1])
        if first < 4:
            self._receive_stun(original, data, source)
            return
        if source not in self._checked and not self._is_checked(source):
            self.refused.unchecked += 1
            return
        if first >= 128 and len(self._sources) >= MAX_SOURCES and source_of(data) not in self._sources:
            self.refused.sources += 1
            return
        if first >= 128 and self._take_media(data):
            return
        queue = self._connection._queue
        if queue.qsize() >= MAX_QUEUED:
            queue.get_nowait()
            self.refused.overflow += 1
        self._connection.data_received(data, protocol.local_candidate.component)

    def _receive_stun(self, original: Any, data: bytes, source: tuple[str, int]) -> None:
        whole = len(data) >= STUN_HEADER and int.from_bytes(data[2:4], "big") == len(data) - STUN_HEADER
        if not whole or data[4:8] != STUN_COOKIE:
            self.refused.malformed += 1
        elif source not in self._checked and not self._admit_stun():
            self.refused.flood += 1
        else:
            try:
                original(data, source)
            except Exception as error:
                self._unreadable(error)

    def _take_media(self, data: bytes) -> bool:
        """Decrypt an RTP packet and hand it over at once; False if it has to go aiortc's way, as RTCP does.

        That way leads through a queue, a future, a task's step and six coroutines, for each packet.
        """
        dtls = self._dtls
        if dtls is None or dtls._rx_srtp is None or is_rtcp(data):
            return False
        try:
            packet = dtls._rx_srtp.unprotect(data)
        except pylibsrtp.Error:  # forged, or sent twice
            return True
        self.read_media(packet)
        return True

    def read_media(self, packet: bytes) -> None:
        """Bring a decrypted RTP packet to its receiver."""
        assert self._dtls is not None
        self._learn_source(packet)
        try:
            parsed = RtpPacket.parse(packet, self._dtls._rtp_header_extensions_map)
            receiver = self._dtls._rtp_router.route_rtp(parsed)
            if isinstance(receiver, VideoReceiver):
                receiver.take(parsed, clock.current_ms())
        except Exception as error:
            self._unreadable(error)

    def shield(self, dtls: RTCDtlsTransport, sctp: RTCSctpTransport | None) -> None:
        """Stand before what reads decrypted packets, and read those of the camera from now on."""
        self._dtls = dtls
        setattr(dtls, "_handle_rtcp_data", functools.partial(self._read_rtcp, dtls._handle_rtcp_data))  # noqa: B010 (mypy: a method)
        if sctp is not None:
            setattr(sctp, "_handle_data", functools.partial(self._read_sctp, sctp, sctp._handle_data))  # noqa: B010 (mypy: a method)

    async def _read_rtcp(self, reader: Any, packet: bytes) -> None:
        self._learn_source(packet)
        await self._read(reader, packet)

    def _learn_source(self, packet: bytes) -> None:
        """What has been decrypted was encrypted by the shopper, so nobody else can use up her sources."""
        if len(self._sources) < MAX_SOURCES:
            self._sources.add(source_of(packet))

    async def _read_sctp(self, sctp: RTCSctpTransport, reader: Any, packet: bytes) -> None:
        if not may_be_read(packet):
            self.refused.malformed += 1
        elif not has_room(sctp, packet):
            self.refused.overflow += 1
        else:
            await self._read(reader, packet)

    async def _read(self, reader: Any, packet: bytes) -> None:
        try:
            await reader(packet)
        except ConnectionError:
            raise
        except Exception as error:
            self._unreadable(error)

    def _unreadable(self, error: Exception) -> None:
        self.refused.unreadable += 1
        if self.refused.unreadable == 1:  # of a session; an attacker shall not write our log
            log.info("packet-unreadable", exc_info=error)

    def _is_checked(self, source: tuple[str, int]) -> bool:
        """Whether a connectivity check with this address has succeeded; remembered when it has."""
        succeeded = CandidatePair.State.SUCCEEDED
        if any(p.remote_addr == source and p.state == succeeded for p in self._connection._check_list):
            self._checked.add(source)
            return True
        return False

    def _admit_stun(self) -> bool:
        second = int(time.monotonic())
        if second != self._stun_second:
            self._stun_second, self._stun_count = second, 0
        self._stun_count += 1
        return self._stun_count <= STUN_PER_S


def source_of(packet: bytes) -> bytes:
    """The SSRC of an RTP or RTCP packet, which encryption leaves readable (RFC 3711)."""
    return packet[4:8] if is_rtcp(packet) else packet[8:12]
