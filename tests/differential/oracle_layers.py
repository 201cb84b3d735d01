"""From a log and all that is stated about it to listeners and a pool: by definition, in fractions, row by row."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from typing import TYPE_CHECKING

from oracle_rules import Listener, half_even

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from random_months import Limit, Month, Policy, Row

ZERO, ONE = Fraction(0), Fraction(1)
BLOCKED = "held:every artist blocked"

Key = tuple[str, str]
"""(artist or the line that is paid instead, track)."""


@dataclass(frozen=True)
class Play:
    """A row that counts: who is paid for it, and how much it weighs."""

    row: Row
    payee: str
    weight: Fraction


@dataclass(frozen=True)
class Heard:
    """One listener, by artist and by track."""

    user: str
    plays: int
    x: Mapping[str, Fraction]
    """By artist, after history and wishes."""
    tracks: Mapping[Key, Fraction]
    """What was listened to, by artist and track."""


@dataclass(frozen=True)
class Pot:
    """What is divided among whom."""

    pool: int
    rate: Fraction
    """The part of the fees of those who listened that is paid out."""
    listeners: tuple[Listener, ...]
    heard: tuple[Heard, ...]


def pot_of(month: Month) -> Pot:
    """The pool of `fairpay pay`, and its listeners with what each steers."""
    heard = listeners_of(month)
    fees = steered(month)
    if month.money == "subscribers" and month.unlisted == "leave-out":
        heard = [one for one in heard if one.user in fees]
    if month.money == "pool":
        each = {one.user: ONE for one in heard}
        pool, rate = half_even(month.amount * month.rate), month.rate
    elif month.money == "fee":
        each = {one.user: Fraction(month.amount) for one in heard}
        pool, rate = half_even(month.amount * len(heard) * month.rate), month.rate
    else:
        each, active = fees, sum((fees.get(one.user, ZERO) for one in heard), ZERO)
        shared = active if month.inactive == "hold" else sum(fees.values(), ZERO)
        pool = half_even(shared * month.rate)
        rate = month.rate * shared / active if active else ZERO
    listeners = tuple(Listener(each.get(one.user, ZERO), one.x, Fraction(one.plays)) for one in heard)
    return Pot(pool, rate, listeners, tuple(heard))


def status_of(month: Month, pot: Pot) -> int:
    """The exit status: wishes are refused of users who neither listened nor subscribe; nobody may be left to pay."""
    known = {one.user for one in listeners_of(month)} | set(month.paid)
    if any(user not in known for user, *_ in month.wishes):
        return 3
    return 0 if pot.listeners else 5


def is_timed(month: Month) -> bool:
    """Whether listening is time: where the log has a duration and nobody asks for plays."""
    asked = month.measure or (month.policy.measure if month.policy else None)
    return "ms" in month.columns and asked != "plays"


def qualified(month: Month) -> list[Row]:
    """Rows whose mean length per play reaches the least; where listening is time, no time is nothing played."""
    least = 30 if month.min_seconds is None else month.min_seconds
    rows = [row for row in month.rows if row.ms or not is_timed(month)]
    return [row for row in rows if "ms" not in month.columns or row.ms >= 1000 * least * row.plays]


def unit(month: Month, limit: Limit, row: Row) -> tuple[str, ...]:
    """What a limit counts by: the artist, or the track of an artist; the artist for want of a track column."""
    return (row.artist, row.track) if limit.per == "track" and "track" in month.columns else (row.artist,)


def plays_of(month: Month) -> list[Play]:
    """What counts: qualified, not excluded, weighed."""
    rows = qualified(month)
    decided = {(kind, subject): decision for kind, subject, decision in month.decisions}
    found = []
    for row in rows:
        words = [
            (kind, who, decided.get((kind, who), "keep")) for kind, who in (("user", row.user), ("artist", row.artist))
        ]
        weight = ONE
        for _, _, word in words:
            weight *= Fraction(word.split()[1]) if word.startswith("weight") else ZERO if word == "exclude" else ONE
        held = [f"held:{mark(kind, who)}" for kind, who, word in words if word == "hold"]
        weight *= factor(month, month.policy, row, rows) if month.policy else ONE
        if weight:
            found.append(Play(row, held[0] if held else row.artist, weight))
    return found


def mark(kind: str, subject: str) -> str:
    """What stands for a held id."""
    return sha256(f"{kind}\0{subject}".encode()).hexdigest()[:32]


def too_short(month: Month, policy: Policy, row: Row) -> bool:
    """Whether a play is shorter than a weight that it meets asks: it is no stream."""
    met = [
        one for one in policy.weights if one.column in month.columns and getattr(row, one.column).lower() in one.values
    ]
    return "ms" in month.columns and any(row.ms < 1000 * one.min_seconds * row.plays for one in met)


def factor(month: Month, policy: Policy, row: Row, rows: Sequence[Row]) -> Fraction:
    """What a policy makes of a play; streams and listeners are those of qualified plays before any weight."""
    if too_short(month, policy, row):
        return ZERO
    times = ONE
    for weight in policy.weights:
        if weight.column in month.columns and getattr(row, weight.column).lower() in weight.values:
            times *= weight.times
    streaming = [other for other in rows if not too_short(month, policy, other)]
    for limit in policy.limits:
        same = [other for other in streaming if unit(month, limit, other) == unit(month, limit, row)]
        streams, listeners = sum(other.plays for other in same), len({other.user for other in same})
        reached = streams >= limit.streams and listeners >= limit.listeners
        if limit.times is None:
            times *= reached
        elif reached:
            times *= limit.times
    return times


def listeners_of(month: Month) -> list[Heard]:
    """Each user's listening by artist, divided anew by history and wishes; users without any are left out."""
    timed = is_timed(month)
    tracks: dict[str, dict[Key, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    plays: dict[str, int] = defaultdict(int)
    for play in plays_of(month):
        amount = (play.row.ms if timed else play.row.plays) * play.weight
        plays[play.row.user] += play.row.plays
        if amount:
            tracks[play.row.user][play.payee, play.row.track] += amount
    found = []
    for user in sorted(tracks):
        x: dict[str, Fraction] = defaultdict(Fraction)
        for (artist, _), amount in tracks[user].items():
            x[artist] += amount
        found.append(Heard(user, plays[user], divided_anew(month, user, x, plays[user]), tracks[user]))
    return found


def divided_anew(month: Month, user: str, x: Mapping[str, Fraction], plays: int) -> dict[str, Fraction]:
    """Add k h, then gifts and what is neither given nor blocked; the sum stays what it was."""
    total = sum(x.values(), ZERO)
    past: dict[str, Fraction] = defaultdict(Fraction)
    for who, artist, number in month.history:
        if who == user and number:
            past[artist] += Fraction(number)
    mine = dict(x)
    remembered = sum(past.values(), ZERO)
    if remembered:
        # A past play is as long, or as heavy, as this month's plays of the same listener are in the mean.
        k = month.kappa * total / plays
        mine = {a: x.get(a, ZERO) + k * past[a] / remembered for a in {*x, *past}}
    wishes = {artist: (kind, amount) for who, artist, kind, amount in month.wishes if who == user}
    if wishes:
        mine = wished(mine, past, wishes)
    whole = sum(mine.values(), ZERO)
    return {artist: share * total / whole for artist, share in mine.items() if share}


def wished(
    mine: Mapping[str, Fraction], past: Mapping[str, Fraction], wishes: Mapping[str, tuple[str, str]]
) -> dict[str, Fraction]:
    """T = g + (1 - |g|) (s m) / |s m|; the past, then nobody, where all that was played is blocked."""
    gifts = {a: number(amount) for a, (kind, amount) in wishes.items() if kind == "gift"}
    given = sum(gifts.values(), ZERO)

    def masked(s: Mapping[str, Fraction]) -> dict[str, Fraction]:
        times = {
            a: ZERO if kind == "block" else number(amount) for a, (kind, amount) in wishes.items() if kind != "gift"
        }
        return {a: amount * times.get(a, ONE) for a, amount in s.items()}

    own = masked(mine)
    if not any(own.values()) and not given:
        own = masked(past)
        if not any(own.values()):
            return {BLOCKED: ONE}
    whole = sum(own.values(), ZERO)
    if not whole:
        return gifts
    return {a: gifts.get(a, ZERO) + (1 - given) * own.get(a, ZERO) / whole for a in {*gifts, *own}}


def number(text: str) -> Fraction:
    """10%, 0.1 or 1/10."""
    return Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)


def steered(month: Month) -> dict[str, Fraction]:
    """What each subscriber steers: what was paid, less what flows to delegates, plus what comes in; nothing rounded."""
    fees = {user: Fraction(paid) for user, paid in month.paid.items()}
    given: dict[str, dict[str, Fraction]] = defaultdict(dict)
    for giver, taker, share in month.delegations:
        given[giver][taker] = number(share) * month.viscosity
    power = flow(fees, given, month.delegate_cap)
    raw = {u: sum((power[g] * s.get(u, ZERO) for g, s in given.items()), ZERO) for u in fees}
    taken = {u: min(ONE, month.delegate_cap * fees[u] / raw[u]) if raw[u] else ONE for u in fees}
    return {u: power[u] * (1 - sum((s * taken[t] for t, s in given.get(u, {}).items()), ZERO)) for u in fees}


def flow(
    fees: Mapping[str, Fraction], given: Mapping[str, Mapping[str, Fraction]], cap: Fraction
) -> dict[str, Fraction]:
    """Solve y = f + min(D'y, M f): who is held to the cap is settled step by step, from above."""
    users, capped = sorted(fees), set[str]()
    while True:
        matrix = []
        for u in users:
            line = [ONE if u == v else ZERO for v in users]
            if u not in capped:
                line = [a - given.get(v, {}).get(u, ZERO) for a, v in zip(line, users, strict=True)]
            matrix.append([*line, fees[u] * (1 + cap) if u in capped else fees[u]])
        power = dict(zip(users, solve(matrix), strict=True))
        over = {u for u in users if sum((power[g] * s.get(u, ZERO) for g, s in given.items()), ZERO) > cap * fees[u]}
        if over == capped:
            return power
        capped = over


def solve(rows: list[list[Fraction]]) -> list[Fraction]:
    """Gauss's elimination."""
    size = len(rows)
    for i in range(size):
        best = next(k for k in range(i, size) if rows[k][i])
        rows[i], rows[best] = rows[best], rows[i]
        for k in range(size):
            if k != i and rows[k][i]:
                times = rows[k][i] / rows[i][i]
                rows[k] = [a - times * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [rows[i][size] / rows[i][i] for i in range(size)]


def in_territory(month: Month, territory: str) -> Month:
    """The rows of one pool."""
    return replace(month, rows=tuple(row for row in month.rows if row.territory == territory))
