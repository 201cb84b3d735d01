"""Findings: who is worth a look, why, and how much money it is about, by money and never by score; else who is near."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from fairpay.money.currency import round_half_even
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from fairpay.fraud.signals import Floats, GroupSignal, Signal
    from fairpay.fraud.traces import Sketches
    from fairpay.kernels.arrays import Ints

__all__ = [
    "Evidence",
    "Finding",
    "FoundSubjects",
    "Missed",
    "Near",
    "find_groups",
    "findings",
    "group_name",
    "moved",
    "nearest",
    "percentiles",
    "rank",
]

Kind: TypeAlias = Literal["user", "artist"]
ENOUGH = 2
LEAST_ACCOUNTS = 3
NEAREST = 5
"""How many are named in a log in which nobody is worth a look."""


@dataclass(frozen=True, slots=True)
class FoundSubjects:
    """Everybody of one kind, users or artists, and what its signals say of them."""

    ids: pl.Series
    """Ascending; codes are places in it."""
    plays: Ints
    money: Sequence[Callable[[Ints], int | None]]
    """One per rule: what some of them move together, in minor units."""
    signals: tuple[Signal, ...]
    values: Mapping[str, Floats]
    levels: Mapping[str, float]
    """signal -> from where on a value is worth a look together with a signal of another aspect."""
    flagged: NDArray[np.bool_]
    """Who is worth a look: one signal that is enough by itself, or signals of two aspects together."""

    def reached(self, signal: Signal, who: Ints) -> NDArray[np.bool_]:
        """Say which of some subjects reach the weakest level at which a signal counts at all: bool[n]."""
        together = self.levels[signal.name]
        weakest = together if signal.low else min(together, signal.alone)
        return signal.reached(self.values[signal.name][who], weakest)

    def most(self, who: Ints) -> bool:
        """Say whether more than half of some subjects reach the same signal."""
        return any(2 * int(self.reached(signal, who).sum()) > len(who) for signal in self.signals)

    def reasons(self, who: int) -> tuple[str, ...]:
        """Say in words which signals one subject reaches."""
        one = np.array([who])
        return tuple(s.words(float(self.values[s.name][who])) for s in self.signals if self.reached(s, one)[0])


def rank(
    signals: Sequence[Signal],
    values: Mapping[str, Floats],
    ids: pl.Series,
    plays: Ints,
    money: Sequence[Callable[[Ints], int | None]] = (),
) -> FoundSubjects:
    """Compare values with their levels; two points are worth a look, and an aspect gives its best signal's points."""
    levels = {signal.name: signal.level(values[signal.name]) for signal in signals}
    points = {signal.aspect: np.zeros(len(ids), dtype=np.int64) for signal in signals}
    for signal in signals:
        found = values[signal.name]
        mine = np.where(signal.reached(found, signal.alone), ENOUGH, signal.reached(found, levels[signal.name]))
        points[signal.aspect] = np.maximum(points[signal.aspect], mine)
    total = sum(points.values(), start=np.zeros(len(ids), dtype=np.int64))
    return FoundSubjects(ids, plays, money, tuple(signals), values, levels, total >= ENOUGH)


def percentiles(values: Floats, who: Ints, *, low: bool) -> Floats:
    """Return which share of the log, in percent, is less conspicuous than each of some subjects; NaN stays NaN."""
    sign = -1 if low else 1
    known, mine = np.sort(sign * values[~np.isnan(values)]), sign * values[who]
    less = np.searchsorted(known, mine)
    return np.where(np.isnan(mine), np.nan, np.round(100 * less / max(1, len(known)), 4))


@dataclass(frozen=True, slots=True)
class AccountGroup:
    """Accounts that one or several signals put together."""

    users: Ints
    """int64[members]: ascending."""
    values: dict[str, float]
    """signal -> how strongly."""
    reasons: tuple[str, ...]


def find_groups(signals: Sequence[GroupSignal], sketches: Sketches, users: FoundSubjects) -> list[AccountGroup]:
    """Run the group signals, the largest groups first; a group most of whose members are known joins theirs."""
    found = [(signal, group) for signal in signals for group in signal.find(sketches)]
    found = [(signal, group) for signal, group in found if signal.enough or users.most(group.users)]
    found.sort(key=lambda one: (-len(one[1].users), int(one[1].users[0]), one[0].name))
    place = np.full(len(sketches.plays), -1, dtype=np.int64)
    groups: list[AccountGroup] = []
    for signal, group in found:
        value, words = {signal.name: group.value}, (signal.words(group),)
        homes = place[group.users]
        fresh = group.users[homes < 0]
        members = np.bincount(homes[homes >= 0], minlength=1)
        if 2 * members.max() >= len(group.users):
            home = int(members.argmax())
            known = groups[home]
            groups[home] = AccountGroup(np.union1d(known.users, fresh), value | known.values, known.reasons + words)
        elif len(fresh) >= LEAST_ACCOUNTS:
            home = len(groups)
            groups.append(AccountGroup(fresh, value, words))
        else:
            continue
        place[fresh] = home
    return groups


def group_name(users: Ints, ids: pl.Series) -> str:
    """Name a group by its members, so that the same accounts have the same name in every run."""
    return "group-" + sha256("\n".join(ids.gather(users).to_list()).encode()).hexdigest()[:12]


def moved(weight: Ints | None, pool: int) -> Callable[[Ints], int | None]:
    """Return what tells the money of some users together: the part of the pool their plays steer, in minor units.

    Weights are int64[users], None for rules under which no user has a part; then no money is known.
    """
    whole = 0 if weight is None else sum_exactly(weight)

    def of(users: Ints) -> int | None:
        if weight is None or not whole:
            return None
        return round_half_even(Fraction(sum_exactly(weight[users]) * pool, whole))

    return of


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was found, before anything is made of it for people."""

    users: FoundSubjects
    artists: FoundSubjects
    groups: Sequence[AccountGroup]
    signals: Sequence[Signal | GroupSignal]
    """Those that ran."""
    not_run: Mapping[str, str]
    """signal -> why it could not run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the result."""

    kind: Literal["group", "user", "artist"]
    subject: str
    """The id of a user or an artist; a group's name."""
    group: str
    """The group a user belongs to, a group's own name, or nothing."""
    members: int
    """Accounts in a group; 1 for users, 0 for artists."""
    plays: int
    money: tuple[int | None, ...]
    """Minor units, one per rule; None where a rule gives no part of the pool to a user."""
    reasons: tuple[str, ...]
    values: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """signal -> value and percentile; a group's percentile is NaN."""

    @property
    def order(self) -> tuple[int, str, str]:
        """What findings are sorted by: money under the first rule that says it, most first, then kind and id."""
        known = next((money for money in self.money if money is not None), 0)
        return (-known, self.kind, self.subject)


def findings(evidence: Evidence) -> list[Finding]:
    """Put the findings in order; the members of a group follow it, in the same order among themselves."""
    alone = evidence.users.flagged.copy()
    for group in evidence.groups:
        alone[group.users] = False
    blocks = [lines_of_group(evidence.users, group) for group in evidence.groups]
    blocks += [[one] for one in lines("user", evidence.users, np.flatnonzero(alone))]
    blocks += [[one] for one in lines("artist", evidence.artists, np.flatnonzero(evidence.artists.flagged))]
    return [one for block in sorted(blocks, key=lambda block: block[0].order) for one in block]


def lines_of_group(everybody: FoundSubjects, group: AccountGroup) -> list[Finding]:
    """Make the line of a group, with what most of its members do, and those of its members."""
    users, size = group.users, len(group.users)
    name = group_name(users, everybody.ids)
    reached = {signal: int(everybody.reached(signal, users).sum()) for signal in everybody.signals}
    head = Finding(
        kind="group",
        subject=name,
        group=name,
        members=size,
        plays=int(everybody.plays[users].sum()),
        money=tuple(money(users) for money in everybody.money),
        reasons=(*group.reasons, *most_do(reached, size)),
        values={signal: (value, np.nan) for signal, value in group.values.items()},
    )
    return [head, *sorted(lines("user", everybody, users, group=name), key=lambda one: one.order)]


def most_do(reached: Mapping[Signal, int], size: int) -> Iterable[str]:
    """Say which signals more than half of a group reach: `all 5 play around the clock`."""
    for signal, count in reached.items():
        if 2 * count > size:
            yield f"{'all' if count == size else f'{count:,} of'} {size:,} {signal.several}"


def lines(kind: Kind, everybody: FoundSubjects, who: Ints, *, group: str = "") -> list[Finding]:
    values = {
        s.name: (everybody.values[s.name][who], percentiles(everybody.values[s.name], who, low=s.low))
        for s in everybody.signals
    }
    return [
        Finding(
            kind=kind,
            subject=subject,
            group=group,
            members=int(kind == "user"),
            plays=int(everybody.plays[code]),
            money=tuple(money(who[k : k + 1]) for money in everybody.money),
            reasons=everybody.reasons(int(code)) or ("belongs to the group",),
            values={name: (float(value[k]), float(part[k])) for name, (value, part) in values.items()},
        )
        for k, (code, subject) in enumerate(zip(who, everybody.ids.gather(who), strict=True))
    ]


@dataclass(frozen=True, slots=True)
class Missed:
    """One value and the level it is held against."""

    signal: Signal
    value: float
    level: float
    alone: bool
    """Whether this level would be enough by itself; else a signal of another aspect is needed as well."""


@dataclass(frozen=True, slots=True)
class Near:
    """An account or an artist without a finding."""

    kind: Kind
    subject: str
    reached: float
    """From 0 to below 1: of a level that is enough by itself, or the mean of two that are together."""
    missed: tuple[Missed, ...]


def nearest(evidence: Evidence) -> list[Near]:
    """Return the five of all accounts and artists that come nearest, the nearest first; those without plays do not."""
    found = [*near("user", evidence.users), *near("artist", evidence.artists)]
    return sorted(found, key=lambda one: (-one.reached, one.kind, one.subject))[:NEAREST]


def near(kind: Kind, everybody: FoundSubjects) -> Iterator[Near]:
    """Find the nearest of one kind, by the arithmetic of `rank`: one level alone, or two of different aspects."""
    values, signals = everybody.values, everybody.signals
    alone = {one: closeness(one, values[one.name], one.alone) for one in signals}
    together = {one: closeness(one, values[one.name], everybody.levels[one.name]) for one in signals}
    aspects = [[one for one in signals if one.aspect == aspect] for aspect in dict.fromkeys(s.aspect for s in signals)]
    tops = np.sort([np.max([together[one] for one in some], axis=0) for some in aspects], axis=0)[-ENOUGH:]
    single, both = np.max(list(alone.values()), axis=0), np.minimum(tops, 1.0).sum(axis=0) / ENOUGH
    reached = np.where(everybody.flagged, 0.0, np.maximum(single, both))
    for who in np.argsort(-reached, kind="stable")[:NEAREST]:
        if single[who] >= both[who]:
            best = max(signals, key=lambda one: alone[one][who])
            missed = [Missed(best, float(values[best.name][who]), best.alone, alone=True)]
        else:
            most = [max(some, key=lambda one: together[one][who]) for some in aspects]
            most = sorted(most, key=lambda one: -together[one][who])[:ENOUGH]
            held = [one for one in most if together[one][who]]
            missed = [
                Missed(one, float(values[one.name][who]), everybody.levels[one.name], alone=False) for one in held
            ]
        if reached[who]:
            yield Near(kind, everybody.ids[int(who)], float(reached[who]), tuple(missed))


def closeness(signal: Signal, values: Floats, level: float) -> Floats:
    """Return what part of a level each value is; 0 where there is no such level, or nothing was measured."""
    if not np.isfinite(level):
        return np.zeros(len(values))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(level / values if signal.low else values / level, posinf=1.0)
