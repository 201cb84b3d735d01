"""lockstep: accounts that play the same tracks at the same moments."""

from fairpay.fraud.signals import LikenessSignal
from fairpay.fraud.traces import Sketches
from fairpay.kernels.arrays import Codes, Ints


class Lockstep(LikenessSignal):
    """Groups of accounts whose plays share track and time, to ten minutes.

    Each account is the set of its (track, ten minutes) pairs, without those of the artist it plays most: a party about
    a release, and a night of quiet music, are of one artist. Sets that overlap by about a quarter or more are joined
    by MinHash in bands. Two people who both play a hit share a handful of such pairs in a month, not a quarter.
    """

    share = 0.25
    least_users = 3
    source = "Cao, Yang, Yu, Palow, 'Uncovering large groups of active malicious accounts' (SynchroTrap, CCS 2014)"
    innocent = "a listening party; one person with two accounts on linked speakers"
    needs = frozenset({"time", "track"})
    says = "{accounts:,} accounts that play the same tracks at the same times ({share} alike)"

    def signed(self, sketches: Sketches) -> tuple[Codes, Ints]:
        """Take the moments, which are signed already."""
        return sketches.moments, sketches.timed
