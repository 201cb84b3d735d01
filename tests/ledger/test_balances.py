from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from laying import laid

import fairpay
from fairpay.cli import main
from fairpay.errors import UsageError
from fairpay.ledger.close import close

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("payable", "carried", "recouping", "reserve", "in_suspense")


def standing(books: Path, period: str, payee: str) -> dict[str, list[str]]:
    """Currency -> where a payee stands after a month."""
    rows = fairpay.balances(books=books, period=period, payee=payee).summary["balances"]
    return {row["currency"]: [row[name] for name in COLUMNS] for row in rows}


def test_what_is_on_hold_stays_in_suspense_until_it_is_released(books: Path) -> None:
    assert standing(books, "2026-07", "bix") == {"EUR": ["0.00", "0.00", "0.00", "0.00", "35.25"]}
    assert standing(books, "2026-08", "bix") == {"EUR": ["61.50", "0.00", "0.00", "0.00", "0.00"]}


def test_an_advance_is_shown_with_what_is_left_of_it(books: Path) -> None:
    assert standing(books, "2026-07", "label-north")["EUR"] == ["0.00", "0.00", "2.50", "0.00", "0.00"]


def test_money_that_nobody_can_be_paid_has_an_account_of_its_own(books: Path) -> None:
    assert standing(books, "2026-07", "unmatched:dub") == {"EUR": ["0.00", "0.00", "0.00", "0.00", "33.60"]}
    assert standing(books, "2026-08", "unmatched:dub") == {"EUR": ["0.00", "0.00", "0.00", "0.00", "17.50"]}


def test_an_advance_nobody_has_earned_from_and_a_reserve_are_balances(tmp_path: Path) -> None:
    asked = laid(
        tmp_path,
        "user,artist,plays\nu,a,1\n",
        pools="pool,gross\nall,100.00\n",
        advances="payee,advance,amount,period\nz,first,7.00,2026-10\n",
        rule="market-centric",
        reserve="10%",
    )
    close(asked)
    assert standing(asked.books, "2026-10", "a") == {"EUR": ["90.00", "0.00", "0.00", "10.00", "0.00"]}
    assert standing(asked.books, "2026-10", "z") == {"EUR": ["0.00", "0.00", "7.00", "0.00", "0.00"]}


def test_amounts_of_each_currency_have_its_digits(tmp_path: Path) -> None:
    pools = "pool,territory,gross,currency\na,DE,1.00,EUR\nb,JP,5,JPY\nc,KW,0.005,KWD\n"
    log = "user,artist,country,plays\nu,a,DE,1\nu,a,JP,1\nu,a,KW,1\n"
    asked = laid(tmp_path, log, pools=pools, rule="market-centric")
    close(asked)
    found = fairpay.balances(books=asked.books).summary["balances"]
    assert {row["currency"]: row["payable"] for row in found} == {"EUR": "1.00", "JPY": "5", "KWD": "0.005"}


def test_the_page_fits_80_columns_whatever_a_payee_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = f"user,artist,plays\nu,{'x' * 300},1\nu,{'long name ' * 20},1\nu,山田,1\n"
    close(asked := laid(tmp_path, log, pools="pool,gross\nall,1234567890.00\n", rule="market-centric"))
    assert main(["balances", "--books", str(asked.books)]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "".join(out.split()).count("x") >= 300
    assert "1,234,567,890.00" in out


def test_what_nobody_earned_is_called_unallocated_with_nothing_behind_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    close(asked := laid(tmp_path, "user,artist\n", pools="pool,gross\nall,9.00\n", rule="market-centric"))
    assert main(["balances", "--books", str(asked.books)]) == 0
    assert "  unallocated  EUR" in capsys.readouterr().out
    assert standing(asked.books, "2026-10", "unallocated:")["EUR"][-1] == "9.00"


def test_the_screen_ends_with_the_sums_of_all_and_says_how_many_are_not_shown(
    books: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["balances", "--books", str(books), "--period", "2026-07", "--top", "2"]) == 0
    out = capsys.readouterr().out
    assert "  Total      EUR    26.25    10.40       2.50     0.00     68.85" in out
    assert "10 more accounts" in out
    assert "cleo" not in out


def test_one_account_that_is_not_shown_is_one_and_nothing_blank_ends_the_page(
    books: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["balances", "--books", str(books), "--period", "2026-07", "--top"]
    assert main([*asked, "11"]) == 0
    assert "1 more account: " in capsys.readouterr().out
    assert main([*asked, "12"]) == 0
    assert not capsys.readouterr().out.endswith("\n\n")


def test_the_table_is_had_as_csv_and_as_json(books: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["balances", "--books", str(books), "--period", "2026-07", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main(["balances", "--books", str(books), "--period", "2026-07", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["balances"] == rows
    assert len(rows) == 12


@pytest.mark.parametrize("asked", [{"payee": "bixx"}, {"period": "2027-01"}])
def test_who_is_not_there_is_refused_with_the_nearest(books: Path, asked: dict[str, str]) -> None:
    with pytest.raises(UsageError) as refused:
        fairpay.balances(books=books, **asked)
    assert "bix" in refused.value.advice or "2026-09" in refused.value.advice
