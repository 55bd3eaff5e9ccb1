"""A zip that somebody uploaded: looked through before anything is unpacked, and never unpacked to a path it names.

The end record is read first, for a directory can be all that a zip consists of. What is refused and why: PKWARE's
APPNOTE 4.3; the overlapping bomb is David Fifield's (2019).
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import IO, Final

from tenancy.errors import InvalidImport

MAX_ENTRIES: Final = 5_000
MAX_DIRECTORY_BYTES: Final = 2 << 20
MAX_UNPACKED_BYTES: Final = 2 << 30
MAX_RATIO: Final = 50
RATIO_FROM_BYTES: Final = 64 << 20
_END: Final = struct.Struct("<4s4H2LH")
_LOCAL_BYTES: Final = 30


class Archive:
    """The files of a zip by their names. Raises InvalidImport."""

    def __init__(self, file: IO[bytes]) -> None:
        directory_at = _checked_end(file)
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, UnicodeDecodeError, RuntimeError):
            raise InvalidImport("The zip cannot be read.") from None
        self._entries: dict[str, zipfile.ZipInfo] = {}
        unpacked = packed = 0
        end_of_last = 0
        for entry in sorted(self._zip.infolist(), key=lambda entry: entry.header_offset):
            if entry.header_offset < end_of_last:
                raise InvalidImport("Files in the zip overlap.")
            end_of_last = entry.header_offset + _LOCAL_BYTES + entry.compress_size
            if entry.is_dir():
                continue
            self._entries[_checked_name(entry)] = entry
            unpacked += entry.file_size
            packed += entry.compress_size
        if end_of_last > directory_at:
            raise InvalidImport("Files in the zip overlap.")
        if unpacked > MAX_UNPACKED_BYTES or (unpacked > RATIO_FROM_BYTES and unpacked > MAX_RATIO * packed):
            raise InvalidImport("The zip unpacks to more than models do.")

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._entries

    def read(self, name: str, most: int) -> bytes:
        """A file, no longer than `most` bytes. Raises InvalidImport, KeyError."""
        entry = self._entries[_plain(name)]
        if entry.file_size > most:
            raise InvalidImport(f"{entry.filename} is larger than {most >> 20} MB.")
        try:
            with self._zip.open(entry) as packed:
                content = packed.read(most + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError, RuntimeError):
            raise InvalidImport(f"{entry.filename} cannot be unpacked.") from None
        if len(content) > most:
            raise InvalidImport(f"{entry.filename} is larger than {most >> 20} MB.")
        return content


def _checked_end(file: IO[bytes]) -> int:
    """Where the directory begins, by the end record."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_536 - _END.size))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise InvalidImport("The file is no zip.")
    _, disk, _, _, entries, directory_bytes, directory_at, _ = _END.unpack_from(tail, at)
    if disk or entries > MAX_ENTRIES or directory_bytes > MAX_DIRECTORY_BYTES:
        raise InvalidImport(f"The zip has more than {MAX_ENTRIES} files, or parts elsewhere.")
    if directory_at + directory_bytes > size:
        raise InvalidImport("The zip is cut off.")
    file.seek(0)
    return int(directory_at)


def _checked_name(entry: zipfile.ZipInfo) -> str:
    """The name under which a row finds it. A name that leads elsewhere has no business in a zip of models."""
    name = entry.filename
    path = PurePosixPath(name)
    if not name.isprintable() or "\\" in name or ":" in name or path.is_absolute() or ".." in path.parts:
        raise InvalidImport("The zip names a file outside of itself.")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise InvalidImport(f"{name[:100]} in the zip is no plain file.")
    if entry.flag_bits & 1:
        raise InvalidImport(f"{name[:100]} in the zip is encrypted.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InvalidImport(f"{name[:100]} is packed in a way that is not read here; use deflate.")
    return _plain(name)


def _plain(name: str) -> str:
    return name.strip().removeprefix("./").casefold()
