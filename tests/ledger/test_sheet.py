from __future__ import annotations

import csv
from dataclasses import replace
from decimal import Decimal

import polars as pl

from fairpay.ledger.export import Sheet, csv_parts
from fairpay.ledger.facts import MonthFacts, PoolFacts
from fairpay.ledger.statements import pools_sheet


def test_amounts_in_parquet_are_the_decimals_of_the_csv() -> None:
    frame = pl.DataFrame({"payee": ["a", "b"], "amount": [2625, -7], "currency": ["EUR", "JPY"], "scale": [2, 0]})
    table = Sheet("payables", frame, frozenset({"amount"})).arrow()
    assert table["amount"].to_pylist() == [Decimal("26.25"), Decimal(-7)]
    assert table.schema.field("amount").type.scale == 2


FACTS = PoolFacts(
    name="us",
    rule="user-centric",
    currency="EUR",
    scale=2,
    gross="25",
    deductions={"VAT": "4.75", "fee": "1/3"},
    net="239/12",
    royalty="239/12",
    floor="0",
    subscribers=1,
    listeners=1,
    plays=1,
    base=1800,
    topup=0,
    gross_currency="USD",
)


def sheet_text(facts: MonthFacts) -> list[dict[str, str]]:
    """The lines of pools.csv."""
    return list(csv.DictReader(b"".join(csv_parts(pools_sheet(facts))).decode().splitlines()))


def of_pools(*pools: PoolFacts) -> MonthFacts:
    """What a month of these pools states."""
    return MonthFacts(period="2026-07", run_id="x", pools=pools, heard=None)  # type: ignore[arg-type] # no listening


def test_every_amount_of_a_pool_stands_beside_its_own_currency_in_major_units() -> None:
    (row,) = sheet_text(of_pools(FACTS))
    own = ("gross_currency", "gross", "deductions", "deducted", "net", "royalty", "floor")
    assert [row[name] for name in own] == [
        *("USD", "25.00", "5.08", "VAT 4.75 USD; fee 0.33 USD", "19.92", "19.92", "0.00")
    ]
    assert [row[name] for name in ("currency", "base", "topup")] == ["EUR", "18.00", "0.00"]


def test_pools_in_parquet_are_the_decimals_of_the_csv_in_every_currency() -> None:
    yen = replace(FACTS, name="jp", gross="3000", deductions={}, net="3000", royalty="3000", gross_currency="JPY")
    table = pools_sheet(of_pools(FACTS, yen)).arrow()
    assert table["gross"].to_pylist() == [Decimal("25.00"), Decimal(3000)]
    assert table["deductions"].to_pylist() == [Decimal("5.08"), Decimal(0)]
    assert pl.DataFrame(table)["gross_scale"].to_list() == [2, 0]


def test_pools_of_a_month_closed_before_currencies_were_kept_are_written_as_they_were() -> None:
    (row,) = sheet_text(of_pools(replace(FACTS, gross_currency="")))
    assert "gross_currency" not in row
    assert (row["gross"], row["deductions"], row["base"]) == ("25", "VAT 4.75; fee 1/3", "18.00")
