"""How much each user steers, where that takes more than a product: exact ratios, powers, norms and saturating forces.

| kernel          | shapes and types                                                                               |
|-----------------|------------------------------------------------------------------------------------------------|
| `scaled_ratio`  | a, b, c int64[u] >= 0, c > 0; scale int64; out int64[u]: floor(scale * a * b / c)              |
| `capped`        | fee, total int64[u]; up, down, unit int64; out: floor(unit * min(fee, total * up/down))        |
| `saturated`     | fee, total int64[u]; up, down int64 > 0; out bool[u]: total * up >= fee * down                |
| `powers`        | fee, total int64[u]; beta, unit float64; out int64[u]: floor(unit * fee^(1-beta) * total^beta) |
| `saturating`    | fee, total int64[u]; rate, unit float64; kind 0 smooth, 1 bayes; out int64[u]                  |
| `norm_ratios`   | start int64[u+1], amount int64[e], total int64[u]; p float64 (inf: maximum); out float64[u]    |

Floats live inside one user and become integers before anything is added up. Bounds: a * b / c < 2^62, scale * that
< 2^63; unit is a power of two with unit * result < 2^62. `norm_ratios` adds integers, so that the order of a user's
entries means nothing.
"""

from __future__ import annotations

import math

import numpy as np

from fairpay.kernels._jit import jit
from fairpay.kernels.words import divide, muldiv, product

__all__ = ["capped", "norm_ratios", "powers", "saturated", "saturating", "scaled_ratio"]

FINE = 1 << 61
SQUARES = 2.0


@jit
def scaled_ratio(a: np.ndarray, b: np.ndarray, c: np.ndarray, scale: int, out: np.ndarray) -> None:
    """Write floor(scale * a * b / c): the whole part is scaled, then the rest, so nothing leaves 128 bits."""
    for u in range(len(a)):
        whole, rest = muldiv(np.uint64(a[u]), np.uint64(b[u]), np.uint64(c[u]))
        part, _ = muldiv(rest, np.uint64(scale), np.uint64(c[u]))
        out[u] = np.int64(whole) * scale + np.int64(part)


@jit
def saturated(fee: np.ndarray, total: np.ndarray, up: int, down: int, out: np.ndarray) -> None:
    """Mark the users whose listening, at up/down per unit, is worth their fee or more."""
    for u in range(len(fee)):
        low, high = product(np.uint64(total[u]), np.uint64(up))
        fee_low, fee_high = product(np.uint64(fee[u]), np.uint64(down))
        out[u] = high > fee_high or (high == fee_high and low >= fee_low)


@jit
def capped(  # noqa: PLR0913, PLR0917 - a kernel takes flat arguments
    fee: np.ndarray, total: np.ndarray, up: int, down: int, unit: int, out: np.ndarray
) -> None:
    """Write each user's fee, or the worth of the listening where that is less, in units."""
    for u in range(len(fee)):
        out[u] = fee[u] * unit
        low, high = product(np.uint64(total[u]), np.uint64(up))
        fee_low, fee_high = product(np.uint64(fee[u]), np.uint64(down))
        if high < fee_high or (high == fee_high and low < fee_low):
            whole, rest = divide(high, low, np.uint64(down))
            part, _ = muldiv(rest, np.uint64(unit), np.uint64(down))
            out[u] = np.int64(whole) * unit + np.int64(part)


@jit
def powers(fee: np.ndarray, total: np.ndarray, beta: float, unit: float, out: np.ndarray) -> None:
    """Write each user's weighted mean of fee and listening, geometric, in units."""
    for u in range(len(fee)):
        out[u] = 0
        if fee[u] > 0:
            out[u] = np.int64(unit * (math.pow(float(fee[u]), 1.0 - beta) * math.pow(float(total[u]), beta)))


@jit
def saturating(  # noqa: PLR0913, PLR0917 - a kernel takes flat arguments
    fee: np.ndarray, total: np.ndarray, rate: float, unit: float, kind: int, out: np.ndarray
) -> None:
    """Write f * psi(rate * L / f) in units: 0 is r / sqrt(1 + r^2), 1 is r / (1 + r)."""
    for u in range(len(fee)):
        out[u] = 0
        if fee[u] > 0:
            pull = rate * float(total[u]) / float(fee[u])
            psi = pull / math.sqrt(1.0 + pull * pull) if kind == 0 else pull / (1.0 + pull)
            out[u] = np.int64(unit * (float(fee[u]) * psi))


@jit
def norm_ratios(start: np.ndarray, amount: np.ndarray, total: np.ndarray, p: float, out: np.ndarray) -> None:
    """Write |x|_1 / |x|_p of each user's amounts, at least 1."""
    for u in range(len(total)):
        largest = amount[start[u]]
        for e in range(start[u], start[u + 1]):
            largest = max(largest, amount[e])
        ratio = float(total[u]) / float(largest)
        if p < math.inf:
            fine = float(FINE // (start[u + 1] - start[u]))
            mass = np.int64(0)
            for e in range(start[u], start[u + 1]):
                part = float(amount[e]) / float(largest)
                mass += np.int64(fine * (part * part if p == SQUARES else math.pow(part, p)))
            mean = float(mass) / fine
            ratio /= math.sqrt(mean) if p == SQUARES else math.pow(mean, 1.0 / p)
        out[u] = max(ratio, 1.0)
