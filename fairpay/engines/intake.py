"""What was taken in, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.errors import InputError
from fairpay.integers import sum_exactly
from fairpay.money import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairpay.engines.artists import Artists
    from fairpay.engines.encoder import Sums
    from fairpay.engines.settled import Payers

__all__ = ["Intake", "add_up", "check_sums"]


@dataclass(frozen=True, slots=True)
class Intake:
    """What was taken in, exactly."""

    users: int
    """Users with listening."""
    artists: int
    """Artists with a qualified listen."""
    amount: int
    """Listening, in the measure."""
    plays: int
    ms: int | None
    """None where no batch had a duration."""
    fees: int
    """Fees of the users with listening."""
    inactive_fees: int
    """Fees of subscribers without listening."""
    inactive: int
    """Subscribers without listening."""
    subscribers: int
    """Lines of the subscriber file."""
    unlisted: int
    """Listeners without a subscription line."""
    unlisted_rows: int
    """Rows left out for that reason."""


def add_up(payers: Sequence[Payers], artists: Artists, *, has_ms: bool, subscribers: int) -> Intake:
    """Add up one pool."""
    amount, plays, ms = (sum_exactly(x) for x in (artists.amount, artists.plays, artists.ms))
    return Intake(
        users=sum(p.users for p in payers),
        artists=len(artists.amount),
        amount=amount,
        plays=plays,
        ms=ms if has_ms else None,
        fees=sum(p.fees for p in payers),
        inactive_fees=sum(p.inactive_fees for p in payers),
        inactive=sum(p.inactive for p in payers),
        subscribers=subscribers,
        unlisted=sum(p.unlisted for p in payers),
        unlisted_rows=sum(p.dropped for p in payers),
    )


def check_sums(sums: Iterable[Sums], fees: int) -> None:
    """Refuse totals above 2^62; the engine's own int64 sums may have wrapped then, and are not used.

    Raises:
        InputError: naming what sums to how much.

    """
    taken = list(sums)
    for name, unit in (("amount", "listening"), ("plays", "plays"), ("ms", "milliseconds")):
        total = sum(int(getattr(one, name)) for one in taken)
        if total > LARGEST:
            message = f"the {unit} of all rows sum to {total}, which is more than 2^62"
            raise InputError(message, advice="Check the unit of the duration and plays columns.")
    if fees > LARGEST:
        message = f"the fees of all users sum to {fees}, which is more than 2^62 minor units"
        raise InputError(message, advice="Check the unit of what each user paid.")
