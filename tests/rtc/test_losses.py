"""What a node tells Prometheus of its try-ons while they run: encoders, freezes, drops, what browsers saw."""

import asyncio
import uuid
from collections.abc import Callable

import pytest
from aiortc import RTCRtpSender
from prometheus_client import REGISTRY

from rtc.encode import h264_encoder_name, vp8_encoder_name
from rtc.placement import Placement
from tests.rtc.conftest import StartNode
from tests.rtc.shopper import Shopper
from tests.rtc.test_node import connect


def told(name: str, node: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"node": node} | labels) or 0.0


async def until(true: Callable[[], bool], within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110  what changes is a counter
            await asyncio.sleep(0.05)


@pytest.fixture
def node_name() -> str:
    return f"n{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_the_encoder_in_use_is_named(
    start_node: StartNode, placement: Placement, node_name: str, codec: str
) -> None:
    await start_node(node_name)
    chosen = {"VP8": vp8_encoder_name(), "H264": h264_encoder_name()}

    def using(name: str) -> float | None:
        labels = {"node": node_name, "codec": name, "implementation": chosen[name]}
        return REGISTRY.get_sample_value("vitrine_video_encoder", labels)

    await until(lambda: using("VP8") == using("H264") == 0)
    shopper = Shopper()
    codecs = [c for c in RTCRtpSender.getCapabilities("video").codecs if c.name in (codec, "rtx")]
    shopper.connection.getTransceivers()[0].setCodecPreferences(codecs)
    await connect(placement, shopper)
    await shopper.see(3)
    await until(lambda: using(codec) == 1)
    assert [using(name) for name in chosen if name != codec] == [0]
    await shopper.close()


async def test_a_camera_that_stands_still_and_what_the_browser_saw_are_counted(
    start_node: StartNode, placement: Placement, node_name: str
) -> None:
    await start_node(node_name)
    shopper = Shopper()
    await connect(placement, shopper, products=("acetate",))
    await shopper.see(10)
    before = told("vitrine_freezes_total", node_name, where="camera")
    before_s = told("vitrine_freeze_seconds_total", node_name, where="camera")
    moving, shopper.track.camera.fps = shopper.track.camera.fps, 1
    await shopper.see(2)  # the first may have been on its way
    shopper.track.camera.fps = moving
    # A busy machine may freeze the picture for less on its own, before or after.
    await until(lambda: told("vitrine_freeze_seconds_total", node_name, where="camera") > before_s + 0.5)
    assert told("vitrine_freezes_total", node_name, where="camera") > before
    shopper.say(
        type="stats", fps=23.5, rtt_ms=31, freezes=2, freeze_ms=740, packets_lost=5, frames_dropped=3,
        bitrate_bps=640_000, jitter_buffer_ms=12.5, limited_by="none", up_width=640,
    )  # fmt: skip
    await until(lambda: told("vitrine_freezes_total", node_name, where="browser") == 2)
    assert told("vitrine_freeze_seconds_total", node_name, where="browser") == pytest.approx(0.74)
    assert told("vitrine_browser_lost_total", node_name, what="packets") == 5
    assert told("vitrine_browser_lost_total", node_name, what="frames") == 3
    for histogram in ("fps", "rtt_ms", "kbps", "buffer_ms"):
        assert told(f"vitrine_browser_{histogram}_count", node_name) == 1
    for stage in ("decode", "track", "pose", "render", "blend", "encode"):
        assert told("vitrine_stage_ms_count", node_name, stage=stage) > 5
    assert told("vitrine_frames_total", node_name, face="found") > 5
    for histogram in ("dwell", "loop_lag"):
        assert told(f"vitrine_{histogram}_ms_count", node_name) > 5
    for gauge in ("sessions", "worker_busy", "core_busy", "frame_cpu_ms"):
        await until(lambda gauge=gauge: told(f"vitrine_{gauge}", node_name) > 0)  # type: ignore[misc]
    await shopper.close()


async def test_drops_are_told_by_cause_while_the_try_on_runs(
    start_node: StartNode, placement: Placement, node_name: str
) -> None:
    running = await start_node(node_name)
    shopper = Shopper()
    await connect(placement, shopper)
    await shopper.see(5)
    ((session, visitor, _),) = running.node.sessions
    session.stream.path_is_full = lambda: True
    await until(lambda: told("vitrine_frames_dropped_total", node_name, cause="path-full") > 0)
    assert session.sender is not None
    session.stream.path_is_full = session.sender.crowded
    await shopper.see(5)
    counted = told("vitrine_frames_dropped_total", node_name, cause="path-full")
    await placement.close(visitor, session.id)
    assert told("vitrine_frames_dropped_total", node_name, cause="path-full") >= counted
    assert told("vitrine_sessions_ended_total", node_name, reason="closed-by-shopper") == 1
    await shopper.close()
