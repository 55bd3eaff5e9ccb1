"""An echo server in its own process: every video frame is decoded, encoded and sent back, nothing else.

`python -m bench.echo stock` is aiortc as it comes; `python -m bench.echo marker` releases frames on the marker bit.
Prints one JSON line with its port, answers `POST /offer` (SDP in, SDP out) and `GET /lag` (event-loop lag so far).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

import numpy as np
from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bench.release import release_on_marker

_PROBE_SECONDS = 0.05


class Echo:
    """Peer connections that send their own pictures back."""

    def __init__(self, *, marker: bool) -> None:
        self._marker = marker
        self._connections: set[RTCPeerConnection] = set()
        self._lag_ms: list[float] = []

    async def offer(self, request: web.Request) -> web.Response:
        """Answer one offer."""
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connections.add(connection)

        @connection.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            connection.addTrack(track)

        @connection.on("connectionstatechange")
        async def on_state() -> None:
            if connection.connectionState in {"failed", "closed"}:
                self._connections.discard(connection)
                await connection.close()

        await connection.setRemoteDescription(RTCSessionDescription(await request.text(), "offer"))
        if self._marker:
            for transceiver in connection.getTransceivers():
                release_on_marker(transceiver.receiver)
        await connection.setLocalDescription(await connection.createAnswer())
        return web.Response(text=connection.localDescription.sdp, content_type="application/sdp")

    async def lag(self, _: web.Request) -> web.Response:
        """p50 and p99 of the event loop's lag in milliseconds since the last call."""
        lags, self._lag_ms = self._lag_ms or [0.0], []
        p50, p99 = np.percentile(lags, [50, 99])
        return web.json_response({"p50_ms": float(p50), "p99_ms": float(p99)})

    async def watch_lag(self) -> None:
        """Sleep and see how late the loop wakes us."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _PROBE_SECONDS
            await asyncio.sleep(_PROBE_SECONDS)
            self._lag_ms.append((loop.time() - due) * 1e3)

    async def close(self) -> None:
        """End every connection."""
        await asyncio.gather(*(c.close() for c in list(self._connections)))


async def serve(*, marker: bool, port: int) -> None:
    """Serve until cancelled."""
    echo = Echo(marker=marker)
    app = web.Application()
    app.add_routes([web.post("/offer", echo.offer), web.get("/lag", echo.lag)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    assert site._server is not None
    sys.stdout.write(json.dumps({"port": runner.addresses[0][1]}) + "\n")
    sys.stdout.flush()
    try:
        await echo.watch_lag()
    finally:
        await echo.close()
        await runner.cleanup()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", choices=["stock", "marker"])
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    asyncio.run(serve(marker=options.release == "marker", port=options.port))


if __name__ == "__main__":
    main()
