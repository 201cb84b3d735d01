"""The controls of a run: what must hold, with its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fairpay.money.integers import sum_exactly
from fairpay.reports.outcome import Control

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.money.currency import Currency
    from fairpay.reports.outcome import Listening, Money, Payout

__all__ = ["controls"]


class Found(Protocol):
    """What is known before the rules run."""

    @property
    def currency(self) -> Currency:
        """The currency of all amounts."""

    @property
    def money(self) -> Money:
        """Where the pool comes from."""

    @property
    def listening(self) -> Listening:
        """What was read."""

    @property
    def plays(self) -> Ints:
        """int64[artists]."""


def controls(found: Found, payouts: Sequence[Payout]) -> tuple[Control, ...]:
    """State what must hold, with its numbers. Allocations have already refused to be unbalanced."""
    listening, money = found.listening, found.money
    left_out = sum(listening.dropped.values())
    plays = sum_exactly(found.plays)
    held = [
        Control(
            "rows",
            listening.rows == listening.used + left_out,
            f"{listening.rows:,} read = {listening.used:,} used + {left_out:,} left out",
        ),
        Control("plays", plays == listening.plays, f"{listening.plays:,} of users = {plays:,} of artists"),
    ]
    text = found.currency.text
    for payout in payouts:
        paid = sum_exactly(payout.allocation.paid)
        detail = f"paid {text(paid)} = pool {text(money.pool)}"
        held.append(Control(f"paid {payout.rule.label}", paid == money.pool, detail))
    return tuple(held)
