"""The controls of a run: what must hold, with its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.money.integers import sum_exactly
from fairpay.reports.outcome import Control

if TYPE_CHECKING:
    from fairpay.reports.outcome import Outcome

__all__ = ["controls"]


def controls(outcome: Outcome) -> tuple[Control, ...]:
    """State what must hold, with its numbers. Allocations have already refused to be unbalanced."""
    listening, money = outcome.listening, outcome.money
    left_out = sum(listening.dropped.values())
    plays = sum_exactly(outcome.plays)
    held = [
        Control(
            "rows",
            listening.rows == listening.used + left_out,
            f"{listening.rows:,} read = {listening.used:,} used + {left_out:,} left out",
        ),
        Control("plays", plays == listening.plays, f"{listening.plays:,} of users = {plays:,} of artists"),
    ]
    text = outcome.currency.text
    for payout in outcome.payouts:
        paid = sum_exactly(payout.allocation.paid)
        detail = f"paid {text(paid)} = pool {text(money.pool)}"
        held.append(Control(f"paid {payout.rule.label}", paid == money.pool, detail))
    return tuple(held)
