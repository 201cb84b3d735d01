"""Control totals of a run, worked out again from its table and its summary."""

from __future__ import annotations

from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fairpay.reports.outcome import Control
from fairpay.runs.outputs import csv_bytes, holds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


__all__ = ["check_groups", "check_penalties", "check_totals", "csv_control", "payout_columns", "sum_of"]

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
