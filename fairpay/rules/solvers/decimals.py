"""The geometric median of a small month in 50 digits: exact where all shares lie on one line, else by Newton's method.

In a month of a few listeners two halves may balance to the last digit of a float, and then a float cannot tell who is
paid. Here shares are fractions, and whether they are on one line, or a user's own shares are the optimum, is decided
in fractions and in decimals that leave no doubt. The work grows with users x artists² and artists³, so this is for
months small enough to be worked out by hand, and for tests, audits and examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairpay.rules.core.month import Month, Usage

__all__ = ["exact_median", "is_small"]

Shares: TypeAlias = tuple[Fraction, ...]
Decimals: TypeAlias = NDArray[Any]
"""Arrays of Decimal, of any shape."""

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
        points = Points(
            np.array([[Decimal(x.numerator) / x.denominator for x in shares] for shares in fees]),
            np.array([Decimal(fee) for fee in fees.values()]),
        )
        best = min(range(len(fees)), key=lambda u: points.objective(points.shares[u]))
        pull = points.pull(points.shares[best])
        if norm(pull) <= points.fees[best] + TIE * sum(fees.values()):
            found: Decimals | None = points.shares[best]
        else:
            found = newton(points, leave(points, points.shares[best], pull))
    return None if found is None else [max(Fraction(0), Fraction(x)) for x in found]


@dataclass(frozen=True, slots=True)
class Points:
    """All paying users' shares, Decimal[users, artists], and what they paid, Decimal[users]."""

    shares: Decimals
    fees: Decimals

    def ways(self, place: Decimals) -> tuple[Decimals, Decimals, Decimals]:
        """Return way there, distance and fee / distance of every user that is not at the place."""
        ways = self.shares - place
        far = np.array([norm(way) for way in ways])
        away = far != 0
        return ways[away], far[away], self.fees[away] / far[away]

    def objective(self, place: Decimals) -> Decimal:
        """Return the sum of fee x distance."""
        far = [norm(way) for way in self.shares - place]
        return sum((fee * each for fee, each in zip(self.fees, far, strict=True)), Decimal(0))

    def pull(self, place: Decimals) -> Decimals:
        """Return the force of the users that are elsewhere."""
        ways, _, forces = self.ways(place)
        pull: Decimals = (forces[:, None] * ways).sum(axis=0)
        return pull

    def hessian(self, place: Decimals) -> Decimals:
        """Return the sum of c (I - d d'), c = fee / distance and d the direction."""
        ways, far, forces = self.ways(place)
        bent = (forces / far / far)[:, None, None] * ways[:, :, None] * ways[:, None, :]
        whole: Decimals = np.full((len(place), len(place)), Decimal(0))
        np.fill_diagonal(whole, forces.sum())
        whole -= bent.sum(axis=0)
        return whole


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


def norm(vector: Decimals) -> Decimal:
    """Return the Euclidean length."""
    return Decimal((vector * vector).sum()).sqrt()


def leave(points: Points, corner: Decimals, pull: Decimals) -> Decimals:
    """Step off the best of all users' shares, which are not the optimum, to a place that is better than all."""
    length, known = 1 / norm(pull), points.objective(corner)
    place: Decimals = corner + length * pull
    while points.objective(place) >= known:
        length /= 2
        place = corner + length * pull
    return place


def newton(points: Points, place: Decimals) -> Decimals | None:
    """Make damped Newton steps; below the objective of every user's own shares it is smooth and strictly convex."""
    for _ in range(STEPS):
        pull = points.pull(place)
        move = solved(points.hessian(place), pull)
        if np.abs(move).max() < STILL:
            return place + move
        gain, length = (pull * move).sum() / 10_000, Decimal(1)
        most = points.objective(place) * (1 + NOISE)
        while length > STILL and points.objective(place + length * move) > most - length * gain:
            length /= 2
        place += length * move
    return None


def solved(rows: Decimals, right: Decimals) -> Decimals:
    """Solve positive definite equations by elimination, which needs no pivots there."""
    table: Decimals = np.column_stack([rows, right])
    for i in range(len(table)):
        table[i] = table[i] / table[i, i]
        others = np.arange(len(table)) != i
        table[others] = table[others] - table[others, i, None] * table[i]
    out: Decimals = table[:, -1]
    return out
