"""The files a run reads: what each is read as, what its rows take from its place, and its hash, made meanwhile."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fairpay.errors import InputError
from fairpay.logs.files import place_of
from fairpay.reports.outcome import InputFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from _typeshed import ReadableBuffer

    from fairpay.logs.files import LogFile
    from fairpay.settings.values import Reading

__all__ = ["LOGS", "HashSink", "HashedInputs", "hash_file", "log_inputs", "read_plain"]

LOGS = "logs"


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


class HashedInputs:
    """The inputs of a run, hashed in a thread beside the work that reads them; each once, whatever it is read as."""

    def __init__(self, inputs: Sequence[InputFile]) -> None:
        """Note how the files stand now, and begin to hash them."""
        self.inputs = inputs
        self.hashes: dict[str, dict[str, Any]] = {}
        self.marks: dict[str, tuple[int, ...]] = {}
        self.problem: InputError | None = None
        try:
            self.marks = {one.path: mark for one in inputs if (mark := mark_of(one.path)) is not None}
        except OSError as error:
            self.problem = unreadable(error)
        self.thread = Thread(target=self.work, name="input hashes", daemon=True)
        self.thread.start()

    def work(self) -> None:
        """Hash one file after another."""
        try:
            for name in () if self.problem else dict.fromkeys(one.path for one in self.inputs):
                size, digest = hash_file(Path(place_of(name))) if name in self.marks else (None, None)
                self.hashes[name] = {"name": name, "size": size, "sha256": digest}
        except OSError as error:
            self.problem = unreadable(error)

    def records(self) -> list[dict[str, Any]]:
        """Wait, and return `role`, `name`, `size` and `sha256` of each input, and `known_as` where it has one.

        What is no plain file on this machine (`s3://...`, a pipe) is not hashed: its sha256 and size are None.

        Raises:
            InputError: when a file cannot be read, or is not the one it was when hashing began.

        """
        self.thread.join()
        if self.problem:
            raise self.problem
        for name, mark in self.marks.items():
            if not stands(name, mark):
                message = f"{name} changed while it was read"
                raise InputError(message, advice="Run again when nothing writes to it. Nothing was written.")
        return [
            {"role": one.role, **self.hashes[one.path], **({"known_as": one.known_as} if one.known_as else {})}
            for one in self.inputs
        ]


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


def hash_file(path: Path) -> tuple[int, str]:
    """Return size and SHA-256 of a file.

    Raises:
        OSError: when it cannot be read.

    """
    with path.open("rb", buffering=0) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


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
