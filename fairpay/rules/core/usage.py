"""Usage: the user x artist amounts of a block of users, as flat arrays. A user is never cut in two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Codes, Ints

__all__ = ["Usage"]


@dataclass(frozen=True, slots=True)
class Usage:
    """A block of whole users. The order of users, and of the entries of one user, means nothing.

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

    @property
    def whole(self) -> Ints:
        """int64[users]: the sum of each user's amounts: s_uj = amount / whole."""
        return self.total if self.divided is None else self.divided

    @property
    def users(self) -> int:
        """How many users the block holds."""
        return len(self.total)
