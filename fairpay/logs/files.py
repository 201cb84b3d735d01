"""What a file is and where it lies: its format by name or first bytes, its bytes unpacked; those of this machine.

What cannot be read where it lies (pipes, members of archives, other encodings) is copied, until the process ends.
"""

from __future__ import annotations

import atexit
import bz2
import errno
import glob
import gzip
import io
import lzma
import os
import shutil
import stat
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias, cast
from urllib.parse import unquote

from fairpay.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator
    from contextlib import AbstractContextManager

__all__ = [
    "DISK",
    "FORMATS",
    "WEB",
    "FileEntry",
    "Format",
    "LogFile",
    "Place",
    "copied_from",
    "format_of",
    "head_of",
    "hive_keys",
    "is_hidden",
    "known_as",
    "open_bytes",
    "packing_of",
    "place_of",
    "split_name",
    "spooled",
    "starting_with",
    "table_among",
    "table_in",
]

FileFormat: TypeAlias = Literal["csv", "parquet", "json", "xlsx"]
Format: TypeAlias = FileFormat | Literal["delta", "iceberg"]

FORMATS: dict[str, FileFormat] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".dat": "csv", ".log": "csv", ".inter": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".json": "json", ".jsonl": "json", ".ndjson": "json",
    ".xlsx": "xlsx", ".xlsm": "xlsx", ".xls": "xlsx", ".ods": "xlsx",
}  # fmt: skip
"""Extension -> format. To read another extension, add it here."""
PACKINGS = (".gz", ".zst", ".bz2", ".xz")
MAGIC = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
SKIPPABLE = b"\x2a\x4d\x18"
"""Ends the magic number of frames that a reader of zstd passes over; pzstd begins its files with one."""
WEB = ("http://", "https://")
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
SNIFFED = 64
PREFIX = "fairpay-read-"
CHUNK = 1 << 20

copies: dict[Hashable, Path] = {}
places: dict[str, str] = {}
numbers = count()
lock = Lock()
making: dict[Hashable, Lock] = {}
"""A lock for each copy, so that several may be made at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """One file of listening."""

    path: str
    """As it is called in messages and in the manifest."""
    format: Format
    size: int = 0
    """Bytes on disk; 0 where it is not on this machine."""
    hive: dict[str, str | None] = field(default_factory=dict, hash=False)
    """Keys and values of `key=value` folders."""
    remote: bool = False
    copy: str = ""
    """Where its bytes lie, if not at `path`: of a pipe, or a member of an archive."""
    person: str = ""
    """Whose export it is, by its folder."""
    home: str = ""
    """Where that folder is; empty where one person may have several."""
    sought: bool = True
    """Whether it was named; else it was found in a folder, an archive or by a pattern."""

    @property
    def local(self) -> str:
        """Where its bytes lie."""
        return self.copy or self.path

    @property
    def name(self) -> str:
        """Its name without folders."""
        return Path(self.path).name

    @property
    def stem(self) -> str:
        """The name without folders and known extensions: the user of a personal export."""
        return split_name(self.name)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """Something that lies somewhere."""

    address: str
    folder: bool = False
    size: int = 0
    """In bytes; 0 for a folder."""
    pipe: bool = False
    table: Format | None = None
    """What kind of table of a lake it is, all of it one log."""

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.address.rpartition("/")[2]

    @property
    def many(self) -> bool:
        """Whether it stands for the logs within: a folder, or an archive, but none that a web server has."""
        return self.folder or (self.name.lower().endswith(".zip") and not self.address.startswith(WEB))


class Place:
    """Where files lie: the disk, an object store, a web server, which tells least."""

    far = True
    """Whether it is another machine."""

    def has(self, address: str) -> bool:
        """Whether anything is called so, whoever may look at it.

        Raises:
            UsageError: it is a pattern, and nothing tells what it means.

        """
        raise NotImplementedError

    def look(self, address: str) -> FileEntry:
        """Say what is called so.

        Raises:
            InputError: there is nothing, or it cannot be read.

        """
        return FileEntry(address=address)

    def matches(self, pattern: str) -> Iterator[FileEntry]:  # noqa: ARG002 - for those that can list
        """Yield what a pattern means, in the order of the names."""
        return iter(())

    def below(self, folder: str) -> Iterator[FileEntry]:  # noqa: ARG002 - likewise
        """Yield what lies in a folder at any depth, but hidden files; a table of a lake is one entry.

        Raises:
            InputError: a folder cannot be listed: a log left out would be a wrong payout.

        """
        return iter(())

    def start(self, address: str, size: int) -> bytes | None:  # noqa: ARG002 - likewise
        """Return the first bytes; None where only the whole can be read."""
        return None

    def copied(self, address: str) -> str:
        """Have the whole on this machine, copied once for each time that it was written."""
        return address

    def rooted(self, address: str) -> str:  # noqa: ARG002 - likewise
        """Write an address as a path from the root, by which people are told; empty where it tells nothing of them."""
        return ""


def split_name(name: str) -> tuple[str, str]:
    """Split `alice.json.gz` into `alice` and `.json`; an extension that is not known is part of the name."""
    stem, last = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
    if last.lower() in PACKINGS:
        stem, last = os.path.splitext(stem)  # noqa: PTH122 - likewise
    return (stem, last.lower()) if last.lower() in FORMATS else (stem + last, "")


def format_of(name: str) -> Format | None:
    """Tell a format by a file's name."""
    return "iceberg" if name.endswith(".metadata.json") else FORMATS.get(split_name(name)[1])


def starting_with(place: Place, address: str) -> Format | None:
    """Tell a format by the first bytes of a file, unpacked; None where they do not say."""
    start = place.start(address, SNIFFED)
    if start is None or packed_as(start) is not None:
        try:
            with open_bytes(place.copied(address)) as stream:
                start = stream.read(SNIFFED)
        except (OSError, EOFError, ValueError):
            return None
    if start.startswith(b"PAR1"):
        return "parquet"
    return "json" if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"{", b"["} else None


def is_hidden(name: str) -> bool:
    """Whether a file or folder is no log by its name, such as _SUCCESS, or ~$log.xlsx of a workbook that is open."""
    return name.startswith((".", "_", "~$"))


def hive_keys(path: str) -> dict[str, str | None]:
    """Read the `key=value` folders of a path."""
    pairs = [part.split("=", 1) for part in path.replace(os.sep, "/").split("/")[:-1] if "=" in part]
    return {key: None if value == NULL_PARTITION else unquote(value) for key, value in pairs if key}


def table_among(names: Iterable[str]) -> Literal["delta", "iceberg"] | None:
    """Tell a table of Delta Lake or Iceberg by the names of what lies in its folder and the folders there."""
    some = tuple(names)
    if any(name.startswith("_delta_log/") for name in some):
        return "delta"
    iceberg = any(name.startswith("metadata/") and name.endswith(".metadata.json") for name in some)
    return "iceberg" if iceberg else None


def packing_of(path: str) -> str | None:
    """Return how a file is packed by its first bytes, whatever it is called; None: it is not."""
    with Path(path).open("rb") as raw:
        return packed_as(raw.read(6))


def packed_as(start: bytes) -> str | None:
    if start[1:4] == SKIPPABLE and start[:1] and start[0] >> 4 == 0x5:  # noqa: PLR2004 - 0x50 to 0x5f
        return "zst"
    return next((name for magic, name in MAGIC.items() if start.startswith(magic)), None)


def open_bytes(path: str) -> IO[bytes]:
    """Open a file, unpacked if it is packed."""
    packing = packing_of(path)
    if packing == "zst":
        import pyarrow as pa  # noqa: PLC0415 - Python 3.11 has no zstd of its own

        packed = pa.CompressedInputStream(pa.OSFile(path, "rb"), "zstd")
        return io.BufferedReader(packed, 1 << 20)  # PyArrow's own streams give no lines
    if packing is None:
        return Path(path).open("rb")
    openers: dict[str, Any] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
    return cast("IO[bytes]", openers[packing](path, "rb"))


def head_of(file: LogFile, size: int) -> bytes:
    """Return the first bytes of a file, unpacked."""
    with open_bytes(file.local) as stream:
        return stream.read(size)


class Disk(Place):
    far = False

    def has(self, address: str) -> bool:
        return "\0" not in address and os.path.lexists(address)

    def look(self, address: str) -> FileEntry:
        try:
            found = os.stat(address)  # noqa: PTH116 - there may be ten thousand
            if stat.S_ISDIR(found.st_mode):
                return FileEntry(address=address, folder=True)
            if not os.access(address, os.R_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except ValueError as error:
            message = f"{address!r}: no file can be called so"
            raise InputError(message) from error
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not os.path.splitext(address)[1]:  # noqa: PTH122 - as it was given
                message = f"{address}: there is no such file or directory"
                raise InputError(message) from error
            raise unreadable(address, error) from error
        pipe = stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode)
        if stat.S_ISCHR(found.st_mode) and not os.path.samefile(address, os.devnull):  # noqa: PTH121 - may be /dev/fd/63
            pipe = True
        return FileEntry(address=address, size=found.st_size, pipe=pipe)

    def matches(self, pattern: str) -> Iterator[FileEntry]:
        named = Path(pattern).parts
        for match in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - keeps the form in which the user wrote it
            if any(part.startswith("_") and part not in named for part in Path(match).parts):
                continue
            entry = self.look(match)
            if entry.many or not is_hidden(Path(match).name):
                yield entry

    def below(self, folder: str) -> Iterator[FileEntry]:
        yield from descend(folder, frozenset())

    def rooted(self, address: str) -> str:
        return os.path.abspath(address)  # noqa: PTH100 - as it was given


DISK = Disk()


def descend(folder: str, above: frozenset[tuple[int, int]]) -> Iterator[FileEntry]:
    """Yield what lies in a folder that is not among those above: a link may lead back to where it stands."""
    try:
        status = os.stat(folder)  # noqa: PTH116 - there may be ten thousand
        entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        raise unreadable(folder, error) from error
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    if {"_delta_log", "metadata"} & {entry.name for entry in entries} and (kind := table_in(folder)) is not None:
        yield FileEntry(address=folder, folder=True, table=kind)
        return
    for entry in entries:
        if is_hidden(entry.name):
            continue
        if entry.is_dir():
            yield from descend(entry.path, above | {here})
        else:
            yield FileEntry(address=entry.path)


def table_in(folder: str) -> Literal["delta", "iceberg"] | None:
    """Tell a folder that is a table of Delta Lake or Iceberg. One that may not be entered is refused when read."""
    with suppress(PermissionError):
        if Path(folder, "_delta_log").is_dir():
            return "delta"
        return table_among(f"metadata/{path.name}" for path in Path(folder, "metadata").glob("*.metadata.json"))
    return None


def unreadable(path: str, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be read: {(error.strerror or 'unknown fault').lower()}")


def spooled(key: Hashable, name: str, blocks: Callable[[], Iterable[bytes]]) -> str:
    """Return where the copy of that key lies, made of its blocks the first time it is asked for.

    Raises:
        OutputError: there is no room for it.

    """
    with lock:
        mine = making.setdefault(key, Lock())
        folder = temporary_folder()
    with mine:
        if key not in copies:
            path = folder / f"{next(numbers)}-{Path(name).name[-80:] or 'log'}"
            failed = f"{name}: could not be copied to {folder.parent} to be read"
            try:
                with room_for(failed):
                    path.touch(exist_ok=False)
                for block in blocks():
                    with room_for(failed), path.open("ab") as out:
                        out.write(block)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            copies[key] = path
        return str(copies[key])


def copied_from(key: Hashable, name: str, opening: Callable[[], AbstractContextManager[IO[bytes]]]) -> str:
    """Return where the copy of that key lies, made of the stream that `opening` opens.

    Raises:
        OutputError: there is no room for it.

    """

    def blocks() -> Iterator[bytes]:
        with opening() as stream:
            yield from iter(lambda: stream.read(CHUNK), b"")

    return spooled(key, name, blocks)


def known_as(name: str, path: str) -> str:
    """Remember where the bytes lie of what is called so in messages and in the manifest."""
    places[name] = path
    return path


def place_of(name: str) -> str:
    """Return where the bytes of a file lie, by what it is called."""
    return places.get(name, name)


@cache
def temporary_folder() -> Path:
    """Make a folder that only this user can read."""
    with room_for(f"{tempfile.gettempdir()}: no temporary folder can be made there"):
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@contextmanager
def room_for(failed: str) -> Iterator[None]:
    """Say so where something cannot be written."""
    try:
        yield
    except OSError as error:
        message = f"{failed}: {error.strerror}"
        raise OutputError(message, advice="Name a folder with more room in the variable TMPDIR.") from error
