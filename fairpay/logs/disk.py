"""Files on this machine: what is called so, what a pattern means, what lies in a folder."""

from __future__ import annotations

import errno
import glob
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fairpay.errors import InputError
from fairpay.logs.files import FileEntry, Place, is_hidden, table_among

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DISK", "table_in"]


class Disk(Place):
    """The file systems of this machine."""

    far = False

    def has(self, address: str) -> bool:
        """Whether anything is called so."""
        return "\0" not in address and os.path.lexists(address)

    def look(self, address: str) -> FileEntry:
        """Say what is called so."""
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
        """Yield what a pattern means, by name; hidden files only where it names them."""
        named = Path(pattern).parts
        for match in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - keeps the form in which the user wrote it
            if any(part.startswith("_") and part not in named for part in Path(match).parts):
                continue
            entry = self.look(match)
            if entry.many or not is_hidden(Path(match).name):
                yield entry

    def below(self, folder: str) -> Iterator[FileEntry]:
        """Yield what lies in a folder at any depth, through links."""
        yield from descend(folder, frozenset())

    def rooted(self, address: str) -> str:
        """Write a path from the root."""
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
    """Say why the system does not read something."""
    return InputError(f"{path}: cannot be read: {(error.strerror or 'unknown fault').lower()}")
