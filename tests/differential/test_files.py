"""Every table twice: CSV and Parquet hold the same cells, and every amount stands beside its currency."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest
from oracle_layers import pot_of
from oracle_program import fairpay, lines
from oracle_rules import Rule
from random_months import Row, random_month, table
from test_books import close, random_books

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AMOUNTS = {
    "payouts": ["payout"],
    "comparison": ["market_centric", "user_centric", "user_centric_difference"],
    "payables": ["amount"],
    "statements": ["opening_balance", "earned", "closing_balance", "payable"],
    "pools": ["gross", "deductions", "net", "royalty", "floor", "base", "topup"],
}
"""Tables with amounts in major units, and which columns these are; the ledger's are minor units, and say so."""
DIGITS = {"JPY": 0, "EUR": 2, "KWD": 3}


def same(text: str, value: object, kind: pl.DataType) -> bool:
    """Whether a cell of a CSV file is a cell of a Parquet file: the same number, or the same text."""
    if value is None:
        return text == ""
    if isinstance(value, datetime):
        return datetime.fromisoformat(text) == value
    if isinstance(value, int):
        return text == str(value) and kind.is_integer()
    if isinstance(value, Decimal):
        return Decimal(text) == value and "e" not in text.lower()
    return float(text) == value if isinstance(value, float) else text == value


def unlike(folder: Path, name: str) -> list[str]:
    """Where the CSV and the Parquet of a table differ."""
    rows, frame = lines(folder / f"{name}.csv"), pl.read_parquet(folder / f"{name}.parquet")
    if (len(rows), list(rows[0]) if rows else frame.columns) != (frame.height, frame.columns):
        return [f"{name}: other lines or columns: {frame.columns}"]
    return [
        f"{name}, line {place}, {column}: CSV has {row[column]!r}, Parquet {value!r}"
        for place, (row, values) in enumerate(zip(rows, frame.iter_rows(), strict=True), start=1)
        for (column, kind), value in zip(frame.schema.items(), values, strict=True)
        if not same(row[column], value, kind)
    ]


NO_AMOUNTS = ("seconds", "share", "_change_percent")
"""How decimal columns end that are no amounts."""
ONE_FORMAT = ("input-", "review", "policies")
"""How the CSV files begin that have no Parquet beside them: copies, what a person fills in, and no amounts."""


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what every command that writes tables makes of one made-up month with fakes, in dinars."""
    folder = tmp_path_factory.mktemp("everything")
    log, books = folder / "log.parquet", ("--books", folder / "books", "--period", "2026-10")
    for path in (log, folder / "log.csv"):
        said = fairpay("synth", path, "--rows", 20_000, "--users", 150, "--plant", "loops=3:300", "--seed", 4)
        assert said.status == 0, said.words
    money = ("--fee", "9.995", "--currency", "KWD", "--royalty-rate", "2/3")
    (folder / "pools.csv").write_text("pool,country,gross,currency,rule\nmain,DE,1499.255,KWD,user-centric\n")
    (folder / "fakes.csv").write_text("user\n" + pl.read_parquet(log)["user_id"].max() + "\n")
    (folder / "bad.csv").write_text('user,artist,seconds\nu,a,40\n,"b, c",50\nv,,60\nu,a,soon\n')
    for words in (
        ("compare", log, *money, "-o", folder / "compare"),
        ("pay", log, *money, "--rule", "user-centric", "-o", folder / "pay"),
        ("audit", log, *money, "-o", folder / "audit"),
        ("suspects", log, *money, "-o", folder / "suspects"),
        ("close", log, "--pools", folder / "pools.csv", *books),
        ("adjust", "--exclude", folder / "fakes.csv", *books),
        ("compare", folder / "bad.csv", "--rejects", folder / "rejects.csv", "--max-without-artist", "1"),
        ("compare", folder / "bad.csv", "--rejects", folder / "rejects.parquet", "--max-without-artist", "1"),
    ):
        said = fairpay(*words)
        assert said.status == 0, said.words
    (folder / "bad.csv").unlink()
    for name in ("fakes", "pools"):
        (folder / f"{name}.csv").unlink()
    return folder


def test_every_table_of_every_command_is_there_twice_the_same_cell_by_cell(everything: Path) -> None:
    made = {path.with_suffix("") for path in everything.rglob("*.parquet")}
    csv = {path.with_suffix("") for path in everything.rglob("*.csv") if not path.name.startswith(ONE_FORMAT)}
    assert made == csv
    assert {path.name for path in made} >= {
        *("comparison", "payouts", "audit", "suspects", "ledger", "statements", "payables", "pools"),
        *("log", "rejects"),
    }
    assert [unlike(path.parent, path.name) for path in sorted(made)] == [[]] * len(made)


def test_every_amount_of_every_command_stands_beside_its_currency_with_its_digits(everything: Path) -> None:
    for path in everything.rglob("*.parquet"):
        kinds = pl.read_parquet_schema(path)
        amounts = [name for name, kind in kinds.items() if kind.is_decimal() and not name.endswith(NO_AMOUNTS)]
        for row in lines(path.with_suffix(".csv")) if amounts else ():
            assert row["currency"] == "KWD", path
            texts = {name: row[name] for name in amounts if row[name]}
            assert {len(text.partition(".")[2]) for text in texts.values()} == {3}, (path, texts)


def tables(folder: Path) -> list[str]:
    """The tables that a run wrote in both formats."""
    return sorted(path.stem for path in folder.glob("*.parquet"))


def runs(folder: Path, seed: int) -> Iterator[Path]:
    """The results of `pay` and `compare` of a random month that divides anything."""
    month = replace(random_month(seed), policy=None, history=(), wishes=(), delegations=(), decisions=())
    if not any(u.fee for u in pot_of(month).listeners):
        return
    into = folder / str(seed)
    into.mkdir()
    asked = month.write(into)
    assert fairpay("pay", *asked, "--rule", "user-centric", "--output", into / "pay").status == 0
    assert fairpay("compare", *asked, "--output", into / "compare").status == 0
    yield from (into / "pay", into / "compare")


def books(folder: Path, seed: int) -> Path:
    """The results of a closed month without anything that is known to go wrong."""
    folder.mkdir()
    made = random_books(seed)
    month = replace(made.month, policy=None, history=(), wishes=(), decisions=())
    pools = tuple(replace(pool, rule=Rule("user-centric")) for pool in made.pools)
    assert close(replace(made, month=month, pools=pools), folder) == ""
    return folder / "books" / "2026-07"


@pytest.mark.parametrize("seed", range(4))
def test_csv_and_parquet_of_a_run_are_the_same_cell_by_cell(tmp_path: Path, seed: int) -> None:
    for folder in runs(tmp_path, seed):
        assert tables(folder)
        assert [unlike(folder, name) for name in tables(folder)] == [[]] * len(tables(folder))


@pytest.mark.parametrize("seed", range(3))
def test_csv_and_parquet_of_a_closed_month_are_the_same_cell_by_cell(tmp_path: Path, seed: int) -> None:
    folder = books(tmp_path / "books", seed)
    names = tables(folder)
    assert [unlike(folder, name) for name in names] == [[]] * len(names)
    assert {"ledger", "payables", "pools", "statements"} <= set(names)


@pytest.mark.parametrize("seed", range(3))
def test_every_amount_of_a_closed_month_stands_beside_its_currency_with_its_digits(tmp_path: Path, seed: int) -> None:
    folder = books(tmp_path / "books", seed)
    for name in ("payables", "pools", "statements"):
        for row in lines(folder / f"{name}.csv"):
            for column in AMOUNTS[name]:
                assert len(row[column].partition(".")[2]) == DIGITS[row["currency"]], (name, column, row)
    for row in lines(folder / "ledger.csv"):
        assert (int(row["scale"]), int(row["amount_minor"]) != 0) == (DIGITS[row["currency"]], True)


@pytest.mark.parametrize("seed", range(3))
def test_every_amount_of_a_run_stands_beside_its_currency_with_its_digits(tmp_path: Path, seed: int) -> None:
    for folder in runs(tmp_path, seed):
        for name in tables(folder):
            for row in lines(folder / f"{name}.csv"):
                for column in AMOUNTS[name]:
                    assert len(row[column].partition(".")[2]) == DIGITS[row["currency"]], (name, column, row)


def test_what_an_exchanged_pool_took_stands_beside_the_currency_it_took(tmp_path: Path) -> None:
    month = replace(random_month(0), rows=(Row("u", "a", territory="US"),), columns=frozenset({"plays", "territory"}))
    log = month.write(tmp_path)[0]
    line = {"pool": "p", "territory": "US", "gross": "20.00", "currency": "USD", "rule": "user-centric"}
    line |= {"payout_currency": "EUR", "fx_rate": "0.9", "fx_source": "ECB", "fx_date": "2026-07-31"}
    table(tmp_path / "pools.csv", list(line), [list(line.values())])
    asked = (log, "--pools", tmp_path / "pools.csv", "--books", tmp_path / "books", "--period", "2026-07")
    assert fairpay("close", *asked).status == 0
    (row,) = lines(tmp_path / "books" / "2026-07" / "pools.csv")
    assert (row["gross_currency"], row["gross"], row["royalty"]) == ("USD", "20.00", "20.00")
    assert (row["currency"], row["base"]) == ("EUR", "18.00")
