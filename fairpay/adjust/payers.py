"""Who pays: the subscribers of each pool, and whom they let steer a part of what they paid."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.adjust.layering import among, delegated
from fairpay.adjust.weights import text_of
from fairpay.errors import InputError
from fairpay.money.currency import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction

    from fairpay.adjust.stated import Stated
    from fairpay.kernels.arrays import Ints

__all__ = ["Payers", "pass_on"]


@dataclass(frozen=True, slots=True)
class Payers:
    """The subscribers by pool."""

    parts: Mapping[int, Iterable[tuple[pa.Array, Ints]]] = field(default_factory=dict)
    """pool index -> users and what each paid, int64 in minor units of the pool's currency; gone through once where they
    are read as they are wanted."""
    lines: int = 0
    """Lines of the file."""
    without_pool: int = 0
    """Lines whose key no pool covers."""
    lost: Mapping[str, int] = field(default_factory=dict)
    """currency -> what those paid, in minor units: money that no pool has."""
    outside: Sequence[pa.Array] = ()
    """Who those are."""

    def among(self, users: pa.Array) -> set[str]:
        """Return which of these users (large_string) are subscribers, of a pool or of none."""
        every = [*self.outside, *(ids for parts in self.parts.values() for ids, _ in parts)]
        return {user for ids in every for user in text_of(ids).filter(among(ids, users)).to_pylist()}

    def count(self, pool: int) -> int:
        """How many lines a pool has."""
        return sum(len(paid) for _, paid in self.parts.get(pool, ()))

    def pool_of_user(self) -> tuple[pa.Array, Ints]:
        """Say whose pool each user is in, for logs that do not: users, and int64 pool indices.

        Raises:
            InputError: users who stand in several pools.

        """
        found = [(users, pool) for pool, parts in sorted(self.parts.items()) for users, _ in parts]
        users = pa.chunked_array([part for part, _ in found], pa.large_string()).combine_chunks()
        several = len(users) - len(users.unique())
        if several:
            message = f"{several:,} subscribers stand in several pools, and the log does not say which play is whose"
            raise InputError(message, advice="Add the key columns to the log, such as country and plan.")
        pools = [np.full(len(part), pool, dtype=np.int64) for part, pool in found]
        return users, np.concatenate(pools) if pools else np.zeros(0, dtype=np.int64)


def pass_on(
    payers: Payers, given: Stated[dict[str, Fraction]], *, viscosity: Fraction, cap: Fraction, set_aside: bool
) -> tuple[Payers, int]:
    """Let others steer part of what subscribers paid, within each pool; say how many units now make a minor unit.

    A fee can be passed on only to a subscriber of the same pool.

    Raises:
        InputError: a delegator or delegate who is no subscriber, or not of the same pool; a subscriber twice in a pool.

    """
    named = {*given.by_user, *(to for shares in given.by_user.values() for to in shares)}
    ids = pa.array(sorted(named), pa.large_string())
    everybody = payers.among(ids)
    users = {pool: replace(payers, parts={pool: own}, outside=()).among(ids) for pool, own in payers.parts.items()}
    given.leave_out_unknown(lambda user: user in everybody, "user is not a subscriber")
    given.leave_out_unknown(lambda user: given.by_user[user].keys() <= everybody, "delegate is not a subscriber")
    given.leave_out_unknown(
        lambda user: all(user not in own or given.by_user[user].keys() <= own for own in users.values()),
        "delegate is not a subscriber of the same pool",
    )
    given.check(set_aside=set_aside)
    parts, unit, room = {}, 1, LARGEST // max(1, len(payers.parts))
    for pool, own in payers.parts.items():
        shares = {user: dict(to) for user, to in given.by_user.items() if user in users[pool]}
        parts[pool] = own
        if shares:  # where pools are stated, what each steers of one may be in any unit
            parts[pool], unit = delegated(own, shares, viscosity=viscosity, cap=cap, room=room)
    return replace(payers, parts=parts), unit
