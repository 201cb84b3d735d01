"""Publishing a run: at every moment there is no run at its directory, or a whole one that verifies."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

from fairpay.errors import DifferentRunError, InputError, LockedError, OutputError
from fairpay.runs import disk
from fairpay.runs.inputs import hash_file
from fairpay.runs.manifest import MANIFEST, manifest_stands, read_manifest, seal
from fairpay.runs.outputs import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from filelock import BaseFileLock

__all__ = ["Target", "damage", "fault_of"]

Writer: TypeAlias = "Callable[[Path], int | None]"
Status: TypeAlias = Literal["done", "already"]


class Target:
    """The directory a run will be published to, held from before the work until after it.

    Beside the directory `out` stand, while they are needed: `.out.fairpay-lock`, which the kernel lets go when the
    process dies; `.out.fairpay-XXXX.tmp` with the files being written; `.out.fairpay-old`, the run that is being
    replaced where the system cannot exchange two directories in one step. Entering cleans up after killed runs.
    """

    def __init__(self, directory: Path, *, force: bool = False, threads: int = 1) -> None:
        """Remember the directory; `force` lets another finished run there be replaced, `threads` write the files."""
        self.given = directory
        try:
            self.directory = directory.resolve()
            mounted = self.directory.is_mount()
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL, a folder one may not enter
            message = f"{directory} could not be written: {getattr(error, 'strerror', None) or error}"
            raise OutputError(message, advice="Give another directory; nothing was read or written.") from error
        if mounted:
            message = f"{directory} could not be written: a file system is mounted there, which cannot be exchanged"
            raise OutputError(message, advice="Give a directory inside it; nothing was read or written.")
        self.force = force
        self.threads = threads
        self.prefix = f".{self.directory.name}.fairpay-"
        self.lock: BaseFileLock | None = None

    def beside(self, name: str) -> Path:
        """Name something beside the directory."""
        return self.directory.with_name(self.prefix + name)

    def __enter__(self) -> Self:
        """Take the lock, clean up after killed runs, and refuse early what cannot end well.

        Raises:
            LockedError: another run holds the directory.
            OutputError: the place cannot be written to, or holds something that is not a run.

        """
        try:
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            self.take_lock()
            self.recover()
            standing_run(self.directory, self.given)
        except OSError as error:
            self.let_go()
            raise self.unwritable(error) from error
        except BaseException:
            self.let_go()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the directory go."""
        self.let_go()

    def take_lock(self) -> None:
        """Take the lock without waiting."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - loaded where it is used

        self.lock = FileLock(self.beside("lock"), blocking=False)  # known before it is taken: a signal may come between
        try:
            self.beside("lock").touch()  # where nothing can be written, filelock would speak of another run
            self.lock.acquire()
        except Timeout:
            self.lock = None
            message = f"another run is writing to {self.given}"
            raise LockedError(message, advice="Wait for it to end, or give another directory.") from None

    def let_go(self) -> None:
        """Remove the lock file while it is still held, then release it."""
        if self.lock is None:
            return
        try:
            with suppress(OSError):  # where a signal came before it was taken, somebody else may have it
                self.lock.acquire()
                disk.remove_file(self.beside("lock"))
        except BaseException:  # a signal came here; no second one does
            if self.lock.is_locked:
                self.beside("lock").unlink(missing_ok=True)
            raise
        finally:
            self.lock.release(force=True)
            self.lock = None

    def recover(self) -> None:
        """Put right what a killed run left: bring back a run set aside, remove what was not finished."""
        old = self.beside("old")
        if old.is_dir() and not self.directory.exists():
            disk.rename(old, self.directory)
        for path in self.directory.parent.iterdir():
            if path.name.startswith(self.prefix) and path != self.beside("lock"):
                disk.remove_tree(path)

    def publish(self, *, files: Mapping[str, Writer], manifest: Mapping[str, Any], fingerprint: str) -> Status:
        """Write every file, then the manifest, and put the directory in its place.

        `files` maps names to what writes them; a writer may return the rows it wrote. A run with the same
        fingerprint that is there already and whole is left as it is: then nothing is written, and it is `already`.

        Raises:
            DifferentRunError: another finished run is there, and `force` is not given.
            OutputError: something could not be written. What was there before is untouched.

        """
        standing = standing_run(self.directory, self.given)
        if standing is not None:
            broken = damage(self.directory, standing)
            if standing["fingerprint"] == fingerprint and not broken:
                return "already"
            if not self.force:
                raise self.different(same=standing["fingerprint"] == fingerprint, broken=broken)
        try:
            self.write(files, {**manifest, "fingerprint": fingerprint}, replacing=standing is not None)
        except OSError as error:
            raise self.unwritable(error) from error
        return "done"

    def write(self, writers: Mapping[str, Writer], manifest: Mapping[str, Any], *, replacing: bool) -> None:
        """Write to a directory beside the target and rename it; remove it whatever happens."""
        made = self.beside(f"{secrets.token_hex(4)}.tmp")
        try:
            disk.make_directory(made)
            outputs = list(write_each(writers, made, self.threads))
            write_json(seal({**manifest, "outputs": outputs}), made / MANIFEST)
            disk.sync(made / MANIFEST)
            disk.sync_directory(made)
            if replacing:
                self.replace(made)
            else:
                disk.rename(made, self.directory)
            disk.sync_directory(self.directory.parent)
        finally:
            with suppress(OSError):
                disk.remove_tree(made)

    def replace(self, made: Path) -> None:
        """Put a new run where another is; the old one ends up at `made` or is removed."""
        if disk.exchange(made, self.directory):
            return
        old = self.beside("old")
        disk.rename(self.directory, old)
        try:
            disk.rename(made, self.directory)
        except BaseException:
            disk.rename(old, self.directory)
            raise
        with suppress(OSError):
            disk.remove_tree(old)

    def different(self, *, same: bool, broken: list[str]) -> DifferentRunError:
        """Say what is there instead."""
        if same:
            message = f"{self.given} holds this run, but not as it was written: {'; '.join(broken)}"
        else:
            message = f"{self.given} holds another finished run"
        return DifferentRunError(message, advice="Replace it with --force, or give another directory.")

    def unwritable(self, error: OSError) -> OutputError:
        """Say what could not be written and why."""
        message = f"{self.given} could not be written: {error.strerror or error}"
        return OutputError(message, advice="Nothing half-written is left.")


def write_each(writers: Mapping[str, Writer], made: Path, threads: int = 1) -> Iterator[dict[str, Any]]:
    """Write each file, have it on the disk, and tell what the manifest says of it, in the order of the files."""

    def one(name: str) -> dict[str, Any]:
        path = made / name
        rows = writers[name](path)
        disk.sync(path)
        size, digest = hash_file(path)
        return {"name": name, "size": size, "sha256": digest, **({} if rows is None else {"rows": rows})}

    if threads == 1:
        yield from map(one, writers)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(one, writers)


def standing_run(directory: Path, given: Path) -> dict[str, Any] | None:
    """Return the manifest of the run that is there, whole or damaged; None where nothing or an empty directory is.

    Raises:
        OutputError: when something is there that fairpay did not write; it is not touched, not even with --force.
        OSError: when the directory cannot be looked into.

    """
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return None
    strange, manifest = "is a file", None
    if directory.is_dir():
        present = {path.name for path in directory.iterdir()}
        strange = f"is not empty and not a run: it holds {min(present)}"
        with suppress(InputError):
            manifest = read_manifest(directory)
            extra = sorted(present - {str(output.get("name")) for output in manifest["outputs"]} - {MANIFEST})
            strange = f"holds {len(extra)} that no run wrote: {extra[0]}" if extra else ""
    if strange:
        message = f"{given} {strange}"
        raise OutputError(message, advice="Nothing was touched. Give a directory that is new, empty or a run.")
    return manifest


def damage(directory: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Tell what is no longer as it was written: `comparison.csv was changed`. Empty for a whole run."""
    broken = [] if manifest_stands(directory, manifest) else [f"{MANIFEST} was changed"]
    faults = ((output["name"], fault_of(directory, output)[1]) for output in manifest["outputs"])
    return [*broken, *(f"{name} {fault}" for name, fault in faults if fault)]


def fault_of(directory: Path, output: Mapping[str, Any]) -> tuple[str, str]:
    """Hash an output again; return what it is now, and what is wrong with it: empty for nothing."""
    path = directory / output["name"]
    try:
        if not path.is_file():
            return "", "is gone" if not path.exists() else "is no file"
        size, digest = hash_file(path)
    except OSError as error:
        return "", f"cannot be read ({error.strerror})"
    told = f"{size:,} bytes, sha256 {digest[:12]}..."
    return told, "" if (size, digest) == (output["size"], output["sha256"]) else "was changed"
