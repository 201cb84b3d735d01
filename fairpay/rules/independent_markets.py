"""independent-markets: each artist is paid as far as enough fans agree on at least that share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.integers import sum_exactly
from fairpay.rounding import largest_remainder
from fairpay.rule import CounterExample, Example, Promise, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairpay.month import Month
    from fairpay.usage import Ints, Usage

STEPS = 15
"""Values of t tried in one walk over the artists."""
HELD = 2**25
"""Listeners of artists held in memory at once, 16 bytes each; beyond it artists are taken in ranges."""


@dataclass(frozen=True, slots=True)
class Fans:
    """The listeners of a range of artists, by falling share."""

    bound: Ints
    """int64[artists of the range + 1]."""
    key: Ints
    """int64[listeners]: share in units of 2^-61."""
    mass: Ints
    """int64[listeners]: fees of the listeners down to this one."""


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

    def prepare(self, month: Month) -> Ints:
        """Find t to 2^-61 and return what each artist gets at it, int64[artists] in units of 2^-61."""
        from fairpay.kernels import levels  # noqa: PLC0415 - Numba is loaded where it is used

        if not month.facts.fees:
            return np.zeros(month.facts.artists, dtype=np.int64)
        markets = Markets(month, tuple(cut(month.artist_listeners)))
        low, high = 0, levels.ONE
        while low < high:
            marks = sorted({low + 1 + (high - low - 1) * i // STEPS for i in range(STEPS + 1)})
            fit = [sum(map(sum_exactly, shares)) <= levels.ONE for shares in markets.at(marks)]
            low = max((t for t, fits in zip(marks, fit, strict=True) if fits), default=low)
            high = min((t - 1 for t, fits in zip(marks, fit, strict=True) if not fits), default=high)
        return np.concatenate(markets.at([low])[0])

    def weigh(self, usage: Usage, prepared: Ints, out: Ints) -> None:
        """Add nothing: everything is known already."""

    def settle(self, weights: Ints, pool: int, prepared: Ints) -> Ints:  # noqa: ARG002 - nothing was weighed
        """Divide the pool by the shares that were found."""
        return largest_remainder(prepared, pool)


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

    def pick(usage: Usage) -> tuple[Ints, Ints, Ints]:
        key = np.empty(len(usage.artist), dtype=np.int64)
        levels.share_keys(usage.start, usage.amount, usage.total, key)
        fee = np.repeat(usage.fee, np.diff(usage.start))
        mine = (usage.artist >= low) & (usage.artist < high) & (fee > 0)
        return usage.artist[mine].astype(np.int64), key[mine], fee[mine]

    artist, key, fee = (np.concatenate(parts) for parts in zip(*month.each(pick), strict=True))
    order = np.lexsort((-key, artist))
    bound = np.searchsorted(artist[order], np.arange(low, high + 1))
    mass = fee[order]
    levels.cumulate(bound, mass)
    return Fans(bound, key[order], mass)
