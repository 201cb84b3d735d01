"""Files as streams of bytes, unpacked on the way."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fairpay.io.sources import LogFile

__all__ = ["head_of", "open_bytes", "packing_of"]

MAGIC = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst"}


def packing_of(path: str) -> str | None:
    """Return how a file is packed by its first bytes, whatever it is called; None: it is not."""
    with Path(path).open("rb") as raw:
        start = raw.read(4)
    return next((name for magic, name in MAGIC.items() if start.startswith(magic)), None)


def open_bytes(path: str) -> IO[bytes]:
    """Open a file, unpacked if it is packed."""
    packing = packing_of(path)
    if packing == "gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if packing == "zst":
        import pyarrow as pa  # noqa: PLC0415 - only needed here

        return cast("IO[bytes]", pa.CompressedInputStream(pa.OSFile(path, "rb"), "zstd"))
    return Path(path).open("rb")


def head_of(file: LogFile, size: int) -> bytes:
    """Return the first bytes of a file, unpacked."""
    with open_bytes(file.path) as stream:
        return stream.read(size)
