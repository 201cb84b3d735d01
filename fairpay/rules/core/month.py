"""Month: what a rule may ask of all the listening of one pool, whatever engine holds it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.usage import Usage

__all__ = ["Facts", "Month", "Users"]

T = TypeVar("T")


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
class Users:
    """A block of users without their artists: the same arrays as in `Usage`, each int64[users]."""

    fee: Ints
    total: Ints
    plays: Ints


class Month(Protocol):
    """The listening of one pool. Each method sees every user once, in blocks, on threads, in no stated order."""

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

    def each(self, visit: Callable[[Usage], T]) -> Iterable[T]:
        """Call `visit` with each block, on threads; yield the results, in no stated order."""
        ...

    def each_users(self, visit: Callable[[Users], T]) -> Iterable[T]:
        """The same without artists: cheap, no plays are touched."""
        ...

    def gather(self, visit: Callable[[Usage, Ints], None], *, rows: int) -> Ints:
        """Call `visit(block, out)` on each block; `out` is int64[rows, artists] to add to; return the sum."""
        ...
