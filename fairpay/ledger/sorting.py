"""Sorting: which pool each play and each subscriber belongs to, whether it counts there, what is excluded."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING

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
from fairpay.qualify import ByRow
from fairpay.qualify.columns import read_moments

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Codes, Ints
    from fairpay.ledger.pools import Pool
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.qualify import Qualifier
    from fairpay.settings.values import Qualifying

__all__ = ["Exclusions", "QualifyingTerms", "Sorting", "read_exclusions", "read_payers"]

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
DURATIONS = frozenset({"ms", "seconds"})
NO_POOL, OUT = "without a pool ", "excluded "
"""What readings elsewhere count begins with one of these."""


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Users or plays found fraudulent: what does not count, by which columns say so."""

    keys: Mapping[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    """columns -> joined values: a row is out when its values in these columns are among them."""
    met: set[str] = field(default_factory=set, compare=False)
    """Which of them matched a row so far, as a text of columns and joined values; added to from several threads."""

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
                self.met.update(MARK.join((*columns, value)) for value in key.filter(here).unique())
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


@dataclass(frozen=True, slots=True)
class QualifyingTerms:
    """Which listens count in which pool."""

    pools: Mapping[str, Qualifying]
    """Pool name -> its terms, in the order of the pools."""
    rest: Qualifying
    """Those of plays without a pool."""

    @property
    def alike(self) -> bool:
        """Whether all are the same."""
        return all(own == self.rest for own in self.pools.values())

    @property
    def plain(self) -> Qualifying:
        """What a qualifier is made of: the terms of all, or, where they differ, what they have in common."""
        return self.rest if self.alike else replace(self.rest, min_ms=0, measure=None)

    def timed(self, columns: Collection[str]) -> list[bool]:
        """Whether listening is time, in each pool, then in none, of a log with these columns."""
        has = bool(DURATIONS & {*columns})
        without = [name for name, own in self.pools.items() if own.measure == "time" and not has]
        if without:
            pools = f"{counted(len(without), 'pool')} to be measured by time, {without[0]} among them"
            message = f"{pools}, and the log has no duration"
            raise InputError(message, advice="Name it with --columns seconds=NAME or ms=NAME, or measure plays.")
        return [has and own.measure != "plays" for own in (*self.pools.values(), self.rest)]

    def judge(self, qualifier: Qualifier) -> Callable[[RawBatch, Codes], Listens]:
        """Judge rows, each under the terms of its pool."""
        if self.alike:
            return lambda raw, _: qualifier.judge(raw)
        least = np.array([own.min_ms for own in (*self.pools.values(), self.rest)], dtype=np.int64)

        def judge(raw: RawBatch, codes: Codes) -> Listens:
            timed = np.array(self.timed(raw.columns) if raw.columns else [False] * len(least), dtype=np.bool_)
            return qualifier.judge(raw, ByRow(least[codes], timed[codes]))

        return judge


def with_pools(
    find: Callable[[tuple[str, ...]], int], columns: Sequence[str], keys: Sequence[pa.Array], rows: int
) -> pl.DataFrame:
    """The key columns, where nothing counts as empty text, and the `pool` of each row; each key is looked for once."""
    if not keys:
        return pl.select(pool=pl.repeat(0, rows, dtype=pl.UInt32))
    cells = [key if pa.types.is_dictionary(key.type) else as_series(key) for key in keys]
    frame = pl.DataFrame(dict(zip(columns, cells, strict=True))).fill_null("")
    different = frame.unique()
    codes = pl.Series([find(key) for key in different.iter_rows()], dtype=pl.UInt32)
    return frame.join(different.with_columns(pool=codes), on=columns, how="left", maintain_order="left")


@dataclass(slots=True)
class Sorter:
    """Judges rows, and says more of each than whether it counts. Called from several threads."""

    sorting: Sorting
    judge: Callable[[RawBatch, Codes], Listens]
    find: Callable[[tuple[str, ...]], int]
    """The pool of a key."""
    payers: Payers
    """Subscribers, who say whose pool it is where the log does not."""
    users: pl.DataFrame | None = None
    lock: Lock = field(default_factory=Lock)

    def __call__(self, raw: RawBatch) -> Listens:
        """Judge a batch; `pool` of the result is a pool's index, or behind these no pool, then excluded."""
        if not raw.columns:
            return replace(self.judge(raw, no_codes := np.zeros(0, dtype=np.uint32)), pool=no_codes)
        sorting, no_pool = self.sorting, np.uint32(len(self.sorting.pools))
        placed = self.place(raw)
        codes = placed["pool"].to_numpy()
        listens = self.judge(raw, codes)
        lost = placed.filter(pl.Series(listens.used & (codes == no_pool))).drop("pool")
        if lost.height:
            counts = lost.group_by(pl.all()).len().rows()
            with self.lock:
                sorting.without_pool.update({"/".join(key): rows for *key, rows in counts})
        if sorting.exclusions.keys:
            codes = np.where(sorting.exclusions.match(raw), no_pool + 1, codes)
        artist = listens.artist
        if sorting.aliases:
            artist = to_arrow(as_series(artist).replace(sorting.aliases))
        return replace(listens, pool=codes, artist=artist)

    def place(self, raw: RawBatch) -> pl.DataFrame:
        """The `pool` of each row by its keys, else by its user, as the subscriber file has it.

        Raises:
            InputError: neither the log nor the subscribers say it.

        """
        columns = self.sorting.columns
        roles = [ROLE_OF[column] for column in columns]
        missing = [role for role in roles if role not in raw.columns]
        if missing and self.payers.lines:
            with self.lock:
                if self.users is None:
                    users, pools = self.payers.pool_of_user()
                    self.users = pl.DataFrame({"user": users, "pool": pools}).cast({"pool": pl.UInt32})
            own = pl.DataFrame({"user": as_series(raw.columns["user"])})
            found = own.join(self.users, on="user", how="left", maintain_order="left")
            return found.select(pl.lit("no subscriber").alias("why"), pl.col("pool").fill_null(len(self.sorting.pools)))
        if missing:
            message = f"the log has no column for {' and none for '.join(missing)}, which the pools are told apart by"
            raise InputError(message, advice=f"Name it: --columns {missing[0]}=COLUMN, or use fewer keys: --pool-by.")
        return with_pools(self.find, columns, [raw.columns[role] for role in roles], len(raw.columns["user"]))


@dataclass(frozen=True, slots=True)
class Sorting:
    """Makes sorters, as `intake.Judging`."""

    terms: QualifyingTerms
    pools: Sequence[Pool]
    columns: tuple[str, ...]
    """The key columns that tell pools apart."""
    aliases: Mapping[str, str]
    """wrong artist -> right artist."""
    exclusions: Exclusions
    without_pool: Counter[str] = field(default_factory=Counter)
    """Of the last reading: key values (`DE/premium`) -> rows that count and that no pool covers."""

    def __call__(self, qualifier: Qualifier, payers: Payers) -> Sorter:
        """Return what sorts the plays of one reading."""
        self.without_pool.clear()
        return Sorter(self, self.terms.judge(qualifier), cache(partial(find_pool, self.pools, self.columns)), payers)

    def noted(self) -> dict[str, int]:
        """Return rows without a pool, and which exclusions matched a row."""
        lost = {NO_POOL + key: rows for key, rows in self.without_pool.items()}
        return lost | {OUT + line: 1 for line in self.exclusions.met}

    def note(self, counts: Mapping[str, int]) -> None:
        """Have met what readings elsewhere did."""
        for name, rows in counts.items():
            if name.startswith(NO_POOL):
                self.without_pool[name.removeprefix(NO_POOL)] += rows
        self.exclusions.met.update(name.removeprefix(OUT) for name in counts if name.startswith(OUT))


def read_payers(path: Path, pools: Sequence[Pool], columns: tuple[str, ...], *, currency: str) -> Payers:
    """Read user, paid and the key columns; `currency` is that of payments outside every pool that name none.

    Raises:
        InputError: a column is missing, a user is empty, or a payment is no amount.

    """
    table, find = open_table(path), cache(partial(find_pool, pools, columns))
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
        placed = with_pools(find, columns, [cells[key] for key in keys], len(users))["pool"].to_frame()
        placed = placed.with_row_index("row")
        named = pl.lit("") if money is None else pl.lit(as_series(cells[money]).fill_null(""))
        named = pl.when(pl.col("pool") == len(pools)).then(named).otherwise(pl.lit(""))
        for (code, name), part in sorted(placed.group_by("pool", named), key=lambda group: group[0]):
            rows = part["row"].to_numpy()
            own = pools[code].currency if code < len(pools) else Currency.of(name or currency)
            units = units_of(paid.take(rows), own, faults, rows + lines + 1)
            totals.watch(to_arrow(users.gather(rows)), units, rows + lines + 1, own)
            if code < len(pools):
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
