"""same_artists: accounts that come back to the same artists, whatever else they play."""

from dataclasses import dataclass

import numpy as np

from fairpay.fraud.likeness import agreement, alike, seeds, sign_sets
from fairpay.fraud.signal import Group, GroupSignal
from fairpay.fraud.traces import Sketches


@dataclass(frozen=True)
class SameArtists(GroupSignal):
    """Groups of accounts whose core artists are the same or nearly the same.

    An account's core are the artists it plays far more than the log as a whole would have it: its plays exceed three
    times what the log's average listener gives, by at least a quarter of the account's largest such excess. Famous
    artists played as camouflage fall out of it. Cores of three artists or more are compared by MinHash in bands, so
    the work grows with the plays and not with their square.
    """

    hashes: int = 32
    rows: int = 2
    least: float = 0.6
    least_artists: int = 3
    least_users: int = 5

    name = "same_artists"
    source = "MinHash (Broder 1997) in bands (Indyk and Motwani 1998), over sets without camouflage"
    innocent = "a fan club, a school class, a household with several accounts"
    says = "{accounts:,} accounts with the same core artists ({value:.0%} alike)"

    def find(self, sketches: Sketches) -> list[Group]:
        """Sign the cores and join those that look alike."""
        core = sketches.core
        able = np.flatnonzero(np.diff(core.start) >= self.least_artists)
        signs = sign_sets(core.start, core.artist, seeds(self.name, self.hashes))
        groups = alike(signs, able, rows=self.rows, least=self.least)
        return [Group(users, agreement(signs, users)) for users in groups if len(users) >= self.least_users]
