"""The payable report of one rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from fairpay.reports.artists import artist_columns, by_payout
from fairpay.reports.decimals import currency_of, decimals, shares

if TYPE_CHECKING:
    from fairpay.reports.outcome import Outcome

__all__ = ["payouts"]


def payouts(outcome: Outcome) -> pa.Table:
    """Return the table `fairpay pay` writes: one row per artist, by payout, then by artist id in bytes.

    Columns: `artist`, `name` (only with an artist file), `plays`, `seconds` (see `artist_columns`), `listeners`,
    `payout` (major units, decimal128 with the currency's digits), `share` (of the pool, 0 to 1, decimal128 with 10
    digits, half to even; null where the pool is 0), `currency`. Only the first rule of the outcome is looked at.
    """
    order = by_payout(outcome)
    allocation = outcome.payouts[0].allocation
    paid = allocation.paid[order]
    columns = artist_columns(outcome, order)
    columns["payout"] = decimals(paid, outcome.currency.digits)
    columns["share"] = shares(paid, allocation.pool)
    columns["currency"] = currency_of(outcome, len(order))
    return pa.table(columns)
