"""The files a run reads: what each is read as, what its rows take from its place, and its hash, made meanwhile."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from fairpay.errors import InputError
from fairpay.logs.files import place_of
from fairpay.reports.outcome import InputFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from _typeshed import ReadableBuffer

    from fairpay.logs.files import LogFile
    from fairpay.settings.values import Reading

__all__ = ["LOGS", "HashSink", "HashedInputs", "InputHasher", "hash_file", "log_inputs", "read_plain"]

LOGS = "logs"


@dataclass(frozen=True, slots=True)
class HashedInputs:
    """The inputs of a run, hashed beside the work that reads them."""

    inputs: tuple[InputFile, ...]
    hasher: InputHasher

    @classmethod
    def begin(cls, inputs: Sequence[InputFile]) -> Self:
        """Note how the files stand now, and begin to hash them; each once, also where it is read as two things."""
        hasher = InputHasher([one.path for one in inputs])
        hasher.start()
        return cls(tuple(inputs), hasher)

    def records(self) -> list[dict[str, Any]]:
        """Wait, and return `role`, `name`, `size` and `sha256` of each input, and `known_as` where it has one.

        Raises:
            InputError: when a file cannot be read, or changed meanwhile.

        """
        found = {str(one["name"]): one for one in self.hasher.join()}
        return [
            {"role": one.role, **found[one.path], **({"known_as": one.known_as} if one.known_as else {})}
            for one in self.inputs
        ]


def log_inputs(
    files: Iterable[LogFile], reading: Reading, role: str = LOGS, *, versions: Mapping[str, str] = MappingProxyType({})
) -> list[InputFile]:
    """Return log files as inputs, in their order; `versions` are those of tables of a lake, which have no hash."""
    return [
        InputFile(role, file.path, "/".join(filter(None, (known_as(file, reading), versions.get(file.path)))))
        for file in files
    ]


def known_as(file: LogFile, reading: Reading) -> str:
    """Write what a file's rows take from its place, the same for the same rows; empty where they take nothing."""
    keys = ((quoted(key), value) for key, value in sorted(file.hive.items()))
    parts = [key if value is None else f"{key}={quoted(value)}" for key, value in keys]
    whose = [quoted(file.stem)] if reading.user_from_file else [quoted(file.person)] if reading.user_from_folder else []
    return "/".join([*parts, *whose])


def quoted(name: str) -> str:
    """Write a name, which need not be UTF-8, in characters that are safe anywhere."""
    return quote(os.fsencode(name), safe="")


CHUNK_BYTES = 1 << 20


class InputHasher:
    """Hashes input files in a thread, and tells whether one changed while it was used."""

    def __init__(self, paths: Sequence[str | Path]) -> None:
        """Remember the files; each is hashed once, however often it is named."""
        self.names = list(dict.fromkeys(str(path) for path in paths))
        self.records: list[dict[str, Any]] = []
        self.marks: dict[str, tuple[int, ...]] = {}
        self.problem: InputError | None = None
        self.stopped = Event()
        self.thread = Thread(target=self.work, name="input hashes", daemon=True)

    def start(self) -> None:
        """Note how the files stand now, and begin to hash them."""
        try:
            self.marks = {name: mark for name in self.names if (mark := mark_of(name)) is not None}
        except OSError as error:
            self.problem = unreadable(error)
        self.thread.start()

    def stop(self) -> None:
        """Give up: nobody will ask for the hashes."""
        self.stopped.set()

    def join(self) -> list[dict[str, Any]]:
        """Wait for the hashes and return `name`, `size` and `sha256` of each file, in order.

        What is no plain file on this machine (`s3://...`, a pipe) is not hashed: its sha256 and size are None.

        Raises:
            InputError: when a file cannot be read, or is not the one it was when hashing began.

        """
        self.thread.join()
        if self.problem:
            raise self.problem
        for name, mark in self.marks.items():
            if not stands(name, mark):
                raise changed(name)
        return self.records

    def work(self) -> None:
        """Hash one file after another."""
        try:
            for name in () if self.problem else self.names:
                size, digest = hash_file(Path(place_of(name)), self.stopped) if name in self.marks else (None, None)
                self.records.append({"name": name, "size": size, "sha256": digest})
        except OSError as error:
            self.problem = unreadable(error)


class HashSink(io.RawIOBase):
    """A file that keeps nothing but the SHA-256 of what is written to it."""

    def __init__(self, begin: bytes) -> None:
        """Begin with some bytes."""
        self.digest = hashlib.sha256(begin)

    def writable(self) -> bool:
        """It can be written."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Take some bytes."""
        view = memoryview(data)
        self.digest.update(view)
        return view.nbytes

    def hexdigest(self) -> str:
        """Return the hash so far."""
        return self.digest.hexdigest()


def read_plain(path: Path) -> bytes:
    """Read a plain file; a pipe or a device in its place is not waited for.

    Raises:
        OSError: when it cannot be read, or is no plain file.

    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return path.read_bytes()


def hash_file(path: Path, stopped: Event | None = None) -> tuple[int, str]:
    """Return size and SHA-256 of a file.

    Raises:
        OSError: when it cannot be read.

    """
    digest, size = hashlib.sha256(), 0
    buffer = memoryview(bytearray(CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        while (count := file.readinto(buffer)) and not (stopped and stopped.is_set()):
            digest.update(buffer[:count])
            size += count
    return size, digest.hexdigest()


def mark_of(name: str) -> tuple[int, ...] | None:
    """Return what changes when a file is written to; None for what is no plain file here.

    Raises:
        OSError: when there is nothing of that name.

    """
    if "://" in name:
        return None
    status = os.stat(place_of(name))  # noqa: PTH116 - a name as it was given, not a path to work with
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def stands(name: str, mark: tuple[int, ...]) -> bool:
    """Tell whether a file is as it was marked."""
    try:
        return mark_of(name) == mark
    except OSError:
        return False


def unreadable(error: OSError) -> InputError:
    """Say which file cannot be read."""
    return InputError(f"{error.filename} cannot be read: {error.strerror}")


def changed(name: str) -> InputError:
    """Say that a file is not what it was."""
    advice = "Run again when nothing writes to it. Nothing was written."
    return InputError(f"{name} changed while it was read", advice=advice)
