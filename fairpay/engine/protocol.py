"""What the pipeline needs of an engine, whatever machine it runs on: listens in, pools out, each a month for rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

from fairpay.errors import InputError
from fairpay.money.counts import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from fractions import Fraction

    import pyarrow as pa

    from fairpay.engine.keys import Artists
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens
    from fairpay.rules.core.month import Month, Usage, Users

__all__ = ["Engine", "EnginePool", "Facts", "Intake", "Listening", "PayerTotals", "Unlisted", "refuse_unlisted"]

T = TypeVar("T")
Unlisted: TypeAlias = Literal["free", "leave-out", "refuse"]
"""What becomes of listeners without a subscription line."""
Facts: TypeAlias = "tuple[Ints, Ints, Ints]"
"""int64[artists] each: amount, plays, ms."""


@dataclass(frozen=True, slots=True)
class PayerTotals:
    """What users add up to."""

    users: int
    """Users with listening."""
    amount: int
    """Listening, in the measure."""
    plays: int
    """Of everybody, also of users without listening."""
    fees: int
    """Of the users with listening."""
    inactive: int
    """Subscribers without listening."""
    inactive_fees: int
    """Of those."""
    unlisted: int
    """Listeners without a subscription line."""
    unlisted_rows: int
    """Rows left out for that reason."""


@dataclass(frozen=True, slots=True)
class Intake(PayerTotals):
    """What was taken in, exactly."""

    artists: int
    """Artists with a qualified listen."""
    ms: int | None
    """None where no batch had a duration."""
    subscribers: int
    """Lines of the subscriber file."""


def refuse_unlisted(payers: PayerTotals) -> None:
    """Refuse listeners without a subscription line.

    Raises:
        InputError: there are some.

    """
    if payers.unlisted:
        message = f"{counted(payers.unlisted, 'listener has', 'listeners have')} no line in the subscriber file"
        raise InputError(message, advice="Add them, or choose what becomes of them with --unlisted.")


class Listening(Protocol):
    """The plays of one pool, user by user."""

    @property
    def artists(self) -> Artists:
        """Who was played."""
        ...

    @property
    def redivided(self) -> bool:
        """Whether the amounts of some users are parts of a whole that is not their listening, see `Usage.whole`."""
        ...

    @property
    def more_dropped(self) -> int:
        """Rows left out that nobody took in; see `redivided`."""
        ...

    @property
    def facts(self) -> Facts:
        """Amount, plays and ms of each artist."""
        ...

    def listeners(self) -> Ints:
        """Count distinct users of each artist."""
        ...

    def walk(self, function: Callable[[Usage], T]) -> Iterator[T]:
        """Hand every block over, on threads; yield the results as they come."""
        ...

    def users(self) -> Iterator[Users]:
        """Yield the users of every block without their artists."""
        ...

    def release(self) -> None:
        """Let go of everything."""
        ...


class EnginePool(Protocol):
    """What one pool holds. Arrays are in artist order."""

    @property
    def payers(self) -> PayerTotals:
        """What the users add up to: known without looking at rows."""
        ...

    @property
    def intake(self) -> Intake:
        """All that was taken in; this needs a walk."""
        ...

    @property
    def artist(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        ...

    def month(  # noqa: PLR0913 - the facts that only the caller knows
        self, *, pool: int, rate: Fraction | None, fees_are_money: bool, fee_unit: int = 1, play: int | None = 1,
        digits: int = 2, held: bool = False,
    ) -> Month:  # fmt: skip
        """Return the month for rules; the arguments are as in `month.Facts`."""
        ...


class Engine(Protocol):
    """Takes listens in and answers for them: subscribers first, then listens, then `finish`."""

    def subscribe(self, batches: Iterable[tuple[Any, Ints]], *, unlisted: Unlisted = "free", pool: int = 0) -> None:
        """Take in who paid what into a pool."""
        ...

    def ingest(
        self,
        units: Sequence[Callable[[], Iterator[Any]]],
        judge: Callable[[Any], Listens | Iterable[Listens]],
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Take in every batch of every unit; any number of times."""
        ...

    def finish(self, *, fee: int = 1, pools: int = 1) -> Intake:
        """Close the intake and return what pool 0 adds up to; at least so many pools are there then."""
        ...

    def pool(self, code: int) -> EnginePool:
        """Return one pool of a finished intake."""
        ...
