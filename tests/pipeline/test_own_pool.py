"""Policies with a pool of their own: what subscribers owe on top of their fees, other revenue, what is set aside."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import naive
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairpay
from fairpay.adjust.policy import Levy, find_policy
from fairpay.cli import main
from fairpay.errors import InputError, UsageError
from fairpay.money.currency import Currency
from fairpay.pipeline.funds import levied, levy_unit
from fairpay.runs.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

ACT = "living-wage-2025"
LOG = pl.DataFrame(
    {
        "user": ["u", "v", "w", "u"],
        "artist": ["A", "A", "B", "C"],
        "track": ["a1", "a1", "b1", "c1"],
        "plays": [900_000, 900_000, 500_000, 300_000],
    }
)
PAID = pl.DataFrame({"user": ["u", "v", "w", "x", "y"], "paid": ["10.99", "5.99", "25.00", "6.00", "0.00"]})
OWN = 'title = "t"\nsource = "s"\nrule = "market-centric"\n'


def test_the_act_collects_divides_and_sets_aside_to_the_cent(tmp_path: Path) -> None:
    """Owed are 5.495, 4 (not 2.995), 10 (not 12.50), 4 (not 3) and nothing: 23.495; of other revenue a tenth, 100.005.

    Of 123.50 a tenth is 12.35. Of the 111.15 left, a1 has 1,000,000 of its 1,800,000 plays: 10, 5 and 3 parts of 18,
    61.75, 30.875 and 18.525; the last cent goes to B, the smaller id of two that tie.
    """
    told = fairpay.pay(
        LOG, policy=ACT, subscribers=PAID, other_revenue="1000.05", currency="USD", output=tmp_path / "run"
    )
    paid = {row["artist"]: str(row["payout"]) for row in told.table.iter_rows(named=True)}
    assert paid == {"A": "61.75", "B": "30.88", "C": "18.52"}
    assert told.summary["pool"] == "111.15"
    assert told.summary["money"]["stated"] == "23.495 owed by 5 subscribers, and 100.005 of other revenue"
    assert told.summary["money"]["collected"] == {
        "fees": "23.50",
        "other_revenue": "100.00",
        "set_aside": [{"purpose": "non-featured musicians", "amount": "12.35"}],
    }
    controls = {control.name: control for control in told.outcome.controls}
    assert controls["collected"].ok
    assert controls["collected"].detail == (
        "23.50 of fees + 100.00 of other revenue = 111.15 divided + 12.35 for non-featured musicians + 0.00 held"
    )
    assert all(control.ok for control in verify(tmp_path / "run"))


def test_with_one_fee_every_listener_owes_alike_and_every_rule_divides_the_same_pool() -> None:
    """Three times 5.495 is 16.485, which is 16.48; 1.65 of it is set aside."""
    told = fairpay.compare(LOG, policy=ACT, fee="10.99")
    assert told.summary["pool"] == "14.83"
    assert {one["paid"] for one in told.summary["rules"]} == {"14.83"}
    assert told.summary["money"]["stated"] == "5.495 owed by each of 3 subscribers"


def test_what_subscribers_owe_who_played_nothing_can_be_held() -> None:
    """Of 23.495, 4 is owed by x, who played nothing: 23.50 less 19.50 is held (23.495 and 19.495, each to the even)."""
    told = fairpay.pay(LOG, policy=ACT, subscribers=PAID, inactive="hold")
    money = told.summary["money"]
    assert (money["inactive"]["held"], told.summary["pool"]) == ("4.00", "17.55")
    assert money["collected"]["set_aside"][0]["amount"] == "1.95"


def test_parts_of_a_stated_pool_can_be_set_aside(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(OWN + "".join(f'[[set_aside]]\nname = "{name}"\nshare = "1/3"\n' for name in ("x", "y")))
    told = fairpay.pay(LOG, policy=str(mine), pool="1.00")
    assert told.summary["money"]["collected"]["set_aside"] == [
        {"purpose": "x", "amount": "0.33"},
        {"purpose": "y", "amount": "0.33"},
    ]
    assert told.summary["pool"] == "0.34"


@settings(max_examples=60, deadline=None)
@given(
    paid=st.lists(st.integers(0, 10**7), max_size=8),
    share=st.fractions(0, 3, max_denominator=9),
    least=st.fractions(0, 9, max_denominator=9),
    more=st.none() | st.fractions(0, 50, max_denominator=9),
)
def test_what_is_owed_is_the_share_between_floor_and_ceiling_exactly(
    paid: list[int], share: Fraction, least: Fraction, more: Fraction | None
) -> None:
    most, dollars = None if more is None else least + more, Currency.of("USD")
    levy = Levy(fee_share=share, least=least, most=most)
    owed = levied(naive.np.array(paid, dtype=naive.np.int64), levy, dollars)
    unit = levy_unit(levy, dollars)
    for fee, units in zip(paid, owed.tolist(), strict=True):
        own = max(least * 100, fee * share)
        assert Fraction(units, unit) == (0 if not fee else own if most is None else min(own, most * 100))


def test_a_fee_of_any_size_is_worked_out_without_wrapping() -> None:
    act = find_policy(ACT).pool
    assert act is not None
    owed = levied(naive.np.array([2**61]), act, Currency.of("USD"))
    assert owed.tolist() == [2000]
    with pytest.raises(InputError, match="owes more than"):
        levied(naive.np.array([2**61]), Levy(fee_share=Fraction(3)), Currency.of("USD"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"policy": ACT, "pool": "9"}, "the policy works its pool out from fees"),
        ({"policy": ACT, "fee": "9", "royalty_rate": "70%"}, "the policy says which part of fees is owed"),
        ({"rules": ["user-centric"], "fee": "9", "other_revenue": "5"}, "no policy takes part of it"),
        ({"policy": ACT, "fee": "9", "by": ["month"]}, "a policy with a pool does not go with"),
    ],
)
def test_money_that_does_not_go_with_it_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        fairpay.compare(LOG, **options)


def test_parts_refuse_it(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(OWN + '[pool]\nfee_share = "1/2"\n')
    LOG.write_csv(tmp_path / "log.csv")
    with pytest.raises(UsageError, match="has a pool of its own, which needs what every subscriber pays"):
        fairpay.shard(tmp_path / "log.csv", policy=str(mine), fee="9", output=str(tmp_path / "a.part"))


def test_the_screen_and_the_page_say_where_each_part_went(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    LOG.write_csv(tmp_path / "log.csv")
    PAID.write_csv(tmp_path / "paid.csv")
    asked = [str(tmp_path / "log.csv"), "--subscribers", str(tmp_path / "paid.csv"), "--other-revenue", "1000.05"]
    assert main(["pay", *asked, "--policy", ACT, "-o", str(tmp_path / "run")]) == 0
    assert "Set aside   12.35   for non-featured musicians" in capsys.readouterr().out
    assert main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "run.html")]) == 0
    assert "12.35 EUR for non-featured musicians" in (tmp_path / "run.html").read_text(encoding="utf-8")
