"""The rest of the way to a geometric median: Newton's method, its equations solved by conjugate gradients.

Where two like groups pull against each other, the objective hardly changes along the line between them: a gap of g in
the objective leaves the square root of g in the point, and with it in what artists are paid. So it is the point that
is made precise. A Newton step tells how far the optimum still is; the search ends when that is little enough.

The Hessian at z is the sum over users of c (I - d d'), c = fee / distance and d the direction to the user. Its product
with a vector is again a budget per user, of either sign, split by share: no matrix is kept, and the sums are integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairpay.money.integers import sum_exactly
from fairpay.rules.core.budgets import float_unit
from fairpay.rules.core.month import Split
from fairpay.rules.solvers.weiszfeld import COARSE, WeiszfeldWalk, approach, distances, extreme_user, length, simplex

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Totals, Usage
    from fairpay.rules.solvers.weiszfeld import Floats, Location

__all__ = ["Solution", "solve"]

ROUNDS = 60
"""Rounds of Weiszfeld and Newton steps at most."""
PATIENCE = 2
"""Rounds without half the residual after which floats have told all they can."""
NEWTON = 20
"""Newton steps in one round, at most."""
HALVINGS = 8
"""How often a Newton step that does not help is halved."""
EXACT = 1e-5
"""How well the equations of a Newton step are solved, as a part of their right side."""
PRODUCTS = 60
"""Products with the Hessian for one Newton step, at most."""
PROBES = 24
"""Products with the Hessian to find its softest direction, at most."""
SOFT = 1e-13
NOISE = 2.0**-52
"""What is noise in the sum of forces, as a part of them."""
FINEST = 2.0**-46
"""The residual, as a part of the forces, that floats cannot tell from zero."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A point, and how good it is."""

    point: Floats
    """float64[artists], each in [0, 1], together 1."""
    error: float
    """How far the optimum may be, as a part of the pool: the gradient left, noise included, by the least stiffness."""
    exact: bool = False
    """True where the point is one that users' own shares make, or all users lie on one line."""
    shares: tuple[Fraction, ...] = ()
    """The point, right to 20 digits and more, where it was found in a small month."""


def solve(month: Month, start: Floats, *, within: float) -> Solution:
    """Find the geometric median from `start` on, each share to `within`, or as near as floats can tell.

    Weiszfeld's steps come near, Newton's arrive. The nearest user's shares are tried as the optimum themselves after
    each round, because neither arrives at such a point.
    """
    walker, tried = WeiszfeldWalk(month), set[bytes]()
    place = walker.look(start)
    best, error, waited = place.residual, 1.0, 0
    for _ in range(ROUNDS):
        place = approach(walker, place)
        corner = own_shares(walker, place, tried)
        if corner is not None:
            return corner
        place, error = polish(walker, place, within)
        if error <= within:
            break
        waited = 0 if place.residual < best / 2 else waited + 1
        best = min(best, place.residual)
        if waited > PATIENCE:
            break
    return Solution(place.point, error)


def own_shares(walker: WeiszfeldWalk, place: Location, tried: set[bytes]) -> Solution | None:
    """Return the shares of the user nearest to a place if they are a geometric median; each is tried once.

    They are where the users there hold against all others; where both forces are equal for floats, nothing is sure.
    """
    if not place.weight:
        if not np.isfinite(place.nearest):
            return None
        corner = extreme_user(walker.month, place.point)
        if corner.tobytes() in tried:
            return None
        tried.add(corner.tobytes())
        place = walker.look(corner)
    noise = FINEST * max(walker.month.facts.fees, place.force)
    if place.excess > noise:
        return None
    sure = place.excess < -noise
    return Solution(place.point, 0.0 if sure else 1.0, exact=sure)


def polish(walker: WeiszfeldWalk, place: Location, within: float) -> tuple[Location, float]:
    """Make Newton steps while they shorten the gradient; return where that leads, and how precise that is.

    The length of the gradient falls along a Newton step at first, and unlike the objective it is precise up to the
    optimum. At users' own shares there is no Hessian, and no step is made.
    """
    if place.weight or not place.force:
        return place, 1.0
    for _ in range(NEWTON):
        move = direction(walker, place)
        ahead = shortened(walker, place, move)
        if ahead is None:
            break
        place = ahead
        if float(np.abs(move).max()) <= within:
            break
    return place, precision(walker, place)


def precision(walker: WeiszfeldWalk, place: Location) -> float:
    """Return how far the optimum may be from a place: what is left of the gradient, noise included, by the stiffness.

    Where the stiffness of the softest direction is itself mostly noise, floats know nothing about it: 1. The forces
    bring a part in 10^13 of themselves, and each near user fee / distance³ times what is noise in its square.
    """
    bend = Bend(walker, place)
    stiffness = softest(bend, place)
    if stiffness <= 2.0 * (place.force * SOFT + COARSE * bend.steepness / place.nearest):
        return 1.0
    noise = NOISE * place.force + COARSE * bend.steepness
    return min(1.0, (place.residual + noise) / stiffness)


def softest(bend: Bend, place: Location) -> float:
    """Return the least eigenvalue of the Hessian among divisions, from Lanczos' process (1950)."""
    known = np.random.default_rng(0).standard_normal(len(place.point)) * np.sqrt(place.point)
    basis = known - known.sum() * place.point
    basis /= length(basis) or 1.0
    before, beta = np.zeros_like(basis), 0.0
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(min(PROBES, len(basis) - 1)):
        bent = bend.times(basis)
        diagonal.append(float((bent * basis).sum()))
        rest = bent - diagonal[-1] * basis - beta * before
        beta = length(rest)
        if beta <= FINEST * place.force:
            break
        beside.append(beta)
        before, basis = basis, rest / beta
    if not diagonal:
        return place.force
    off = beside[: len(diagonal) - 1]
    return float(np.linalg.eigvalsh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1)).min())


def shortened(walker: WeiszfeldWalk, place: Location, move: Floats) -> Location | None:
    """Return the place a Newton step leads to, halved until the gradient is shorter; None where it never is."""
    part = 1.0
    for _ in range(HALVINGS):
        point = simplex(place.point + part * move)
        if point is not None:
            there = walker.look(point)
            if there.residual < place.residual * (1.0 - 0.1 * part) and not there.weight:
                return there
        part /= 2.0
    return None


def direction(walker: WeiszfeldWalk, place: Location) -> Floats:
    """Solve Hessian x step = pull by conjugate gradients (Hestenes and Stiefel 1952), float64[artists]."""
    bend = Bend(walker, place)
    rest = place.force * (place.target - place.point)
    move, search = np.zeros_like(rest), rest
    left = float((rest * rest).sum())
    enough = left * EXACT**2
    for _ in range(min(PRODUCTS, 2 * len(rest) + 2)):
        if left <= enough:
            break
        bent = bend.times(search)
        stiff = float((search * bent).sum())
        if stiff <= 0.0:
            break
        move = move + left / stiff * search
        rest = rest - left / stiff * bent
        before, left = left, float((rest * rest).sum())
        search = rest + left / before * search
    return move


class Bend:
    """The Hessian at a place without users, as products with vectors."""

    def __init__(self, walker: WeiszfeldWalk, place: Location) -> None:
        """Fix the unit of the products: for a vector of length one, a user's budget is at most fee / distance²."""
        from fairpay.kernels import shares as kernel  # noqa: PLC0415 - Numba is loaded where it is used

        self.walker, self.place = walker, place
        self.square = kernel.squares(place.point)
        nearest = place.nearest
        rough = float_unit(place.force / nearest)
        most = sum(walker.month.each(lambda usage: self.squared_forces(usage, rough)))
        self.steepness = max(1, most) / rough
        self.unit = float_unit(2.0 * self.steepness)

    def squared_forces(self, usage: Usage, unit: float) -> int:
        """Return the sum of fee / distance² of a block, in units."""
        far = distances(usage, self.place.point, self.square)
        far = np.where(far > 0, far, np.inf)
        return sum_exactly((usage.fee / far / far * unit).astype(np.int64))

    def times(self, vector: Floats) -> Floats:
        """Return the product, float64[artists]."""
        size = length(vector)
        if size == 0.0:
            return vector
        along = vector / size
        drawn, (left,) = self.walker.month.gather(self.visitor(along), rows=2)
        pulled = (drawn[0] - drawn[1]) / self.unit - left / self.unit * self.place.point
        product: Floats = size * (self.place.force * along - pulled)
        return product

    def visitor(self, along: Floats) -> Callable[[Usage, Ints], Totals]:
        """Return the visit of a block: split what pulls one way and the other, and add up the difference."""
        from fairpay.kernels import shares as kernel  # noqa: PLC0415 - Numba is loaded where it is used

        point, square, unit = self.place.point, self.square, self.unit
        offset = float((point * along).sum())

        def visit(usage: Usage, out: Ints) -> Totals:
            far = distances(usage, point, square)
            far = np.where(far > 0, far, np.inf)
            turn = np.empty_like(far)
            kernel.along(usage.start, usage.artist, usage.amount, usage.whole, along, offset, turn)
            budget = (usage.fee / far / far * np.clip(turn / far, -1.0, 1.0) * unit).astype(np.int64)
            for row, one_way in zip(out, (np.maximum(budget, 0), np.maximum(-budget, 0)), strict=True):
                Split.BY_LISTENING.add(usage, one_way, row)
            return (sum_exactly(budget),)

        return visit
