"""The payable report of one rule, and what every table says of an artist before it comes to money."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.reports.decimals import currency_of, decimals, shares

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.reports.outcome import Outcome

__all__ = ["artist_columns", "artist_names", "by_payout", "payouts"]


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


SECOND_DIGITS = 3


def by_payout(outcome: Outcome) -> Ints:
    """Return int64[artists]: the artists by the first rule's payout, descending, then by artist id in bytes."""
    return np.argsort(-outcome.payouts[0].allocation.paid, kind="stable")


def artist_names(outcome: Outcome, artist: pa.Array) -> pa.Array:
    """Look up the names of artist ids, large_string[n]; null where the artist file has none."""
    keys = pa.array(list(outcome.names), pa.large_string())
    names = pa.array(list(outcome.names.values()), pa.large_string())
    return names.take(pc.index_in(artist.cast(pa.large_string()), value_set=keys))


def artist_columns(outcome: Outcome, order: Ints) -> dict[str, pa.Array]:
    """Return `artist`, `name` (only with an artist file), `plays`, `seconds` and `listeners`, in the order given.

    `seconds` is an exact decimal with 3 digits (milliseconds / 1000). The column is always there, so that the shape
    of a table does not depend on the log, and is null throughout where the log has no duration.
    """
    artist = outcome.artist.take(pa.array(order))
    columns = {"artist": artist}
    if outcome.names:
        columns["name"] = artist_names(outcome, artist)
    columns["plays"] = pa.array(outcome.plays[order])
    if outcome.ms is None:
        columns["seconds"] = pa.nulls(len(order), pa.decimal128(38, SECOND_DIGITS))
    else:
        columns["seconds"] = decimals(outcome.ms[order], SECOND_DIGITS)
    columns["listeners"] = pa.array(outcome.listeners[order])
    return columns
