"""One pool of a finished intake: its figures, its artists, its month."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar

import pyarrow as pa

from fairpay.engine.partition import PayerTotals
from fairpay.money.integers import sum_exactly
from fairpay.rules.core.month import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from fractions import Fraction

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Totals, Usage, Users

__all__ = ["Intake", "Listening", "LocalMonth", "LocalPool"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Intake(PayerTotals):
    """What was taken in, exactly."""

    artists: int
    """Artists with a qualified listen."""
    ms: int | None
    """None where no batch had a duration."""
    subscribers: int
    """Lines of the subscriber file."""


class Listening(Protocol):
    """The plays of one pool, user by user: in memory, with listeners divided anew, or elsewhere."""

    @property
    def artist(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""

    @property
    def artists(self) -> int:
        """How many there are."""
        return len(self.artist)

    def names(self, places: Ints) -> list[str]:
        """Ids of some artists: int64[n] positions."""
        found: list[str] = self.artist.take(pa.array(places)).to_pylist()
        return found

    @property
    def redivided(self) -> bool:
        """Whether the amounts of some users are parts of a whole that is not their listening, see `Usage.whole`."""
        return False

    @property
    def more_dropped(self) -> int:
        """Rows left out that nobody took in; see `redivided`."""
        return 0

    @property
    def facts(self) -> tuple[Ints, Ints, Ints]:
        """int64[artists] each: amount, plays, ms."""

    @property
    def listeners(self) -> Ints:
        """int64[artists]: distinct users."""

    def walk(self, function: Callable[[Usage], T]) -> Iterator[T]:
        """Hand every block over, on threads; yield the results as they come."""

    def gather(self, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int) -> tuple[Ints, Totals]:
        """Gather from every block, as `month.Month.gather` does."""

    def users(self) -> Iterator[Users]:
        """Yield the users of every block without their artists."""

    def release(self) -> None:
        """Let go of everything."""


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class LocalMonth:
    """A `month.Month` of a pool, wherever its plays are."""

    listening: Listening
    facts: Facts
    """Totals of the whole month."""
    apart: LocalPool | None
    """See `tracks`."""

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]: listening of each artist, in the measure."""
        return self.listening.facts[0]

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]: distinct users of each artist."""
        return self.listening.listeners

    @property
    def tracks(self) -> LocalMonth | None:
        """The same plays with tracks in the place of users."""
        return None if self.apart is None else LocalMonth(self.apart.listening, self.facts, None)

    def each(self, visit: Callable[[Usage], T]) -> Iterator[T]:
        """Call `visit` with each block, on threads; yield the results. A block's arrays live only during the call."""
        return self.listening.walk(visit)

    def each_users(self, visit: Callable[[Users], T]) -> Iterable[T]:
        """The same without artists."""
        return map(visit, self.listening.users())

    def gather(
        self, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int | None = None
    ) -> tuple[Ints, Totals]:
        """Call `visit(block, out)` with each block, `out` being the thread's int64[rows, columns]; return the sums."""
        return self.listening.gather(visit, rows=rows, columns=self.facts.artists if columns is None else columns)


@dataclass(eq=False)
class LocalPool:
    """What one pool holds. Arrays are in artist order.

    Who the artists are is looked for when it is needed; what each adds up to needs a walk.
    """

    payers: PayerTotals
    """What the users add up to: known without looking at rows."""
    listening: Listening
    has_ms: bool
    subscribers: int
    """Lines of the subscriber file."""
    tracks: LocalPool | None = None
    """The same plays with tracks in the place of users, where these are kept apart."""

    @cached_property
    def intake(self) -> Intake:
        """All that was taken in; this needs a walk, see `payers`."""
        known = asdict(self.payers)
        known["unlisted_rows"] += self.listening.more_dropped
        ms = sum_exactly(self.listening.facts[2]) if self.has_ms else None
        return Intake(**known, artists=self.listening.artists, ms=ms, subscribers=self.subscribers)

    def month(  # noqa: PLR0913 - the facts that only the caller knows
        self,
        *,
        pool: int,
        rate: Fraction | None,
        fees_are_money: bool,
        fee_unit: int = 1,
        play: int | None = 1,
        digits: int = 2,
        held: bool = False,
    ) -> LocalMonth:
        """Return the month for rules; `pool` minor units are to be divided, the rest is as in `month.Facts`.

        `held` says that the money of subscribers who played nothing is no part of the pool.
        """
        payers = self.payers
        facts = Facts(
            artists=self.listening.artists,
            users=payers.users,
            amount=payers.amount,
            plays=payers.plays,
            fees=payers.fees,
            inactive_fees=0 if held else payers.inactive_fees,
            pool=pool,
            rate=rate,
            fees_are_money=fees_are_money,
            fee_unit=fee_unit,
            play=play,
            divided=self.listening.redivided,
            digits=digits,
        )
        return LocalMonth(self.listening, facts, self.tracks)

    def release(self) -> None:
        """Let go of the listening: nothing but `payers` can be asked for afterwards."""
        self.listening.release()
        if self.tracks is not None:
            self.tracks.release()

    @property
    def artist(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        return self.listening.artist

    def names(self, places: Ints) -> list[str]:
        """Ids of some artists: int64[n] positions."""
        return self.listening.names(places)

    @property
    def artist_plays(self) -> Ints:
        """int64[artists]: plays of each artist."""
        return self.listening.facts[1]

    @property
    def artist_ms(self) -> Ints | None:
        """int64[artists]: milliseconds of each artist; None where no batch had a duration."""
        return self.listening.facts[2] if self.has_ms else None

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]: listening of each artist, in the measure."""
        return self.listening.facts[0]

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]: distinct users of each artist; walks once unless a walk was made."""
        return self.listening.listeners
