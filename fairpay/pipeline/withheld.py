"""Withholding: what a policy keeps back for the platform of what marked plays earn, once a rule has divided the pool.

A rule sees artists whole: what is withheld gives no other artist more. What an artist is paid is divided among its
plays as each listener's entry is, in proportion to their weight; of the parts that are marked a share is withheld.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from fairpay.adjust.factors import marked, unmarked
from fairpay.money.rounding import Allocation
from fairpay.pipeline.sources import ByArtist, added, seen_as
from fairpay.pipeline.warn import guard_withholding
from fairpay.rules.core.ties import first_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    import pyarrow as pa

    from fairpay.adjust.weights import Weigher
    from fairpay.engine.pool import LocalPool
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.rules.core.rule import Rule

__all__ = ["Withholding", "set_apart", "without_marks"]

WITHHELD = "\x1f\x1c"
"""Between an artist and the place of the line that withholds of what these plays earn."""
BITS = 96
"""Below a minor unit, to which parts are worked out."""
ROUNDED = 8
"""Times the entries of an artist: how far its weight and that of a part of it may be off together by rounding."""


@dataclass(frozen=True, slots=True)
class Withholding:
    """A pool in which plays that something is withheld of stand apart."""

    view: ByArtist
    """The pool by artist; its sources are artists with and without a mark."""
    line: Ints
    """int64[sources]: by which line of the policy something is withheld; -1: by none."""
    shares: Sequence[Fraction]
    """Of each line."""

    @classmethod
    def of(cls, pool: LocalPool, shares: Sequence[Fraction]) -> Withholding:
        """Look at a pool whose policy withholds these shares."""
        place = pl.Series("id", pool.artist, pl.String).str.extract(f"{WITHHELD}(\\d+)$").cast(pl.Int64)
        return cls(seen_as(pool, without_marks(pool.artist)), place.fill_null(-1).to_numpy(), shares)

    def allocation(self, given: Allocation, rule: Rule, prepared: Any) -> Allocation:  # noqa: ANN401 - what `prepare` returned
        """Withhold of what a rule has given artists."""
        guard_withholding([rule])
        kept_back = self.kept_back(given.paid, self.view.of_source, self.view.shares(rule, prepared))
        return Allocation(given.rule, given.paid - kept_back, given.pool, kept_back)

    def among(
        self,
        held: LocalPool | ByArtist,
        whole: ByArtist | None,
        rule: Rule,
        prepared: Any,  # noqa: ANN401 - what `prepare` returned
        earned: Ints,
    ) -> tuple[Ints, Ints]:
        """Withhold of what the sources of books have earned: artists, and tracks with splits of their own.

        Args:
            held: the view, or the view by source; what has earned.
            whole: that by artist, where tracks were told apart from their artists; what the rule has seen.
            rule: what has divided the pool.
            prepared: for it.
            earned: int64[held].

        Returns:
            What is withheld of each, int64[held]; and what each artist or track of the view brings without it,
            int64[view].

        """
        owner = self.view.of_source
        if held is not self.view and isinstance(held, ByArtist):
            owner = held.of_source[owner]
        seen, of_source = (held, owner) if whole is None else (whole, whole.of_source[owner])
        brought = ByArtist(self.view.sources, seen.artist, of_source).shares(rule, prepared)
        brings = self.view.sources.artist_amount if brought is None else brought
        left = brings - sum((parted(np.where(self.line == k, brings, 0), s) for k, s in enumerate(self.shares)), 0)
        return self.kept_back(earned, owner, brought), added(self.view.of_source, left, len(self.view.artist))

    def kept_back(self, earned: Ints, owner: Ints, brought: Ints | None) -> Ints:
        """Return what is withheld of what each owner of sources earned, int64[owners], in whole minor units.

        All together it is what is to be withheld, to the nearest unit; it is taken by largest remainder.

        Args:
            earned: int64[owners].
            owner: int64[sources].
            brought: int64[sources], what each brings, see `ByArtist.shares`; listening where it is None or nothing.

        """
        played, listeners = self.view.sources.artist_amount, self.view.sources.artist_listeners
        entries = added(owner, listeners + 1, len(earned)) if brought is not None else np.zeros_like(earned)
        brings = played if brought is None else brought
        brings = np.where(added(owner, brings, len(earned))[owner] == 0, played, brings)
        whole = added(owner, brings, len(earned))
        parts = [added(owner[self.line == k], brings[self.line == k], len(earned)) for k in range(len(self.shares))]
        common = lcm(*(share.denominator for share in self.shares))
        places = np.flatnonzero((earned > 0) & (np.sum(parts, axis=0) > 0)).tolist()
        due, slack = [], []
        for at in places:
            units, among = int(earned[at]), int(whole[at])
            marked = sum(int(share * common) * int(part[at]) for share, part in zip(self.shares, parts, strict=True))
            due.append((units * marked << BITS) // (common * among))
            slack.append((units * ROUNDED * int(entries[at]) << BITS) // among + 1)
        out = np.zeros_like(earned)
        out[places] = in_units(due, slack)
        return out


def set_apart(weigher: Weigher, raw: RawBatch, listens: Listens, sources: pa.Array) -> pa.Array:
    """Put plays of which a policy withholds apart from the others of their artist: large_string[rows].

    Raises:
        InputError: the id of an artist could be such a mark.

    """
    rows = weigher.rows_of(listens)
    if not len(rows):
        return sources
    part, mine = weigher.part(raw, listens, rows)
    line = np.full(len(listens.used), -1, dtype=np.int64)
    for place, factor in reversed([*enumerate(weigher.withholding)]):
        line[rows[factor.meets(part, mine)]] = place
    return marked(sources, WITHHELD, [str(place) for place in range(len(weigher.withholding))], line)


def without_marks(ids: pa.Array) -> pa.Array:
    """Take the marks of plays that something is withheld of off: large_string[n]."""
    return unmarked(ids, WITHHELD)


def parted(values: Ints, share: Fraction) -> Ints:
    """Return a share of int64 values, rounded down, where nothing can wrap."""
    whole, rest = np.divmod(values, share.denominator)
    part: Ints = whole * share.numerator + rest * share.numerator // share.denominator
    return part


def in_units(due: Sequence[int], slack: Sequence[int]) -> list[int]:
    """Bring amounts in parts of 2^-96 units, each off by at most its slack, to whole units that sum to the nearest.

    What the slack cannot tell from a half goes to the even unit; of equal remainders the first goes up.
    """
    whole, rest = divmod(sum(due), 1 << BITS)
    beyond = rest - (1 << BITS - 1)
    whole += whole & 1 if abs(beyond) <= sum(slack) else beyond > 0
    units = [one >> BITS for one in due]
    served, _ = first_of([one - (floor << BITS) for one, floor in zip(due, units, strict=True)],
                         whole - sum(units), slack=slack)  # fmt: skip
    for place in served:
        units[place] += 1
    return units
