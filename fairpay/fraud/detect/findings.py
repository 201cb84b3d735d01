"""Findings: who is worth a look, why, and how much money it is about; by money, never by score."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairpay.money.currency import round_half_even
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from fairpay.fraud.signals import Floats, GroupSignal, Signal
    from fairpay.fraud.traces import Sketches
    from fairpay.kernels.arrays import Ints

__all__ = [
    "Evidence",
    "Finding",
    "FoundSubjects",
    "find_groups",
    "findings",
    "group_name",
    "moved",
    "percentiles",
    "rank",
]

ENOUGH = 2
LEAST_ACCOUNTS = 3


@dataclass(frozen=True, slots=True)
class Ranked:
    """What one kind of signal says of everybody."""

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


def rank(signals: Sequence[Signal], values: Mapping[str, Floats], subjects: int) -> Ranked:
    """Compare values with their levels; two points are worth a look, and an aspect gives its best signal's points."""
    levels = {signal.name: signal.level(values[signal.name]) for signal in signals}
    points = {signal.aspect: np.zeros(subjects, dtype=np.int64) for signal in signals}
    for signal in signals:
        found = values[signal.name]
        mine = np.where(signal.reached(found, signal.alone), ENOUGH, signal.reached(found, levels[signal.name]))
        points[signal.aspect] = np.maximum(points[signal.aspect], mine)
    total = sum(points.values(), start=np.zeros(subjects, dtype=np.int64))
    return Ranked(tuple(signals), values, levels, total >= ENOUGH)


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


def find_groups(signals: Sequence[GroupSignal], sketches: Sketches, ranked: Ranked) -> list[AccountGroup]:
    """Run the group signals, the largest groups first; a group most of whose members are known joins theirs."""
    found = [(signal, group) for signal in signals for group in signal.find(sketches)]
    found = [(signal, group) for signal, group in found if signal.enough or ranked.most(group.users)]
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
class FoundSubjects:
    """Everybody of one kind, users or artists."""

    ids: pl.Series
    """Ascending; codes are places in it."""
    ranked: Ranked
    plays: Ints
    money: Sequence[Callable[[Ints], int | None]]
    """One per rule: what some of them move together, in minor units."""


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
    alone = evidence.users.ranked.flagged.copy()
    for group in evidence.groups:
        alone[group.users] = False
    blocks = [lines_of_group(evidence.users, group) for group in evidence.groups]
    blocks += [[one] for one in lines("user", evidence.users, np.flatnonzero(alone))]
    blocks += [[one] for one in lines("artist", evidence.artists, np.flatnonzero(evidence.artists.ranked.flagged))]
    return [one for block in sorted(blocks, key=lambda block: block[0].order) for one in block]


def lines_of_group(everybody: FoundSubjects, group: AccountGroup) -> list[Finding]:
    """Make the line of a group, with what most of its members do, and those of its members."""
    users, ranked, size = group.users, everybody.ranked, len(group.users)
    name = group_name(users, everybody.ids)
    reached = {signal: int(ranked.reached(signal, users).sum()) for signal in ranked.signals}
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


def lines(kind: Literal["user", "artist"], everybody: FoundSubjects, who: Ints, *, group: str = "") -> list[Finding]:
    ranked = everybody.ranked
    values = {
        s.name: (ranked.values[s.name][who], percentiles(ranked.values[s.name], who, low=s.low)) for s in ranked.signals
    }
    return [
        Finding(
            kind=kind,
            subject=subject,
            group=group,
            members=int(kind == "user"),
            plays=int(everybody.plays[code]),
            money=tuple(money(who[k : k + 1]) for money in everybody.money),
            reasons=ranked.reasons(int(code)) or ("belongs to the group",),
            values={name: (float(value[k]), float(part[k])) for name, (value, part) in values.items()},
        )
        for k, (code, subject) in enumerate(zip(who, everybody.ids.gather(who), strict=True))
    ]
