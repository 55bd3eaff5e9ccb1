"""A shopper's side for tests: a real aiortc peer with a face before its camera."""

import asyncio
import fractions
import json
from typing import Any

import av
import numpy as np
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError
from numpy.typing import NDArray

from tests.camera import FaceCamera, still

LOCAL = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)


class CameraTrack(VideoStreamTrack):
    """Plays a FaceCamera at its pace; `camera` may be exchanged while it runs."""

    def __init__(self, camera: FaceCamera) -> None:
        super().__init__()
        self.camera = camera
        self._index = 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(1 / self.camera.fps)
        self._index += 1
        frame = av.VideoFrame.from_ndarray(self.camera.rgb(self._index), format="rgb24")
        frame.pts = int(self._index * 90_000 / self.camera.fps)
        frame.time_base = fractions.Fraction(1, 90_000)
        return frame


class Shopper:
    """One peer connection with the control channel of the public contract."""

    def __init__(self, camera: FaceCamera | None = None) -> None:
        self.track = CameraTrack(camera or FaceCamera(path=still, fps=15))
        self.connection = RTCPeerConnection(LOCAL)
        self.connection.addTrack(self.track)
        self.channel = self.connection.createDataChannel("control")
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.open = asyncio.Event()
        self.frames = 0
        self.last: NDArray[np.uint8] | None = None
        self._arrived = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None
        self.channel.on("open", self.open.set)
        self.channel.on("message", lambda text: self.messages.put_nowait(json.loads(text)))
        self.connection.on("track", self._read)

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return str(self.connection.localDescription.sdp)

    async def accept(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def say(self, **message: Any) -> None:
        self.channel.send(json.dumps(message))

    async def hear(self, kind: str, within_s: float = 10.0) -> dict[str, Any]:
        """The next message of a kind; others are passed over."""
        async with asyncio.timeout(within_s):
            while (message := await self.messages.get())["type"] != kind:
                pass
            return message

    async def see(self, frames: int = 1, within_s: float = 20.0) -> NDArray[np.uint8]:
        """Wait for so many more frames; the newest, (h, w, 3) uint8 RGB."""
        wanted = self.frames + frames
        async with asyncio.timeout(within_s), self._arrived:
            await self._arrived.wait_for(lambda: self.frames >= wanted)
        assert self.last is not None
        return self.last

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        await self.connection.close()

    def _read(self, track: Any) -> None:
        self._reader = asyncio.ensure_future(self._read_frames(track))

    async def _read_frames(self, track: Any) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            async with self._arrived:
                self.last = frame.to_ndarray(format="rgb24")
                self.frames += 1
                self._arrived.notify_all()
