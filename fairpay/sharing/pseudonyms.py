"""A log that may go to others: the plays that count, keyed user ids, days for times, and columns that were named.

A pseudonym is HMAC-SHA-256 of the id's text under a secret key (EDPB Guidelines 01/2025: a keyed one-way function whose
key lies apart): nobody without the key can make it from an id, and the same key gives the same pseudonym, so that logs
and subscribers still match. It is no anonymity: who knows some of a listener's plays can find the listener by them.
"""

from __future__ import annotations

import hmac
import os
import shlex
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from fairpay.engine.keys import ids_as_text
from fairpay.engine.spool import Spool
from fairpay.errors import InputError, NothingToPayError, OutputError, UsageError
from fairpay.logs.names import KNOWN, normal
from fairpay.logs.tables import read_subscribers
from fairpay.money.currency import Currency
from fairpay.pipeline.repeats import Watching, find_repeats
from fairpay.pipeline.request import begin, input_files
from fairpay.pipeline.run import warn_of_counts
from fairpay.pipeline.warn import named_elsewhere, sentences, stop_if_strict, warn_of_several
from fairpay.pipeline.work import request_of, tables_in_files, watching
from fairpay.qualify import Qualifier
from fairpay.qualify.columns import read_moments
from fairpay.reports.tables import decimals
from fairpay.runs import disk
from fairpay.runs.outputs import is_same, write_rejects
from fairpay.settings.commands import complete
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fairpay.logs.cells import Part
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.pipeline.request import Request, Watch
    from fairpay.qualify import Counts
    from fairpay.settings import options as o
    from fairpay.settings.option import Logs as AnyLogs
    from fairpay.settings.values import Reading

__all__ = ["Pseudonymized", "pseudonymize", "read_key"]

LEAST_KEY, MOST_KEY = 32, 1 << 16
"""Bytes of a key."""
OTHERS = 0o077
"""Bits of a file's mode that let others than its owner at it."""
DAY = 86_400_000_000
GROUP_ROWS = 1_000_000
TEXT = pa.large_string()
NEEDED = ("user", "artist", "plays", "ms", "seconds", "time")
"""Roles that are written by themselves, or must not be written as they are."""
KEPT = "keep "
"""Stands before the name of a column that is kept, where other columns stand under their roles."""


@dataclass(frozen=True, slots=True)
class Pseudonymized:
    """What was written."""

    files: tuple[Path, ...]
    """The log, and the subscribers where there were some."""
    counts: Counts
    """Rows by fate; those that count are the rows of the new log."""
    columns: tuple[str, ...]
    """Columns of the new log."""
    left: tuple[str, ...]
    """Columns of the old log that are not in it."""
    subscribers: int | None = None
    """Lines of the file of subscribers; None where there is none."""


@job
def pseudonymize(logs: AnyLogs, **options: Unpack[o.PseudonymizeOptions]) -> Pseudonymized:
    """Write the plays that count under pseudonyms: `user`, `artist`, `plays`, `ms`, `date`, and columns to keep.

    Rows are judged as in every run; those that are left out are not written, and bad ones stop it or go to `rejects`.
    Users are HMAC-SHA-256 (64 hex digits) of their ids under the key, dates are days of UTC, and rows are sorted within
    groups of a million, so that their order tells no time. Payouts of the new log are the bytes of the old log's.

    Raises:
        InputError: a log or the key cannot be used; others may read the key.
        OutputError: the new log is there already (without `force`), or cannot be written.
        FairpayError: whatever else stops a run, see `fairpay.errors`.

    """
    full = complete("pseudonymize", options)
    key, output = read_key(Path(full["key"])), Path(full["output"])
    with tables_in_files(full) as given:
        request = request_of("pseudonymize", logs, (), {**given, "roles": ("time",)})
        paths = outputs_of(request, output, Path(full["key"]))
        for path in () if full["force"] else paths:
            if path.exists():
                message = f"{path} is there already"
                raise OutputError(message, advice="Choose another name, or replace it with --force.")
        return written(request, watching(full), key, tuple(full["keep"]), paths)


def read_key(path: Path) -> bytes:
    """Read the key: every byte of the file, a newline at its end too.

    Raises:
        InputError: it cannot be read, others may read it, or it is too short.

    """
    place = shlex.quote(str(path))
    make = f"Make one with: (umask 077; head -c {LEAST_KEY} /dev/urandom > {place})."
    try:
        with path.open("rb") as file:
            mode, key = os.fstat(file.fileno()).st_mode, file.read(MOST_KEY)
    except (OSError, ValueError) as error:
        message = f"{path}: the key cannot be read: {getattr(error, 'strerror', None) or error}"
        raise InputError(message, advice=make) from error
    if os.name == "posix" and mode & OTHERS:
        message = f"{path}: others than you may read or change this key (mode {mode & 0o777:o})"
        raise InputError(message, advice=f"{make} If nobody has read it, chmod 600 {place} is enough.")
    if len(key) < LEAST_KEY:
        message = f"{path}: a key has {LEAST_KEY} bytes or more, and this one has {len(key)}"
        raise InputError(message, advice=make)
    return key


def outputs_of(request: Request, output: Path, key: Path) -> tuple[Path, ...]:
    """Name the files to write: the log and, beside it, the subscribers.

    Raises:
        UsageError: a name of another format, lists that rows cannot hold, or a file that is read.

    """
    if output.suffix.lower() not in {".parquet", ".csv"}:
        message = f"-o {output}: not a format that can be written"
        raise UsageError(message, advice="Let the name end in .parquet or .csv.")
    if request.reading.several_artists == "split":
        message = "parts of a play cannot be written as a row"
        raise UsageError(message, advice="Give --several-artists joined or first.")
    subscribers = output.with_name(f"{output.stem}-subscribers{output.suffix}")
    paths = (output,) if request.money.subscribers is None else (output, subscribers)
    for one in (str(key), *(file.path for file in input_files(request))):
        if any(is_same(path, one) for path in paths):
            message = f"-o {output} would write over {one}, which is read"
            raise UsageError(message, advice="Choose another name; nothing was written.")
    return paths


def written(request: Request, watch: Watch, key: bytes, keep: Sequence[str], paths: Sequence[Path]) -> Pseudonymized:
    """Write every file, all of them or none; the log comes last.

    Raises:
        FairpayError: as `pseudonymize` does.

    """
    begin(request, watch)
    logs, money, lines = request.opened.logs, request.money, None
    schema = schema_of(logs, keep)
    try:
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            spool = stack.enter_context(closing(Spool(request.running)))
            made = [stack.enter_context(disk.replacing(path)) for path in paths]
            kind = paths[0].suffix.lower().lstrip(".")
            if money.subscribers is not None:
                payers = payers_of(money.subscribers, Currency.of(money.currency), request.reading)
                first = next(payers)
                lines = fill(made[1], keyed(chain([first], payers), first.schema, key), first.schema, kind)
            qualifier, repeats = judges(request, spool)
            plays = plays_of(replace(logs, parts=keeping(logs, keep)), schema, qualifier, request, watch)
            fill(made[0], keyed(plays, schema, key), schema, kind)
            counts = judged(request, watch, qualifier, repeats)
    except OSError as error:
        message = f"{paths[0]} could not be written: {error.strerror or error}"
        raise OutputError(message, advice="Nothing half-written is left.") from error
    return Pseudonymized(tuple(paths), counts, tuple(schema.names), left_out_of(logs, schema), lines)


def schema_of(logs: Logs, keep: Sequence[str]) -> pa.Schema:
    """Return the columns of the new log: those that money needs, then those that are kept, as text.

    Raises:
        UsageError: a column to keep is nowhere, twice, or would be read as one that money needs.

    """
    roles = {role for part in logs.parts for role in part.columns.roles}
    length = "ms" in roles or "seconds" in roles
    columns = {
        "user": TEXT,
        "artist": TEXT,
        **({"plays": pa.int64()} if "plays" in roles else {}),
        **({"ms": pa.int64()} if length else {}),
        **({"date": pa.date32()} if "time" in roles else {}),
    }
    known = {normal(name): role for role in NEEDED for name in KNOWN[role]}
    used = {column: role for part in logs.parts for role, column in part.columns.roles.items() if role in NEEDED}
    for name in keep:
        role = used.get(name) or known.get(normal(name))
        if role is not None:
            message = f"--keep {name}: this is the {role}, or would be read as it"
            raise UsageError(message, advice="What money needs is written anyway: ids as pseudonyms, times as days.")
        columns[name] = TEXT
    return pa.schema(columns)


def keeping(logs: Logs, keep: Sequence[str]) -> list[Part]:
    """Return the parts of the logs with the columns to keep among those that are read.

    Raises:
        UsageError: a file has no such column.

    """
    for part in logs.parts:
        there = {name for name, kind in part.source.fields.items() if not isinstance(kind, pl.Struct)}
        there |= part.constants.keys()
        if missing := [name for name in keep if name not in there and not part.source.loose]:
            message = f"--keep {missing[0]}: {part.source.where} has no such column"
            raise UsageError(message, advice=f"The columns are {', '.join(sorted(there - {''}))}.")
    more = {KEPT + name: name for name in keep}
    return [replace(one, columns=replace(one.columns, roles={**one.columns.roles, **more})) for one in logs.parts]


def left_out_of(logs: Logs, schema: pa.Schema) -> tuple[str, ...]:
    """Name the columns of the logs that are not in the new one."""
    names = {name for part in logs.parts for name in part.source.names if "." not in name}
    used = {column for part in logs.parts for role, column in part.columns.roles.items() if role in NEEDED}
    return tuple(sorted(names - used - set(schema.names)))


def judges(request: Request, spool: Spool) -> tuple[Qualifier, Watching]:
    """Return what judges rows as every run does, and what it does about plays told twice."""
    logs, reading, running = request.opened.logs, request.reading, request.running
    once = None
    if reading.repeats == "drop":
        once = find_repeats(logs, request.qualifying, lambda judge: judge.judge, spool=spool, running=running)
    repeats = Watching.of(logs, once, spool)
    cautions, set_aside = request.opened.cautions, reading.rejects is not None
    return Qualifier(request.qualifying, set_aside=set_aside, cautions=cautions, repeats=repeats.judge), repeats


def judged(request: Request, watch: Watch, qualifier: Qualifier, repeats: Watching) -> Counts:
    """Count the rows, warn, and write the rejects, once all is read.

    Raises:
        InputError: there are bad rows and they are not set aside, or warnings that stop a run.
        NothingToPayError: no row counts.

    """
    opened, reading = request.opened, request.reading
    counts = qualifier.finish()
    repeats.finish(reading, opened.cautions, request.running)
    warn_of_counts(opened.logs.columns, named_elsewhere(opened.logs), request, opened.cautions, counts)
    warnings = opened.cautions.found()
    stop_if_strict(reading, warnings)
    for sentence in sentences(warnings):
        watch.say(sentence)
    if not counts.used:
        message = f"nothing to write: none of {counts.rows:,} rows counts"
        raise NothingToPayError(message, advice="See `fairpay check` for why rows were left out.")
    if reading.rejects is not None:
        write_rejects(qualifier.rejected(), reading.rejects)
    return counts


def plays_of(logs: Logs, schema: pa.Schema, qualifier: Qualifier, request: Request, watch: Watch) -> Iterator[pa.Table]:
    """Yield the plays that count, users still by their ids, batch by batch in the order of the logs."""
    for unit in logs.units(batch_rows=request.running.batch_rows):
        for raw in unit():
            listens = qualifier.judge(raw)
            if raw.several:
                warn_of_several(raw, request.reading.several_artists, request.opened.cautions)
            if listens.used.any():
                yield table_of(raw, listens, schema)
            if watch.progress is not None:
                watch.progress(len(listens.used), 0)
        if watch.progress is not None:
            watch.progress(0, unit.bytes)


def table_of(raw: RawBatch, listens: Listens, schema: pa.Schema) -> pa.Table:
    """Take the rows of a batch that count, as the engine would."""
    rows = np.flatnonzero(listens.used)
    numbers = {"plays": listens.plays, "ms": listens.ms}
    found = {
        "user": ids_as_text(listens.user, rows),
        "artist": ids_as_text(listens.artist, rows),
        **{name: pa.array(some[rows]) for name, some in numbers.items() if some is not None},
    }
    if "time" in raw.columns:
        times = read_moments(raw.columns["time"])
        known = times.usable(listens.used)[rows]
        days = (times.value[rows] // DAY).astype(np.int32)
        found["date"] = pa.array(days, pa.int32(), mask=~known).cast(pa.date32())
    for role, column in raw.columns.items():
        if role.startswith(KEPT):
            found[role.removeprefix(KEPT)] = column.take(pa.array(rows)).cast(TEXT)
    missing = {name: pa.nulls(len(rows), schema.field(name).type) for name in schema.names if name not in found}
    return pa.table({**found, **missing}).select(schema.names).cast(schema)


def payers_of(path: Path, currency: Currency, reading: Reading) -> Iterator[pa.Table]:
    """Yield who paid what, users still by their ids."""
    for ids, paid in read_subscribers(path, currency, reading):
        yield pa.table(
            {
                "user": ids_as_text(ids, np.arange(len(paid))),
                "paid": decimals(paid, currency.digits),
                "currency": pa.repeat(pa.scalar(currency.code, TEXT), len(paid)),
            }
        )


def in_groups(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """Put tables together to groups of a million rows; the last may have fewer."""
    waiting = schema.empty_table()
    for table in tables:
        waiting = pa.concat_tables([waiting, table])
        while waiting.num_rows >= GROUP_ROWS:
            yield waiting.slice(0, GROUP_ROWS)
            waiting = waiting.slice(GROUP_ROWS)
    if waiting.num_rows:
        yield waiting


def fill(path: Path, tables: Iterable[pa.Table], schema: pa.Schema, kind: str) -> int:
    """Write tables to a new file as they come, as `csv` or `parquet`, and return their rows.

    Raises:
        OSError: it cannot be written.

    """
    rows = 0
    with disk.open_new(path) as file, ExitStack() as stack:
        parquet = kind == "parquet"
        writer = stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd")) if parquet else None
        for table in tables:
            if writer is not None:
                writer.write_table(table)
            else:
                file.write(pl.DataFrame(table).write_csv(include_header=not rows).encode())
            rows += table.num_rows
    return rows


def keyed(tables: Iterable[pa.Table], schema: pa.Schema, key: bytes) -> Iterator[pa.Table]:
    """Put pseudonyms for the users, each hashed once in a group of rows, and sort the rows of the group."""
    base = hmac.new(key, digestmod="sha256")

    def pseudonym(user: str) -> str:
        one = base.copy()
        one.update(user.encode())
        return one.hexdigest()

    for group in in_groups(tables, schema):
        users = group["user"].combine_chunks().dictionary_encode()
        made = pa.array([pseudonym(user) for user in users.dictionary.to_pylist()], TEXT)
        frame = pl.DataFrame(group.set_column(0, "user", made.take(users.indices)))
        yield frame.sort(frame.columns).to_arrow().cast(schema)
