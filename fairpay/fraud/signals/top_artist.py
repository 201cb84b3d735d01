"""top_artist: how much of an account's plays go to one artist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import Levels, UserSignal
from fairpay.fraud.traces import largest

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Floats
    from fairpay.fraud.traces import Traces


@dataclass(frozen=True)
class TopArtist(UserSignal):
    """Share of plays that go to the account's most played artist, for accounts with 1,500 plays or more."""

    together: float = 0.98
    alone: float = np.inf

    name: ClassVar[str] = "top_artist"
    aspect: ClassVar[Aspect] = "sameness"
    applies: ClassVar[int] = 1500
    source: ClassVar[str] = "Eternify (2015): an app that loops one artist"
    innocent: ClassVar[str] = "a fan; a child with one favourite"
    several: ClassVar[str] = "play hardly anyone but one artist"

    def measure(self, traces: Traces) -> Floats:
        """Divide the largest entry by all plays."""
        return largest(traces.pairs.plays, traces.pairs.start) / traces.plays

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - the same in every log
        """Fixed."""
        return Levels(self.together, self.alone)

    def words(self, value: float) -> str:
        """Say it."""
        return f"gives {value:.0%} of plays to one artist"
