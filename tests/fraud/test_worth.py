"""What one more listener and 100 more plays are worth, held against the month with and without them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from attack_months import months, paying
from hypothesis import given, settings
from naive import Listener, NaiveMonth, exact

from fairpay.fraud.audit.audit import audit
from fairpay.fraud.audit.months import survey
from fairpay.fraud.audit.replay import steps
from fairpay.fraud.audit.scenario import Scenario

if TYPE_CHECKING:
    from fairpay.fraud.audit.months import Baseline
    from fairpay.pipeline.joined import Accounts
    from fairpay.rules.core.rule import Rule

ONE = Scenario(name="one", title="", accounts=1, streams_a_day=30)
RULES = ["market-centric", "user-centric", "equal-split", "user-cap:cap=50", "weighted", "norm", "top-artist",
         "bounded:allow-unsafe=yes", "bounded:force=bayes,allow-unsafe=yes"]  # fmt: skip
NEAR = Fraction(1, 10**5)


def paid_with(month: NaiveMonth, baseline: Baseline, rule: Rule, accounts: Accounts, artist: int) -> Fraction:
    """What the artist is paid once the typical subscriber is one of the listeners, in fractions."""
    pool = baseline.pool_with(accounts.fee)
    facts = baseline.joined([accounts], pool=pool).facts
    amounts = {int(j): int(x) for j, x in zip(accounts.artist, accounts.amount, strict=True)}
    listeners = [*month.listeners, Listener(accounts.fee, amounts, accounts.plays)]
    return exact(rule, listeners, artists=facts.artists, pool=Fraction(pool), rate=facts.alpha)[artist]


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=10, deadline=None)
@given(month=months())
def test_worth_is_the_difference_of_two_months(rule: str, month: NaiveMonth) -> None:
    (found,) = audit(month, rules=[rule], scenarios=[ONE]).rules
    baseline = survey(month)
    for step, worth in zip(steps(baseline), found.worth, strict=True):
        without, playing, more = (
            paid_with(month, baseline, found.rule, accounts, step.artist) for accounts in step.tried
        )
        assert worth.listener is not None
        assert worth.plays is not None
        assert abs(worth.listener - (playing - without)) < NEAR
        assert abs(worth.plays - (more - playing)) < NEAR


def test_a_listener_is_worth_at_most_a_fee_under_user_centric_and_plays_nothing_under_equal_split() -> None:
    rows = [(f"u{i}", f"a{j}", 5 + j) for i in range(30) for j in range(i % 5 + 1)]
    found = {r.rule.name: r for r in audit(paying(rows), scenarios=[ONE]).rules}
    for worth in found["user-centric"].worth:
        assert worth.listener is not None
        assert 0 < worth.listener < 700
    assert [worth.plays for worth in found["equal-split"].worth] == [0]


def test_rules_that_are_worked_out_anew_have_no_worth() -> None:
    (found,) = audit(paying([("u", "a", 5), ("v", "b", 6)]), rules=["median"], scenarios=[ONE]).rules
    assert found.worth[0].listener is None
    assert not found.findings[0].searched


def test_there_is_a_step_for_each_tier_that_has_artists() -> None:
    """12 artists fill the first tier and reach into the second."""
    found = steps(survey(paying([("u", f"a{j:02}", 100 - j) for j in range(12)])))
    assert [step.tier for step in found] == ["top 10", "11-100"]
    assert [step.artist for step in found] == [4, 10]
