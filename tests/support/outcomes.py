"""Outcomes made by hand, for tests of what is made of them for people."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from fairpay.money.currency import Currency
from fairpay.money.rounding import Allocation
from fairpay.reports.outcome import Control, ListeningTotals, Money, Outcome, Payout
from fairpay.rules import find_rule
from fairpay.rules.core.promise import Promise
from fairpay.rules.core.rule import Rule, parameter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EUR = Currency("EUR", 2)


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 - results
    """Whether two results say the same."""
    return bool(one.arrow.equals(other.arrow) and one.summary == other.summary)


@dataclass(frozen=True)
class Trial(Rule):
    """A rule for study, in the tests only."""

    name: ClassVar[str] = "trial"
    experimental: ClassVar[bool] = True
    force: str = parameter("a", help="how", choices=("a", "b.c", "b/c"))

    def keeps(self) -> frozenset[Promise]:
        """Keep all but two."""
        return frozenset(Promise) - {Promise.MONOTONE, Promise.SPLIT_PROOF}

    def weigh(self, usage: Any, prepared: Any, out: Any) -> None:  # noqa: ANN401 - never run
        """Not run in these tests."""

    def settle(self, weights: Any, pool: int, prepared: Any) -> Any:  # noqa: ANN401 - never run
        """Not run in these tests."""


def rule(text: str) -> Rule:
    """Make a rule of the registry, or the trial rule."""
    name, _, parameters = text.partition(":")
    return Trial.parse(parameters) if name == "trial" else find_rule(text)


def outcome(
    paid: Mapping[str, Sequence[int]] | Sequence[tuple[str, Sequence[int]]],
    *,
    artist: Sequence[str] | None = None,
    market_weight: Sequence[int] | None = None,
    user_weight: Sequence[int] | None = None,
    **changes: Any,  # noqa: ANN401 - any field of Outcome
) -> Outcome:
    """Make an outcome of payouts in minor units by rule; artists are a0000, a0001, ... unless named."""
    pairs = list(paid.items()) if hasattr(paid, "items") else list(paid)
    amounts = [np.array(values, dtype=np.int64) for _, values in pairs]
    count, pool = len(amounts[0]), sum(int(x) for x in amounts[0])
    artists = sorted(artist or [f"a{i:04d}" for i in range(count)], key=str.encode)
    values: dict[str, Any] = {
        "currency": EUR,
        "money": money(pool),
        "listening": listening(artists=count),
        "artist": pa.array(artists, pa.large_string()),
        "plays": np.arange(1, count + 1, dtype=np.int64),
        "ms": np.arange(count, dtype=np.int64) * 1001,
        "listeners": np.ones(count, dtype=np.int64),
        "payouts": tuple(
            Payout(rule(name), Allocation(name, x, pool), Fraction(1, 7), Fraction(1, 2), Fraction(1, 3))
            for (name, _), x in zip(pairs, amounts, strict=True)
        ),
        "market_weight": np.array(market_weight if market_weight is not None else amounts[0], dtype=np.int64),
        "user_weight": np.array(user_weight if user_weight is not None else amounts[-1], dtype=np.int64),
        "median_fee": 699,
        "controls": (Control("rows", ok=True, detail="5 read = 3 used + 2 left out"),),
    }
    return Outcome(**{**values, **changes})


def money(pool: int, **changes: Any) -> Money:  # noqa: ANN401 - any field of Money
    """Make the money of an outcome: a fee, and nobody inactive or unlisted."""
    values: dict[str, Any] = {
        "pool": pool,
        "stated": "70 % of 9.99 from 999 subscribers",
        "assumed": False,
        "rate": Fraction(7, 10),
        "subscribers": 999,
        "inactive": 0,
        "inactive_money": 0,
        "held": 0,
        "inactive_policy": "share",
        "unlisted": 0,
        "unlisted_policy": "free",
    }
    return Money(**{**values, **changes})


def listening(**changes: Any) -> ListeningTotals:  # noqa: ANN401 - any field of Listening
    """Make what was read: a month with something left out."""
    values: dict[str, Any] = {
        "rows": 101_616,
        "used": 98_214,
        "dropped": {"under the qualifying length": 2_960, "without an artist": 442},
        "users": 999,
        "artists": 2_310,
        "plays": 98_214,
        "ms": 19_483_200_123,
        "measure": "time",
        "period": ("2026-10-01T00:00:07Z", "2026-10-31T23:59:58Z"),
    }
    return ListeningTotals(**{**values, **changes})
