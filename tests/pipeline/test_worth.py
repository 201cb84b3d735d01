"""What one more listener and 100 more plays are worth to an artist: the month with them, written out, in fractions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from attack_months import months, paying
from hypothesis import given, settings
from naive import Listener, NaiveMonth, exact, run

from fairpay.pipeline.explain import paid_under
from fairpay.pipeline.factors import ListenerSums
from fairpay.pipeline.joined import PlayedMore
from fairpay.pipeline.worth import Growth, worth_of
from fairpay.reports.explanation import RulePaid
from fairpay.rules import find_rule

RULES = ["market-centric", "user-centric", "equal-split", "user-cap:cap=50", "weighted", "norm", "top-artist",
         "bounded:allow-unsafe=yes", "uniform", "artist-cap:cap=500"]  # fmt: skip
NEAR = Fraction(1, 10**5)


def worth(month: NaiveMonth, rule: str, chosen: list[int]) -> tuple[Growth, ListenerSums]:
    """What the pipeline says."""
    codes = np.array(chosen)
    earned = [
        RulePaid(one, int(units.sum()), share)
        for one, (units, share) in paid_under(month, [find_rule(rule)], codes).items()
    ]
    audience = ListenerSums.of(month, np.isin(np.arange(month.facts.artists), codes))
    return worth_of(month, earned, codes, audience, int(month.artist_amount[codes].sum())), audience


def paid(month: NaiveMonth, rule: str, listeners: list[Listener], pool: Fraction) -> list[Fraction]:
    """What every artist is paid."""
    fees = sum(month.fees.values()) + sum(u.fee for u in listeners) - sum(u.fee for u in month.listeners)
    assert month.rate is not None
    rate = month.rate * fees / sum(u.fee for u in listeners)
    return exact(find_rule(rule), listeners, artists=month.facts.artists, pool=pool, rate=rate)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=10)
@given(month=months())
def test_a_listener_is_worth_the_difference_to_the_month_with_one_more(rule: str, month: NaiveMonth) -> None:
    """The one more pays, plays and plays the artist as the mean listener of it, and the others heard most."""
    fans = [u for u in month.listeners if 0 in u.amounts]
    found, _ = worth(month, rule, [0])

    def mean(values: list[int]) -> int:
        return max(1, round(Fraction(sum(values), len(fans))))

    own, total, kinds = (
        mean([u.amounts[0] for u in fans]),
        mean([u.total for u in fans]),
        mean([len(u.amounts) for u in fans]),
    )
    amounts, rest = {0: own}, max(0, total - own)
    heard = month.artist_amount.tolist()
    others = sorted(range(1, month.facts.artists), key=lambda j: (-heard[j], j))[: max(1, kinds - 1)]
    for place, artist in enumerate(others):
        each = rest // len(others) + (place < rest % len(others))
        amounts |= {artist: each} if each else {}
    more = Listener(mean([u.fee for u in fans]), amounts, mean([u.plays for u in fans]))
    assert month.rate is not None
    pool = Fraction(month.pool)
    before = paid(month, rule, month.listeners, pool)[0]
    after = paid(month, rule, [*month.listeners, more], pool + month.rate * more.fee)[0]
    assert abs(next(iter(found.listener.values())) - (after - before)) < NEAR * max(1, before)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=10)
@given(month=months())
def test_plays_are_worth_the_difference_to_the_month_in_which_its_listeners_play_it_more(
    rule: str, month: NaiveMonth
) -> None:
    found, audience = worth(month, rule, [0])
    each = found.added // audience.count
    assert each == round(Fraction(100, audience.count))
    busier = [
        replace(u, amounts={**u.amounts, 0: u.amounts[0] + each}, plays=u.plays + each) if 0 in u.amounts else u
        for u in month.listeners
    ]
    pool = Fraction(month.pool)
    change = paid(month, rule, busier, pool)[0] - paid(month, rule, month.listeners, pool)[0]
    assert abs(next(iter(found.plays.values())) - change * 100 / found.added) < NEAR * max(1, month.pool)


@settings(max_examples=20)
@given(month=months())
def test_a_month_played_more_is_the_month_written_out(month: NaiveMonth) -> None:
    chosen = np.isin(np.arange(month.facts.artists), [0, 1])
    listeners = [u for u in month.listeners if {0, 1} & {*u.amounts}]
    more = PlayedMore(month, chosen, 3, 3, len(listeners))
    extra = [
        (user, month.names[max({0, 1} & {*u.amounts}, key=lambda j, u=u: (u.amounts[j], -j))], 3)  # type: ignore[misc] # a lambda with a default
        for user, u in zip(month.users, month.listeners, strict=True)
        if {0, 1} & {*u.amounts}
    ]
    plain = replace(month, rows=[*month.rows, *extra])
    assert more.facts == plain.facts
    assert more.artist_amount.tolist() == plain.artist_amount.tolist()
    for name in ("market-centric", "user-centric", "top-artist", "median", "independent-markets"):
        assert run(find_rule(name), more).tolist() == run(find_rule(name), plain).tolist()


def test_of_many_listeners_each_plays_once_more_and_100_plays_are_their_part() -> None:
    month = paying([(f"u{i}", "a", 1) for i in range(250)] + [("v", "b", 250)])
    found, _ = worth(month, "market-centric", [0])
    assert found.added == 250
    change = Fraction(500, 750) - Fraction(250, 500)
    assert abs(next(iter(found.plays.values())) - change * month.pool * 100 / 250) < NEAR


def test_plays_bring_nothing_more_where_its_listeners_play_nothing_else() -> None:
    month = paying([("u", "a", 5), ("v", "b", 7)])
    found, _ = worth(month, "user-centric", [0])
    assert [*found.plays.values()] == [0]
