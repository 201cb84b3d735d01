from __future__ import annotations

from decimal import Decimal

import polars as pl

from fairpay.ledger.sheet import Sheet


def test_amounts_in_parquet_are_the_decimals_of_the_csv() -> None:
    frame = pl.DataFrame({"payee": ["a", "b"], "amount": [2625, -7], "currency": ["EUR", "JPY"], "scale": [2, 0]})
    table = Sheet("payables", frame, frozenset({"amount"})).arrow()
    assert table["amount"].to_pylist() == [Decimal("26.25"), Decimal(-7)]
    assert table.schema.field("amount").type.scale == 2
