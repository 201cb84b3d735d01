"""Whether a listener is in two parts: beginnings of keyed hashes, counted, that parties with one key can compare.

Who has the key can try whether somebody is among the listeners of a part; nobody else learns more from its beginnings
than how many listeners there are.
"""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass, field
from itertools import combinations
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fairpay.engine.keys import ids_as_text
from fairpay.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.month import Month

__all__ = ["BITS", "Listeners", "name_of", "refuse_common"]

BITS = 40
"""Of each hash: among a million listeners each, two parts have one beginning in common by chance."""
CHANCE = 1e-5
"""How seldom parts without a common listener are refused, at most."""
TOGETHER = 64
"""Batches whose listeners are put together at once."""


@dataclass(slots=True)
class Listeners:
    """Whose plays count, as `request.Observer`, and who pays: each once."""

    found: list[pl.Series] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def take(self, raw: RawBatch, listens: Listens) -> None:  # noqa: ARG002 - see `Observer`
        """Note the users of a judged batch."""
        self.add(listens.user, np.flatnonzero(listens.used))

    def look(self, month: Month, outcome: Outcome) -> None:
        """The month is not looked at."""

    def pay(self, batches: Iterable[tuple[pa.Array, Ints]]) -> None:
        """Note subscribers: who is one in two parts pays twice."""
        for ids, paid in batches:
            self.add(ids, np.arange(len(paid), dtype=np.int64))

    def add(self, ids: pa.Array, rows: Ints) -> None:
        """Note the users in some rows."""
        users = pl.Series("user", ids_as_text(ids, rows)).unique()
        with self.lock:
            self.found.append(users)
            if len(self.found) > TOGETHER:
                self.found = [pl.concat(self.found).unique()]

    def prefixes(self, key: bytes) -> dict[int, int]:
        """Return the beginnings of their keyed hashes, sorted, each with how many it is of."""
        users = pl.concat([pl.Series("user", [], dtype=pl.String), *self.found]).unique()
        base = hmac.new(key, digestmod="sha256")
        begins = [beginning(base, user) for user in users.drop_nulls().to_list()]
        return dict(pl.Series("begins", begins, dtype=pl.Int64).value_counts().sort("begins").iter_rows())


def beginning(base: hmac.HMAC, user: str) -> int:
    """Return the first bits of a user's HMAC-SHA-256."""
    one = base.copy()
    one.update(user.encode())
    return int.from_bytes(one.digest()[: BITS // 8])


def name_of(key: bytes) -> str:
    """Return what tells keys apart and says nothing else of them."""
    return hmac.new(key, b"fairpay: the name of this key", "sha256").hexdigest()[:16]


def refuse_common(parts: Sequence[Mapping[int, int] | None], names: Sequence[str]) -> None:
    """Refuse parts of which two have more beginnings in common than chance explains.

    Two parts of n and m beginnings that have nothing to do with each other have n m / 2^40 in common, as a Poisson
    variable; by Chernoff's bound k and more are as likely as e^(k - n m / 2^40) (n m / 2^40 / k)^k at most.

    Raises:
        InputError: with about how many listeners; or a part does not say, as it is a sum.

    """
    silent = [name for name, one in zip(names, parts, strict=True) if one is None]
    if silent:
        message = f"{', '.join(silent)} does not say whose plays it holds: a sum drops that"
        raise InputError(message, advice="Add the parts that `fairpay shard` wrote, all of them at once.")
    held = [(name, pl.Series([*one]), len(one)) for name, one in zip(names, parts, strict=True) if one]
    for (name, mine, users), (other, theirs, others) in combinations(held, 2):
        common, chance = int(mine.is_in(theirs.implode()).sum()), users * others / 2**BITS
        if common > chance and common - chance + common * math.log(chance / common) < math.log(CHANCE):
            about = max(1, round(common - chance))
            who = "listener is" if about == 1 else "listeners are"
            message = f"about {about:,} {who} both in {name} and in {other}"
            advice = f"{common:,} keyed hashes begin alike, and by chance {chance:.2g} would. "
            raise InputError(message, advice=f"{advice}Give all plays and payments of a listener to one party.")
