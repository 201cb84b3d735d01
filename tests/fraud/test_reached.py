"""Listeners who are reached: who, how much they play, and what it moves, on the three users of the rules' examples."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from attack_months import listeners_in, months, paying
from hypothesis import given, settings
from hypothesis import strategies as st

from fairpay.errors import UsageError
from fairpay.fraud.audit.audit import audit
from fairpay.fraud.audit.months import met, plan, survey
from fairpay.fraud.audit.scenario import Scenario, find_scenario

if TYPE_CHECKING:
    from attack_months import HeldMonth
    from naive import Listener, NaiveMonth

    from fairpay.fraud.audit.replay import AuditFinding

HALF = Fraction(1, 2)
THREE = [("u1", "A", 6), ("u1", "B", 2), ("u2", "B", 1), ("u2", "C", 1), ("u3", "C", 40)]
REACHED = Scenario(name="s", title="", listeners=Fraction(1), days=1)


def found(rule: str, scenario: Scenario) -> AuditFinding:
    """Play a scenario on the three users, who pay 7.20 each, all of which is paid out."""
    (one,) = audit(paying(THREE, fee=720, rate=Fraction(1)), rules=[rule], scenarios=[scenario]).rules
    return one.findings[0]


@pytest.mark.parametrize(("rule", "income"), [("market-centric", 810), ("user-centric", 1144)])
def test_ten_plays_beside_those_of_each(rule: str, income: int) -> None:
    """Market-centric 30 of 80 plays; user-centric 10/18, 10/12 and 10/50 of 7.20 each: 143/270 of 21.60."""
    one = found(rule, replace(REACHED, streams_a_day=10))
    assert (one.income, one.lost[0], one.closed) == (income, income, income)
    assert round(one.per_fee, 12) == round(Fraction(income, 2160), 12)
    assert (one.attack.fees, one.attack.cost, one.profit) == (2160, 0, income)


@pytest.mark.parametrize("rule", ["market-centric", "user-centric"])
def test_half_of_what_each_plays_is_half_of_the_money(rule: str) -> None:
    """4 of 8, 1 of 2 and 20 of 40 plays."""
    one = found(rule, replace(REACHED, instead=HALF))
    assert (one.income, one.lost[0], one.closed) == (1080, 1080, 1080)


@pytest.mark.parametrize(("rule", "income", "gain"), [("market-centric", 1920, 840), ("user-centric", 1800, 720)])
def test_a_flood_of_two_thirds_of_all_streams_half_of_it_by_accounts(rule: str, income: int, gain: int) -> None:
    """One account plays 25 times, beside 50 plays of which 25 become the flood's: 50 of 75.

    Market-centric pays two thirds of 28.80, and without the account half of 21.60; user-centric half of what the three
    pay and all that the account does, which is what the account brings.
    """
    one = found(rule, replace(REACHED, streams=Fraction(2, 3), by_accounts=HALF, streams_a_day=25))
    assert (one.attack.count, one.attack.plays, one.attack.instead) == (1, 25, HALF)
    assert (one.income, one.gain, one.closed) == (income, gain, income)
    assert round(one.per_fee, 12) == round(Fraction(gain, 720), 12)


def test_deezers_flood_takes_three_percent_of_all_streams() -> None:
    """To half a play of each account, and a play of each listener."""
    month = paying([(f"u{i}", f"a{j}", 20 + i + j) for i in range(200) for j in range(9)])
    baseline = survey(month)
    attack = plan(find_scenario("ai-flood"), baseline)
    by_listeners = sum(baseline.reached(attack).month.artist_amount[9:].tolist())
    by_accounts = attack.count * attack.plays
    streams = month.facts.plays + by_accounts
    assert float(Fraction(by_accounts, streams)) == pytest.approx(0.03 * 0.85, rel=1e-3)
    assert float(Fraction(by_listeners, streams)) == pytest.approx(0.03 * 0.15, rel=0.05)


def rows(month: NaiveMonth) -> list[Listener]:
    """Write a month's listeners out."""
    return [one for block in month.each(listeners_in) for one in block]


@settings(max_examples=30, deadline=None)
@given(month=months(), part=st.fractions(0, 1, max_denominator=12), artists=st.integers(1, 5))
def test_what_is_played_instead_is_taken_evenly_from_each_artist(
    month: NaiveMonth, part: Fraction, artists: int
) -> None:
    """Of each listener and of each artist of one: the part, rounded up or down; nobody listens more or less."""
    real = month.facts.artists
    baseline = survey(month)
    attack = plan(replace(REACHED, instead=part, artists=artists), baseline)
    pairs = zip(rows(month), rows(baseline.reached(attack).month), strict=True)  # type: ignore[arg-type] # a month
    for before, after in pairs:
        gone = {code: before.amounts[code] - after.amounts.get(code, 0) for code in before.amounts}
        assert all(int(n * part) <= gone[code] <= -int(-n * part // 1) for code, n in before.amounts.items())
        new = {code: n for code, n in after.amounts.items() if code >= real}
        assert sum(new.values()) == sum(gone.values())
        assert abs(sum(gone.values()) - before.total * part) < 1
        assert max(new.values(), default=0) - min(new.values(), default=0) <= 1
        assert min(after.amounts.values()) > 0
        assert (after.fee, after.plays, after.total) == (before.fee, before.plays, before.total)


def crowd(name: str = "u") -> HeldMonth:
    """Forty listeners, no two alike."""
    return paying([(f"{name}{i % 7}{i}", f"a{j}", 3 + i + j) for i in range(40) for j in range(4)])


@pytest.mark.parametrize("wanted", [1, 7, 40])
def test_as_many_are_reached_as_are_asked_for(wanted: int) -> None:
    assert met(crowd(), wanted).listeners == wanted


def test_a_tenth_of_forty_is_four_and_the_least_part_is_one() -> None:
    assert [met(crowd(), part).listeners for part in (Fraction(1, 10), Fraction(1, 1000))] == [4, 1]


def test_names_of_listeners_choose_nobody() -> None:
    assert met(crowd(), 7) == met(crowd("pseudonym-"), 7)


def test_who_pays_and_plays_the_same_goes_together() -> None:
    alike = paying([(f"u{i}", "a", 5) for i in range(6)])
    assert met(alike, 2).listeners == 6


def test_only_who_pays_is_reached() -> None:
    month = replace(crowd(), fees={f"u{i % 7}{i}": 1000 * (i < 9) for i in range(40)})
    assert met(month, Fraction(1)) == replace(met(month, 40), listeners=9, fees=9000)


def test_nobody_else_listens_otherwise() -> None:
    month = crowd()
    baseline = survey(month)
    attack = plan(replace(REACHED, listeners=7, instead=HALF), baseline)
    after = rows(baseline.reached(attack).month)  # type: ignore[arg-type] # a month
    assert sum(one not in after for one in rows(month)) == 7


def test_listeners_who_play_too_little_for_the_flood_are_refused() -> None:
    scenario = replace(REACHED, listeners=1, streams=HALF, by_accounts=Fraction(1, 10), streams_a_day=9)
    with pytest.raises(UsageError, match="play less than what they are to play instead"):
        plan(scenario, survey(crowd()))
