"""independent-markets: each artist is paid as far as enough fans agree on at least that share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.money.integers import sum_exactly
from fairpay.rules.core.rule import CounterExample, Example, Promise, Rule
from fairpay.rules.core.ties import settle_nearly

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.ties import Unsettled
    from fairpay.rules.core.usage import Usage

STEPS = 15
"""Values of t tried in one walk over the artists."""
FINE = 122
"""Bits of a share, where shares have no common multiple of a reasonable size."""
BITS = 2**28
"""Bits of all shares together, at most, where they are exact."""
HELD = 2**24
"""Listeners of artists held in memory at once, 32 bytes each; beyond it artists are taken in ranges."""


@dataclass(frozen=True, slots=True)
class Fans:
    """The listeners of a range of artists, by falling share."""

    bound: Ints
    """int64[artists of the range + 1]."""
    key: Ints
    """int64[listeners]: share in units of 2^-61."""
    mass: Ints
    """int64[listeners]: fees of the listeners down to this one."""
    amount: Ints
    whole: Ints
    """int64[listeners]: the share, exactly."""

    def places(self, low: int, t: int, fees: int) -> Iterator[tuple[int, int]]:
        """Yield each artist that has fans, from `low` on, and on which piece of its curve it is at t, see `pieces`."""
        from fairpay.kernels import levels  # noqa: PLC0415 - Numba is loaded where it is used

        some = np.flatnonzero(np.diff(self.bound))
        out = np.empty(len(some), dtype=np.int64)
        bound = np.append(self.bound[some], self.bound[-1])
        levels.pieces(bound, self.key, self.mass, t, fees, out)
        yield from zip((some + low).tolist(), out.tolist(), strict=True)


@dataclass(frozen=True, slots=True)
class Levels:
    """What each artist gets."""

    shares: Sequence[int]
    """In units of their sum."""
    error: int
    """How many of these each may be off."""


@dataclass(frozen=True)
class Markets:
    """All artists in ranges that fit in memory; a single range is gathered once."""

    month: Month
    ranges: tuple[tuple[int, int], ...]

    @cached_property
    def all(self) -> Fans:
        """The fans of the only range."""
        return fans(self.month, *self.ranges[0])

    def at(self, marks: Sequence[int]) -> list[list[Ints]]:
        """Return what the artists of each range get, for each t of `marks`."""
        from fairpay.kernels import levels  # noqa: PLC0415 - Numba is loaded where it is used

        found: list[list[Ints]] = [[] for _ in marks]
        for low, high in self.ranges:
            part = self.all if len(self.ranges) == 1 else fans(self.month, low, high)
            for t, shares in zip(marks, found, strict=True):
                out = np.empty(high - low, dtype=np.int64)
                levels.levels(part.bound, part.key, part.mass, t, self.month.facts.fees, out)
                shares.append(out)
        return found

    def exactly(self, t: int) -> Levels:
        """Return what each artist gets, where t is within a unit of 2^-61 of right.

        t says on which straight piece of its curve each artist is; on these pieces the shares sum to one exactly.
        """
        fixed: dict[int, tuple[int, int]] = {}
        steep: dict[int, int] = {}
        for low, high in self.ranges:
            part = self.all if len(self.ranges) == 1 else fans(self.month, low, high)
            for artist, place in part.places(low, t, self.month.facts.fees):
                if place < 0:
                    steep[artist] = int(part.mass[-1 - place])
                else:
                    fixed[artist] = (int(part.amount[place]), int(part.whole[place]))
        artists = self.month.facts.artists
        one = common([whole for _, whole in fixed.values()], most=BITS // max(1, artists))
        exact = one is not None
        one = one or 1 << FINE
        shares = {artist: amount * one // whole for artist, (amount, whole) in fixed.items()}
        rest, rise = one - sum(shares.values()), sum(steep.values()) or 1
        levels = [shares.get(artist, 0) * rise + steep.get(artist, 0) * rest for artist in range(artists)]
        return Levels(levels, 0 if exact else (artists + 2) * rise)


def common(wholes: Collection[int], *, most: int) -> int | None:
    """Return the common multiple; None where it has more than `most` bits."""
    found = 1
    for whole in sorted(set(wholes)):
        found = lcm(found, whole)
        if found.bit_length() > most:
            return None
    return found


@dataclass(frozen=True)
class IndependentMarkets(Rule):
    """Each artist is paid the largest share y such that fans holding y / t of all fees give it at least y.

    It is an h-index of fans, with t chosen so that the shares add up to one: the coordinate-wise median made to
    conserve. No group of users gains by misreporting in the sense of the literature, yet fake artists break it: a bot
    spread thinly over many fakes takes many times its fee.
    """

    name: ClassVar[str] = "independent-markets"
    source: ClassVar[str] = (
        "Freeman, Pennock, Peters, Vaughan, 'Truthful aggregation of budget proposals', arXiv 1905.00457"
    )
    formula: ClassVar[str] = (
        "pay_j = P · max_l min(y_(l), t · W_l), y_(l) falling shares of j, W_l fees of the top l, Σ_j = P"
    )
    experimental: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; t = 3/4, so the third agrees with nobody on more than half",
            listening={"u1": {"A": 6, "B": 2}, "u2": {"B": 1, "C": 1}, "u3": {"C": 40}},
            pays={"A": "3/4", "B": "3/4", "C": "3/2"},
        ),
        Example(
            title="one artist played only, and a second artist by all the others",
            listening={"u1": {"A": 3}, "u2": {"A": 1, "B": 2}, "u3": {"A": 1, "B": 2}},
            pays={"A": "1", "B": "2"},
        ),
        Example(
            title="a tie for the last cent goes to the smaller artist id",
            listening={"u1": {"A": 4}, "u2": {"B": 4}, "u3": {"C": 4}},
            pays={"A": "34", "B": "33", "C": "33"},
            pool=100,
        ),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        CounterExample(
            promise=Promise.OWN_MONEY,
            title="u2 and u3 play only B, and half a fee of theirs goes to A and C, whom u1 played",
            before={"u1": {"A": 1, "C": 1}, "u2": {"B": 1}, "u3": {"B": 1}},
            artists=("B",),
            was="3/2",
            becomes="2",
        ),
        CounterExample(
            promise=Promise.FRAUD_PROOF,
            title="an added account that pays 1 and spreads over nine fake artists brings them 5",
            before={f"u{i}": {"A": 1} for i in range(1, 10)},
            after={f"u{i}": {"A": 1} for i in range(1, 10)} | {"bot": {f"X{i}": 1 for i in range(1, 10)}},
            artists=tuple(f"X{i}" for i in range(1, 10)),
            was="0",
            becomes="5",
        ),
        CounterExample(
            promise=Promise.BRIBERY_PROOF,
            title="u1, who pays 1, plays A and B beside C, and A and B gain 5/4 together",
            before={"u1": {"C": 1}, "u2": {"A": 3}, "u3": {"A": 1, "C": 3}},
            after={"u1": {"A": 2, "B": 1, "C": 1}, "u2": {"A": 3}, "u3": {"A": 1, "C": 3}},
            artists=("A", "B"),
            was="1",
            becomes="9/4",
        ),
        CounterExample(
            promise=Promise.CLICK_FRAUD_PROOF,
            title="u1, who pays 1, plays A and B beside C, and C loses 5/4",
            before={"u1": {"C": 1}, "u2": {"A": 3}, "u3": {"A": 1, "C": 3}},
            after={"u1": {"A": 2, "B": 1, "C": 1}, "u2": {"A": 3}, "u3": {"A": 1, "C": 3}},
            artists=("C",),
            was="2",
            becomes="3/4",
        ),
        CounterExample(
            promise=Promise.SPLIT_PROOF,
            title="A splits into A (1, 0, 1) and A2 (2, 1, 0) and takes 2 instead of 1",
            before={"u1": {"A": 3}, "u2": {"A": 1, "B": 2}, "u3": {"A": 1, "B": 2}},
            after={"u1": {"A": 1, "A2": 2}, "u2": {"A2": 1, "B": 2}, "u3": {"A": 1, "B": 2}},
            artists=("A",),
            artists_after=("A", "A2"),
            was="1",
            becomes="2",
        ),
    )

    def keeps(self) -> frozenset[Promise]:
        """Monotone; nothing bounds what users, and artists under many names, can do."""
        return frozenset({Promise.CONSERVES, Promise.NULL_ARTIST, Promise.MONOTONE, Promise.ANONYMOUS})

    def prepare(self, month: Month) -> Levels:
        """Find t, first to 2^-61 and then as exactly as the shares are; return what each artist gets."""
        from fairpay.kernels import levels  # noqa: PLC0415 - Numba is loaded where it is used

        if not month.facts.fees:
            return Levels([0] * month.facts.artists, 0)
        markets = Markets(month, tuple(cut(month.artist_listeners)))
        low, high = 0, levels.ONE
        while low < high:
            marks = sorted({low + 1 + (high - low - 1) * i // STEPS for i in range(STEPS + 1)})
            fit = [sum(map(sum_exactly, shares)) <= levels.ONE for shares in markets.at(marks)]
            low = max((t for t, fits in zip(marks, fit, strict=True) if fits), default=low)
            high = min((t - 1 for t, fits in zip(marks, fit, strict=True) if not fits), default=high)
        return markets.exactly(low)

    def weigh(self, usage: Usage, prepared: Levels, out: Ints) -> None:
        """Add nothing: everything is known already."""

    def settle(self, weights: Ints, pool: int, prepared: Levels) -> Ints:  # noqa: ARG002 - nothing was weighed
        """Divide the pool by the shares that were found."""
        return settle_nearly(prepared.shares, pool, error=prepared.error).paid

    def settling(self, weights: Ints, month: Month, prepared: Levels) -> Unsettled:  # noqa: ARG002 - as above
        """Divide the pool; shares so near to a tie that their units cannot tell go by id, and that is said."""
        return settle_nearly(prepared.shares, month.facts.pool, error=prepared.error)


def cut(listeners: Ints) -> Iterator[tuple[int, int]]:
    """Cut the artists into ranges of at most HELD listeners together, or of one artist."""
    ends = np.cumsum(listeners)
    low = 0
    while low < len(ends):
        before = int(ends[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(ends, before + HELD, side="right")))
        yield low, high
        low = high


def fans(month: Month, low: int, high: int) -> Fans:
    """Gather the paying listeners of the artists from `low` to `high`, each artist's by falling share."""
    from fairpay.kernels import levels  # noqa: PLC0415 - Numba is loaded where it is used

    def pick(usage: Usage) -> tuple[Ints, ...]:
        key = np.empty(len(usage.artist), dtype=np.int64)
        levels.share_keys(usage.start, usage.amount, usage.whole, key)
        fee, whole = (np.repeat(each, np.diff(usage.start)) for each in (usage.fee, usage.whole))
        mine = (usage.artist >= low) & (usage.artist < high) & (fee > 0)
        return usage.artist[mine].astype(np.int64), key[mine], fee[mine], usage.amount[mine], whole[mine]

    artist, key, fee, amount, whole = (np.concatenate(parts) for parts in zip(*month.each(pick), strict=True))
    order = np.lexsort((-key, artist))
    bound = np.searchsorted(artist[order], np.arange(low, high + 1))
    mass = fee[order]
    levels.cumulate(bound, mass)
    return Fans(bound, key[order], mass, amount[order], whole[order])
