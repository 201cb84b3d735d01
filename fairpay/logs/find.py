"""From what the user names to a list of log files, and of what was passed over on the way."""

from __future__ import annotations

import glob
import os
import sys
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from fairpay.errors import InputError, UsageError
from fairpay.logs.faults import reading_of
from fairpay.logs.files import (
    DISK,
    FORMATS,
    WEB,
    FileEntry,
    LogFile,
    copied_from,
    format_of,
    hive_keys,
    is_hidden,
    known_as,
    split_name,
    starting_with,
    table_among,
    table_in,
)
from fairpay.logs.people import person_at, person_in
from fairpay.logs.stores import names_within, settled, shown, store_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from zipfile import ZipInfo

    from fairpay.logs.files import Format, Place
    from fairpay.settings.values import Reading

__all__ = ["find_logs", "log_file"]

REMOTE = ("s3://", "s3a://", "gs://", "https://", "http://", "az://", "abfss://", "hf://")
IGNORED = frozenset({"manifest.json", "summary.json"})
"""What a run of fairpay leaves in its directory, which may be among the logs."""
STANDARD_INPUT = "-"
MOST_BYTES = 1 << 38
"""An archive that unpacks to more is refused."""
FREE_BYTES, MOST_TIMES = 100_000_000, 200
"""And so is one that unpacks to more than this and to more than so many times its size."""
DEEPEST = 3
"""In how many archives an archive may lie."""


def place_of(path: str) -> tuple[Place, str]:
    return (store_of(path), settled(path)) if path.startswith(REMOTE) else (DISK, path)


def log_file(path: str, reading: Reading) -> LogFile:
    """Tell a file's format: as it was told, else by its name, else by its first bytes.

    Raises:
        InputError: the file is not there or cannot be read, or nothing says what it is.

    """
    if path == STANDARD_INPUT:
        return piped("standard input", reading, sys.stdin.buffer)
    place, path = place_of(path)
    return file_at(place, place.look(path), reading)


def file_at(place: Place, entry: FileEntry, reading: Reading) -> LogFile:
    path = shown(entry.address) if place.far else entry.address
    if entry.pipe:
        with Path(path).open("rb") as stream:
            return piped(path, reading, stream)
    kind = reading.format or format_of(path.rpartition("/")[2]) or starting_with(place, entry.address)
    if kind is None:
        message = f"{path}: nothing says what kind of log this is"
        raise InputError(
            message, advice="fairpay reads CSV, Parquet, JSON and XLSX: give --format if it is one of them."
        )
    away = "" if path == entry.address else entry.address
    return LogFile(path=path, format=kind, size=entry.size, hive=hive_keys(path), remote=place.far, copy=away)


def piped(name: str, reading: Reading, stream: IO[bytes]) -> LogFile:
    """Copy what comes through a pipe, which can be read only once, and tell what it is."""
    key = ("pipe", name, os.fstat(stream.fileno()).st_ino) if name != "standard input" else ("pipe", name)
    with reading_of(name):
        path = known_as(name, copied_from(key, name, lambda: nullcontext(stream)))
    kind = reading.format or starting_with(DISK, path) or "csv"
    return LogFile(path=name, format=kind, size=Path(path).stat().st_size, copy=path)


def find_logs(paths: Sequence[str], reading: Reading) -> tuple[list[LogFile], list[str]]:
    """Find every file meant by paths, globs, directories and addresses; each once, in the order named.

    Beside them, return those passed over, which are no logs by their names.

    Raises:
        InputError: nothing found, not readable, or the formats differ; late files may be of another than the month's.

    """
    passed: list[str] = []
    each: dict[str, LogFile] = {}
    kinds: dict[int, dict[Format, str]] = {}
    told = {extension_of(path) for path in paths if path not in reading.late}
    for path in paths:
        own = FORMATS.get(extension_of(path)) if path in reading.late and extension_of(path) not in told else None
        walk = Walk(replace(reading, format=own) if own else reading, passed)
        for file in walk.expand(path, alone=len(paths) == 1):
            each.setdefault(file.local if file.remote else os.path.realpath(file.local), file)
            kinds.setdefault(reading.late.get(path, 0), {}).setdefault(file.format, file.path)
    if not each:
        message = f"{', '.join(paths[:3])}: no log was found there; passed over: {', '.join(passed[:5]) or 'nothing'}"
        advice = "Give --format csv, parquet or json if the names do not say what they are."
        if any("youtube" in name.lower() and name.lower().endswith(".html") for name in passed):
            advice = "Ask Google Takeout for the history as JSON rather than as HTML."
        raise InputError(message, advice=advice)
    check_addresses(each.values())
    check_parts(each.values())
    unlike = next((several for several in kinds.values() if len(several) > 1), None)
    if unlike and not (reading.user_from_folder or reading.user_from_file):
        some = ", ".join(f"{kind}: {path}" for kind, path in sorted(unlike.items()))
        message = f"the logs are of {len(unlike)} formats ({some})"
        raise InputError(message, advice="Read logs of one format at a time, or choose one with --format.")
    return list(each.values()), passed


def check_addresses(files: Iterable[LogFile]) -> None:
    """Refuse addresses that look the same in messages and in the manifest, where no query is shown."""
    counts = Counter(file.path for file in files if file.remote)
    twice = [path for path, count in counts.items() if count > 1]
    if twice:
        message = f"{twice[0]}: {counts[twice[0]]} addresses differ only in what follows the question mark"
        raise UsageError(message, advice="Fetch the files first, and give them names of their own.")


def check_parts(files: Iterable[LogFile]) -> None:
    """Refuse files that are parts of a table of a lake: alone they may hold rows that are deleted, or lack some."""
    seen: dict[str, bool] = {}
    for file in files:
        if file.format != "parquet" or file.local != file.path:
            continue
        folder = file.path.rpartition("/")[0]
        while "=" in folder.rpartition("/")[2]:
            folder = folder.rpartition("/")[0]
        outer, _, name = folder.rpartition("/")
        for table in (folder, outer) if name == "data" else (folder,):
            if table not in seen:
                seen[table] = is_table(table or ".", remote=file.remote)
            if seen[table]:
                message = f"{file.path}: this file is part of the table {table}, and may hold rows that were deleted"
                raise InputError(message, advice=f"Give the table: {table}")


def is_table(folder: str, *, remote: bool) -> bool:
    if not remote:
        return table_in(folder) is not None
    if folder.endswith(":/") or folder.startswith(WEB):
        return False
    inner = [f"{folder}/{name}" for name in ("_delta_log", "metadata")]
    try:
        names = [name for one in inner for name in names_within(one, remote=True)]
    except InputError:
        return False  # who may read an object may not always list
    return table_among(name.removeprefix(f"{folder}/") for name in names) is not None


def extension_of(path: str) -> str:
    return split_name(Path(path).name)[1]


@dataclass(frozen=True, slots=True)
class Walk:
    """Finds the files that one argument stands for."""

    reading: Reading
    passed: list[str]
    """Takes the files that are no logs by their names."""

    def expand(self, path: str, *, alone: bool) -> Iterable[LogFile]:
        if path == STANDARD_INPUT:
            return [log_file(path, self.reading)]
        place, path = place_of(path)
        if place.has(path) or not glob.has_magic(path):
            entry = place.look(path)
            return self.within(place, entry, alone=alone) if entry.many else [self.owned(place, entry)]
        files: list[LogFile] = []
        for match in place.matches(path):
            if match.many:
                files += self.within(place, match, alone=False)
            else:
                files.append(replace(self.owned(place, match), sought=False))
        if not files:
            message = f"{path}: no {'object' if place.far else 'file'} matches"
            raise InputError(message, advice="Check the pattern; quote it, so that the shell leaves it alone.")
        return files

    def owned(self, place: Place, entry: FileEntry) -> LogFile:
        file = file_at(place, entry, self.reading)
        person, home = ("", "") if file.copy else person_at(place.rooted(file.path))
        return replace(file, person=person, home=home)

    def within(self, place: Place, top: FileEntry, *, alone: bool) -> list[LogFile]:
        files = list(self.walk(place, top) if top.folder else self.unzip(place, top.address))
        if [file.path for file in files] == [top.address]:
            return files  # a table of a lake
        inner = [file.path[len(top.address) :].lstrip("/") for file in files]
        climb = top.folder or not alone
        if not top.folder:
            alone = alone and len({path.split("/")[0] for path in inner}) > 1  # the one folder in it is the service's
        root = place.rooted(top.address)
        whose = [person_in(path, root, alone=alone, climb=climb) for path in inner]
        return [
            replace(file, person=who, home=home, sought=False) for file, (who, home) in zip(files, whose, strict=True)
        ]

    def walk(self, place: Place, top: FileEntry) -> Iterator[LogFile]:
        for entry in place.below(top.address):
            if entry.table is not None:
                yield LogFile(path=entry.address, format=entry.table, remote=place.far)
            elif entry.name in IGNORED:
                continue
            elif entry.many:
                yield from self.unzip(place, entry.address)
            elif self.is_wanted(place, entry):
                yield file_at(place, entry if place.far else place.look(entry.address), self.reading)
            else:
                self.passed.append(entry.address)

    def is_wanted(self, place: Place, entry: FileEntry) -> bool:
        """Whether a file is a log by its name; where the format is told, also without an extension."""
        stem, extension = split_name(entry.name)
        told = self.reading.format
        if extension:
            return told in {None, FORMATS[extension]}
        plain = "." not in stem.lstrip(".") or entry.name.rpartition(".")[2].isdigit()
        return told is not None or (plain and starting_with(place, entry.address) is not None)

    def unzip(self, place: Place, path: str, *, inner: str = "", depth: int = 0) -> Iterator[LogFile]:
        """Find the logs in an archive, as services send them, and in the archives in it.

        Args:
            place: where it lies.
            path: what it is called.
            inner: where its bytes are, of an archive within another.
            depth: in how many other archives it lies.

        """
        import zipfile  # noqa: PLC0415 - only for archives
        import zlib  # noqa: PLC0415 - the same

        local = inner or place.copied(path)
        size = DISK.look(local).size
        try:
            with zipfile.ZipFile(local) as archive:
                chosen = [member for member in archive.infolist() if self.is_member(member, path)]
                check_bomb(sum(member.file_size for member in chosen), size, path, depth)
                for member in sorted(chosen, key=lambda one: one.filename):
                    name, called = member.filename, f"{path}/{member.filename}"
                    key = ("zip", os.path.realpath(local), size, name)
                    copied = copied_from(key, name, partial(archive.open, member))
                    if name.lower().endswith(".zip"):
                        yield from self.unzip(place, called, inner=copied, depth=depth + 1)
                        continue
                    kind = FORMATS[extension_of(name)]
                    known_as(called, copied)
                    yield LogFile(path=called, format=kind, size=member.file_size, hive=hive_keys(name), copy=copied)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
            locked = "password" in str(error) or "encrypt" in str(error)
            message = f"{path}: the archive {'is locked by a password' if locked else f'cannot be read: {error}'}"
            raise InputError(message, advice="Unpack it, and give the folder.") from error

    def is_member(self, member: ZipInfo, path: str) -> bool:
        """Whether a member of an archive is a log or an archive by its name; note it if it is neither."""
        name = member.filename
        if member.is_dir() or any(is_hidden(part) for part in name.split("/")) or Path(name).name in IGNORED:
            return False
        kind = FORMATS.get(extension_of(name))
        if name.lower().endswith(".zip") or (kind is not None and self.reading.format in {None, kind}):
            return True
        self.passed.append(f"{path}/{name}")
        return False


def check_bomb(unpacked: int, size: int, path: str, depth: int) -> None:
    """Refuse an archive whose members say that they unpack to absurdly much, or that lies too deep in others."""
    if depth > DEEPEST:
        message = f"{path}: the archive lies in {depth} others"
        raise InputError(message, advice="Unpack it, and give the folder.")
    if unpacked > MOST_BYTES or (unpacked > FREE_BYTES and unpacked > MOST_TIMES * size):
        message = f"{path}: the archive of {size:,} bytes unpacks to {unpacked:,}, which no log does"
        raise InputError(message, advice="If it is one all the same, unpack it, and give the folder.")
