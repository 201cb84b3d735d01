"""Payers: which subscribers belong to which pool, and what each paid: their payments weigh, the pool is paid."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairpay.books.keys import find_pool
from fairpay.books.tables import Faults, read_table
from fairpay.errors import InputError, UsageError

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
    without_pool: int = 0
    """Lines whose key no pool covers."""


def read_payers(path: Path, pools: Sequence[Pool], columns: tuple[str, ...]) -> Payers:
    """Read user, paid and the key columns.

    Raises:
        InputError: a key column is missing, a user is empty or stands twice in one pool, or a payment is no amount.

    """
    faults = Faults(path.name)
    found: dict[int, dict[str, int]] = defaultdict(dict)
    known: dict[tuple[str, ...], int | None] = {}
    lost = 0
    for line in read_table(path, names=NAMES, needed=("user", "paid", *columns)):
        key = tuple(line.values[column] for column in columns)
        if key not in known:
            known[key] = find_pool(pools, columns, key)
        index = known[key]
        if index is None:
            lost += 1
            continue
        user = line.values["user"]
        if not user or user in found[index]:
            faults.add("a user stands twice in one pool" if user else "user is empty", line.number)
        try:
            found[index][user] = pools[index].currency.units(line.values["paid"])
        except UsageError as error:
            faults.add(f"paid: {error.message}", line.number)
    faults.stop("Correct the subscribers: one line for each user and pool.")
    if not found and not lost:
        message = f"{path.name} holds no subscriber"
        raise InputError(message)
    return Payers(found, lost)
