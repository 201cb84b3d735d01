"""The model of the books: a month's ledger, one append-only table of integer minor units whose bytes repeat.

Amounts are int64 in the ledger and summed in int128, where no sum of them can wrap. Nothing here is a float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from fairpay.errors import UnbalancedError, UsageError
from fairpay.money.currency import format_units
from fairpay.money.rounding import largest_remainder_exact

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from fractions import Fraction


__all__ = [
    "EMPTY",
    "INTO",
    "MINOR",
    "MONTH",
    "PAYEE",
    "PENALTIES",
    "STANDS",
    "Booking",
    "Kind",
    "Ledger",
    "Row",
    "after",
    "apportion",
    "bounds",
    "by",
    "check_period",
    "current",
    "in_words",
    "is_kind",
    "kinds_of",
    "less",
    "plus",
    "pool_sums",
    "read_ledger",
    "read_rows",
    "signed",
    "summed",
    "wide",
]


PAYEE = "payee"
"""The account a ledger row stands on: one side of every kind."""


class Kind(StrEnum):
    """What a ledger row is: its debit and credit, its column in statements, and its words on the screen of a month.

    Declared in the order in which a month is worked out. An amount above zero is taken from the debit side and given
    to the credit side, one below zero goes the other way. Kinds without words come to nothing in total: not shown.
    """

    debit: str
    credit: str
    column: str
    words: str

    CARRY_IN = "carry_in", "balances", PAYEE, "opening_balance", "brought forward"
    EARNED = "earned", "royalty pool", PAYEE, "earned", "earned"
    MINIMUM_TOPUP = "minimum_topup", "royalty pool", PAYEE, "minimum_topup", "minimum top-up"
    WITHHELD = "withheld", "platform", PAYEE, "withheld", "withheld for the platform"
    SPLIT_IN = "split_in", "account that is divided", PAYEE, "split_from_others", ""
    SPLIT_OUT = "split_out", "payees it is divided among", PAYEE, "split_to_others", ""
    PENALTY = "penalty", "penalties", PAYEE, "penalties", "penalties"
    PENALTY_SHARE = "penalty_share", "penalties", PAYEE, "penalties_shared", "penalties shared"
    ADJUSTMENT = "adjustment", "royalty pool of a closed month", PAYEE, "adjustments", "adjustments"
    FEE = "fee", "fees", PAYEE, "fees", "fees"
    SUSPENSE_RELEASE = "suspense_release", "suspense account", PAYEE, "suspense_released", "suspense released"
    RESERVE_RELEASE = "reserve_release", "reserve", PAYEE, "reserve_released", "reserve released"
    RECOUP = "recoup", "advances", PAYEE, "recouped", "recouped"
    TAX = "tax", "taxes", PAYEE, "tax_withheld", "tax withheld"
    RESERVE_HOLD = "reserve_hold", PAYEE, "reserve", "reserve_held", "reserve held"
    SUSPENSE = "suspense", PAYEE, "suspense account", "suspended", "to suspense"
    CARRY_OUT = "carry_out", PAYEE, "balances", "closing_balance", "carried forward"
    PAYABLE = "payable", PAYEE, "payables", "payable", "payable"

    def __new__(cls, value: str, debit: str, credit: str, column: str, words: str) -> Self:
        """Make one of its declaration."""
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.debit, kind.credit, kind.column, kind.words = debit, credit, column, words
        return kind


INTO = frozenset(kind for kind in Kind if kind.credit == PAYEE)
"""What changed a payee's balance: above zero in the payee's favour. Per payee and currency, INTO sums to STANDS."""
STANDS = frozenset(Kind) - INTO
"""Where money stands at the end of the month: an amount above zero says it went there."""
PENALTIES = (Kind.PENALTY, Kind.PENALTY_SHARE)
LATER = {3: frozenset({Kind.TAX}), 4: frozenset({Kind.WITHHELD, *PENALTIES})}
"""Schema of the books -> the kinds it brought; tables of earlier months have no columns for them."""
MINOR = "amount_minor"
"""What the amounts of a ledger file are called: whole minor units, where other tables have decimals."""


def kinds_of(schema_version: int) -> list[Kind]:
    """The kinds that books of a schema have, in their order."""
    later = frozenset[Kind]().union(*(kinds for since, kinds in LATER.items() if since > schema_version))
    return [kind for kind in Kind if kind not in later]


class Row(NamedTuple):
    """One line of the ledger. Empty text stands for none."""

    run_id: str
    period: str
    pool: str
    """The pool the money comes from; empty for what concerns a payee's whole account."""
    payee: str
    """Whose account: a payee, an artist that is its own payee, or suspense: `unmatched:ARTIST`, `unallocated:`."""
    kind: str
    amount: int
    """Minor units of `currency`."""
    currency: str
    scale: int
    """Digits of the minor unit."""
    counterparty: str = ""
    """Whose money is divided (`split_in`), whose plays were excluded (`penalty`), or the name of the advance that is
    earned back (`recoup`)."""
    ref_run_id: str = ""
    """The run a row refers to: the closed month an adjustment corrects, the month that held what is released."""
    ref_period: str = ""
    reason: str = ""
    """For people; no amount depends on it."""


TYPES: dict[str, pl.DataType] = {
    **dict.fromkeys(Row._fields, pl.Categorical()),
    "kind": pl.Enum([kind.value for kind in Kind]),
    "amount": pl.Int64(),
    "scale": pl.Int32(),
}
EMPTY = pl.DataFrame(schema=TYPES)
ORDER = ("payee", "currency", "kind", "pool", "ref_period", "ref_run_id", "counterparty", "reason", "amount")
"""Payee first, then the month's own order; what is left out is the same in all rows of a ledger."""
GROUP_ROWS = 1 << 20


@dataclass(frozen=True, slots=True)
class Ledger:
    """Ledger rows as columns; to be iterated where there are few."""

    frame: pl.DataFrame
    """The columns of `Row`: texts are categorical, kinds an enum, amounts int64."""

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Ledger:
        """Make a ledger of rows, in the order they are given.

        Raises:
            UnbalancedError: when an amount leaves int64.

        """
        return cls.made(pl.DataFrame(list(rows), schema={**TYPES, "amount": pl.Int128()}, orient="row"))

    @classmethod
    def made(cls, frame: pl.DataFrame, **same: str | int) -> Ledger:
        """Make a ledger of some columns; `same` are values of all rows, whatever a column says; others are empty.

        Raises:
            UnbalancedError: when an amount leaves int64.

        """
        beyond = frame.filter(pl.col("amount").cast(pl.Int64, strict=False).is_null())
        if beyond.height:
            message = f"an amount of {beyond['amount'][0]} minor units is beyond what a ledger holds"
            raise UnbalancedError(message, advice="Use a currency with fewer digits, or divide the pool.")
        whole = [
            pl.col(name).cast(kind)
            if name in frame.columns and name not in same
            else pl.lit(same.get(name, ""), dtype=kind).alias(name)
            for name, kind in TYPES.items()
        ]
        return cls(frame.select(whole))

    @classmethod
    def joined(cls, parts: Iterable[Ledger]) -> Ledger:
        """All rows of some ledgers, one after another."""
        return cls(pl.concat([EMPTY, *(part.frame for part in parts)]))

    def __len__(self) -> int:
        """How many rows."""
        return self.frame.height

    def __iter__(self) -> Iterator[Row]:
        """Row by row."""
        return (Row(*values) for values in self.frame.iter_rows())

    def where(self, condition: pl.Expr) -> Ledger:
        """The rows a condition holds for."""
        return Ledger(self.frame.filter(condition))

    def of_kinds(self, kinds: Collection[Kind]) -> Ledger:
        """The rows of some kinds."""
        return self.where(is_kind(*kinds))

    def booked_by(self, run_id: str) -> Ledger:
        """The same rows, as another run writes them."""
        return Ledger(self.frame.with_columns(run_id=pl.lit(run_id, dtype=pl.Categorical)))

    def sorted(self) -> Ledger:
        """In ledger order: by the bytes of the payee, the currency, the kind, the pool, the reference."""
        keys = pl.DataFrame([ranks(self.frame[name]) for name in ORDER])
        apart = [name for name in ORDER if keys[name].min() != keys[name].max()] or ORDER[:1]
        return Ledger(self.frame[keys.select(pl.arg_sort_by(apart)).to_series()])

    def largest(self, count: int) -> Ledger:
        """The rows of the largest amounts, of either sign; of equal ones those of the smaller pool and payee first."""
        size, order = pl.col("amount").cast(pl.Int128).abs(), ("pool", "payee", "currency", "amount")
        return Ledger(self.frame.sort(size, *order, descending=[True, *(False for _ in order)])[:count])

    def tables(self, rows: int = GROUP_ROWS) -> Iterator[pa.Table]:
        """The rows as Arrow tables with the columns of a ledger file, some at a time; at least one."""
        target = schema(WRITTEN)
        texts = pl.col(*(name for name in WRITTEN if name not in {MINOR, "scale"})).cast(pl.String)
        for start in range(0, max(1, len(self)), rows):
            yield self.written[start : start + rows].with_columns(texts).to_arrow().cast(target)

    @property
    def written(self) -> pl.DataFrame:
        """The rows with the columns of a ledger file."""
        return self.frame.rename({"amount": MINOR})


def ranks(column: pl.Series) -> pl.Series:
    """Number texts by their order, which sorts millions of rows in half the time; numbers are that already."""
    if column.dtype == pl.Int64:
        return column
    distinct = column.unique().sort()
    codes = distinct.to_physical().to_numpy()
    found = np.zeros(int(codes.max(initial=0)) + 1, dtype=np.uint32)
    found[codes] = np.arange(len(codes))
    return pl.Series(column.name, found[column.to_physical().to_numpy()])


@dataclass(frozen=True, slots=True)
class Booking:
    """What every row of a run shares."""

    run_id: str
    period: str

    def rows(self, found: pl.DataFrame, kind: Kind, **same: str | int) -> Ledger:
        """Make rows of this kind with these columns; `same` are values that all of them share, zeros are left out.

        Raises:
            UnbalancedError: when an amount leaves int64.

        """
        paid = found.filter(pl.col("amount") != 0)
        return Ledger.made(paid, run_id=self.run_id, period=self.period, kind=kind.value, **same)


def is_kind(*kinds: Kind) -> pl.Expr:
    """Whether a row is of these kinds."""
    return pl.col("kind").is_in([kind.value for kind in kinds])


def wide(where: pl.Expr | None = None) -> pl.Expr:
    """The column `amount` in int128; 0 where a condition does not hold."""
    amount = pl.col("amount").cast(pl.Int128)
    return amount if where is None else pl.when(where).then(amount).otherwise(0)


def less() -> pl.Expr:
    """The same with the other sign."""
    return wide() * -1


def signed() -> pl.Expr:
    """What a row adds to what is still to be placed: what comes in adds, what stands somewhere is placed."""
    return wide(is_kind(*INTO)) - wide(is_kind(*STANDS))


def summed(frame: pl.DataFrame, *keys: str) -> pl.DataFrame:
    """One row for each group, in the order in which they are met: its keys, and its `amount` in int128."""
    return frame.group_by(keys, maintain_order=True).agg(wide().sum())


def by(frame: pl.DataFrame, *columns: str) -> dict[tuple[Any, ...], int]:
    """Values of these columns -> sum of the amounts, in the order of the values; for few of them."""
    return {tuple(key): amount for *key, amount in summed(frame, *columns).sort(columns).iter_rows()}


def pool_sums(frame: pl.DataFrame) -> dict[tuple[Any, ...], int]:
    """(pool, currency) -> sum of the amounts."""
    return by(frame, "pool", "currency")


def in_words(frame: pl.DataFrame) -> str:
    """Write the sums by currency as `12.30 EUR + 4.00 USD`; zeros are left out."""
    sums = by(frame, "currency", "scale")
    return " + ".join(f"{format_units(n, scale)} {code}" for (code, scale), n in sums.items() if n) or "0"


def apportion(amount: int, shares: Sequence[int] | Sequence[Fraction]) -> list[int]:
    """Divide an amount of either sign by largest remainder; a negative one mirrors the positive one.

    Args:
        amount: minor units.
        shares: weights, none negative, in the order that ties are served in.

    Returns:
        Amounts that sum to `amount` exactly.

    """
    parts = [int(x) for x in largest_remainder_exact(shares, abs(amount))]
    return [-part for part in parts] if amount < 0 else parts


WRITTEN = tuple(MINOR if name == "amount" else name for name in Row._fields)
"""The columns of a ledger file. In the second schema, amounts were called `amount` there too."""
FIRST = tuple(name for name in Row._fields if name != "counterparty")
"""The columns of the first schema, which had one kind `split`, and said in `reason` what kinds and counterparty say."""
FIRST_KINDS = frozenset((
    "carry_in", "earned", "minimum_topup", "split", "adjustment", "fee", "reserve_release", "recoup", "reserve_hold",
    "suspense", "carry_out", "payable",
))  # fmt: skip


def schema(columns: Sequence[str]) -> pa.Schema:

    types = {"amount": pa.int64(), MINOR: pa.int64(), "scale": pa.int32()}
    return pa.schema([pa.field(name, types.get(name, pa.string()), nullable=False) for name in columns])


def read_ledger(path: str, kinds: Collection[Kind] = ()) -> Ledger:
    """Read a ledger file, or only the rows of some kinds.

    Raises:
        ValueError: when it is not a ledger (also pyarrow's own errors, which are ValueError or OSError).

    """
    parts = (current(rows) for rows in read_rows(path))
    return Ledger.joined(part.of_kinds(kinds) if kinds else part for part in parts)


def read_rows(path: str) -> Iterator[pl.DataFrame]:
    """The rows of a ledger file as they stand there, in the present schema or an earlier one, some at a time.

    Raises:
        ValueError: as in `read_ledger`.

    """
    found = pq.read_schema(path)
    columns = next((own for own in (WRITTEN, Row._fields, FIRST) if found.equals(schema(own))), None)
    if columns is None:
        message = "the columns are not those of a ledger"
        raise ValueError(message)
    known = FIRST_KINDS if columns == FIRST else set(Kind)
    texts = [name for name in columns if TYPES.get(name) == pl.Categorical]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            table.validate(full=True)  # what Arrow takes from a damaged file unseen
            rows = pl.DataFrame(table)
            unknown = set(rows["kind"].unique().to_list()) - known
            if unknown:
                message = f"no ledger row is of the kind {min(unknown)}"
                raise ValueError(message)
            yield rows


def current(rows: pl.DataFrame) -> Ledger:
    """The rows of a ledger file as a ledger; those of the first schema say what they said there."""
    rows = rows.rename({MINOR: "amount"}, strict=False)
    if "counterparty" in rows.columns:
        return Ledger.made(rows)
    kind, reason = pl.col("kind").cast(pl.String), pl.col("reason").cast(pl.String)
    out, back = (kind == "split") & (reason == "to payees"), (kind == "suspense") & (reason == "released")
    named = pl.when((kind == "split") & ~out).then(pl.lit("from ")).when(kind == "recoup").then(pl.lit("advance "))
    return Ledger.made(
        rows.with_columns(
            kind=pl.when(out).then(pl.lit("split_out")).when(kind == "split").then(pl.lit("split_in"))
            .when(back).then(pl.lit("suspense_release")).otherwise(kind),
            amount=pl.when(back).then(less()).otherwise(wide()),
            counterparty=reason.str.strip_prefix(named.otherwise(None)).fill_null(""),
            reason=pl.when(out | back | named.otherwise(None).is_not_null()).then(pl.lit("")).otherwise(reason),
        )
    )  # fmt: skip


MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
MONTHS_A_YEAR = 12


def check_period(text: str) -> str:
    """Return the period, a month such as `2026-10`, if it is one.

    Raises:
        UsageError: when it is not a year and a month.

    """
    if not MONTH.fullmatch(text):
        message = f"{text!r} is not a period"
        raise UsageError(message, advice="Write the year and the month, such as 2026-10.")
    return text


def plus(period: str, months: int) -> str:
    """`2026-11` plus 2 is `2027-01`; months may be negative."""
    count = int(period[:4]) * MONTHS_A_YEAR + int(period[5:]) - 1 + months
    return f"{count // MONTHS_A_YEAR:04d}-{count % MONTHS_A_YEAR + 1:02d}"


def after(period: str) -> str:
    """The period that follows."""
    return plus(period, 1)


def bounds(period: str) -> tuple[int, int]:
    """First microsecond of the period and first after it, since 1970, UTC."""

    def start(text: str) -> int:
        return int(datetime(int(text[:4]), int(text[5:]), 1, tzinfo=UTC).timestamp()) * 1_000_000

    return start(period), start(after(period))
