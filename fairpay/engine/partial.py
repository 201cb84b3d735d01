"""Partial results: what some users of a pool add to it, as integers that add up in any order, and no user among them.

Parts of disjoint users add up to the part of all. A pool made of parts knows every total; what a rule wants to know of
single users is asked of whoever holds them, by a `Walks`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.engine.keys import Artists, order_of
from fairpay.engine.pool import LocalPool
from fairpay.engine.protocol import PayerTotals
from fairpay.errors import InputError
from fairpay.money.currency import LARGEST
from fairpay.money.integers import sum_exactly
from fairpay.rules.core.month import Users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fairpay.engine.protocol import Facts as ArtistFacts
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Facts, Totals, Usage

__all__ = ["MergedMonth", "PoolPart", "Walks", "add_parts", "ids_of", "merged_pool", "places_of"]

T = TypeVar("T")
BLOCK = 1 << 20
"""Users laid out at a time."""
USERS = ("fee", "total", "plays")
"""What is known of a user without saying who it is."""


@dataclass(frozen=True, slots=True)
class PoolPart:
    """What some users add to one pool."""

    payers: PayerTotals
    subscribers: int
    """Lines of the subscriber file."""
    has_ms: bool
    artist: pa.Array
    """large_string[artists], sorted by bytes."""
    amount: Ints
    plays: Ints
    ms: Ints
    listeners: Ints
    """int64[artists] each."""
    users: pl.DataFrame
    """How many users paid and played alike: fee, total, plays, count; sorted."""

    @classmethod
    def of(cls, pool: LocalPool, *, paid: bool = True) -> PoolPart:
        """Take what a pool of this machine adds up to; of plays that nobody pays for, how many there are is enough."""
        if not paid:
            none = np.zeros(0, dtype=np.int64)
            artist = pa.array([], pa.large_string())
            return cls(pool.payers, 0, pool.has_ms, artist, none, none, none, none, alike([]))
        amount, plays, ms = pool.listening.facts
        blocks = [
            pl.DataFrame({name: getattr(users, name) for name in USERS}).group_by(USERS).len("count")
            for users in pool.listening.users()
        ]
        return cls(
            payers=pool.payers,
            subscribers=pool.subscribers,
            has_ms=pool.has_ms,
            artist=pool.artist,
            amount=amount,
            plays=plays,
            ms=ms,
            listeners=pool.artist_listeners,
            users=alike(blocks),
        )


def alike(blocks: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add up how many users are alike; sorted, so that no order of theirs is left."""
    none = pl.DataFrame(schema=dict.fromkeys((*USERS, "count"), pl.Int64))
    whole = pl.concat([none, *(block.cast(pl.Int64) for block in blocks)])
    return whole.group_by(USERS).agg(pl.col("count").sum()).sort(USERS)


def add_parts(parts: Sequence[PoolPart]) -> PoolPart:
    """Add parts of disjoint users.

    Raises:
        InputError: a sum is above 2^62.

    """
    ids = ids_of([part.artist for part in parts])
    sums = {name: np.zeros(len(ids), dtype=np.int64) for name in ("amount", "plays", "ms", "listeners")}
    payers = {one.name: sum(getattr(part.payers, one.name) for part in parts) for one in fields(PayerTotals)}
    ms = sum(sum_exactly(part.ms) for part in parts)
    for what, total in {"listening": payers["amount"], "plays": payers["plays"], "milliseconds": ms}.items():
        check(f"the {what} of all parts", total)
    check("the fees of all users", payers["fees"] + payers["inactive_fees"])
    for part in parts:
        at = places_of(part.artist, ids)
        for name, total in sums.items():
            total[at] += getattr(part, name)
    return PoolPart(
        payers=PayerTotals(**payers),
        subscribers=sum(part.subscribers for part in parts),
        has_ms=any(part.has_ms for part in parts),
        artist=ids,
        **sums,
        users=alike(part.users for part in parts),
    )


def check(what: str, total: int) -> None:
    if total > LARGEST:
        message = f"{what} sum to {total}, which is more than 2^62"
        raise InputError(message, advice="Check the units of durations, plays and fees, or divide in several pools.")


def ids_of(several: Sequence[pa.Array]) -> pa.Array:
    """Unite ids: large_string, each once, sorted by bytes."""
    ids = pa.chunked_array(several, pa.large_string()).unique()
    return ids.take(pa.array(order_of(ids)))


def places_of(ids: pa.Array, among: pa.Array) -> Ints:
    """int64[ids]: the place of each id among others that hold it, sorted by bytes."""
    if len(ids) == len(among):  # they are the same then
        return np.arange(len(ids), dtype=np.int64)
    known = pl.DataFrame({"id": pl.Series(among), "place": np.arange(len(among), dtype=np.int64)})
    return (
        pl.DataFrame({"id": pl.Series(ids)}).join(known, on="id", how="left", maintain_order="left")["place"].to_numpy()
    )


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
class MergedListening:
    """The listening of a pool whose plays are elsewhere, as `protocol.Listening`."""

    part: PoolPart
    artists: Artists
    walks: Walks
    pool: int
    redivided: bool = False
    more_dropped: int = 0

    @property
    def facts(self) -> ArtistFacts:
        """Amount, plays and ms of each artist."""
        return self.part.amount, self.part.plays, self.part.ms

    def listeners(self) -> Ints:
        """Count distinct users of each artist."""
        return self.part.listeners

    def users(self) -> Iterator[Users]:
        """Lay the users out, those who are alike one after another."""
        fee, total, plays, count = (self.part.users[name].to_numpy() for name in (*USERS, "count"))
        ends = np.cumsum(count)
        for first in range(0, int(ends[-1]) if len(ends) else 0, BLOCK):
            at = np.searchsorted(ends, np.arange(first, min(first + BLOCK, int(ends[-1]))), side="right")
            yield Users(fee[at], total[at], plays[at])

    def walk(self, function: Callable[[Usage], T]) -> Iterator[T]:
        """Ask whoever holds the plays."""
        yield from self.walks.each(self.pool, function)

    def release(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class MergedMonth:
    """A `month.Month` made of parts: totals are known, walks are asked for."""

    listening: MergedListening
    facts: Facts

    @property
    def tracks(self) -> None:
        """Nobody has them all."""

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]: listening of each artist, in the measure."""
        return self.listening.part.amount

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]: distinct users of each artist."""
        return self.listening.part.listeners

    def each(self, visit: Callable[[Usage], T]) -> Iterator[T]:
        """Visit every block, wherever it is."""
        return self.listening.walk(visit)

    def each_users(self, visit: Callable[[Users], T]) -> Iterator[T]:
        """Visit the users without their artists: these are here."""
        return map(visit, self.listening.users())

    def gather(
        self, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int | None = None
    ) -> tuple[Ints, Totals]:
        """Gather from every block, wherever it is."""
        wide = self.facts.artists if columns is None else columns
        return self.listening.walks.gather(self.listening.pool, visit, rows=rows, columns=wide)


def merged_pool(part: PoolPart, walks: Walks, pool: int) -> LocalPool:
    """Return a pool made of the parts of all its users."""
    listening = MergedListening(part, Artists(part.artist), walks, pool)
    return LocalPool(
        part.payers,
        listening,
        has_ms=part.has_ms,
        subscribers=part.subscribers,
        month_of=lambda listening, facts, _: MergedMonth(listening, facts),
    )
