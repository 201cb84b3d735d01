"""Who listens to each artist: one walk over what users played, by artist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairpay.fraud.detect.store import PARTS
from fairpay.fraud.detect.walk import on_threads
from fairpay.fraud.traces import Audience

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.fraud.detect.store import Store
    from fairpay.fraud.signal import Floats
    from fairpay.kernels.arrays import Ints

__all__ = ["listen_in"]

HUNDRED = 100
HIGH = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)


def listen_in(  # noqa: PLR0913 - told apart by name
    pairs: Store,
    *,
    plays: Ints,
    artists_of: Ints,
    flagged: NDArray[np.bool_],
    intensity: Floats,
    previous: Ints | None,
    threads: int | None,
) -> Audience:
    """Describe each artist's audience.

    Args:
        pairs: who played whom, by artist.
        plays: int64[artists].
        artists_of: int64[users]: how many artists each user played.
        flagged: bool[users]: who has a finding.
        intensity: float64[artists].
        previous: int64[artists]: plays the month before, where they are known.
        threads: how many parts at once.

    """
    listeners, loyal, heavy, marked = (np.zeros(len(plays), dtype=np.int64) for _ in range(4))

    def visit(part: int) -> None:
        rows = pairs.take(part)
        if not len(rows):
            return
        rows = rows[np.lexsort((~rows[:, 1], rows[:, 0] >> HIGH))]
        key, user = (rows[:, 0] >> HIGH).astype(np.int64), (rows[:, 0] & LOW).astype(np.int64)
        played = rows[:, 1].astype(np.int64)
        begin = np.flatnonzero(np.diff(key, prepend=-1))
        artist, size = key[begin], np.diff(np.append(begin, len(rows)))
        listeners[artist] = size
        loyal[artist] = np.add.reduceat(artists_of[user] == 1, begin, dtype=np.int64)
        marked[artist] = np.add.reduceat(np.where(flagged[user], played, 0), begin)
        place = np.arange(len(rows)) - np.repeat(begin, size)
        top = place < np.repeat(np.maximum(size // HUNDRED, 1), size)
        heavy[artist] = np.add.reduceat(np.where(top, played, 0), begin)

    on_threads(visit, range(PARTS), threads)
    return Audience(plays, listeners, loyal, heavy, marked, intensity, previous)
