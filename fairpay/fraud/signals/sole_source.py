"""sole_source: one account that an artist lives from."""

from fairpay.fraud.signals import Floats, WholeLogSignal
from fairpay.fraud.traces import Sketches


class SoleSource(WholeLogSignal):
    """Plays of the artist the account plays most, as a multiple of all that an average account plays.

    Only artists count who have at most ten listeners and a third or more of their plays from this account, or nearly
    all of them. At 4, the account brings the artist four fees for its own where all plays are worth the same. A fan
    plays others, too.
    """

    alone = 4.0
    aspect = "reach"
    source = "money: who pays one fee and moves several to one artist has a reason to"
    innocent = "the artist, at home; someone who sleeps to a recording nobody else knows"
    several = "are nearly all that an artist is played by"
    says = "gives an artist hardly anyone else plays as much as {value:.1f} average accounts play in all"

    def of(self, sketches: Sketches) -> Floats:
        """Divide by what an average account plays."""
        return sketches.sole / sketches.mean
