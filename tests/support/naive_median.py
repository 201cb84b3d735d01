"""The geometric median the slow way: exact where users' shares lie on a line, else in decimals of 60 digits.

A point is a tuple of shares; `fees` maps each distinct point to the fees of the users who are there.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Point: TypeAlias = tuple[Fraction, ...]
Vector: TypeAlias = list[Decimal]
Weighted: TypeAlias = list[tuple[Vector, Decimal]]

DIGITS = 60
RIGHT = 36
"""Digits that are right: what symmetry makes equal is equal."""
TIE = Decimal("1e-45")
"""Forces that differ by no more, as a part of the fees, are taken as equal."""
STILL = Decimal("1e-40")
"""A Newton step this short is the last."""
NOISE = Decimal("1e-54")
"""How imprecise an objective is, as a part of it."""
LEVEL = Decimal("1e-35")
"""The force left at the answer, as a part of the fees: the function is convex, so this proves the answer right."""
STEPS = 1000


def median_point(fees: Mapping[Point, int]) -> list[Fraction]:
    """The geometric median; of several, the one nearest to the mean."""
    line = on_a_line(fees)
    if line is not None:
        return line
    with localcontext() as context:
        context.prec = DIGITS
        points = [([decimal(x) for x in point], Decimal(fee)) for point, fee in fees.items()]
        best, weight = min(points, key=lambda known: (objective(points, known[0]), known[0]))
        pull = slope(points, best)
        if norm(pull) <= weight + TIE * sum(fees.values()):
            return [Fraction(x) for x in best]
        found = newton(points, off(points, best, pull))
        assert norm(slope(points, found)) <= LEVEL * sum(fees.values()), "no force is left at an optimum"
        return [round(Fraction(x), RIGHT) for x in found]


def on_a_line(fees: Mapping[Point, int]) -> list[Fraction] | None:
    """The weighted median along a line, exactly; None where the points are on no line."""
    first, *others = fees
    if not others:
        return list(first)
    ahead = [b - a for a, b in zip(first, others[0], strict=True)]
    k = next(j for j, x in enumerate(ahead) if x)
    places = {point: (point[k] - first[k]) / ahead[k] for point in fees}
    if any([a + t * x for a, x in zip(first, ahead, strict=True)] != list(point) for point, t in places.items()):
        return None
    total = sum(fees.values())
    mean = sum(fees[point] * t for point, t in places.items()) / total
    low = min(t for t in places.values() if 2 * sum(fees[p] for p, s in places.items() if s <= t) >= total)
    high = max(t for t in places.values() if 2 * sum(fees[p] for p, s in places.items() if s >= t) >= total)
    return [a + min(max(low, mean), high) * x for a, x in zip(first, ahead, strict=True)]


def decimal(x: Fraction) -> Decimal:
    """A fraction to all digits of the context."""
    return Decimal(x.numerator) / Decimal(x.denominator)


def norm(vector: Vector) -> Decimal:
    """The Euclidean length."""
    return sum((x * x for x in vector), Decimal(0)).sqrt()


def minus(a: Vector, b: Vector) -> Vector:
    """The difference."""
    return [x - y for x, y in zip(a, b, strict=True)]


def along(place: Vector, length: Decimal, move: Vector) -> Vector:
    """A place further on."""
    return [x + length * m for x, m in zip(place, move, strict=True)]


def objective(points: Weighted, place: Vector) -> Decimal:
    """The sum of fee times distance."""
    return sum((fee * norm(minus(point, place)) for point, fee in points), Decimal(0))


def slope(points: Weighted, place: Vector) -> Vector:
    """Where the points elsewhere pull: the negative gradient."""
    pull = [Decimal(0)] * len(place)
    for point, fee in points:
        away = minus(point, place)
        far = norm(away)
        if far:
            pull = along(pull, fee / far, away)
    return pull


def off(points: Weighted, corner: Vector, pull: Vector) -> Vector:
    """Leave the best of the points, which is not the optimum, for a place better than all of them."""
    length = 1 / norm(pull)
    while objective(points, along(corner, length, pull)) >= objective(points, corner):
        length /= 2
    return along(corner, length, pull)


def newton(points: Weighted, place: Vector) -> Vector:
    """Damped Newton steps: below the objective of every point the function is smooth and strictly convex."""
    for _ in range(STEPS):
        pull = slope(points, place)
        move = solved(hessian(points, place), pull)
        gain = sum((a * b for a, b in zip(pull, move, strict=True)), Decimal(0))
        if max(map(abs, move)) < STILL:
            return along(place, Decimal(1), move)
        here, length = objective(points, place) * (1 + NOISE), Decimal(1)
        while length > STILL and objective(points, along(place, length, move)) > here - length * gain / 10000:
            length /= 2
        place = along(place, length, move)
    message = "Newton's method did not arrive"
    raise AssertionError(message)


def hessian(points: Weighted, place: Vector) -> list[Vector]:
    """The sum of c (I - d d')."""
    size = len(place)
    rows = [[Decimal(0)] * size for _ in range(size)]
    for point, fee in points:
        away = minus(point, place)
        far = norm(away)
        for i in range(size):
            rows[i][i] += fee / far
            part = fee * away[i] / far**3
            if part:
                rows[i] = along(rows[i], -part, away)
    return rows


def solved(rows: list[Vector], right: Sequence[Decimal]) -> Vector:
    """Solve positive definite equations by elimination."""
    table = [[*row, x] for row, x in zip(rows, right, strict=True)]
    for i, row in enumerate(table):
        for below in table[i + 1 :]:
            if below[i]:
                below[:] = along(below, -below[i] / row[i], row)
    out = [Decimal(0)] * len(table)
    for i in reversed(range(len(table))):
        known = sum((a * x for a, x in zip(table[i][i + 1 : -1], out[i + 1 :], strict=True)), Decimal(0))
        out[i] = (table[i][-1] - known) / table[i][i]
    return out
