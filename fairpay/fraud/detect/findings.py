"""Findings: who is worth a look, why, and how much money it is about; by money, never by score."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairpay.fraud.detect.ranking import group_name, percentiles
from fairpay.money.currency import round_half_even
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from fairpay.fraud.detect.ranking import AccountGroup, Ranked
    from fairpay.fraud.signal import GroupSignal, Signal
    from fairpay.kernels.arrays import Ints

__all__ = ["Evidence", "Finding", "FoundSubjects", "Moved", "findings"]


class Moved:
    """What users move under one rule: the part of the pool that their plays steer, in whole minor units."""

    def __init__(self, weight: Ints | None, pool: int) -> None:
        """Take int64[users] weights, None for rules under which no user has a part."""
        self.weight, self.pool = weight, pool
        self.whole = 0 if weight is None else sum_exactly(weight)

    def of(self, users: Ints) -> int | None:
        """Return the money of some users together; None where the rule does not say."""
        if self.weight is None or not self.whole:
            return None
        return round_half_even(Fraction(sum_exactly(self.weight[users]) * self.pool, self.whole))


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


def findings(evidence: Evidence) -> list[Finding]:
    """Put the findings in order: by money under the first rule that says it, most first, then by kind and id.

    The members of a group follow it, in the same order among themselves.
    """
    blocks = [lines_of_group(evidence.users, group) for group in evidence.groups]
    alone = evidence.users.ranked.flagged.copy()
    for group in evidence.groups:
        alone[group.users] = False
    blocks += [[one] for one in lines("user", evidence.users, np.flatnonzero(alone))]
    blocks += [[one] for one in lines("artist", evidence.artists, np.flatnonzero(evidence.artists.ranked.flagged))]
    blocks.sort(key=lambda block: by_money(block[0]))
    return [one for block in blocks for one in block]


def by_money(finding: Finding) -> tuple[int, str, str]:
    """Return what findings are sorted by."""
    known = [money for money in finding.money if money is not None]
    return (-(known[0] if known else 0), finding.kind, finding.subject)


def of_members(signal: Signal, reached: int, size: int) -> str:
    """`all 5 play around the clock`."""
    return f"{'all' if reached == size else f'{reached:,} of'} {size:,} {signal.several}"


def lines_of_group(everybody: FoundSubjects, group: AccountGroup) -> list[Finding]:
    """Make the line of a group and those of its members."""
    users, ranked = group.users, everybody.ranked
    name = group_name(users, everybody.ids)
    most = [
        of_members(signal, reached, len(users))
        for signal in ranked.signals
        if (reached := ranked.reached(signal, users)) * 2 > len(users)
    ]
    head = Finding(
        kind="group",
        subject=name,
        group=name,
        members=len(users),
        plays=int(everybody.plays[users].sum()),
        money=tuple(money(users) for money in everybody.money),
        reasons=(*group.reasons, *most),
        values={signal: (value, np.nan) for signal, value in group.values.items()},
    )
    return [head, *sorted(lines("user", everybody, users, group=name), key=by_money)]


def lines(kind: Literal["user", "artist"], everybody: FoundSubjects, who: Ints, *, group: str = "") -> list[Finding]:
    """Make a line for each of some users or artists."""
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
