"""plays_per_track: few tracks for many plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import Levels, UserSignal
from fairpay.fraud.traces import distinct

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Column, Floats
    from fairpay.fraud.traces import Traces


@dataclass(frozen=True)
class PlaysPerTrack(UserSignal):
    """Plays of each distinct track, on average over the log, for accounts with 1,500 plays or more."""

    together: float = 60.0
    alone: float = np.inf

    name: ClassVar[str] = "plays_per_track"
    aspect: ClassVar[Aspect] = "sameness"
    applies: ClassVar[int] = 1500
    source: ClassVar[str] = "Eternify (2015): an app that loops one artist"
    innocent: ClassVar[str] = "someone who sleeps to one track of white noise"
    several: ClassVar[str] = "repeat the same tracks"
    needs: ClassVar[frozenset[Column]] = frozenset({"track"})

    def measure(self, traces: Traces) -> Floats:
        """Divide plays by distinct tracks."""
        if traces.tracks is None:
            return np.full(traces.users, np.nan)
        return traces.plays / distinct(traces.tracks, traces.start)

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - the same in every log
        """Fixed."""
        return Levels(self.together, self.alone)

    def words(self, value: float) -> str:
        """Say it."""
        return f"plays each track {value:,.0f} times"
