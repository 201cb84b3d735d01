"""Payers: which subscribers belong to which pool, and what each paid: their payments weigh, the pool is paid."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairpay.books.keys import find_pool
from fairpay.books.tables import Faults, read_table
from fairpay.errors import InputError, UsageError
from fairpay.money import Currency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fairpay.books.pools import Pool

__all__ = ["Payers", "read_payers"]

NAMES = {
    "user": ("user_id", "userid", "subscriber", "subscriber_id"),
    "paid": ("fee", "amount", "price"),
    "territory": ("country",),
    "offering": ("plan", "tier", "service_tier"),
}


@dataclass(frozen=True, slots=True)
class Payers:
    """The subscribers by pool."""

    paid: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    """pool index -> user -> what the user paid, in minor units of the pool's currency."""
    lines: int = 0
    """Lines of the file."""
    without_pool: int = 0
    """Lines whose key no pool covers."""
    lost: Mapping[str, int] = field(default_factory=dict)
    """currency -> what those paid, in minor units: money that no pool has."""

    def pool_of_user(self) -> dict[str, int]:
        """Say whose pool each user is in, by index, for logs that do not say it themselves.

        Raises:
            InputError: users who stand in several pools.

        """
        found: dict[str, int] = {}
        several = 0
        for index, paid in sorted(self.paid.items()):
            for user in paid:
                several += found.setdefault(user, index) != index
        if several:
            message = f"{several:,} subscribers stand in several pools, and the log does not say which play is whose"
            raise InputError(message, advice="Add the key columns to the log, such as country and plan.")
        return found


def read_payers(path: Path, pools: Sequence[Pool], columns: tuple[str, ...], *, currency: str) -> Payers:
    """Read user, paid and the key columns; `currency` is that of payments outside every pool that name none.

    Raises:
        InputError: a key column is missing, a user is empty or stands twice in one pool, or a payment is no amount.

    """
    faults = Faults(path.name)
    found: dict[int, dict[str, int]] = defaultdict(dict)
    known: dict[tuple[str, ...], int | None] = {}
    lost: Counter[str] = Counter()
    without = number = 0
    for line in read_table(path, names=NAMES, needed=("user", "paid", *columns)):
        number = line.number
        key = tuple(line.values[column] for column in columns)
        if key not in known:
            known[key] = find_pool(pools, columns, key)
        index = known[key]
        user = line.values["user"]
        if not user or (index is not None and user in found[index]):
            faults.add("a user stands twice in one pool" if user else "user is empty", line.number)
        try:
            own = Currency.of(line.values.get("currency") or currency) if index is None else pools[index].currency
            units = own.units(line.values["paid"])
        except UsageError as error:
            faults.add(f"paid: {error.message}", line.number)
            continue
        if index is None:
            without += 1
            lost[own.code] += units
        else:
            found[index][user] = units
    faults.stop("Correct the subscribers: one line for each user and pool.")
    if not number:
        message = f"{path.name} holds no subscriber"
        raise InputError(message)
    return Payers(found, number, without, dict(sorted(lost.items())))
