"""Rules that look at what each artist was listened to in all, and at no listener: caps, bands, equal parts.

They are market-centric on g(X_j) in place of X_j. Such a g is of the artist's sum, so it runs once, when settling.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from fairpay.errors import UsageError
from fairpay.money.currency import LARGEST
from fairpay.money.rounding import largest_remainder, largest_remainder_exact
from fairpay.rules.core.budgets import units_each
from fairpay.rules.core.month import Split
from fairpay.rules.core.promise import ALWAYS, Promise
from fairpay.rules.core.rule import Needs, Reason, Rule, facts_with, parameter
from fairpay.rules.core.ties import settle_nearly

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage
    from fairpay.rules.core.rule import Added
    from fairpay.rules.core.ties import Unsettled

__all__ = ["Band", "ByArtistSum", "Counting", "per_track"]


class Band(NamedTuple):
    """A stretch of an artist's plays that all count alike."""

    above: int
    """The band holds the plays after so many."""
    value: Fraction
    """What each of them counts."""


class Counting(NamedTuple):
    """What such a rule works out first."""

    unit: int
    """Units for one of listening: more than 1 where some of it is divided anew."""
    play: Fraction
    """What one play comes to, in units; where listening is time, the mean play."""
    off: int
    """By how many units an artist's sum may be off."""
    beyond: Ints | None = None
    """int64[2 * (bands - 1), artists]: of each artist's tracks above a number, how many and their listening, for each
    number; None: it is the artist's sum that counts."""


def per_track() -> str:
    """Declare the parameter that says whose plays are counted."""
    found: str = parameter("artist", help="whose plays are counted together", choices=("artist", "track"))
    return found


@dataclass(frozen=True)
class ByArtistSum(Rule):
    """A rule that pays by what each artist's listening in all counts."""

    mixable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Say what must be seen."""
        if getattr(self, "per", "artist") == "track":
            object.__setattr__(self, "needs", Needs.TRACKS)

    @property
    def bands(self) -> Sequence[Band]:
        """Return how plays of an artist count, from `above` 0 upwards; none: any listening counts the same."""
        return ()

    def keeps(self) -> frozenset[Promise]:
        """More listening never counts less; an account, and an artist under several names, is not held back.

        By track, an artist who is played less, on more tracks, may be paid more.
        """
        unordered = {Promise.ORDER_PRESERVING} if self.needs is Needs.TRACKS else frozenset[Promise]()
        return (ALWAYS | {Promise.MONOTONE}) - unordered

    def prepare(self, month: Month) -> Counting:
        """Fix the unit, and how long a play is where listening is time: as long as the mean play of the month.

        Raises:
            UsageError: tracks count, and they are not known.

        """
        facts = month.facts
        play = Fraction(facts.amount, max(1, facts.plays)) if facts.play is None else Fraction(facts.play)
        unit = units_each(facts.amount) if facts.divided else 1
        found = Counting(unit, unit * play, facts.users if facts.divided else 0)
        return found if self.needs is not Needs.TRACKS else found._replace(beyond=self.tracks_beyond(month, found))

    def tracks_beyond(self, month: Month, counting: Counting) -> Ints:
        """Walk over the tracks for those above each number: see `Counting.beyond`."""
        tracks, ends = month.tracks, self.ends(counting)
        if tracks is None:
            message = f"{self.label} needs {self.needs.value}, and that is not known here"
            advice = "Run it over all rows on this machine; in an audit, keep to scenarios whose accounts are added."
            raise UsageError(message, advice=advice)

        def visit(usage: Usage, out: Ints) -> None:
            for end, count, amount in zip(ends, out[::2], out[1::2], strict=True):
                beyond = usage.amount > end
                np.add.at(count, usage.artist[beyond], 1)
                np.add.at(amount, usage.artist[beyond], usage.amount[beyond])

        return padded(tracks.gather(visit, rows=2 * len(ends))[0], month.facts.artists)

    def ends(self, counting: Counting) -> list[int]:
        """Return how much listening each number of plays above the first comes to, whole units."""
        return [int(band.above * counting.play) for band in self.bands[1:]]

    def weigh(self, usage: Usage, prepared: Counting, out: Ints) -> None:
        """Add listening, as market-centric does."""
        Split.BY_LISTENING.add(usage, usage.total if prepared.unit == 1 else usage.total * prepared.unit, out[0])

    def proportions(self, weights: Ints, prepared: Counting) -> NDArray[np.object_]:
        """Count each artist's listening, in whole numbers."""
        if not self.bands:
            played: NDArray[np.object_] = (weights[0] > 0).astype(object)
            return played
        own, parts, (up, down) = weights[0], self.parts, prepared.play.as_integer_ratio()
        beyond = prepared.beyond
        if beyond is None:
            whose = [own > end for end in self.ends(prepared)]
            beyond = np.array([row for mine in whose for row in (mine, np.where(mine, own, 0))])
        counted: NDArray[np.object_] = own.astype(object) * (down * int(self.bands[0].value * parts))
        for (before, band), count, amount in zip(pairwise(self.bands), beyond[::2], beyond[1::2], strict=True):
            more = amount.astype(object) * down - count.astype(object) * (band.above * up)
            counted -= more * int((before.value - band.value) * parts)
        return counted

    @property
    def parts(self) -> int:
        """How finely plays that count partly are counted."""
        return lcm(*(band.value.denominator for band in self.bands))

    def settle(self, weights: Ints, pool: int, prepared: Counting) -> Ints:
        """Divide the pool by what counts, exactly."""
        return largest_remainder_exact(self.proportions(weights, prepared).tolist(), pool)

    def settling(self, weights: Ints, month: Month, prepared: Counting) -> Unsettled | Ints:
        """Divide the pool exactly; where listening is divided anew, near ties go by id, and that is said."""
        if not prepared.off:
            return self.settle(weights, month.facts.pool, prepared)
        counted, error = (
            self.proportions(weights, prepared).tolist(),
            prepared.off * prepared.play.denominator * self.parts,
        )
        return settle_nearly(counted, month.facts.pool, error=error if self.bands else 0)

    def brought(self, weights: Ints, prepared: Counting) -> Ints:
        """The tracks of an artist share by listening where it is the artist's sum that counts, else by what counts."""
        if prepared.beyond is None:
            return largest_remainder(weights[0], LARGEST)
        return self.settle(weights, LARGEST, prepared)

    def taken(self, added: Sequence[Added], prepared: Counting, weights: Ints) -> Fraction | None:
        """What counts of the made-up artists against what counts of all, with the accounts' own plays added.

        Of tracks, accounts play as many as stay below every number; where listening is time, there is no formula.
        """
        facts = added[0].facts
        artists = max(facts.artists, *(int(one.one.artist.max()) + 1 for one in added))
        if prepared.beyond is not None:
            if facts.play is None:
                return None
            prepared = prepared._replace(beyond=padded(prepared.beyond, artists))
        sums = np.zeros((1, artists), dtype=object)
        sums[0, : facts.artists] = weights[0]
        for one in added:
            np.add.at(sums[0], one.one.artist, one.one.amount.astype(object) * one.count * prepared.unit)
        if facts.play is None:
            joined = facts_with(added)
            prepared = prepared._replace(play=Fraction(prepared.unit * joined.amount, joined.plays))
        counted = self.proportions(sums, prepared)
        return Fraction(sum(counted[facts.artists :].tolist()), sum(counted.tolist()))

    def reason(self, month: Month, limit: Fraction | None) -> Reason:  # noqa: ARG002 - the same on every month
        """Names limit nothing, nor do tracks."""
        if self.needs is Needs.TRACKS:
            return Reason("more tracks take more", "an account that plays many tracks stays below every number")
        return Reason("more made-up artists take more", "an account that plays many made-up artists takes more by each")


def padded(rows: Ints, columns: int) -> Ints:
    """Append columns of zeros to int64[rows, n], for artists that are made up."""
    return np.pad(rows, ((0, 0), (0, columns - rows.shape[1])))


def rising(bands: Sequence[Band]) -> Iterator[str]:
    """Say what is wrong with bands: each begins above the one before, and none counts more than that."""
    for before, after in pairwise(bands):
        if after.above <= before.above:
            yield f"{after.above:,} does not lie above {before.above:,}"
        if after.value > before.value:
            yield f"plays above {after.above:,} count more than those below"
