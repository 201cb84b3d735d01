"""One pool of a finished intake: its figures, its artists, its month."""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fairpay.engine.protocol import Intake
from fairpay.money.integers import sum_exactly
from fairpay.rules.core.month import Facts, Scratch, totals_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction

    import pyarrow as pa

    from fairpay.engine.protocol import Listening, PayerTotals
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Totals, Usage, Users

__all__ = ["LocalMonth", "LocalPool"]

T = TypeVar("T")


class LocalMonth:
    """A `month.Month` over the local engine's partitions."""

    def __init__(self, listening: Listening, facts: Facts, tracks: LocalPool | None = None) -> None:
        """Bind the listening to what is known of the money."""
        self.listening = listening
        self.known = facts
        self.apart = tracks

    @property
    def facts(self) -> Facts:
        """Totals of the whole month."""
        return self.known

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]: listening of each artist, in the measure."""
        return self.listening.facts[0]

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]: distinct users of each artist."""
        return self.listening.listeners()

    @property
    def tracks(self) -> LocalMonth | None:
        """The same plays with tracks in the place of users."""
        return None if self.apart is None else LocalMonth(self.apart.listening, self.known)

    def each(self, visit: Callable[[Usage], T]) -> Iterator[T]:
        """Call `visit` with each block, on threads; yield the results. A block's arrays live only during the call."""
        return self.listening.walk(visit)

    def each_users(self, visit: Callable[[Users], T]) -> Iterator[T]:
        """The same without artists."""
        return (visit(users) for users in self.listening.users())

    def gather(
        self, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int | None = None
    ) -> tuple[Ints, Totals]:
        """Call `visit(block, out)` with each block, `out` being the thread's int64[rows, columns]; return the sums."""
        shape = rows, self.known.artists if columns is None else columns
        scratch = Scratch(lambda: np.zeros(shape, dtype=np.int64))

        def add(usage: Usage) -> Totals | None:
            with scratch.one() as out:
                return visit(usage, out)

        totals = totals_of(self.listening.walk(add))
        total, *others = scratch.all or [scratch.make()]
        for other in others:
            total += other
        return total, totals


class LocalPool:
    """What one pool holds. Arrays are in artist order.

    Who the artists are is looked for when it is needed; what each adds up to needs a walk.
    """

    def __init__(
        self,
        payers: PayerTotals,
        listening: Listening,
        *,
        has_ms: bool,
        subscribers: int,
        month_of: Callable[[Any, Facts, LocalPool | None], Month] = LocalMonth,
    ) -> None:
        """Put together what was taken in."""
        self.payers = payers
        """What the users add up to: known without looking at rows."""
        self.listening = listening
        self.has_ms = has_ms
        self.subscribers = subscribers
        self.month_of = month_of
        self.tracks: LocalPool | None = None
        """The same plays with tracks in the place of users, where these are kept apart."""

    @cached_property
    def intake(self) -> Intake:
        """All that was taken in; this needs a walk, see `payers`."""
        known = {field.name: getattr(self.payers, field.name) for field in fields(self.payers)}
        known["unlisted_rows"] += self.listening.more_dropped
        ms = sum_exactly(self.listening.facts[2]) if self.has_ms else None
        return Intake(**known, artists=self.listening.artists.count, ms=ms, subscribers=self.subscribers)

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
    ) -> Month:
        """Return the month for rules; `pool` minor units are to be divided, the rest is as in `month.Facts`.

        `held` says that the money of subscribers who played nothing is no part of the pool.
        """
        payers = self.payers
        facts = Facts(
            artists=self.listening.artists.count,
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
        return self.month_of(self.listening, facts, self.tracks)

    def release(self) -> None:
        """Let go of the listening: nothing but `payers` can be asked for afterwards."""
        self.listening.release()
        if self.tracks is not None:
            self.tracks.release()

    @property
    def artist(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        return self.listening.artists.ids

    def names(self, places: Ints) -> list[str]:
        """Ids of some artists: int64[n] positions."""
        return self.listening.artists.some(places)

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
        return self.listening.listeners()
