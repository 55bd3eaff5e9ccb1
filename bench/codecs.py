"""`python -m bench.codecs`: what H.264 costs beside VP8, in CPU and in likeness.

First the server's encoders alone, in turns, on the moving face that all benches send: CPU a frame of the thread that
encodes, the bits that come out, and how like the picture is (PSNR of luma, after an ordinary decoder). Then the whole
server with one try-on, once with a client that offers only VP8 and once with one that offers only H.264, in turns.

The goal is that H.264 costs at most 1.5 times as much as VP8.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import av
import numpy as np
from aiortc import RTCRtpSender
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from bench.live import say
from bench.peer import Orders
from bench.run import measure
from bench.servers import VitrineServer
from bench.source import Film, film
from render.compositor import planes_of
from rtc.assembly import EncodedFrame
from rtc.codecs import VideoDecoder, read_payload
from rtc.encode import make_encoder

GOAL = 1.5
FPS = 24
CODECS = ("VP8", "H264")


@dataclass(frozen=True)
class Encoded:
    """One encoder's run at one rate."""

    name: str
    cpu_ms: float
    kbps: float
    psnr_db: float


def codec(name: str) -> RTCRtpCodecParameters:
    """As it would be negotiated."""
    found = next(c for c in RTCRtpSender.getCapabilities("video").codecs if c.name == name)
    return RTCRtpCodecParameters(found.mimeType, found.clockRate, payloadType=100, parameters=found.parameters)


def frames(source: Film, count: int) -> Iterator[av.VideoFrame]:
    """Numbered pictures, as a camera's."""
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(source.numbered(number), format="yuv420p")
        frame.pts = number * 90_000 // FPS
        yield frame


def encode(source: Film, name: str, rate: int, count: int) -> Encoded:
    """The server's encoder for a codec, on its own."""
    encoder, decoder = make_encoder(codec(name)), VideoDecoder(codec(name))
    cpu, octets, likeness = 0.0, 0, []
    for index, frame in enumerate(frames(source, count)):
        before = planes_of(frame)[0].astype(float)
        started = time.thread_time()
        payloads = encoder.encode(frame, bitrate=rate, key=index == 0)
        cpu += time.thread_time() - started
        octets += sum(map(len, payloads))
        data = b"".join(read_payload(codec(name), payload) for payload in payloads)
        if (seen := decoder.decode(EncodedFrame(data, frame.pts or 0, index == 0))) is not None and index > FPS:
            likeness.append(10 * np.log10(255**2 / ((planes_of(seen)[0] - before) ** 2).mean()))
    return Encoded(encoder.name, cpu / count * 1e3, octets * 8 * FPS / count / 1e3, float(np.mean(likeness)))


def alone(rates: tuple[int, ...], rounds: int, count: int) -> None:
    """Print the encoders' table."""
    source = film(640, 480, FPS)
    say(f"{'kb/s asked':>10} {'encoder':>12} {'CPU ms':>7} {'of VP8':>7} {'kb/s':>6} {'PSNR dB':>8}")
    for rate in rates:
        turns = [[encode(source, name, rate, count) for name in CODECS] for _ in range(rounds)]
        middle = [statistics.median(turn[i].cpu_ms for turn in turns) for i in range(len(CODECS))]
        for one, cpu in zip(turns[0], middle, strict=True):
            share = cpu / middle[0]
            say(f"{rate // 1000:>10} {one.name:>12} {cpu:>7.2f} {share:>7.2f} {one.kbps:>6.0f} {one.psnr_db:>8.2f}")


async def whole(rounds: int, seconds: float) -> None:
    """Print what the media process takes for a frame with each codec."""
    server = VitrineServer()
    orders = Orders(server="", url="")
    cpu: dict[str, list[float]] = {name: [] for name in CODECS}
    stages: dict[str, dict[str, float]] = {}
    await server.start()
    try:
        for _ in range(rounds):
            for name in CODECS:
                run = await measure(server, replace(orders, codec=name), sessions=1, seconds=seconds)
                cpu[name].append(run.cpu_media_ms)
                stages[name] = run.stages_ms
    finally:
        await server.stop()
    vp8, h264 = (statistics.median(cpu[name]) for name in CODECS)
    for name in CODECS:
        spent = ", ".join(f"{stage} {stages[name][stage]:.2f}" for stage in ("decode", "encode"))
        say(f"server, {name}: {statistics.median(cpu[name]):.1f} ms of CPU a frame ({spent} ms)")
    say(f"H.264 costs {h264 / vp8:.2f} of VP8 (goal: at most {GOAL})")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.codecs", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of a try-on, in each round")
    parser.add_argument("--frames", type=int, default=72, help="encoded alone, in each round")
    parser.add_argument("--encoders-only", action="store_true", help="leave the server out")
    options = parser.parse_args()
    alone((300_000, 800_000, 1_500_000), options.rounds, options.frames)
    if not options.encoders_only:
        asyncio.run(whole(options.rounds, options.seconds))


if __name__ == "__main__":
    main()
