"""The three rules that solve for all listeners together; users come as (fee, artist -> share), every fee above 0."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

ZERO = Fraction(0)
DIGITS = 80
CLOSE = Decimal(10) ** -45
"""Nearer than this is the same: coordinates are between 0 and 1."""

Users = list[tuple[Fraction, dict[str, Fraction]]]
Point = list[Decimal]


def medians(users: Users) -> dict[str, Fraction]:
    """The fee-weighted median of each artist's shares, the middle of an interval; user-centric where all are zero."""
    found = {artist: median([(q.get(artist, ZERO), fee) for fee, q in users]) for artist in artists_of(users)}
    return found if any(found.values()) else user_centric(users)


def median(shares: list[tuple[Fraction, Fraction]]) -> Fraction:
    """The middle of the values on either side of which lies at most half of the weight."""
    shares, half, below, low = sorted(shares), sum((fee for _, fee in shares), ZERO) / 2, ZERO, None
    for value, fee in shares:
        below += fee
        if low is None and below >= half:
            low = value
        if below > half:
            assert low is not None
            return (low + value) / 2
    raise AssertionError


def independent_markets(users: Users) -> dict[str, Fraction]:
    """max_l min(y_(l), t W_l) with the t at which all sum to 1; the sum is piecewise linear in t."""
    fees = sum((fee for fee, _ in users), ZERO)
    lines: dict[str, list[tuple[Fraction, Fraction]]] = {}
    for artist in artists_of(users):
        held, lines[artist] = ZERO, []
        for share, fee in sorted(((q[artist], fee) for fee, q in users if artist in q), reverse=True):
            held += fee / fees
            lines[artist].append((share, held))

    def out(t: Fraction) -> dict[str, Fraction]:
        return {artist: max(min(y, t * w) for y, w in line) for artist, line in lines.items()}

    bends = {y / w for line in lines.values() for y, _ in line for _, w in line}
    low, high = ZERO, max(bends)
    for t in sorted(bends):
        if sum(out(t).values(), ZERO) >= 1:
            high = t
            break
        low = t
    below, above = sum(out(low).values(), ZERO), sum(out(high).values(), ZERO)
    return out(low + (1 - below) * (high - low) / (above - below) if above > below else high)


def geometric_median(users: Users) -> dict[str, Fraction]:
    """The point of least fee-weighted distance; of several, the nearest to the user-centric point."""
    artists = artists_of(users)
    merged: dict[tuple[Fraction, ...], Fraction] = {}
    for fee, q in users:
        place = tuple(q.get(artist, ZERO) for artist in artists)
        merged[place] = merged.get(place, ZERO) + fee
    found = on_a_line(merged) or at_a_point(merged)
    if found is None:
        with localcontext() as context:
            context.prec = DIGITS
            found = tuple(map(simple, newton(merged)))
    return dict(zip(artists, found, strict=True))


def simple(coordinate: Decimal) -> Fraction:
    """The fraction of small terms that a coordinate is within its error of, if any, so that ties are ties."""
    near = Fraction(coordinate).limit_denominator(10**9)
    return near if abs(near - Fraction(coordinate)) < Fraction(1, 10**40) else Fraction(coordinate)


def on_a_line(points: dict[tuple[Fraction, ...], Fraction]) -> tuple[Fraction, ...] | None:
    """Where all points lie on a line the answer is the weighted median, what of it is nearest to the mean."""
    places = sorted(points)
    start = places[0]
    way = [b - a for a, b in zip(start, places[-1], strict=True)]
    if not any(way):
        return start
    axis = next(i for i, step in enumerate(way) if step)
    at = {place: (place[axis] - start[axis]) / way[axis] for place in places}
    if any(place != tuple(a + at[place] * step for a, step in zip(start, way, strict=True)) for place in places):
        return None
    half, below = sum(points.values(), ZERO) / 2, ZERO
    mean = sum((at[place] * fee for place, fee in points.items()), ZERO) / (2 * half)
    ordered = sorted(places, key=at.__getitem__)
    for i, place in enumerate(ordered):
        below += points[place]
        if below >= half:
            low, high = at[place], at[ordered[i + 1]] if below == half else at[place]
            return tuple(a + min(max(low, mean), high) * step for a, step in zip(start, way, strict=True))
    raise AssertionError


def at_a_point(points: dict[tuple[Fraction, ...], Fraction]) -> tuple[Fraction, ...] | None:
    """A user's own point is the answer where the pull of all others is no stronger than the fees that stand there."""
    with localcontext() as context:
        context.prec = DIGITS
        for place, fee in points.items():
            if length_of(pull_at(points, place)) <= decimal(fee) * (1 + CLOSE):
                return place
    return None


def pull_at(points: dict[tuple[Fraction, ...], Fraction], place: tuple[Fraction, ...]) -> Point:
    """The sum of the unit forces, times fees, of all who stand elsewhere."""
    pull = [Decimal(0)] * len(place)
    for other, fee in points.items():
        if other != place:
            way = [decimal(b - a) for a, b in zip(place, other, strict=True)]
            pull = [p + decimal(fee) * step / length_of(way) for p, step in zip(pull, way, strict=True)]
    return pull


def newton(points: dict[tuple[Fraction, ...], Fraction]) -> Point:
    """Damped Newton steps, from where the sum of distances is less than at every user's point, where it has a bend."""
    data = [([decimal(c) for c in place], decimal(fee)) for place, fee in points.items()]
    # The shares sum to one, so that the last artist's follows from the others'.
    best = min(points, key=lambda place: distance(data, [decimal(c) for c in place[:-1]]))
    z = [decimal(c) for c in best[:-1]]
    z = descend(data, z, pull_at(points, best)[:-1], least=Decimal(0))
    for _ in range(500):
        slope, bend = derivatives(data, z)
        step = solve(bend, [-s for s in slope])
        gain = -sum((s * d for s, d in zip(slope, step, strict=True)), Decimal(0))
        after = descend(data, z, step, least=gain / 10000)
        if max(abs(a - b) for a, b in zip(after, z, strict=True)) < CLOSE:
            return [*after, 1 - sum(after, Decimal(0))]
        z = after
    raise AssertionError


def descend(data: list[tuple[Point, Decimal]], z: Point, step: Point, *, least: Decimal) -> Point:
    """Go along a step, halved until the sum of distances falls by the least part of what the slope says."""
    reach, here = Decimal(1), distance(data, z)
    while reach > CLOSE:
        after = [a + reach * b for a, b in zip(z, step, strict=True)]
        if distance(data, after) < here - reach * least:
            return after
        reach /= 2
    return z


def ways(data: list[tuple[Point, Decimal]], z: Point) -> list[tuple[Point, Decimal, Decimal]]:
    """From each point to z: the way, its length, the fee."""
    full = [*z, 1 - sum(z)]
    found = []
    for place, fee in data:
        way = [a - b for a, b in zip(full, place, strict=True)]
        found.append((way, max(length_of(way), Decimal(10) ** -60), fee))
    return found


def distance(data: list[tuple[Point, Decimal]], z: Point) -> Decimal:
    """What is to be least."""
    return sum((fee * length for _, length, fee in ways(data, z)), Decimal(0))


def derivatives(data: list[tuple[Point, Decimal]], z: Point) -> tuple[Point, list[Point]]:
    """Slope and bend in the free coordinates."""
    size = len(z)
    slope = [Decimal(0)] * size
    bend = [[Decimal(0)] * size for _ in range(size)]
    for way, length, fee in ways(data, z):
        free = [way[i] - way[size] for i in range(size)]
        for i in range(size):
            slope[i] += fee * free[i] / length
            for j in range(size):
                bend[i][j] += fee * ((1 + (i == j)) / length - free[i] * free[j] / length**3)
    return slope, bend


def solve(matrix: list[Point], right: Point) -> Point:
    """Gauss's elimination with pivots."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for i in range(size):
        best = max(range(i, size), key=lambda k: abs(rows[k][i]))
        rows[i], rows[best] = rows[best], rows[i]
        for k in range(size):
            if k != i:
                times = rows[k][i] / rows[i][i]
                rows[k] = [a - times * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [rows[i][size] / rows[i][i] for i in range(size)]


def user_centric(users: Users) -> dict[str, Fraction]:
    """The mean of the shares by fee."""
    return {artist: sum((fee * q.get(artist, ZERO) for fee, q in users), ZERO) for artist in artists_of(users)}


def length_of(way: Point) -> Decimal:
    """The length of a step."""
    return sum((step * step for step in way), Decimal(0)).sqrt()


def artists_of(users: Users) -> list[str]:
    """Every artist with a share."""
    return sorted({artist for _, q in users for artist in q}, key=str.encode)


def decimal(value: Fraction) -> Decimal:
    """A fraction to the digits that are kept."""
    return Decimal(value.numerator) / Decimal(value.denominator)
