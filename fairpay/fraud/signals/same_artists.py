"""same_artists: accounts that come back to the same artists, whatever else they play."""

import numpy as np

from fairpay.fraud.signals import LikenessSignal
from fairpay.fraud.traces import Sketches, seeds, sign_sets
from fairpay.kernels.arrays import Codes, Ints


class SameArtists(LikenessSignal):
    """Groups of accounts whose core artists are the same or nearly the same.

    An account's core are the artists it plays far more than the log as a whole would have it: its plays exceed three
    times what the log's average listener gives, by at least a quarter of the account's largest such excess. Famous
    artists played as camouflage fall out of it. Cores of three artists or more are compared by MinHash in bands, so
    the work grows with the plays and not with their square. Friends and people of one scene have the same core as well,
    so a group counts where most of its accounts do something else that people do not.
    """

    hashes = 32
    share = 0.6
    least_artists = 3
    least_users = 5
    enough = False
    source = "MinHash (Broder 1997) in bands (Indyk and Motwani 1998), over sets without camouflage"
    innocent = "a fan club, a school class, a household with several accounts"
    says = "{accounts:,} accounts with the same core artists ({share} alike)"

    def signed(self, sketches: Sketches) -> tuple[Codes, Ints]:
        """Sign the cores; large ones are looked at."""
        user, artist = (sketches.core[name].to_numpy() for name in ("user", "artist"))
        start = np.searchsorted(user, np.arange(len(sketches.plays) + 1))
        return sign_sets(start, artist, seeds(self.name, self.hashes)), np.flatnonzero(
            np.diff(start) >= self.least_artists
        )
