"""Months for audits, and the obvious answer: the same month with the accounts among the listeners."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from naive import Listener, NaiveMonth, exact

from fairpay.audit.replay import joined
from fairpay.rules.bounded import paid_out

if TYPE_CHECKING:
    from fairpay.audit.attack import Attack

MEAN = 599
SPREAD = 0.9955
"""RULES section 6 names a log-normal log of mean 599 and leaves its spread open: at this one c* is 457."""


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
    accounts, known = attack.accounts, month.facts.artists
    amounts = {int(code): int(amount) for code, amount in zip(accounts.artist, accounts.amount, strict=True)}
    listeners = [*month.listeners, *[Listener(accounts.fee, amounts, accounts.plays)] * accounts.count]
    facts = joined(attack.crowd, [accounts], pool=attack.pool).facts
    paid = exact(rule, listeners, artists=facts.artists, pool=Fraction(attack.pool), rate=paid_out(facts))
    return sum(paid[known:], Fraction(0))


def log_normal(count: int, *, spread: float = SPREAD) -> list[int]:
    """Return plays of `count` listeners at even quantiles of a log-normal with mean 599, at least 1."""
    at = NormalDist(math.log(MEAN) - spread**2 / 2, spread)
    return [max(1, round(math.exp(at.inv_cdf((i + 0.5) / count)))) for i in range(count)]
