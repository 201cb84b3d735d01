"""Decimal text to integers and back, exactly."""

from __future__ import annotations

from fractions import Fraction

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairpay.errors import UsageError
from fairpay.money.currency import USUAL, Currency, exact_amount, format_units, parse_rate, round_half_even

EUR = Currency("EUR", 2)


@given(units=st.integers(-(2**70), 2**70), digits=st.integers(0, 4))
def test_formatted_units_read_back(units: int, digits: int) -> None:
    assert exact_amount(format_units(units, digits)) * 10**digits == units


@given(units=st.integers(0, 2**62 - 1))
def test_a_currency_reads_what_it_writes(units: int) -> None:
    assert EUR.units(EUR.text(units)) == units


@pytest.mark.parametrize(
    ("code", "digits", "text", "units"),
    [
        ("EUR", 2, "9.99", 999),
        ("JPY", 0, "980", 980),
        ("KWD", 3, "1.005", 1005),
        ("eur", 2, ".5", 50),
        ("EUR", 2, "7.", 700),
    ],
)
def test_a_currency_has_its_own_digits(code: str, digits: int, text: str, units: int) -> None:
    """ISO 4217 says how many."""
    currency = Currency.of(code)
    assert (currency.digits, currency.units(text)) == (digits, units)


@pytest.mark.parametrize("code", ["EURO", "XAU", "XXX", "", "12", "\u0415UR"])
def test_what_is_not_a_currency_is_refused(code: str) -> None:
    with pytest.raises(UsageError):
        Currency.of(code)


@pytest.mark.parametrize(
    "text",
    ["", " ", "abc", "1,000", "1e3", "nan", "inf", "0x10", "1_000", "--1", "1.2.3", "\u0663", "\uff11", "+", "."],
)
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an amount"):
        exact_amount(text)


@pytest.mark.parametrize(("text", "why"), [("9.999", "finer"), ("-1", "out of range"), (str(2**62), "out of range")])
def test_amounts_out_of_range_are_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        EUR.units(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("70%", "7/10"), ("0.7", "7/10"), ("7/10", "7/10"), (" 52.5 % ", "21/40"), ("1", "1"), ("0", "0")],
)
def test_a_rate_is_read_three_ways(text: str, rate: str) -> None:
    assert parse_rate(text) == Fraction(rate)


@pytest.mark.parametrize(
    "text", ["", "%", "abc", "1/0", "101%", "-1%", "7//10", "1.5", "7/-10", "1e-1", "a/b", "1/2/3"]
)
def test_what_is_not_a_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_rate(text)


def test_more_than_all_of_it_is_not_told_to_be_written_as_it_was() -> None:
    with pytest.raises(UsageError) as refused:
        parse_rate("101%")
    assert refused.value.advice == "Write 70% or 0.7."


@pytest.mark.parametrize(
    ("text", "said", "advice"),
    [
        ("thirty", "'thirty' is not a share", "Write 70%, 0.7 or 7/10."),
        ("", "'' is not a share", "Write 70%, 0.7 or 7/10."),
        ("7/6", "7/6 is not between 0 and 100 %", "Write 70% or 0.7."),
        ("30", "30 is not between 0 and 100 %", "Write 30% or 0.3."),
    ],
)
def test_what_is_no_share_is_answered_with_how_shares_are_written(text: str, said: str, advice: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_rate(text)
    assert (str(refused.value), refused.value.advice) == (said, advice)


def test_halves_round_to_even() -> None:
    assert [round_half_even(Fraction(n, 2)) for n in (1, 3, 5, -1)] == [0, 2, 2, 0]


@pytest.mark.parametrize("code", USUAL)
def test_what_is_known_of_usual_currencies_is_what_the_standard_says(code: str) -> None:
    """The table of all currencies is not read for them."""
    assert Currency.of(code.lower()).digits == iso4217.Currency(code).exponent
