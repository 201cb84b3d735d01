"""The fee-weighted geometric median of users' shares, by Weiszfeld's iteration over the blocks of a month.

One step pulls the point towards every user with the force fee / distance, which is again a budget per user split by
share: sums are integers, so the point has the same bytes for any blocks and threads. Coincident users are treated
after Vardi and Zhang (PNAS 2000); steps are extrapolated after Anderson (1965), and taken back where they do not help.
This only comes near: `newton` goes the rest of the way.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fairpay.money.integers import sum_exactly
from fairpay.rules.core.budgets import float_unit, units_each

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.usage import Usage

__all__ = [
    "Floats",
    "Place",
    "Step",
    "Walker",
    "approach",
    "distances",
    "length",
    "mean_point",
    "nearest_user",
    "shares_of",
    "simplex",
]

Floats: TypeAlias = NDArray[np.float64]
ROUND = 16
"""Steps before another way is tried."""
CLOSE = 1e-6
"""The residual, as a part of the fees, from which Newton's method is faster."""
NOISE = 50
"""Binary digits of an objective that mean something."""
MEMORY = 6
"""Steps an extrapolation looks back on, at most."""
LEAST = 3
"""Steps it needs."""
ROOMY = 2**42
"""The sum of forces, in units of 2^20, that a step must stay below."""
ROOM = 4.0
"""How much the sum of forces may grow from one step to the next before a step is repeated in coarser units."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one walk over the month says about a point."""

    target: Floats
    """Where the users who are not at the point pull it to, T."""
    force: float
    """Sum of fee / distance over them."""
    weight: int
    """Fees of the users at the point."""
    objective: int
    """Sum of fee x distance, in units fixed for the month."""
    nearest: float
    """Distance of the nearest user not at the point."""

    def residual(self, point: Floats) -> float:
        """Return the length of the least subgradient: zero exactly at a geometric median."""
        return max(0.0, self.force * length(self.target - point) - self.weight)

    def next(self, point: Floats) -> Floats:
        """Return the Vardi-Zhang step: the Weiszfeld step, held back by the users at the point."""
        pull = self.force * length(self.target - point)
        stay = self.weight / pull if pull else 1.0
        return point if stay >= 1.0 else (1.0 - stay) * self.target + stay * point


def length(vector: Floats) -> float:
    """Return the Euclidean length, added up in artist order."""
    return math.sqrt(float(np.square(vector).sum()))


def simplex(vector: Floats) -> Floats | None:
    """Return the vector without its negative parts, and adding up to one; None where nothing sound is left."""
    inside = np.maximum(vector, 0.0)
    total = float(inside.sum())
    return inside / total if math.isfinite(total) and total > 0 else None


def distances(usage: Usage, point: Floats, square: int) -> Floats:
    """Return each user's distance from the point, float64[users]."""
    from fairpay.kernels import distances as kernel  # noqa: PLC0415 - Numba is loaded where it is used

    out = np.empty(usage.users, dtype=np.float64)
    kernel.distance(usage.start, usage.artist, usage.amount, usage.whole, point, square, out)
    return out


def mean_point(month: Month) -> Floats:
    """Return the user-centric shares, where the search starts."""
    from fairpay.kernels import split  # noqa: PLC0415 - Numba is loaded where it is used

    unit = units_each(month.facts.fees)

    def weigh(u: Usage, out: Ints) -> None:
        split.add_proportional(u.start, u.artist, u.amount, u.whole, u.fee * unit, out[0])

    drawn = month.gather(weigh, rows=1)[0]
    shares: Floats = drawn / float(sum_exactly(drawn))
    return shares


@dataclass(slots=True)
class Walker:
    """Makes steps, and keeps the unit of the forces from one to the next."""

    month: Month
    unit: float = 0.0
    """Units for a force of one; 0: not known yet."""
    walks: int = 0
    """Walks over the month so far."""
    fine: float = field(init=False)

    def __post_init__(self) -> None:
        """Fix the unit of the objective: a distance is at most the square root of two."""
        self.fine = float_unit(2.0 * self.month.facts.fees)

    def step(self, point: Floats) -> Step:
        """Walk over the month once, and once more where the forces have outgrown their unit."""
        from fairpay.kernels import distances as kernel  # noqa: PLC0415 - Numba is loaded where it is used

        square = kernel.squares(point)
        if not self.unit:
            most = max(self.month.each(lambda usage: largest_force(usage, point, square)), default=0.0)
            self.unit = float_unit(most * self.month.facts.users)
        while True:
            sums: list[tuple[int, int, int, int, float]] = []
            pulled = self.month.gather(self.visitor(point, square, sums), rows=1)[0]
            self.walks += 1
            coarse, force, weight, objective = (sum(int(row[i]) for row in sums) for i in range(4))
            if coarse < ROOMY:
                break
            self.unit /= 2.0 ** (coarse.bit_length() - 40)
        nearest = min(row[4] for row in sums)
        if not force:
            return Step(point, 0.0, weight, objective, nearest)
        strength = force / self.unit
        self.unit = float_unit(strength * ROOM)
        return Step(pulled / float(force), strength, weight, objective, nearest)

    def visitor(self, point: Floats, square: int, sums: list[tuple[int, int, int, int, float]]) -> Any:  # noqa: ANN401 - a visit
        """Return the visit of a block: split the forces by share, and note their sums."""
        from fairpay.kernels import split  # noqa: PLC0415 - Numba is loaded where it is used

        unit, fine = self.unit, self.fine

        def visit(usage: Usage, out: Ints) -> None:
            far = distances(usage, point, square)
            away = far > 0
            pull = np.where(away, usage.fee * unit / np.where(away, far, 1.0), 0.0)
            coarse = int((pull * 2.0**-20).astype(np.int64).sum()) if pull.max(initial=0.0) < 2.0**62 else 2**62
            budget = pull.astype(np.int64) if coarse < ROOMY else np.zeros_like(usage.fee)
            split.add_proportional(usage.start, usage.artist, usage.amount, usage.whole, budget, out[0])
            objective = sum_exactly((usage.fee * far * fine).astype(np.int64))
            near = float(far[away & (usage.fee > 0)].min(initial=math.inf))
            sums.append((coarse, sum_exactly(budget), sum_exactly(usage.fee[~away]), objective, near))

        return visit


def largest_force(usage: Usage, point: Floats, square: int) -> float:
    """Return the largest fee / distance of a block; a maximum of floats knows no order."""
    far = distances(usage, point, square)
    return float((usage.fee[far > 0] / far[far > 0]).max(initial=0.0))


def nearest_user(month: Month, point: Floats) -> Floats:
    """Return the shares of the nearest paying user that is not at the point; if tied, the smallest by artists."""
    from fairpay.kernels import distances as kernel  # noqa: PLC0415 - Numba is loaded where it is used

    square = kernel.squares(point)

    def pick(usage: Usage) -> tuple[float, tuple[tuple[int, float], ...]]:
        far = distances(usage, point, square)
        far[(far == 0) | (usage.fee == 0)] = math.inf
        least = float(far.min(initial=math.inf))
        if least == math.inf:
            return least, ()
        return least, min(shares_of(usage, int(u)) for u in np.flatnonzero(far == least))

    _, shares = min(month.each(pick))
    found = np.zeros_like(point)
    for artist, share in shares:
        found[artist] = share
    return found


def shares_of(usage: Usage, user: int) -> tuple[tuple[int, float], ...]:
    """Return one user's (artist, share), in artist order."""
    mine = slice(int(usage.start[user]), int(usage.start[user + 1]))
    shares = usage.amount[mine] / usage.whole[user]
    return tuple(sorted(zip(usage.artist[mine].tolist(), shares.tolist(), strict=True)))


def approach(walker: Walker, place: Place) -> Place:
    """Make up to `ROUND` steps, extrapolated where that helps; end early where the residual is `CLOSE` to zero."""
    history, close = Extrapolation(), CLOSE * walker.month.facts.fees
    for _ in range(ROUND):
        if place.residual <= close:
            break
        plain = place.step.next(place.point)
        ahead = history.extend(place.point, plain)
        there = walker.step(ahead)
        worst = place.step.objective + (place.step.objective >> NOISE)
        if there.objective > worst and ahead is not plain:
            history.forget()
            ahead, there = plain, walker.step(plain)
        place = Place(ahead, there)
    return place


@dataclass(frozen=True, slots=True)
class Place:
    """A point, and what a walk over the month said about it."""

    point: Floats
    step: Step

    @property
    def residual(self) -> float:
        """The length of the least subgradient."""
        return self.step.residual(self.point)


class Extrapolation:
    """Anderson's mixing of the last steps, kept inside the simplex."""

    def __init__(self) -> None:
        """Start without a memory."""
        self.points: deque[Floats] = deque(maxlen=MEMORY)
        self.moves: deque[Floats] = deque(maxlen=MEMORY)

    def forget(self) -> None:
        """Start again, from plain steps."""
        self.points.clear()
        self.moves.clear()

    def extend(self, point: Floats, plain: Floats) -> Floats:
        """Return the mixture of past images whose moves cancel best; the plain step itself while there are too few."""
        self.points.append(plain)
        self.moves.append(plain - point)
        if len(self.moves) < LEAST:
            return plain
        differences = [later - self.moves[-1] for later in list(self.moves)[:-1]]
        gram = np.array([[float((a * b).sum()) for b in differences] for a in differences])
        right = np.array([float((a * self.moves[-1]).sum()) for a in differences])
        gram += np.eye(len(gram)) * (1e-14 * np.trace(gram))
        try:
            mix = -np.linalg.solve(gram, right)
        except np.linalg.LinAlgError:
            return plain
        ahead = plain + sum(m * (p - plain) for m, p in zip(mix, list(self.points)[:-1], strict=True))
        inside = simplex(ahead)
        return plain if inside is None else inside
