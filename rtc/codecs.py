"""What comes in: what an RTP payload means, and pictures of encoded frames.

Decoding runs on the frame worker's thread, never on the event loop.
"""

from typing import cast

import av
from aiortc.codecs import depayload, get_decoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from rtc.assembly import EncodedFrame

# Full HD. A key frame names its size in a few bytes, and the decoder makes room for it before it reads on: 16383 in
# both directions are over a gigabyte.
MAX_PIXELS = 1920 * 1088
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


def vp8_pixels(data: bytes) -> int:
    """How many pixels a VP8 key frame says it has (RFC 6386 part 9.1); 0 for any other frame."""
    if len(data) < 10 or data[0] & 1:
        return 0
    width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return width * height


class VideoDecoder:
    """Pictures from encoded frames, in presentation order."""

    def __init__(self, codec: RTCRtpCodecParameters) -> None:
        self._is_vp8 = codec.name == "VP8"
        self._decoder = get_decoder(codec)
        self._decoder.codec.options = {"max_pixels": str(MAX_PIXELS)}  # type: ignore[attr-defined]

    def decode(self, encoded: EncodedFrame) -> av.VideoFrame | None:
        """The newest picture that this frame completes, if any; raises CannotDecode."""
        # libvpx makes room before FFmpeg looks at the size.
        if self._is_vp8 and vp8_pixels(encoded.data) > MAX_PIXELS:
            raise CannotDecode("a picture of that size is not taken")
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
