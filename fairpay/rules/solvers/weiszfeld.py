"""The fee-weighted geometric median of users' shares, by Weiszfeld's iteration over the blocks of a month.

One step pulls the point towards every user with the force fee / distance, which is again a budget per user split by
share: sums are integers, so the point has the same bytes for any blocks and threads. Coincident users are treated
after Vardi and Zhang (PNAS 2000). This only comes near: `newton` goes the rest of the way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fairpay.money.integers import sum_exactly
from fairpay.rules.core.budgets import float_unit, units_each
from fairpay.rules.core.month import Split

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage

__all__ = [
    "COARSE",
    "Floats",
    "Location",
    "WeiszfeldWalk",
    "approach",
    "distances",
    "extreme_user",
    "length",
    "mean_point",
    "on_a_line",
    "simplex",
]

Floats: TypeAlias = NDArray[np.float64]
FINE = 2.0**60
FLAT = 1e-13
"""How far from a line, as a part of its length and absolutely, still counts as on it."""
COARSE = 2.0**-58
"""What is noise in the square of a distance."""
ROUND = 16
"""Steps before another way is tried."""
CLOSE = 1e-6
"""The residual, as a part of the fees, from which Newton's method is faster."""
ROOMY = 2**42
"""The sum of forces, in units of 2^20, that a step must stay below."""
ROOM = 4.0
"""How much the sum of forces may grow from one step to the next before a step is repeated in coarser units."""


@dataclass(frozen=True, slots=True)
class Location:
    """A point, and what one walk over the month says about it."""

    point: Floats
    target: Floats
    """Where the users who are not at the point pull it to, T."""
    force: float
    """Sum of fee / distance over them."""
    weight: int
    """Fees of the users at the point."""
    nearest: float
    """Distance of the nearest user not at the point."""

    @property
    def excess(self) -> float:
        """By how much the pull of the others exceeds what the users at the point hold; below zero they hold it."""
        return self.force * length(self.target - self.point) - self.weight

    @property
    def residual(self) -> float:
        """The length of the least subgradient: zero exactly at a geometric median."""
        return max(0.0, self.excess)

    def next(self) -> Floats:
        """Return the Vardi-Zhang step: the Weiszfeld step, held back by the users at the point."""
        pull = self.force * length(self.target - self.point)
        stay = self.weight / pull if pull else 1.0
        return self.point if stay >= 1.0 else (1.0 - stay) * self.target + stay * self.point


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
    from fairpay.kernels import shares as kernel  # noqa: PLC0415 - Numba is loaded where it is used

    out = np.empty(usage.users, dtype=np.float64)
    kernel.distance(usage.start, usage.artist, usage.amount, usage.whole, point, square, out)
    return out


def mean_point(month: Month) -> Floats:
    """Return the user-centric shares, where the search starts."""
    unit = units_each(month.facts.fees)
    drawn = month.gather(lambda usage, out: Split.BY_LISTENING.add(usage, usage.fee * unit, out[0]), rows=1)[0][0]
    shares: Floats = drawn / float(sum_exactly(drawn))
    return shares


@dataclass(slots=True)
class WeiszfeldWalk:
    """Makes steps, and keeps the unit of the forces from one to the next."""

    month: Month
    unit: float = 0.0
    """Units for a force of one; 0: not known yet."""

    def look(self, point: Floats) -> Location:
        """Walk over the month once, and once more where the forces have outgrown their unit."""
        from fairpay.kernels import shares as kernel  # noqa: PLC0415 - Numba is loaded where it is used

        square = kernel.squares(point)
        if not self.unit:
            most = max(self.month.each(lambda usage: largest_force(usage, point, square)), default=0.0)
            self.unit = float_unit(most * self.month.facts.users)
        while True:
            sums: list[tuple[int, int, int, float]] = []
            pulled = self.month.gather(self.visitor(point, square, sums), rows=1)[0][0]
            coarse, force, weight = (sum(int(row[i]) for row in sums) for i in range(3))
            if coarse < ROOMY:
                break
            self.unit /= 2.0 ** (coarse.bit_length() - 40)
        nearest = min(row[3] for row in sums)
        if not force:
            return Location(point, point, 0.0, weight, nearest)
        strength = force / self.unit
        self.unit = float_unit(strength * ROOM)
        return Location(point, pulled / float(force), strength, weight, nearest)

    def visitor(self, point: Floats, square: int, sums: list[tuple[int, int, int, float]]) -> Any:  # noqa: ANN401 - a visit
        """Return the visit of a block: split the forces by share, and note their sums."""
        unit = self.unit

        def visit(usage: Usage, out: Ints) -> None:
            far = distances(usage, point, square)
            away = far > 0
            pull = np.where(away, usage.fee * unit / np.where(away, far, 1.0), 0.0)
            coarse = int((pull * 2.0**-20).astype(np.int64).sum()) if pull.max(initial=0.0) < 2.0**62 else 2**62
            budget = pull.astype(np.int64) if coarse < ROOMY else np.zeros_like(usage.fee)
            Split.BY_LISTENING.add(usage, budget, out[0])
            near = float(far[away & (usage.fee > 0)].min(initial=math.inf))
            sums.append((coarse, sum_exactly(budget), sum_exactly(usage.fee[~away]), near))

        return visit


def largest_force(usage: Usage, point: Floats, square: int) -> float:
    """Return the largest fee / distance of a block; a maximum of floats knows no order."""
    far = distances(usage, point, square)
    return float((usage.fee[far > 0] / far[far > 0]).max(initial=0.0))


def extreme_user(month: Month, point: Floats, *, farthest: bool = False) -> Floats:
    """Return the shares of the nearest paying user that is not at the point, or of the farthest.

    If tied, the smallest by artists and shares.
    """
    from fairpay.kernels import shares as kernel  # noqa: PLC0415 - Numba is loaded where it is used

    square, sign = kernel.squares(point), -1.0 if farthest else 1.0

    def pick(usage: Usage) -> tuple[float, tuple[tuple[int, float], ...]]:
        far = distances(usage, point, square)
        keys = np.where((usage.fee > 0) & (farthest | (far > 0)), sign * far, math.inf)
        least = float(keys.min(initial=math.inf))
        if least == math.inf:
            return least, ()
        return least, min(shares_of(usage, int(u)) for u in np.flatnonzero(keys == least))

    found = np.zeros_like(point)
    for artist, share in min(month.each(pick))[1]:
        found[artist] = share
    return found


def shares_of(usage: Usage, user: int) -> tuple[tuple[int, float], ...]:
    """Return one user's (artist, share), in artist order."""
    mine = slice(int(usage.start[user]), int(usage.start[user + 1]))
    shares = usage.amount[mine] / usage.whole[user]
    return tuple(sorted(zip(usage.artist[mine].tolist(), shares.tolist(), strict=True)))


def approach(walker: WeiszfeldWalk, place: Location) -> Location:
    """Make up to `ROUND` steps; end early where the residual is `CLOSE` to zero."""
    close = CLOSE * walker.month.facts.fees
    for _ in range(ROUND):
        if place.residual <= close:
            break
        place = walker.look(place.next())
    return place


def on_a_line(month: Month, mean: Floats) -> Floats | None:
    """Return the geometric median nearest to `mean`, or None where the paying users are not on one line through it.

    On a line, as with two artists, it is a median by weight, and a whole interval may be best; elsewhere it is unique.
    """
    from fairpay.kernels import shares as kernel  # noqa: PLC0415 - Numba is loaded where it is used

    direction = extreme_user(month, mean, farthest=True) - mean
    span = length(direction)
    if span == 0.0:
        return mean
    direction /= span
    square, offset = kernel.squares(mean), float((mean * direction).sum())

    def place(usage: Usage) -> tuple[Ints, Ints] | None:
        out = np.empty(usage.users, dtype=np.float64)
        kernel.along(usage.start, usage.artist, usage.amount, usage.whole, direction, offset, out)
        far = distances(usage, mean, square)
        off = np.abs(out) < far * (1.0 - FLAT) - FLAT - COARSE / np.where(far > 0, far, COARSE)
        if (off & (usage.fee > 0)).any():
            return None
        return np.round(out * FINE).astype(np.int64), usage.fee

    found = list(month.each(place))
    if any(part is None for part in found):
        return None
    places, fees = (np.concatenate(parts) for parts in zip(*filter(None, found), strict=True))
    low, high = medians(places, fees)
    return np.maximum(mean + min(max(0, low), high) / FINE * direction, 0.0)


def medians(places: Ints, fees: Ints) -> tuple[int, int]:
    """Return the lower and upper median of places weighted by fees, zero fees left out."""
    paying = fees > 0
    order = np.argsort(places[paying], kind="stable")
    places, mass = places[paying][order], np.cumsum(fees[paying][order])
    low = np.searchsorted(mass, (mass[-1] + 1) // 2)
    high = np.searchsorted(mass, mass[-1] // 2 + 1)
    return int(places[low]), int(places[high])
