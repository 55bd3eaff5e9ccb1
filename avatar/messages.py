"""What goes between a worker and the process that computes for it: a head in JSON and parts as they are, over pipes."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

_LENGTHS = struct.Struct(">II")  # of the head, of all parts together
MOST_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class Message:
    """`head` says what it is; `parts` are files by name."""

    head: Mapping[str, Any]
    parts: Mapping[str, bytes] = field(default_factory=dict)

    def packed(self) -> bytes:
        """As bytes."""
        lengths = [[name, len(content)] for name, content in self.parts.items()]
        head = json.dumps({"head": self.head, "parts": lengths}).encode()
        body = b"".join(self.parts.values())
        return _LENGTHS.pack(len(head), len(body)) + head + body


def _unpacked(head: bytes, body: bytes) -> Message:
    told, at = json.loads(head), 0
    parts: dict[str, bytes] = {}
    for name, length in told["parts"]:
        parts[name] = body[at : at + length]
        at += length
    return Message(told["head"], parts)


def read(pipe: BinaryIO) -> Message | None:
    """The next message, None at the end of the pipe. Waits."""
    start = pipe.read(_LENGTHS.size)
    if len(start) < _LENGTHS.size:
        return None
    head_length, body_length = _LENGTHS.unpack(start)
    head, body = pipe.read(head_length), pipe.read(body_length)
    return _unpacked(head, body) if len(body) == body_length else None


async def receive(pipe: asyncio.StreamReader, most_bytes: int = MOST_BYTES) -> Message:
    """The next message. Raises EOFError when the other end is gone, or sends what no message of ours can be."""
    head_length, body_length = _LENGTHS.unpack(await pipe.readexactly(_LENGTHS.size))
    if head_length + body_length > most_bytes:
        raise EOFError("that is no message")
    return _unpacked(await pipe.readexactly(head_length), await pipe.readexactly(body_length))
