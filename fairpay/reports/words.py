"""Numbers and names as people read them. Everything here returns plain text; it knows of no terminal and no page."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

from fairpay.money.counts import counted
from fairpay.money.currency import format_units

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fairpay.money.currency import Currency

__all__ = ["amount", "by_rule", "counted", "duration", "joined", "month_of", "percent", "times", "visible"]

Sum = TypeVar("Sum", int, Decimal)
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories a terminal obeys, reorders or cannot show: control, format, surrogate, private, separators."""
JOINERS = frozenset("\u200c\u200d")
"""Kept although they are format characters: emoji and several scripts need them, and they move nothing."""
MS_PER_HOUR = 3_600_000
TEN = 10
MANY = 100
LEAST_TIMES = 0.01
MOST = 4
"""Digits after the point, where fewer would say 1 of what is not."""


def visible(text: str) -> str:
    r"""Write what would break or colour a screen as an escape: a newline as \n, the bell as \x07, U+202E as \u202e."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(escaped(c) if unicodedata.category(c) in HIDDEN and c not in JOINERS else c for c in text)


def escaped(character: str) -> str:
    """Write one character the way Python would."""
    return character.encode("unicode_escape").decode("ascii")


def amount(units: int, currency: Currency, *, sign: bool = False) -> str:
    """Write minor units with the currency's digits and thousands apart: 698601 in EUR is `6,986.01`."""
    whole, point, part = format_units(abs(units), currency.digits).partition(".")
    mark = "-" if units < 0 else "+" if sign and units > 0 else ""
    return f"{mark}{int(whole):,}{point}{part}"


def by_rule(sums: Mapping[str, Sum], written: Callable[[Sum], str]) -> str:
    """Say what one sum is under each rule: one for all, one for each of two, or the least and the most of more."""
    least, most = min(sums.values()), max(sums.values())
    if least == most:
        return written(least)
    if len(sums) > 2:  # noqa: PLR2004 - more than a reader compares
        return f"{written(least)} to {written(most)}, by rule"
    return ", ".join(f"{written(sum_)} ({rule})" for rule, sum_ in sums.items())


def percent(share: Fraction | None, *, sign: bool = False, unknown: str = "-") -> str:
    """Write an exact share with one digit, half to even: `11.6 %`; from 1,000 % on without. None is `unknown`."""
    if share is None:
        return unknown
    if abs(share) >= TEN:
        return f"{round(share * 100):{'+' if sign else ''},} %"
    tenths = round(share * 1000)
    mark = "-" if tenths < 0 else "+" if sign and tenths > 0 else ""
    whole, tenth = divmod(abs(tenths), TEN)
    return f"{mark}{whole:,}.{tenth} %"


def times(intensity: float) -> str:
    """Write a multiple of the average: 0.7x, but 0.98x rather than 1.0x, and 0.9996x rather than 1.00x; 312x.

    What is below a hundredth is `under 0.01x`; what is 1 to four digits, as intensities are rounded, is 1.0000x.
    """
    if intensity < LEAST_TIMES:
        return f"under {LEAST_TIMES}x"
    if intensity >= MANY:
        return f"{intensity:,.0f}x"
    digits = next((d for d in range(1, MOST) if float(f"{intensity:.{d}f}") not in {0, 1}), MOST)
    return f"{intensity:.{digits}f}x"


def duration(ms: int) -> str:
    """Write milliseconds as hours, and as minutes where that is less than an hour."""
    hours = round(Fraction(ms, MS_PER_HOUR))
    return f"{hours:,} h" if hours else f"{round(Fraction(ms, 60_000)):,} min"


def month_of(period: tuple[str, str] | None) -> str:
    """Name the month both moments lie in (`October 2026`), else the two days; empty where there is no period."""
    if period is None:
        return ""
    first, last = (datetime.fromisoformat(moment) for moment in period)
    if (first.year, first.month) == (last.year, last.month):
        return first.strftime("%B %Y")
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def joined(parts: list[str], *, word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f" {word} ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) if parts else ""
