"""What was taken in, in figures."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from fairpay.engine.settled import Payers
from fairpay.errors import InputError
from fairpay.money.currency import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairpay.engine.encoder import Sums

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


def add_up(payers: Sequence[Payers]) -> Payers:
    """Add up the partitions of a pool."""
    names = [field.name for field in fields(Payers)]
    return Payers(**{name: sum(getattr(one, name) for one in payers) for name in names})


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
