"""A server process that speaks S3 and KMS.

It is moto's (Apache-2.0): of those that can be installed from a package index by name it is the one that is kept; MinIO
and Garage are under the AGPL.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def aws_server() -> Iterator[str]:
    """Its address, once it answers."""
    pytest.importorskip("moto", reason="a tool of the tests alone")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/moto-api/", timeout=20).close()  # noqa: S310  our own server
                break
            except (OSError, urllib.error.URLError):
                assert server.poll() is None, "the server ended"
                assert time.monotonic() < until
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(20)
