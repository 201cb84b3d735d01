"""independent-markets: each artist is paid as far as enough fans agree on at least that share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.money.integers import sum_exactly
from fairpay.rules.core.promise import ALWAYS, THREE, CounterExample, Example, Promise, tie, underpaid, uneven
from fairpay.rules.core.rule import Needs, Rule
from fairpay.rules.core.ties import settle_nearly
from fairpay.rules.solvers.fans import gather_fans, ranges

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage
    from fairpay.rules.core.ties import Unsettled
    from fairpay.rules.solvers.fans import Fans

STEPS = 15
"""Values of t tried in one walk over the artists."""
FINE = 122
"""Bits of a share, where shares have no common multiple of a reasonable size."""
BITS = 2**28
"""Bits of all shares together, at most, where they are exact."""


@dataclass(frozen=True, slots=True)
class MarketLevels:
    """What each artist gets."""

    shares: Sequence[int]
    """In units of their sum."""
    error: int
    """How many of these each may be off."""


@dataclass(frozen=True)
class Markets:
    """All artists in ranges that fit in memory; a single range is gathered once."""

    month: Month
    ranges: tuple[Ints, ...]

    @cached_property
    def all(self) -> Fans:
        """The fans of the only range."""
        return gather_fans(self.month, self.ranges[0])

    def at(self, marks: Sequence[int]) -> Iterator[tuple[Ints, Fans, list[tuple[Ints, Ints]]]]:
        """Yield each range with its fans and, for each t of `marks`, the level of each artist and its piece."""
        from fairpay.kernels import shares  # noqa: PLC0415 - Numba is loaded where it is used

        for artists in self.ranges:
            fans = self.all if len(self.ranges) == 1 else gather_fans(self.month, artists)
            found = []
            for t in marks:
                level, piece = np.empty_like(artists), np.empty_like(artists)
                shares.levels(fans.bound, fans.key, fans.mass, t, self.month.facts.fees, level, piece)
                found.append((level, piece))
            yield artists, fans, found

    def sums(self, marks: Sequence[int]) -> list[int]:
        """Return what all artists get together, for each t of `marks`."""
        found = [[sum_exactly(level) for level, _ in each] for _, _, each in self.at(marks)]
        return [sum(column) for column in zip(*found, strict=True)]

    def exactly(self, t: int) -> MarketLevels:
        """Return what each artist gets, where t is within a unit of 2^-61 of right.

        t says on which straight piece of its curve each artist is; on these pieces the shares sum to one exactly.
        """
        fixed: dict[int, tuple[int, int]] = {}
        steep: dict[int, int] = {}
        for artists, fans, ((_, piece),) in self.at([t]):
            some = np.diff(fans.bound) > 0
            for artist, place in zip(artists[some].tolist(), piece[some].tolist(), strict=True):
                if place < 0:
                    steep[artist] = int(fans.mass[-1 - place])
                else:
                    fixed[artist] = (int(fans.amount[place]), int(fans.whole[place]))
        count = self.month.facts.artists
        one = common([whole for _, whole in fixed.values()], most=BITS // max(1, count))
        exact = one is not None
        one = one or 1 << FINE
        shares = {artist: amount * one // whole for artist, (amount, whole) in fixed.items()}
        rest, rise = one - sum(shares.values()), sum(steep.values()) or 1
        levels = [shares.get(artist, 0) * rise + steep.get(artist, 0) * rest for artist in range(count)]
        return MarketLevels(levels, 0 if exact else (count + 2) * rise)


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
    needs: ClassVar[Needs] = Needs.EVERYTHING
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; t = 3/4, so the third agrees with nobody on more than half",
            listening=THREE,
            pays={"A": "3/4", "B": "3/4", "C": "3/2"},
        ),
        Example(
            title="one artist played only, and a second artist by all the others",
            listening={"u1": {"A": 3}, "u2": {"A": 1, "B": 2}, "u3": {"A": 1, "B": 2}},
            pays={"A": "1", "B": "2"},
        ),
        tie({"u1": {"A": 4}, "u2": {"B": 4}, "u3": {"C": 4}}),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        uneven(
            title="u2 plays A and B, and of neither more counts than the market allows",
            before={"u1": {"C": 1}, "u2": {"A": 1, "B": 2}},
            artists=("A", "B"),
            was="1",
            becomes="2",
        ),
        *underpaid(
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
        return ALWAYS | {Promise.MONOTONE}

    def prepare(self, month: Month) -> MarketLevels:
        """Find t, first to 2^-61 and then as exactly as the shares are; return what each artist gets."""
        from fairpay.kernels import shares  # noqa: PLC0415 - Numba is loaded where it is used

        if not month.facts.fees:
            return MarketLevels([0] * month.facts.artists, 0)
        markets = Markets(month, tuple(ranges(np.arange(month.facts.artists), month.artist_listeners)))
        low, high = 0, shares.ONE
        while low < high:
            marks = sorted({low + 1 + (high - low - 1) * i // STEPS for i in range(STEPS + 1)})
            fit = [together <= shares.ONE for together in markets.sums(marks)]
            low = max((t for t, fits in zip(marks, fit, strict=True) if fits), default=low)
            high = min((t - 1 for t, fits in zip(marks, fit, strict=True) if not fits), default=high)
        return markets.exactly(low)

    def weigh(self, usage: Usage, prepared: MarketLevels, out: Ints) -> None:
        """Add nothing: everything is known already."""

    def settle(self, weights: Ints, pool: int, prepared: MarketLevels) -> Ints:  # noqa: ARG002 - nothing was weighed
        """Divide the pool by the shares that were found."""
        return settle_nearly(prepared.shares, pool, error=prepared.error).paid

    def settling(self, weights: Ints, month: Month, prepared: MarketLevels) -> Unsettled:  # noqa: ARG002 - as above
        """Divide the pool; shares so near to a tie that their units cannot tell go by id, and that is said."""
        return settle_nearly(prepared.shares, month.facts.pool, error=prepared.error)
