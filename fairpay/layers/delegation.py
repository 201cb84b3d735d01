"""Delegation: a subscriber lets others steer part of the fee; exact integers, and no unit is lost on the way.

Power y flows along delegations: y = f + min(d D'y, M f), D the shares delegated, d < 1 the viscosity (what is passed
on fades with every step, so cycles converge), and what a delegate receives is capped at M times the delegate's own fee.
What a subscriber does not pass on, and what a capped delegate cannot take, stays with the subscriber: each steers
b = y - what others took, and the sum of b is the sum of f.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.layers.splits import apportion

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

__all__ = ["delegate"]

FINE = 2**40
"""Units of power for one minor unit while it flows."""
STEPS = 2000
"""More than enough for a viscosity of 0.99 to fade below a unit of power."""


def delegate(
    fees: Mapping[str, int], shares: Mapping[str, Mapping[str, Fraction]], *, viscosity: Fraction, cap: Fraction
) -> dict[str, int]:
    """Return what each subscriber steers, in minor units, summing to the sum of the fees exactly.

    Args:
        fees: subscriber -> minor units paid, none negative; every delegator and delegate is among them.
        shares: delegator -> delegate -> share, together at most 1, never to oneself.
        viscosity: d, from 0 to 0.99.
        cap: M, how many times the own fee a delegate may receive.

    """
    edges = [
        (giver, taker, share * viscosity)
        for giver in sorted(shares, key=str.encode)
        for taker, share in sorted(shares[giver].items(), key=lambda pair: pair[0].encode())
    ]
    takers = sorted({taker for _, taker, _ in edges}, key=str.encode)
    most = {taker: int(cap * fees[taker] * FINE) for taker in takers}
    own = {user: fees[user] * FINE for user in {*shares, *takers}}
    power, received = dict(own), dict.fromkeys(takers, 0)
    for _ in range(STEPS):
        flow = passed_on(edges, power)
        received = dict.fromkeys(takers, 0)
        for (_, taker, _), amount in zip(edges, flow, strict=True):
            received[taker] += amount
        after = {user: fee + min(received.get(user, 0), most.get(user, 0)) for user, fee in own.items()}
        if after == power:
            break
        power = after
    steered = dict(power)
    for (giver, taker, _), amount in zip(edges, passed_on(edges, power), strict=True):
        taken = amount if received[taker] <= most[taker] else amount * most[taker] // received[taker]
        steered[giver] -= taken
    return settled(fees, steered)


def passed_on(edges: list[tuple[str, str, Fraction]], power: Mapping[str, int]) -> list[int]:
    """Return what flows along each delegation, rounded down."""
    return [power[giver] * share.numerator // share.denominator for giver, _, share in edges]


def settled(fees: Mapping[str, int], steered: Mapping[str, int]) -> dict[str, int]:
    """Round the power of all who took part to minor units, so that their fees together are what they were."""
    total = sum(fees[user] for user in steered)
    rounded = apportion(steered, total) if total else {}
    return {user: rounded.get(user, 0) if user in steered else fee for user, fee in fees.items()}
