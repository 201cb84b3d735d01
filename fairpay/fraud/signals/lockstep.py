"""lockstep: accounts that play the same tracks at the same moments."""

from dataclasses import dataclass

from fairpay.fraud.likeness import agreement, alike
from fairpay.fraud.signal import Group, GroupSignal
from fairpay.fraud.traces import Sketches


@dataclass(frozen=True)
class Lockstep(GroupSignal):
    """Groups of accounts whose plays share track and time, to ten minutes.

    Each account is the set of its (track, ten minutes) pairs; sets that overlap by about a quarter or more are joined
    by MinHash in bands. Two people who both play a hit share a handful of such pairs in a month, not a quarter.
    """

    rows: int = 2
    least: float = 0.25
    least_users: int = 3

    name = "lockstep"
    source = "Cao, Yang, Yu, Palow, 'Uncovering large groups of active malicious accounts' (SynchroTrap, CCS 2014)"
    innocent = "a listening party; one person with two accounts on linked speakers"
    needs = frozenset({"time", "track"})
    says = "{accounts:,} accounts that play the same tracks at the same times ({value:.0%} alike)"

    def find(self, sketches: Sketches) -> list[Group]:
        """Join accounts whose moments look alike."""
        groups = alike(sketches.moments, sketches.timed, rows=self.rows, least=self.least)
        return [Group(users, agreement(sketches.moments, users)) for users in groups if len(users) >= self.least_users]
