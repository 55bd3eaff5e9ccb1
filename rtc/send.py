"""The way out: encoded frames to RTP packets, at once; RTCP back in.

`VideoSender` stands where aiortc's RTCRtpSender stands in a transceiver. It does not pull from a track: the frame
worker pushes a frame the moment it is encoded, so there is no queue in which a frame could grow old.
"""

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import Callable

from aiortc import clock
from aiortc.codecs import is_rtx
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpSendParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    HeaderExtensionsMap,
    RtcpByePacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    RtpPacket,
    unpack_remb_fci,
    wrap_rtx,
)
from aiortc.stats import RTCStatsReport
from aiortc.utils import random16, random32, uint16_add, uint16_gt, uint32_add

from rtc.bitrate import FIRST_BPS
from rtc.pacing import Pacer
from rtc.resend import ResendBudget

# The extension counts the last 64 seconds; between the epochs of NTP and of Unix lies a whole number of those.
ABS_SEND_HZ = 1 << 18
HISTORY = 512  # packets kept for retransmission; a power of two
KEY_PAUSE_S = 0.3  # as long, too, nothing older is repeated: it would only be in the key frame's way
RTT_RISING, RTT_FALLING = 0.5, 0.15  # weight of a new round trip: a path that became longer is believed quickly


class VideoSender:
    """Sends one video stream.

    on_key_frame_request: the far end lost the picture. on_bandwidth: its estimate, bits a second.
    on_report: round trip (seconds) and the fraction of our packets that were lost (0 to 1).
    """

    kind = "video"
    track = None

    def __init__(self, transport: RTCDtlsTransport) -> None:
        self._transport = transport
        self._ssrc = random32()
        self._rtx_ssrc = random32()
        self._stream_id = str(uuid.uuid4())
        self._track_id = str(uuid.uuid4())
        self._enabled = True
        self._extensions = HeaderExtensionsMap()
        self._codec: RTCRtpCodecParameters | None = None
        self._payload_type = 0
        self._rtx_payload_type: int | None = None
        self._mid: str | None = None
        self._cname: str | None = None
        self._sequence = random16() % 0x8000  # the lower half, so that SRTP's rollover counter starts unambiguous
        self._rtx_sequence = random16() % 0x8000
        self._origin = random32()
        self._history: list[RtpPacket | None] = [None] * HISTORY
        self._resends = ResendBudget()
        self._pacer: Pacer[RtpPacket] = Pacer(FIRST_BPS)
        self._later: asyncio.TimerHandle | None = None
        self._key_asked_at = float("-inf")
        self._key_asked_from = self._sequence
        self._reports: asyncio.Task[None] | None = None
        self._rtp_timestamp = 0
        self._packets = 0
        self._octets = 0
        self._last_sender_report: tuple[int, float] | None = None
        self.rtt_s: float | None = None
        self.repeated = self.not_repeated = 0
        self.on_key_frame_request: Callable[[], None] = lambda: None
        self.on_bandwidth: Callable[[int], None] = lambda _bps: None
        self.on_report: Callable[[float | None, float], None] = lambda _rtt, _lost: None

    @property
    def transport(self) -> RTCDtlsTransport:
        return self._transport

    @property
    def codec(self) -> RTCRtpCodecParameters | None:
        """What was negotiated, once sending has started."""
        return self._codec

    def crowded(self) -> bool:
        """Whether the next picture is better not made: it would have to wait for what waits already."""
        return self._pacer.crowded

    def set_rate(self, bits_per_second: int) -> None:
        """What the stream may take of the path."""
        self._pacer.rate_bps = bits_per_second

    def setTransport(self, transport: RTCDtlsTransport) -> None:  # noqa: N802 (aiortc's name)
        self._transport = transport

    async def getStats(self) -> RTCStatsReport:  # noqa: N802 (aiortc's name)
        return RTCStatsReport()

    async def send(self, parameters: RTCRtpSendParameters) -> None:
        """Start sending with the negotiated codec."""
        if self._codec is not None:
            return
        self._cname, self._mid = parameters.rtcp.cname, parameters.muxId
        self._transport._register_rtp_sender(self, parameters)
        self._extensions.configure(parameters)
        self._codec = parameters.codecs[0]
        self._payload_type = self._codec.payloadType or 0
        for codec in parameters.codecs:
            if is_rtx(codec) and codec.parameters["apt"] == self._codec.payloadType:
                self._rtx_payload_type = codec.payloadType
        self._reports = asyncio.create_task(self._send_reports())

    async def stop(self) -> None:
        """Say goodbye and stop for good."""
        if self._reports is None:
            return
        self._transport._unregister_rtp_sender(self)
        self._pacer.clear()
        if self._later is not None:
            self._later.cancel()
        self._reports.cancel()
        await asyncio.gather(self._reports, return_exceptions=True)
        self._reports = None
        await self._send_rtcp(RtcpByePacket(sources=[self._ssrc]))

    def send_frame(self, payloads: list[bytes], timestamp: int) -> None:
        """Send one encoded frame; timestamp: 90 kHz, of the picture it was made from."""
        if self._codec is None or not self._enabled:
            return
        self._rtp_timestamp = uint32_add(self._origin, timestamp & 0xFFFFFFFF)
        now = time.monotonic()
        for index, payload in enumerate(payloads):
            packet = RtpPacket(
                payload_type=self._payload_type,
                sequence_number=self._sequence,
                timestamp=self._rtp_timestamp,
                marker=int(index == len(payloads) - 1),
                ssrc=self._ssrc,
                payload=payload,
            )
            packet.extensions.mid = self._mid
            self._history[self._sequence % HISTORY] = packet
            self._resends.sent(self._sequence, len(payload), now)
            self._sequence = uint16_add(self._sequence, 1)
            self._packets += 1
            self._octets += len(payload)
            self._pacer.add(packet, len(payload))
        self._send_due()

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            self._take_reports(packet)
        elif isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            for sequence in packet.lost[:HISTORY]:
                self._retransmit(sequence)
            self._send_due()
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt in (RTCP_PSFB_FIR, RTCP_PSFB_PLI):
            self._take_key_frame_request()
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            self._take_estimate(packet.fci)

    def _take_key_frame_request(self) -> None:
        """Once while an answer is under way: a key frame too many is what a full path needs least."""
        now = time.monotonic()
        if now - self._key_asked_at > max(KEY_PAUSE_S, 1.5 * (self.rtt_s or 0.0)):
            self._key_asked_at = now
            self._pacer.drop_repeats()
            self._resends.begin_anew()
            self._key_asked_from = self._sequence
            self.on_key_frame_request()

    def _take_reports(self, packet: RtcpRrPacket | RtcpSrPacket) -> None:
        for report in packet.reports:
            if report.ssrc != self._ssrc:
                continue
            if self._last_sender_report and report.dlsr and report.lsr == self._last_sender_report[0]:
                rtt = max(0.0, time.time() - self._last_sender_report[1] - report.dlsr / 65536)
                known = rtt if self.rtt_s is None else self.rtt_s
                self.rtt_s = known + (RTT_RISING if rtt > known else RTT_FALLING) * (rtt - known)
            self.on_report(self.rtt_s, report.fraction_lost / 256)

    def _take_estimate(self, fci: bytes) -> None:
        try:
            bitrate, ssrcs = unpack_remb_fci(fci)
        except ValueError:
            return
        if self._ssrc in ssrcs:
            self.on_bandwidth(bitrate)

    def _retransmit(self, sequence: int) -> None:
        packet = self._history[sequence % HISTORY]
        if packet is None or packet.sequence_number != sequence:
            return
        now = time.monotonic()
        vain = uint16_gt(self._key_asked_from, sequence) and now - self._key_asked_at < KEY_PAUSE_S
        if vain or not self._resends.admit(sequence, now, self.rtt_s):
            self.not_repeated += 1
            return
        self._repeat(packet)
        if self._resends.admit_twin(len(packet.payload), self.rtt_s):
            self._repeat(packet)

    def _repeat(self, packet: RtpPacket) -> None:
        self.repeated += 1
        if self._rtx_payload_type is not None:
            packet = wrap_rtx(
                packet,
                payload_type=self._rtx_payload_type,
                sequence_number=self._rtx_sequence,
                ssrc=self._rtx_ssrc,
            )
            self._rtx_sequence = uint16_add(self._rtx_sequence, 1)
        self._pacer.add(packet, len(packet.payload), repeat=True)

    def _send_due(self) -> None:
        """Send what may leave now, and come back for the rest."""
        while (packet := self._pacer.take(time.monotonic())) is not None:
            packet.extensions.abs_send_time = int(time.time() * ABS_SEND_HZ) & 0xFFFFFF
            try:
                self._hand_over(packet.serialize(self._extensions))
            except ConnectionError:
                self._pacer.clear()
                return
        wait_s = self._pacer.wait_s(time.monotonic())
        if wait_s is not None and self._later is None:
            self._later = asyncio.get_running_loop().call_later(wait_s, self._come_back)

    def _come_back(self) -> None:
        self._later = None
        self._send_due()

    def _hand_over(self, data: bytes) -> None:
        """aiortc's way to the socket is five coroutines of which none waits: it is gone at once, without a task."""
        with contextlib.suppress(StopIteration):
            self._transport._send_rtp(data).send(None)
            raise RuntimeError("aiortc's way to the socket waits")

    async def _send_reports(self) -> None:
        """Sender reports at 0.5 to 1.5 seconds (RFC 3550 part 6.2)."""
        while True:
            await asyncio.sleep(0.5 + random.random())  # noqa: S311 (no secret)
            ntp = clock.current_ntp_time()
            self._last_sender_report = ((ntp >> 16) & 0xFFFFFFFF, time.time())
            info = RtcpSenderInfo(
                ntp_timestamp=ntp,
                rtp_timestamp=self._rtp_timestamp,
                packet_count=self._packets & 0xFFFFFFFF,
                octet_count=self._octets & 0xFFFFFFFF,
            )
            packets: list[AnyRtcpPacket] = [RtcpSrPacket(ssrc=self._ssrc, sender_info=info)]
            if self._cname is not None:
                source = RtcpSourceInfo(ssrc=self._ssrc, items=[(1, self._cname.encode())])
                packets.append(RtcpSdesPacket(chunks=[source]))
            await self._send_rtcp(*packets)

    async def _send_rtcp(self, *packets: AnyRtcpPacket) -> None:
        try:
            await self._transport._send_rtp(b"".join(bytes(packet) for packet in packets))
        except ConnectionError:
            return
