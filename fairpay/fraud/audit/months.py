"""The month of an audit: its users in few large blocks, accounts added to it, and what is known before any are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fairpay.errors import NothingToPayError
from fairpay.money.currency import round_half_even
from fairpay.pipeline.measures import kth_largest
from fairpay.rules.core.month import Usage, Users, totals_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Facts, Month, Totals
    from fairpay.rules.core.rule import Rule

__all__ = ["TIERS", "Accounts", "Baseline", "Joined", "in_blocks", "survey"]

T = TypeVar("T")
TIERS = (("top 10", 10), ("11-100", 100), ("101-1,000", 1_000), ("1,001-10,000", 10_000), ("rest", None))
"""Tiers of artists by rank of listening, in the shape of the CNM/Deloitte study of 2021."""
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


def in_blocks(month: Month) -> Month:
    """Return the month with its users' totals copied into few large blocks: an audit passes over them very often."""
    if month.facts.users > MOST_USERS:
        return month
    blocks = list(month.each_users(lambda users: (users.fee.copy(), users.total.copy(), users.plays.copy())))
    fee, total, plays = (np.concatenate(columns) for columns in zip(*blocks, strict=True))
    cuts = (slice(first, first + USERS) for first in range(0, len(fee), USERS))
    return Joined(month, (), month.facts.pool, users=[Users(fee[cut], total[cut], plays[cut]) for cut in cuts])


@dataclass(frozen=True, slots=True)
class Baseline:
    """The listeners and artists of a month before accounts are added, in the few figures that accounts are made of."""

    month: Month
    facts: Facts
    least_ms: int
    """The qualifying length, where the log has durations."""
    fee: int
    """Median fee, in fee units; the mean one where the median listener pays nothing."""
    order: Ints
    """int64[artists]: codes, the most heard first."""
    tier: Ints
    """int64[artists]: place in TIERS of each artist."""

    @property
    def rate(self) -> Fraction:
        """Alpha, the royalty rate; 1 where only a pool is known."""
        return Fraction(1) if self.facts.rate is None else self.facts.rate

    @property
    def timed(self) -> bool:
        """Whether listening is counted in milliseconds."""
        return self.facts.play is None

    @property
    def play(self) -> Fraction:
        """Listening of one play: 1, or the mean length of a play in milliseconds."""
        return Fraction(self.facts.amount, max(1, self.facts.plays)) if self.timed else Fraction(1)

    def money(self, fees: int) -> Fraction:
        """Return what `fees` fee units are in minor units; where only a pool is known, each listener paid alike."""
        if self.facts.fees_are_money:
            return Fraction(fees)
        return Fraction(fees * self.facts.pool, self.facts.fees) / self.rate

    def pool_with(self, fees: int) -> int:
        """Return the pool once accounts that pay `fees` fee units have joined, rounded as the pool itself is."""
        facts = self.facts
        if not facts.fees_are_money:
            return facts.pool + round_half_even(Fraction(facts.pool * fees, facts.fees))
        gross = facts.fees + facts.inactive_fees
        return facts.pool + round_half_even(self.rate * (gross + fees)) - round_half_even(self.rate * gross)

    def group_of(self, artist: Ints) -> Ints:
        """Return the tier of each artist code; made-up artists have the place after the last tier."""
        known = self.facts.artists
        return np.where(artist < known, self.tier[np.minimum(artist, known - 1)], len(TIERS))

    def joined(self, added: Sequence[Accounts], *, pool: int) -> Joined:
        """Return the month with accounts added."""
        made_up = max((int(a.artist.max()) + 1 - self.facts.artists for a in added), default=0)
        return Joined(self.month, added, pool, max(0, made_up))


def survey(month: Month, *, least_ms: int = 0) -> Baseline:
    """Look at everybody: fees, and artists by rank.

    Raises:
        NothingToPayError: nobody who listened pays anything, or nothing is paid out, so that no account can be held
            against its fee.

    """
    facts = month.facts
    if not facts.users or not facts.fees:
        message = "nothing to audit: nobody with listening pays a fee"
        raise NothingToPayError(message, advice="Check the subscriber file and the fee.")
    if not facts.pool:
        message = "nothing to audit: the pool is empty, so that no account can earn anything"
        raise NothingToPayError(message, advice="Check the money and --royalty-rate.")
    month = in_blocks(month)
    fee = kth_largest(month, "fee", facts.users // 2 + 1) or max(1, facts.fees // facts.users)
    order = np.lexsort((np.arange(facts.artists), -month.artist_amount)).astype(np.int64)
    tier = np.empty(facts.artists, dtype=np.int64)
    ends = [end for _, end in TIERS if end is not None]
    tier[order] = np.searchsorted(ends, np.arange(facts.artists), side="right")
    return Baseline(month, facts, least_ms, fee, order, tier)
