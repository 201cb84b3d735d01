"""Rules by the sums of artists, and rules made of two."""

from __future__ import annotations

import re
from fractions import Fraction

import naive
import pytest
from hypothesis import given, settings
from months import months

from fairpay.errors import UsageError
from fairpay.rules import find_rule
from fairpay.rules.core.rule import Joining


@settings(max_examples=50, deadline=None)
@given(month=months())
def test_a_mix_of_market_and_user_centric_in_tenths_lies_between_the_two(month: naive.NaiveMonth) -> None:
    market, user, mixed = (
        naive.run(find_rule(text), month).tolist() for text in ("market-centric", "user-centric", "mix:share=3/10")
    )
    for one, other, between in zip(market, user, mixed, strict=True):
        assert abs(between - (Fraction(3, 10) * one + Fraction(7, 10) * other)) < 2


@settings(max_examples=50, deadline=None)
@given(month=months())
def test_a_mix_with_all_of_one_rule_is_that_rule(month: naive.NaiveMonth) -> None:
    for text in ("market-centric", "user-centric"):
        mixed = find_rule(f"mix:rules={text}+uniform,share=1")
        assert naive.run(mixed, month).tolist() == naive.run(find_rule(text), month).tolist()


def test_what_added_accounts_do_under_a_mix_is_what_they_do_under_its_rules() -> None:
    assert find_rule("mix").joining is Joining.STEADY
    assert find_rule("mix:rules=uniform+user-centric").joining is Joining.ANEW
    assert find_rule("mix:rules=top-artist+user-centric").rows == 3


def test_a_rule_in_a_mix_has_parameters_of_its_own() -> None:
    rule = find_rule("mix:rules=user-cap:cap=100;tail=1/2 + user-centric,share=25%")
    assert rule.label == "mix:rules=user-cap:cap=100;tail=1/2+user-centric,share=1/4"
    assert find_rule(rule.label) == rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mix:rules=median+user-centric", "mix: median cannot be one of the two"),
        ("mix:rules=mix+user-centric", "mix: mix cannot be one of the two"),
        ("mix:rules=user-centric", "rules is 'user-centric'"),
        ("mix:rules=market-centric+user-centric+uniform", "rules is"),
        ("mix:rules=market-centric+nobody", "there is no rule 'nobody'"),
        ("artist-growth:above=5+5,values=1/2+1/3", "5 does not lie above 5"),
        ("artist-growth:above=5+9,values=1/3+1/2", "plays above 9 count more than those below"),
        ("artist-growth:above=5+9", "differ in number"),
        ("artist-growth:above=1/2", "1/2 is no whole number of plays"),
        ("artist-growth:above=5+x,values=1/2+1/3", "above is '5+x'"),
        ("artist-growth:above=5,values=2", "plays above 5 count more than those below"),
        ("artist-cap:cap=0", "cap is '0'"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        find_rule(text)


def test_where_listening_is_time_a_play_is_as_long_as_the_mean_play() -> None:
    """20 plays of 10 s each: the cap of 10 plays is 100 s, of which B has 150."""
    rows = [("u", "a", 50), ("v", "b", 150)]
    month = naive.NaiveMonth(rows, pool=300, plays={"u": 8, "v": 12}, play=None)
    assert naive.run(find_rule("artist-cap:cap=10"), month).tolist() == [100, 200]


def test_tracks_of_a_capped_artist_share_by_listening() -> None:
    """The artist's sum is capped, not each track's."""
    rule = find_rule("artist-cap:cap=10")
    month = naive.NaiveMonth([("u", "a", 30), ("u", "b", 10)])
    weights, _ = month.gather(lambda usage, out: rule.weigh(usage, rule.prepare(month), out), rows=1)
    assert rule.brought(weights, rule.prepare(month)).tolist() == [3 * 2**60, 2**60]
