"""The socket on which HTTP is served, bound before anything else starts, so that a taken port is found at once."""

from __future__ import annotations

import errno
import socket
from typing import ClassVar


class CannotListen(Exception):
    """The address cannot be had; the message says why and what to do."""

    code: ClassVar[str] = "cannot-listen"


class PortTaken(CannotListen):
    """Another program listens there."""

    code: ClassVar[str] = "port-taken"


def bound_socket(host: str, port: int) -> socket.socket:
    """A TCP socket bound to `host` and `port` (0: any free one) that does not listen yet.

    The supervisor keeps it and hands it to the web process: until that listens, connections are refused, and
    a web process that is started anew takes over the same socket. Raises PortTaken or CannotListen.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise CannotListen(f"{host} is no address to listen on: {error.strerror}") from None
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a former run's connections may linger
        listener.bind(address)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} is taken by another program") from None
        raise CannotListen(f"cannot listen on {host}, port {port}: {error.strerror}") from None
    return listener
