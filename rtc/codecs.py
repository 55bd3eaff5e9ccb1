"""The video codecs of a session: what a payload means, and pictures in and out of libvpx and H.264.

Decoding and encoding run on the frame worker's thread, never on the event loop.
"""

from typing import Protocol, cast

import av
from aiortc.codecs import depayload, get_decoder
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from rtc.assembly import EncodedFrame

H264_KEY_UNITS = frozenset({5, 7, 8})  # IDR slice, SPS, PPS (ITU-T H.264 table 7-1)


class CannotDecode(Exception):
    """The decoder lost its references or met garbage; a key frame mends it."""


class VideoEncoder(Protocol):
    """Makes RTP payloads of pictures."""

    def encode(self, frame: av.VideoFrame, *, key: bool) -> list[bytes]:
        """RTP payloads of one frame, in order."""

    @property
    def bitrate(self) -> int:
        """Target in bits a second."""

    @bitrate.setter
    def bitrate(self, value: int) -> None: ...


def starts_key_frame(codec: RTCRtpCodecParameters, payload: bytes) -> bool:
    """Whether a frame whose first depayloaded packet is this can be decoded by itself."""
    if codec.name == "VP8":
        return bool(payload) and not payload[0] & 1  # RFC 6386 part 9.1: frame type
    units = payload.split(b"\x00\x00\x00\x01")[1:]
    return any(unit and unit[0] & 0x1F in H264_KEY_UNITS for unit in units)


def read_payload(codec: RTCRtpCodecParameters, payload: bytes) -> bytes:
    """The encoded bytes inside an RTP payload; raises ValueError when it is malformed."""
    return depayload(codec, payload) if payload else b""


class VideoDecoder:
    """Pictures from encoded frames, in presentation order."""

    def __init__(self, codec: RTCRtpCodecParameters) -> None:
        self._decoder = get_decoder(codec)

    def decode(self, encoded: EncodedFrame) -> av.VideoFrame | None:
        """The newest picture that this frame completes, if any; raises CannotDecode."""
        try:
            frames = self._decoder.decode(JitterFrame(encoded.data, encoded.timestamp))
        except av.FFmpegError as error:
            raise CannotDecode from error
        return cast(av.VideoFrame, frames[-1]) if frames else None


class StockEncoder:
    """aiortc's own encoders behind our interface."""

    def __init__(self, codec: RTCRtpCodecParameters) -> None:
        self._encoder = Vp8Encoder() if codec.name == "VP8" else H264Encoder()

    @property
    def bitrate(self) -> int:
        return int(self._encoder.target_bitrate)

    @bitrate.setter
    def bitrate(self, value: int) -> None:
        self._encoder.target_bitrate = value

    def encode(self, frame: av.VideoFrame, *, key: bool) -> list[bytes]:
        """RTP payloads of one frame, in order."""
        payloads, _ = self._encoder.encode(frame, key)
        return payloads
