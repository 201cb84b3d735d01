"""Findings: who is worth a look, why, and how much money it is about; by money, never by score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairpay.fraud.detect.groups import group_name
from fairpay.fraud.detect.ranking import percentiles
from fairpay.fraud.signal import ArtistSignal, Signal, UserSignal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairpay.fraud.detect.groups import Company
    from fairpay.fraud.detect.ranking import Ranked
    from fairpay.fraud.detect.stage import Evidence
    from fairpay.kernels.arrays import Ints

__all__ = ["Finding", "findings", "of_members"]


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
    found: list[list[Finding]] = [group_of(evidence, company) for company in evidence.groups]
    grouped = np.zeros(len(evidence.users.flagged), dtype=np.bool_)
    for company in evidence.groups:
        grouped[company.users] = True
    found += [[one] for one in users_of(evidence, np.flatnonzero(evidence.users.flagged & ~grouped), "")]
    found += [[one] for one in artists_of(evidence, np.flatnonzero(evidence.artists.flagged))]
    found.sort(key=lambda block: by_money(block[0]))
    return [one for block in found for one in block]


def by_money(finding: Finding) -> tuple[int, str, str]:
    """Return what findings are sorted by."""
    known = [money for money in finding.money if money is not None]
    return (-(known[0] if known else 0), finding.kind, finding.subject)


def group_of(evidence: Evidence, company: Company) -> list[Finding]:
    """Make the line of a group and those of its members."""
    name = group_name(company.users, evidence.people.users)
    size = len(company.users)
    alone = [
        of_members(signal, reached, size)
        for signal in evidence.users.signals
        if (reached := evidence.users.reached(signal, company.users)) * 2 > size
    ]
    head = Finding(
        kind="group",
        subject=name,
        group=name,
        members=len(company.users),
        plays=int(evidence.walked.plays[company.users].sum()),
        money=tuple(moved.of(company.users) for moved in evidence.money),
        reasons=(*company.reasons, *alone),
        values={signal: (value, np.nan) for signal, value in company.values.items()},
    )
    return [head, *sorted(users_of(evidence, company.users, name), key=by_money)]


def of_members(signal: Signal, reached: int, size: int) -> str:
    """`all 5 play around the clock`."""
    return f"{'all' if reached == size else f'{reached:,} of'} {size:,} {signal.several}"


def users_of(evidence: Evidence, users: Ints, group: str) -> list[Finding]:
    """Make a line for each user."""
    values = values_of(evidence.users, users)
    ids = evidence.people.users.gather(users).to_list()
    return [
        Finding(
            kind="user",
            subject=ids[k],
            group=group,
            members=1,
            plays=int(evidence.walked.plays[user]),
            money=tuple(moved.of(users[k : k + 1]) for moved in evidence.money),
            reasons=evidence.users.reasons(int(user)) or ("belongs to the group",),
            values={name: (float(value[k]), float(part[k])) for name, (value, part) in values.items()},
        )
        for k, user in enumerate(users)
    ]


def artists_of(evidence: Evidence, artists: Ints) -> list[Finding]:
    """Make a line for each artist."""
    values = values_of(evidence.artists, artists)
    ids = evidence.people.artists.gather(artists).to_list()
    return [
        Finding(
            kind="artist",
            subject=ids[k],
            group="",
            members=0,
            plays=int(evidence.artist_plays[artist]),
            money=tuple(int(paid[artist]) for paid in evidence.artist_money),
            reasons=evidence.artists.reasons(int(artist)),
            values={name: (float(value[k]), float(part[k])) for name, (value, part) in values.items()},
        )
        for k, artist in enumerate(artists)
    ]


def values_of(ranked: Ranked, who: Ints) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return each signal's values and percentiles of some subjects."""
    signals: Sequence[Signal] = [s for s in ranked.signals if isinstance(s, UserSignal | ArtistSignal)]
    return {s.name: (ranked.values[s.name][who], percentiles(ranked.values[s.name], who, low=s.low)) for s in signals}
