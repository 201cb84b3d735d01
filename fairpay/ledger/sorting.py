"""Sorting: which pool each play and each subscriber belongs to, under which id an artist is known, what is excluded."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.adjust.payers import Payers
from fairpay.engine.keys import as_series
from fairpay.errors import InputError, Problem
from fairpay.ledger.pools import ROLE_OF, find_pool
from fairpay.ledger.tables import read_table
from fairpay.logs.cells import to_arrow
from fairpay.logs.faults import Faults
from fairpay.logs.names import KNOWN, PAID
from fairpay.logs.tables import Totals, column_for, open_table, read_columns
from fairpay.money.amounts import read_amounts
from fairpay.money.counts import counted
from fairpay.money.currency import Currency
from fairpay.money.integers import sum_exactly
from fairpay.qualify.columns import read_moments

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Codes, Ints
    from fairpay.ledger.pools import Pool
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.qualify import Qualifier

__all__ = ["Exclusions", "PoolFinder", "Sorter", "Sorting", "read_exclusions", "read_payers"]

COLUMNS = ("user", "artist", "track", "time")
NAMES = {
    "user": ("user_id", "userid"),
    "artist": ("artist_id",),
    "track": ("track_id", "isrc"),
    "time": ("timestamp", "ts"),
}
WORDS = ("reason", "note")
"""Columns for people, which state nothing of a play."""
MARK = "\x1f"
"""Stands between the parts of a joined key; a control character no id holds."""
MOMENT = "\x1e"
"""Stands before a time that was read."""


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Users or plays found fraudulent: what does not count, by which columns say so."""

    keys: Mapping[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    """columns -> joined values: a row is out when its values in these columns are among them."""
    met: set[tuple[tuple[str, ...], str]] = field(default_factory=set, compare=False)
    """Which of them matched a row so far, as columns and joined values; added to from several threads."""

    @property
    def roles(self) -> tuple[str, ...]:
        """The log columns needed to tell."""
        return tuple(sorted({column for columns in self.keys for column in columns}))

    def check(self, columns: Collection[str]) -> None:
        """Refuse lines that state what the log does not say.

        Args:
            columns: the roles the log has.

        Raises:
            InputError: with each column that is missing.

        """
        missing = [role for role in self.roles if role not in columns]
        problems = [
            Problem(sum(len(values) for own, values in self.keys.items() if role in own), f"lines state a {role}", "")
            for role in missing
        ]
        if problems:
            message = f"the log has no column for {' and none for '.join(missing)}, which lines of the exclusions state"
            raise InputError(message, problems=problems, advice="Name it with --columns, or state what the log holds.")

    def lines(self) -> list[tuple[tuple[str, ...], str]]:
        """Return every line: columns, and joined values; in the same order everywhere."""
        return [(columns, value) for columns, values in sorted(self.keys.items()) for value in sorted(values)]

    def remarks(self) -> tuple[str, ...]:
        """Say how many lines matched nothing."""
        lines = sum(len(values) for values in self.keys.values())
        idle = lines - len(self.met)
        return (f"Exclusions: {idle:,} of {lines:,} lines match no row of the log",) if idle else ()

    def match(self, raw: RawBatch) -> NDArray[np.bool_]:
        """bool[rows]: which rows are out."""
        rows = len(raw.columns["user"])
        out = pl.repeat(value=False, n=rows, eager=True)
        for columns, values in self.keys.items():
            if rows and all(column in raw.columns for column in columns):
                cells = {c: moments(raw.columns[c]) if c == "time" else as_series(raw.columns[c]) for c in columns}
                key = pl.select(pl.concat_str(*cells.values(), separator=MARK)).to_series()
                here = key.is_in(list(values)).fill_null(value=False)
                self.met.update((columns, value) for value in key.filter(here).unique())
                out |= here
        found: NDArray[np.bool_] = out.to_numpy()
        return found


def read_exclusions(paths: Iterable[Path]) -> Exclusions:
    """Read tables with any of user, artist, track and time; each line names the plays that match all it states.

    Times match as moments, however they are written, as far as they can be read; else as text.

    Raises:
        InputError: a column that is none of these, or a line that states nothing.

    """
    found: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for path in paths:
        faults = Faults(path.name)
        lines = read_table(path, names=NAMES, needed=())
        unknown = [column for column in (lines[0].values if lines else ()) if column not in {*COLUMNS, *WORDS}]
        if unknown:
            columns = counted(len(unknown), "column that says", "columns that say")
            message = f"{path.name} has {columns} nothing known: {', '.join(unknown)}"
            advice = f"Name them {', '.join(COLUMNS)}, or {' or '.join(WORDS)} for a person's words; leave others out."
            raise InputError(message, advice=advice)
        for line in lines:
            stated = {column: line.values[column] for column in COLUMNS if line.values.get(column)}
            if not stated:
                faults.add("a line names no user, artist, track or time", line.number)
            elif "time" in stated:
                stated["time"] = moments(pa.array([stated["time"]], pa.large_string()))[0]
            found[tuple(stated)].add(MARK.join(stated.values()))
        faults.stop(
            "Give columns among user, artist, track and time; a line that states nothing would remove all plays."
        )
    return Exclusions({columns: frozenset(values) for columns, values in sorted(found.items())})


def moments(column: pa.Array) -> pl.Series:
    """Times as microseconds since 1970 UTC, marked as such; as they are written where they cannot be read."""
    try:
        read = read_moments(column)
    except InputError:
        return as_series(column)
    unread, marked = read.bad(), MOMENT + pl.Series(read.value).cast(pl.String)
    return marked if unread is None else as_series(column).zip_with(pl.Series(unread), marked)


@dataclass(slots=True)
class PoolFinder:
    """Finds the pool of rows by their keys, each different one once. Called from several threads."""

    pools: Sequence[Pool]
    columns: tuple[str, ...]
    """The key columns that decide."""
    known: dict[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def no_pool(self) -> int:
        """The code of what is in no pool."""
        return len(self.pools)

    def code(self, key: tuple[str, ...]) -> int:
        """The pool of a key."""
        if key not in self.known:
            index = find_pool(self.pools, self.columns, key)
            self.known[key] = self.no_pool if index is None else index
        return self.known[key]

    def place(self, keys: Sequence[pa.Array], rows: int) -> pl.DataFrame:
        """The key columns, where nothing counts as empty text, and the `pool` of each row: its index, or `no_pool`."""
        if not keys:
            return pl.select(pool=pl.repeat(0, rows, dtype=pl.UInt32))
        cells = [key if pa.types.is_dictionary(key.type) else as_series(key) for key in keys]
        frame = pl.DataFrame(dict(zip(self.columns, cells, strict=True))).fill_null("")
        different = frame.unique()
        codes = pl.Series([self.code(key) for key in different.iter_rows()], dtype=pl.UInt32)
        return frame.join(different.with_columns(pool=codes), on=self.columns, how="left", maintain_order="left")


@dataclass(slots=True)
class Sorter:
    """Judges rows, and says more of each than whether it counts. Called from several threads."""

    judge: Callable[[RawBatch, Codes], Listens]
    finder: PoolFinder
    aliases: Mapping[str, str] = field(default_factory=dict)
    """wrong artist -> right artist."""
    exclusions: Exclusions = field(default_factory=Exclusions)
    payers: Payers = field(default_factory=Payers)
    """Subscribers, who say whose pool it is where the log does not."""
    without_pool: Counter[str] = field(default_factory=Counter)
    """key values (`DE/premium`) -> rows that count and that no pool covers."""
    users: pl.DataFrame | None = None
    lock: Lock = field(default_factory=Lock)

    def __call__(self, raw: RawBatch) -> Listens:
        """Judge a batch; `pool` of the result is a pool's index, or behind these no pool, then excluded."""
        if not raw.columns:
            return replace(self.judge(raw, no_codes := np.zeros(0, dtype=np.uint32)), pool=no_codes)
        placed = self.place(raw)
        codes = placed["pool"].to_numpy()
        listens = self.judge(raw, codes)
        self.note(placed.filter(pl.Series(listens.used & (codes == self.finder.no_pool))).drop("pool"))
        if self.exclusions.keys:
            codes = np.where(self.exclusions.match(raw), np.uint32(self.finder.no_pool + 1), codes)
        artist = listens.artist
        if self.aliases:
            artist = to_arrow(as_series(artist).replace(self.aliases))
        return replace(listens, pool=codes, artist=artist)

    def place(self, raw: RawBatch) -> pl.DataFrame:
        """The `pool` of each row by its keys, else by its user, as the subscriber file has it.

        Raises:
            InputError: neither the log nor the subscribers say it.

        """
        roles = [ROLE_OF[column] for column in self.finder.columns]
        missing = [role for role in roles if role not in raw.columns]
        if missing and self.payers.lines:
            with self.lock:
                if self.users is None:
                    users, pools = self.payers.pool_of_user()
                    self.users = pl.DataFrame({"user": users, "pool": pools}).cast({"pool": pl.UInt32})
            own = pl.DataFrame({"user": as_series(raw.columns["user"])})
            found = own.join(self.users, on="user", how="left", maintain_order="left")
            return found.select(pl.lit("no subscriber").alias("why"), pl.col("pool").fill_null(self.finder.no_pool))
        if missing:
            message = f"the log has no column for {' and none for '.join(missing)}, which the pools are told apart by"
            raise InputError(message, advice=f"Name it: --columns {missing[0]}=COLUMN, or use fewer keys: --pool-by.")
        return self.finder.place([raw.columns[role] for role in roles], len(raw.columns["user"]))

    def note(self, lost: pl.DataFrame) -> None:
        """Count rows that count and that no pool covers, by their key."""
        if lost.height:
            counts = lost.group_by(pl.all()).len().rows()
            with self.lock:
                self.without_pool.update({"/".join(key): rows for *key, rows in counts})


class CountingTerms(Protocol):
    """Which listens count in which pool."""

    def judge(self, qualifier: Qualifier) -> Callable[[RawBatch, Codes], Listens]:
        """Judge rows, each under the terms of its pool."""


@dataclass(frozen=True, slots=True)
class Sorting:
    """Makes sorters, as `intake.Judging`."""

    terms: CountingTerms
    pools: Sequence[Pool]
    columns: tuple[str, ...]
    """The key columns that tell pools apart."""
    aliases: Mapping[str, str]
    exclusions: Exclusions
    without_pool: Counter[str] = field(default_factory=Counter)
    """Of the last reading: key values (`DE/premium`) -> rows that count and that no pool covers."""

    def __call__(self, qualifier: Qualifier, payers: Payers) -> Sorter:
        """Return what sorts the plays of one reading."""
        self.without_pool.clear()
        finder = PoolFinder(self.pools, self.columns)
        return Sorter(
            self.terms.judge(qualifier), finder, self.aliases, self.exclusions, payers, without_pool=self.without_pool
        )

    def noted(self) -> dict[str, int]:
        """Return rows without a pool, and which exclusions matched a row, by their places."""
        lines = {line: f"excluded {place}" for place, line in enumerate(self.exclusions.lines())}
        return {
            **{f"without a pool {key}": rows for key, rows in self.without_pool.items()},
            **dict.fromkeys((lines[one] for one in self.exclusions.met), 1),
        }

    def note(self, counts: Mapping[str, int]) -> None:
        """Have met what readings elsewhere did."""
        for name, rows in counts.items():
            if name.startswith(begin := "without a pool "):
                self.without_pool[name.removeprefix(begin)] += rows
        self.exclusions.met.update(
            line for place, line in enumerate(self.exclusions.lines()) if f"excluded {place}" in counts
        )


def read_payers(path: Path, pools: Sequence[Pool], columns: tuple[str, ...], *, currency: str) -> Payers:
    """Read user, paid and the key columns; `currency` is that of payments outside every pool that name none.

    Raises:
        InputError: a column is missing, a user is empty, or a payment is no amount.

    """
    table, finder = open_table(path), PoolFinder(pools, columns)
    faults, totals = Faults(path.name), Totals()
    wanted = {"user": KNOWN["user"], "amount paid": PAID}
    wanted |= {column: (column, *KNOWN.get(ROLE_OF[column], ())) for column in columns}
    user, amount, *keys = (column_for(table.names, names, what=what, where=path) for what, names in wanted.items())
    money = next((name for name in table.names if name.lower() == "currency"), None)
    parts: dict[int, list[tuple[pa.Array, Ints]]] = defaultdict(list)
    outside: list[pa.Array] = []
    lost: Counter[str] = Counter()
    lines = 0
    for *_, cells in read_columns(table, list(dict.fromkeys([user, amount, *keys, *([money] if money else [])]))):
        users, paid = as_series(cells[user]), cells[amount]
        for row in (users.fill_null("") == "").arg_true():
            faults.add("user is empty", lines + row + 1)
        placed = finder.place([cells[key] for key in keys], len(users)).select("pool").with_row_index("row")
        named = pl.lit("") if money is None else pl.lit(as_series(cells[money]).fill_null(""))
        named = pl.when(pl.col("pool") == finder.no_pool).then(named).otherwise(pl.lit(""))
        for (code, name), part in sorted(placed.group_by("pool", named), key=lambda group: group[0]):
            rows = part["row"].to_numpy()
            own = pools[code].currency if code < finder.no_pool else Currency.of(name or currency)
            units = units_of(paid.take(rows), own, faults, rows + lines + 1)
            totals.watch(to_arrow(users.gather(rows)), units, rows + lines + 1, own)
            if code < finder.no_pool:
                parts[code].append((to_arrow(users.gather(rows)), units))
            else:
                outside.append(to_arrow(users.gather(rows)))
                lost[own.code] += sum_exactly(units)
        lines += len(users)
    totals.note(faults)
    faults.stop("Correct the subscribers: a line for each user and pool, amounts with a decimal point, such as 9.99.")
    if not lines:
        message = f"{path.name} holds no subscriber"
        raise InputError(message, advice="It is empty, or holds only a header.")
    without = sum(len(users) for users in outside)
    return Payers(dict(parts), lines, without, dict(sorted(lost.items())), outside)


def units_of(paid: pa.Array, currency: Currency, faults: Faults, lines: NDArray[np.int64]) -> Ints:
    """int64[rows]: what was paid, in minor units; what cannot be read is noted with its line."""
    amounts = read_amounts(paid, role="paid", digits=currency.digits)
    for place in () if amounts.how is None else np.flatnonzero(amounts.how).tolist():
        reason = f"paid is not an amount of {currency.code}: {paid[place].as_py()}"
        faults.add(reason[:80], int(lines[place]))
    return amounts.value
