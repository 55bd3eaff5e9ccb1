"""Pictures to RTP payloads: VP8 by default, H.264 where a client offers only that.

All encoders take a new bit rate in place, hold no frames back, and make a key frame only when asked.
"""

import functools
from fractions import Fraction
from typing import Protocol

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.utils import random16

from render.compositor import planes_of
from rtc.bitrate import FIRST_BPS
from rtc.vpx import VpxEncoder, VpxUnavailable

RTP_CLOCK_HZ = 90_000
# Hardware first, in the order of how common it is where servers have any; then the processor.
H264_ENCODERS = ("h264_nvenc", "h264_qsv", "h264_vaapi", "libx264")
H264_OPTIONS = {
    # Without adaptive quantisation: a sixth to a quarter less CPU, and 0.6 to 2 dB more (python -m bench.codecs).
    "libx264": {
        "preset": "superfast",
        "tune": "zerolatency",
        "aq-mode": "0",
        "forced-idr": "1",
        "sc_threshold": "0",
        "g": "30000",
    },
    "h264_nvenc": {"preset": "p1", "tune": "ull", "zerolatency": "1", "forced-idr": "1", "rc": "cbr"},
    "h264_qsv": {"preset": "veryfast", "async_depth": "1", "forced_idr": "1"},
    "h264_vaapi": {"async_depth": "1"},
}


class VideoEncoder(Protocol):
    """Makes RTP payloads of pictures. `name` is the implementation's, `opened` how many encoders it has taken so far:
    one for each size of picture, and none for a new rate. Both are for the metrics."""

    name: str
    opened: int

    def encode(self, frame: av.VideoFrame, *, bitrate: int, key: bool) -> list[bytes]:
        """RTP payloads of a yuv420p frame, in order; pts counts at 90 kHz; bitrate in bits a second."""


class Vp8:
    """VP8 through libvpx."""

    name = "libvpx"

    def __init__(self) -> None:
        self._encoder: VpxEncoder | None = None
        self.opened = 0
        self._size = (0, 0)
        self._picture_id = random16() & 0x7FFF

    def encode(self, frame: av.VideoFrame, *, bitrate: int, key: bool) -> list[bytes]:
        if self._encoder is None or self._size != (frame.width, frame.height):
            self._encoder = VpxEncoder(frame.width, frame.height, bitrate)
            self.opened += 1
            self._size = (frame.width, frame.height)
        self._encoder.bitrate = bitrate
        time_ms = round((frame.pts or 0) / (RTP_CLOCK_HZ / 1000))
        data, _ = self._encoder.encode(planes_of(frame), time_ms, key=key)
        self._picture_id = (self._picture_id + 1) & 0x7FFF
        return list(Vp8Encoder._packetize(data, self._picture_id))


class StockVp8:
    """VP8 through PyAV, for installations whose libvpx is not the known one."""

    name = "libvpx-pyav"

    def __init__(self) -> None:
        self._encoder = Vp8Encoder()
        self.opened = 1

    def encode(self, frame: av.VideoFrame, *, bitrate: int, key: bool) -> list[bytes]:
        # Each change makes a new encoder and a key frame there, so only large ones are passed on.
        if not 0.7 < bitrate / self._encoder.target_bitrate < 1.5:
            self._encoder.target_bitrate = bitrate
            self.opened += 1
        frame.time_base = Fraction(1, RTP_CLOCK_HZ)
        payloads, _ = self._encoder.encode(frame, key)
        return payloads


class H264:
    """H.264 through the first encoder that opens on this machine."""

    def __init__(self) -> None:
        self.name = h264_encoder_name()
        self._codec: av.VideoCodecContext | None = None
        self.opened = 0
        self._size = (0, 0)

    def encode(self, frame: av.VideoFrame, *, bitrate: int, key: bool) -> list[bytes]:
        if self._codec is None or self._size != (frame.width, frame.height):
            self._codec = open_h264(self.name, frame.width, frame.height, bitrate)
            self.opened += 1
            self._size = (frame.width, frame.height)
        if abs(bitrate / (self._codec.bit_rate or bitrate) - 1) > 0.05:
            self._codec.bit_rate = bitrate
        frame.pict_type = av.video.frame.PictureType.I if key else av.video.frame.PictureType.NONE
        frame.time_base = Fraction(1, RTP_CLOCK_HZ)
        data = b"".join(bytes(packet) for packet in self._codec.encode(frame))
        return list(H264Encoder._packetize(H264Encoder._split_bitstream(data)))


def make_encoder(codec: RTCRtpCodecParameters) -> VideoEncoder:
    """The encoder for a negotiated codec."""
    if codec.name == "H264":
        return H264()
    return Vp8() if _libvpx_opens() else StockVp8()


def vp8_encoder_name() -> str:
    """The VP8 encoder of this machine."""
    return Vp8.name if _libvpx_opens() else StockVp8.name


@functools.cache
def _libvpx_opens() -> bool:
    try:
        VpxEncoder(16, 16, FIRST_BPS).close()
    except VpxUnavailable:
        return False
    return True


@functools.cache
def h264_encoder_name() -> str:
    """The first of H264_ENCODERS that opens here."""
    for name in H264_ENCODERS:
        try:
            context = open_h264(name, 640, 480, FIRST_BPS)
            context.open()
        except (av.FFmpegError, ValueError):
            continue
        return name
    return H264_ENCODERS[-1]


def open_h264(name: str, width: int, height: int, bitrate: int) -> av.VideoCodecContext:
    """A low-latency H.264 encoder: Constrained Baseline, no frames held back."""
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = width, height
    context.pix_fmt = "yuv420p"
    context.bit_rate = bitrate
    context.framerate = Fraction(30, 1)
    context.time_base = Fraction(1, RTP_CLOCK_HZ)
    context.max_b_frames = 0
    context.thread_count = 1
    # A quarter of a second of bits at most may wait: that also caps a key frame.
    context.options = H264_OPTIONS[name] | {"maxrate": str(bitrate), "bufsize": str(bitrate // 4)}
    context.profile = "Baseline"
    return context
