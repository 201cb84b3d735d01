"""The layers by their definitions, in fractions and dense matrices."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def shares(amounts: Mapping[str, Fraction | int]) -> dict[str, Fraction]:
    """Divide by the sum."""
    total = sum(amounts.values())
    return {a: Fraction(x) / total for a, x in amounts.items() if x}


def history(own: Mapping[str, int], past: Mapping[str, int], k: Fraction) -> dict[str, Fraction]:
    """(x + k h) / (L + k)."""
    h, total = shares(past), sum(own.values())
    return {a: (own.get(a, 0) + k * h.get(a, 0)) / (total + k) for a in {*own, *past}}


def wishes(s: Mapping[str, Fraction], gifts: Mapping[str, Fraction], m: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """With lambda the gifts in all: lambda v + (1 - lambda) (s * m) / |s * m|."""
    given = sum(gifts.values(), Fraction(0))
    t = shares({a: x * m.get(a, 1) for a, x in s.items()})
    return {a: gifts.get(a, Fraction(0)) + (1 - given) * t.get(a, Fraction(0)) for a in {*gifts, *t}}


def delegation(
    fees: Mapping[str, int], given: Mapping[str, Mapping[str, Fraction]], d: Fraction, cap: Fraction
) -> dict[str, Fraction]:
    """Iterate y = f + min(d D'y, M f) in fractions cut to 200 bits, then take off what was passed on."""
    y = {u: Fraction(f) for u, f in fees.items()}
    raw: dict[str, Fraction] = {}
    for _ in range(120):
        raw = {v: sum((d * given.get(u, {}).get(v, 0) * y[u] for u in fees), Fraction(0)) for v in fees}
        y = {v: Fraction(int((fees[v] + min(raw[v], cap * fees[v])) * 2**200), 2**200) for v in fees}
    part = {v: min(Fraction(1), cap * fees[v] / raw[v]) if raw[v] else Fraction(1) for v in fees}
    return {u: y[u] * (1 - sum(d * s * part[v] for v, s in given.get(u, {}).items())) for u in fees}
