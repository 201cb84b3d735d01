"""From the money stated to the pool that is divided."""

from __future__ import annotations

from fractions import Fraction

import pytest

from fairpay.errors import InputError, UsageError
from fairpay.money.currency import Currency
from fairpay.pipeline.funds import Paying, check_stated, fee_units, funds
from fairpay.settings.values import MoneyStated

EUR = Currency("EUR", 2)
SOME = Paying(users=999, fees=0)


def test_a_fee_times_users_times_rate_is_rounded_once() -> None:
    """9.99 from 999 at 70 % is 6986.007, so 6986.01."""
    money = funds(MoneyStated(fee="9.99", rate=Fraction(7, 10)), EUR, SOME)
    assert money.pool == 698_601
    assert money.stated == "70 % of 9.99 from 999 subscribers"


def test_half_a_cent_goes_to_the_even_cent() -> None:
    """0.05 at one half is 2.5 cents, which rounds to 2; 0.07 gives 3.5, which rounds to 4."""
    half = Fraction(1, 2)
    assert funds(MoneyStated(pool="0.05", rate=half), EUR, SOME).pool == 2
    assert funds(MoneyStated(pool="0.07", rate=half), EUR, SOME).pool == 4


def test_the_assumed_fee_is_ten_major_units_in_any_currency() -> None:
    assert fee_units(MoneyStated(), Currency("JPY", 0)) == 10
    assert fee_units(MoneyStated(), Currency("KWD", 3)) == 10_000
    assert funds(MoneyStated(), EUR, SOME).assumed


PAYERS = Paying(users=3, fees=2000, inactive=1, inactive_fees=999, unlisted=1)


def test_money_of_inactive_subscribers_is_shared_and_named() -> None:
    money = funds(MoneyStated(subscribers="any", rate=Fraction(7, 10)), EUR, PAYERS)  # type: ignore[arg-type]
    assert (money.pool, money.inactive_money, money.held) == (2099, 699, 0)
    assert money.subscribers == 3


def test_listeners_that_were_left_out_are_not_taken_off_the_subscribers_once_more() -> None:
    paying = Paying(users=1, fees=999, unlisted=1, left_out=True)
    money = funds(MoneyStated(subscribers="any", unlisted="leave-out"), EUR, paying)  # type: ignore[arg-type]
    assert (money.subscribers, money.stated) == (1, "9.99 paid by 1 subscriber")


def test_money_of_inactive_subscribers_can_be_held_and_nothing_is_lost() -> None:
    stated = MoneyStated(subscribers="any", rate=Fraction(7, 10), inactive="hold")  # type: ignore[arg-type]
    money = funds(stated, EUR, PAYERS)
    assert (money.pool, money.held) == (1400, 699)


def test_money_beyond_int64_is_refused() -> None:
    """2^62 minor units are the limit."""
    with pytest.raises(InputError, match="2\\^62"):
        funds(MoneyStated(fee="40000000000000000"), EUR, Paying(users=2, fees=0))


def test_money_stated_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="--pool and --fee"):
        check_stated(MoneyStated(pool="1", fee="1"), required=False)


def test_required_money_has_to_be_stated() -> None:
    with pytest.raises(UsageError, match="no money stated"):
        check_stated(MoneyStated(), required=True)


@pytest.mark.parametrize("amount", ["1e3", "1,50", "", "ten", "-1", "0.001", "nan"])
def test_amounts_that_are_none_are_refused_before_any_work(amount: str) -> None:
    with pytest.raises(UsageError):
        check_stated(MoneyStated(pool=amount), required=False)
