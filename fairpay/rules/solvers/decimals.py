"""The geometric median of a small month in 50 digits: exact where all shares lie on one line, else by Newton's method.

In a month of a few listeners two halves may balance to the last digit of a float, and then a float cannot tell who is
paid. Here shares are fractions, and whether they are on one line, or a user's own shares are the optimum, is decided
in fractions and in decimals that leave no doubt. The work grows with users x artists² and artists³, so this is for
months small enough to be worked out by hand, and for tests, audits and examples.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairpay.rules.core.month import Month
    from fairpay.rules.core.usage import Usage

__all__ = ["exact_median", "is_small"]

Shares: TypeAlias = tuple[Fraction, ...]
Vector: TypeAlias = list[Decimal]
Weighted: TypeAlias = list[tuple[Vector, Decimal]]

LARGEST = 20_000
"""Multiplications in one Newton step, at most: some hundredths of a second."""
DIGITS = 50
TIE = Decimal("1e-40")
"""Forces that differ by no more, as a part of the fees, are equal."""
NOISE = Decimal("1e-44")
"""How imprecise an objective is, as a part of it."""
STILL = Decimal("1e-25")
"""The Newton step that is the last: the one after it would be shorter than its square, but for flatness."""
STEPS = 500


def is_small(month: Month) -> bool:
    """Say whether decimals are quick enough for a month."""
    users, artists = month.facts.users, month.facts.artists
    return (users + artists) * artists**2 <= LARGEST


def exact_median(month: Month) -> list[Fraction] | None:
    """Return the geometric median, of several the one nearest to the mean; each share right to 20 digits.

    None where Newton's method does not arrive, which no month is known for.
    """
    fees: dict[Shares, int] = {}
    for part in month.each(lambda usage: shares_of(usage, month.facts.artists)):
        for shares, fee in part:
            fees[shares] = fees.get(shares, 0) + fee
    fees = dict(sorted(fees.items()))
    line = on_a_line(fees)
    if line is not None:
        return line
    with localcontext(Context(prec=DIGITS)):
        points = [([decimal(x) for x in shares], Decimal(fee)) for shares, fee in fees.items()]
        best, weight = min(points, key=lambda known: objective(points, known[0]))
        pull = pull_at(points, best)
        if norm(pull) <= weight + TIE * sum(fees.values()):
            return [Fraction(x) for x in best]
        found = newton(points, leave(points, best, pull))
    return None if found is None else [max(Fraction(0), Fraction(x)) for x in found]


def shares_of(usage: Usage, artists: int) -> list[tuple[Shares, int]]:
    """Return each paying user's shares of all artists, and the fee."""
    found = []
    for user in (usage.fee > 0).nonzero()[0].tolist():
        mine = slice(int(usage.start[user]), int(usage.start[user + 1]))
        shares = [Fraction(0)] * artists
        for artist, amount in zip(usage.artist[mine].tolist(), usage.amount[mine].tolist(), strict=True):
            shares[artist] = Fraction(amount, int(usage.whole[user]))
        found.append((tuple(shares), int(usage.fee[user])))
    return found


def on_a_line(fees: Mapping[Shares, int]) -> list[Fraction] | None:
    """Return the median by weight along a line, exactly; None where the shares are on no line."""
    origin, *others = fees
    if not others:
        return list(origin)
    ahead = [b - a for a, b in zip(origin, others[0], strict=True)]
    seen = next(j for j, x in enumerate(ahead) if x)
    places = [((shares[seen] - origin[seen]) / ahead[seen], shares, fee) for shares, fee in fees.items()]
    for t, shares, _ in places:
        if any(a + t * x != s for a, x, s in zip(origin, ahead, shares, strict=True)):
            return None
    places.sort()
    total = sum(fees.values())
    low = high = None
    mass, middle = 0, Fraction(0)
    for t, _, fee in places:
        mass += fee
        middle += t * fee / total
        low = t if low is None and 2 * mass >= total else low
        high = t if high is None and 2 * mass > total else high
    place = min(max(low or Fraction(0), middle), high or Fraction(0))
    return [a + place * x for a, x in zip(origin, ahead, strict=True)]


def decimal(x: Fraction) -> Decimal:
    """Return a fraction to all digits."""
    return Decimal(x.numerator) / Decimal(x.denominator)


def dot(a: Vector, b: Vector) -> Decimal:
    """Return the scalar product."""
    return sum((x * y for x, y in zip(a, b, strict=True)), Decimal(0))


def norm(vector: Vector) -> Decimal:
    """Return the Euclidean length."""
    return dot(vector, vector).sqrt()


def along(place: Vector, length: Decimal, move: Vector) -> Vector:
    """Return the place some lengths of a move further."""
    return [x + length * m for x, m in zip(place, move, strict=True)]


def ways(points: Weighted, place: Vector) -> list[tuple[Vector, Decimal, Decimal]]:
    """Return (way there, distance, fee) of every point that is not at the place."""
    found = []
    for point, fee in points:
        way = along(point, Decimal(-1), place)
        far = norm(way)
        if far:
            found.append((way, far, fee))
    return found


def objective(points: Weighted, place: Vector) -> Decimal:
    """Return the sum of fee x distance."""
    return sum((fee * far for _, far, fee in ways(points, place)), Decimal(0))


def pull_at(points: Weighted, place: Vector) -> Vector:
    """Return the force of the points that are elsewhere."""
    pull = [Decimal(0)] * len(place)
    for way, far, fee in ways(points, place):
        pull = along(pull, fee / far, way)
    return pull


def leave(points: Weighted, corner: Vector, pull: Vector) -> Vector:
    """Step off the best of all users' shares, which are not the optimum, to a place that is better than all."""
    length, known = 1 / norm(pull), objective(points, corner)
    while objective(points, along(corner, length, pull)) >= known:
        length /= 2
    return along(corner, length, pull)


def newton(points: Weighted, place: Vector) -> Vector | None:
    """Make damped Newton steps; below the objective of every user's own shares it is smooth and strictly convex."""
    for _ in range(STEPS):
        pull = pull_at(points, place)
        move = solved(hessian(points, place), pull)
        if max(map(abs, move)) < STILL:
            return along(place, Decimal(1), move)
        gain, length = dot(pull, move) / 10_000, Decimal(1)
        most = objective(points, place) * (1 + NOISE)
        while length > STILL and objective(points, along(place, length, move)) > most - length * gain:
            length /= 2
        place = along(place, length, move)
    return None


def hessian(points: Weighted, place: Vector) -> list[Vector]:
    """Return the sum of c (I - d d'), c = fee / distance and d the direction."""
    rows = [[Decimal(0)] * len(place) for _ in place]
    for way, far, fee in ways(points, place):
        pull = fee / far
        for i, row in enumerate(rows):
            if way[i]:
                rows[i] = along(row, -pull * way[i] / far / far, way)
            rows[i][i] += pull
    return rows


def solved(rows: list[Vector], right: Vector) -> Vector:
    """Solve positive definite equations by elimination, which needs no pivots there."""
    table = [[*row, x] for row, x in zip(rows, right, strict=True)]
    for i, row in enumerate(table):
        for k in range(i + 1, len(table)):
            if table[k][i]:
                table[k] = along(table[k], -table[k][i] / row[i], row)
    out = [Decimal(0)] * len(table)
    for i in range(len(table) - 1, -1, -1):
        out[i] = (table[i][-1] - dot(table[i][i + 1 : -1], out[i + 1 :])) / table[i][i]
    return out
