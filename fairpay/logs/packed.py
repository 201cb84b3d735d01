"""Files as streams of bytes, unpacked on the way."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fairpay.logs.find import LogFile

__all__ = ["head_of", "open_bytes", "packing_of"]

MAGIC = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
SKIPPABLE = b"\x2a\x4d\x18"
"""Ends the magic number of frames that a reader of zstd passes over; pzstd begins its files with one."""


def packing_of(path: str) -> str | None:
    """Return how a file is packed by its first bytes, whatever it is called; None: it is not."""
    with Path(path).open("rb") as raw:
        return packed_as(raw.read(6))


def packed_as(start: bytes) -> str | None:
    """Tell the same by the first bytes."""
    if start[1:4] == SKIPPABLE and start[:1] and start[0] >> 4 == 0x5:  # noqa: PLR2004 - 0x50 to 0x5f
        return "zst"
    return next((name for magic, name in MAGIC.items() if start.startswith(magic)), None)


def open_bytes(path: str) -> IO[bytes]:
    """Open a file, unpacked if it is packed."""
    packing = packing_of(path)
    if packing == "gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if packing == "zst":
        import pyarrow as pa  # noqa: PLC0415 - Python 3.11 has no zstd of its own

        return cast("IO[bytes]", pa.CompressedInputStream(pa.OSFile(path, "rb"), "zstd"))
    if packing == "bz2":
        return cast("IO[bytes]", bz2.open(path, "rb"))
    if packing == "xz":
        return cast("IO[bytes]", lzma.open(path, "rb"))
    return Path(path).open("rb")


def head_of(file: LogFile, size: int) -> bytes:
    """Return the first bytes of a file, unpacked."""
    with open_bytes(file.local) as stream:
        return stream.read(size)
