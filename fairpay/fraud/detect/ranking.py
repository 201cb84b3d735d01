"""From what signals measure to what is worth a look: levels, points by aspect, percentiles; groups put together."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from fairpay.fraud.signal import Floats, GroupSignal, Levels, Signal
    from fairpay.fraud.traces import Sketches
    from fairpay.kernels.arrays import Ints

__all__ = ["AccountGroup", "Ranked", "find_groups", "group_name", "percentiles", "rank"]

ENOUGH = 2
LEAST_ACCOUNTS = 3


@dataclass(frozen=True, slots=True)
class Ranked:
    """What one kind of signal says of everybody."""

    signals: tuple[Signal, ...]
    values: Mapping[str, Floats]
    levels: Mapping[str, Levels]
    flagged: NDArray[np.bool_]
    """Who is worth a look: one signal that is enough by itself, or signals of two aspects together."""

    def reasons(self, who: int) -> tuple[str, ...]:
        """Say in words which signals one subject reaches."""
        found = [s for s in self.signals if s.reached(self.values[s.name][who : who + 1], self.weakest(s))[0]]
        return tuple(signal.words(float(self.values[signal.name][who])) for signal in found)

    def reached(self, signal: Signal, who: Ints) -> int:
        """Count who of some subjects reaches a signal."""
        return int(signal.reached(self.values[signal.name][who], self.weakest(signal)).sum())

    def weakest(self, signal: Signal) -> float:
        """Return from where on a signal counts at all."""
        levels = self.levels[signal.name]
        if signal.low or levels.together <= levels.alone:
            return levels.together
        return levels.alone


def rank(signals: Sequence[Signal], values: Mapping[str, Floats], subjects: int) -> Ranked:
    """Compare values with their levels; two points are worth a look, and an aspect gives its best signal's points."""
    levels = {signal.name: signal.levels(values[signal.name]) for signal in signals}
    points: dict[str, Ints] = {}
    for signal in signals:
        found = values[signal.name]
        together, alone = levels[signal.name].together, levels[signal.name].alone
        mine = np.maximum(signal.reached(found, together), ENOUGH * signal.reached(found, alone))
        points[signal.aspect] = np.maximum(points.get(signal.aspect, 0), mine)
    total = sum(points.values(), start=np.zeros(subjects, dtype=np.int64))
    return Ranked(tuple(signals), values, levels, total >= ENOUGH)


def percentiles(values: Floats, who: Ints, *, low: bool) -> Floats:
    """Return which share of the log, in percent, is less conspicuous than each of some subjects; NaN stays NaN."""
    known = np.sort(values[~np.isnan(values)])
    mine = values[who]
    side: Literal["left", "right"] = "right" if low else "left"
    below = np.searchsorted(known, mine, side=side)
    less = len(known) - below if low else below
    return np.where(np.isnan(mine), np.nan, np.round(100 * less / max(1, len(known)), 4))


@dataclass(frozen=True, slots=True)
class AccountGroup:
    """Accounts that one or several signals put together."""

    users: Ints
    """int64[members]: ascending."""
    values: dict[str, float]
    """signal -> how strongly."""
    reasons: tuple[str, ...]


def find_groups(signals: Sequence[GroupSignal], sketches: Sketches) -> list[AccountGroup]:
    """Run the group signals, the largest groups first; a group most of whose members are known joins theirs."""
    found = [(signal, group) for signal in signals for group in signal.find(sketches)]
    found.sort(key=lambda one: (-len(one[1].users), int(one[1].users[0]), one[0].name))
    place = np.full(len(sketches.plays), -1, dtype=np.int64)
    groups: list[AccountGroup] = []
    for signal, group in found:
        home = home_of(place, group.users, len(groups))
        words = (signal.words(group),)
        fresh = group.users[place[group.users] < 0]
        if home < len(groups):
            known = groups[home]
            place[fresh] = home
            values = {signal.name: group.value, **known.values}
            groups[home] = AccountGroup(np.union1d(known.users, fresh), values, known.reasons + words)
        elif len(fresh) >= LEAST_ACCOUNTS:
            place[fresh] = home
            groups.append(AccountGroup(fresh, {signal.name: group.value}, words))
    return groups


def home_of(place: Ints, users: Ints, new: int) -> int:
    """Return the group that already has at least half of the users; `new` where there is none."""
    known = place[users]
    homes, members = np.unique(known[known >= 0], return_counts=True)
    if len(homes) and 2 * int(members.max()) >= len(users):
        return int(homes[np.argmax(members)])
    return new


def group_name(users: Ints, ids: pl.Series) -> str:
    """Name a group by its members, so that the same accounts have the same name in every run."""
    return "group-" + sha256("\n".join(ids.gather(users).to_list()).encode()).hexdigest()[:12]
