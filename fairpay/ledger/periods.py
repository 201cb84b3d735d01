"""Periods: calendar months as text, `2026-10`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from fairpay.errors import UsageError

__all__ = ["after", "bounds", "check_period", "plus"]

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
MONTHS_A_YEAR = 12


def check_period(text: str) -> str:
    """Return the period if it is one.

    Raises:
        UsageError: when it is not a year and a month.

    """
    if not MONTH.fullmatch(text):
        message = f"{text!r} is not a period"
        raise UsageError(message, advice="Write the year and the month, such as 2026-10.")
    return text


def plus(period: str, months: int) -> str:
    """`2026-11` plus 2 is `2027-01`; months may be negative."""
    count = int(period[:4]) * MONTHS_A_YEAR + int(period[5:]) - 1 + months
    return f"{count // MONTHS_A_YEAR:04d}-{count % MONTHS_A_YEAR + 1:02d}"


def after(period: str) -> str:
    """The period that follows."""
    return plus(period, 1)


def bounds(period: str) -> tuple[int, int]:
    """First microsecond of the period and first after it, since 1970, UTC."""

    def start(text: str) -> int:
        return int(datetime(int(text[:4]), int(text[5:]), 1, tzinfo=UTC).timestamp()) * 1_000_000

    return start(period), start(after(period))
