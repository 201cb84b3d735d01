"""What a published report, or a part of a month, tells of single listeners."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from fairpay.errors import InputError
from fairpay.pipeline.partfile import read_part
from fairpay.reports.disclosure import KNOWING, revealed
from fairpay.reports.tables import SECOND_DIGITS, decimals
from fairpay.rules.core.promise import Promise
from fairpay.runs.manifest import read_manifest
from fairpay.runs.verify import SUMMARY, TABLES, UNREADABLE, payout_columns, sum_of
from fairpay.settings.option import directory_of
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fairpay.reports.disclosure import Revealed

__all__ = ["Leaks", "leaks"]

FEE, LISTENING = "fee", "listening"
STREAMS = "streams"
OWN = Promise.OWN_MONEY.value


@dataclass(frozen=True, slots=True)
class Leaks:
    """What a report or a part tells of single listeners."""

    artists: int
    """How many it has figures of, lines of several artists among them."""
    columns: Mapping[str, str]
    """Each kind of figure, a rule's payouts or plays and time -> `fee` or `listening`: what it tells of a listener."""
    revealed: tuple[Revealed, ...]
    """Artists with one listener, and with two; an amount for each kind of figure."""
    currency: str | None = None
    """Of the amounts; None: they are no money."""
    alone: int | None = None
    """Listeners of a part whose own fee and listening stand in it, as nobody's else are the same; None: no part."""
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """For each column of groups of listeners, such as plans: how many have one listener, and two."""
    charged: int = 0
    """Artists of whom penalties say what excluded plays, which may be those of one account, would have earned."""
    decided: int = 0
    """Accounts that people decided about: the summary says of each what it played, and what that would be paid."""


@job
def leaks(path: str | Path) -> Leaks:
    """Count the artists of a report or a part whose figures tell what one listener played or paid, and the money.

    Args:
        path: the directory of a run of `compare` or `pay`, or a file that `shard` or `merge` wrote.

    Raises:
        InputError: it is neither, or its files are not as they were written.

    """
    path = directory_of(path, "path")
    return of_part(path) if path.is_file() else of_report(path)


def of_report(directory: Path) -> Leaks:
    """Look at a run's directory.

    Raises:
        InputError: it is no report.

    """
    outputs = {output["name"] for output in read_manifest(directory)["outputs"]}
    name = next((f"{table}.parquet" for table in TABLES if f"{table}.parquet" in outputs), None)
    if name is None:
        message = f"{directory} is not a report: only those of compare and pay say what each artist gets"
        raise InputError(message, advice="Give a directory that `fairpay compare` or `fairpay pay` wrote.")
    try:
        table, summary = pq.read_table(directory / name), json.loads((directory / SUMMARY).read_bytes())
        if "artists" not in table.column_names and table["listeners"].null_count:
            message = f"{directory} adds months up, and does not say how many listeners its artists have"
            raise InputError(message, advice="Look at a run of each month.")  # noqa: TRY301 - it is one
        told = {rule["name"]: LISTENING if OWN in rule["breaks"] else FEE for rule in summary["rules"]}
        found = revealed(table, payout_columns(table, len(told)))
        artists = int(sum_of(table["artists"])) if "artists" in table.column_names else table.num_rows
        return Leaks(
            artists,
            told,
            found,
            str(summary["currency"]),
            groups=groups_in(directory, sorted(outputs)),
            charged=len({one["artist"] for one in summary.get("penalties", {}).get("artists", ())}),
            decided=sum(one["kind"] == "user" for one in summary.get("decisions", ())),
        )
    except InputError:
        raise
    except UNREADABLE as error:
        message = f"{directory}: {name} or {SUMMARY} is not what it should be ({type(error).__name__})"
        raise InputError(message, advice="See `fairpay verify`.") from None


def groups_in(directory: Path, outputs: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Count the groups of listeners that are one listener, or two."""
    found = {}
    for name in outputs:
        column = name.removesuffix(".parquet").partition("-by-")[2]
        if column and name.endswith(".parquet"):
            table = pq.read_table(directory / name)
            if "paid" in table.column_names:
                counts = table["listeners"].to_pylist()
                found[column] = tuple(counts.count(few) for few in KNOWING)
    return found


def of_part(path: Path) -> Leaks:
    """Look at a part: its artists, and the listeners whose fee and listening nobody else has.

    Raises:
        InputError: it is no part.

    """
    held = read_part(path)
    if held.part is None:
        counted = (held.census or {}).get("artist")
        columns = {} if counted is None else {"listeners": counted.listeners, STREAMS: counted.streams}
        table = pa.table(columns or {"listeners": pa.array([], pa.int64()), STREAMS: pa.array([], pa.int64())})
        return Leaks(table.num_rows, {STREAMS: LISTENING}, revealed(table, [STREAMS]), alone=0)
    pool = held.part.pools[0]
    plays, ms, listeners = (pool.artists[name].to_numpy() for name in ("plays", "ms", "listeners"))
    figures = {"plays": plays, **({"seconds": decimals(ms, SECOND_DIGITS)} if pool.has_ms else {})}
    table = pa.table({"listeners": listeners, **figures})
    alone = pool.users.filter(pl.col("count") == 1).height
    return Leaks(pool.artists.height, dict.fromkeys(figures, LISTENING), revealed(table, [*figures]), alone=alone)
