"""From what the user names to a list of log files, and of what was passed over on the way."""

from __future__ import annotations

import glob
import os
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from fairpay.errors import InputError, UsageError
from fairpay.logs.disk import DISK
from fairpay.logs.files import FORMATS, FileEntry, LogFile, format_of, hive_keys, is_hidden, split_name, starting_with
from fairpay.logs.people import person_at, person_in
from fairpay.logs.spool import copy, known_as, spooled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from zipfile import ZipInfo

    from fairpay.logs.files import Format, Place
    from fairpay.settings.values import Reading

__all__ = ["Found", "find_logs", "log_file"]

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


@dataclass(slots=True)
class Found:
    """What the user's words stand for."""

    files: list[LogFile] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    """Files that are no logs by their names."""


def place_of(path: str) -> tuple[Place, str]:
    """Return where something lies, and its one name there."""
    if not path.startswith(REMOTE):
        return DISK, path
    from fairpay.logs.stores import settled, store_of  # noqa: PLC0415 - only for addresses

    return store_of(path), settled(path)


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
    """Tell the format of what lies somewhere."""
    path, away = entry.address, ""
    if entry.pipe:
        with Path(path).open("rb") as stream:
            return piped(path, reading, stream)
    if place.far:
        from fairpay.logs.stores import shown  # noqa: PLC0415 - only for addresses

        path = shown(entry.address)
        away = "" if path == entry.address else entry.address
    kind = reading.format or format_of(path.rpartition("/")[2]) or starting_with(place, entry.address)
    if kind is None:
        message = f"{path}: nothing says what kind of log this is"
        raise InputError(message, advice="Give --format csv, parquet or json.")
    return LogFile(path=path, format=kind, size=entry.size, hive=hive_keys(path), remote=place.far, copy=away)


def piped(name: str, reading: Reading, stream: IO[bytes]) -> LogFile:
    """Copy what comes through a pipe, which can be read only once, and tell what it is."""
    key = ("pipe", name, os.fstat(stream.fileno()).st_ino) if name != "standard input" else ("pipe", name)
    path = str(known_as(name, spooled(key, name, lambda out: copy(stream, out))))
    kind = reading.format or starting_with(DISK, path) or "csv"
    return LogFile(path=name, format=kind, size=Path(path).stat().st_size, copy=path)


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
        passed = ", ".join(found.passed[:5]) or "nothing"
        message = f"{', '.join(paths[:3])}: no log was found there; passed over: {passed}"
        advice = "Give --format csv, parquet or json if the names do not say what they are."
        if any("youtube" in name.lower() and name.lower().endswith(".html") for name in found.passed):
            advice = "Ask Google Takeout for the history as JSON rather than as HTML."
        raise InputError(message, advice=advice)
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


def check_addresses(files: Iterable[LogFile]) -> None:
    """Refuse addresses that look the same in messages and in the manifest, where no query is shown.

    Raises:
        UsageError: naming them.

    """
    counts = Counter(file.path for file in files if file.remote)
    twice = [path for path, count in counts.items() if count > 1]
    if twice:
        message = f"{twice[0]}: {counts[twice[0]]} addresses differ only in what follows the question mark"
        raise UsageError(message, advice="Fetch the files first, and give them names of their own.")


def extension_of(path: str) -> str:
    """Return the extension of a path that says its format, or nothing."""
    return split_name(Path(path).name)[1]


def expand(path: str, reading: Reading, found: Found, *, alone: bool) -> Iterable[LogFile]:
    """Find the files one argument stands for."""
    if path == STANDARD_INPUT:
        return [log_file(path, reading)]
    place, path = place_of(path)
    if place.has(path) or not glob.has_magic(path):
        entry = place.look(path)
        return within(place, entry, reading, found, alone=alone) if entry.many else [owned(place, entry, reading)]
    files: list[LogFile] = []
    for match in place.matches(path):
        if match.many:
            files += within(place, match, reading, found, alone=False)
        else:
            files.append(replace(owned(place, match, reading), sought=False))
    if not files:
        message = f"{path}: no {'object' if place.far else 'file'} matches"
        raise InputError(message, advice="Check the pattern; quote it, so that the shell leaves it alone.")
    return files


def owned(place: Place, entry: FileEntry, reading: Reading) -> LogFile:
    """Say what a file is that was named itself, and whose."""
    file = file_at(place, entry, reading)
    person, home = ("", "") if file.copy else person_at(place.rooted(file.path))
    return replace(file, person=person, home=home)


def within(place: Place, top: FileEntry, reading: Reading, found: Found, *, alone: bool) -> list[LogFile]:
    """Find the logs in a folder or an archive."""
    files = list(walk(place, top, reading, found) if top.folder else unzip(place, top.address, reading, found))
    if [file.path for file in files] == [top.address]:
        return files  # a table of a lake
    inner = [file.path[len(top.address) :].lstrip("/") for file in files]
    climb = top.folder or not alone
    if not top.folder:
        alone = alone and len({path.split("/")[0] for path in inner}) > 1  # else the one folder in it is the service's
    whose = [person_in(path, place.rooted(top.address), alone=alone, climb=climb) for path in inner]
    return [replace(file, person=who, home=home, sought=False) for file, (who, home) in zip(files, whose, strict=True)]


def walk(place: Place, top: FileEntry, reading: Reading, found: Found) -> Iterator[LogFile]:
    """Find the logs in a folder and below."""
    for entry in place.below(top.address):
        if entry.table is not None:
            yield LogFile(path=entry.address, format=entry.table, remote=place.far)
        elif entry.name in IGNORED:
            continue
        elif entry.many:
            yield from unzip(place, entry.address, reading, found)
        elif is_wanted(place, entry, reading):
            yield file_at(place, entry if place.far else place.look(entry.address), reading)
        else:
            found.passed.append(entry.address)


def is_wanted(place: Place, entry: FileEntry, reading: Reading) -> bool:
    """Whether a file found in a folder is a log by its name; where the format is told, also without an extension."""
    stem, extension = split_name(entry.name)
    if not extension:
        plain = "." not in stem.lstrip(".") or entry.name.rpartition(".")[2].isdigit()
        return reading.format is not None or (plain and starting_with(place, entry.address) is not None)
    return reading.format in {None, FORMATS[extension]}


def unzip(  # noqa: PLR0913 - and what is known of an archive within another
    place: Place, path: str, reading: Reading, found: Found, *, inner: str = "", depth: int = 0
) -> Iterator[LogFile]:
    """Find the logs in an archive, as services send them, and in the archives in it.

    Args:
        place: where it lies.
        path: what it is called.
        reading: how to read.
        found: what is passed over.
        inner: where its bytes are, of an archive within another.
        depth: in how many other archives it lies.

    Raises:
        InputError: it is damaged, locked by a password, or made to fill the disk.

    """
    import zipfile  # noqa: PLC0415 - only for archives
    import zlib  # noqa: PLC0415 - the same

    local = inner or str(place.copied(path))
    size = DISK.look(local).size
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
                    yield from unzip(place, f"{path}/{name}", reading, found, inner=str(copied), depth=depth + 1)
                    continue
                yield LogFile(
                    path=f"{path}/{name}",
                    format=FORMATS[split_name(Path(name).name)[1]],
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
    if member.is_dir() or any(is_hidden(part) for part in name.split("/")) or Path(name).name in IGNORED:
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
