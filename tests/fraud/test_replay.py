"""The replay is what the rule pays with the accounts among the listeners, and the closed form is the replay."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from attack_months import exact_income, months
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import NaiveMonth

from fairpay.errors import UsageError
from fairpay.fraud.audit.attack import plan
from fairpay.fraud.audit.audit import audit, usual_rules
from fairpay.fraud.audit.months import survey
from fairpay.fraud.audit.scenario import Scenario
from fairpay.rules import find_rule, rule_classes
from fairpay.rules.core.rule import Joining

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
]
"""Rules with a closed form, in each of their shapes."""
KINDS = {name: rule.joining for name, rule in rule_classes().items()}
NAMED = {find_rule(rule).name for rule in FORMULA}
FORMULA += [name for name, joining in KINDS.items() if joining is not Joining.ANEW and name not in NAMED]
ANEW = [name for name, joining in KINDS.items() if joining is Joining.ANEW]
CENT = Fraction(1, 2) + Fraction(1, 10**6)
"""An amount rounded to the cent is at most this far from what it was."""

scenarios = st.builds(
    lambda cover, **values: Scenario(name="drawn", title="", **values, **cover),
    cover=st.sampled_from([{}, {"camouflage_share": Fraction(3, 5), "camouflage_artists": 2}]),
    accounts=st.integers(1, 5) | st.sampled_from([Fraction(1, 100), Fraction(1, 3)]),
    streams_a_day=st.integers(1, 300),
    days=st.integers(1, 31),
    artists=st.integers(1, 6),
)


@pytest.mark.parametrize("rule", FORMULA)
@settings(max_examples=25, deadline=None)
@given(month=months(), scenario=scenarios)
def test_closed_form_and_replay_agree_to_the_cent(rule: str, month: NaiveMonth, scenario: Scenario) -> None:
    """The formula weighs nobody, the replay knows no formula; the fractions write every account out."""
    (found,) = audit(month, rules=[rule], scenarios=[scenario]).rules
    (finding,) = found.findings
    assert finding.closed == finding.income
    attack = plan(scenario, survey(month))
    assert abs(finding.income - exact_income(month, found.rule, attack)) <= CENT


@pytest.mark.parametrize("rule", [name for name in ANEW if name != "geometric-median"])  # in floats
@settings(max_examples=10, deadline=None)
@given(month=months(), scenario=scenarios)
def test_rules_without_a_formula_are_worked_out_anew(rule: str, month: NaiveMonth, scenario: Scenario) -> None:
    """Rules that look at everybody at once are run again with the accounts in."""
    (found,) = audit(month, rules=[rule], scenarios=[scenario]).rules
    (finding,) = found.findings
    assert finding.closed is None
    attack = plan(scenario, survey(month))
    assert abs(finding.income - exact_income(month, found.rule, attack)) <= CENT


@settings(max_examples=15, deadline=None)
@given(month=months(), scenario=scenarios)
def test_time_is_counted_in_milliseconds(month: NaiveMonth, scenario: Scenario) -> None:
    """Where listening is time, a play of an account lasts as long as the mean play, or the qualifying length."""
    least = 30_000
    month = replace(month, play=None)
    (found,) = audit(month, least_ms=least, rules=["market-centric"], scenarios=[scenario]).rules
    attack = plan(scenario, survey(month, least_ms=least))
    assert attack.accounts.total == attack.accounts.plays * 30_000
    assert abs(found.findings[0].income - exact_income(month, found.rule, attack)) <= CENT


@settings(max_examples=25, deadline=None)
@given(month=months(), scenario=scenarios, rule=st.sampled_from(FORMULA))
def test_what_the_accounts_get_somebody_loses(month: NaiveMonth, scenario: Scenario, rule: str) -> None:
    """Income is what real artists lose plus what the accounts' fees add to the pool, to a cent for each tier."""
    (found,) = audit(month, rules=[rule], scenarios=[scenario]).rules
    attack = plan(scenario, survey(month))
    (finding,) = found.findings
    assert abs(finding.income - sum(finding.lost) - (attack.pool - month.pool)) <= 3


@settings(max_examples=25, deadline=None)
@given(month=months(), scenario=scenarios, rule=st.sampled_from(FORMULA))
def test_break_even_is_the_fewest_plays_that_pay(month: NaiveMonth, scenario: Scenario, rule: str) -> None:
    """At the number found the accounts earn their fees, by fractions; with one play less they do not."""
    (found,) = audit(month, rules=[rule], scenarios=[scenario]).rules
    plays = found.findings[0].break_even
    baseline = survey(month)

    def earned(count: int) -> Fraction:
        if count == 0:
            return Fraction(0)
        changed = Scenario(**{**as_dict(scenario), "streams_a_day": count, "days": 1, "seconds": 1})
        return exact_income(month, found.rule, plan(changed, baseline))

    attack = plan(scenario, baseline)
    goal = attack.count * attack.fee
    if plays is None:
        assert earned(86_400) < goal or attack.most_plays < 86_400
    else:
        assert earned(plays) >= goal - CENT
        assert earned(plays - 1) < goal


def as_dict(scenario: Scenario) -> dict[str, object]:
    """Return a scenario's values by name."""
    return {name: getattr(scenario, name) for name in scenario.__slots__}


def test_the_usual_rules_take_one_walk() -> None:
    """Without --rule the experimental rules that iterate are left out, norm is not."""
    assert "norm" in usual_rules()
    assert all(not rule_classes()[name].experimental for name in usual_rules() if name in ANEW)


def test_order_and_blocks_change_nothing() -> None:
    """The same findings for any order of rows and any blocks."""
    rows = [(f"u{i}", f"a{j}", 1 + i * j % 7) for i in range(9) for j in range(i % 4 + 1)]
    fees = {f"u{i}": 999 for i in range(9)}
    scenario = Scenario(name="s", title="", accounts=2, streams_a_day=9, artists=3)

    def findings(**how: int) -> list[object]:
        month = NaiveMonth(rows, fees=fees, pool=6294, rate=Fraction(7, 10), **how)
        found = audit(month, scenarios=[scenario])
        return [(r.rule, r.most, r.findings, r.worth, r.steered, r.stray) for r in found.rules]

    assert findings() == findings(blocks=4, seed=7)


def test_rules_that_cannot_run_are_named() -> None:
    """Bounded has no safe b where idle money exceeds what is kept back; the others are audited all the same."""
    month = NaiveMonth([("u", "a", 5)], fees={"u": 1000, "idle": 1000}, pool=1400, rate=Fraction(7, 10))
    found = audit(month, scenarios=[Scenario(name="s", title="", accounts=1, streams_a_day=9)])
    assert "bounded" not in [r.rule.name for r in found.rules]
    assert len(found.notes) == 1
    assert found.notes[0].startswith("bounded is left out")


def test_the_worst_rule_comes_first() -> None:
    """Rules are sorted by what a scenario brings for each unit of fee."""
    month = NaiveMonth([(f"u{i}", "a", 5) for i in range(9)], fees={f"u{i}": 100 for i in range(9)}, pool=630,
                       rate=Fraction(7, 10))  # fmt: skip
    found = audit(month, scenarios=[Scenario(name="s", title="", accounts=1, streams_a_day=900)])
    worst = [r.worst for r in found.rules]
    assert worst == sorted(worst, reverse=True)
    assert found.rules[0].rule == find_rule("market-centric")


def test_accounts_by_the_million_cost_nothing_to_weigh() -> None:
    """They are alike: one is weighed and counted as often as there are; the formula agrees."""
    month = NaiveMonth([("u", "a", 500)], fees={"u": 1000}, pool=700, rate=Fraction(7, 10))
    scenario = Scenario(name="s", title="", accounts=10_000_000, streams_a_day=900, artists=20_000, fee="0.01")
    found = audit(month, rules=["norm", "market-centric", "weighted"], scenarios=[scenario])
    assert [r.findings[0].income == r.findings[0].closed for r in found.rules] == [True] * 3


def test_a_scenario_too_large_to_lay_out_is_refused() -> None:
    """Rules that are worked out anew need every account; status 2 before the memory is gone."""
    month = NaiveMonth([("u", "a", 5), ("v", "b", 6)], fees={"u": 100, "v": 100}, pool=140, rate=Fraction(7, 10))
    scenario = Scenario(name="s", title="", accounts=10_000_000, streams_a_day=900, artists=20_000)
    with pytest.raises(UsageError, match="too large for median"):
        audit(month, rules=["median"], scenarios=[scenario])
