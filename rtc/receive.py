"""The way in: RTP packets to whole encoded frames the moment their last packet is there.

`VideoReceiver` stands where aiortc's RTCRtpReceiver stands in a transceiver (same calls from the DTLS transport's
router and from the peer connection), without its jitter buffer, its decoder thread and its two unbounded queues.
"""

import asyncio
import random
import time
from collections.abc import Callable

from aiortc.codecs import is_rtx
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rate import RemoteBitrateEstimator
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpReceiveParameters
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpByePacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    RtpPacket,
    pack_remb_fci,
    unwrap_rtx,
)
from aiortc.stats import RTCStatsReport

from rtc.assembly import EncodedFrame, FrameAssembler
from rtc.codecs import opens_key_frame, read_payload

HOLE_CHECK_S = 0.01

FrameSink = Callable[[RTCRtpCodecParameters, EncodedFrame], None]


class VideoReceiver:
    """Receives one video stream and hands each whole encoded frame to `on_frame`, on the event loop."""

    def __init__(self, transport: RTCDtlsTransport, track: MediaStreamTrack, on_frame: FrameSink) -> None:
        self._enabled = True
        self._track = track
        self._transport = transport
        self._on_frame = on_frame
        self._codecs: dict[int, RTCRtpCodecParameters] = {}
        self._repeats: frozenset[int] = frozenset()  # payload types of repeated packets
        self._rtx_ssrc: dict[int, int] = {}
        self._named: set[int] = set()  # the SSRCs of the offer, where it names any
        self._assembler: FrameAssembler | None = None
        self._media_ssrc = 0
        self._rtcp_ssrc = 0
        self._bandwidth = RemoteBitrateEstimator()
        self._streams: dict[int, StreamStatistics] = {}
        self._last_report: dict[int, tuple[int, float]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._hole_watch: asyncio.TimerHandle | None = None
        self.rtt_s: float | None = None
        self.last_packet_at = time.monotonic()
        self.estimate_bps: int | None = None

    @property
    def track(self) -> MediaStreamTrack:
        return self._track

    @property
    def transport(self) -> RTCDtlsTransport:
        return self._transport

    @property
    def assembler(self) -> FrameAssembler | None:
        """The stream's packet buffer, once the first packet has arrived."""
        return self._assembler

    def setTransport(self, transport: RTCDtlsTransport) -> None:  # noqa: N802 (aiortc's name)
        self._transport = transport

    def _set_rtcp_ssrc(self, ssrc: int) -> None:
        self._rtcp_ssrc = ssrc

    async def getStats(self) -> RTCStatsReport:  # noqa: N802 (aiortc's name)
        return RTCStatsReport()

    async def receive(self, parameters: RTCRtpReceiveParameters) -> None:
        """Start receiving with the negotiated codecs."""
        if self._tasks:
            return
        self._codecs = {codec.payloadType or 0: codec for codec in parameters.codecs}
        self._repeats = frozenset(payload for payload, codec in self._codecs.items() if is_rtx(codec))
        self._rtx_ssrc = {e.rtx.ssrc: e.ssrc for e in parameters.encodings if e.rtx}
        self._named = {e.ssrc for e in parameters.encodings} | set(self._rtx_ssrc)
        self._transport._register_rtp_receiver(self, parameters)
        self._tasks = [asyncio.create_task(self._send_reports())]

    async def stop(self) -> None:
        """Stop for good."""
        self._transport._unregister_rtp_receiver(self)
        self._handle_disconnect()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def _handle_disconnect(self) -> None:
        if self._hole_watch is not None:
            self._hole_watch.cancel()
            self._hole_watch = None

    def want_key_frame(self) -> None:
        """The decoder lost its way: ask the sender for a key frame now."""
        if self._assembler is not None:
            self._assembler.want_key_frame()
            self._ask()

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpSrPacket):
            self._last_report[packet.ssrc] = (
                packet.sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF,
                time.time(),
            )
        elif isinstance(packet, RtcpByePacket):
            self._handle_disconnect()

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        self.take(packet, arrival_time_ms)

    def take(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        """One packet of the camera's, on the event loop."""
        if not self._enabled:
            return
        self.last_packet_at = time.monotonic()
        self._estimate_bandwidth(packet, arrival_time_ms)
        codec = self._codecs.get(packet.payload_type)
        if codec is None or (self._named and packet.ssrc not in self._named):
            return
        if packet.ssrc not in self._streams:
            if len(self._streams) >= 4:  # a media stream and its retransmissions are two
                return
            self._streams[packet.ssrc] = StreamStatistics(codec.clockRate)
        self._streams[packet.ssrc].add(packet)
        if packet.payload_type in self._repeats:
            unwrapped = self._unwrap(packet, codec)
            if unwrapped is None:
                return
            packet, codec = unwrapped
        try:
            payload = read_payload(codec, packet.payload)
        except (ValueError, IndexError):
            return
        self._assemble(packet, payload, codec)

    def _unwrap(
        self, packet: RtpPacket, codec: RTCRtpCodecParameters
    ) -> tuple[RtpPacket, RTCRtpCodecParameters] | None:
        """The original of a retransmitted packet (RFC 4588)."""
        original_ssrc, apt = self._rtx_ssrc.get(packet.ssrc), codec.parameters.get("apt")
        if original_ssrc is None or len(packet.payload) < 2 or apt not in self._codecs:
            return None
        return unwrap_rtx(packet, payload_type=apt, ssrc=original_ssrc), self._codecs[apt]

    def _assemble(self, packet: RtpPacket, payload: bytes, codec: RTCRtpCodecParameters) -> None:
        if self._assembler is None or self._media_ssrc != packet.ssrc:
            self._media_ssrc = packet.ssrc
            self._assembler = FrameAssembler(lambda first, data: opens_key_frame(codec, first.payload, data))
        assembler, now = self._assembler, time.monotonic()
        if self.rtt_s is not None:
            assembler.rtt_s = self.rtt_s
        assembler.jitter_s = self._streams[packet.ssrc].jitter / codec.clockRate if packet.ssrc in self._streams else 0
        for frame in assembler.add(packet, payload, now):
            self._on_frame(codec, frame)
        if assembler.has_holes:
            self._ask()

    def _ask(self) -> None:
        """Send what the assembler wishes for, now and as long as something is missing."""
        assembler = self._assembler
        if assembler is None:
            return
        wish = assembler.wish(time.monotonic())
        if wish.nack:
            nack = RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=self._rtcp_ssrc, media_ssrc=self._media_ssrc)
            nack.lost = sorted(wish.nack)
            self._send(nack)
        if wish.key_frame:
            self._send(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=self._rtcp_ssrc, media_ssrc=self._media_ssrc))
        if assembler.has_holes and self._hole_watch is None:
            self._hole_watch = asyncio.get_running_loop().call_later(HOLE_CHECK_S, self._ask_again)

    def _ask_again(self) -> None:
        self._hole_watch = None
        self._ask()

    def _estimate_bandwidth(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        if packet.extensions.abs_send_time is None:
            return
        estimate = self._bandwidth.add(
            abs_send_time=packet.extensions.abs_send_time,
            arrival_time_ms=arrival_time_ms,
            payload_size=len(packet.payload) + packet.padding_size,
            ssrc=packet.ssrc,
        )
        if estimate is not None:
            self.estimate_bps = estimate[0]
            fci = pack_remb_fci(*estimate)
            self._send(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=self._rtcp_ssrc, media_ssrc=0, fci=fci))

    def _send(self, packet: AnyRtcpPacket) -> None:
        """Send RTCP without waiting: a datagram is handed to the socket before this returns to the loop."""
        task = asyncio.create_task(self._send_now(bytes(packet)))
        self._tasks = [t for t in self._tasks if not t.done()]
        self._tasks.append(task)

    async def _send_now(self, data: bytes) -> None:
        try:
            await self._transport._send_rtp(data)
        except ConnectionError:
            return

    async def _send_reports(self) -> None:
        """Receiver reports at 0.5 to 1.5 seconds (RFC 3550 part 6.2, the spread keeps peers from marching in step)."""
        while True:
            await asyncio.sleep(0.5 + random.random())  # noqa: S311 (no secret)
            reports = [self._report(ssrc, stream) for ssrc, stream in self._streams.items()]
            if reports:
                await self._send_now(bytes(RtcpRrPacket(ssrc=self._rtcp_ssrc, reports=reports)))

    def _report(self, ssrc: int, stream: StreamStatistics) -> RtcpReceiverInfo:
        lsr, received_at = self._last_report.get(ssrc, (0, 0.0))
        delay = time.time() - received_at if lsr else 0.0
        return RtcpReceiverInfo(
            ssrc=ssrc,
            fraction_lost=stream.fraction_lost,
            packets_lost=stream.packets_lost,
            highest_sequence=stream.max_seq or 0,
            jitter=stream.jitter,
            lsr=lsr,
            dlsr=int(delay * 65536) if 0 < delay < 65536 else 0,
        )
