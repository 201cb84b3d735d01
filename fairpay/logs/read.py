"""Logs in whatever form: their columns agreed on over all files, then rows, as units of work that give RawBatches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import lcm
from typing import TYPE_CHECKING

import polars as pl

from fairpay.errors import InputError, UsageError
from fairpay.logs.cells import NOBODY, Part, can_be, check_kinds
from fairpay.logs.find import find_logs
from fairpay.logs.names import (
    Columns,
    agree,
    check_roles,
    find_columns,
    has_artist,
    holds_podcasts,
    refuse_duplicates,
    tells_plays,
)
from fairpay.logs.people import check_files, check_folders, exporter_stem, same_plays
from fairpay.logs.source import empty, holds_no_rows, of_table, open_file
from fairpay.money.counts import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from fairpay.logs.files import LogFile
    from fairpay.logs.schema import RawBatch
    from fairpay.logs.source import Source
    from fairpay.settings.values import Reading

__all__ = ["Logs", "Unit", "as_paths", "open_logs"]

SMALL = 1 << 20
"""Files below this many bytes are read several to a unit."""
OPENERS = 4
"""Files opened at the same time."""
LISTENING = frozenset({"plays", "seconds", "ms", "time"})
USER = ""
"""The name under which a file's own user stands among its constants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """Logs whose columns are known; no row has been read yet."""

    parts: list[Part]
    files: list[LogFile] = field(default_factory=list)
    """Every file, in order; none for tables in memory."""
    notes: list[str] = field(default_factory=list)
    """What was found out about the files, in sentences."""
    passed: list[str] = field(default_factory=list)
    """Files that are no logs, and were passed over."""
    lacking: dict[str, list[str]] = field(default_factory=dict)
    """role that no amount depends on -> files that lack it."""
    period: tuple[int | None, int | None] = (None, None)

    @property
    def columns(self) -> dict[str, str]:
        """Role -> column name, as in the first file."""
        return dict(self.parts[0].columns.roles)

    @property
    def detected(self) -> bool:
        """Whether any column was found by its name rather than named by the user."""
        return self.parts[0].columns.detected

    @property
    def paths(self) -> list[str]:
        """The files by name."""
        return [file.path for file in self.files]

    def units(self, batch_rows: int | None = None, *, views: bool = False) -> list[Unit]:
        """Cut the logs into independent units, each to be called once, on any thread: Polars itself divides a file.

        With `views`, ids that are text come as views, for those who only hash them.
        """
        parts, together = self.parts, SMALL
        if any(part.reading.several_artists == "split" for part in parts):
            scale, together = artists_scale(parts), 0
            parts = [replace(part, scale=scale) for part in parts]
        groups: list[list[Part]] = []
        small: list[Part] = []
        for part in parts:
            if part.file is None or part.file.remote or part.file.size >= together:
                groups.append([part])
                continue
            small.append(part)
            if sum(one.bytes for one in small) >= together:
                groups.append(small)
                small = []
        groups += [small] if small else []
        return [Unit(group, batch_rows, self.period, views) for group in groups]


@dataclass(frozen=True, slots=True)
class Unit:
    """Part of the logs, read independently of the rest. Call it once, on any thread."""

    parts: Sequence[Part]
    batch_rows: int | None
    period: tuple[int | None, int | None]
    views: bool

    @property
    def bytes(self) -> int:
        """Bytes on disk, for progress."""
        return sum(part.bytes for part in self.parts)

    def __call__(self) -> Iterator[RawBatch]:
        """Read the rows, batch by batch."""
        for part in self.parts:
            yield from part.read(self.batch_rows, self.period, views=self.views)


def open_logs(  # noqa: PLR0913 - what is read, and of which files
    logs: object,
    reading: Reading,
    *,
    wanted: Collection[str],
    telling: Collection[str] = (),
    period: tuple[int | None, int | None] = (None, None),
    rowless: bool = False,
) -> Logs:
    """Find the files and the columns of logs.

    Args:
        logs: a path, several, a pattern, a directory, an address, a Polars frame, or anything that exports Arrow.
        reading: how to read.
        wanted: roles to read beside user and artist, where the log has them; every file has them, or none.
        telling: roles to read that no amount depends on: some files may lack them.
        period: microseconds since 1970, first and one after the last; rows outside may be passed over unread.
        rowless: whether files that all hold a header and no row are a log too: of a month in which nobody played.

    Raises:
        InputError: a log cannot be read, has no user or artist, or differs from another in what its columns mean.
        UsageError: `reading` contradicts itself, or `logs` is nothing that can be read.

    """
    check_roles(reading)
    needed = frozenset() if period == (None, None) else frozenset({"time"})
    wanted = frozenset(wanted) | needed
    asked = Wanted(reading, wanted, frozenset(telling) - wanted, needed)
    paths = as_paths(logs)
    if paths is not None:
        return replace(of_files(*find_logs(paths, reading), asked, rowless), period=period)
    if asked.personal:
        message = "a table has no file name to take the user from"
        raise UsageError(message)
    source = of_table(logs)
    columns = tellable(source, asked.columns(valued(source), source.where), asked.telling)
    check_kinds(source, columns)
    parts = [Part(source=source, columns=columns, reading=reading)]
    return Logs(parts=parts, notes=notes_of(parts, reading), period=period)


@dataclass(frozen=True, slots=True)
class Wanted:
    reading: Reading
    wanted: frozenset[str]
    telling: frozenset[str]
    needed: frozenset[str]
    """Roles without which a file is refused, beside user and artist."""

    @property
    def personal(self) -> bool:
        return self.reading.user_from_file or self.reading.user_from_folder

    def columns(self, names: Sequence[str], where: str) -> Columns:
        refuse_duplicates(names, where)
        found = find_columns(names, self.reading, wanted=self.wanted, where=where, needed=self.needed)
        with suppress(InputError):  # columns that no amount depends on stop nothing
            wanted = self.wanted | self.telling
            more = find_columns(names, self.reading, wanted=wanted, where=where, needed=self.needed)
            found = replace(found, roles=more.roles)
        return replace(found, roles={**found.roles, "user": USER}) if self.personal else found


def as_paths(logs: object) -> list[str] | None:
    """Return the paths meant; None for a table."""
    if isinstance(logs, (str, os.PathLike)):
        return [os.fspath(logs)]
    is_table = hasattr(logs, "__arrow_c_stream__") or hasattr(logs, "collect_batches")
    if is_table or isinstance(logs, Mapping) or not isinstance(logs, Iterable):
        return None
    paths = list(logs)
    if not paths or not all(isinstance(path, (str, os.PathLike)) for path in paths):
        message = "no log was given" if not paths else "logs are given as paths, or as one table"
        raise UsageError(message)
    return [str(os.fspath(path)) for path in paths]


def of_files(files: list[LogFile], passed: list[str], asked: Wanted, rowless: bool) -> Logs:  # noqa: FBT001 - see open_logs
    reading = asked.reading
    if reading.user_from_file:
        check_files(files)
    if reading.user_from_folder:
        check_folders(files)
    opened = opened_all(files, asked)
    filled = {file: source for file, source in opened.items() if source.rows != 0}
    if not filled:
        refuse_rowless(opened, asked, rowless)
        filled = opened
    if asked.personal:
        others = [f for f, source in filled.items() if is_no_log(f, source, asked, alone=len(files) == 1)]
        for file in (*others, *same_plays(filled.keys() - set(others))):
            passed.append(file.path)
            del filled[file]
        if not filled:
            message = f"none of {counted(len(passed), 'file')} is a log of listening, such as {passed[0]}"
            raise InputError(message, advice="Name the column of the artist with --columns artist=NAME.")
    columns = columns_of_all(filled, asked)
    parts = []
    for file, source in filled.items():
        user = {USER: person_of(file, reading)} if asked.personal else {}
        constants = {**file.hive, **user}
        parts.append(Part(source=source, columns=columns[file.path], reading=reading, constants=constants, file=file))
    left = set(passed)
    return Logs(
        parts=parts,
        files=[file for file in files if file.path not in left],
        notes=notes_of(parts, reading),
        passed=sorted(passed),
        lacking=lacking_of(columns, asked),
    )


def person_of(file: LogFile, reading: Reading) -> str:
    return (file.person if reading.user_from_folder else exporter_stem(file.stem)) or file.stem


def refuse_rowless(opened: Mapping[LogFile, Source], asked: Wanted, rowless: bool) -> None:  # noqa: FBT001 - see open_logs
    """Refuse files without a row, unless all have a header, with the columns, and it is asked for."""
    headed = {file: source for file, source in opened.items() if source.fields}
    for file, source in headed.items():
        asked.columns(source.names, file.path)
    if rowless and len(headed) == len(opened):
        return
    message = (
        f"{next(iter(opened)).path}: the file is empty" if len(opened) == 1 else f"all {len(opened)} files are empty"
    )
    if headed:
        message = "there is no row in the log: it is empty, or holds only a header"
    raise InputError(message, advice="Is it the right file?")


def opened_all(files: Sequence[LogFile], asked: Wanted) -> dict[LogFile, Source]:
    """Open every file; of several that cannot be opened, the first by name is told of, whatever their order."""
    reading = asked.reading

    def opened(file: LogFile) -> Source | InputError:
        try:
            return open_file(file, reading)
        except InputError as error:
            if asked.personal and file.format == "json" and not file.sought and holds_no_rows(file):
                return replace(empty(file.path), rows=None)
            return error

    with ThreadPoolExecutor(OPENERS) as pool:
        found = dict(zip(files, pool.map(opened, files), strict=True))
    refuse_first({file.path: error for file, error in found.items() if isinstance(error, InputError)})
    sources = {file: source for file, source in found.items() if not isinstance(source, InputError)}
    if len({source.quoting for source in sources.values()} - {None}) > 1:
        # Quotes quote in all files or in none, so that it does not matter how rows are split into files.
        plain = replace(reading, quote=False)
        return {f: open_file(f, plain) if s.quoting == "quoted" else s for f, s in sources.items()}
    return sources


def refuse_first(faults: Mapping[str, InputError]) -> None:
    if faults:
        raise faults[min(faults)]


def is_no_log(file: LogFile, source: Source, asked: Wanted, *, alone: bool) -> bool:
    """Whether a file of a person's export is something else than a log: without artists, or without any play."""
    if (alone and file.sought) or holds_podcasts(source.names):
        return False
    told = asked.reading.columns
    return not has_artist(source.names, asked.reading) or not (told.keys() & LISTENING or tells_plays(source.names))


def columns_of_all(sources: Mapping[LogFile, Source], asked: Wanted) -> dict[str, Columns]:
    known: dict[tuple[str, ...], Columns] = {}
    found: dict[str, Columns] = {}
    faults: dict[str, InputError] = {}
    for file, source in sources.items():
        names = (*valued(source), *(key for key in file.hive if key not in source.fields))
        try:
            if names not in known:
                spoken = holds_podcasts(source.names)
                known[names] = podcasts(names, asked) if spoken else asked.columns(names, file.path)
            found[file.path] = tellable(source, known[names], asked.telling)
            check_kinds(source, found[file.path])
        except InputError as error:
            faults[file.path] = error
    refuse_first(faults)
    music = {where: columns for where, columns in found.items() if columns.roles.get("artist") != NOBODY}
    loose = {file.path for file, source in sources.items() if source.loose}
    agree(music, loose, asked.telling)
    return found


def tellable(source: Source, columns: Columns, telling: Collection[str]) -> Columns:
    """Leave out columns that no amount depends on where their type says nothing, and all but a clock where it has none.

    What tells plays apart beside the time does so only for plays at a time of day.
    """
    lost = {role for role in telling if role in columns.roles and not can_be(source, role, columns.roles[role])}
    clock = columns.roles.get("time", "")
    if "time" in lost or clock not in source.fields or isinstance(source.fields[clock], pl.Date):
        lost |= {role for role in telling if role != "time"}
    return replace(columns, roles={role: name for role, name in columns.roles.items() if role not in lost})


def valued(source: Source) -> list[str]:
    return [name for name, kind in source.fields.items() if not isinstance(kind, pl.Struct)]


def podcasts(names: Sequence[str], asked: Wanted) -> Columns:
    """Read a file of podcasts as rows that have no artist; of the other roles it has what it has."""
    rest = replace(asked.reading, columns={k: v for k, v in asked.reading.columns.items() if k != "artist"})
    found = replace(asked, reading=rest).columns((*names, "artist"), "")
    return replace(found, roles={**found.roles, "artist": NOBODY}, played=(), spoken=())


def lacking_of(columns: Mapping[str, Columns], asked: Wanted) -> dict[str, list[str]]:
    """Return the telling roles that some files have and others lack, with these; nothing is said of tracks."""
    found = {}
    for role in sorted(asked.telling - {"track"}):
        without = sorted(where for where, one in columns.items() if role not in one.roles)
        if 0 < len(without) < len(columns):
            found[role] = without
    return found


def notes_of(parts: Sequence[Part], reading: Reading) -> list[str]:
    """Say what cannot be seen from the columns: the user from the file's name, and which rows are plays."""
    notes: dict[str, None] = {}
    if reading.user_from_file:
        notes["The user is the name of the file"] = None
    if reading.user_from_folder:
        people = sorted({part.constants[USER] or "" for part in parts})
        notes[f"The user is the folder: {', '.join(people[:5])}{' ...' if len(people) > 5 else ''}"] = None  # noqa: PLR2004 - enough to see
    for part in parts:
        notes.update(dict.fromkeys(part.source.notes))
        for name, words in part.columns.played:
            notes[f"Only rows whose {name} is {' or '.join(sorted(words))} are plays"] = None
    return list(notes)


def artists_scale(parts: Sequence[Part]) -> int:
    """Return the least number that every count of artists of one play divides, where plays are split among them."""
    lengths = {1}
    for part in parts:
        name = part.columns.roles["artist"]
        if name not in part.source.fields or not isinstance(part.source.fields[name], pl.List):
            continue
        for frame in part.source.read([name]):
            if isinstance(frame.schema[name], pl.List):
                counts = frame[name].list.drop_nulls().list.n_unique()
                lengths.update(n for n in counts.drop_nulls().unique().to_list() if n)
    return lcm(*lengths)
