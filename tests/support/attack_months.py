"""Months for audits, and the obvious answer: the same month with the accounts among the listeners."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from naive import Listener, NaiveMonth, exact

from fairpay.fraud.audit.months import survey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from naive import Row

    from fairpay.fraud.audit.months import Attack
    from fairpay.rules.core.month import Usage

MEAN = 599
SPREAD = 0.9955
"""The published numbers name a log-normal log of mean 599 and leave its spread open: at this one c* is 457."""


class HeldMonth(NaiveMonth):
    """The same month, laid out once: for months of thousands of listeners."""

    facts = cached_property(NaiveMonth.facts.fget)  # type: ignore[assignment,arg-type] # the same, kept
    artist_amount = cached_property(NaiveMonth.artist_amount.fget)  # type: ignore[assignment,arg-type]
    artist_listeners = cached_property(NaiveMonth.artist_listeners.fget)  # type: ignore[assignment,arg-type]
    held = cached_property(lambda month: list(NaiveMonth.chunks(month)))

    def chunks(self) -> Iterator[Usage]:
        """Blocks of whole users."""
        return iter(self.held)


def paying(rows: Sequence[Row], *, fee: int = 1000, rate: Fraction = Fraction(7, 10), idle: int = 0) -> HeldMonth:
    """Make a month whose listeners all pay a fee, beside whom somebody idle pays another."""
    fees = {user: fee for user, _, _ in rows} | ({"idle": idle} if idle else {})
    return HeldMonth(rows, fees=fees, pool=round(sum(fees.values()) * rate), rate=rate)


@st.composite
def months(draw: st.DrawFn) -> NaiveMonth:
    """Draw months of a few users and artists, with fees in cents, some idle subscribers, and a royalty rate."""
    names = st.sampled_from(["a", "b", "c", "d", "e"])
    users = [f"u{i}" for i in range(draw(st.integers(1, 7)))]
    listening = st.dictionaries(names, st.integers(1, 900), min_size=1)
    rows = [(user, artist, plays) for user in users for artist, plays in draw(listening).items()]
    fees = {user: draw(st.sampled_from([499, 999, 1099])) for user in users}
    if draw(st.booleans()):
        fees["idle"] = draw(st.integers(1, 1500))
    rate = draw(st.sampled_from([Fraction(1, 2), Fraction(7, 10), Fraction(1)]))
    blocks = draw(st.integers(1, 3))
    return NaiveMonth(rows, fees=fees, pool=round(sum(fees.values()) * rate), rate=rate, blocks=blocks)


def exact_income(month: NaiveMonth, rule: Any, attack: Attack) -> Fraction:  # noqa: ANN401 - a rule or its exact name
    """Work the rule out in fractions with every account written out, and add up what the made-up artists get."""
    known, baseline, listeners = month.facts.artists, survey(month), month.listeners
    if attack.met is not None:
        baseline = baseline.reached(attack)
        listeners = [one for block in baseline.month.each(listeners_in) for one in block]
    for accounts in attack.added:
        amounts = {int(code): int(amount) for code, amount in zip(accounts.artist, accounts.amount, strict=True)}
        listeners = [*listeners, *[Listener(accounts.fee, amounts, accounts.plays)] * accounts.count]
    facts = baseline.joined(attack.added, pool=attack.pool).facts
    paid = exact(rule, listeners, artists=facts.artists, pool=Fraction(attack.pool), rate=facts.alpha)
    return sum(paid[known:], Fraction(0))


def listeners_in(usage: Usage) -> list[Listener]:
    """Write a block's users out."""
    edges = pairwise(usage.start.tolist())
    amounts = [dict(zip(usage.artist[a:b].tolist(), usage.amount[a:b].tolist(), strict=True)) for a, b in edges]
    return [Listener(*one) for one in zip(usage.fee.tolist(), amounts, usage.plays.tolist(), strict=True)]


def log_normal(count: int, *, spread: float = SPREAD) -> list[int]:
    """Return plays of `count` listeners at even quantiles of a log-normal with mean 599, at least 1."""
    at = NormalDist(math.log(MEAN) - spread**2 / 2, spread)
    return [max(1, round(math.exp(at.inv_cdf((i + 0.5) / count)))) for i in range(count)]


def tasteful(count: int, *, artists: int = 18, slope: float = 1.15, catalogue: int = 3000) -> HeldMonth:
    """Make a month of `count` subscribers who pay 10.00 at a rate of 70 %, each with favourites by Zipf's law.

    Listening is log-normal with mean 599. Famous artists are drawn more often, likewise by Zipf's law.
    """
    drawn = random.Random(1)  # noqa: S311 - a made-up month
    fame = list(itertools.accumulate(1 / rank for rank in range(1, catalogue + 1)))
    taste = [1 / rank**slope for rank in range(1, artists + 1)]
    rows = []
    for i, plays in enumerate(log_normal(count)):
        mine: dict[int, None] = {}
        while len(mine) < artists:
            mine.setdefault(drawn.choices(range(catalogue), cum_weights=fame)[0])
        for artist, part in zip(mine, taste, strict=True):
            rows.append((f"u{i}", f"a{artist}", max(1, round(plays * part / sum(taste)))))
    return paying(rows)
