"""The replay is what the rule pays with the accounts among the listeners, and the closed form is the replay."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from attack_months import exact_income, months, paying
from hypothesis import given, settings
from hypothesis import strategies as st

from fairpay.errors import UsageError
from fairpay.fraud.audit.audit import audit
from fairpay.fraud.audit.months import plan, survey
from fairpay.fraud.audit.scenario import Scenario
from fairpay.rules import find_rule, rule_classes, usual_rules
from fairpay.rules.core.rule import Joining

if TYPE_CHECKING:
    from naive import NaiveMonth

    from fairpay.fraud.audit.months import Attack
    from fairpay.fraud.audit.replay import AuditFinding
    from fairpay.rules.core.rule import Rule

FORMULA = [
    "market-centric",
    "user-centric",
    "equal-split",
    "user-cap:cap=50",
    "user-cap:cap=50,tail=1/2",
    "weighted",
    "weighted:beta=0",
    "weighted:beta=1",
    "weighted:beta=1/3",
    "norm",
    "norm:p=1",
    "norm:p=3",
    "norm:p=inf",
    "top-artist",
    "top-artist:share=1",
    "bounded:allow-unsafe=yes",
    "bounded:b=1,allow-unsafe=yes",
    "bounded:b=0.8,allow-unsafe=yes",
    "bounded:force=smooth,allow-unsafe=yes",
    "bounded:force=bayes,allow-unsafe=yes",
    "uniform",
    "artist-cap:cap=50",
    "artist-growth:above=5+50,values=1/2+1/3",
    "mix",
    "mix:rules=artist-cap:cap=50+user-cap:cap=20,share=1/3",
]
"""Rules with a closed form, in each of their shapes."""
KINDS = {name: rule.joining for name, rule in rule_classes().items()}
NAMED = {find_rule(rule).name for rule in FORMULA}
FORMULA += [name for name, joining in KINDS.items() if joining is not Joining.ANEW and name not in NAMED]
ANEW = [name for name, joining in KINDS.items() if joining is Joining.ANEW and name not in NAMED]
ANEW += ["mix:rules=bounded:allow-unsafe=yes+user-centric,share=1/3"]
CENT = Fraction(1, 2) + Fraction(1, 10**6)
"""An amount rounded to the cent is at most this far from what it was."""

BY_NIGHT = not settings.default.derandomize  # type: ignore[union-attr] # there is a profile
EXAMPLES, FEW = (25, 10) if BY_NIGHT else (10, 6)

scenarios = st.builds(
    lambda cover, **values: Scenario(name="drawn", title="", **values, **cover),
    cover=st.sampled_from([{}, {"camouflage_share": Fraction(3, 5), "camouflage_artists": 2}]),
    accounts=st.integers(1, 5) | st.sampled_from([Fraction(1, 100), Fraction(1, 3)]),
    streams_a_day=st.integers(1, 300),
    days=st.integers(1, 31),
    artists=st.integers(1, 6),
)

reaching = st.builds(
    lambda how, **values: Scenario(name="drawn", title="", days=2, **values, **how),
    how=st.sampled_from(
        [
            {"streams_a_day": 40},
            {"streams_a_day": 40, "camouflage_share": Fraction(3, 5), "camouflage_artists": 2},
            {"instead": Fraction(1, 10)},
            {"instead": Fraction(1), "streams_a_day": 7},
            {"instead": Fraction(2, 7), "streams_a_day": 9, "accounts": 3},
        ]
    ),
    listeners=st.integers(1, 9) | st.sampled_from([Fraction(1, 3), Fraction(1)]),
    artists=st.integers(1, 6),
) | st.builds(
    lambda **values: Scenario(name="drawn", title="", listeners=Fraction(1), streams_a_day=50, **values),
    streams=st.sampled_from([Fraction(3, 100), Fraction(1, 3)]),
    by_accounts=st.sampled_from([Fraction(85, 100), Fraction(1, 10)]),
    artists=st.integers(1, 6),
)
"""Scenarios in which listeners listen otherwise, some with accounts that join."""


def played(month: NaiveMonth, rule: str, scenario: Scenario, *, least_ms: int = 0) -> tuple[Rule, AuditFinding, Attack]:
    """Audit one rule against one scenario; return what was found, and the attack as it is planned on the month."""
    (found,) = audit(month, least_ms=least_ms, rules=[rule], scenarios=[scenario]).rules
    return found.rule, found.findings[0], plan(scenario, survey(month, least_ms=least_ms))


@pytest.mark.parametrize("rule", FORMULA)
@settings(max_examples=EXAMPLES, deadline=None)
@given(month=months(), scenario=scenarios | reaching)
def test_closed_form_and_replay_agree_to_the_cent(rule: str, month: NaiveMonth, scenario: Scenario) -> None:
    """The formula weighs nobody, the replay knows no formula; the fractions write every account out."""
    made, finding, attack = played(month, rule, scenario)
    assert finding.closed == finding.income
    assert abs(finding.income - exact_income(month, made, attack)) <= CENT


@pytest.mark.parametrize("rule", [name for name in ANEW if name != "geometric-median"])  # in floats
@settings(max_examples=FEW, deadline=None)
@given(month=months(), scenario=scenarios | reaching)
def test_rules_without_a_formula_are_worked_out_anew(rule: str, month: NaiveMonth, scenario: Scenario) -> None:
    made, finding, attack = played(month, rule, scenario)
    assert finding.closed is None
    assert abs(finding.income - exact_income(month, made, attack)) <= CENT


@settings(max_examples=EXAMPLES, deadline=None)
@given(month=months(), scenario=scenarios)
def test_time_is_counted_in_milliseconds(month: NaiveMonth, scenario: Scenario) -> None:
    month = replace(month, play=None)
    made, finding, attack = played(month, "market-centric", scenario, least_ms=30_000)
    assert attack.added[0].total == attack.plays * 30_000
    assert abs(finding.income - exact_income(month, made, attack)) <= CENT


@settings(max_examples=EXAMPLES, deadline=None)
@given(month=months(), scenario=scenarios | reaching, rule=st.sampled_from(FORMULA))
def test_what_the_accounts_get_somebody_loses(month: NaiveMonth, scenario: Scenario, rule: str) -> None:
    _, finding, attack = played(month, rule, scenario)
    assert abs(finding.income - sum(finding.lost) - (attack.pool - month.pool)) <= 3


@settings(max_examples=EXAMPLES, deadline=None)
@given(month=months(), scenario=scenarios, rule=st.sampled_from(FORMULA))
def test_break_even_is_the_fewest_plays_that_pay(month: NaiveMonth, scenario: Scenario, rule: str) -> None:
    """At the number found the accounts earn their fees, by fractions; with one play less they do not."""
    made, finding, attack = played(month, rule, scenario)
    plays, baseline = finding.break_even, survey(month)

    def earned(count: int) -> Fraction:
        if count == 0:
            return Fraction(0)
        changed = replace(scenario, streams_a_day=count, days=1, seconds=1)
        return exact_income(month, made, plan(changed, baseline))

    goal = attack.count * attack.fee
    if plays is None:
        assert earned(86_400) < goal or attack.most_plays < 86_400
    else:
        assert earned(plays) >= goal - CENT
        assert earned(plays - 1) < goal


def test_the_usual_rules_take_one_walk() -> None:
    assert "norm" in usual_rules()
    assert all(not rule_classes()[name].experimental for name in usual_rules() if name in ANEW)


def test_order_and_blocks_change_nothing() -> None:
    month = paying([(f"u{i}", f"a{j}", 1 + i * j % 7) for i in range(9) for j in range(i % 4 + 1)], fee=999)
    scenario = Scenario(name="s", title="", accounts=2, streams_a_day=9, artists=3)
    reached = replace(scenario, accounts=0, listeners=4, instead=Fraction(1, 3))

    def findings(**how: int) -> list[object]:
        found = audit(replace(month, **how), scenarios=[scenario, reached])
        return [(r.rule, r.most, r.findings, r.worth, r.steered, r.stray) for r in found.rules]

    assert findings() == findings(blocks=4, seed=7)


def test_rules_that_cannot_run_are_named() -> None:
    """Bounded has no safe b where idle money exceeds what is kept back; the others are audited all the same."""
    found = audit(
        paying([("u", "a", 5)], idle=1000), scenarios=[Scenario(name="s", title="", accounts=1, streams_a_day=9)]
    )
    assert "bounded" not in [r.rule.name for r in found.rules]
    assert len(found.notes) == 1
    assert found.notes[0].startswith("bounded is left out")


def test_the_worst_rule_comes_first() -> None:
    month = paying([(f"u{i}", "a", 5) for i in range(9)], fee=100)
    found = audit(month, scenarios=[Scenario(name="s", title="", accounts=1, streams_a_day=900)])
    worst = [r.worst for r in found.rules]
    assert worst == sorted(worst, reverse=True)
    assert worst[0] == next(r.worst for r in found.rules if r.rule == find_rule("market-centric"))


def test_accounts_by_the_million_cost_nothing_to_weigh() -> None:
    scenario = Scenario(name="s", title="", accounts=10_000_000, streams_a_day=900, artists=20_000, fee="0.01")
    found = audit(paying([("u", "a", 500)]), rules=["norm", "market-centric", "weighted"], scenarios=[scenario])
    assert [r.findings[0].income == r.findings[0].closed for r in found.rules] == [True] * 3


def test_a_scenario_too_large_to_lay_out_is_refused() -> None:
    scenario = Scenario(name="s", title="", accounts=10_000_000, streams_a_day=900, artists=20_000)
    with pytest.raises(UsageError, match="too large for median"):
        audit(paying([("u", "a", 5), ("v", "b", 6)]), rules=["median"], scenarios=[scenario])
