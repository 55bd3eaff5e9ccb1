"""`python -m bench.mirror`: what a frame costs a media node that shows an avatar, beside one that shows glasses.

One stream on one thread, as in `rtc.worker`: decoding the camera's VP8, the effect, encoding. CPU is the thread's own,
so other work on the machine lengthens no figure but the wall clock's. Frames come at the camera's 24 a second of their
own clock and are worked on one after the other; `fps` is how many a second one core would carry of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from aiortc import RTCRtpSender
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from avatar.body_model import load_arrays
from avatar.export import MANNEQUIN, BodyShape, write_body
from avatar.garments.dress import Dresser, Worn
from bench.servers import ROOT
from demo.shop import WEARABLES
from render.figure import Figure, load_figure
from render.intake import take_in
from render.mirror import Showing
from render.product import load_wearable
from rtc.assembly import EncodedFrame
from rtc.studio import Studio
from rtc.vpx import VpxEncoder
from rtc.worker import FrameStream
from tests.camera import FaceCamera

FPS, FILM, RATE = 24, 120, 900_000
DEGREES_A_FRAME = 4.0  # a finger that turns her once in four seconds


@dataclass(frozen=True)
class Line:
    """One row of the table: milliseconds a frame. cpu: of the worker's thread, in all."""

    view: str
    cpu_ms: float
    p95_ms: float
    effect_ms: float
    encode_ms: float
    resting: float
    kbps: float
    fps: float


def codec() -> RTCRtpCodecParameters:
    found = next(c for c in RTCRtpSender.getCapabilities("video").codecs if c.name == "VP8")
    return RTCRtpCodecParameters(found.mimeType, found.clockRate, payloadType=100, parameters=found.parameters)


def film(width: int, height: int) -> list[EncodedFrame]:
    """The camera's own frames, encoded."""
    camera, encoder = FaceCamera(width, height, FPS), VpxEncoder(width, height, RATE)
    encoded = []
    for index in range(FILM):
        yuv = camera.yuv(index)
        quarter = width * height // 4
        chroma = yuv.ravel()[width * height :]
        half = (height // 2, width // 2)
        planes = yuv[:height], chroma[:quarter].reshape(half), chroma[quarter:].reshape(half)
        data, key = encoder.encode(planes, round(index * 1000 / FPS), key=index == 0)
        encoded.append(EncodedFrame(data, index * 90_000 // FPS, key))
    return encoded


def figures(models: Path) -> dict[str, Figure]:
    """The average woman undressed, and in jeans and a T-shirt."""
    arrays = load_arrays(models, "female")
    shape, betas = BodyShape(arrays), np.zeros(arrays.betas)
    vertices = arrays.template.astype(np.float32)
    plain = write_body(shape.mesh(vertices), shape.joints(vertices), arrays.parents, compressed=False)
    worn = [Worn((models / "garments" / f"{name}.glb").read_bytes(), None) for name in ("jeans", "t-shirt")]
    dressed = Dresser(models).dress("female", betas, worn).file(compressed=False, body_color=MANNEQUIN)
    return {"body": load_figure(plain), "dressed": load_figure(dressed)}


def play(stream: FrameStream, name: str, frames: list[EncodedFrame], showing: Showing | None, *, turns: bool) -> Line:
    """The film once through a stream; the first second warms up."""
    stream.showing = showing
    cpu, effect, encode, rested, sent = [], [], [], 0, 0
    vp8 = codec()
    for index, encoded in enumerate(frames):
        if showing is not None and turns:
            showing.yaw_deg += DEGREES_A_FRAME
        stream.push(vp8, encoded)
        began = time.thread_time()
        finished = stream.work(_raise)
        spent = (time.thread_time() - began) * 1000
        assert finished is not None
        if index >= FPS:
            cpu.append(spent)
            effect.append(finished.stage_ms["effect"])
            encode.append(finished.stage_ms["encode"])
            rested += finished.outcome.resting
            sent += sum(map(len, finished.payloads))
    mean, seconds = statistics.mean(cpu), len(cpu) / FPS
    p95 = statistics.quantiles(cpu, n=20)[-1]
    kbps = sent * 8 / 1000 / seconds
    return Line(name, mean, p95, statistics.mean(effect), statistics.mean(encode), rested / len(cpu), kbps, 1000 / mean)


def _raise(error: BaseException) -> None:
    raise error


def measure(width: int, height: int) -> list[Line]:
    """All views, one after the other, on one thread."""
    models = ROOT / "models"
    dressed = figures(models)
    glasses = load_wearable(take_in(WEARABLES[0].build(), "glasses").glb)
    studio = Studio(models, on_error=_raise)
    frames, loop = film(width, height), asyncio.new_event_loop()
    lines = []

    def run() -> None:
        views = [("live, glasses on", None, False)]
        for scene in ("studio", "room"):
            for worn, figure in dressed.items():
                for turns in (True, False):
                    how = "turning" if turns else "at rest"
                    views.append((f"{worn} in the {scene}, {how}", Showing(figure, scene), turns))  # type: ignore[arg-type]
        for name, showing, turns in views:
            stream = FrameStream(loop, make_effect=studio.make_effect)
            stream.send_codec, stream.worn = codec(), (glasses,)
            lines.append(play(stream, name, frames, showing, turns=turns))
            stream.close()

    studio.worker.call(run)
    studio.close()
    return lines


def main() -> None:
    """Prints a table and writes `bench/results/mirror-<time>.json`."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", default="640x480")
    width, _, height = options.parse_args().size.partition("x")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    lines = measure(int(width), int(height))
    print(f"{'view':<34}{'CPU ms':>8}{'p95':>7}{'effect':>8}{'encode':>8}{'kb/s':>7}{'fps a core':>12}")
    for line in lines:
        print(
            f"{line.view:<34}{line.cpu_ms:>8.1f}{line.p95_ms:>7.1f}{line.effect_ms:>8.1f}{line.encode_ms:>8.1f}"
            f"{line.kbps:>7.0f}{line.fps:>12.0f}"
        )
    results = ROOT / "bench" / "results"
    results.mkdir(exist_ok=True)
    made = results / f"mirror-{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    made.write_text(json.dumps([asdict(line) for line in lines], indent=1))


if __name__ == "__main__":
    main()
