"""Sums of ledger rows by pool, by currency and by what they are, as exact Python integers."""

from __future__ import annotations

from typing import Any

import polars as pl

from fairpay.ledger.grouping import group
from fairpay.money.currency import format_units

__all__ = ["by", "in_words", "pool_sums", "sums", "with_parent"]


def by(frame: pl.DataFrame, *columns: str) -> dict[tuple[Any, ...], int]:
    """Values of these columns -> sum of the amounts, in the order of the values; for few of them."""
    groups = group(frame, columns)
    keys = frame[groups.firsts()].select(columns).rows()
    return dict(zip(keys, (int(n) for n in groups.sum(frame["amount"].to_numpy())), strict=True))


def sums(frame: pl.DataFrame) -> dict[str, int]:
    """By currency."""
    return {currency: amount for (currency,), amount in by(frame, "currency").items()}


def pool_sums(frame: pl.DataFrame) -> dict[tuple[str, str], int]:
    """By pool and currency."""
    return {(pool, currency): amount for (pool, currency), amount in by(frame, "pool", "currency").items()}


def in_words(frame: pl.DataFrame) -> str:
    """Write the sums as `12.30 EUR + 4.00 USD`; zeros are left out."""
    scales = dict(frame.select("currency", "scale").unique(subset="currency", keep="last").iter_rows())
    return " + ".join(f"{format_units(n, scales[c])} {c}" for c, n in sums(frame).items() if n) or "0"


def with_parent(splits: pl.DataFrame) -> pl.DataFrame:
    """Split rows with `parent`: the account that is divided, on what takes it off and on what credits a part."""
    words = splits.select(pl.col("reason").unique())
    named = words.with_columns(parent=pl.col("reason").cast(pl.String).str.strip_prefix("from ").cast(pl.Categorical))
    found = splits.join(named, on="reason", how="left", maintain_order="left")
    return found.with_columns(parent=pl.when(pl.col("reason") == "to payees").then("payee").otherwise("parent"))
