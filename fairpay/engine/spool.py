"""What does not fit in memory: arrays in one temporary file, and the ledger that says when."""

from __future__ import annotations

import ctypes
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fairpay.errors import OutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.settings.values import Running

__all__ = ["Kept", "Spool", "Stored", "bytes_of"]

FALLBACK = 2**31
"""Bytes to hold where the machine does not say what it has free."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An array in the spool's file."""

    offset: int
    shape: tuple[int, ...]
    kind: np.dtype[Any]


Kept: TypeAlias = "NDArray[Any] | Stored"
"""An array, in memory or in the file."""


def bytes_of(kept: Kept) -> int:
    """Return the bytes of memory an array holds."""
    return 0 if isinstance(kept, Stored) else kept.nbytes


class Spool:
    """A ledger of bytes held, and the file that takes what is too much.

    The file has no name from the moment it is opened (on Windows: it goes when it is closed), so nothing stays behind,
    whatever ends the run, and there is nothing to clean up after one that was killed.
    """

    def __init__(self, running: Running) -> None:
        """Take the limit from the settings, else half of what is free.

        A quarter of what is stated is left to what is not entered here: the batches being decoded, and the libraries.
        """
        self.limit = free_memory() // 2 if running.memory is None else running.memory * 3 // 4
        self.folder = running.temp_dir
        self.held = 0
        self.file: IO[bytes] | None = None
        self.end = 0
        self.lock = Lock()

    def charge(self, count: int) -> bool:
        """Enter bytes held more (or less, where negative); return whether it is too much now."""
        with self.lock:
            self.held += count
            return self.held > self.limit

    def store(self, kept: Kept) -> Stored:
        """Move an array to the file.

        Raises:
            OutputError: the disk is full, or the folder cannot be written.

        """
        if isinstance(kept, Stored):
            return kept
        flat = np.ascontiguousarray(kept)
        view = flat.reshape(-1).view(np.uint8).data
        with self.lock:
            try:
                offset = self.write(view)
            except OSError as cause:
                where = self.folder or tempfile.gettempdir()
                message = f"temporary data could not be written to {where}: {cause.strerror}"
                advice = "Make room there, name another folder with --temp-dir, or allow more with --memory."
                raise OutputError(message, advice=advice) from cause
            self.held -= flat.nbytes
        return Stored(offset, flat.shape, flat.dtype)

    def write(self, view: memoryview) -> int:
        """Append bytes; return where they begin."""
        if self.file is None:
            self.file = tempfile.TemporaryFile(prefix="fairpay-", dir=self.folder, buffering=0)  # noqa: SIM115 - closed by `close`
        self.file.seek(self.end)
        done = 0
        while done < len(view):
            done += self.file.write(view[done:])
        offset, self.end = self.end, self.end + done
        return offset

    def load(self, kept: Kept) -> NDArray[Any]:
        """Return an array, from memory or from the file."""
        if not isinstance(kept, Stored):
            return kept
        with self.lock:
            assert self.file is not None
            self.file.seek(kept.offset)
            array: NDArray[Any] = np.fromfile(self.file, dtype=kept.kind, count=prod(kept.shape))
        if array.size < prod(kept.shape):
            message = "temporary data has become shorter than it was written"
            raise OutputError(message, advice="Leave the temporary folder alone during a run.")
        return array.reshape(kept.shape)

    def give_back(self) -> None:
        """Give memory that was let go of back to the system, where rows were moved: small arrays leave it in pieces.

        What comes next are large arrays, which could not use the pieces; and not all of them are entered here, so that
        those that are may take a third less. Only the GNU library has a call for giving back.
        """
        if self.file is not None:
            self.limit = self.limit * 2 // 3
            with suppress(AttributeError, OSError):
                ctypes.CDLL(None).malloc_trim(0)

    def close(self) -> None:
        """Let go of the file."""
        if self.file is not None:
            self.file.close()
            self.file = None


def free_memory() -> int:
    """Return the bytes this process may still take: of the machine, or of its control group where that is less."""
    found = [*machine_memory(), *group_memory()]
    return min(found) if found else 2 * FALLBACK


def machine_memory() -> list[int]:
    """Ask Linux, else any POSIX system; nothing where neither answers."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            return [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    except OSError:
        pass
    try:
        return [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, OSError, ValueError):
        return []


def group_memory() -> list[int]:
    """Ask the control group, where a container has a limit."""
    folder = Path("/sys/fs/cgroup")
    try:
        most, used = ((folder / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return []
    return [max(0, int(most) - int(used))] if most.isdigit() else []
