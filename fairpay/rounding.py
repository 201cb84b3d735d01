"""Largest remainder (Hamilton's method) on exact integers; ties go to the smaller artist code."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import NothingToPayError
from fairpay.integers import sum_exactly
from fairpay.money import LARGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.usage import Ints

__all__ = ["largest_remainder", "largest_remainder_exact"]


def largest_remainder(weights: Ints, pool: int) -> Ints:
    """Divide `pool` in proportion to `weights`: floors first, then one unit each to the largest remainders.

    Args:
        weights: int64[n], none negative, summing to at most 2^62.
        pool: minor units, 0 to 2^62.

    Returns:
        int64[n] summing to `pool` exactly; equal remainders are served in index order.

    Raises:
        NothingToPayError: when the pool is not empty and every weight is zero.

    """
    from fairpay.kernels import wide  # noqa: PLC0415 - Numba is loaded where it is used

    total = sum_exactly(weights)
    if total == 0:
        return nothing(len(weights), pool)
    if total > LARGEST or not 0 <= pool <= LARGEST:
        return largest_remainder_exact([int(w) for w in weights], pool)
    floors = np.empty(len(weights), dtype=np.int64)
    rests = np.empty(len(weights), dtype=np.uint64)
    paid = int(wide.apportion(weights, np.uint64(total), np.uint64(pool), floors, rests))
    order = np.argsort(np.uint64(LARGEST) - rests, kind="stable")
    floors[order[: pool - paid]] += 1
    return floors


def largest_remainder_exact(weights: Sequence[int] | Sequence[Fraction], pool: int) -> Ints:
    """The same for weights of any size, as Python integers or fractions. Slower, for rules whose sums leave 62 bits.

    Raises:
        NothingToPayError: when the pool is not empty and every weight is zero.

    """
    total = sum(weights)
    if total == 0:
        return nothing(len(weights), pool)
    exact = [pool * Fraction(weight) / total for weight in weights]
    floors = np.array([x.numerator // x.denominator for x in exact], dtype=np.int64)
    left = pool - sum(int(x) for x in floors)
    order = sorted(range(len(exact)), key=lambda i: (int(floors[i]) - exact[i], i))
    floors[order[:left]] += 1
    return floors


def nothing(count: int, pool: int) -> Ints:
    """All zero, allowed only where there is no money either."""
    if pool:
        message = "there is money in the pool but nothing to divide it by: every weight is zero"
        raise NothingToPayError(message, advice="Check the fees and the qualifying length.")
    return np.zeros(count, dtype=np.int64)
