"""A WHIP client that others wrote, Debian's simple-whip-client, sends its picture here."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from rtc.node import MediaNode
from rtc.turn import Relays
from tests.rtc.coturn import SECRET, own_address, running_coturn
from tests.web.conftest import Site, StartSite

PICTURE = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=10/1 ! vp8enc deadline=1 "
    "keyframe-max-dist=10 ! rtpvp8pay pt=96 ! application/x-rtp,media=video,encoding-name=VP8,payload=96"
)

OWN = {"Content-Length", "Content-Encoding", "Transfer-Encoding", "Date", "Server"}  # each hop's

pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True)
class Call:
    """One request of the client's, and what it was answered."""

    method: str
    path: str
    headers: CIMultiDictProxy[str]
    body: str
    status: int
    answered: CIMultiDictProxy[str]


class Recorder:
    """Stands between the client and the site, hands everything on as it is, and keeps it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.calls: list[Call] = []
        self.url = ""

    async def hand_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self._site.calls(request.method, request.path, data=body, headers=request.headers) as response:
            answer = await response.read()
            answered = response.headers
        call = Call(request.method, request.path, request.headers, body.decode(), response.status, answered)
        self.calls.append(call)
        headers = CIMultiDict((name, value) for name, value in answered.items() if name not in OWN)
        return web.Response(body=answer, status=response.status, headers=headers)

    def of(self, method: str) -> list[Call]:
        """Those of this method."""
        return [call for call in self.calls if call.method == method]


@pytest.fixture
async def recorder(start_site: StartSite, node: MediaNode, tmp_path: Path) -> AsyncIterator[Recorder]:
    """Before a site that names a relay of this machine's."""
    here = own_address()
    with running_coturn(here, here, tmp_path, f"--allowed-peer-ip={here}") as port:
        relays = Relays((f"turn:{here}:{port}?transport=udp",), SECRET, 600)
        made = Recorder(await start_site(relays=relays))
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", made.hand_on)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
        await runner.cleanup()


async def test_a_client_written_elsewhere_takes_our_relays_sends_its_picture_trickles_and_says_goodbye(
    recorder: Recorder, node: MediaNode, tmp_path: Path
):
    token = await recorder._site.token()
    client = shutil.which("whip-client")
    assert client, "Debian's simple-whip-client"
    command = [client, "-u", f"{recorder.url}/v1/try-on", "-t", token, "-V", PICTURE, "-l", "7", "-f"]
    log = tmp_path / "log"
    environment = {"PATH": "/usr/bin", "HOME": str(tmp_path), "LD_LIBRARY_PATH": str(_quieter_libsoup(tmp_path))}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output, env=environment)
    try:
        async with asyncio.timeout(60):
            while not any(session.stream.effect for session, _, _ in node.sessions):  # a picture has arrived
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.1)
            # It gathers in its own time, in one PATCH or in several: the picture may come before the last is answered.
            while not any("a=end-of-candidates" in call.body for call in recorder.of("PATCH")):
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.1)
        process.terminate()  # it deletes its resource before it ends
        async with asyncio.timeout(30):
            await process.wait()
            while node.sessions:  # noqa: ASYNC110  it ends by the client's DELETE
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(log.read_text())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    asked, offered, *trickled, ended = recorder.calls
    assert [asked.method, offered.method, ended.method] == ["OPTIONS", "POST", "DELETE"]
    assert (asked.status, offered.status, ended.status) == (204, 201, 204)
    assert {(call.method, call.status) for call in trickled} == {("PATCH", 204)}
    for answer in (asked, offered):
        [link] = answer.answered.getall("Link")
        assert link.startswith(f"<turn:{own_address()}:")
    assert "a=candidate:" not in offered.body
    for call in (*trickled, ended):
        assert call.path == offered.answered["Location"]
    for call in trickled:
        assert call.headers["If-Match"] == offered.answered["ETag"]
    assert "typ relay" in "".join(call.body for call in trickled), "the relay of our Link headers let it in"


def _quieter_libsoup(folder: Path) -> Path:
    """Where a libsoup 3 lies that does not look for a libsoup 2 beside it.

    In Debian 12 the client links 2 and its ICE library, for UPnP, links 3; they refuse each other's company.
    """
    [soup] = Path("/usr/lib").glob("*/libsoup-3.0.so.0")
    copied = folder / "lib" / soup.name
    copied.parent.mkdir()
    found, sought = soup.read_bytes(), b"soup_uri_new\0"
    assert found.count(sought) == 1
    copied.write_bytes(found.replace(sought, b"no_such_name\0"))
    return copied.parent
