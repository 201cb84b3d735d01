"""What one fake account earns: the published numbers, on logs as near to theirs as their definition allows."""

from __future__ import annotations

import gc
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl
import pytest
from attack_months import HeldMonth, log_normal, paying, tasteful
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import NaiveMonth

import fairpay
from fairpay.errors import NothingToPayError
from fairpay.fraud.audit.audit import audit
from fairpay.fraud.audit.months import survey
from fairpay.fraud.audit.scenario import Scenario, find_scenario
from fairpay.rules import find_rule
from fairpay.rules.solvers import caps
from fairpay.rules.solvers.caps import earned_at, safe_cap, searched

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.fraud.audit.replay import AuditFinding

RATE = Fraction(7, 10)


def month_of(plays: list[int], *, rate: Fraction = RATE, idle: int = 0) -> HeldMonth:
    """Return a month of listeners who pay 10.00 and play an artist each."""
    return paying([(f"u{i}", f"a{i % 7}", count) for i, count in enumerate(plays)], rate=rate, idle=idle)


def bot(plays: int) -> Scenario:
    """One account that plays so many times a month."""
    return Scenario(name="bot", title="", accounts=1, streams_a_day=plays, days=1)


@pytest.fixture(scope="module")
def usual() -> HeldMonth:
    """A month of 4,000 log-normal listeners with mean 599."""
    return month_of(log_normal(4000))


def test_c_star_is_457_on_log_normal_listeners(usual: HeldMonth) -> None:
    """The spread is not stated; one spread gives both of the numbers, 457 and 1.52."""
    assert safe_cap(usual) == 457


def test_c_star_of_a_month_is_searched_once_and_forgotten_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[int] = []
    monkeypatch.setattr(caps, "searched", lambda month, play: searches.append(play) or searched(month, play))
    gc.collect()
    month, before = month_of(log_normal(50)), len(caps.FOUND)
    found = {find_rule(f"user-cap:cap={cap}").prepare(month).safe for cap in (10, 20, 30)}
    assert (len(found), searches, len(caps.FOUND)) == (1, [0], before + 1)
    del month
    gc.collect()
    assert len(caps.FOUND) == before


def test_a_cap_of_1000_earns_1_52_fees(usual: HeldMonth) -> None:
    (found,) = audit(usual, rules=["user-cap"], scenarios=[bot(1000)]).rules
    assert found.most is not None
    assert round(float(found.most), 2) == 1.52
    assert round(float(found.findings[0].per_fee), 2) == 1.52


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.sampled_from([Fraction(1, 2), RATE, Fraction(1)]))
def test_c_star_is_the_largest_cap_with_a_mean_above_alpha_times_c(plays: list[int], rate: Fraction) -> None:
    """By trying every cap."""

    def safe(cap: int) -> bool:
        return Fraction(sum(min(n, cap) for n in plays), len(plays)) >= rate * cap

    month = month_of(plays, rate=rate)
    found = safe_cap(month)
    assert found == max(cap for cap in range(200) if safe(cap))
    assert earned_at(month, found + 1) > 1


def test_an_empty_pool_has_nothing_to_audit() -> None:
    with pytest.raises(NothingToPayError, match="the pool is empty"):
        survey(month_of([5, 9], rate=Fraction(0)))


def test_time_counts_towards_the_cap_as_plays_do() -> None:
    """Each play lasts 200 s: c* is what it is in plays."""
    plays = log_normal(200)
    counted = month_of(plays)
    rows = [(user, artist, count * 200_000) for user, artist, count in counted.rows]
    timed = replace(counted, rows=rows, plays={f"u{i}": count for i, count in enumerate(plays)}, play=None)
    assert safe_cap(counted) == safe_cap(timed)


def test_where_listening_is_time_rule_and_audit_state_the_same_c_star() -> None:
    """u: 4 plays of 100 ms, v: one of 900, a mean of 260: at c = 2 200 + 900 >= 0.9 x 2 x 520, at 3 1,200 < 1,404."""
    rows, plays = [("u", "a", 400), ("v", "a", 900)], {"u": 4, "v": 1}
    month = NaiveMonth(rows, plays=plays, play=None, rate=Fraction(9, 10), fees_are_money=False)
    rule = find_rule("user-cap:cap=3")
    assert rule.remarks(rule.prepare(month))[0].startswith("user-cap:cap=3: above 2 plays an account earns more")
    assert safe_cap(month) == 2


def test_market_centric_breaks_even_at_the_mean_over_alpha() -> None:
    """T_bot = mean / alpha: 599 plays of others on average, 0.7 of the fee: 856 plays, once the bot's own dilute."""
    month = month_of([599] * 5000)
    (found,) = audit(month, rules=["market-centric"], scenarios=[bot(1000)]).rules
    assert found.findings[0].break_even == 856  # 599 / 0.7 = 855.7
    assert found.most is None


@pytest.mark.parametrize(
    ("rule", "most"),
    [("user-centric", RATE), ("equal-split", RATE), ("bounded", 1), ("bounded:b=0.8", RATE / Fraction(8, 10))],
)
def test_rules_with_a_limit_return_no_more(rule: str, most: Fraction, usual: HeldMonth) -> None:
    """Alpha under user-centric and equal-split, alpha / b under bounded, however much is played."""
    (found,) = audit(usual, rules=[rule], scenarios=[find_scenario("one-account")]).rules
    assert found.most == most
    assert most - Fraction(1, 500) <= found.findings[0].per_fee <= most


def test_smith_earned_96_70_an_account_and_month() -> None:
    """636 plays a day at half a cent, over the 365 / 12 days of a mean month, replayed on a month with that price."""
    scenario = replace(find_scenario("smith-2024"), fee="10.00")
    others, bots = 200_000_000, 1040 * 636 * 30
    fees = (others + bots) // 2 * 10 // 7 - 1040 * 1000  # a pool of half a cent a play, the bots' own fees in it
    month = paying([("all", "a", others)], fee=fees)
    (found,) = audit(month, rules=["market-centric"], scenarios=[scenario]).rules
    finding = found.findings[0]
    assert finding.attack.count * finding.attack.plays == 661_440 * 30
    a_month = finding.income / 1040 / 100 * (365 / 12) / 30
    assert round(a_month, 1) == 96.7


@pytest.fixture(scope="module")
def flood() -> dict[str, AuditFinding]:
    """Bots that pay 1 % of the fees play 2,000 fake artists, on 990 listeners with favourites by Zipf's law.

    The log behind the numbers is not stated. The first three hold on any log. L2 and independent markets depend on how
    many artists a listener plays: at 18 with a slope of 1.15 both come out near what is stated. Each bot plays 9.2
    times the mean, which is 8.5 times once the bots count among the listening.
    """
    scenario = replace(find_scenario("catalogue-flood"), streams_a_day=184)
    rules = ["market-centric", "user-centric", "bounded:b=0.8", "norm:p=2", "independent-markets"]
    found = audit(tasteful(990), rules=rules, scenarios=[scenario])
    return {one.rule.label: one.findings[0] for one in found.rules}


@pytest.mark.parametrize(
    ("rule", "least", "most"),
    [
        ("market-centric", 8.4, 8.6),
        ("user-centric", 1, 1),
        ("bounded:b=4/5", 1.25, 1.25),
        ("norm", 14, 16),
        ("independent-markets", 49, 55),
    ],
)
def test_flooding_bots_get_this_many_times_their_share(
    rule: str, least: float, most: float, flood: dict[str, AuditFinding]
) -> None:
    """8.5, 1.0, 1/b, 15 and 52 times the share of the fees."""
    assert flood[rule].attack.fee_share == Fraction(1, 100)
    assert least <= round(flood[rule].of_share, 6) <= most


def test_norm_grows_with_the_root_of_the_artists() -> None:
    """k^(1 - 1/p): under L2 four times the fake artists double what an account weighs."""
    month = month_of([10_000] * 400)

    def share(artists: int) -> float:
        scenario = replace(bot(1600), artists=artists)
        (found,) = audit(month, rules=["norm:p=2"], scenarios=[scenario]).rules
        taken = float(found.findings[0].of_share) * float(found.findings[0].attack.fee_share)
        return taken / (1 - taken)

    assert share(400) / share(100) == pytest.approx(2)


@pytest.mark.parametrize(("idle", "pays"), [(43, True), (42, False)])
def test_idle_money_above_43_percent_makes_accounts_pay(idle: int, pays: bool) -> None:  # noqa: FBT001 - a table
    """At alpha 0.7 more than 3/7 of what listeners pay: then user-centric, too, gives back more than the fee."""
    month = month_of([10] * 100, idle=1000 * idle)
    found = audit(month, rules=["user-centric"], scenarios=[find_scenario("one-account")])
    assert (found.alpha > 1) == pays
    assert found.rate == RATE
    assert (found.rules[0].most > 1) == pays if found.rules[0].most is not None else False


def test_holding_idle_money_closes_it(tmp_path: Path) -> None:
    """With --inactive hold the pool is of those who listened, and alpha' is alpha again."""
    log = pl.DataFrame({"user": ["u", "v"], "artist": ["a", "b"], "plays": [10, 10]})
    paid = tmp_path / "paid.csv"
    paid.write_text("user,paid\nu,10\nv,10\nidle,12\n")
    found = [
        fairpay.audit(log, rules=["user-centric"], subscribers=paid, royalty_rate="70%", inactive=kind).summary
        for kind in ("share", "hold")
    ]
    idle = [made["inactive"] for made in found]
    assert [made["rules"][0]["most_per_fee"] for made in found] == [1.12, 0.7]
    assert [(one["pool_over_fees"], one["money_in_pool"]) for one in idle] == [(1.12, "8.40"), (0.7, "0.00")]


def test_a_fee_of_a_scenario_has_the_digits_of_the_currency(tmp_path: Path) -> None:
    """500 yen are 500 minor units, not 50,000."""
    log = pl.DataFrame({"user": ["u"], "artist": ["a"], "plays": [10]})
    scenario = tmp_path / "bot.toml"
    scenario.write_text('title = "a bot"\naccounts = 1\nstreams_a_day = 10\nfee = "500"\n')
    found = fairpay.audit(log, rules=["user-centric"], scenarios=[str(scenario)], fee="900", currency="JPY")
    assert found.summary["scenarios"][0]["fees"] == "500"


def test_above_alpha_prime_of_one_no_cap_is_safe() -> None:
    assert safe_cap(month_of([10] * 100, idle=60_000)) == 0


def test_the_formula_for_a_cap_is_the_most_of_the_rule(usual: HeldMonth) -> None:
    assert find_rule("user-cap:cap=457").limit(usual) == earned_at(usual, 457) <= 1
    assert find_rule("user-cap:tail=0.5").limit(usual) is None
