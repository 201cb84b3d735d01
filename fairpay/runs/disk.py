"""The one module that changes the file system for a run's outputs, one small operation at a time.

Every operation announces itself to `before`, which does nothing. Tests put a fault there: the N-th operation fails as
a full or a broken disk would make it fail, for N = 1, 2, ... until a run succeeds.
"""

from __future__ import annotations

import ctypes
import errno
import io
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from _typeshed import ReadableBuffer

__all__ = [
    "exchange",
    "make_directory",
    "open_new",
    "remove_file",
    "remove_tree",
    "rename",
    "replacing",
    "sync",
    "sync_directory",
]

BUFFER_BYTES = 1 << 20
AT_CWD = -100
RENAME_EXCHANGE = 2
CANNOT_EXCHANGE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}
CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP}


def before(operation: str, path: Path) -> None:
    """Take note of an operation on a path before it is done; tests replace this to let it fail."""


class NewFile(io.FileIO):
    """A file that does not exist yet; each write to the disk is announced."""

    def __init__(self, path: Path) -> None:
        """Create the file."""
        before("create", path)
        super().__init__(path, "xb")
        self.path = path

    def write(self, data: ReadableBuffer, /) -> int:
        """Write as much as the disk takes at once."""
        before("write", self.path)
        return super().write(data)


@contextmanager
def open_new(path: Path) -> Iterator[BinaryIO]:
    """Open a new file for writing; everything written has reached the system when the context ends."""
    with io.BufferedWriter(NewFile(path), BUFFER_BYTES) as file:
        yield file


def make_directory(path: Path) -> None:
    """Make a directory whose parent is there."""
    before("mkdir", path)
    path.mkdir()


def sync(path: Path) -> None:
    """Have a file's content on the disk before going on."""
    before("sync", path)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Have a directory's entries on the disk before going on; some file systems do not offer it, and lose nothing."""
    try:
        sync(path)
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise


def rename(path: Path, target: Path) -> None:
    """Give a file or directory another name on the same file system; a file or an empty directory there is replaced."""
    before("rename", path)
    path.replace(target)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lend a name beside `path`; what is written there becomes `path` at the end, once it is on the disk, or goes."""
    made = path.with_name(f".{path.name}.fairpay-{secrets.token_hex(4)}.tmp")
    try:
        yield made
        sync(made)
        rename(made, path)
    finally:
        with suppress(OSError, ValueError):
            made.unlink(missing_ok=True)


def exchange(path: Path, other: Path) -> bool:
    """Let two names change places in one step; False where the system cannot (only Linux can)."""
    before("exchange", path)
    try:
        system = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    if system(AT_CWD, os.fsencode(path), AT_CWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in CANNOT_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number), str(path))


def remove_file(path: Path) -> None:
    """Remove a file, if it is there."""
    before("remove", path)
    path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a file, or a directory and all in it, if it is there."""
    before("remove", path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
