"""Every rule's weights as exact fractions, written the obvious way: `exact_<name>(rule, listeners, artists, alpha)`.

Where a rule needs roots, the answer is a fraction right to more than 100 bits.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import naive_median

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from naive import Listener

BITS = 120
"""Bits kept where a root is irrational."""
POINT = 96
"""Bits below the point where a rate is bisected."""


def by_share(listeners: Sequence[Listener], budgets: Sequence[Fraction | int], artists: int) -> list[Fraction]:
    """Split each user's budget by share of listening."""
    out = [Fraction(0)] * artists
    for u, budget in zip(listeners, budgets, strict=True):
        if budget:
            each = Fraction(budget) / u.total
            for j, x in u.amounts.items():
                out[j] += each * x
    return out


def root(value: Fraction, degree: int) -> Fraction:
    """The `degree`-th root to about BITS bits below the point (exact where it is a whole power)."""
    scaled = (value.numerator << (degree * BITS)) // value.denominator
    if degree == 1:
        return value
    if degree == 2:
        return Fraction(math.isqrt(scaled), 1 << BITS)
    low, high = 0, 1 << (scaled.bit_length() // degree + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**degree <= scaled else (low, middle)
    return Fraction(low, 1 << BITS)


def exact_market_centric(_: Any, listeners: Sequence[Listener], artists: int, __: Fraction) -> list[Fraction]:  # noqa: ANN401
    """By listening."""
    return by_share(listeners, [u.total for u in listeners], artists)


def exact_user_centric(_: Any, listeners: Sequence[Listener], artists: int, __: Fraction) -> list[Fraction]:  # noqa: ANN401
    """By fee."""
    return by_share(listeners, [u.fee for u in listeners], artists)


def exact_equal_split(_: Any, listeners: Sequence[Listener], artists: int, __: Fraction) -> list[Fraction]:  # noqa: ANN401
    """The fee in equal parts to each artist played."""
    out = [Fraction(0)] * artists
    for u in listeners:
        for j in u.amounts:
            out[j] += Fraction(u.fee, len(u.amounts))
    return out


def exact_user_cap(rule: Any, listeners: Sequence[Listener], artists: int, _: Fraction) -> list[Fraction]:  # noqa: ANN401
    """Plays up to the cap count fully, the rest at `tail`."""
    budgets = [u.total * (min(u.plays, rule.cap) + rule.tail * max(0, u.plays - rule.cap)) / u.plays for u in listeners]
    return by_share(listeners, budgets, artists)


def exact_weighted(rule: Any, listeners: Sequence[Listener], artists: int, _: Fraction) -> list[Fraction]:  # noqa: ANN401
    """f^(1-beta) L^beta, by integer roots."""
    up, down = rule.beta.numerator, rule.beta.denominator
    return by_share(listeners, [root(Fraction(u.fee ** (down - up) * u.total**up), down) for u in listeners], artists)


def exact_norm(rule: Any, listeners: Sequence[Listener], artists: int, _: Fraction) -> list[Fraction]:  # noqa: ANN401
    """Exactly f |x|_1 / |x|_p, for whole p and infinity."""
    if rule.p == "inf":
        return by_share(listeners, [Fraction(u.fee * u.total, max(u.amounts.values())) for u in listeners], artists)
    p = int(rule.p)
    norms = [root(Fraction(sum(x**p for x in u.amounts.values())), p) for u in listeners]
    return by_share(listeners, [u.fee * u.total / norm for u, norm in zip(listeners, norms, strict=True)], artists)


def exact_bounded(rule: Any, listeners: Sequence[Listener], artists: int, alpha: Fraction) -> list[Fraction]:  # noqa: ANN401
    """Solve for rho, then C_u."""
    b = alpha if rule.b is None else rule.b
    if b >= 1:
        return exact_user_centric(rule, listeners, artists, alpha)
    target = b * sum(u.fee for u in listeners)
    solve = {"cap": cap_budgets, "smooth": smooth_budgets, "bayes": bayes_budgets}[rule.force]
    return by_share(listeners, solve(listeners, target), artists)


def cap_budgets(listeners: Sequence[Listener], target: Fraction) -> list[Fraction]:
    """Saturate the heaviest per unit of fee, one after another, until rho is consistent."""
    paying = [u for u in listeners if u.fee]
    order = sorted(paying, key=lambda u: Fraction(u.total, u.fee), reverse=True)
    rate = Fraction(0)
    for k in range(len(order)):
        rate = (target - sum(u.fee for u in order[:k])) / sum(u.total for u in order[k:])
        if rate * order[k].total <= order[k].fee:
            break
    return [min(Fraction(u.fee), rate * u.total) for u in listeners]


def smooth_budgets(listeners: Sequence[Listener], target: Fraction) -> list[Fraction]:
    """C = f rho L / sqrt(f^2 + (rho L)^2)."""
    return solve_rate(listeners, target, lambda fee, pull: (fee * pull << POINT) // math.isqrt(fee**2 + pull**2))


def bayes_budgets(listeners: Sequence[Listener], target: Fraction) -> list[Fraction]:
    """C = f rho L / (f + rho L)."""
    return solve_rate(listeners, target, lambda fee, pull: (fee * pull << POINT) // (fee + pull))


def solve_rate(listeners: Sequence[Listener], target: Fraction, force: Callable[[int, int], int]) -> list[Fraction]:
    """Bisect rho in fixed point, 96 bits below the point, then return the budgets.

    `force` takes fee and rho L with 96 bits below the point, and gives C with 192.
    """

    def budgets(rate: int) -> list[int]:
        return [force(u.fee << POINT, rate * u.total) if u.fee else 0 for u in listeners]

    goal = (target.numerator << 2 * POINT) // target.denominator
    low = goal // sum(u.total for u in listeners) >> POINT
    high = max(1, 2 * low)
    while target and sum(budgets(high)) < goal:
        low, high = high, high * 4
    low = max(0, low - 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sum(budgets(middle)) < goal else (low, middle)
    return [Fraction(c, 1 << 2 * POINT) for c in budgets(high)]


def exact_top_artist(rule: Any, listeners: Sequence[Listener], artists: int, _: Fraction) -> list[Fraction]:  # noqa: ANN401
    """A share of each fee to the most played artists, the rest by listening; each part a share of one."""
    top = [Fraction(0)] * artists
    for u in listeners:
        best = [j for j, x in u.amounts.items() if x == max(u.amounts.values())]
        for j in best:
            top[j] += Fraction(u.fee, len(best))
    market = exact_market_centric(rule, listeners, artists, Fraction(1))
    fees, heard = sum(top), sum(market)
    if not fees:
        return market if rule.share == 0 else top
    return [rule.share * a / fees + (1 - rule.share) * b / heard for a, b in zip(top, market, strict=True)]


def shares_of(listeners: Sequence[Listener], artist: int) -> list[tuple[Fraction, int]]:
    """(share, fee) of every user for one artist."""
    return [(Fraction(u.amounts.get(artist, 0), u.total), u.fee) for u in listeners]


def exact_median(rule: Any, listeners: Sequence[Listener], artists: int, alpha: Fraction) -> list[Fraction]:  # noqa: ANN401
    """The middle of the interval of fee-weighted medians, per artist; user-centric where every median is zero."""
    fees = sum(u.fee for u in listeners)
    out = []
    for j in range(artists):
        ordered = sorted(shares_of(listeners, j))
        low = next(v for i, (v, _) in enumerate(ordered) if 2 * sum(f for _, f in ordered[: i + 1]) >= fees)
        over = (v for i, (v, _) in enumerate(ordered) if 2 * sum(f for _, f in ordered[: i + 1]) > fees)
        out.append((low + next(over, ordered[-1][0])) / 2)
    return out if any(out) else exact_user_centric(rule, listeners, artists, alpha)


def exact_independent_markets(_: Any, listeners: Sequence[Listener], artists: int, __: Fraction) -> list[Fraction]:  # noqa: ANN401
    """Find t between its exact breakpoints; between two of them the sum is a straight line."""
    fees = sum(u.fee for u in listeners)
    if not fees:
        return [Fraction(0)] * artists
    curves = []
    for j in range(artists):
        mass, curve = Fraction(0), []
        for share, fee in sorted(((s, f) for s, f in shares_of(listeners, j) if s and f), reverse=True):
            mass += Fraction(fee, fees)
            curve.append((share, mass))
        curves.append(curve)

    def at(t: Fraction) -> list[Fraction]:
        return [max((min(y, t * w) for y, w in curve), default=Fraction(0)) for curve in curves]

    marks = {Fraction(0), Fraction(1)}
    for curve in curves:
        marks |= {y / w for y, w in curve} | {y / w for (y, _), (_, w) in zip(curve[1:], curve, strict=False)}
    marks = sorted(t for t in marks if t <= 1)
    low, high = 0, len(marks) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sum(at(marks[middle])) <= 1 else (low, middle)
    below, above = sum(at(marks[low])), sum(at(marks[high]))
    if above <= 1:
        return at(marks[high])
    return at(marks[low] + (marks[high] - marks[low]) * (1 - below) / (above - below))


def exact_geometric_median(_: Any, listeners: Sequence[Listener], artists: int, __: Fraction) -> list[Fraction]:  # noqa: ANN401
    """The point of `naive_median`, right to more than 30 digits."""
    fees: dict[tuple[Fraction, ...], int] = {}
    for u in listeners:
        if u.fee:
            shares = tuple(Fraction(u.amounts.get(j, 0), u.total) for j in range(artists))
            fees[shares] = fees.get(shares, 0) + u.fee
    return naive_median.median_point(fees) if fees else [Fraction(0)] * artists
