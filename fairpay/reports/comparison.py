"""The comparison: what each artist gets under every rule, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.money.integers import sum_exactly
from fairpay.reports.decimals import change_percent, currency_of, decimals
from fairpay.reports.payouts import artist_columns, by_payout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.reports.outcome import Outcome

__all__ = ["comparison", "fan_intensity"]

INTENSITY_DIGITS = 4


def comparison(outcome: Outcome) -> pa.Table:
    """Return the table `fairpay compare` writes: one row per artist, by the first rule's payout, then by id in bytes.

    Columns: `artist`, `name` (only with an artist file), `plays`, `seconds` (see `artist_columns`), `listeners`; one
    per rule, its payout in major units, decimal128 with the currency's digits; for each rule after the first,
    `<rule>_difference` (the same type) and `<rule>_change_percent` (decimal128, 2 digits, half to even, null where the
    first rule pays nothing); `fan_intensity` (float64, 4 digits, see `fan_intensity`); `currency`.
    Two rules that would share a column are told apart by `_2`, `_3` at the end of the later one.
    """
    order = by_payout(outcome)
    digits = outcome.currency.digits
    columns = artist_columns(outcome, order)
    paid = [payout.allocation.paid[order] for payout in outcome.payouts]
    names: list[str] = []
    for payout, amounts in zip(outcome.payouts, paid, strict=True):
        names.append(free_name(payout.rule.column, columns))
        columns[names[-1]] = decimals(amounts, digits)
    for name, amounts in zip(names[1:], paid[1:], strict=True):
        columns[free_name(f"{name}_difference", columns)] = decimals(amounts - paid[0], digits)
        columns[free_name(f"{name}_change_percent", columns)] = change_percent(paid[0], amounts)
    intensity = fan_intensity(outcome)[order]
    columns["fan_intensity"] = pa.array(intensity, mask=np.isnan(intensity))
    columns["currency"] = currency_of(outcome, len(order))
    return pa.table(columns)


def free_name(wanted: str, taken: dict[str, pa.Array]) -> str:
    """Return the name, or the first of `name_2`, `name_3`, ... that is not taken."""
    if wanted not in taken:
        return wanted
    return next(name for n in range(2, len(taken) + 3) if (name := f"{wanted}_{n}") not in taken)


def fan_intensity(outcome: Outcome) -> NDArray[np.float64]:
    """Return float64[artists]: how heavily an artist's listeners listen for what they pay, against everybody's mean.

    It is the artist's market-centric share over its user-centric share (RULES section 4). With f the fees, L the
    listening and s_j the share of a user's listening that goes to artist j, that is the mean of L/f over listeners,
    weighted by f·s_j, divided by ΣL/Σf; with equal fees, simply how much its listeners play against the average.
    A number without a unit, to 4 digits; NaN where no listener of the artist pays anything. No amount is made from it.
    """
    market, user = outcome.market_weight, outcome.user_weight
    market_sum, user_sum = max(1, sum_exactly(market)), max(1, sum_exactly(user))
    result = np.full(len(market), np.nan)
    np.divide(market / market_sum, user / user_sum, out=result, where=user > 0)
    return np.round(result, INTENSITY_DIGITS)
