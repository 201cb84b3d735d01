from __future__ import annotations

import unicodedata
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairpay.money.currency import Currency
from fairpay.reports.words import amount, counted, duration, joined, month_of, percent, times, visible

EUR, JPY, KWD = Currency("EUR", 2), Currency("JPY", 0), Currency("KWD", 3)


@given(st.text())
def test_no_visible_text_moves_the_cursor_or_turns_the_writing_direction(text: str) -> None:
    shown = visible(text)
    assert all(unicodedata.category(c)[0] != "C" or c in "\u200c\u200d" for c in shown)
    assert not any(c in shown for c in "\u2028\u2029")


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_letters_of_every_script_are_left_alone(text: str) -> None:
    assert visible(text) == text


def test_escapes_are_those_of_python() -> None:
    assert visible("a\nb\x1b[31m\x07\u202e\ud800") == r"a\nb\x1b[31m\x07\u202e\ud800"


def test_a_family_of_emoji_stays_one_picture() -> None:
    assert visible("👩\u200d👧") == "👩\u200d👧"


@pytest.mark.parametrize(
    ("units", "currency", "text"),
    [(698601, EUR, "6,986.01"), (-5, EUR, "-0.05"), (1234567, JPY, "1,234,567"), (12, KWD, "0.012")],
)
def test_amounts_have_the_digits_of_their_currency(units: int, currency: Currency, text: str) -> None:
    assert amount(units, currency) == text


def test_a_signed_amount_says_plus_and_nothing_for_zero() -> None:
    assert [amount(x, EUR, sign=True) for x in (4120, 0, -8810)] == ["+41.20", "0.00", "-88.10"]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (Fraction(1163, 10000), "11.6 %"),
        (Fraction(-171, 1000), "-17.1 %"),
        (Fraction(1, 10**6), "0.0 %"),
        (Fraction(1, 1), "100.0 %"),
        (Fraction(999, 100), "999.0 %"),
        (Fraction(35690), "3,569,000 %"),
        (None, "-"),
    ],
)
def test_percents_have_one_digit_until_it_means_nothing(share: Fraction | None, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.7, "0.7x"),
        (3.4, "3.4x"),
        (0.98, "0.98x"),
        (1.04, "1.04x"),
        (0.02, "0.02x"),
        (0.001, "under 0.01x"),
        (312.4, "312x"),
        (0.9996, "0.9996x"),
        (1.003, "1.003x"),
        (1.0, "1.0000x"),
    ],
)
def test_a_multiple_of_the_average_never_reads_as_none_or_as_equal_when_it_is_not(value: float, text: str) -> None:
    assert times(value) == text


def test_counts_agree_with_their_noun() -> None:
    assert [counted(n, "artist") for n in (0, 1, 2310)] == ["0 artists", "1 artist", "2,310 artists"]
    assert counted(1, "artist gains", "artists gain") == "1 artist gains"


def test_listening_under_an_hour_is_told_in_minutes() -> None:
    assert [duration(x) for x in (19_483_200_123, 1_700_000, 0)] == ["5,412 h", "28 min", "0 min"]


def test_a_period_inside_one_month_is_named_by_it() -> None:
    assert month_of(("2026-10-01T00:00:07Z", "2026-10-31T23:59:58Z")) == "October 2026"
    assert month_of(("2026-09-30T23:59:58Z", "2026-10-31T23:59:58Z")) == "2026-09-30 to 2026-10-31"
    assert month_of(None) == ""


def test_lists_end_in_and() -> None:
    assert [joined(x) for x in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
