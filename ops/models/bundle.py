"""Write a MediaPipe task bundle: an uncompressed zip whose members MediaPipe maps in place."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

# MediaPipe asks for 4; 16 keeps the constants inside the models aligned as well.
_ALIGNMENT = 16
_LOCAL_HEADER_BYTES = 30
_EPOCH = (1980, 1, 1, 0, 0, 0)


def task_bundle(members: Mapping[str, bytes]) -> bytes:
    """The bytes of a `.task` file; the same members in the same order give the same bytes."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            # Fixed, so that neither the builder's system nor its umask shows in the bytes.
            info.create_system = 3
            info.external_attr = 0o644 << 16
            info.extra = _padding(output.tell() + _LOCAL_HEADER_BYTES + len(name.encode()))
            archive.writestr(info, content)
    return output.getvalue()


def _padding(start: int) -> bytes:
    """An extra field that moves the member's data from `start` to the next aligned offset."""
    gap = -start % _ALIGNMENT
    if gap == 0:
        return b""
    if gap < 4:
        gap += _ALIGNMENT
    # Header 0xd935 is Android zipalign's alignment field; readers skip what they do not know.
    return b"\x35\xd9" + (gap - 4).to_bytes(2, "little") + bytes(gap - 4)
