"""One stream's pictures from encoded to encoded, on this thread."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import av
import numpy as np
import psutil
import pytest

from render.pipeline import FaceState, Outcome
from rtc.assembly import EncodedFrame
from rtc.codecs import CannotDecode, read_payload
from rtc.encode import Vp8
from rtc.worker import FinishedFrame, FrameStream
from tests.rtc.test_encode import codec

VP8 = codec("VP8")


class Bare:
    """An effect that leaves the picture as it is."""

    worn: Sequence[Any] = ()
    detail = 1.0

    def process(self, frame: av.VideoFrame) -> Outcome:
        return Outcome(FaceState.LOST, None, False, {})

    def close(self) -> None:
        pass


@pytest.fixture
def stream() -> Iterator[FrameStream]:
    loop = asyncio.new_event_loop()
    made = FrameStream(loop, make_effect=Bare)
    made.send_codec = VP8
    yield made
    made.close()
    loop.close()


def encoded(timestamps: Sequence[int]) -> list[EncodedFrame]:
    """A small moving picture with these RTP timestamps."""
    encoder, frames = Vp8(), []
    for index, timestamp in enumerate(timestamps):
        picture = np.roll(np.tile(np.arange(64, dtype=np.uint8) * 3, (72, 1)), index, axis=1)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = index * 3750
        data = b"".join(read_payload(VP8, payload) for payload in encoder.encode(frame, bitrate=300_000, key=not index))
        frames.append(EncodedFrame(data, timestamp, not index))
    return frames


def worked(stream: FrameStream, frame: EncodedFrame) -> FinishedFrame | None:
    def fail(error: BaseException) -> None:
        raise error

    stream.push(VP8, frame)
    return stream.work(fail)


@pytest.mark.parametrize("second", [3750, 90_000, 0])
def test_the_picture_goes_on_when_the_camera_s_timestamps_go_round_or_back(stream: FrameStream, second: int) -> None:
    timestamps = [(1 << 32) - 7500, (1 << 32) - 3750, *range(second, second + 20_000, 3750)]
    finished = [worked(stream, frame) for frame in encoded(timestamps)]
    assert all(one is not None and one.payloads for one in finished)
    assert [one.timestamp for one in finished if one] == timestamps, "it comes back under its own"


def test_a_key_frame_that_claims_a_giant_s_size_gets_no_memory(stream: FrameStream) -> None:
    (frame,) = encoded([0])
    giant = bytearray(frame.data)
    giant[6:10] = (0x3FFF).to_bytes(2, "little") * 2
    before = psutil.Process().memory_info().vms
    with pytest.raises(CannotDecode):
        worked(stream, EncodedFrame(bytes(giant), 0, key=True))
    assert psutil.Process().memory_info().vms - before < 200e6
    assert worked(stream, frame) is not None
