"""Verify: re-check all months of the books from the files alone: every hash, every link, every control total."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import polars as pl

from fairpay.errors import InputError, UsageError
from fairpay.ledger.controls import check_month, position
from fairpay.ledger.export import csv_parts, ledger_csv
from fairpay.ledger.facts import MonthFacts
from fairpay.ledger.model import Kind, Ledger, after, current, is_kind, kinds_of, pool_sums, read_rows, wide
from fairpay.ledger.payees import UNALLOCATED
from fairpay.ledger.pools import INLINE, kept_name
from fairpay.ledger.splits import RESERVED
from fairpay.ledger.statements import (
    PLAYS,
    effects_files,
    of_ledger,
    payables,
    pools_sheet,
    statements,
    tracks_of,
    tracks_sheet,
    with_source,
)
from fairpay.ledger.store import ADJUSTMENTS, HEAD, LEDGER, Balances, Entry, gone, shelf
from fairpay.money.counts import counted
from fairpay.reports.outcome import Control
from fairpay.runs.publish import damage, fault_of, manifest_stands
from fairpay.runs.verify import UNREADABLE
from fairpay.runs.verify import verify as verify_run
from fairpay.settings.commands import complete
from fairpay.settings.option import directory_of
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fairpay.ledger.store import Shelf
    from fairpay.settings import options as o

__all__ = ["verify", "verify_books"]

OURS = re.compile(r"\.lock|\..*\.fairpay-(lock|old|[0-9a-f]{8}\.tmp)|\.git\w*")
"""What may lie in the books for a while: locks, and what a killed run leaves, which the next removes; and a history."""
PoolSums = dict[tuple[Any, ...], int]
"""(pool, currency) -> minor units."""


@job
def verify(directory: str | Path | None = None, **options: Unpack[o.VerifyOptions]) -> Sequence[Control]:
    """Check a published run, or all months of `books`, from its files alone; every control comes with its numbers.

    Raises:
        InputError: when there is no manifest.
        UsageError: neither or both are named.

    """
    full = complete("verify", options)
    if (directory is None) == (full["books"] is None):
        message = "verify takes the directory of a run, or --books DIR"
        raise UsageError(message, advice="Give one of the two.")
    if directory is None:
        return verify_books(Path(full["books"]))
    return verify_run(directory_of(directory, "directory"), inputs=full["inputs"])


def verify_books(directory: Path) -> list[Control]:
    """Check the books.

    Args:
        directory: the books, as `close --books` wrote them. No log is needed.

    Returns:
        Every control by name, `2026-10 total` and the like; whatever cannot be read is a control that fails.

    Raises:
        InputError: there are no books there at all.

    """
    try:
        if not stat.S_ISDIR(directory.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        found = shelf(directory)
    except (OSError, ValueError) as error:
        message = f"{directory} is not a directory of books: {getattr(error, 'strerror', None) or error}"
        raise InputError(message, advice="Give the directory that `fairpay close --books` writes to.") from None
    except InputError as error:
        return [Control("books", ok=False, detail=error.message)]
    if not found.months:
        message = f"no month is closed in {directory}"
        raise InputError(message, advice="Give the directory that `fairpay close --books` writes to.")
    return [*shelf_controls(directory, found), *chain_controls(found), *month_controls(found)]


def shelf_controls(directory: Path, found: Shelf) -> Iterator[Control]:
    """What was written last is there, and nothing lies about that fairpay did not write."""
    fault, head = gone(directory, found), found.head
    assert head is not None
    detail = f"last is {head.directory.name}, manifest sha256 {head.sha256}: keep it elsewhere too"
    yield Control("books head", ok=not fault, detail=fault or detail)
    entries = {entry.directory for entry in found.entries}
    strange = [
        path.relative_to(directory)
        for place, known in ((directory, {HEAD, ADJUSTMENTS}), (directory / ADJUSTMENTS, set()))
        for path in (sorted(place.iterdir()) if place.is_dir() else ())
        if path not in entries and path.name not in known and not OURS.fullmatch(path.name)
    ]
    detail = (
        f"{len(strange)} that fairpay did not write: {strange[0]}"
        if strange
        else f"{counted(len(entries), 'entry', 'entries')} alone"
    )
    yield Control("books files", ok=not strange, detail=detail)


def chain_controls(found: Shelf) -> Iterator[Control]:
    """No month is missing, and each names the one before by its sha256."""
    for last, entry in pairwise((None, *found.months)):
        assert entry is not None
        if last is not None:
            ok, due = entry.period == after(last.period), after(last.period)
            detail = f"{entry.period} follows {last.period}" if ok else f"{due} is missing before {entry.period}"
            yield Control(f"{entry.period} order", ok, detail)
        yield link(entry, last)
    first = found.months[0]
    detail = "it is the first month" if first.books["previous"] is None else "the months before it are missing"
    yield Control(f"{first.period} first", first.books["previous"] is None, detail)
    yield from adjustment_links(found)


def link(entry: Entry, before: Entry | None) -> Control:
    name = entry.directory.name
    expected = before.sha256 if before else None
    if entry.books["previous"] == expected:
        detail = f"follows {before.directory.name} ({before.sha256[:12]})" if before else "nothing comes before"
        return Control(f"{name} link", ok=True, detail=detail)
    what = before.directory.name if before else "an entry"
    return Control(f"{name} link", ok=False, detail=f"{what} before it was changed or is missing")


def adjustment_links(found: Shelf) -> Iterator[Control]:
    """Each adjustment names what was written before it, and the month it was booked in names it."""
    for place, entry in enumerate(found.adjustments, 1):
        numbered = int(entry.directory.name[:4]) == place
        yield Control(f"{entry.directory.name} order", numbered, f"adjustment {place} of {len(found.adjustments)}")
        booked = [one for one in found.adjustments[: place - 1] if one.period == entry.period]
        yield link(entry, (None, *found.before(entry.period), *booked)[-1])
    for month in found.months:
        listed = [(one["name"], one["sha256"]) for one in month.books["adjustments"]]
        there = [(e.directory.name, e.sha256) for e in found.booked_in(month.period)]
        wrong = sorted({name for name, _ in {*listed} ^ {*there}})
        detail = (
            f"{', '.join(wrong)} changed or missing" if wrong else f"{counted(len(listed), 'adjustment')}, as booked"
        )
        yield Control(f"{month.period} adjustments listed", listed == there, detail)


def month_controls(found: Shelf) -> Iterator[Control]:
    """Check the content of every month and adjustment; one month's ledger is held at a time."""
    before = Balances()
    positions: dict[str, PoolSums] = {}
    files = [files_control(entry) for entry in found.entries]
    spoilt = {entry.directory for entry in found.entries if unsound(entry)}
    yield from files
    for month in found.months:
        booked_in = found.booked_in(month.period)
        if stopped := [entry for entry in (month, *booked_in) if entry.directory in spoilt]:
            name = stopped[0].directory.name
            detail = f"not checked, nor any later month: {name}/{LEDGER} or its manifest was changed"
            yield Control(f"{month.period} ledger", ok=False, detail=detail)
            return
        try:
            written = pl.concat(read_rows(str(month.directory / LEDGER)))
            rows = current(written)
            booked = Ledger.joined(e.ledger() for e in booked_in)
            facts = MonthFacts.of_json(month.books["facts"])
            closed = [entry.period for entry in found.before(month.period)]
            for control in check_month(rows, facts, before, adjustments=booked, closed=closed):
                yield Control(f"{month.period} {control.name}", control.ok, control.detail)
            yield from derived_controls(month, rows, written, facts)
            before = before.after(rows)
            positions[month.period] = pool_sums(position(rows))
        except UNREADABLE as error:
            yield Control(f"{month.period} ledger", ok=False, detail=f"cannot be read: {first_line(error)}")
            return
    yield from restated_totals(found, positions)


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def unsound(entry: Entry) -> bool:
    """Whether the ledger or the manifest is not what was written: nothing in them is believed, or even read."""
    outputs = [output for output in entry.manifest["outputs"] if output["name"] == LEDGER]
    whole = manifest_stands(entry.directory, entry.manifest) and len(outputs) == 1
    return not whole or bool(fault_of(entry.directory, outputs[0])[1])


def files_control(entry: Entry) -> Control:
    broken = damage(entry.directory, entry.manifest)
    present = {path.name for path in entry.directory.iterdir()}
    listed = {str(output["name"]) for output in entry.manifest["outputs"]} | {"manifest.json"}
    broken += [f"{name} does not belong there" for name in sorted(present - listed)]
    detail = "; ".join(broken) or f"{counted(len(listed), 'file')} as written"
    return Control(f"{entry.directory.name} files", not broken, detail)


def derived_controls(month: Entry, rows: Ledger, written: pl.DataFrame, facts: MonthFacts) -> Iterator[Control]:
    """The tables for people and for the bank say what the ledger says."""
    kinds = kinds_of(int(month.books.get("schema_version", 1)))
    sheets = (statements(rows, kinds), payables(rows), pools_sheet(facts))
    expected = {f"{sheet.name}.csv": csv_parts(sheet) for sheet in sheets} | {"ledger.csv": ledger_csv(written)}
    tracks = tracks_of(month.directory)
    if tracks is not None:
        expected["tracks.csv"] = csv_parts(tracks_sheet(tracks))
        yield track_control(month, rows, tracks)
    expected |= {name: iter([text.encode()]) for name, text in effects_files(facts).items()}
    wrong = [name for name, parts in expected.items() if not holds(month.directory / name, parts)]
    detail = f"{', '.join(wrong)} differ from the ledger" if wrong else f"{', '.join(expected)} agree with the ledger"
    yield Control(f"{month.period} tables", not wrong, detail)
    yield from kept_policies(month, facts)


def track_control(month: Entry, rows: Ledger, tracks: pl.DataFrame) -> Control:
    """Tracks add up to what their artists were played and earned, in each pool."""
    plays = with_source(pl.read_parquet(month.directory / PLAYS))
    key, waits = ["pool", "source"], f"^({'|'.join(RESERVED)})"
    sums = (
        of_ledger(tracks, plays).group_by(key).agg(pl.col("plays").sum(), amount=pl.col("earned").cast(pl.Int128).sum())
    )
    earned = rows.of_kinds({Kind.EARNED, Kind.MINIMUM_TOPUP, Kind.WITHHELD}).frame.filter(
        pl.col("payee") != UNALLOCATED
    )
    sources = earned.select(pl.col("pool").cast(pl.String), "amount", source=pl.col("payee").cast(pl.String))
    parts = [
        frame.with_columns(pl.col("source").str.replace(waits, ""))
        for frame in (
            sums.select(*key, "amount", "plays"),
            plays.select(*key, amount=pl.lit(0, pl.Int128), plays=pl.col("plays") * -1),
            sources.select(*key, amount=wide() * -1, plays=pl.lit(0, pl.Int64)),
        )
    ]
    off = pl.concat(parts).group_by(key).sum().filter(pl.any_horizontal(pl.col("amount", "plays") != 0))
    artists = f"{counted(plays.height, 'artist')} in a pool, {off.height:,} do not add up"
    detail = f"{counted(tracks.height, 'track')} of {artists}"
    return Control(f"{month.period} tracks", ok=off.is_empty(), detail=detail)


def kept_policies(month: Entry, facts: MonthFacts) -> Iterator[Control]:
    """The policies that are kept are those the pools were divided under."""
    if not facts.policies:
        return
    wrong = []
    for one in facts.policies:
        path = month.directory / kept_name(one.sha256)
        there = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        if one.policy != INLINE and there != one.sha256:
            wrong.append(one.pool)
    kept = f"that of {', '.join(wrong)} is not as it was kept" if wrong else "each as it was kept"
    detail = f"{counted(len(facts.policies), 'pool')} under a policy; {kept}"
    yield Control(f"{month.period} policies", not wrong, detail)


def holds(path: Path, parts: Iterable[bytes]) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return all(file.read(len(part)) == part for part in parts) and not file.read(1)


def restated_totals(found: Shelf, positions: dict[str, PoolSums]) -> Iterator[Control]:
    """Each adjustment brings its month from what was booked, with those before it, to what is known, pool by pool."""
    for entry in found.adjustments:
        name = f"{entry.directory.name} totals"
        try:
            facts, rows = MonthFacts.of_json(entry.books["facts"]), entry.ledger()
            closed = str(entry.books["ref_period"])
            pools = positions[closed]
            for key, amount in pool_sums(rows.frame).items():
                pools[key] = pools.get(key, 0) + amount
            expected = facts.due
            off = sum(pools.get(key, 0) != expected.get(key, 0) for key in expected.keys() | pools.keys())
            strange = len(rows.where(~is_kind(Kind.ADJUSTMENT) | (pl.col("ref_period") != closed)))
            detail = (
                f"{counted(len(rows), 'row')} for {closed}; {off} of {counted(len(expected), 'pool')} not as known now"
            )
            yield Control(name, not off and not strange, detail)
        except UNREADABLE as error:
            yield Control(name, ok=False, detail=f"cannot be read: {first_line(error)}")
