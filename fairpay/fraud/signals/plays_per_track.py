"""plays_per_track: few tracks for many plays."""

from fairpay.fraud.signals import Floats, UserSignal
from fairpay.fraud.traces import Traces, distinct


class PlaysPerTrack(UserSignal):
    """Plays of each distinct track, on average over the log, for accounts with 1,500 plays or more."""

    together = 60.0
    aspect = "sameness"
    applies = 1500
    source = "Eternify (2015): an app that loops one artist"
    innocent = "someone who sleeps to one track of white noise"
    several = "repeat the same tracks"
    needs = frozenset({"track"})
    says = "plays each track {value:,.0f} times"

    def measure(self, traces: Traces) -> Floats:
        """Divide plays by distinct tracks."""
        return traces.plays / distinct(traces.ascending("track"), traces.start)
