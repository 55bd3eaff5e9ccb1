"""What comes in: what an RTP payload means, and pictures of encoded frames.

Decoding runs on the frame worker's thread, never on the event loop.
"""

from typing import cast

import av
from aiortc.codecs import depayload, get_decoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from rtc.assembly import EncodedFrame

H264_KEY_UNITS = frozenset({5, 7, 8})  # IDR slice, SPS, PPS (ITU-T H.264 table 7-1)


class CannotDecode(Exception):
    """The decoder lost its references or met garbage; a key frame mends it."""


def opens_key_frame(codec: RTCRtpCodecParameters, payload: bytes, data: bytes) -> bool:
    """Whether a packet is the first one of a frame that can be decoded by itself.

    payload: as it stands in the packet; data: depayloaded.
    """
    if codec.name == "VP8":
        # RFC 7741 part 4.2: the start (S) of the first partition (PID 0); RFC 6386 part 9.1: frame type.
        return bool(data) and payload[0] & 0x17 == 0x10 and not data[0] & 1
    units = data.split(b"\x00\x00\x00\x01")[1:]
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
        if not frames:
            return None
        frame = cast(av.VideoFrame, frames[-1])
        # The H.264 decoder keeps its pictures as references; ours is about to be drawn on.
        frame.make_writable()
        return frame
