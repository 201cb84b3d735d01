"""lockstep: accounts that play the same tracks at the same moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from fairpay.fraud.likeness import agreement, alike
from fairpay.fraud.signal import Group, GroupSignal

if TYPE_CHECKING:
    from fairpay.fraud.signal import Column
    from fairpay.fraud.traces import Crowd


@dataclass(frozen=True)
class Lockstep(GroupSignal):
    """Groups of accounts whose plays share track and time, to ten minutes.

    Each account is the set of its (track, ten minutes) pairs; sets that overlap by about a quarter or more are joined
    by MinHash in bands. Two people who both play a hit share a handful of such pairs in a month, not a quarter.
    """

    rows: int = 2
    least: float = 0.25
    least_users: int = 3

    name: ClassVar[str] = "lockstep"
    source: ClassVar[str] = (
        "Cao, Yang, Yu, Palow, 'Uncovering large groups of active malicious accounts' (SynchroTrap, CCS 2014)"
    )
    innocent: ClassVar[str] = "a listening party; one person with two accounts on linked speakers"
    needs: ClassVar[frozenset[Column]] = frozenset({"time", "track"})

    def find(self, crowd: Crowd) -> list[Group]:
        """Join accounts whose moments look alike."""
        if crowd.beats is None:
            return []
        groups = alike(crowd.beats, crowd.beating, rows=self.rows, least=self.least)
        return [Group(users, agreement(crowd.beats, users)) for users in groups if len(users) >= self.least_users]

    def words(self, group: Group) -> str:
        """Say it."""
        return f"{len(group.users):,} accounts that play the same tracks at the same times ({group.value:.0%} alike)"
