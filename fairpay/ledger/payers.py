"""Payers: which subscribers belong to which pool, and what each paid: their payments weigh, the pool is paid."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fairpay.adjust.payers import Payers
from fairpay.adjust.weights import text_of
from fairpay.errors import InputError
from fairpay.kernels.amounts import read_amounts
from fairpay.ledger.pools import ROLE_OF, find_pool
from fairpay.ledger.sorting import numbered
from fairpay.logs.faults import Faults
from fairpay.logs.names import KNOWN, PAID
from fairpay.logs.tables import column_for, open_table, read_columns
from fairpay.money.currency import Currency
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from fairpay.kernels.arrays import Ints
    from fairpay.ledger.pools import Pool

__all__ = ["read_payers"]

ADVICE = "Correct the subscribers: a line for each user and pool, amounts with a decimal point, such as 9.99."


@dataclass(slots=True)
class Reader:
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
        users = text_of(users)
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
        codes = [""] * len(rows) if currency is None else [t or "" for t in text_of(currency).take(rows).to_pylist()]
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
    for *_, found in read_columns(log, wanted):
        reader.take(found[user], found[paid], [found[key] for key in keys], found[money] if money else None)
    reader.faults.stop(ADVICE)
    if not reader.lines:
        message = f"{path.name} holds no subscriber"
        raise InputError(message, advice="It is empty, or holds only a header.")
    lost = dict(sorted(reader.lost.items()))
    return Payers(dict(reader.parts), reader.lines, reader.without, lost, reader.outside)


def known_names(column: str) -> tuple[str, ...]:
    return (column, *KNOWN.get(ROLE_OF[column], ()))
