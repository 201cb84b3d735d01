"""The one place where Numba is configured: compiled without the interpreter's lock, kept in the user's cache folder.

Numba keeps one index file per function and numbers the data files beside it, without a lock: two first runs at once
can leave the index of one with the data of the other. It also does not see that a function it inlined has changed, nor
that bounds checks were switched on. So fairpay names its cache folder after everything compiled code depends on, takes
a lock to write into it, and takes any trouble with the folder (read-only home, full disk) as "not cached". The SHA-256
of what was written stands beside it: code or an index with another is thrown away unread and compiled again.

Numba has no public way to say when its cache is read or written, so `_cache` of a dispatcher is exchanged here. Code is
loaded as Numba loads it, which first loads what compiles: a warm start takes 0.2 s of CPU time more for that.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import platform
import stat
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import llvmlite
import numba
from numba.core import config as numba_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["cache_folder", "compiling", "inlined", "jit", "told_of_compiling"]

F = TypeVar("F", bound="Callable[..., Any]")
LOCK_SECONDS = 10
LISTENERS: list[Callable[[], None]] = []
"""Who is told that a kernel is being compiled: that takes seconds, and happens once on a machine."""


def jit(function: F) -> F:
    """Compile on first call; `nogil`, cached on disk, no fastmath: the same integers on every machine."""
    compiled: Any = numba.njit(nogil=True)(function)
    folder = cache_folder()
    if folder is not None:
        keep_in(folder, compiled)
    kernel: F = compiled
    return kernel


def inlined(function: F) -> F:
    """Make a part of kernels: always compiled into its callers, never on its own, so nothing is kept on disk."""
    compiled: Any = numba.njit(nogil=True, forceinline=True)(function)
    part: F = compiled
    return part


def keep_in(folder: Path, compiled: Any) -> None:  # noqa: ANN401 - a Numba dispatcher
    """Cache a function in our folder, without moving the caches of anybody else's functions in this process."""
    config: Any = numba_config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        compiled.enable_caching()
        compiled._cache = Shared(compiled._cache, folder / ".lock")  # noqa: SLF001 - Numba has no other door to it
    except (AttributeError, OSError, RuntimeError):
        pass  # compiled in memory instead
    finally:
        config.CACHE_DIR = before


@cache
def cache_folder() -> Path | None:
    """Return the folder for this version of everything, made if need be; None where nothing can be written."""
    place = user_cache()
    folder = place / "fairpay" / fingerprint()
    try:
        place.mkdir(parents=True, exist_ok=True)
        for made in (folder.parent, folder):
            made.mkdir(mode=0o700, exist_ok=True)
        if not (is_ours(folder.parent) and is_ours(folder)):
            return None
    except (OSError, RuntimeError, ValueError):
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


def is_ours(folder: Path) -> bool:
    """Whether a folder, and no link to one, is ours alone to write: whoever can put files there runs code as us."""
    if sys.platform == "win32":
        return True  # a profile's folders are its owner's
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def user_cache() -> Path:
    """Return the user's cache folder, as each platform has it. FAIRPAY_CACHE_DIR names another."""
    stated = os.environ.get("FAIRPAY_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    if stated:
        return Path(stated)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or os.path.expanduser(r"~\AppData\Local"))  # noqa: PTH111 - no error without a home
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is no home
    return home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"


def fingerprint() -> str:
    """Name what compiled code depends on: the kernels' text, the compiler, the processor, the checks switched on."""
    from llvmlite import binding  # noqa: PLC0415 - used once

    text = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        text.update(source.name.encode())
        text.update(source.read_bytes())
    checks = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("NUMBA_")]
    parts = [sys.version, numba.__version__, llvmlite.__version__, platform.machine(), binding.get_host_cpu_name()]
    text.update("\0".join([*parts, *checks, str(Path(__file__).parent)]).encode())
    return text.hexdigest()[:24]


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Shared:
    """A function's cache on disk that several runs may use at once and that never stops one."""

    def __init__(self, inner: Any, lock: Path) -> None:  # noqa: ANN401 - Numba's own cache
        """Wrap Numba's cache of one function."""
        self.inner = inner
        self.lock = lock

    def load_overload(self, signature: Any, target: Any) -> Any:  # noqa: ANN401 - Numba's protocol
        """Return the compiled code, or None: compile it."""
        found = None
        with contextlib.suppress(Exception):
            if self.whole():
                found = self.inner.load_overload(signature, target)
        if found is None:
            compiling()
        return found

    def save_overload(self, signature: Any, compiled: Any) -> None:  # noqa: ANN401 - Numba's protocol
        """Keep the compiled code if the folder can be written and locked."""
        from filelock import FileLock  # noqa: PLC0415 - only when something was compiled

        with contextlib.suppress(Exception), FileLock(self.lock, timeout=LOCK_SECONDS):
            if not self.whole():  # Numba would read the index, and a damaged one would never be replaced
                for path in self.files():
                    path.unlink()
            self.inner.save_overload(signature, compiled)
            self.sums.write_text("".join(f"{digest_of(path)} {path.name}\n" for path in self.files()))

    @property
    def sums(self) -> Path:
        """Where the SHA-256 of this function's files stand."""
        return Path(self.inner._impl.locator.get_cache_path()) / f"{self.base}.sums"  # noqa: SLF001 - as above

    @property
    def base(self) -> str:
        """What the names of this function's files begin with."""
        return str(self.inner._impl.filename_base)  # noqa: SLF001 - as above

    def files(self) -> list[Path]:
        """The files of this function: Numba's index, and what it compiled."""
        return sorted(path for path in self.sums.parent.glob(f"{glob.escape(self.base)}.*") if path.suffix != ".sums")

    def whole(self) -> bool:
        """Whether the files are, to the last bit, those that were written; damaged code would end the process."""
        stated = self.sums.read_text() if self.sums.exists() else ""
        return stated == "".join(f"{digest_of(path)} {path.name}\n" for path in self.files())

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is Numba's
        """Leave the rest to Numba's cache."""
        return getattr(self.inner, name)


@contextlib.contextmanager
def told_of_compiling(listener: Callable[[], None]) -> Iterator[None]:
    """Tell somebody, on any thread, whenever a kernel is compiled meanwhile."""
    LISTENERS.append(listener)
    try:
        yield
    finally:
        LISTENERS.remove(listener)


def compiling() -> None:
    """Say that a kernel is about to be compiled."""
    for listener in tuple(LISTENERS):
        listener()
