"""Months that differ from one that is held, none of its plays copied: with accounts added, or listening changed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fairpay.money.currency import round_half_even
from fairpay.rules.core.month import Split, Usage, Users, totals_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Facts, Month, Totals
    from fairpay.rules.core.rule import Rule

__all__ = ["Accounts", "Joined", "PlayedMore", "Relistened", "in_blocks", "listeners_in", "pool_with", "spread"]

T = TypeVar("T")
BLOCK = 1 << 20
"""Entries of added accounts that are laid out at a time."""
MOST_USERS = 4_000_000
"""Users whose totals are copied (24 bytes each). With more, the engine's own blocks are large enough."""
USERS = 1 << 18
"""Users in a block: what fits into a processor's cache."""


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

    def weighed(self, rule: Rule, prepared: Any) -> Ints:  # noqa: ANN401 - what `prepare` returned
        """Return the weights of one of them alone: int64[rows, entries], in the order of `artist`."""
        out = np.zeros((rule.rows, len(self.artist)), dtype=np.int64)
        rule.weigh(replace(self, artist=np.arange(len(self.artist))).usage(1), prepared, out)
        return out

    def usage(self, count: int) -> Usage:
        """Lay `count` of them out as a block."""
        entries = len(self.artist)
        return Usage(
            start=np.arange(count + 1, dtype=np.int64) * entries,
            artist=np.tile(self.artist.astype(np.uint32), count),
            amount=np.tile(self.amount, count),
            **self.columns(count),  # type: ignore[arg-type] # none of them is `groups`
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
    """A `month.Month`: a month with accounts added. The base month is walked as it is; none of its plays are copied."""

    base: Month
    added: Sequence[Accounts]
    pool: int
    """P with what the added accounts pay."""
    made_up: int = 0
    """Artists that only added accounts play; their codes follow those of the month, so ties go to real artists."""
    one_of_each: bool = False
    """Whether `each` shows one account of each kind: enough where only the largest of anything is looked for."""
    users: Sequence[Users] | None = None
    """The base month's users in other blocks than its own."""

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
            fees=facts.fees + sum(a.count * a.fee for a in added),
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

    @property
    def tracks(self) -> Month | None:
        """Those of the month: what accounts add is taken to be of as many tracks as stay below every number."""
        return self.base.tracks

    def per_artist(self, known: Ints, value: Callable[[Accounts], Ints]) -> Ints:
        """Add what the accounts bring to what is known of each artist."""
        total = np.concatenate([known, np.zeros(self.made_up, dtype=np.int64)])
        for accounts in self.added:
            total[accounts.artist] += value(accounts)
        return total

    def each(self, visit: Callable[[Usage], T]) -> Iterator[T]:
        """Visit the month's blocks, then the accounts."""
        yield from self.base.each(visit)
        yield from map(visit, self.laid())

    def laid(self) -> Iterator[Usage]:
        """Lay the accounts out, block by block."""
        for accounts in self.added:
            for count in [1] if self.one_of_each else accounts.blocks(entries=len(accounts.artist)):
                yield accounts.usage(count)

    def each_users(self, visit: Callable[[Users], T]) -> Iterator[T]:
        """Visit the month's users, then the accounts."""
        known: Iterable[T] = self.base.each_users(visit) if self.users is None else map(visit, self.users)
        yield from known
        for accounts in self.added:
            for count in accounts.blocks(entries=1):
                yield visit(Users(**accounts.columns(count)))

    def gather(
        self, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int | None = None
    ) -> tuple[Ints, Totals]:
        """Gather from the month, then from the accounts."""
        total, known = self.base.gather(visit, rows=rows, columns=columns)
        if columns is None:
            total = np.concatenate([total, np.zeros((rows, self.made_up), dtype=np.int64)], axis=1)
        return total, totals_of([known, *(visit(usage, total) for usage in self.laid())])


@dataclass(frozen=True, eq=False)
class Relistened(ABC):
    """A `month.Month` with the listeners of another one, who listen otherwise: blocks are changed on the way."""

    base: Month

    @property
    @abstractmethod
    def facts(self) -> Facts:
        """Totals of everybody."""

    @property
    @abstractmethod
    def change(self) -> Callable[[Usage], Usage]:
        """What makes a block what it is in this month; its users may stand in another order."""

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]."""
        total, _ = self.gather(lambda usage, out: Split.BY_LISTENING.add(usage, usage.whole, out[0]), rows=1)
        only: Ints = total[0]
        return only

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]."""
        total, _ = self.gather(lambda usage, out: np.add.at(out[0], usage.artist, 1), rows=1)
        only: Ints = total[0]
        return only

    @property
    def tracks(self) -> Month | None:
        """None: nobody knows which tracks they would play."""
        return None

    def each(self, visit: Callable[[Usage], T]) -> Iterable[T]:
        """Visit the month's blocks, changed."""
        change = self.change  # and not `self`, which holds the month: visits may be sent elsewhere
        return self.base.each(lambda usage: visit(change(usage)))

    def each_users(self, visit: Callable[[Users], T]) -> Iterable[T]:
        """The same without artists; only a walk over these tells how they listen."""
        return self.each(lambda usage: visit(Users(usage.fee, usage.total, usage.plays)))

    def gather(
        self, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int | None = None
    ) -> tuple[Ints, Totals]:
        """Gather from the changed blocks."""
        change, width = self.change, self.facts.artists if columns is None else columns
        return self.base.gather(lambda usage, out: visit(change(usage), out), rows=rows, columns=width)


@dataclass(frozen=True, eq=False)
class PlayedMore(Relistened):
    """A month in which everybody who listens to some artists plays one of them more: the one played most.

    Of artists played alike that is the one with the smaller code.
    """

    chosen: NDArray[np.bool_]
    """bool[artists]."""
    plays: int
    """How many times more each of these listeners plays it."""
    amount: int
    """What that adds to the listening of each."""
    listeners: int
    """How many there are."""

    @property
    def facts(self) -> Facts:
        """Totals of everybody."""
        facts, each = self.base.facts, self.listeners
        return replace(facts, amount=facts.amount + each * self.amount, plays=facts.plays + each * self.plays)

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]: the same as before."""
        return self.base.artist_listeners

    @property
    def change(self) -> Callable[[Usage], Usage]:
        """The plays are added."""
        return self.changed

    def changed(self, usage: Usage) -> Usage:
        """Return a block with the plays that are added."""
        user, entries, first = listeners_in(usage, self.chosen)
        listener = np.repeat(np.arange(len(user)), np.diff(np.append(first, len(entries))))
        order = np.lexsort((usage.artist[entries], -usage.amount[entries], listener))
        amount, total, plays = usage.amount.copy(), usage.total.copy(), usage.plays.copy()
        amount[entries[order[first]]] += self.amount
        total[user] += self.amount
        plays[user] += self.plays
        return Usage(usage.start, usage.artist, amount, usage.fee, total, plays)


def listeners_in(usage: Usage, chosen: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """Find who in a block listens to chosen artists: the users, their entries of these, and each one's first of them.

    int64[listeners], places in the block; int64[entries], places in `artist`; int64[listeners], places in the entries.
    """
    entries = np.flatnonzero(chosen[usage.artist])
    user, first = np.unique(np.searchsorted(usage.start, entries, side="right") - 1, return_index=True)
    return user, entries, first


def in_blocks(month: Month) -> Month:
    """Return the month with its users' totals copied into few large blocks: an audit passes over them very often."""
    if month.facts.users > MOST_USERS:
        return month
    blocks = list(month.each_users(lambda users: (users.fee.copy(), users.total.copy(), users.plays.copy())))
    fee, total, plays = (np.concatenate(columns) for columns in zip(*blocks, strict=True))
    cuts = (slice(first, first + USERS) for first in range(0, len(fee), USERS))
    return Joined(month, (), month.facts.pool, users=[Users(fee[cut], total[cut], plays[cut]) for cut in cuts])


def pool_with(facts: Facts, fees: int) -> int:
    """Return the pool of a month once accounts that pay `fees` fee units have joined, rounded as the pool itself is.

    Where only a pool is stated they bring as much as those there are.
    """
    if not facts.fees_are_money:
        return facts.pool + round_half_even(Fraction(facts.pool * fees, facts.fees))
    rate = (Fraction(1) if facts.rate is None else facts.rate) / facts.fee_unit
    gross = facts.fees + facts.inactive_fees
    return facts.pool + round_half_even(rate * (gross + fees)) - round_half_even(rate * gross)


def spread(plays: int, artists: int) -> Ints:
    """Divide plays evenly; what is left goes one each to the first. Only artists with a play are returned."""
    each, left = divmod(plays, max(1, artists))
    counts = np.full(artists, each, dtype=np.int64)
    counts[:left] += 1
    return counts[counts > 0]
