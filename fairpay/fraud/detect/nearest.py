"""Who comes nearest to being worth a look, for a log in which nobody is: how far, and which level was missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairpay.fraud.detect.findings import ENOUGH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairpay.fraud.detect.findings import Evidence, FoundSubjects
    from fairpay.fraud.signals import Floats, Signal

__all__ = ["Missed", "Near", "nearest"]

SHOWN = 5


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

    kind: Literal["user", "artist"]
    subject: str
    reached: float
    """From 0 to below 1: of a level that is enough by itself, or the mean of two that are together."""
    missed: tuple[Missed, ...]


def nearest(evidence: Evidence) -> list[Near]:
    """Return the five of all accounts and artists that come nearest, the nearest first; those without plays do not."""
    found = [*near("user", evidence.users), *near("artist", evidence.artists)]
    return sorted(found, key=lambda one: (-one.reached, one.kind, one.subject))[:SHOWN]


def near(kind: Literal["user", "artist"], everybody: FoundSubjects) -> Iterator[Near]:
    """Find the nearest of one kind, by the arithmetic of `rank`: one level alone, or two of different aspects."""
    ranked = everybody.ranked
    values, signals = ranked.values, ranked.signals
    alone = {one: closeness(one, values[one.name], one.alone) for one in signals}
    together = {one: closeness(one, values[one.name], ranked.levels[one.name]) for one in signals}
    aspects = [[one for one in signals if one.aspect == aspect] for aspect in dict.fromkeys(s.aspect for s in signals)]
    tops = np.sort([np.max([together[one] for one in some], axis=0) for some in aspects], axis=0)[-ENOUGH:]
    single, both = np.max(list(alone.values()), axis=0), np.minimum(tops, 1.0).sum(axis=0) / ENOUGH
    reached = np.where(ranked.flagged, 0.0, np.maximum(single, both))
    for who in np.argsort(-reached, kind="stable")[:SHOWN]:
        if single[who] >= both[who]:
            best = max(signals, key=lambda one: alone[one][who])
            missed = [Missed(best, float(values[best.name][who]), best.alone, alone=True)]
        else:
            most = [max(some, key=lambda one: together[one][who]) for some in aspects]
            most = sorted(most, key=lambda one: -together[one][who])[:ENOUGH]
            held = [one for one in most if together[one][who]]
            missed = [Missed(one, float(values[one.name][who]), ranked.levels[one.name], alone=False) for one in held]
        if reached[who]:
            yield Near(kind, everybody.ids[int(who)], float(reached[who]), tuple(missed))


def closeness(signal: Signal, values: Floats, level: float) -> Floats:
    """Return what part of a level each value is; 0 where there is no such level, or nothing was measured."""
    if not np.isfinite(level):
        return np.zeros(len(values))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(level / values if signal.low else values / level, posinf=1.0)
