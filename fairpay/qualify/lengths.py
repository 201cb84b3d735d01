"""Which rows are too short to count: a row of several plays goes by its mean length, not by what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.usage import Ints

__all__ = ["shorter"]


def shorter(
    ms: Ints, plays: Ints | None, least: int | Ints, *, rounded_up: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Say which rows are shorter for each play than `least`, exactly: ms < least x plays, which cannot wrap here.

    Args:
        ms: int64[rows]: milliseconds of all plays of a row.
        plays: int64[rows], 1 or more where it matters; None: one each.
        least: milliseconds, one for all or int64[rows]; 0: nothing is short.
        rounded_up: bool[rows]: durations a little below `ms`, so that one just long enough is short.

    """
    if plays is None:
        short = ms < least
        return short if rounded_up is None else short | ((ms == least) & rounded_up)
    # ms < least x plays is ms // least < plays, in whole numbers.
    whole, rest = np.divmod(ms, np.maximum(least, 1))
    short = whole < plays
    if rounded_up is not None:
        short |= (whole == plays) & (rest == 0) & rounded_up
    return short & (np.asarray(least) > 0)
