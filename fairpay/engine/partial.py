"""Partial results: what some users of a pool add to it, as integers that add up in any order, and no user among them.

Parts of disjoint users add up to the part of all. A pool made of parts knows every total; what a rule wants to know of
single users is asked of whoever holds them, by a `Walks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import polars as pl

from fairpay.engine.partition import PayerTotals, check_sum
from fairpay.engine.pool import Listening, LocalPool
from fairpay.errors import InputError
from fairpay.logs.cells import to_arrow
from fairpay.money.integers import sum_exactly
from fairpay.rules.core.month import Users, totals_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Totals, Usage

__all__ = ["ARTISTS", "USERS", "Answer", "PoolPart", "Walks", "add_parts", "merged_pool", "summed"]

T = TypeVar("T")
UNITS = "Check the units of durations, plays and fees, or divide in several pools."
BLOCK = 1 << 20
"""Users laid out at a time."""
ARTISTS = pl.Schema({"id": pl.String, **dict.fromkeys(("amount", "plays", "ms", "listeners"), pl.Int64)})
USERS = pl.Schema(dict.fromkeys(("fee", "total", "plays", "count"), pl.Int64))
"""What is known of users without saying who they are."""


@dataclass(frozen=True, slots=True)
class PoolPart:
    """What some users add to one pool."""

    payers: PayerTotals
    subscribers: int
    """Lines of the subscriber file."""
    has_ms: bool
    artists: pl.DataFrame
    """`ARTISTS`, sorted by the bytes of their ids."""
    users: pl.DataFrame
    """`USERS`: how many paid and played alike; sorted."""

    @classmethod
    def of(cls, pool: LocalPool, *, paid: bool = True) -> PoolPart:
        """Take what a pool of this machine adds up to; of plays that nobody pays for, how many there are is enough."""
        artists, users = ARTISTS.to_frame(), list[pl.DataFrame]()
        if paid:
            columns = (pool.artist, *pool.listening.facts, pool.listening.listeners)
            artists = pl.DataFrame([pl.Series(name, one) for name, one in zip(ARTISTS, columns, strict=True)])
            for one in pool.listening.users():
                frame = pl.DataFrame(
                    dict(zip(USERS, (one.fee, one.total, one.plays, np.ones_like(one.fee)), strict=True))
                )
                users.append(summed([frame], USERS, keys=3))
        return cls(
            payers=pool.payers,
            subscribers=pool.subscribers if paid else 0,
            has_ms=pool.has_ms,
            artists=artists,
            users=summed(users, USERS, keys=3),
        )

    @property
    def artist(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        return to_arrow(self.artists["id"])


def summed(frames: Iterable[pl.DataFrame], schema: pl.Schema, *, keys: int) -> pl.DataFrame:
    """Add up rows with the same keys, which are the first columns; sorted, so that no order is left."""
    names = [*schema][:keys]
    whole = pl.concat([schema.to_frame(), *(frame.cast(schema) for frame in frames)])
    return whole.group_by(names).agg(pl.all().sum()).sort(names)


def add_parts(parts: Sequence[PoolPart]) -> PoolPart:
    """Add parts of disjoint users.

    Raises:
        InputError: a sum is above 2^62.

    """
    payers = PayerTotals.summed(part.payers for part in parts)
    ms = sum(sum_exactly(part.artists["ms"].to_numpy()) for part in parts)
    for what, total in {"listening": payers.amount, "plays": payers.plays, "milliseconds": ms}.items():
        check_sum(f"the {what} of all parts", total, UNITS)
    check_sum("the fees of all users", payers.fees + payers.inactive_fees, UNITS)
    return PoolPart(
        payers=payers,
        subscribers=sum(part.subscribers for part in parts),
        has_ms=any(part.has_ms for part in parts),
        artists=summed((part.artists for part in parts), ARTISTS, keys=1),
        users=summed((part.users for part in parts), USERS, keys=3),
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What visits of some users, or of all, add up to: `month.Month.gather`."""

    sums: Ints
    """int64[rows, columns]."""
    totals: Totals
    pool: int = 0
    """Which pool, or variant of the month, was visited."""

    def __add__(self, other: Answer) -> Answer:
        """Add what other users' visits come to; who has no user has no totals.

        Raises:
            InputError: a sum has left 64 bits.

        """
        sums = self.sums + other.sums
        if (sums < 0).any():
            message = "the sums of the parts leave 64 bits"
            raise InputError(message, advice="Divide the month in several pools.")
        return Answer(sums, totals_of((self.totals, other.totals)), self.pool)


class Walks(Protocol):
    """Whoever holds the plays behind parts: on other machines, or answers that came from there."""

    def gather(
        self, pool: int, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int
    ) -> tuple[Ints, Totals]:
        """Gather from one pool, as `month.Month.gather` does."""

    def each(self, pool: int, visit: Callable[[Usage], T]) -> Iterable[T]:
        """Visit the blocks of one pool, as `month.Month.each` does."""

    def over(self, work: Sequence[Callable[[], T]]) -> list[T]:
        """Do work on each pool, in their order; what several ask for at once may be one walk."""


@dataclass(frozen=True, slots=True)
class MergedListening(Listening):
    """The listening of a pool whose plays are elsewhere."""

    part: PoolPart
    walks: Walks
    pool: int

    @property
    def artist(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        return self.part.artist

    @property
    def facts(self) -> tuple[Ints, Ints, Ints]:
        """int64[artists] each: amount, plays, ms."""
        amount, plays, ms = (self.part.artists[name].to_numpy() for name in ("amount", "plays", "ms"))
        return amount, plays, ms

    @property
    def listeners(self) -> Ints:
        """int64[artists]: distinct users."""
        return self.part.artists["listeners"].to_numpy()

    def users(self) -> Iterator[Users]:
        """Lay the users out, those who are alike one after another."""
        fee, total, plays, count = (self.part.users[name].to_numpy() for name in USERS)
        ends = np.cumsum(count)
        for first in range(0, int(ends[-1]) if len(ends) else 0, BLOCK):
            at = np.searchsorted(ends, np.arange(first, min(first + BLOCK, int(ends[-1]))), side="right")
            yield Users(fee[at], total[at], plays[at])

    def walk(self, function: Callable[[Usage], T]) -> Iterator[T]:
        """Ask whoever holds the plays."""
        yield from self.walks.each(self.pool, function)

    def gather(self, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int) -> tuple[Ints, Totals]:
        """Gather from every block, wherever it is."""
        return self.walks.gather(self.pool, visit, rows=rows, columns=columns)

    def release(self) -> None:
        """Nothing is held."""


def merged_pool(part: PoolPart, walks: Walks, pool: int) -> LocalPool:
    """Return a pool made of the parts of all its users."""
    return LocalPool(part.payers, MergedListening(part, walks, pool), part.has_ms, part.subscribers)
