"""Who listens to some artists, in sums: what the three factors between market- and user-centric are made of.

Sums are of integers: of whole numbers, or of parts of listening cut to units of which 2^62 are everybody's. So neither
blocks nor threads change one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fairpay.money.integers import sum_exactly
from fairpay.pipeline.joined import listeners_in
from fairpay.pipeline.measures import DECILES, decile_edges
from fairpay.reports.explanation import Factors
from fairpay.rules.core.budgets import units_each

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Totals, Usage

__all__ = ["ListenerSums"]

MEANS = 7
"""Sums over listeners that come before those by decile."""


@dataclass(frozen=True, slots=True)
class ListenerSums:
    """The listeners of some artists, in sums."""

    count: int
    shares: Fraction
    """Σ s_uj."""
    paid_shares: Fraction
    """Σ f_u s_uj, in fee units."""
    fees: int
    """What they paid, in fee units."""
    amount: int
    """All they listened, in the measure."""
    plays: int
    """All their plays."""
    artists: int
    """How many artists each listens to, added up."""
    own_artists: int
    """The same of the artists asked about."""
    edges: tuple[int, ...]
    """From how much listening on somebody is in the second, third, ... tenth of ten equal parts of all listeners, the
    lightest first. Who listens as much as an edge is above it."""
    everybody: tuple[int, ...]
    """All listeners by decile: as many each, but where several listen the same."""
    by_decile: tuple[int, ...]
    """Those of the artists by decile."""

    @classmethod
    def of(cls, month: Month, chosen: NDArray[np.bool_]) -> Self:
        """Walk the month once; `chosen` is bool[artists]."""
        facts = month.facts
        edges = decile_edges(month)
        units = units_each(facts.users), units_each(facts.fees)
        _, sums = month.gather(lambda usage, _: summed(usage, chosen, edges, *units), rows=0)
        count, shares, paid, fees, amount, plays, artists, own, *deciles = sums or (0,) * (MEANS + 1 + 2 * DECILES)
        return cls(
            count=count,
            shares=Fraction(shares, units[0]),
            paid_shares=Fraction(paid, units[1]),
            fees=fees,
            amount=amount,
            plays=plays,
            artists=artists,
            own_artists=own,
            edges=tuple(edges.tolist()),
            everybody=tuple(deciles[:DECILES]),
            by_decile=tuple(deciles[DECILES:]),
        )

    def factors(self, month: Month, listening: Fraction) -> Factors | None:
        """Return the three factors; `listening` is X_j / X. None where nobody listens, or nobody pays.

        The sums were cut to units, by less than n_j of 2^62 / n: nothing that a cent could show.
        """
        facts = month.facts
        if not self.count or not listening or not facts.fees or not self.shares:
            return None
        return Factors(
            reach=Fraction(self.count, facts.users) / listening,
            share=self.shares / self.count,
            fees=self.paid_shares / self.shares / Fraction(facts.fees, facts.users),
        )


def summed(usage: Usage, chosen: NDArray[np.bool_], edges: Ints, unit: int, fee_unit: int) -> Totals:
    """Return the sums of a block, in the order of `ListenerSums`."""
    from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

    user, entries, first = listeners_in(usage, chosen)
    own = np.add.reduceat(usage.amount[entries], first) if len(first) else entries
    whole, fee, total = usage.whole[user], usage.fee[user], usage.total[user]
    shares, paid = np.empty_like(own), np.empty_like(own)
    forces.scaled_ratio(own, np.ones_like(own), whole, unit, shares)
    forces.scaled_ratio(own, fee, whole, fee_unit, paid)
    everybody = np.bincount(np.searchsorted(edges, usage.total, side="right"), minlength=DECILES)
    return (
        len(user),
        *(sum_exactly(values) for values in (shares, paid, fee, total, usage.plays[user])),
        int(np.diff(usage.start)[user].sum()),
        len(entries),
        *everybody.tolist(),
        *np.bincount(np.searchsorted(edges, total, side="right"), minlength=DECILES).tolist(),
    )
