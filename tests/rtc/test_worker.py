"""One stream's pictures from encoded to encoded, on this thread."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any

import av
import numpy as np
import psutil
import pytest

from render.pipeline import FaceState, Outcome
from rtc.assembly import EncodedFrame
from rtc.codecs import CannotDecode, opens_key_frame, read_payload
from rtc.encode import VideoEncoder, Vp8
from rtc.worker import MAX_WAITING, FinishedFrame, FrameStream
from tests.rtc.test_encode import ENCODERS, codec

VP8 = codec("VP8")


class Bare:
    """An effect that leaves the picture as it is."""

    worn: Sequence[Any] = ()
    detail = 1.0
    showing: Any = None

    def process(self, frame: av.VideoFrame) -> Outcome:
        return Outcome(FaceState.LOST, None, False, {})

    def close(self) -> None:
        pass


class Failing(Bare):
    """An effect with a defect."""

    def process(self, frame: av.VideoFrame) -> Outcome:
        raise ZeroDivisionError


@pytest.fixture
def stream() -> Iterator[FrameStream]:
    loop = asyncio.new_event_loop()
    made = FrameStream(loop, make_effect=Bare)
    made.send_codec = VP8
    yield made
    made.close()
    loop.close()


def encoded(timestamps: Sequence[int], *, key_every: int = 1000) -> list[EncodedFrame]:
    """A small moving picture with these RTP timestamps."""
    encoder, frames = Vp8(), []
    for index, timestamp in enumerate(timestamps):
        picture = np.roll(np.tile(np.arange(64, dtype=np.uint8) * 3, (72, 1)), index, axis=1)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = index * 3750
        key = index % key_every == 0
        data = b"".join(read_payload(VP8, payload) for payload in encoder.encode(frame, bitrate=300_000, key=key))
        frames.append(EncodedFrame(data, timestamp, key))
    return frames


def fail(error: BaseException) -> None:
    raise error


def worked(stream: FrameStream, frame: EncodedFrame) -> FinishedFrame | None:
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


def test_frames_that_come_faster_than_they_are_worked_on_do_not_pile_up(stream: FrameStream) -> None:
    frames = encoded(range(0, (MAX_WAITING + 1) * 3750, 3750))
    assert all(stream.push(VP8, frame) for frame in frames[:MAX_WAITING])
    assert not stream.push(VP8, frames[MAX_WAITING]), "the camera is asked for a key frame"
    assert stream.dropped["backlog"] == MAX_WAITING + 1
    assert stream.work(fail) is None
    (fresh,) = encoded([99 * 3750])
    finished = worked(stream, fresh)
    assert finished is not None
    assert finished.payloads


def test_of_frames_that_have_waited_the_newest_is_worked_on(stream: FrameStream) -> None:
    stream.fresh_s = -1.0
    for frame in encoded([0, 3750, 7500]):
        assert stream.push(VP8, frame)
    finished = stream.work(fail)
    assert finished is not None
    assert finished.timestamp == 7500
    assert stream.dropped["newer-frame"] == 2
    assert stream.work(fail) is None


def test_the_picture_goes_on_as_it_came_when_the_effect_fails(stream: FrameStream) -> None:
    said: list[BaseException] = []
    stream.effect = Failing()
    for frame in encoded([0, 3750]):
        assert stream.push(VP8, frame)
        finished = stream.work(said.append)
        assert finished is not None
        assert finished.payloads
        assert finished.outcome.state is FaceState.LOST
    assert [type(error) for error in said] == [ZeroDivisionError] * 2


@pytest.mark.parametrize(("name", "make"), ENCODERS)
def test_a_key_frame_of_the_camera_s_makes_none_on_the_way_back(
    stream: FrameStream, name: str, make: type[VideoEncoder]
) -> None:
    sent = codec(name)
    stream.send_codec, stream.encoder = sent, make()
    finished = [worked(stream, frame) for frame in encoded([0, 3750, 7500], key_every=1)]
    firsts = [one.payloads[0] for one in finished if one]
    assert [opens_key_frame(sent, first, read_payload(sent, first)) for first in firsts] == [True, False, False]


@pytest.mark.parametrize(("round_trip_s", "shown"), [(0.01, 1), (0.2, 5)])
def test_of_pictures_let_go_at_once_a_long_path_shows_every_one(
    stream: FrameStream, round_trip_s: float, shown: int
) -> None:
    """They have waited for 30 ms: on a short path only the newest is worth its work."""
    stream.heard_round_trip(round_trip_s)
    for frame in encoded(range(0, 5 * 3750, 3750)):
        stream.push(VP8, frame)
    time.sleep(0.03)
    finished = 0
    while stream._waiting:
        finished += stream.work(lambda error: pytest.fail(str(error))) is not None
    assert finished == shown
    assert stream.dropped["newer-frame"] == 5 - shown
