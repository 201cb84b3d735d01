"""What a signal is: something about an account or an artist that a person may want to look at. Never a verdict.

The signals stand in this folder, one file each, and the folder is the registry: a new file is found by itself.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fairpay.money.counts import counted

if TYPE_CHECKING:
    from types import UnionType

    from fairpay.fraud.traces import Column, Sketches, Traces
    from fairpay.kernels.arrays import Ints

__all__ = [
    "DAILY",
    "WHOLE",
    "AccountSignal",
    "ArtistSignal",
    "Aspect",
    "Floats",
    "Group",
    "GroupSignal",
    "LikenessSignal",
    "Signal",
    "UserSignal",
    "WholeLogSignal",
    "artist_signals",
    "group_signals",
    "user_signals",
]

Floats: TypeAlias = NDArray[np.float64]
WHOLE = pl.col("whole").first()
"""How often an account plays, for what a `UserSignal` makes of it."""
DAILY = pl.col("daily").first()
"""The same a day."""
Aspect = Literal["amount", "rest", "length", "sameness", "accomplices", "audience", "reach"]


class Described(ABC):
    """What every signal says about itself. Its docstring says what it measures."""

    name: ClassVar[str]
    """A column of the output: the name of its file."""
    source: ClassVar[str]
    """Where the idea comes from."""
    innocent: ClassVar[str]
    """What an innocent account with this value may be."""
    needs: ClassVar[frozenset[Column]] = frozenset()
    """Columns of the log without which it does not run."""
    says: ClassVar[str]
    """What it says to a reader, to be filled in: `plays {value:,.0f} times a day`; {share} is the value in percent,
    {signal} has the parameters."""

    def __init_subclass__(cls) -> None:
        """Name the signal after its file."""
        cls.name = vars(cls).get("name", cls.__module__.rpartition(".")[2])

    @classmethod
    def summary(cls) -> str:
        """Return the first paragraph of the docstring, in one line."""
        return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())


class Signal(Described):
    """A signal about single accounts or artists. Signals of one aspect say the same thing, so they count once."""

    aspect: ClassVar[Aspect]
    several: ClassVar[str] = ""
    """What the accounts of a group that reach it do: `play around the clock`; empty for artists."""
    low: ClassVar[bool] = False
    """Whether small values are the conspicuous ones."""
    together: ClassVar[float] = np.inf
    """From here on a value is worth a look together with a signal of another aspect. Infinite: never."""
    alone: ClassVar[float] = np.inf
    """From here on a value is worth a look by itself. Infinite: never."""

    def level(self, values: Floats) -> float:  # noqa: ARG002 - most levels are the same in every log
        """Return `together`, in the light of the values of the whole log (NaN: not applicable)."""
        return self.together

    def words(self, value: float) -> str:
        """Say a value to a reader: `plays 612 times a day`."""
        return self.says.format(value=value, share=percent(value), signal=self)

    def figure(self, value: float) -> str:
        """Write a value as it stands among these words: `612`."""
        fields = [
            f"{{{name}:{form}}}" for _, name, form, _ in Formatter().parse(self.says) if name in {"value", "share"}
        ]
        return fields[0].format(value=value, share=percent(value))

    def reached(self, values: Floats, level: float) -> NDArray[np.bool_]:
        """Which values are at a level or beyond it: bool[n]; NaN never is."""
        return values <= level if self.low else values >= level


class UserSignal(Signal):
    """A signal about an account."""

    applies: ClassVar[int] = 100
    """Plays of an account below which it is not measured: too few to tell anything, too little money to matter."""
    looks_at: ClassVar[Literal["rows", "pairs"]] = "rows"
    """Whether at each play, or at the artists."""
    value: ClassVar[pl.Expr]
    """Made of the columns of what it looks at, for one user, see `Traces`; null where it does not apply.

    Nothing is divided by a constant here: Polars would multiply by what is left of 1 divided by it.
    """

    def measure(self, traces: Traces) -> pl.DataFrame:
        """Measure the users of a block in a log that has the columns: `user`, `value`."""
        plays: pl.DataFrame = getattr(traces, self.looks_at)
        return plays.group_by("user").agg(value=pl.when(self.applies <= WHOLE).then(self.value))


class WholeLogSignal(Signal):
    """A signal about an account that only shows beside everybody else's plays."""

    @abstractmethod
    def of(self, sketches: Sketches) -> Floats:
        """Measure everybody: float64[users], NaN where it does not apply."""


AccountSignal: TypeAlias = UserSignal | WholeLogSignal


class ArtistSignal(Signal):
    """A signal about an artist."""

    counted: ClassVar[Literal["plays", "listeners"]] = "listeners"
    least: ClassVar[int] = 10
    """An artist with fewer of what is `counted` is not measured."""

    value: ClassVar[pl.Expr]
    """Made of the columns of an audience, see `fairpay.fraud.detect.walk.audience_of`."""

    def measure(self, audience: pl.DataFrame) -> Floats:
        """Measure each artist: float64[artists], NaN where it is not measured."""
        known = pl.when(pl.col(self.counted) >= self.least).then(self.value)
        return audience.select(known.fill_null(np.nan)).to_series().to_numpy()


@dataclass(frozen=True, slots=True)
class Group:
    """Accounts that belong together by some signal."""

    users: Ints
    """int64[members]: user codes (ranks of the sorted ids), ascending."""
    value: float
    """How strongly, in the signal's own measure."""
    artists: int = 0
    """The artists who live from them, where the signal knows."""


class GroupSignal(Described):
    """A signal about accounts together: its members may each look like anybody."""

    least_users: ClassVar[int]
    """Fewer accounts are no group."""
    enough: ClassVar[bool] = True
    """Whether a group is worth a look by itself; else most of its accounts must reach a signal of their own as well."""

    @abstractmethod
    def find(self, sketches: Sketches) -> list[Group]:
        """Find the groups. An account may stand in several signals' groups, but in one of each."""

    def words(self, group: Group) -> str:
        """Say a group to a reader."""
        artists = counted(group.artists, "artist")
        size, share = len(group.users), percent(group.value)
        return self.says.format(accounts=size, value=group.value, share=share, artists=artists, signal=self)


class LikenessSignal(GroupSignal):
    """A signal about accounts whose sets look alike by their MinHash signatures, in time near-linear in users."""

    rows: ClassVar[int] = 2
    """How many hashes make a band: two sets are compared where they agree in all hashes of some band."""
    share: ClassVar[float]
    """The share of hashes in which two sets must agree."""

    @abstractmethod
    def signed(self, sketches: Sketches) -> tuple[NDArray[np.uint32], Ints]:
        """Return the signatures of every user's set, uint32[users, hashes], and the users to look at, ascending."""

    def find(self, sketches: Sketches) -> list[Group]:
        """Join the sets that look alike; groups come by their first member."""
        from fairpay.kernels.graphs import roots, unite  # noqa: PLC0415 - Numba is loaded where it is used

        signs, able = self.signed(sketches)
        parent = np.arange(len(signs), dtype=np.int64)
        needed = int(np.ceil(self.share * signs.shape[1]))
        for first in range(0, signs.shape[1] - self.rows + 1, self.rows):
            key = np.zeros(len(able), dtype=np.uint64)
            for k in range(first, first + self.rows):
                key = key * np.uint64(0x9E3779B97F4A7C15) + signs[able, k]
            order = np.argsort(key, kind="stable")
            unite(able[order], key[order], signs, needed, parent)
        roots(parent)
        root = parent[able]
        joined = np.flatnonzero(np.bincount(root, minlength=1)[root] >= self.least_users)
        joined = joined[np.argsort(root[joined], kind="stable")]
        groups = np.split(able[joined], np.flatnonzero(np.diff(root[joined])) + 1) if len(joined) else []
        return [Group(users, agreement(signs[users])) for users in groups]


def percent(share: float) -> str:
    """Write a share in whole percent: `98 %`."""
    return f"{share * 100:.0f} %"


def agreement(signs: NDArray[np.uint32]) -> float:
    """Return the mean share of the hashes of uint32[members, hashes] that are the group's commonest ones."""
    return float(np.mean([np.unique(column, return_counts=True)[1].max() / len(column) for column in signs.T]))


def user_signals() -> tuple[AccountSignal, ...]:
    """Return every signal about accounts, by name."""
    return of_kind(AccountSignal)


def artist_signals() -> tuple[ArtistSignal, ...]:
    """Return every signal about artists, likewise."""
    return of_kind(ArtistSignal)


def group_signals() -> tuple[GroupSignal, ...]:
    """Return every signal about accounts together, likewise."""
    return of_kind(GroupSignal)


def of_kind(kind: type[Any] | UnionType) -> tuple[Any, ...]:
    """Return an instance of every class of a kind that a file of this folder defines, by name."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found = [
        one for module in modules for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__
    ]
    return tuple(one() for one in found if isinstance(one, type) and issubclass(one, kind))
