"""How a user's budget is split among the artists played: in whole units at once, and finer for artists in doubt."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.usage import Usage

__all__ = ["Split"]


class Split(Enum):
    """Ways to split a budget. All are in proportion to something: they differ in what an artist counts."""

    BY_LISTENING = "in proportion to listening"
    EQUALLY = "in equal parts"
    TO_THE_TOP = "to the artist played most; of several, in equal parts"

    def parts(self, usage: Usage) -> tuple[Ints, Ints]:
        """Return what each entry counts, int64[entries], and what each user's entries count together, int64[users]."""
        if self is Split.BY_LISTENING:
            return usage.amount, usage.whole
        first = usage.start[:-1]
        if self is Split.EQUALLY:
            counts = np.ones_like(usage.amount)
        else:
            most = np.maximum.reduceat(usage.amount, first)
            counts = (usage.amount == np.repeat(most, np.diff(usage.start))).astype(np.int64)
        return counts, np.add.reduceat(counts, first)

    def add(self, usage: Usage, budget: Ints, out: Ints) -> None:
        """Split budgets, int64[users], and add the parts to out, int64[artists]: exact in total, never negative."""
        from fairpay.kernels import split  # noqa: PLC0415 - Numba is loaded where it is used

        counts, whole = self.parts(usage)
        if budget is whole:  # each entry counts what it is
            split.add_amounts(usage.artist, counts, out)
        else:
            split.add_proportional(usage.start, usage.artist, counts, whole, budget, out)

    def add_fine(self, usage: Usage, budget: Ints, place: NDArray[np.int32], out: Ints) -> None:
        """The same for chosen artists only, to 96 bits below the unit, see `fairpay.kernels.split.add_fine`."""
        from fairpay.kernels import split  # noqa: PLC0415 - Numba is loaded where it is used

        split.add_fine(usage.start, usage.artist, *self.parts(usage), budget, place, out)
