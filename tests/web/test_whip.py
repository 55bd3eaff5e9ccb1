"""A WHIP client that others wrote, Debian's simple-whip-client, sends its picture here."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from rtc.node import MediaNode
from tests.web.conftest import Site

PICTURE = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=10/1 ! vp8enc deadline=1 "
    "keyframe-max-dist=10 ! rtpvp8pay pt=96 ! application/x-rtp,media=video,encoding-name=VP8,payload=96"
)

pytestmark = pytest.mark.timeout(180)


async def test_a_client_written_elsewhere_sends_its_picture_and_says_goodbye(
    site: Site, node: MediaNode, tmp_path: Path
):
    token = await site.token()
    client = shutil.which("whip-client")
    assert client, "Debian's simple-whip-client"
    command = [client, "-u", f"{site.url}/v1/try-on", "-t", token, "-V", PICTURE, "-l", "7"]
    log = tmp_path / "log"
    environment = {"PATH": "/usr/bin", "HOME": str(tmp_path), "LD_LIBRARY_PATH": str(_quieter_libsoup(tmp_path))}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output, env=environment)
    try:
        async with asyncio.timeout(60):
            while not any(session.stream.effect for session, _, _ in node.sessions):  # a picture has arrived
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
