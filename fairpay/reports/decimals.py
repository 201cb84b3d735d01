"""Exact decimal columns from integers, without a float and without a loop over rows."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.reports.outcome import Outcome

__all__ = ["change_percent", "currency_of", "decimals", "shares"]

PRECISION = 38
"""Digits of every decimal column: what Arrow, Parquet and DuckDB all carry."""
PERCENT_DIGITS = 2
SHARE_DIGITS = 10
WORD = 64


def decimals(
    units: Ints, digits: int, *, missing: NDArray[np.bool_] | None = None, wide: Mapping[int, int] | None = None
) -> pa.Array:
    """Make decimal128(38, digits) of int64[n] units: 999 with 2 digits is 9.99.

    Args:
        units: int64[n], in units of 10^-digits.
        digits: digits after the point.
        missing: bool[n]: where the result is null.
        wide: position -> units that int64 cannot hold.

    """
    words = np.empty((len(units), 2), dtype="<i8")
    words[:, 0] = units
    np.right_shift(units, WORD - 1, out=words[:, 1])
    for place, value in (wide or {}).items():
        words[place] = np.frombuffer(value.to_bytes(16, "little", signed=True), dtype="<i8")
    validity = None if missing is None else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(pa.decimal128(PRECISION, digits), len(units), [validity, pa.py_buffer(words)])


def currency_of(outcome: Outcome, rows: int) -> pa.Array:
    """Return the column beside amounts that says what they are in: large_string[rows], ISO 4217 codes."""
    return pa.repeat(pa.scalar(outcome.currency.code, pa.large_string()), rows)


def change_percent(before: Ints, after: Ints) -> pa.Array:
    """Return 100 · (after - before) / before as decimal128(38, 2), half to even; null where `before` is 0.

    Amounts are int64[n], none negative. The few changes of more than 9.2e14 units, where 10^4 times the change leaves
    int64, are worked out in Python integers: amounts sum to at most 2^62, so there are at most 10^4 of them.
    """
    scale = 100 * 10**PERCENT_DIGITS
    change = after - before
    fits = np.abs(change) <= np.iinfo(np.int64).max // scale
    divisor = np.maximum(before, 1)
    quotient, rest = np.divmod(np.where(fits, change, 0) * scale, divisor)
    twice = 2 * rest
    quotient += (twice > divisor) | ((twice == divisor) & (quotient % 2 == 1))
    wide = {
        int(i): round(Fraction(int(change[i]) * scale, int(before[i]))) for i in np.flatnonzero(~fits & (before > 0))
    }
    return decimals(quotient, PERCENT_DIGITS, missing=before == 0, wide=wide)


def shares(paid: Ints, pool: int) -> pa.Array:
    """Return paid / pool as decimal128(38, 10), half to even; null where the pool is 0.

    `paid` is int64[n], none negative, none above `pool`; `pool` is at most 2^62.
    """
    if pool == 0:
        return decimals(paid, SHARE_DIGITS, missing=np.ones(len(paid), dtype=np.bool_))
    from fairpay.kernels import words  # noqa: PLC0415 - Numba is loaded where it is used

    quotient = np.empty(len(paid), dtype=np.int64)
    rest = np.empty(len(paid), dtype=np.uint64)
    words.apportion(paid, np.uint64(pool), np.uint64(10**SHARE_DIGITS), quotient, rest)
    twice = 2 * rest
    quotient += (twice > pool) | ((twice == pool) & (quotient % 2 == 1))
    return decimals(quotient, SHARE_DIGITS)
