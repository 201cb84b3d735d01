"""What a signal is: something about an account or an artist that a person may want to look at. Never a verdict."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fairpay.fraud.traces import Audience, Column, Sketches, Traces
    from fairpay.kernels.arrays import Ints

__all__ = ["ArtistSignal", "Aspect", "Floats", "Group", "GroupSignal", "Levels", "Signal", "UserSignal"]

Floats: TypeAlias = NDArray[np.float64]
Aspect = Literal["amount", "rest", "length", "sameness", "accomplices", "audience", "reach"]


@dataclass(frozen=True, slots=True)
class Levels:
    """From where on a value is worth a look. Infinite: never."""

    together: float
    """Enough together with a signal of another aspect."""
    alone: float
    """Enough by itself."""


class Described(ABC):
    """What every signal says about itself. Its docstring says what it measures; its fields are its parameters."""

    name: ClassVar[str]
    """A column of the output: `hours_a_day`."""
    source: ClassVar[str]
    """Where the idea comes from."""
    innocent: ClassVar[str]
    """What an innocent account with this value may be."""
    needs: ClassVar[frozenset[Column]] = frozenset()
    """Columns of the log without which it cannot run."""
    says: ClassVar[str]
    """What it says to a reader, to be filled in: `plays {value:,.0f} times a day`; {signal} has the parameters."""

    @classmethod
    def summary(cls) -> str:
        """Return the first paragraph of the docstring, in one line."""
        return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())


@dataclass(frozen=True)
class Signal(Described):
    """A signal about single accounts or artists. Signals of one aspect say the same thing, so they count once."""

    aspect: ClassVar[Aspect]
    several: ClassVar[str] = ""
    """What the accounts of a group that reach it do: `play around the clock`; empty for artists."""
    low: ClassVar[bool] = False
    """Whether small values are the conspicuous ones."""

    together: float = np.inf
    """From here on a value is worth a look together with a signal of another aspect. Infinite: never."""
    alone: float = np.inf
    """From here on a value is worth a look by itself."""

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - most levels are the same in every log
        """Say from where on a value counts, in the light of the values of the whole log (NaN: not applicable)."""
        return Levels(self.together, self.alone)

    def words(self, value: float) -> str:
        """Say a value to a reader: `plays 612 times a day`."""
        return self.says.format(value=value, signal=self)

    def reached(self, values: Floats, level: float) -> NDArray[np.bool_]:
        """Which values are at a level or beyond it: bool[n]; NaN never is."""
        with np.errstate(invalid="ignore"):
            return values <= level if self.low else values >= level


class UserSignal(Signal):
    """A signal about an account."""

    applies: ClassVar[int] = 100
    """Plays of an account below which it is not measured: too few to tell anything, too little money to matter."""

    def measure(self, traces: Traces) -> Floats:
        """Measure each user of a block: float64[users], NaN where it does not apply, or the log lacks the columns."""
        return self.measure_users(traces) if self.needs <= traces.has else np.full(traces.users, np.nan)

    @abstractmethod
    def measure_users(self, traces: Traces) -> Floats:
        """Measure each user of a block that has the columns; NaN where it does not apply (too few plays)."""


class ArtistSignal(Signal):
    """A signal about an artist."""

    @abstractmethod
    def measure(self, audience: Audience) -> Floats:
        """Measure each artist: float64[artists], NaN where it does not apply (too few listeners)."""


@dataclass(frozen=True, slots=True)
class Group:
    """Accounts that belong together by some signal."""

    users: Ints
    """int64[members]: user codes (ranks of the sorted ids), ascending."""
    value: float
    """How strongly, in the signal's own measure."""


class GroupSignal(Described):
    """A signal about accounts together. A group is enough by itself: its members may each look like anybody."""

    @abstractmethod
    def find(self, sketches: Sketches) -> list[Group]:
        """Find the groups. An account may stand in several signals' groups, but in one of each."""

    def words(self, group: Group) -> str:
        """Say a group to a reader."""
        return self.says.format(accounts=len(group.users), value=group.value, signal=self)
