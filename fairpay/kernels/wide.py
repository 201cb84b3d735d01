"""128-bit arithmetic on unsigned 64-bit words: what exact money needs and Numba does not have.

| kernel      | takes                        | gives                         | bounds                 |
|-------------|------------------------------|-------------------------------|------------------------|
| `multiply`  | uint64 a, b                  | uint64 high, low of a * b     | any                    |
| `divide`    | uint64 high, low, divisor    | uint64 quotient, remainder    | high < divisor         |
| `muldiv`    | uint64 a, b, c               | a * b // c, a * b % c         | a * b // c < 2^64      |
| `apportion` | int64[n] weights, total, pool | int64[n] quotients, uint64[n] remainders | all < 2^63 |

`divide` is schoolbook long division in base 2^32 (Knuth, TAOCP 2, 4.3.1, algorithm D; two quotient digits).
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit

__all__ = ["apportion", "divide", "muldiv", "multiply"]

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
ONE = np.uint64(1)
TOP = np.uint64(1 << 63)
BASE = np.uint64(1 << 32)
ZERO = np.uint64(0)


@jit
def multiply(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return the high and low words of a * b."""
    a0, a1, b0, b1 = a & LOW, a >> HALF, b & LOW, b >> HALF
    low = a0 * b0
    middle = a1 * b0 + (low >> HALF)
    cross = a0 * b1 + (middle & LOW)
    return a1 * b1 + (middle >> HALF) + (cross >> HALF), (cross << HALF) | (low & LOW)


@jit
def digit(high: np.uint64, next_digit: np.uint64, d1: np.uint64, d0: np.uint64) -> np.uint64:
    """Estimate one base-2^32 quotient digit of a normalised division and correct it."""
    q = high // d1
    r = high - q * d1
    while q >= BASE or q * d0 > ((r << HALF) | next_digit):
        q -= ONE
        r += d1
        if r >= BASE:
            break
    return q


@jit
def divide(high: np.uint64, low: np.uint64, divisor: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Divide a 128-bit number by a 64-bit one; the quotient must fit 64 bits (high < divisor)."""
    if high == ZERO:
        return low // divisor, low % divisor
    shift = ZERO
    while divisor & TOP == ZERO:
        divisor <<= ONE
        shift += ONE
    if shift > ZERO:
        high = (high << shift) | (low >> (np.uint64(64) - shift))
        low <<= shift
    d1, d0 = divisor >> HALF, divisor & LOW
    q1 = digit(high, low >> HALF, d1, d0)
    rest = ((high << HALF) | (low >> HALF)) - q1 * divisor
    q0 = digit(rest, low & LOW, d1, d0)
    rest = ((rest << HALF) | (low & LOW)) - q0 * divisor
    return (q1 << HALF) + q0, rest >> shift


@jit
def muldiv(a: np.uint64, b: np.uint64, c: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return a * b // c and a * b % c through 128 bits."""
    high, low = multiply(a, b)
    return divide(high, low, c)


@jit
def apportion(
    weights: np.ndarray, total: np.uint64, pool: np.uint64, floors: np.ndarray, rests: np.ndarray
) -> np.uint64:
    """Write pool * weight // total and its remainder for each weight; return the sum of the floors."""
    paid = ZERO
    for i in range(len(weights)):
        quotient, rest = muldiv(np.uint64(weights[i]), pool, total)
        floors[i] = np.int64(quotient)
        rests[i] = rest
        paid += quotient
    return paid
