"""Accounts that are added to a month, and the month with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fairpay.rules.core.month import Users
from fairpay.rules.core.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Facts, Month

__all__ = ["Accounts", "Joined"]

T = TypeVar("T")
BLOCK = 1 << 20
"""Entries of added accounts that are laid out at a time."""


@dataclass(frozen=True, eq=False)
class Accounts:
    """Accounts that are all alike: each pays and plays the same."""

    count: int
    """How many there are."""
    fee: int
    """What each pays, in fee units."""
    artist: Ints
    """int64[entries]: artists each plays, once each; codes from `facts.artists` on are made-up artists."""
    amount: Ints
    """int64[entries]: listening, in the month's measure."""
    plays: int
    """Plays of each."""

    @property
    def total(self) -> int:
        """Listening of one account."""
        return int(self.amount.sum())

    @property
    def fees(self) -> int:
        """What all of them pay, in fee units."""
        return self.count * self.fee

    def one(self) -> Usage:
        """One of them alone, its artists numbered from 0 in the order of `artist`."""
        return replace(self, artist=np.arange(len(self.artist))).usage(1)

    def usage(self, count: int) -> Usage:
        """Lay `count` of them out as a block."""
        entries = len(self.artist)
        return Usage(
            start=np.arange(count + 1, dtype=np.int64) * entries,
            artist=np.tile(self.artist.astype(np.uint32), count),
            amount=np.tile(self.amount, count),
            **self.columns(count),
        )

    def columns(self, count: int) -> dict[str, Ints]:
        """Fee, total and plays of `count` of them."""
        values = {"fee": self.fee, "total": self.total, "plays": self.plays}
        return {name: np.full(count, value, dtype=np.int64) for name, value in values.items()}

    def blocks(self, *, entries: int) -> Iterator[int]:
        """Cut the accounts into blocks of bounded size: yield how many stand in each."""
        most = max(1, BLOCK // entries)
        for first in range(0, self.count, most):
            yield min(most, self.count - first)


@dataclass(frozen=True, eq=False)
class Joined:
    """A `month.Month`: a month with accounts added. The base month is walked as it is; nothing of it is copied."""

    base: Month
    added: Sequence[Accounts]
    pool: int
    """P with what the added accounts pay."""
    made_up: int = 0
    """Artists that only added accounts play; their codes follow those of the month, so ties go to real artists."""
    one_of_each: bool = False
    """Whether `each` shows one account of each kind: enough where only the largest of anything is looked for."""

    @property
    def facts(self) -> Facts:
        """Totals of everybody together."""
        facts, added = self.base.facts, self.added
        return replace(
            facts,
            artists=facts.artists + self.made_up,
            users=facts.users + sum(a.count for a in added),
            amount=facts.amount + sum(a.count * a.total for a in added),
            plays=facts.plays + sum(a.count * a.plays for a in added),
            fees=facts.fees + sum(a.fees for a in added),
            pool=self.pool,
        )

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]."""
        return self.per_artist(self.base.artist_amount, lambda a: a.count * a.amount)

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]."""
        return self.per_artist(self.base.artist_listeners, lambda a: np.full(len(a.artist), a.count))

    def per_artist(self, known: Ints, value: Callable[[Accounts], Ints]) -> Ints:
        """Add what the accounts bring to what is known of each artist."""
        total = np.concatenate([known, np.zeros(self.made_up, dtype=np.int64)])
        for accounts in self.added:
            total[accounts.artist] += value(accounts)
        return total

    def each(self, visit: Callable[[Usage], T]) -> Iterator[T]:
        """Visit the month's blocks, then the accounts."""
        yield from self.base.each(visit)
        for accounts in self.added:
            for count in [1] if self.one_of_each else accounts.blocks(entries=len(accounts.artist)):
                yield visit(accounts.usage(count))

    def each_users(self, visit: Callable[[Users], T]) -> Iterator[T]:
        """Visit the month's users, then the accounts."""
        yield from self.base.each_users(visit)
        for accounts in self.added:
            for count in accounts.blocks(entries=1):
                yield visit(Users(**accounts.columns(count)))

    def gather(self, visit: Callable[[Usage, Ints], None], *, rows: int) -> Ints:
        """Gather from the month, then from the accounts."""
        known = self.base.gather(visit, rows=rows)
        total = np.concatenate([known, np.zeros((rows, self.made_up), dtype=np.int64)], axis=1)
        for accounts in self.added:
            for count in accounts.blocks(entries=len(accounts.artist)):
                visit(accounts.usage(count), total)
        return total
