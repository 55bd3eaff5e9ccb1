"""Encoders obey a new rate in place, make key frames only when asked, and are read by an ordinary decoder."""

import av
import numpy as np
import pytest
from aiortc import RTCRtpSender
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from render.compositor import planes_of
from rtc.assembly import EncodedFrame
from rtc.codecs import CannotDecode, VideoDecoder, opens_key_frame, read_payload
from rtc.encode import H264, StockVp8, VideoEncoder, Vp8, h264_encoder_name, make_encoder, open_h264
from rtc.vpx import VpxEncoder, open_library
from tests.camera import FaceCamera

RATE = 600_000


def codec(name: str) -> RTCRtpCodecParameters:
    found = next(c for c in RTCRtpSender.getCapabilities("video").codecs if c.name == name)
    return RTCRtpCodecParameters(found.mimeType, found.clockRate, payloadType=100, parameters=found.parameters)


@pytest.fixture(scope="module")
def film() -> list[av.VideoFrame]:
    camera = FaceCamera(fps=24)
    frames = []
    for index in range(60):
        frame = av.VideoFrame.from_ndarray(camera.rgb(index), format="rgb24").reformat(format="yuv420p")
        frame.pts = index * 3750
        frames.append(frame)
    return frames


ENCODERS = [("VP8", Vp8), ("VP8", StockVp8), ("H264", H264)]


@pytest.mark.parametrize(("name", "make"), ENCODERS)
def test_what_is_encoded_is_decoded_to_nearly_the_same_picture(
    film: list[av.VideoFrame], name: str, make: type[VideoEncoder]
) -> None:
    encoder, decoder = make(), VideoDecoder(codec(name))
    for index, frame in enumerate(film[:30]):
        payloads = encoder.encode(frame, bitrate=RATE, key=index == 0)
        assert payloads, "no frame is held back"
        assert max(map(len, payloads)) <= 1300
        units = [read_payload(codec(name), payload) for payload in payloads]
        assert opens_key_frame(codec(name), payloads[0], units[0]) == (index == 0)
        seen = decoder.decode(EncodedFrame(b"".join(units), frame.pts or 0, index == 0))
    assert seen is not None
    error = planes_of(seen)[0].astype(float) - planes_of(film[29])[0]
    assert 10 * np.log10(255**2 / (error**2).mean()) > 36


@pytest.mark.parametrize(("name", "make"), [("VP8", Vp8), ("H264", H264)])
def test_a_new_rate_is_obeyed_without_a_key_frame(
    film: list[av.VideoFrame], name: str, make: type[VideoEncoder]
) -> None:
    encoder = make()
    sizes = []
    for index, frame in enumerate([*film, *film]):
        frame.pts = index * 3750
        payloads = encoder.encode(frame, bitrate=1_200_000 if index < 60 else 250_000, key=index == 0)
        opens_key = opens_key_frame(codec(name), payloads[0], read_payload(codec(name), payloads[0]))
        assert opens_key == (index == 0)
        sizes.append(sum(map(len, payloads)))
    assert sum(sizes[84:]) * 3 < sum(sizes[24:60])
    assert encoder.opened == 1


def test_a_vp8_key_frame_is_capped(film: list[av.VideoFrame]) -> None:
    encoder = Vp8()
    for index, frame in enumerate(film):
        frame.pts = index * 3750
        size = sum(map(len, encoder.encode(frame, bitrate=RATE, key=index in (0, 40))))
        if index == 40:
            assert size < 8 * RATE / 8 / 24


def test_the_size_may_change_between_frames(film: list[av.VideoFrame]) -> None:
    for encoder, name in ((Vp8(), "VP8"), (H264(), "H264")):
        decoder = VideoDecoder(codec(name))
        for index, (width, height) in enumerate([(640, 480), (320, 240), (322, 242)]):
            frame = film[0].reformat(width=width, height=height)
            frame.pts = index * 3750
            units = [read_payload(codec(name), p) for p in encoder.encode(frame, bitrate=RATE, key=True)]
            seen = decoder.decode(EncodedFrame(b"".join(units), frame.pts, True))
            assert seen is not None
            assert (seen.width, seen.height) == (width, height)
        assert encoder.opened == 3


def test_the_negotiated_codec_decides() -> None:
    assert make_encoder(codec("VP8")).name == "libvpx"
    assert make_encoder(codec("H264")).name in ("libx264", "h264_nvenc", "h264_qsv", "h264_vaapi")


def test_the_first_h264_encoder_that_opens_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def open_only(name: str, width: int, height: int, bitrate: int) -> av.VideoCodecContext:
        tried.append(name)
        if name == "h264_vaapi":
            return open_h264("libx264", width, height, bitrate)
        raise av.error.ExternalError(1, "no such card")

    monkeypatch.setattr("rtc.encode.open_h264", open_only)
    assert h264_encoder_name.__wrapped__() == "h264_vaapi"
    assert tried == ["h264_nvenc", "h264_qsv", "h264_vaapi"], "cards before the processor"


def test_libvpx_is_laid_out_as_declared() -> None:
    """If a new PyAV brings another ABI this fails, and the server falls back to PyAV's encoder until it is mended."""
    open_library()
    encoder = VpxEncoder(64, 64, RATE)
    encoder.bitrate = 300_000
    assert encoder.bitrate == 300_000
    encoder.close()


def test_drawing_on_a_decoded_picture_leaves_the_decoders_references_alone(film: list[av.VideoFrame]) -> None:
    for name, make in ENCODERS[::2]:
        encoder, spoiled, clean = make(), VideoDecoder(codec(name)), VideoDecoder(codec(name))
        for index, frame in enumerate(film[:12]):
            frame.pts = index * 3750
            units = [read_payload(codec(name), p) for p in encoder.encode(frame, bitrate=RATE, key=index == 0)]
            encoded = EncodedFrame(b"".join(units), frame.pts, index == 0)
            drawn_on, expected = spoiled.decode(encoded), clean.decode(encoded)
            assert drawn_on is not None
            assert expected is not None
            np.testing.assert_array_equal(drawn_on.to_ndarray(), expected.to_ndarray())
            for plane in planes_of(drawn_on):
                plane[...] = 0


def test_garbage_is_named_and_survived() -> None:
    for name in ("VP8", "H264"):
        decoder = VideoDecoder(codec(name))
        for junk in (b"", b"\x00", b"\xff" * 100, bytes(range(256)) * 8):
            try:
                decoder.decode(EncodedFrame(junk, 0, False))
            except CannotDecode:
                continue
