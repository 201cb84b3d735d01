"""Two runs side by side: which payouts changed, by how much, and why: inputs, listening, rules, options, version."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from fairpay.errors import InputError, OutputError, UsageError
from fairpay.reports.tables import ColumnKind, Shown, TableColumn, change_percent, in_digits, table_of
from fairpay.reports.words import joined
from fairpay.runs.disk import replacing
from fairpay.runs.outputs import write_csv, write_parquet, write_workbook
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from fairpay.runs.snapshots import RunTable, Snapshot

__all__ = ["Change", "Difference", "difference", "plain_rows"]

FEW = 3
"""Counts that are named where none of them changed."""
SIDES = ("before", "after", "change")
FORMATS = (".csv", ".parquet", ".xlsx")


@dataclass(frozen=True, slots=True)
class Change:
    """One reason why two runs differ."""

    what: str
    """`version`, `rule`, `option`, `policy`, `pool`, `listening` or `input`."""
    name: str
    before: str
    """Empty where it was not there."""
    after: str


@dataclass(frozen=True, slots=True, repr=False)
class Difference(Shown):
    """Two runs, compared."""

    before: str
    """What the first run is: its directory, job and rules."""
    after: str
    why: tuple[Change, ...]
    arrow: pa.Table
    """A row for each payout that differs, and for each subject of which only counts do: `of` (artist, label, payee,
    ...), `subject`, `name` (null where none is known), `figure` (the rule, or `credited` and `payable`), `currency`,
    `before`, `after`, `change` (major units), `change_percent`, `plays_before`, `plays_after` and so on, `why`. The
    largest change first."""
    totals: pl.DataFrame
    """By `of`, `figure` and `currency`: the sums `before`, `after` and `change`, and how many go `up`, `down`, or stay
    the `same`."""
    unit: str
    """What is counted: payouts, or other amounts."""
    ordered_in: str = ""
    """The currency whose rates the order goes by; empty where there is one currency, or no rate is known."""
    published: str = ""
    """`done` where the table was written to a file."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        return f"<diff: {self.changed:,} {self.unit}s differ, {self.unchanged:,} do not, {len(self.why):,} reasons>"

    @property
    def moved(self) -> pl.DataFrame:
        """The same as `table`."""
        return self.table

    @property
    def changed(self) -> int:
        """How many payouts differ."""
        return int(self.totals["up"].sum()) + int(self.totals["down"].sum())

    @property
    def unchanged(self) -> int:
        """How many payouts do not."""
        return int(self.totals["same"].sum())

    @property
    def summary(self) -> dict[str, Any]:
        """What `fairpay diff --json` prints."""
        return {
            "schema_version": 2,
            "command": "diff",
            "before": self.before,
            "after": self.after,
            "why": [asdict(change) for change in self.why],
            "totals": plain_rows(self.totals),
            "changed": plain_rows(self.table),
            "unchanged": self.unchanged,
        }

    @job
    def save(self, path: str | Path, *, excel: bool = False, force: bool = False) -> None:
        """Write the table to a file: CSV, Parquet or a workbook, by its extension.

        Raises:
            UsageError: another extension.
            OutputError: the file is there already (without `force`), or cannot be written.

        """
        target = Path(path)
        if target.suffix.lower() not in FORMATS:
            message = f"-o {path}: not a format that can be written"
            raise UsageError(message, advice=f"Let the name end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")
        if target.exists() and not force:
            message = f"{path} is there already"
            raise OutputError(message, advice="Choose another name, or replace it with --force.")
        try:
            with replacing(target) as made:
                self.write(made, target.suffix.lower(), excel=excel)
        except OSError as error:
            message = f"{path} could not be written: {error.strerror or error}"
            raise OutputError(message) from error

    def write(self, path: Path, suffix: str, *, excel: bool) -> None:
        """Write the table in a format."""
        if suffix == ".parquet":
            write_parquet(self.arrow, path, kinds=True)
        elif suffix == ".csv":
            write_csv(self.arrow if excel else told(self.table).to_arrow(), path, excel=excel)
        else:
            write_workbook(self.arrow, path, name="diff")


def plain_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON: amounts as text, exactly."""
    exact = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Decimal)]
    return told(frame).with_columns(pl.col(exact).cast(pl.String)).to_dicts()


def told(frame: pl.DataFrame) -> pl.DataFrame:
    """Write amounts as text, with the digits of each row's currency."""
    codes = frame["currency"].unique()
    return frame.with_columns(in_digits(pl.col(name), digits_of(frame, name), codes) for name in SIDES)


def difference(before: Snapshot, after: Snapshot) -> Difference:
    """Compare two runs, table by table.

    Raises:
        InputError: they have no payout in common.

    """
    both = {of: named_alike(table, after.tables[of]) for of, table in before.tables.items() if of in after.tables}
    pairs = {of: pair for of, pair in both.items() if pair[0].keys == pair[1].keys and pair[0].money}
    if not pairs:
        message = f"{before.title} and {after.title} have no payout in common"
        raise InputError(message, advice="Compare runs of one kind, or a run of pay with a comparison under its rule.")
    counts = {name: kind for pair in pairs.values() for name, kind in common_counts(*pair).items()}
    found = pl.concat(
        (part for of, pair in pairs.items() for part in side_by_side(of, *pair)), how="diagonal_relaxed"
    ).with_columns(change=pl.col("after") - pl.col("before"))
    weights = rated(found, {**before.rates, **after.rates})
    ordered_in = next(iter(weights)) if len(weights) > 1 else ""
    rows = as_table(ranked(found.filter("differs"), weights), counts)
    reasons = [
        Change(what, *one) for what in before.facts for one in unlike(what, before.facts[what], after.facts[what])
    ]
    return Difference(before.title, after.title, tuple(reasons), rows, summed(found), before.unit, ordered_in)


def named_alike(before: RunTable, after: RunTable) -> tuple[RunTable, RunTable]:
    """Keep the payouts that both have; those of other rules are paired in turn, where there are as many of them."""
    same = [name for name in before.money if name in after.money]
    old, new = ([name for name in table.money if name not in same] for table in (before, after))
    pairs = (
        {f"{one} -> {other}": (one, other) for one, other in zip(old, new, strict=True)} if len(old) == len(new) else {}
    )
    made = [
        replace(table, money=(*same, *pairs), frame=table.frame.rename({pair[n]: name for name, pair in pairs.items()}))
        for n, table in enumerate((before, after))
    ]
    return made[0], made[1]


def common_counts(before: RunTable, after: RunTable) -> dict[str, ColumnKind]:
    return {name: kind for name, kind in before.counts.items() if name in after.counts}


def side_by_side(of: str, before: RunTable, after: RunTable) -> Iterator[pl.DataFrame]:
    """Yield, for each payout of both, a row for each subject, with whether anything differs and why; 0 where it is not.

    A row where no payout differs, and only counts do, stands with the first payout.
    """
    counts, money = common_counts(before, after), before.money
    whole = stacked(before, after, counts)
    paid, own = (any_differs(names) for names in (money, counts))
    for figure in money:
        old, new = pl.col(f"{figure}_before"), pl.col(f"{figure}_after")
        yield whole.select(
            of=pl.lit(of),
            subject=pl.concat_str(pl.col(before.keys).fill_null(""), separator=" · "),
            name="name",
            figure=pl.lit(figure),
            currency="currency",
            before=old,
            after=new,
            **{f"{name}_{side}": f"{name}_{side}" for name in counts for side in ("before", "after")},
            differs=(old != new) | (own & ~paid if figure == money[0] else pl.lit(False)),  # noqa: FBT003
            why=because(before.parts.get(figure, ()), counts, whole),
        )


def stacked(before: RunTable, after: RunTable, counts: Mapping[str, ColumnKind]) -> pl.DataFrame:
    """Both runs in one row for each subject: every column `_before` and `_after`, and whether it `was` and `stays`.

    Linear in the rows, also where a key is there several times: these are added.
    """
    frames = [table.frame for table in (before, after)]
    keys = dict.fromkeys((*before.keys, "currency"))  # once, where groups are by currency
    money = dict.fromkeys((*before.money, *(name for names in before.parts.values() for name in names)))
    kinds = {name: pl.Decimal(38, max(digits_of(frame, name) for frame in frames)) for name in (*money, *counts)}
    sides = [
        frame.select(
            *(pl.col(key).cast(pl.String) for key in keys),
            pl.col("name").cast(pl.String) if "name" in frame.columns else pl.lit(None, dtype=pl.String).alias("name"),
            *(pl.col(name).cast(kind if name in money or kind.scale else pl.Int64) for name, kind in kinds.items()),
            new=pl.lit(bool(place)),
        )
        for place, frame in enumerate(frames)
    ]
    grouped = pl.concat(sides).group_by(*keys, maintain_order=True)
    return grouped.agg(
        pl.col("name").drop_nulls().last(),
        *(side(name, new=new) for name in kinds for new in (False, True)),
        was=(~pl.col("new")).any(),
        stays=pl.col("new").any(),
    )


def digits_of(frame: pl.DataFrame, name: str) -> int:
    kind = frame.schema[name]
    return kind.scale if isinstance(kind, pl.Decimal) else 0


def side(name: str, *, new: bool) -> pl.Expr:
    """A column of one of the runs, added up: 0 where there is nothing."""
    mine = pl.col("new") if new else ~pl.col("new")
    return pl.when(mine).then(pl.col(name)).sum().alias(f"{name}_{'after' if new else 'before'}")


def differing(name: str) -> pl.Expr:
    return pl.col(f"{name}_before") != pl.col(f"{name}_after")


def any_differs(names: Iterable[str]) -> pl.Expr:
    return pl.any_horizontal(pl.lit(False), *map(differing, names))  # noqa: FBT003


def because(parts: Sequence[str], counts: Mapping[str, ColumnKind], whole: pl.DataFrame) -> pl.Expr:
    """Say what of a row's own changed: the parts of a payout, or what was counted; seconds, where nothing else did."""
    told = [name for name, kind in counts.items() if kind != ColumnKind.SECONDS]
    seconds = [name for name in counts if name not in told]
    there = pl.when(~pl.col("was")).then(pl.lit("new")).when(~pl.col("stays")).then(pl.lit("gone"))
    codes = whole["currency"].unique() if parts else ()
    money = [moved(name, digits_of(whole, f"{name}_after"), codes) for name in parts]
    own = pl.concat_str(there, *money, *map(stepped, told), separator=", ", ignore_nulls=True)
    less = pl.concat_str(*map(stepped, seconds), separator=", ", ignore_nulls=True) if seconds else pl.lit("")
    same = pl.lit(f"same {joined(list(map(spoken, told)) if len(told) <= FEW else ['counts'])}" if told else "")
    return pl.when(own != "").then(own).when(less != "").then(less).otherwise(same)


def moved(name: str, scale: int, codes: Iterable[str]) -> pl.Expr:
    """`+3.50 earned`; null where it did not change."""
    more = pl.col(f"{name}_after") - pl.col(f"{name}_before")
    sign = pl.when(more > 0).then(pl.lit("+")).otherwise(pl.lit(""))
    return pl.when(differing(name)).then(pl.concat_str(sign, in_digits(more, scale, codes), pl.lit(f" {name}")))


def stepped(name: str) -> pl.Expr:
    """`plays 12 -> 16`; null where it did not change."""
    old, new = (pl.col(f"{name}_{side}").cast(pl.String) for side in ("before", "after"))
    return pl.when(differing(name)).then(pl.concat_str(pl.lit(f"{spoken(name)} "), old, pl.lit(" -> "), new))


def spoken(name: str) -> str:
    """`break_even_plays` is `break even plays`."""
    return name.replace("_", " ")


def rated(found: pl.DataFrame, rates: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """The currency of most rows -> 1, and what one unit of others is in it, where a rate is known."""
    codes = found.group_by("currency").len().sort("len", "currency", descending=[True, False])["currency"].to_list()
    both = dict(rates) | {(new, old): 1 / rate for (old, new), rate in rates.items() if rate}
    return {code: both.get((code, codes[0]), 1.0) for code in codes if code == codes[0] or (code, codes[0]) in both}


def ranked(moved: pl.DataFrame, weights: Mapping[str, float]) -> pl.DataFrame:
    """The largest change first, in one currency's terms; currencies without a rate come last, each by itself."""
    weight = pl.col("currency").replace_strict(dict(weights), default=None, return_dtype=pl.Float64)
    size = pl.col("change").abs()
    by = [size.cast(pl.Float64) * weight, pl.when(weight.is_null()).then(pl.col("currency")), size]
    order = ["of", "subject", "figure", "currency"]
    falling = [True, False, True, *(False for _ in order)]
    return moved.sort(*by, *order, descending=falling, nulls_last=True)


def as_table(rows: pl.DataFrame, counts: Mapping[str, ColumnKind]) -> pa.Table:
    """The rows with the kind of every column."""
    kind = ColumnKind
    kinds = {"of": kind.KEY, "subject": kind.KEY, "name": kind.NAME, "figure": kind.KEY, "currency": kind.CURRENCY}
    kinds |= {"before": kind.MONEY, "after": kind.MONEY, "change": kind.DIFFERENCE, "change_percent": kind.PERCENT}
    kinds |= {f"{name}_{side}": of for name, of in counts.items() for side in ("before", "after")}
    arrow = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    units = [
        rows[side].to_physical().cast(pl.Int64, strict=False).fill_null(0).to_numpy() for side in ("before", "after")
    ]
    percent = change_percent(np.maximum(units[0], 0), units[1])
    return table_of({
        name: TableColumn(of, percent if name == "change_percent" else arrow[name])
        for name, of in {**kinds, "why": kind.WORDS}.items()
    })  # fmt: skip


def summed(found: pl.DataFrame) -> pl.DataFrame:
    """The totals of a difference."""
    change = pl.col("change")
    return found.group_by("of", "figure", "currency", maintain_order=True).agg(
        pl.col("before", "after", "change").sum(),
        up=(change > 0).sum(),
        down=(change < 0).sum(),
        same=(change == 0).sum(),
    )


def unlike(what: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield each name whose value differs, with both values; an option that one run does not know is no difference."""
    missing = "0" if what == "listening" else ""
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name, missing), after.get(name, missing)
        if old != new and (what != "option" or (name in before and name in after)):
            yield name, old, new
