"""plays_per_track: few tracks for many plays."""

from dataclasses import dataclass

from fairpay.fraud.signal import Floats, UserSignal
from fairpay.fraud.traces import Traces, distinct


@dataclass(frozen=True)
class PlaysPerTrack(UserSignal):
    """Plays of each distinct track, on average over the log, for accounts with 1,500 plays or more."""

    together: float = 60.0

    name = "plays_per_track"
    aspect = "sameness"
    applies = 1500
    source = "Eternify (2015): an app that loops one artist"
    innocent = "someone who sleeps to one track of white noise"
    several = "repeat the same tracks"
    needs = frozenset({"track"})
    says = "plays each track {value:,.0f} times"

    def measure_users(self, traces: Traces) -> Floats:
        """Divide plays by distinct tracks."""
        return traces.plays / distinct(traces.ascending("track"), traces.start)
