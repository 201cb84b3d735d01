"""How a user's budget is split among the artists played: in whole units at once, and finer for artists in doubt."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Codes, Ints
    from fairpay.rules.core.usage import Usage

__all__ = ["Entries", "Split"]


class Entries(NamedTuple):
    """Among whom budgets are split, in proportion to what each entry counts; the names are those of `Usage`."""

    start: Ints
    artist: Codes
    counts: Ints
    """int64[entries]."""
    whole: Ints
    """int64[users]: what each user's entries count together."""


class Split(Enum):
    """Ways to split a budget. All are in proportion to something: they differ in what an artist counts."""

    BY_LISTENING = "in proportion to listening"
    EQUALLY = "in equal parts"
    TO_THE_TOP = "to the artist played most; of several, in equal parts"

    def entries(self, usage: Usage) -> Entries:
        """Return among whom each user's budget is split, and in what proportion."""
        start, artist = usage.start, usage.artist
        if self is Split.BY_LISTENING:
            return Entries(start, artist, usage.amount, usage.whole)
        if self is Split.TO_THE_TOP:
            first = start[:-1]
            tops = usage.amount == np.repeat(np.maximum.reduceat(usage.amount, first), np.diff(start))
            artist = artist[tops]
            start = np.append(0, np.cumsum(np.add.reduceat(tops, first, dtype=np.int64)))
        return Entries(start, artist, np.ones(len(artist), dtype=np.int64), np.diff(start))

    def add(self, usage: Usage, budget: Ints, out: Ints) -> None:
        """Split budgets, int64[users], and add the parts to out, int64[artists]: exact in total, never negative."""
        from fairpay.kernels import split  # noqa: PLC0415 - Numba is loaded where it is used

        if self is Split.BY_LISTENING and budget is usage.whole:  # each entry counts what it is
            split.add_amounts(usage.artist, usage.amount, out)
        else:
            split.add_proportional(*self.entries(usage), budget, out)

    def add_fine(self, usage: Usage, budget: Ints, place: NDArray[np.int32], out: Ints) -> None:
        """The same for chosen artists only, to 96 bits below the unit, see `fairpay.kernels.split.add_fine`."""
        from fairpay.kernels import split  # noqa: PLC0415 - Numba is loaded where it is used

        split.add_fine(*self.entries(usage), budget, place, out)
