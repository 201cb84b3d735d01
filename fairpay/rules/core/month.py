"""A month as rules see it: the listening of one pool, whatever engine holds it, block by block of whole users."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from threading import Lock
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Codes, Ints

__all__ = ["Entries", "Facts", "Month", "Scratch", "Split", "Totals", "Usage", "Users", "totals_of"]

T = TypeVar("T")
Totals: TypeAlias = tuple[int, ...]
"""Sums of integers of any size, one for each thing that is added up."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Exact totals of the whole month, known before any rule weighs."""

    artists: int
    """Artists with at least one qualified listen; artist codes run from 0 to artists - 1."""
    users: int
    """Users with listening."""
    amount: int
    """Sum of all listening, in the measure (plays or milliseconds)."""
    plays: int
    """Qualified plays."""
    fees: int
    """F: fees of the users with listening, in fee units."""
    inactive_fees: int
    """Fees of subscribers without listening that the pool is of, in fee units: 0 where they are held."""
    pool: int
    """P: what is divided, in minor units."""
    rate: Fraction | None
    """Alpha, the royalty rate, where it is stated or follows from fees; None where only a pool is known."""
    fees_are_money: bool
    """Whether a fee unit is a minor unit of the currency (False where only a pool is stated and each fee is 1)."""
    fee_unit: int = 1
    """How many fee units make a minor unit, where they are money: more than one where part of a fee is passed on."""
    play: int | None = 1
    """What one play comes to in `amount`, before play weights; None where listening is time."""
    divided: bool = False
    """Whether the amounts of some users are parts of a whole that is not their listening, see `Usage.whole`."""
    digits: int = 2
    """Digits of the currency's minor unit: 10 ** digits minor units are one of the currency."""

    @property
    def alpha(self) -> Fraction | None:
        """Alpha' = P/F, the pool over the fees of those who listened; None where no rate is known.

        It is in the exact terms of the royalty rate where the pool is that, rounded to minor units.
        """
        if self.rate is None or not self.fees or not self.fees_are_money:
            return self.rate
        unrounded = self.rate * (self.fees + self.inactive_fees)
        if abs(unrounded / self.fee_unit - self.pool) < 1:
            return unrounded / self.fees
        return Fraction(self.pool * self.fee_unit, self.fees)


@dataclass(frozen=True, slots=True)
class Usage:
    """A block of whole users, as flat arrays. The order of users, and of the entries of one user, means nothing.

    Artist codes are ranks of the artist ids sorted by bytes, so the smaller code is the smaller id.
    Every user here has listened: `total > 0` and each `amount > 0`. No artist stands twice under one user.
    """

    start: Ints
    """int64[users + 1]: user i owns entries start[i] to start[i + 1] of `artist` and `amount`."""
    artist: Codes
    """uint32[entries]: artist codes."""
    amount: Ints
    """int64[entries]: listening, in plays or milliseconds (after play weights, where there are any); of a user with a
    `whole` that is not `total`, parts of it: x_uj = total x amount / whole."""
    fee: Ints
    """int64[users]: what each user paid, in the month's fee units (minor units; 1 where only a pool is stated)."""
    total: Ints
    """int64[users]: what each user listened, L_u."""
    plays: Ints
    """int64[users]: qualified plays of each user, whatever the measure."""
    divided: Ints | None = None
    """int64[users]: the sum of each user's amounts, where some have listening divided anew; None: it is `total`."""
    groups: tuple[Ints, ...] = ()
    """int64[users] each: which group each user is in, by each column that groups are asked for by; no rule looks."""

    @property
    def whole(self) -> Ints:
        """int64[users]: the sum of each user's amounts: s_uj = amount / whole."""
        return self.total if self.divided is None else self.divided

    @property
    def users(self) -> int:
        """How many users the block holds."""
        return len(self.total)


@dataclass(frozen=True, slots=True)
class Users:
    """A block of users without their artists: the same arrays as in `Usage`, each int64[users]."""

    fee: Ints
    total: Ints
    plays: Ints


class Month(Protocol):
    """The listening of one pool. Each method sees every user once, in blocks, on threads, in no stated order.

    A month takes weak references: what is found of it may be kept as long as it is.
    """

    @property
    def facts(self) -> Facts:
        """Totals of the whole month."""
        ...

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]: listening of each artist, in the measure; in a finer unit where some is divided anew."""
        ...

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]: distinct users of each artist."""
        ...

    @property
    def tracks(self) -> Month | None:
        """The same plays and artists with tracks in the place of users; None where tracks are not kept apart.

        Plays without a track are of one more. Of tracks that several artists have, each artist's is an entry.
        """
        ...

    def each(self, visit: Callable[[Usage], T]) -> Iterable[T]:
        """Call `visit` with each block, on threads; yield the results, in no stated order."""
        ...

    def each_users(self, visit: Callable[[Users], T]) -> Iterable[T]:
        """The same without artists: cheap, no plays are touched."""
        ...

    def gather(
        self, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int | None = None
    ) -> tuple[Ints, Totals]:
        """Call `visit(block, out)` on each block, and add up.

        Args:
            visit: adds to `out` and may return integers of any size; it changes nothing else and asks the month for
                nothing, so that it may run on another machine.
            rows: of `out`.
            columns: of `out`; None: artists.

        Returns:
            the sum of all `out`, int64[rows, columns], and of what the visits returned, place by place.

        """
        ...


def totals_of(found: Iterable[Totals | None]) -> Totals:
    """Add up what visits returned, place by place."""
    return tuple(map(sum, zip(*filter(None, found), strict=True)))


class Scratch(Generic[T]):
    """What visits on threads write in: each has one of its own while it runs, which the next one uses again."""

    def __init__(self, make: Callable[[], T]) -> None:
        """Take what makes one, for as many as run at once."""
        self.make = make
        self.all: list[T] = []
        self.idle: list[T] = []
        self.lock = Lock()

    @contextmanager
    def one(self) -> Iterator[T]:
        """Hand out one that nobody uses."""
        with self.lock:
            if not self.idle:
                self.idle.append(self.make())
                self.all.append(self.idle[-1])
            mine = self.idle.pop()
        try:
            yield mine
        finally:
            with self.lock:
                self.idle.append(mine)


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
