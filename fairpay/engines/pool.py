"""One pool of a finished intake: its figures, its artists, its month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.engines.local_month import LocalMonth
from fairpay.month import Facts

if TYPE_CHECKING:
    from fractions import Fraction

    import pyarrow as pa

    from fairpay.engines.artists import Artists
    from fairpay.engines.intake import Intake
    from fairpay.engines.local_month import Listening
    from fairpay.usage import Ints

__all__ = ["LocalPool"]


class LocalPool:
    """What one pool holds. Arrays are in artist order."""

    def __init__(self, intake: Intake, artists: Artists, listening: Listening) -> None:
        """Put together what was taken in."""
        self.intake = intake
        self.artists = artists
        self.listening = listening

    def month(self, *, pool: int, rate: Fraction | None, fees_are_money: bool) -> LocalMonth:
        """Return the month for rules; `pool` minor units are to be divided."""
        intake = self.intake
        facts = Facts(
            artists=intake.artists,
            users=intake.users,
            amount=intake.amount,
            plays=intake.plays,
            fees=intake.fees,
            inactive_fees=intake.inactive_fees,
            pool=pool,
            rate=rate,
            fees_are_money=fees_are_money,
        )
        return LocalMonth(self.listening, facts)

    @property
    def artist(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        return self.artists.ids

    @property
    def artist_plays(self) -> Ints:
        """int64[artists]: plays of each artist."""
        return self.artists.plays

    @property
    def artist_ms(self) -> Ints | None:
        """int64[artists]: milliseconds of each artist; None where no batch had a duration."""
        return None if self.intake.ms is None else self.artists.ms

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]: listening of each artist, in the measure."""
        return self.artists.amount

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]: distinct users of each artist; walks once unless a walk was made."""
        return self.listening.listeners()
