"""Copies of what cannot be read where it lies: pipes, members of archives, other encodings; gone with the process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING

from fairpay.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from contextlib import AbstractContextManager

__all__ = ["copied_from", "known_as", "place_of", "spooled"]

PREFIX = "fairpay-read-"
CHUNK = 1 << 20
ROOM = "Name a folder with more room in the variable TMPDIR."

copies: dict[Hashable, Path] = {}
places: dict[str, str] = {}
numbers = count()
lock = Lock()
making: dict[Hashable, Lock] = {}
"""A lock for each copy, so that several may be made at a time."""


def spooled(key: Hashable, name: str, write: Callable[[IO[bytes]], None]) -> Path:
    """Return the copy of that key, made by `write` the first time it is asked for.

    Raises:
        OutputError: there is no room for it.

    """
    with lock:
        mine = making.setdefault(key, Lock())
        folder = temporary_folder()
    with mine:
        if key not in copies:
            path = folder / f"{next(numbers)}-{Path(name).name[-80:] or 'log'}"
            try:
                with path.open("xb") as out:
                    write(out)
            except BaseException as error:
                path.unlink(missing_ok=True)
                if not isinstance(error, OSError) or Path(str(error.filename or path)) != path:
                    raise
                message = f"{name}: could not be copied to {folder.parent} to be read: {error.strerror}"
                raise OutputError(message, advice=ROOM) from error
            copies[key] = path
        return copies[key]


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
    parent = tempfile.gettempdir()
    try:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as error:
        message = f"{parent}: no temporary folder can be made there: {error.strerror}"
        raise OutputError(message, advice=ROOM) from error
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def copied_from(key: Hashable, name: str, opening: Callable[[], AbstractContextManager[IO[bytes]]]) -> str:
    """Return where the copy of that key lies, made of the stream that `opening` opens.

    Raises:
        OutputError: there is no room for it.

    """

    def write(out: IO[bytes]) -> None:
        with opening() as stream:
            shutil.copyfileobj(stream, out, CHUNK)

    return str(spooled(key, name, write))
