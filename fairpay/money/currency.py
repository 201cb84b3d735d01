"""Money: decimal text at the edge, integer minor units inside, never a float."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from fairpay.errors import UsageError

__all__ = ["LARGEST", "Currency", "exact_amount", "exact_text", "format_units", "parse_rate", "round_half_even"]

LARGEST = 2**62
"""The most that minor units of a pool, or its listening, may come to: sums of int64 stay below 2^63."""

USUAL = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0}
"""Currencies asked for so often that the table of all of them need not be read; it says the same."""
PLAIN_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency."""

    code: str
    """Three letters: EUR."""
    digits: int
    """Digits of the minor unit: EUR 2, JPY 0, KWD 3."""

    @classmethod
    def of(cls, code: str) -> Currency:
        """Look a code up in ISO 4217.

        Raises:
            UsageError: for a code ISO 4217 does not have, or one without a minor unit (gold, test codes).

        """
        if code.upper() in USUAL:
            return cls(code.upper(), USUAL[code.upper()])
        import iso4217  # noqa: PLC0415 - its table is parsed at import

        try:
            found = iso4217.Currency(code.upper())
        except ValueError:
            message = f"{code} is not an ISO 4217 currency code"
            raise UsageError(message, advice="Give three letters, such as EUR.") from None
        if found.exponent is None:
            message = f"{code} has no minor unit in ISO 4217"
            raise UsageError(message, advice="Give a currency money is paid in, such as EUR.")
        return cls(found.code, found.exponent)

    def units(self, amount: str) -> int:
        """`9.99` in EUR is 999.

        Raises:
            UsageError: not a plain decimal, negative, finer than the minor unit, or 2^62 units and more.

        """
        units = exact_amount(amount) * 10**self.digits
        if units.denominator != 1:
            message = f"{amount} is finer than {self.code} allows ({self.digits} digits)"
            raise UsageError(message)
        if not 0 <= units < LARGEST:
            message = f"{amount} {self.code} is out of range: amounts run from 0 to 2^62 minor units"
            raise UsageError(message)
        return int(units.numerator)

    def text(self, units: int) -> str:
        """999 in EUR is `9.99`."""
        return format_units(units, self.digits)


def exact_amount(text: str) -> Fraction:
    """Read a plain decimal (`12.34`, no exponent, no separators for thousands) exactly.

    Raises:
        UsageError: when it is anything else.

    """
    if not PLAIN_DECIMAL.fullmatch(text.strip()):
        message = f"{text!r} is not an amount"
        raise UsageError(message, advice="Write digits with a decimal point, such as 1234.50.")
    return Fraction(Decimal(text.strip()))


def exact_text(value: Fraction) -> str:
    """Write a fraction as a decimal where it has one, else as a fraction; exact either way."""
    below = value.denominator
    digits = next((n for n in range(below.bit_length()) if 10**n % below == 0), None)
    return str(value) if digits is None else format(Decimal(f"{int(value * 10**digits)}e-{digits}"), "f")


def parse_rate(text: str) -> Fraction:
    """Read a share from 0 to 1: `70%`, `0.7` or `7/10`.

    Raises:
        UsageError: when it is none of these, or out of range.

    """
    body = text.strip()
    try:
        if body.endswith("%"):
            rate = exact_amount(body[:-1].strip()) / 100
        elif "/" in body:
            rate = Fraction(body.replace(" ", ""))
        else:
            rate = exact_amount(body)
    except (UsageError, ValueError, ZeroDivisionError):
        message = f"{text!r} is not a share"
        raise UsageError(message, advice="Write 70%, 0.7 or 7/10.") from None
    if not 0 <= rate <= 1:
        message = f"{text} is not between 0 and 100 %"
        percent = 1 < rate <= 100 and not body.endswith("%") and "/" not in body  # noqa: PLR2004 - what was meant as percent
        raise UsageError(message, advice=f"Write {body}% or {float(rate / 100):g}." if percent else "Write 70% or 0.7.")
    return rate


def format_units(units: int, digits: int) -> str:
    """Write minor units in major units with exactly `digits` decimals: (-5, 2) is `-0.05`."""
    if digits == 0:
        return str(units)
    sign = "-" if units < 0 else ""
    whole, part = divmod(abs(units), 10**digits)
    return f"{sign}{whole}.{part:0{digits}d}"


def round_half_even(value: Fraction) -> int:
    """Round to the nearest integer, a half to the even one."""
    return round(value)
