"""From what the user names to a list of log files, and of what was passed over on the way."""

from __future__ import annotations

import errno
import glob
import os
import stat
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import unquote

from fairpay.errors import InputError
from fairpay.logs.people import person_at, person_in
from fairpay.logs.spool import copy, known_as, spooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from zipfile import ZipInfo

    from fairpay.settings.values import Reading

__all__ = ["Format", "Found", "LogFile", "Packing", "find_logs", "log_file"]

FileFormat: TypeAlias = Literal["csv", "parquet", "json", "xlsx"]
Format: TypeAlias = FileFormat | Literal["delta", "iceberg"]
Packing: TypeAlias = Literal["gz", "zst", "bz2", "xz"]

FORMATS: dict[str, FileFormat] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".dat": "csv", ".log": "csv", ".inter": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".json": "json", ".jsonl": "json", ".ndjson": "json",
    ".xlsx": "xlsx", ".xlsm": "xlsx", ".xls": "xlsx", ".ods": "xlsx",
}  # fmt: skip
"""Extension -> format. To read another extension, add it here."""
PACKINGS: dict[str, Packing] = {".gz": "gz", ".zst": "zst", ".bz2": "bz2", ".xz": "xz"}
REMOTE = ("s3://", "s3a://", "gs://", "https://", "http://", "az://", "abfss://", "hf://")
IGNORED = frozenset({"manifest.json", "summary.json"})
"""What a run of fairpay leaves in its directory, which may be among the logs."""
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
STANDARD_INPUT = "-"
SNIFFED = 64
MOST_BYTES = 1 << 38
"""An archive that unpacks to more is refused."""
FREE_BYTES, MOST_TIMES = 100_000_000, 200
"""And so is one that unpacks to more than this and to more than so many times its size."""
DEEPEST = 3
"""In how many archives an archive may lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """One file of listening."""

    path: str
    """As it is called in messages and in the manifest."""
    format: Format
    packing: Packing | None = None
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


@dataclass(slots=True)
class Found:
    """What the user's words stand for."""

    files: list[LogFile] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    """Files that are no logs by their names."""


def split_name(name: str) -> tuple[str, str, Packing | None]:
    """Split `alice.json.gz` into `alice`, `.json` and `gz`."""
    stem, last = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
    packing = PACKINGS.get(last.lower())
    if packing is not None:
        stem, last = os.path.splitext(stem)  # noqa: PTH122 - likewise
    return (stem, last.lower(), packing) if last.lower() in FORMATS else (stem + last, "", packing)


def log_file(path: str, reading: Reading, hive: dict[str, str | None] | None = None) -> LogFile:
    """Tell a file's format: as it was told, else by its extension, else by its first bytes.

    Raises:
        InputError: the file is not there or cannot be read, or nothing says what it is.

    """
    if path == STANDARD_INPUT:
        return piped("standard input", reading, sys.stdin.buffer)
    if path.startswith(REMOTE):
        from fairpay.logs.remote import remote_file  # noqa: PLC0415 - only for addresses

        return remote_file(path, reading)
    _, extension, packing = split_name(Path(path).name)
    kind: Format | None = reading.format or ("iceberg" if path.endswith(".metadata.json") else FORMATS.get(extension))
    mode, size = status_of(path)
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or (stat.S_ISCHR(mode) and not os.path.samefile(path, os.devnull)):  # noqa: PTH121 - may be /dev/fd/63
        with Path(path).open("rb") as stream:
            return piped(path, reading, stream)
    kind = kind or sniffed(path)
    if kind is None:
        raise unknown(path)
    return LogFile(path=path, format=kind, packing=packing, size=size, hive=hive or {})


def status_of(path: str) -> tuple[int, int]:
    """Return mode and size of a file that can be read.

    Raises:
        InputError: it is not there, or cannot be read.

    """
    try:
        found = os.stat(path)  # noqa: PTH116 - there may be ten thousand
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except ValueError as error:
        message = f"{path!r}: no file can be called so"
        raise InputError(message) from error
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not os.path.splitext(path)[1]:  # noqa: PTH122 - a name as it was given
            message = f"{path}: there is no such file or directory"
        else:
            message = f"{path}: cannot be read: {(error.strerror or 'unknown fault').lower()}"
        raise InputError(message) from error
    return found.st_mode, found.st_size


def piped(name: str, reading: Reading, stream: IO[bytes]) -> LogFile:
    """Copy what comes through a pipe, which can be read only once, and tell what it is."""
    key = ("pipe", name, os.fstat(stream.fileno()).st_ino) if name != "standard input" else ("pipe", name)
    path = str(known_as(name, spooled(key, name, lambda out: copy(stream, out))))
    kind = reading.format or sniffed(path) or "csv"
    return LogFile(path=name, format=kind, size=Path(path).stat().st_size, copy=path)


def sniffed(path: str) -> Format | None:
    """Tell a format by the first bytes of a file, unpacked; None where they do not say."""
    from fairpay.logs.packed import open_bytes  # noqa: PLC0415 - only where a name says nothing

    try:
        with open_bytes(path) as stream:
            start = stream.read(SNIFFED).removeprefix(b"\xef\xbb\xbf").lstrip()
    except (OSError, EOFError, ValueError):
        return None
    return told_by(start)


def told_by(start: bytes) -> Format | None:
    """Tell a format by the first bytes; None where they do not say."""
    if start.startswith(b"PAR1"):
        return "parquet"
    return "json" if start[:1] in {b"{", b"["} else None


def unknown(path: str) -> InputError:
    """Say that nothing tells what a file is."""
    return InputError(f"{path}: nothing says what kind of log this is", advice="Give --format csv, parquet or json.")


def find_logs(paths: Sequence[str], reading: Reading) -> Found:
    """Find every file meant by paths, globs, directories and addresses; each once, in the order named.

    Raises:
        InputError: nothing found, not readable, or the formats differ; late files may be of another than the month's.

    """
    found = Found()
    each: dict[str, LogFile] = {}
    kinds: dict[int, dict[Format, str]] = {}
    alone = len(paths) == 1
    told = {extension_of(path) for path in paths if path not in reading.late}
    for path in paths:
        own = FORMATS.get(extension_of(path)) if path in reading.late and extension_of(path) not in told else None
        for file in expand(path, replace(reading, format=own) if own else reading, found, alone=alone):
            each.setdefault(file.local if file.remote else os.path.realpath(file.local), file)
            kinds.setdefault(reading.late.get(path, 0), {}).setdefault(file.format, file.path)
    found.files.extend(each.values())
    if not found.files:
        message = (
            f"{', '.join(paths[:3])}: no log was found there; passed over: {', '.join(found.passed[:5]) or 'nothing'}"
        )
        advice = "Give --format csv, parquet or json if the names do not say what they are."
        if any("youtube" in name.lower() and name.lower().endswith(".html") for name in found.passed):
            advice = "Ask Google Takeout for the history as JSON rather than as HTML."
        raise InputError(message, advice=advice)
    if any(file.remote for file in found.files):
        from fairpay.logs.remote import check_addresses  # noqa: PLC0415 - only for addresses

        check_addresses(found.files)
    if any(file.format == "parquet" for file in found.files):
        from fairpay.logs.lakes import refuse_parts  # noqa: PLC0415 - for Parquet only

        refuse_parts(found.files)
    unlike = next((several for several in kinds.values() if len(several) > 1), None)
    if unlike and not (reading.user_from_folder or reading.user_from_file):
        some = ", ".join(f"{kind}: {path}" for kind, path in sorted(unlike.items()))
        message = f"the logs are of {len(unlike)} formats ({some})"
        raise InputError(message, advice="Read logs of one format at a time, or choose one with --format.")
    return found


def extension_of(path: str) -> str:
    """Return the extension of a path that says its format, or nothing."""
    return split_name(Path(path).name)[1]


def expand(path: str, reading: Reading, found: Found, *, alone: bool) -> Iterable[LogFile]:
    """Find the files one argument stands for."""
    if path == STANDARD_INPUT:
        return [log_file(path, reading)]
    if path.startswith(REMOTE):
        from fairpay.logs.remote import expand_remote  # noqa: PLC0415 - only for addresses

        return expand_remote(path, reading, found, alone=alone)
    if holds_logs(path):
        return within(path, reading, found, alone=alone)
    if exists(path) or not glob.has_magic(path):
        return [owned(log_file(path, reading, hive_keys(path)))]
    matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - keeps the form in which the user wrote it
    named = Path(path).parts
    matches = [m for m in matches if not any(p.startswith("_") and p not in named for p in Path(m).parts)]
    files = [file for match in matches for file in matched(match, reading, found)]
    if not files:
        message = f"{path}: no file matches"
        raise InputError(message, advice="Check the pattern; quote it, so that the shell leaves it alone.")
    return files


def exists(path: str) -> bool:
    """Whether there is something of that name, whoever may look at it."""
    return os.path.lexists(path) if "\0" not in path else False


def holds_logs(path: str) -> bool:
    """Whether a path stands for the logs within: a directory, or an archive."""
    return os.path.isdir(path) or (path.lower().endswith(".zip") and os.path.isfile(path))  # noqa: PTH112, PTH113 - may hold a NUL


def matched(path: str, reading: Reading, found: Found) -> Iterable[LogFile]:
    """Take one match of a pattern: a directory stands for the logs within."""
    if holds_logs(path):
        return within(path, reading, found, alone=False)
    if Path(path).name.startswith((".", "_")):
        return []
    return [replace(owned(log_file(path, reading, hive_keys(path))), sought=False)]


def owned(file: LogFile) -> LogFile:
    """Say whose a file is that was named itself."""
    person, home = ("", "") if file.copy else person_at(file.path)
    return replace(file, person=person, home=home)


def within(path: str, reading: Reading, found: Found, *, alone: bool) -> Iterable[LogFile]:
    """Find the logs in a directory or an archive."""
    if os.path.isdir(path):  # noqa: PTH112 - as it was given
        from fairpay.logs.lakes import table_in  # noqa: PLC0415 - the tables that lie in folders

        kind = table_in(path)
        if kind is not None:
            return [LogFile(path=path, format=kind)]
        walked = list(walk(path, path, reading, found, frozenset()))
        each = alone
    else:
        walked = list(unzip(path, reading, found))
        tops = {Path(os.path.relpath(file.path, path)).parts[0] for file in walked}
        each = alone and len(tops) > 1  # else the one folder in it is the service's
    climb = not alone or os.path.isdir(path)  # noqa: PTH112 - as it was given
    whose = [person_in(os.path.relpath(file.path, path), path, alone=each, climb=climb) for file in walked]
    return [
        replace(file, person=person, home=home, sought=False)
        for file, (person, home) in zip(walked, whose, strict=True)
    ]


def walk(
    folder: str, root: str, reading: Reading, found: Found, above: frozenset[tuple[int, int]]
) -> Iterator[LogFile]:
    """Find the logs in a directory and below, through links, leaving out hidden ones, `_SUCCESS` and the like.

    Raises:
        InputError: a folder that cannot be listed: a log left out would be a wrong payout.

    """
    try:
        status = os.stat(folder)  # noqa: PTH116 - there may be ten thousand
        entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        message = f"{folder}: cannot be read: {(error.strerror or 'unknown fault').lower()}"
        raise InputError(message) from error
    here = (status.st_dev, status.st_ino)
    if here in above:
        return  # a link back to where it stands
    if folder != root and {"_delta_log", "metadata"} & {entry.name for entry in entries}:
        from fairpay.logs.lakes import table_in  # noqa: PLC0415 - the same

        kind = table_in(folder)
        if kind is not None:
            yield LogFile(path=folder, format=kind)
            return
    for entry in entries:
        if entry.name.startswith((".", "_")) or entry.name in IGNORED:
            continue
        if entry.is_dir():
            yield from walk(entry.path, root, reading, found, above | {here})
        elif entry.name.lower().endswith(".zip"):
            yield from unzip(entry.path, reading, found)
        elif wanted(entry.name, reading, lambda entry=entry: sniffed(entry.path)):  # type: ignore[misc] # bound here
            yield log_file(entry.path, reading, hive_keys(entry.path))
        else:
            found.passed.append(entry.path)


def wanted(name: str, reading: Reading, sniff: Callable[[], Format | None]) -> bool:
    """Whether a file found in a folder is a log by its name; where the format is told, also without an extension."""
    kind = FORMATS.get(split_name(name)[1])
    if kind is None:
        plain = "." not in split_name(name)[0].lstrip(".") or name.rpartition(".")[2].isdigit()
        return reading.format is not None or (plain and sniff() is not None)
    return reading.format in {None, kind}


def unzip(path: str, reading: Reading, found: Found, within: str = "", depth: int = 0) -> Iterator[LogFile]:
    """Find the logs in an archive, as services send them, and in the archives in it.

    Args:
        path: what it is called.
        reading: how to read.
        found: what is passed over.
        within: where its bytes lie, if not at `path`.
        depth: in how many other archives it lies.

    Raises:
        InputError: it is damaged, locked by a password, or made to fill the disk.

    """
    import zipfile  # noqa: PLC0415 - only for archives
    import zlib  # noqa: PLC0415 - the same

    local = within or path
    size = status_of(local)[1]
    try:
        with zipfile.ZipFile(local) as archive:
            chosen = [member for member in archive.infolist() if is_member(member, path, reading, found)]
            check_bomb(sum(member.file_size for member in chosen), size, path, depth)
            for member in sorted(chosen, key=lambda one: one.filename):
                name = member.filename
                with archive.open(member) as stream:
                    key = ("zip", os.path.realpath(local), size, name)
                    copied = spooled(key, name, lambda out, stream=stream: copy(stream, out))  # type: ignore[misc] # bound here
                if name.lower().endswith(".zip"):
                    yield from unzip(f"{path}/{name}", reading, found, str(copied), depth + 1)
                    continue
                _, extension, packing = split_name(Path(name).name)
                yield LogFile(
                    path=f"{path}/{name}",
                    format=FORMATS[extension],
                    packing=packing,
                    size=member.file_size,
                    hive=hive_keys(name),
                    copy=str(known_as(f"{path}/{name}", copied)),
                )
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        locked = "password" in str(error) or "encrypt" in str(error)
        message = f"{path}: the archive {'is locked by a password' if locked else f'cannot be read: {error}'}"
        raise InputError(message, advice="Unpack it, and give the folder.") from error


def is_member(member: ZipInfo, path: str, reading: Reading, found: Found) -> bool:
    """Whether a member of an archive is a log or an archive by its name; note it if it is neither."""
    name = member.filename
    hidden = any(part.startswith((".", "_")) for part in name.split("/"))
    if member.is_dir() or hidden or Path(name).name in IGNORED:
        return False
    kind = FORMATS.get(split_name(Path(name).name)[1])
    if name.lower().endswith(".zip") or (kind is not None and reading.format in {None, kind}):
        return True
    found.passed.append(f"{path}/{name}")
    return False


def check_bomb(unpacked: int, size: int, path: str, depth: int) -> None:
    """Refuse an archive whose members say that they unpack to absurdly much, or that lies too deep in others.

    Raises:
        InputError: with the figures.

    """
    if depth > DEEPEST:
        message = f"{path}: the archive lies in {depth} others"
        raise InputError(message, advice="Unpack it, and give the folder.")
    if unpacked > MOST_BYTES or (unpacked > FREE_BYTES and unpacked > MOST_TIMES * size):
        message = f"{path}: the archive of {size:,} bytes unpacks to {unpacked:,}, which no log does"
        raise InputError(message, advice="If it is one all the same, unpack it, and give the folder.")


def hive_keys(path: str) -> dict[str, str | None]:
    """Read the `key=value` folders of a path."""
    pairs = [part.split("=", 1) for part in path.replace(os.sep, "/").split("/")[:-1] if "=" in part]
    return {key: None if value == NULL_PARTITION else unquote(value) for key, value in pairs if key}
