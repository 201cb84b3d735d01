"""Every payout rule by its definition, in fractions: slow, short, and written from the published formulas alone.

Nothing here knows fairpay. A rule gives each artist a share of the pool; where a root makes it irrational, the share is
right to 200 bits, and remainders nearer than 2^-64 of a minor unit are taken as equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isqrt
from typing import TYPE_CHECKING

from oracle_medians import geometric_median, independent_markets, medians

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

BITS = 200
"""Bits kept below the point where a number is irrational."""
ONE = 1 << BITS
GRAIN = Fraction(1, 2**64)
ZERO = Fraction(0)

Shares = dict[str, Fraction]


@dataclass(frozen=True)
class Listener:
    """One user: what they paid, what they listened to, and in how many plays."""

    fee: Fraction
    x: Mapping[str, Fraction]
    """artist -> listening, each above 0."""
    plays: Fraction

    @cached_property
    def total(self) -> Fraction:
        """L_u."""
        return sum(self.x.values(), ZERO)


@dataclass(frozen=True)
class Rule:
    """A rule and its parameters, as text."""

    name: str
    set: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """As it is given to `--rule`."""
        return self.name + (":" + ",".join(f"{key}={value}" for key, value in self.set) if self.set else "")

    def get(self, key: str, default: str) -> str:
        """One parameter."""
        return dict(self.set).get(key, default)

    def number(self, key: str, default: str) -> Fraction:
        """One parameter as a number: 10%, 0.1 or 1/10."""
        text = self.get(key, default)
        return Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)


@dataclass(frozen=True)
class Divided:
    """What a rule says of a month."""

    shares: Shares
    """artist -> share of the pool, in any unit."""
    parts: tuple[Shares, ...] | None
    """For each listener, what of the shares it brought; None where the rule solves for all together."""


def divide(rule: Rule, listeners: Sequence[Listener], rate: Fraction, *, timed: bool = False) -> Divided:
    """Divide by a rule; `rate` is the part of the fees of those who listened that is paid out.

    Where listening is time, a play of an artist is as long as the mean play.
    """
    if rule.name == "mix":
        return mixed(rule, listeners, rate, timed=timed)
    if rule.name in OF_SUMS:
        play = sum(u.total for u in listeners) / sum(u.plays for u in listeners) if timed else Fraction(1)
        sums = added([u.x for u in listeners])
        return Divided({artist: OF_SUMS[rule.name](rule, x / play) for artist, x in sums.items()}, None)
    if rule.name in TOGETHER:
        return Divided(TOGETHER[rule.name](listeners), None)
    parts = tuple(LINEAR[rule.name](rule, listeners, rate))
    return Divided(added(parts), parts)


def added(parts: Sequence[Mapping[str, Fraction]]) -> Shares:
    """Add up artist by artist."""
    shares: Shares = {}
    for part in parts:
        for artist, share in part.items():
            shares[artist] = shares.get(artist, ZERO) + share
    return shares


def mixed(rule: Rule, listeners: Sequence[Listener], rate: Fraction, *, timed: bool) -> Divided:
    """A share of the pool by one rule, the rest by another."""
    share = rule.number("share", "1/2")
    found: Shares = {}
    for text, part in zip(rule.get("rules", "market-centric+user-centric").split("+"), (share, 1 - share), strict=True):
        name, _, parameters = text.partition(":")
        given = (one.partition("=") for one in parameters.split(";") if one)
        if not part:
            continue
        shares = divide(Rule(name, tuple((key, value) for key, _, value in given)), listeners, rate, timed=timed).shares
        if not sum(shares.values()):
            return Divided({}, None)
        for artist, x in shares.items():
            found[artist] = found.get(artist, ZERO) + part * x / sum(shares.values())
    return Divided(found, None)


def growing(rule: Rule, x: Fraction) -> Fraction:
    """Plays of an artist, each counting less from band to band."""
    above = [Fraction(text) for text in rule.get("above", "100000").split("+")]
    values = [Fraction(text) for text in rule.get("values", "1/2").split("+")]
    counted = min(x, above[0])
    for low, high, value in zip(above, [*above[1:], x], values, strict=True):
        counted += value * max(ZERO, min(x, max(low, high)) - low)
    return counted


def pay(shares: Mapping[str, Fraction], pool: int) -> dict[str, int]:
    """Divide minor units by largest remainder; equal remainders go to the smaller id in byte order."""
    whole = sum(shares.values(), ZERO)
    exact = {artist: pool * share / whole for artist, share in shares.items()} if whole else {}
    snapped = {artist: round(amount / GRAIN) * GRAIN for artist, amount in exact.items()}
    paid = {artist: int(amount // 1) for artist, amount in snapped.items()}
    left = pool - sum(paid.values())
    for artist in sorted(paid, key=lambda a: (-(snapped[a] % 1), a.encode()))[:left]:
        paid[artist] += 1
    return paid


def half_even(amount: Fraction) -> int:
    """Round to the nearest whole number, a half to the even one."""
    return round(amount)


def root(value: Fraction, degree: int) -> Fraction:
    """The root of a fraction: exact where it is a fraction, else to 200 bits below the point."""
    up, down = whole_root(value.numerator, degree), whole_root(value.denominator, degree)
    if up**degree == value.numerator and down**degree == value.denominator:
        return Fraction(up, down)
    return Fraction(whole_root((value.numerator << degree * BITS) // value.denominator, degree), 1 << BITS)


def whole_root(value: int, degree: int) -> int:
    """The whole part of a root."""
    if degree == 1 or value < 2:
        return value
    if degree == 2:
        return isqrt(value)
    guess = 1 << -(-value.bit_length() // degree)
    while (better := ((degree - 1) * guess + value // guess ** (degree - 1)) // degree) < guess:
        guess = better
    return guess


def by_share(listeners: Sequence[Listener], weights: Sequence[Fraction]) -> list[Shares]:
    """W_u s_uj: each listener's weight, divided by share of listening."""
    each = [Fraction(weight) / u.total for u, weight in zip(listeners, weights, strict=True)]
    return [{artist: part * x for artist, x in u.x.items()} for u, part in zip(listeners, each, strict=True)]


def market_centric(_: Rule, listeners: Sequence[Listener], __: Fraction) -> list[Shares]:
    """W = L."""
    return by_share(listeners, [u.total for u in listeners])


def user_centric(_: Rule, listeners: Sequence[Listener], __: Fraction) -> list[Shares]:
    """W = f."""
    return by_share(listeners, [u.fee for u in listeners])


def equal_split(_: Rule, listeners: Sequence[Listener], __: Fraction) -> list[Shares]:
    """W = f, q = 1 / |L_u|."""
    return [{artist: u.fee / len(u.x) for artist in u.x} for u in listeners]


def weighted(rule: Rule, listeners: Sequence[Listener], _: Fraction) -> list[Shares]:
    """W = f^(1 - beta) L^beta."""
    beta = rule.number("beta", "1/2")
    up, down = beta.numerator, beta.denominator
    return by_share(listeners, [root(u.fee ** (down - up) * u.total**up, down) for u in listeners])


def norm(rule: Rule, listeners: Sequence[Listener], _: Fraction) -> list[Shares]:
    """W = f |x|_1 / |x|_p."""
    if rule.get("p", "2") == "inf":
        return by_share(listeners, [u.fee * u.total / max(u.x.values()) for u in listeners])
    p = rule.number("p", "2")
    up, down = p.numerator, p.denominator
    lengths = [root(sum((root(x**up, down) for x in u.x.values()), ZERO) ** down, up) for u in listeners]
    return by_share(listeners, [u.fee * u.total / length for u, length in zip(listeners, lengths, strict=True)])


def user_cap(rule: Rule, listeners: Sequence[Listener], _: Fraction) -> list[Shares]:
    """W = L (min(N, c) + tail max(0, N - c)) / N; with `boosts=before` of weighted plays, so that N is L."""
    cap, tail = rule.number("cap", "1000"), rule.number("tail", "0")
    if rule.get("boosts", "after") == "before":
        return by_share(listeners, [min(u.total, cap) + tail * max(ZERO, u.total - cap) for u in listeners])
    counted = [(min(u.plays, cap) + tail * max(ZERO, u.plays - cap)) / u.plays for u in listeners]
    return by_share(listeners, [u.total * part for u, part in zip(listeners, counted, strict=True)])


def top_artist(rule: Rule, listeners: Sequence[Listener], _: Fraction) -> list[Shares]:
    """A share of the fee to the most played, ties equally; the rest market-centric."""
    share = rule.number("share", "1/10")
    fees, listening = (sum(values, ZERO) for values in ([u.fee for u in listeners], [u.total for u in listeners]))
    if not fees:
        return market_centric(rule, listeners, ZERO) if not share else [{} for _ in listeners]
    found = []
    for u in listeners:
        tops = [artist for artist, x in u.x.items() if x == max(u.x.values())]
        part = {artist: (1 - share) * x / listening for artist, x in u.x.items()}
        for artist in tops:
            part[artist] += share * u.fee / fees / len(tops)
        found.append(part)
    return found


def bounded(rule: Rule, listeners: Sequence[Listener], rate: Fraction) -> list[Shares]:
    """W = C_u = f psi(rho L / f), rho such that the C_u sum to b F."""
    b = rule.number("b", str(rate))
    fees = sum((u.fee for u in listeners), ZERO)
    if b >= 1:
        return user_centric(rule, listeners, rate)
    force = rule.get("force", "cap")
    if force == "cap":
        return by_share(listeners, capped(listeners, b * fees))
    return by_share(listeners, solved(listeners, b * fees, {"smooth": smooth, "bayes": bayes}[force]))


def capped(listeners: Sequence[Listener], target: Fraction) -> list[Fraction]:
    """Saturate the k heaviest per unit of fee, with the first k that is consistent."""
    paying = sorted((u for u in listeners if u.fee), key=lambda u: u.total / u.fee, reverse=True)
    for k in range(len(paying)):
        rho = (target - sum((u.fee for u in paying[:k]), ZERO)) / sum((u.total for u in paying[k:]), ZERO)
        if rho * paying[k].total <= paying[k].fee:
            return [min(u.fee, rho * u.total) for u in listeners]
    return [u.fee for u in listeners]


def smooth(fee: int, pull: int) -> int:
    """F r / sqrt(1 + r^2), r = pull / f; all in units of 2^-200."""
    return fee * pull // isqrt(fee**2 + pull**2)


def bayes(fee: int, pull: int) -> int:
    """F r / (1 + r), in these units."""
    return fee * pull // (fee + pull)


def solved(listeners: Sequence[Listener], target: Fraction, force: Callable[[int, int], int]) -> list[Fraction]:
    """Close in on the least rho that will do, as the sum rises with it: by the chord; an end that stays counts half."""
    people = [(int(u.fee * ONE), u.total.numerator, u.total.denominator) for u in listeners]

    def weights(rho: int) -> list[int]:
        return [force(fee, rho * up // down) if fee else 0 for fee, up, down in people]

    low, high, goal = 0, ONE, int(target * ONE)
    while sum(weights(high)) < goal:
        low, high = high, 2 * high
    lacks, over, rose = goal - sum(weights(low)), sum(weights(high)) - goal, None
    while high - low > 1:
        middle = min(max(low + (high - low) * lacks // max(1, lacks + over), low + 1), high - 1)
        found = sum(weights(middle)) - goal
        if found < 0:
            low, lacks, over, rose = middle, -found, over // 2 if rose is True else over, True
        else:
            high, over, lacks, rose = middle, found, lacks // 2 if rose is False else lacks, False
    return [Fraction(weight, ONE) for weight in weights(high)]


def together(rule: Callable[[list[tuple[Fraction, Shares]]], Shares]) -> Callable[[Sequence[Listener]], Shares]:
    """Hand a rule that solves for all listeners together their fees and shares; those who paid nothing have no say."""

    def shares(listeners: Sequence[Listener]) -> Shares:
        users = [(u.fee, {artist: x / u.total for artist, x in u.x.items()}) for u in listeners if u.fee]
        return rule(users) if users else {}

    return shares


LINEAR: Mapping[str, Callable[[Rule, Sequence[Listener], Fraction], list[Shares]]] = {
    "market-centric": market_centric,
    "user-centric": user_centric,
    "equal-split": equal_split,
    "weighted": weighted,
    "norm": norm,
    "user-cap": user_cap,
    "top-artist": top_artist,
    "bounded": bounded,
}
OF_SUMS: Mapping[str, Callable[[Rule, Fraction], Fraction]] = {
    "uniform": lambda _, x: Fraction(x > 0),
    "artist-cap": lambda rule, x: min(x, rule.number("cap", "1000000")),
    "artist-growth": growing,
}
TOGETHER: Mapping[str, Callable[[Sequence[Listener]], Shares]] = {
    "median": together(medians),
    "independent-markets": together(independent_markets),
    "geometric-median": together(geometric_median),
}
