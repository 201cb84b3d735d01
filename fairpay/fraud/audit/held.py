"""A month whose users' totals lie in few large blocks: an audit passes over them hundreds of times."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fairpay.rules.core.month import Users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Facts, Month
    from fairpay.rules.core.usage import Usage

__all__ = ["held"]

T = TypeVar("T")
MOST = 4_000_000
"""Users whose totals are copied (24 bytes each). With more, the engine's own blocks are large enough."""
BLOCK = 1 << 18
"""Users in a block: what fits into a processor's cache."""


def held(month: Month) -> Month:
    """Return the month with its users' totals laid out in large blocks, or as it is where that would not help."""
    return Held(month) if month.facts.users <= MOST else month


class Held:
    """A `month.Month` that differs from its base in how users come, not in what comes."""

    def __init__(self, base: Month) -> None:
        """Copy the totals of all users."""
        self.base = base
        blocks = list(base.each_users(lambda users: (users.fee.copy(), users.total.copy(), users.plays.copy())))
        fee, total, plays = (np.concatenate(columns) for columns in zip(*blocks, strict=True))
        cuts = range(0, len(fee), BLOCK)
        self.blocks = [Users(fee[i : i + BLOCK], total[i : i + BLOCK], plays[i : i + BLOCK]) for i in cuts]

    @property
    def facts(self) -> Facts:
        """Totals of the whole month."""
        return self.base.facts

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]."""
        return self.base.artist_amount

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]."""
        return self.base.artist_listeners

    def each(self, visit: Callable[[Usage], T]) -> Iterable[T]:
        """Visit the base month's blocks."""
        return self.base.each(visit)

    def each_users(self, visit: Callable[[Users], T]) -> Iterator[T]:
        """Visit the large blocks."""
        return (visit(users) for users in self.blocks)

    def gather(self, visit: Callable[[Usage, Ints], None], *, rows: int) -> Ints:
        """Gather from the base month's blocks."""
        return self.base.gather(visit, rows=rows)
