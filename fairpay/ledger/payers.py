"""Payers: which pool a play or a subscriber belongs to, and what each subscriber paid.

The pool that says most about it wins. Payments weigh, the pool is paid.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fairpay.adjust.payers import Payers
from fairpay.errors import InputError, UsageError
from fairpay.kernels.amounts import read_amounts
from fairpay.ledger.exclusions import as_text
from fairpay.ledger.pools import KEYS
from fairpay.ledger.tables import Faults
from fairpay.logs.names import KNOWN, PAID
from fairpay.logs.tables import column_for, open_table, read_columns
from fairpay.money.currency import Currency
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pyarrow as pa

    from fairpay.kernels.arrays import Ints
    from fairpay.ledger.pools import Pool

__all__ = ["ROLE_OF", "Numbered", "find_pool", "key_columns", "numbered", "read_payers"]

ROLE_OF = {"territory": "country", "offering": "plan", "currency": "currency"}
"""key column of the pool file -> role of the log's column."""


def key_columns(pools: Sequence[Pool], asked: Sequence[str]) -> tuple[str, ...]:
    """Return the key columns that decide, in the order of `KEYS`.

    Args:
        pools: the pool file.
        asked: `--pool-by`: names of keys or roles (`country,plan`); empty: every key two pools tell apart.

    Raises:
        UsageError: a name that is no key.
        InputError: the keys asked for do not tell two pools apart.

    """
    key_of = {role: key for key, role in ROLE_OF.items()}
    unknown = [name for name in asked if name not in KEYS and name not in key_of]
    if unknown:
        message = f"pools cannot be told apart by {', '.join(unknown)}"
        raise UsageError(message, advice="Use any of: country (territory), plan (offering), currency.")
    chosen = {key_of.get(name, name) for name in asked}
    if not asked:
        chosen = {key for key in KEYS if any(key in pool.key for pool in pools)}
        if chosen > {"currency"} and told_apart(pools, chosen - {"currency"}):
            chosen -= {"currency"}
    if not told_apart(pools, chosen):
        message = f"{', '.join(sorted(chosen)) or 'nothing'} does not tell the pools apart"
        raise InputError(
            message, advice="Give each pool its own territory, offering or currency, or more to --pool-by."
        )
    return tuple(key for key in KEYS if key in chosen)


def told_apart(pools: Sequence[Pool], chosen: set[str]) -> bool:
    """Whether no two pools have the same values in these columns."""
    return len({tuple(pool.key.get(key) for key in sorted(chosen)) for pool in pools}) == len(pools)


def find_pool(pools: Sequence[Pool], columns: Sequence[str], values: Sequence[str]) -> int | None:
    """Return the index of the pool of these key values; None where there is none.

    A pool matches where each of its keys has the value. Of several, the one with the most keys is meant.

    Raises:
        InputError: two pools match equally well.

    """
    given = dict(zip(columns, values, strict=True))
    matching = [
        (sum(key in pool.key for key in columns), index)
        for index, pool in enumerate(pools)
        if all(pool.key.get(key, given[key]) == given[key] for key in columns)
    ]
    if not matching:
        return None
    most = max(count for count, _ in matching)
    best = [index for count, index in matching if count == most]
    if len(best) > 1:
        names = " and ".join(pools[index].name for index in best)
        message = f"{'/'.join(values)} belongs to {names} alike"
        raise InputError(message, advice="Add a pool for exactly this key, or fill the empty keys of one of them.")
    return best[0]


@dataclass(frozen=True, slots=True)
class Numbered:
    """Some columns as one."""

    index: Ints
    """int64[rows]: the number of each row's key."""
    texts: Sequence[Sequence[str]]
    """The different texts of each column; nothing counts as empty text."""

    def key(self, number: int) -> tuple[str, ...]:
        """The texts a number stands for."""
        found = []
        for texts in reversed(self.texts):
            number, place = divmod(number, len(texts))
            found.append(texts[place])
        return tuple(reversed(found))

    def present(self) -> Ints:
        """int64: the numbers that occur."""
        return np.flatnonzero(np.bincount(self.index)) if len(self.index) else np.zeros(0, dtype=np.int64)


def numbered(columns: Iterable[pa.Array]) -> Numbered:
    """Number the keys of these columns (at least one)."""
    texts, index = [], None
    for column in columns:
        own, place = one(column)
        index = place if index is None else index * len(own) + place
        texts.append(own)
    assert index is not None
    return Numbered(index, texts)


def one(column: pa.Array) -> tuple[list[str], Ints]:
    """Number the texts of one column."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
    import pyarrow.compute as pc  # noqa: PLC0415 - the same

    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    texts = [text or "" for text in as_text(coded.dictionary).to_pylist()]
    place = pc.fill_null(coded.indices.cast(pa.int64()), len(texts)).to_numpy(zero_copy_only=False)
    return [*texts, ""], place


ADVICE = "Correct the subscribers: a line for each user and pool, amounts with a decimal point, such as 9.99."


@dataclass(slots=True)
class Reader:
    """Reads a subscriber file, batch by batch."""

    pools: Sequence[Pool]
    columns: tuple[str, ...]
    currency: str
    """Of payments outside every pool that name none."""
    faults: Faults
    parts: dict[int, list[tuple[pa.Array, Ints]]] = field(default_factory=lambda: defaultdict(list))
    known: dict[tuple[str, ...], int] = field(default_factory=dict)
    lines: int = 0
    without: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    outside: list[pa.Array] = field(default_factory=list)

    def take(self, users: pa.Array, paid: pa.Array, keys: Sequence[pa.Array], currency: pa.Array | None) -> None:
        """Take in a batch."""
        users = as_text(users)
        codes = self.codes(keys, len(users))
        self.check_users(users)
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1)) if len(order) else order
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
            rows, code = order[start:end], int(codes[order[start]])
            if code < len(self.pools):
                self.parts[code].append((users.take(rows), self.units(paid, rows, self.pools[code].currency)))
            else:
                self.without += len(rows)
                self.outside.append(users.take(rows))
                self.lose(paid, rows, currency)
        self.lines += len(users)

    def codes(self, keys: Sequence[pa.Array], rows: int) -> Ints:
        """int64[rows]: the pool of each line; the number of pools where there is none."""
        if not keys:
            return np.zeros(rows, dtype=np.int64)
        found = numbered(keys)
        present = found.present()
        code_of = np.zeros(int(present[-1]) + 1 if len(present) else 0, dtype=np.int64)
        for number in present.tolist():
            key = found.key(number)
            if key not in self.known:
                index = find_pool(self.pools, self.columns, key)
                self.known[key] = len(self.pools) if index is None else index
            code_of[number] = self.known[key]
        codes: Ints = code_of[found.index]
        return codes

    def check_users(self, users: pa.Array) -> None:
        """Note lines without a user."""
        import pyarrow.compute as pc  # noqa: PLC0415 - loaded where it is used

        empty = pc.fill_null(pc.equal(users, ""), fill_value=True).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(empty).tolist():
            self.faults.add("user is empty", self.lines + row + 1)

    def units(self, paid: pa.Array, rows: Ints, currency: Currency) -> Ints:
        """int64[rows]: what was paid, in minor units; what cannot be read is noted."""
        amounts = read_amounts(paid.take(rows), role="paid", digits=currency.digits)
        if amounts.how is not None:
            for place in np.flatnonzero(amounts.how != 0).tolist():
                row = int(rows[place])
                reason = f"paid is not an amount of {currency.code}: {paid[row].as_py()}"
                self.faults.add(reason[:80], self.lines + row + 1)
        return amounts.value

    def lose(self, paid: pa.Array, rows: Ints, currency: pa.Array | None) -> None:
        """Sum up what was paid outside every pool."""
        codes = [""] * len(rows) if currency is None else [t or "" for t in as_text(currency).take(rows).to_pylist()]
        for code in sorted(set(codes)):
            own = Currency.of(code or self.currency)
            mine = rows[np.array([one == code for one in codes])]
            self.lost[own.code] += sum_exactly(self.units(paid, mine, own))


def read_payers(path: Path, pools: Sequence[Pool], columns: tuple[str, ...], *, currency: str) -> Payers:
    """Read user, paid and the key columns; `currency` is that of payments outside every pool that name none.

    Raises:
        InputError: a column is missing, a user is empty, or a payment is no amount.

    """
    log = open_table(path)
    user = column_for(log.names, KNOWN["user"], what="user", where=path)
    paid = column_for(log.names, PAID, what="amount paid", where=path)
    keys = [column_for(log.names, known_names(column), what=column, where=path) for column in columns]
    money = next((name for name in log.names if name.lower() == "currency"), None)
    reader = Reader(pools, columns, currency, Faults(path.name))
    wanted = list(dict.fromkeys([user, paid, *keys, *([money] if money else [])]))
    for _, found in read_columns(log, wanted):
        reader.take(found[user], found[paid], [found[key] for key in keys], found[money] if money else None)
    reader.faults.stop(ADVICE)
    if not reader.lines:
        message = f"{path.name} holds no subscriber"
        raise InputError(message, advice="It is empty, or holds only a header.")
    lost = dict(sorted(reader.lost.items()))
    return Payers(dict(reader.parts), reader.lines, reader.without, lost, reader.outside)


def known_names(column: str) -> tuple[str, ...]:
    """What a key column may be called."""
    return (column, *KNOWN.get(ROLE_OF[column], ()))
