"""A finished run from its files alone: every hash and every control total, and then what is in it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fairpay.errors import FairpayError, InputError, NotVerifiedError, Problem
from fairpay.logs.faults import reading_of
from fairpay.money.counts import counted
from fairpay.reports.outcome import Control
from fairpay.runs.inputs import hash_file
from fairpay.runs.manifest import MANIFEST, manifest_stands, read_manifest
from fairpay.runs.outputs import csv_bytes, holds
from fairpay.runs.publish import fault_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence


__all__ = [
    "SPOILT",
    "SUMMARY",
    "TABLES",
    "UNREADABLE",
    "FinishedRun",
    "check_groups",
    "csv_control",
    "finished",
    "payout_columns",
    "require_verified",
    "sum_of",
    "verify",
]


TABLES = ("comparison", "payouts")
SUMMARY = "summary.json"
UNREADABLE: tuple[type[BaseException], ...] = (
    FairpayError,
    AttributeError,
    AssertionError,
    RecursionError,
    MemoryError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    pa.ArrowException,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)
"""What a spoilt table or summary makes of whoever reads it; a panic of Polars is no `Exception` of Python's."""


def verify(directory: Path, *, inputs: bool = True) -> list[Control]:
    """Check a run and return every control with its numbers; the run is good when all are `ok`.

    An input that is gone fails its control, since nobody can say that it is still the one that was used. Where logs
    were deleted as they should be, `inputs=False` leaves the inputs out and says so. An input is looked for under the
    name it had, from the working directory, then from the run's directory and the one above.

    Raises:
        InputError: when there is no manifest to check against; one that was spoilt is a control that fails.

    """
    with reading_of(str(directory)):
        there = directory.is_dir()
    if not there:
        message = f"{directory}: no such directory"
        raise InputError(message, advice="Give a directory written with -o.")
    try:
        manifest = read_manifest(directory)
    except InputError as refused:
        if not (directory / MANIFEST).exists():
            raise
        return [Control("manifest", ok=False, detail=refused.message)]
    whole = manifest_stands(directory, manifest)
    detail = f"{MANIFEST} {'is as it was written' if whole else 'was changed'}"
    controls = [Control("manifest", whole, detail), *output_controls(directory, manifest["outputs"])]
    known = {output["name"] for output in manifest["outputs"]} | {MANIFEST}
    if extra := sorted(path.name for path in directory.iterdir() if path.name not in known):
        controls.append(Control("files", ok=False, detail=f"{len(extra)} that no run wrote: {extra[0]}"))
    controls += input_controls(directory, manifest.get("inputs", []), asked=inputs)
    controls += [
        Control(f"recorded {control['name']}", bool(control["ok"]), str(control["detail"]))
        for control in manifest.get("controls", [])
        if not control["ok"]
    ]
    broken = {control.name.removeprefix("output ") for control in controls if not control.ok}
    return controls + list(total_controls(directory, manifest["outputs"], broken=broken))


def output_controls(directory: Path, outputs: Sequence[Mapping[str, Any]]) -> Iterator[Control]:
    """Hash every output again."""
    for output in outputs:
        name = output["name"]
        told, fault = fault_of(directory, output)
        if fault:
            written = f"{output['size']:,} bytes, sha256 {output['sha256'][:12]}..."
            yield Control(f"output {name}", ok=False, detail=f"{name} {fault}: it was written with {written}")
        else:
            yield Control(f"output {name}", ok=True, detail=f"{told}, as written")


def input_controls(directory: Path, inputs: Sequence[Mapping[str, Any]], *, asked: bool) -> Iterator[Control]:
    """Hash every input again; those that are gone are a control of their own."""
    if not asked:
        yield Control("inputs", ok=True, detail=f"{counted(len(inputs), 'input')} left out, as asked")
        return
    local = [record for record in inputs if record["sha256"] is not None]
    found = {record["name"]: digest for record in local if (digest := hash_input(directory, record["name"]))}
    gone = [record["name"] for record in local if record["name"] not in found]
    changed = [r["name"] for r in local if found.get(r["name"], r["sha256"]) != r["sha256"]]
    detail = f"{len(found)} of {len(local)} hashed again, " + (f"changed: {changed[0]}" if changed else "all the same")
    yield Control("inputs", not changed, detail)
    if gone:
        yield Control("inputs present", ok=False, detail=f"{len(gone)} of {len(local)} gone or unreadable: {gone[0]}")
    if away := len(inputs) - len(local):
        yield Control("inputs hashed", ok=True, detail=f"{away} were no plain files and have no hash to check")


def hash_input(directory: Path, name: str) -> str | None:
    """Find an input under the name it had and hash it; None where it is gone or cannot be read."""
    for place in (Path(), directory, directory.parent):
        if (place / name).is_file():
            with suppress(OSError):
                return hash_file(place / name)[1]
    return None


def total_controls(
    directory: Path, outputs: Sequence[Mapping[str, Any]], *, broken: Collection[str]
) -> Iterator[Control]:
    """Read table and summary, and work the control totals out again; of files that were changed nothing is believed."""
    names = {output["name"]: output for output in outputs}
    for table in TABLES:
        if f"{table}.parquet" not in names or SUMMARY not in names:
            continue
        if spoilt := sorted(set(broken) & {f"{table}.parquet", SUMMARY}):
            yield Control("totals", ok=False, detail=f"not worked out again: {spoilt[0]} was changed")
            continue
        try:
            summary = json.loads((directory / SUMMARY).read_bytes())
            yield from check_totals(directory, table, summary=summary, rows=names[f"{table}.parquet"]["rows"])
            for name in names:
                if name.startswith(f"{table}-by-") and name.endswith(".parquet") and name not in broken:
                    yield check_groups(directory, name.removesuffix(".parquet"), summary, names[name]["rows"])
            if "penalties" in summary and "penalties.parquet" not in broken:
                yield from check_penalties(directory, summary)
        except UNREADABLE as error:
            kind = type(error).__name__
            yield Control("totals", ok=False, detail=f"{table} or {SUMMARY} is not what it should be ({kind})")


ZERO = Decimal(0)
CSV_ROWS = 1 << 16
"""Rows of both files that are compared at a time."""
PLAYED = ("artist", "artists", "plays", "seconds")
"""What controls look at, as far as a table has it, beside what is paid and what changes."""
DIGITS = 37
"""One less than Arrow's decimals have, so that a difference of two fits."""


def check_totals(directory: Path, name: str, *, summary: Mapping[str, Any], rows: int) -> Iterator[Control]:
    """Check `name`.parquet (and .csv) of a run against its summary; amounts are exact decimals throughout.

    Raises:
        OSError, ValueError, KeyError, TypeError: when a file is not what a run writes.

    """
    with pq.ParquetFile(directory / f"{name}.parquet") as file:
        paid = payout_columns(file.schema_arrow.empty_table(), len(summary["rules"]))
        changes = [f"{column}_difference" for column in paid[1:]]
        table = file.read([*PLAYED, *paid, *changes, "withheld"])
        yield row_control(table, rows=rows, summary=summary)
        yield csv_control(file, directory / f"{name}.csv")
        yield order_control(table, paid[0])
        yield from money_controls(table, paid, summary)
        yield from listening_controls(table, summary)
        for column, comparison in zip(paid[1:], summary["comparisons"], strict=True):
            yield change_control(table, paid[0], column, comparison)


def check_groups(directory: Path, name: str, summary: Mapping[str, Any], rows: int) -> Control:
    """Check that the groups of a table add up to the plays and, under each rule, to the pool; the CSV says the same.

    Raises:
        OSError, ValueError, KeyError, TypeError: when a file is not what a run writes.

    """
    with pq.ParquetFile(directory / f"{name}.parquet") as file:
        table, csv = file.read(), csv_control(file, directory / f"{name}.csv")
    pool, plays = Decimal(summary["pool"]), summary["listening"]["plays"]
    names = table.column_names[table.column_names.index("listeners") + 1 :]
    names = [one for one in names if one != "subscribers"]
    ends = ("_difference", "share", "_moved", "withheld")
    rules = next(count for count, found in enumerate(names) if found.endswith(ends))
    sums = [sum_of(table[column]) for column in names[:rules]]
    paid = [Decimal(rule["paid"]) for rule in summary["rules"]]
    told = sum_of(table["plays"])
    right = csv.ok and table.num_rows == rows == len(table.column(0).unique())
    detail = f"{rows:,} groups, {told:,} of {plays:,} plays, {' and '.join(map(str, sorted({*sums})))} of {pool}"
    detail += "" if csv.ok else f"; {csv.detail}"
    return Control(
        f"groups {name.partition('-by-')[2]}", right and told == plays and (sums == paid or {*sums} == {pool}), detail
    )


def check_penalties(directory: Path, summary: Mapping[str, Any]) -> Iterator[Control]:
    """Check that penalties add up, artist by artist, to the summary, and are shared or kept as it says; the CSV agrees.

    Raises:
        OSError, ValueError, KeyError, TypeError: when a file is not what a run writes.

    """
    found = summary["penalties"]
    with pq.ParquetFile(directory / "penalties.parquet") as file:
        table, csv = file.read(), csv_control(file, directory / "penalties.csv")
    count = len(found["charged"])
    names = table.column_names[-1 - 3 * count : -1]
    artists = table["artist"].to_pylist()
    for k, rule in enumerate(found["charged"]):
        earned, penalty, shared = (table[name].to_pylist() for name in names[3 * k : 3 * k + 3])
        told = dict.fromkeys(artists, (ZERO, ZERO))
        for one in found["artists"]:
            before = told[one["artist"]]
            told[one["artist"]] = (before[0] + Decimal(one["would_have_earned"][rule]),
                                   before[1] + Decimal(one["charged"][rule]))  # fmt: skip
        held = dict(zip(artists, zip(earned, (-one for one in penalty), strict=True), strict=True))
        whole, charged, given = sum(earned, ZERO), -sum(penalty, ZERO), sum(shared, ZERO)
        said = tuple(Decimal(found[name][rule]) for name in ("would_have_earned", "charged"))
        right = csv.ok and held == told and len(held) == table.num_rows and (whole, charged) == said
        right &= given == (charged if found["to"] == "pool" else 0) and min([*shared, ZERO]) >= 0
        detail = (
            f"charged {charged} of {whole} = summary {said[1]} of {said[0]}; shared {given}, kept {charged - given}"
        )
        yield Control(f"penalties {rule}", right, detail if csv.ok else f"{detail}; {csv.detail}")


def payout_columns(table: pa.Table, rules: int) -> list[str]:
    """Return the columns of payouts: they follow `listeners`, one for each rule."""
    first = table.column_names.index("listeners") + 1
    return list(table.column_names[first : first + rules])


def row_control(table: pa.Table, *, rows: int, summary: Mapping[str, Any]) -> Control:
    """One row for each artist or line of several, each once, as many as the manifest and the summary say."""
    artists = summary["listening"]["artists"]
    different = len(table["artist"].unique())
    merged = "artists" in table.column_names
    held = sum_of(table["artists"]) if merged else different
    lines = f" on {different:,} lines" if merged else ""
    detail = f"{table.num_rows:,} rows, {held:,} different artists{lines}; manifest {rows:,}, summary {artists:,}"
    return Control("table rows", table.num_rows == different == rows and held == artists, detail)


def csv_control(table: pq.ParquetFile, path: Path) -> Control:
    """The CSV file holds what the Parquet file holds, byte for byte; some rows of both are held at a time."""
    if not path.is_file():
        return Control("csv", ok=False, detail=f"{path.name} is no file")
    rows = (pa.Table.from_batches([batch]) for batch in table.iter_batches(CSV_ROWS))
    same = holds(path, (part for part, _ in csv_bytes(chain([table.schema_arrow.empty_table()], rows))))
    return Control("csv", same, f"{path.name} {'says' if same else 'does not say'} the same as the Parquet file")


def order_control(table: pa.Table, column: str) -> Control:
    """Sorted by the first payout, descending, then by the bytes of the artist id."""
    above, below = table.slice(0, max(table.num_rows - 1, 0)), table.slice(1)
    more = pc.greater(above[column], below[column])
    tied = pc.and_(pc.equal(above[column], below[column]), pc.less(above["artist"], below["artist"]))
    wrong = pc.sum(pc.invert(pc.or_(more, tied))).as_py() or 0
    return Control("order", wrong == 0, f"by {column}, then artist: {wrong:,} rows out of order")


def money_controls(table: pa.Table, paid: Sequence[str], summary: Mapping[str, Any]) -> Iterator[Control]:
    """Every rule pays the pool, with what is withheld, to nobody less than nothing, as the summary says."""
    pool = Decimal(summary["pool"])
    for column, rule in zip(paid, summary["rules"], strict=True):
        total = sum_of(table[column])
        withheld = Decimal(rule.get("withheld_for_platform", 0))
        beside = f" + withheld {withheld}" if withheld else ""
        detail = f"column {total}{beside} = pool {pool} = summary {rule['paid']}{beside}"
        same = total == Decimal(rule["paid"]) and total + withheld == pool
        if "withheld" in table.column_names:
            same &= sum_of(table["withheld"]) == withheld and pc.min(table["withheld"]).as_py() >= 0
        least = pc.min(table[column]).as_py() or ZERO
        yield Control(f"paid {rule['name']}", same and least >= 0, detail)
        count = pc.sum(pc.greater(table[column], ZERO)).as_py() or 0
        detail = f"{count:,} in the table, {rule['artists_paid']:,} in the summary"
        yield Control(f"artists paid {rule['name']}", count == rule["artists_paid"], detail)


def listening_controls(table: pa.Table, summary: Mapping[str, Any]) -> Iterator[Control]:
    """Plays and time of the table are those of the summary; rows read are rows used and rows left out."""
    listening = summary["listening"]
    plays = sum_of(table["plays"])
    yield Control(
        "plays", plays == listening["plays"], f"{plays:,} in the table, {listening['plays']:,} in the summary"
    )
    if listening["seconds"] is not None:
        seconds = sum_of(table["seconds"])
        detail = f"{seconds} in the table, {listening['seconds']} in the summary"
        yield Control("seconds", seconds == Decimal(listening["seconds"]), detail)
    left_out = sum(listening["dropped"].values())
    detail = f"{listening['rows']:,} read = {listening['used']:,} used + {left_out:,} left out"
    yield Control("rows", listening["rows"] == listening["used"] + left_out, detail)


def change_control(table: pa.Table, first: str, column: str, comparison: Mapping[str, Any]) -> Control:
    """What changes hands, and how many gain and lose, is what the summary says."""
    narrow = pa.decimal128(DIGITS, table[first].type.scale)
    change = pc.subtract(table[column].cast(narrow), table[first].cast(narrow))
    moved = (sum_of(pc.abs(change)) + abs(sum_of(change))) / 2
    gainers, losers = (pc.sum(f(change, ZERO)).as_py() or 0 for f in (pc.greater, pc.less))
    told = (Decimal(comparison["moved"]), comparison["gainers"], comparison["losers"])
    written = table[f"{column}_difference"]
    ok = (moved, gainers, losers) == told and written.equals(change.cast(written.type))
    detail = f"{moved} changes hands, {gainers:,} gain, {losers:,} lose; summary {told[0]}, {told[1]:,}, {told[2]:,}"
    return Control(f"change to {comparison['to']}", ok, detail)


def sum_of(column: pa.ChunkedArray) -> Any:  # noqa: ANN401 - an int or a Decimal, as the column is
    """Sum a column of integers or decimals; nothing sums to 0. Integers are summed as decimals, which cannot wrap."""
    wide = column.cast(pa.decimal128(38, 0)) if pa.types.is_integer(column.type) else column
    total = pc.sum(wide).as_py()
    return total if total is not None else ZERO


SPOILT = "Do not pay from it; run it again from the logs."


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that verifies."""

    directory: Path
    manifest: Mapping[str, Any]
    summary: Mapping[str, Any]
    """What `summary.json` holds; empty for a month of the books."""
    checked: int
    """Controls that were worked out again, and hold."""

    @property
    def command(self) -> str:
        """The job that wrote it."""
        return str(self.manifest["command"])

    @property
    def files(self) -> tuple[str, ...]:
        """The names of what it wrote, in order."""
        return tuple(str(output["name"]) for output in self.manifest["outputs"])

    def option(self, name: str) -> Any:  # noqa: ANN401 - an option of any type
        """Return the value of an option; None where the run has no such option."""
        return self.manifest["options"].get(name, {}).get("value")

    def table(self, name: str) -> pl.DataFrame:
        """Read one of its Parquet files, named without the extension."""
        return pl.read_parquet(self.directory / f"{name}.parquet", hive_partitioning=False)


def finished(directory: Path) -> FinishedRun:
    """Read a finished run; its inputs need not be there any more.

    Raises:
        InputError: the directory is no run.
        NotVerifiedError: something in it is not as it was written.

    """
    controls = verify(directory, inputs=False)
    require_verified(controls, str(directory), advice=SPOILT)
    manifest = read_manifest(directory)
    path = directory / SUMMARY
    summary = json.loads(path.read_bytes()) if path.is_file() else {}
    return FinishedRun(directory, manifest, summary, len(controls))


def require_verified(controls: Sequence[Control], place: str, *, advice: str) -> None:
    """Go on only where every control holds.

    Raises:
        NotVerifiedError: with each that does not.

    """
    failed = [control for control in controls if not control.ok]
    if failed:
        message = f"{place} does not verify: of {counted(len(controls), 'control')} {len(failed):,} failed"
        problems = [Problem(1, f"{control.name}: {control.detail}") for control in failed]
        raise NotVerifiedError(message, problems=problems, advice=advice)
