"""Who pays: the subscribers of each pool, and whom they let steer a part of what they paid, exactly.

Power y flows along delegations: y = f + min(d D'y, M f), D the shares delegated, d < 1 the viscosity (what is passed
on fades with every step, so cycles converge), and what a delegate receives is capped at M times the delegate's own fee.
What a subscriber does not pass on, and what a capped delegate cannot take, stays with the subscriber: each steers
b = y - what others took, and the sum of b is the sum of f.

What each steers is seldom whole in minor units, and rounding it there would add up over many alike subscribers. So the
fixed point is found in fractions, and handed on in a unit as fine as it needs, or as 62 bits hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.adjust.factors import text_of
from fairpay.adjust.layering import among, apportion
from fairpay.errors import InputError
from fairpay.money.currency import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fairpay.adjust.stated import Stated
    from fairpay.kernels.arrays import Ints

__all__ = ["Payers", "delegate", "delegated", "pass_on"]


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


FINE = 2**120
"""Units of power for one minor unit while it flows."""
SIMPLE = 2**45
"""Fixed points with denominators up to this are found exactly."""
STEPS = 20_000
"""More than enough for a viscosity of 0.99 to fade below a unit of power."""
Edge = tuple[str, str, Fraction]
"""giver, taker, the share that arrives."""


def delegate(
    fees: Mapping[str, int],
    shares: Mapping[str, Mapping[str, Fraction]],
    *,
    viscosity: Fraction,
    cap: Fraction,
    room: int = LARGEST,
) -> tuple[dict[str, int], int]:
    """Return what each subscriber steers, and how many of its units make a minor unit; together it is all fees.

    Args:
        fees: subscriber -> minor units paid, none negative; every delegator and delegate is among them.
        shares: delegator -> delegate -> share, together at most 1, never to oneself.
        viscosity: d, from 0 to 0.99.
        cap: M, how many times the own fee a delegate may receive.
        room: what all fees may come to in these units.

    """
    edges = [
        (giver, taker, share * viscosity)
        for giver in sorted(shares, key=str.encode)
        for taker, share in sorted(shares[giver].items(), key=lambda pair: pair[0].encode())
    ]
    own = {user: fees[user] for user in {*shares, *(taker for _, taker, _ in edges)}}
    power = fixed_point(edges, own, cap)
    steered = left_over(edges, own, power, cap)
    most = max(1, room // max(1, sum(fees.values())))
    unit = common(steered.values(), most=most)
    if unit is not None:
        units = {user: int(amount * unit) for user, amount in steered.items()}
    else:
        unit = 1 << most.bit_length() - 1
        fine = {user: int(amount * FINE) for user, amount in steered.items()}
        units = apportion(fine, sum(own.values()) * unit)
    return {user: units.get(user, 0) if user in own else fee * unit for user, fee in fees.items()}, unit


def fixed_point(edges: Sequence[Edge], own: Mapping[str, int], cap: Fraction) -> dict[str, Fraction]:
    """Return the power of all who take part: exactly where it is simple, else to units of 2^-120."""
    whole = {user: fee * FINE for user, fee in own.items()}
    power = dict(whole)
    for _ in range(STEPS):
        received = dict.fromkeys(own, 0)
        for giver, taker, share in edges:
            received[taker] += power[giver] * share.numerator // share.denominator
        after = {user: fee + min(received[user], int(cap * fee)) for user, fee in whole.items()}
        if after == power:
            break
        power = after
    rough = {user: Fraction(amount, FINE) for user, amount in power.items()}
    simple = {user: amount.limit_denominator(SIMPLE) for user, amount in rough.items()}
    flow = received_by(edges, simple)
    exact = all(simple[user] == fee + min(flow.get(user, Fraction(0)), cap * fee) for user, fee in own.items())
    return simple if exact else rough


def received_by(edges: Sequence[Edge], power: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Return what is passed on to each, before any cap."""
    received: dict[str, Fraction] = {}
    for giver, taker, share in edges:
        received[taker] = received.get(taker, Fraction(0)) + power[giver] * share
    return received


def left_over(
    edges: Sequence[Edge], own: Mapping[str, int], power: Mapping[str, Fraction], cap: Fraction
) -> dict[str, Fraction]:
    """Return what each keeps to steer once others took their parts; a capped delegate takes from all alike."""
    received, steered = received_by(edges, power), dict(power)
    for giver, taker, share in edges:
        amount, most = power[giver] * share, cap * own[taker]
        steered[giver] -= amount if received[taker] <= most else amount * most / received[taker]
    return {user: max(Fraction(0), amount) for user, amount in steered.items()}


def common(amounts: Iterable[Fraction], *, most: int) -> int | None:
    """Return the common denominator; None where it is above `most`."""
    found = 1
    for amount in amounts:
        found = lcm(found, amount.denominator)
        if found > most:
            return None
    return found


def delegated(
    payers: Iterable[tuple[pa.Array, Ints]],
    shares: Mapping[str, Mapping[str, Fraction]],
    *,
    viscosity: Fraction,
    cap: Fraction,
    room: int = LARGEST,
) -> tuple[list[tuple[pa.Array, Ints]], int]:
    """Return who steers what, instead of who paid what, and how many of its units make a minor unit; at most `room`.

    Every delegator and delegate must be among the payers (`Stated.leave_out_unknown` sees to that). A delegate who
    plays nothing steers nothing: that money is then of an inactive subscriber, and the policy for these decides.

    Raises:
        InputError: a subscriber comes twice.

    """
    fees: dict[str, int] = {}
    lines = 0
    for users, paid in payers:
        fees.update(zip(users.cast(pa.large_string()).to_pylist(), paid.tolist(), strict=True))
        lines += len(paid)
    if lines > len(fees):
        message = f"{lines - len(fees)} of {lines} subscribers come twice"
        raise InputError(message, advice="Give one line for each subscriber.")
    steered, unit = delegate(fees, shares, viscosity=viscosity, cap=cap, room=room)
    return [(pa.array(list(steered), pa.large_string()), np.array(list(steered.values()), dtype=np.int64))], unit
