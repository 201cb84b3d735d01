"""Delegation: a subscriber lets others steer part of the fee; exact, and no unit is lost on the way.

Power y flows along delegations: y = f + min(d D'y, M f), D the shares delegated, d < 1 the viscosity (what is passed
on fades with every step, so cycles converge), and what a delegate receives is capped at M times the delegate's own fee.
What a subscriber does not pass on, and what a capped delegate cannot take, stays with the subscriber: each steers
b = y - what others took, and the sum of b is the sum of f.

What each steers is seldom whole in minor units, and rounding it there would add up over many alike subscribers. So the
fixed point is found in fractions, and handed on in a unit as fine as it needs, or as 62 bits hold.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

from fairpay.adjust.splits import apportion
from fairpay.money.currency import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["delegate"]

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
