"""Largest remainder (Hamilton's method) on exact integers; ties go to the smaller artist code."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import NothingToPayError
from fairpay.money.currency import LARGEST
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = ["largest_remainder", "largest_remainder_exact", "largest_remainder_mixed", "nothing"]


def largest_remainder(weights: Ints, pool: int) -> Ints:
    """Divide `pool` in proportion to `weights`: floors first, then one unit each to the largest remainders.

    Args:
        weights: int64[n], none negative, summing to at most 2^62.
        pool: minor units, 0 to 2^62.

    Returns:
        int64[n] summing to `pool` exactly; equal remainders are served in index order.

    Raises:
        NothingToPayError: when the pool is not empty and every weight is zero.
        ValueError: for a weight or a pool that is negative, or a pool above 2^62.

    """
    from fairpay.kernels import wide  # noqa: PLC0415 - Numba is loaded where it is used

    total = sum_exactly(weights)
    refuse(int(weights.min(initial=0)), pool)
    if total == 0:
        return nothing(len(weights), pool)
    if total > LARGEST:
        return largest_remainder_exact(weights.tolist(), pool)
    floors = np.empty(len(weights), dtype=np.int64)
    rests = np.empty(len(weights), dtype=np.uint64)
    paid = int(wide.apportion(weights, np.uint64(total), np.uint64(pool), floors, rests))
    serve(rests, floors, pool - paid)
    return floors


def serve(rests: NDArray[np.uint64], floors: Ints, left: int) -> None:
    """Give one unit each to the `left` largest remainders: only the last one's equals need an order."""
    if left:
        last = np.partition(rests, len(rests) - left)[len(rests) - left]
        above = rests > last
        floors[above] += 1
        floors[np.flatnonzero(rests == last)[: left - int(np.count_nonzero(above))]] += 1


def largest_remainder_exact(weights: Sequence[int] | Sequence[Fraction], pool: int) -> Ints:
    """The same for weights of any size, as Python integers or fractions. Slower, for rules whose sums leave 62 bits.

    Raises:
        NothingToPayError: when the pool is not empty and every weight is zero.
        ValueError: for a weight or a pool that is negative, or a pool above 2^62.

    """
    refuse(min(weights, default=0), pool)
    common = math.lcm(*(weight.denominator for weight in weights))
    whole = [int(weight * common) for weight in weights]
    total = sum(whole)
    if total == 0:
        return nothing(len(whole), pool)
    parts = [divmod(pool * weight, total) for weight in whole]
    floors = np.array([floor for floor, _ in parts], dtype=np.int64)
    order = sorted(range(len(parts)), key=lambda i: (-parts[i][1], i))
    floors[order[: pool - sum(floor for floor, _ in parts)]] += 1
    return floors


def largest_remainder_mixed(rows: Sequence[Ints], factors: Sequence[Fraction], pool: int) -> Ints:
    """Divide `pool` in proportion to a weighted sum of weights, Σ_i factors[i] · rows[i][j], exactly.

    The sums leave 62 bits, so their highest 62 bits find what each is due to within a bound that is known, and integers
    of any size decide wherever a floor or the last units lie within that bound: the result is that of
    `largest_remainder_exact`, sooner.

    Args:
        rows: int64[n] each, none negative.
        factors: one for each row, none negative.
        pool: minor units, 0 to 2^62.

    Returns:
        int64[n] summing to `pool` exactly; equal remainders are served in index order.

    Raises:
        NothingToPayError: when the pool is not empty and every weight is zero.
        ValueError: for a negative weight, or a pool that is negative or above 2^62.

    """
    refuse(min(int(row.min(initial=0)) for row in rows), pool)
    common = math.lcm(*(factor.denominator for factor in factors))
    whole: NDArray[np.object_] = np.zeros(len(rows[0]), dtype=object)
    for row, factor in zip(rows, factors, strict=True):
        whole += row.astype(object) * int(factor * common)
    total = int(whole.sum())
    if total == 0:
        return nothing(len(whole), pool)
    if total <= LARGEST:
        return largest_remainder(whole.astype(np.int64), pool)
    return highest_bits(whole, total, pool)


def highest_bits(whole: NDArray[np.object_], total: int, pool: int) -> Ints:
    """Divide `pool` by integers of any size, object[n] with their total, which is above 2^62.

    Of a weight w and the total t the highest bits are w' and t'. What is due is pool · w / t, and pool · w' / t' is no
    farther from it than pool / t': in units of 1 / t', `pool` of them.
    """
    from fairpay.kernels import wide  # noqa: PLC0415 - Numba is loaded where it is used

    down = total.bit_length() - LARGEST.bit_length() + 1
    high = total >> down
    floors = np.empty(len(whole), dtype=np.int64)
    rests = np.empty(len(whole), dtype=np.uint64)
    wide.apportion((whole >> down).astype(np.int64), np.uint64(high), np.uint64(pool), floors, rests)
    rest: Ints = rests.astype(np.int64)
    for place in np.flatnonzero((rest <= pool) | (rest >= high - pool)).tolist():
        floors[place], exact = divmod(pool * whole[place], total)
        rest[place] = exact * high // total
    left = pool - sum_exactly(floors)
    floors[most_left(rest, left, error=2 * pool, exact=lambda place: int(pool * whole[place] % total))] += 1
    return floors


def most_left(rest: Ints, count: int, *, error: int, exact: Callable[[int], int]) -> Ints:
    """Return the places of the `count` largest remainders, each known to within `error` / 2; equal ones by place."""
    order = np.argsort(LARGEST - rest, kind="stable")
    if count in {0, len(rest)}:
        return order[:count]
    last, following = int(rest[order[count - 1]]), int(rest[order[count]])
    if last - following > error:
        return order[:count]
    served = np.flatnonzero(rest > min(last + error, LARGEST))
    near = np.flatnonzero((rest <= min(last + error, LARGEST)) & (rest >= following - error))
    keys = {place: exact(place) for place in near.tolist()}
    more = sorted(keys, key=lambda place: (-keys[place], place))[: count - len(served)]
    return np.concatenate([served, np.array(more, dtype=np.int64)])


def refuse(least: int | Fraction, pool: int) -> None:
    """Stop on what only a fault can bring: debts are divided as amounts, and negated by whoever asks."""
    if least < 0 or not 0 <= pool <= LARGEST:
        message = f"a weight is negative, or the pool of {pool} is negative or beyond 2^62"
        raise ValueError(message)


def nothing(count: int, pool: int) -> Ints:
    """All zero, allowed only where there is no money either."""
    if pool:
        message = "there is money in the pool, but no play of a paying listener to divide it by"
        raise NothingToPayError(message, advice="Check the fees and the qualifying length.")
    return np.zeros(count, dtype=np.int64)
