from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from outcomes import listening, money, outcome

from fairpay.money.currency import Currency
from fairpay.reports.summary import summary

if TYPE_CHECKING:
    from collections.abc import Iterator

TWO = {"market-centric": [500, 300, 200], "user-centric": [400, 300, 300]}


def floats(value: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Name the places of all floats."""
    if isinstance(value, float):
        yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from floats(part, f"{path}.{key}")


def test_a_summary_has_the_keys_of_the_design_in_one_order() -> None:
    keys = [
        *("schema_version", "currency", "pool", "money", "listening", "rules", "comparisons", "mcdonald_ratio"),
        *("controls", "notes", "warnings", "decisions", "conditions"),
    ]
    assert list(summary(outcome(TWO))) == keys
    assert list(summary(outcome({"user-centric": [1]}, ms=None, listening=listening(ms=None, period=None)))) == keys


def test_a_summary_is_json_as_it_stands() -> None:
    made = summary(outcome(TWO))
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_no_amount_is_a_float() -> None:
    ratios = ("gini", "share", "percent", "listeners", "ratio")
    assert [path for path in floats(summary(outcome(TWO))) if not path.endswith(ratios)] == []


def test_amounts_have_the_digits_of_the_currency() -> None:
    for digits, text in ((0, "1000"), (2, "10.00"), (3, "1.000")):
        made = summary(outcome(TWO, currency=Currency("XXX", digits)))
        assert made["pool"] == made["rules"][0]["paid"] == text


def test_a_comparison_says_what_moved_and_who_gains() -> None:
    (made,) = summary(outcome(TWO))["comparisons"]
    assert {key: made[key] for key in list(made)[:7]} == {
        "from": "market-centric",
        "to": "user-centric",
        "moved": "1.00",
        "moved_share": 0.1,
        "gainers": 1,
        "losers": 1,
        "unchanged": 1,
    }
    assert made["bands"][4] == {
        "band": "gains 40 % to 100 %",
        "artists": 1,
        "from": "2.00",
        "to": "3.00",
        "change_percent": 50.0,
    }
    assert made["tiers"][0] == {"tier": "top 10", "artists": 3, "from": "10.00", "to": "10.00", "change_percent": 0.0}


def test_a_rule_says_how_unequal_it_pays_and_what_it_breaks() -> None:
    made = summary(outcome({**TWO, "trial": [0, 0, 1000]}))["rules"]
    assert [r["name"] for r in made] == ["market-centric", "user-centric", "trial"]
    assert [r["artists_paid"] for r in made] == [3, 3, 1]
    assert made[2]["gini"] == round(2 / 3, 6)
    assert made[2]["experimental"] is True
    assert made[2]["breaks"] == ["monotone", "split-proof"]
    assert made[1]["breaks"] == []


def test_stray_money_is_the_median_fee_times_the_part_that_strays() -> None:
    assert summary(outcome(TWO, median_fee=700))["rules"][0]["stray_money_of_median_subscriber"] == "2.33"


def test_money_policies_stand_with_their_amounts() -> None:
    told = money(1000, inactive=7, inactive_money=4893, held=4893, inactive_policy="hold", unlisted=3)
    made = summary(outcome(TWO, money=told))["money"]
    assert made["inactive"] == {"policy": "hold", "subscribers": 7, "money": "48.93", "held": "48.93"}
    assert made["unlisted"] == {"policy": "free", "listeners": 3}
    assert made["royalty_rate"] == "7/10"


def test_reasons_stand_in_one_order_however_they_were_found() -> None:
    one, two = ({"b": 1, "a": 2}, {"a": 2, "b": 1})
    texts = [json.dumps(summary(outcome(TWO, listening=listening(dropped=d)))) for d in (one, two)]
    assert texts[0] == texts[1]


def test_the_mcdonald_ratio_is_there_where_it_is_known() -> None:
    assert summary(outcome(TWO))["mcdonald_ratio"] is None
    assert summary(outcome(TWO, mcdonald=Fraction(5, 6)))["mcdonald_ratio"] == 0.833333
