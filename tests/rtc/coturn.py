"""Debian's coturn with the shipped configuration, and the smallest TURN client that asks for one thing at a time."""

from __future__ import annotations

import asyncio
import ipaddress
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from aioice import stun
from aioice.turn import TurnClientUdpProtocol

TURNSERVER = shutil.which("turnserver") or "/usr/bin/turnserver"
SHIPPED = Path(__file__).parents[2] / "deploy" / "coturn.conf"
SECRET = "a secret of the tests"
_FAMILY = "REQUESTED-ADDRESS-FAMILY"  # RFC 8656, section 18.8; aioice does not know it
_ENTRY = (0x0017, _FAMILY, lambda value: bytes([value, 0, 0, 0]), lambda data: data[0])


def own_address() -> str:
    """This machine's, as another one would see it; the socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))
        return str(probe.getsockname()[0])


@contextmanager
def running_coturn(listen: str, relay: str, folder: Path, *more: str) -> Iterator[int]:
    """The shipped configuration, listening and relaying at these addresses; gives the port."""
    with socket.socket(socket.AF_INET6 if ":" in listen else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((listen, 0))
        port = probe.getsockname()[1]
    command = [TURNSERVER, "-c", str(SHIPPED), f"--static-auth-secret={SECRET}", f"--listening-port={port}"]
    command += [f"--listening-ip={listen}", f"--relay-ip={relay}", "--no-tls", "--no-dtls", *more]
    command += [f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'users'}", "--relay-threads=1"]
    log = folder / "coturn.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    try:
        _await_listener(listen, port, process, log)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_listener(listen: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """coturn answers a STUN binding request once it is there."""
    request = bytes(stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST))
    deadline = time.monotonic() + 30
    with socket.socket(socket.AF_INET6 if ":" in listen else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        while time.monotonic() < deadline:
            assert process.poll() is None, log.read_text()
            try:
                client.sendto(request, (listen, port))
                if client.recv(2048):
                    return
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.05)
    raise AssertionError(log.read_text())


class Allocation:
    """One relayed address, and what the relay answers when permission for a peer is asked."""

    def __init__(self, server: tuple[str, int], username: str, credential: str) -> None:
        self._server = server
        self._identity = (username, credential)
        self._protocol: Any = None
        self.address: tuple[str, int] | None = None

    async def __aenter__(self) -> Self:
        """Raises aioice's TransactionFailed when the relay refuses."""
        _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: TurnClientUdpProtocol(self._server, *self._identity, 600, 500), remote_addr=self._server
        )
        self._protocol = cast(Any, protocol)
        try:
            self.address = await self._allocate()
        except BaseException:
            self._protocol.transport.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._protocol.delete()

    async def permission(self, peer: str) -> int:
        """200, or the relay's error code."""
        request = stun.Message(message_method=stun.Method.CREATE_PERMISSION, message_class=stun.Class.REQUEST)
        request.attributes["XOR-PEER-ADDRESS"] = (peer, 4000)
        try:
            await self._protocol.request_with_retry(request)
        except stun.TransactionFailed as refused:
            return int(refused.response.error_code or 0)
        return 200

    async def _allocate(self) -> tuple[str, int]:
        request = stun.Message(message_method=stun.Method.ALLOCATE, message_class=stun.Class.REQUEST)
        request.attributes["REQUESTED-TRANSPORT"] = 0x11000000
        if ipaddress.ip_address(self._server[0]).version == 6:
            request.attributes[_FAMILY] = 2
        response, _ = await self._protocol.request_with_retry(request)
        return cast(tuple[str, int], response.attributes["XOR-RELAYED-ADDRESS"])


@contextmanager
def wider_stun() -> Iterator[None]:
    """aioice with the attribute that asks for a relayed address in IPv6."""
    stun.ATTRIBUTES_BY_NAME[_FAMILY] = stun.ATTRIBUTES_BY_TYPE[_ENTRY[0]] = _ENTRY
    yield
    del stun.ATTRIBUTES_BY_NAME[_FAMILY], stun.ATTRIBUTES_BY_TYPE[_ENTRY[0]]
