"""The tables of a run, payouts and comparison, why an artist gains or loses, and how a result shows itself."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.errors import UsageError
from fairpay.kernels import words
from fairpay.money.currency import Currency
from fairpay.money.integers import sum_exactly
from fairpay.reports.words import counted, times
from fairpay.rules.core.rule import Heavy
from fairpay.settings.option import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.rule import Rule

__all__ = [
    "PART_ROWS",
    "SECOND_DIGITS",
    "ColumnKind",
    "Shown",
    "TableColumn",
    "artist_columns",
    "artist_names",
    "by_payout",
    "change_percent",
    "chosen",
    "column_of",
    "comparison",
    "currency_of",
    "decimals",
    "fan_intensity",
    "free_name",
    "in_digits",
    "kinds_of",
    "listened_to",
    "payouts",
    "penalties",
    "shares",
    "table_of",
    "why",
]


PART_ROWS = 1 << 20
"""Rows of a table that are made at once."""


class ColumnKind(StrEnum):
    """What a column of a table is, declared where it is made; screens, workbooks and `diff` go by it."""

    KEY = "key"
    """Tells rows apart: all of these together are different in every row."""
    NAME = "name"
    """What a key is called, for people; null or empty where nothing is known."""
    TEXT = "text"
    WORDS = "words"
    """A sentence."""
    CURRENCY = "currency"
    """What the amounts of the row are in."""
    MONEY = "money"
    """Major units."""
    DIFFERENCE = "difference"
    """Money too, that follows from other columns."""
    COUNT = "count"
    SECONDS = "seconds"
    SHARE = "share"
    """Of the whole, 0 to 1."""
    PERCENT = "percent"
    RATIO = "ratio"
    """A number without a unit."""


class TableColumn(NamedTuple):
    """A column of a table."""

    kind: ColumnKind
    array: pa.Array


def table_of(columns: Mapping[str, TableColumn]) -> pa.Table:
    """Make a table whose fields say their kind in their metadata, under `kind`."""
    fields = [pa.field(name, one.array.type, metadata={"kind": one.kind}) for name, one in columns.items()]
    return pa.table([one.array for one in columns.values()], schema=pa.schema(fields))


TYPES = {ColumnKind.COUNT: pa.int64(), ColumnKind.SHARE: pa.float64(), ColumnKind.RATIO: pa.float64()}
"""What columns of some kinds hold where they are made of single values; others hold text."""


def column_of(kind: ColumnKind, values: Iterable[Any], digits: int = 0) -> TableColumn:
    """Make a column of single values, None where nothing is known; amounts are in units of 10^-digits."""
    known = list(values)
    if kind not in (ColumnKind.MONEY, ColumnKind.DIFFERENCE):
        return TableColumn(kind, pa.array(known, TYPES.get(kind, pa.large_string())))
    missing = np.array([value is None for value in known], dtype=np.bool_)
    units = np.array([value or 0 for value in known], dtype=np.int64)
    return TableColumn(kind, decimals(units, digits, missing=missing))


def in_digits(amounts: pl.Expr, scale: int, codes: Iterable[str]) -> pl.Expr:
    """Write amounts as text, each with the digits of its row's `currency`: a column has those of the finest, `scale`.

    Where more digits than the currency has are not 0, and of what is no currency (`codes` has all there are), all are
    written.
    """
    ends = {}
    for code in codes:
        with suppress(UsageError):
            digits = Currency.of(code).digits
            ends[code] = "" if digits >= scale else f"{'' if digits else '.'}{'0' * (scale - digits)}"
    end = pl.col("currency").replace_strict(ends, default="", return_dtype=pl.String)
    return amounts.cast(pl.String).str.strip_suffix(end)


def kinds_of(schema: pa.Schema) -> dict[str, ColumnKind]:
    """Return the kind of each column that says it, by name."""
    said = {field.name: field.metadata or {} for field in schema}
    return {name: ColumnKind(one[b"kind"].decode()) for name, one in said.items() if b"kind" in one}


def payouts(outcome: Outcome) -> Iterator[pa.Table]:
    """Yield the table `fairpay pay` writes, in parts: one row per artist, by payout, then by artist id in bytes.

    Columns: `artist`, `name` (only with an artist file), `plays`, `seconds` (see `artist_columns`), `listeners`,
    `payout` (major units, decimal128 with the currency's digits), `withheld` (the same, of what the artist earned; only
    where a policy withholds), `share` (of the pool, 0 to 1, decimal128 with 10
    digits, half to even; null where the pool is 0), `currency`. Only the first rule of the outcome is looked at.
    """
    for order in in_parts(by_payout(outcome)):
        yield payout_rows(outcome, order)


def payout_rows(outcome: Outcome, order: Ints) -> pa.Table:
    """Return the rows of some artists."""
    allocation = outcome.payouts[0].allocation
    paid = allocation.paid[order]
    columns = artist_columns(outcome, order)
    columns["payout"] = TableColumn(ColumnKind.MONEY, decimals(paid, outcome.currency.digits))
    if allocation.kept_back is not None:
        kept_back = decimals(allocation.kept_back[order], outcome.currency.digits)
        columns["withheld"] = TableColumn(ColumnKind.MONEY, kept_back)
    columns["share"] = TableColumn(ColumnKind.SHARE, shares(paid, allocation.pool))
    columns["currency"] = currency_of(outcome, len(order))
    return table_of(columns)


def in_parts(order: Ints) -> Iterator[Ints]:
    """Cut an order into parts, at least one."""
    return (order[first : first + PART_ROWS] for first in range(0, max(1, len(order)), PART_ROWS))


SECOND_DIGITS = 3


def by_payout(outcome: Outcome) -> Ints:
    """Return int64[artists]: the artists by the first rule's payout, descending, then by artist id in bytes."""
    return np.argsort(-outcome.payouts[0].allocation.paid, kind="stable")


def artist_names(outcome: Outcome, artist: pa.Array) -> pa.Array:
    """Look up the names of artist ids, large_string[n]; null where the artist file has none."""
    keys = pa.array(list(outcome.names), pa.large_string())
    names = pa.array(list(outcome.names.values()), pa.large_string())
    return names.take(pc.index_in(artist.cast(pa.large_string()), value_set=keys))


def artist_columns(outcome: Outcome, order: Ints) -> dict[str, TableColumn]:
    """Return `artist`, `name` (only with an artist file), `plays`, `seconds` and `listeners`, in the order given.

    Where artists are merged `artists` says before the plays how many a line is of; `listeners` is null where several,
    and wherever nobody knows them.

    `seconds` is an exact decimal with 3 digits (milliseconds / 1000). The column is always there, so that the shape
    of a table does not depend on the log, and is null throughout where the log has no duration.
    """
    artist = outcome.artist.take(pa.array(order))
    columns = {"artist": TableColumn(ColumnKind.KEY, artist)}
    if outcome.names:
        columns["name"] = TableColumn(ColumnKind.NAME, artist_names(outcome, artist))
    if outcome.merged is not None:
        columns["artists"] = TableColumn(ColumnKind.COUNT, pa.array(outcome.merged.artists[order]))
    columns["plays"] = TableColumn(ColumnKind.COUNT, pa.array(outcome.plays[order]))
    if outcome.ms is None:
        seconds = pa.nulls(len(order), pa.decimal128(38, SECOND_DIGITS))
    else:
        seconds = decimals(outcome.ms[order], SECOND_DIGITS)
    columns["seconds"] = TableColumn(ColumnKind.SECONDS, seconds)
    listeners = outcome.listeners[order]
    known = pa.array(listeners, mask=None if listeners.all() else listeners == 0)
    columns["listeners"] = TableColumn(ColumnKind.COUNT, known)
    return columns


INTENSITY_DIGITS = 4


def comparison(outcome: Outcome) -> Iterator[pa.Table]:
    """Yield the table `fairpay compare` writes, in parts: a row per artist, by the first payout, then by id in bytes.

    Columns: `artist`, `name` (only with an artist file), `plays`, `seconds` (see `artist_columns`), `listeners`; one
    per rule, its payout in major units, decimal128 with the currency's digits; for each rule after the first,
    `<rule>_difference` (the same type) and `<rule>_change_percent` (decimal128, 2 digits, half to even, null where the
    first rule pays nothing); `fan_intensity` (float64, 4 digits, see `fan_intensity`); `currency`.
    Two rules that would share a column are told apart by `_2`, `_3` at the end of the later one.
    """
    intensity = fan_intensity(outcome)
    for order in in_parts(by_payout(outcome)):
        yield comparison_rows(outcome, order, intensity[order])


def comparison_rows(outcome: Outcome, order: Ints, intensity: NDArray[np.float64]) -> pa.Table:
    """Return the rows of some artists."""
    digits = outcome.currency.digits
    columns = artist_columns(outcome, order)
    paid = [payout.allocation.paid[order] for payout in outcome.payouts]
    names: list[str] = []
    for payout, amounts in zip(outcome.payouts, paid, strict=True):
        names.append(free_name(payout.rule.column, columns))
        columns[names[-1]] = TableColumn(ColumnKind.MONEY, decimals(amounts, digits))
    for name, amounts in zip(names[1:], paid[1:], strict=True):
        gained, change = decimals(amounts - paid[0], digits), change_percent(paid[0], amounts)
        columns[free_name(f"{name}_difference", columns)] = TableColumn(ColumnKind.DIFFERENCE, gained)
        columns[free_name(f"{name}_change_percent", columns)] = TableColumn(ColumnKind.PERCENT, change)
    columns["fan_intensity"] = TableColumn(ColumnKind.RATIO, pa.array(intensity, mask=np.isnan(intensity)))
    columns["currency"] = currency_of(outcome, len(order))
    return table_of(columns)


def penalties(outcome: Outcome) -> pa.Table:
    """Return what `penalties.csv` holds: a row for each artist who is charged or gets a part, by artist id in bytes.

    Columns: `artist`, `name` (only with an artist file); for each rule, in major units, `would_have_earned` (what the
    artist's excluded plays would have been paid), `penalty` (below zero), `shared` (what the artist gets of the
    penalties); `currency`. In a comparison the rule stands before each.
    """
    found = outcome.penalties
    assert found is not None
    ids = outcome.artist.to_pylist()
    lines = {ids[k]: k for k in np.flatnonzero(np.any(found.shared, axis=0)).tolist()}
    artists = sorted({*lines, *(line.artist for line in found.lines)}, key=str.encode)
    row = {artist: place for place, artist in enumerate(artists)}
    names = pa.array(artists, pa.large_string())
    columns = {"artist": TableColumn(ColumnKind.KEY, names)}
    if outcome.names:
        columns["name"] = TableColumn(ColumnKind.NAME, artist_names(outcome, names))
    for k, payout in enumerate(outcome.payouts):
        units = np.zeros((3, len(artists)), dtype=np.int64)
        for line in found.lines:
            units[:2, row[line.artist]] += (line.earned[k], -line.charged[k])
        units[2, [row[artist] for artist in lines]] = found.shared[k][[*lines.values()]]
        before = f"{payout.rule.column}_" if len(outcome.payouts) > 1 else ""
        for name, values in zip(("would_have_earned", "penalty", "shared"), units, strict=True):
            kind = ColumnKind.MONEY if name == "would_have_earned" else ColumnKind.DIFFERENCE
            columns[free_name(before + name, columns)] = TableColumn(kind, decimals(values, outcome.currency.digits))
    columns["currency"] = currency_of(outcome, len(artists))
    return table_of(columns)


def free_name(wanted: str, taken: Mapping[str, TableColumn]) -> str:
    """Return the name, or the first of `name_2`, `name_3`, ... that is not taken."""
    if wanted not in taken:
        return wanted
    return next(name for n in range(2, len(taken) + 3) if (name := f"{wanted}_{n}") not in taken)


def fan_intensity(outcome: Outcome) -> NDArray[np.float64]:
    """Return float64[artists]: how heavily an artist's listeners listen for what they pay, against everybody's mean.

    It is the artist's market-centric share over its user-centric share (RULES section 4). With f the fees, L the
    listening and s_j the share of a user's listening that goes to artist j, that is the mean of L/f over listeners,
    weighted by f·s_j, divided by ΣL/Σf; with equal fees, simply how much its listeners play against the average.
    A number without a unit, to 4 digits; NaN where no listener of the artist pays anything. No amount is made from it.
    """
    market, user = outcome.market_weight, outcome.user_weight
    market_sum, user_sum = max(1, sum_exactly(market)), max(1, sum_exactly(user))
    result = market / market_sum
    np.divide(result, user / user_sum, out=result, where=user > 0)
    result[user <= 0] = np.nan
    return np.round(result, INTENSITY_DIGITS, out=result)


PRECISION = 38
"""Digits of every decimal column: what Arrow, Parquet and DuckDB all carry."""
PERCENT_DIGITS = 2
SHARE_DIGITS = 10
WORD = 64


def why(first: Rule, second: Rule, *, equal_fees: bool) -> Callable[[float | None, int | None, int], str]:
    """Return what gives an artist's reason: of its fan intensity (None: nobody pays), listeners (None) and plays.

    Where one rule lets heavy listeners steer more and the other holds them back it is the fan intensity, which between
    market- and user-centric is exactly what the change comes from (see `fan_intensity`);
    elsewhere the words are the artist's listening and no claim.
    """
    claims = {first.heavy, second.heavy} == {Heavy.STEERS_MORE, Heavy.IS_HELD_BACK}

    def told(intensity: float | None, listeners: int | None, plays: int) -> str:
        if not claims:
            return listened_to(listeners, plays)
        if intensity is None:
            return "none of its listeners pays"
        if equal_fees:
            return f"its listeners play {times(intensity)} the average"
        return f"listening per fee is {times(intensity)} the average"

    return told


def listened_to(listeners: int | None, plays: int) -> str:
    """`12 listeners, 340 plays`; of listeners that are not told, the plays alone."""
    told = [] if listeners is None else [counted(listeners, "listener")]
    return ", ".join([*told, counted(plays, "play")])


def decimals(
    units: Ints, digits: int, *, missing: NDArray[np.bool_] | None = None, wide: Mapping[int, int] | None = None
) -> pa.Array:
    """Make decimal128(38, digits) of int64[n] units: 999 with 2 digits is 9.99.

    Args:
        units: int64[n], in units of 10^-digits.
        digits: digits after the point.
        missing: bool[n]: where the result is null.
        wide: position -> units that int64 cannot hold.

    """
    words = np.empty((len(units), 2), dtype="<i8")
    words[:, 0] = units
    np.right_shift(units, WORD - 1, out=words[:, 1])
    for place, value in (wide or {}).items():
        words[place] = np.frombuffer(value.to_bytes(16, "little", signed=True), dtype="<i8")
    validity = None if missing is None else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(pa.decimal128(PRECISION, digits), len(units), [validity, pa.py_buffer(words)])


def currency_of(outcome: Outcome, rows: int) -> TableColumn:
    """Return the column beside amounts that says what they are in: large_string[rows], ISO 4217 codes."""
    return TableColumn(ColumnKind.CURRENCY, pa.repeat(pa.scalar(outcome.currency.code, pa.large_string()), rows))


def change_percent(before: Ints, after: Ints) -> pa.Array:
    """Return 100 · (after - before) / before as decimal128(38, 2), half to even; null where `before` is 0.

    Amounts are int64[n], none negative. The few changes of more than 9.2e14 units, where 10^4 times the change leaves
    int64, are worked out in Python integers: amounts sum to at most 2^62, so there are at most 10^4 of them.
    """
    scale = 100 * 10**PERCENT_DIGITS
    change = after - before
    fits = np.abs(change) <= np.iinfo(np.int64).max // scale
    divisor = np.maximum(before, 1)
    quotient, rest = np.divmod(np.where(fits, change, 0) * scale, divisor)
    twice = 2 * rest
    quotient += (twice > divisor) | ((twice == divisor) & (quotient % 2 == 1))
    wide = {
        int(i): round(Fraction(int(change[i]) * scale, int(before[i]))) for i in np.flatnonzero(~fits & (before > 0))
    }
    return decimals(quotient, PERCENT_DIGITS, missing=before == 0, wide=wide)


def shares(paid: Ints, pool: int) -> pa.Array:
    """Return paid / pool as decimal128(38, 10), half to even; null where the pool is 0.

    `paid` is int64[n], none negative, none above `pool`; `pool` is at most 2^62.
    """
    if pool == 0:
        return decimals(paid, SHARE_DIGITS, missing=np.ones(len(paid), dtype=np.bool_))
    quotient = np.empty(len(paid), dtype=np.int64)
    rest = np.empty(len(paid), dtype=np.uint64)
    words.apportion(paid, np.uint64(pool), np.uint64(10**SHARE_DIGITS), quotient, rest)
    twice = 2 * rest
    quotient += (twice > pool) | ((twice == pool) & (quotient % 2 == 1))
    return decimals(quotient, SHARE_DIGITS)


def chosen(parts: Iterable[pa.Table], *, sort: str | None = None, top: int | None = None) -> Iterator[pa.Table]:
    """Yield the rows of a table in its own order, or by a column; the first `top` of them, or all (0, None).

    A column of texts goes from A (by bytes), any other from the largest; `+` before its name asks for the smallest
    first, `-` for the largest. Nothing comes last, and rows that are equal stay in the order of the table.

    Raises:
        UsageError: the table has no such column.

    """
    if sort is not None:
        whole = pa.concat_tables(parts)
        column = sort if sort in whole.column_names else sort.removeprefix("+").removeprefix("-")
        if column not in whole.column_names:
            message = f"--sort {sort}: the table has no such column"
            known = f"Its columns: {', '.join(whole.column_names)}."
            raise UsageError(message, advice=nearest(column, whole.column_names) or known)
        keys = pl.DataFrame({"key": whole[column]}).with_row_index()
        falling = sort.startswith("-") if column != sort else keys.schema["key"] != pl.String
        order = keys.sort("key", descending=falling, nulls_last=True, maintain_order=True)["index"]
        parts = [whole.take(order.to_arrow())]
    left = top or None
    for part in parts:
        yield part if left is None else part[:left]
        if left is not None and (left := max(0, left - part.num_rows)) == 0:
            return


class Shown:
    """A result with a table: a frame of Polars, which a notebook shows as Polars does."""

    __slots__ = ()

    @property
    def table(self) -> pl.DataFrame:
        """The table; a result that has it in Arrow need not state it."""
        return pl.DataFrame(self.arrow)  # type: ignore[attr-defined] # see above

    @property
    def groups(self) -> Mapping[str, pa.Table]:
        """Tables of groups by column; a result that has some states them."""
        return {}

    @property
    def parts(self) -> Iterator[pa.Table]:
        """The table in parts, for files; a result that makes it in parts states them."""
        return iter([self.arrow])  # type: ignore[attr-defined] # see above

    def _repr_html_(self) -> str:
        """Show the table."""
        html: str = self.table._repr_html_()
        return html
