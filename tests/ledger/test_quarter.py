from __future__ import annotations

import csv
import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from naive_ledger import by_source, naive_earn
from quarter import FILES, QUARTER, STEPS, run

from fairpay.cli import main
from fairpay.ledger.adjust import reopened
from fairpay.ledger.closing import Closing, load
from fairpay.ledger.earning import earn
from fairpay.ledger.model import INTO, STANDS
from fairpay.ledger.store import shelf
from fairpay.ledger.verify import verify_books
from fairpay.pipeline.request import Watch

if TYPE_CHECKING:
    from pathlib import Path

MONTHS = ("2026-07", "2026-08", "2026-09")


@pytest.mark.parametrize("month", MONTHS)
def test_the_ledger_is_the_expected_one_byte_for_byte(books: Path, month: str) -> None:
    assert (books / month / "ledger.csv").read_bytes() == (QUARTER / "expected" / f"{month}.csv").read_bytes()


def test_every_control_of_the_quarter_holds(books: Path) -> None:
    assert [control for control in verify_books(books) if not control.ok] == []


@pytest.mark.parametrize("month", MONTHS)
def test_the_engine_earns_what_fractions_earn(books: Path, month: str) -> None:
    entry = shelf(books).month(month)
    assert entry is not None
    closing = reopened(Closing(month, books, (), {}), entry)
    exact = naive_earn(closing, load(closing), Watch())
    found = earn(closing, load(closing), Watch())
    assert [by_source(paid) for paid in found.paid] == [by_source(paid) for paid in exact.paid]
    assert found.facts.listening.plays_dropped == exact.facts.listening.plays_dropped


@pytest.mark.usefixtures("_in_quarter")
@pytest.mark.parametrize("step", STEPS)
def test_each_step_again_is_already_done_and_changes_nothing(books: Path, step: tuple[str, ...]) -> None:
    before = {path: path.read_bytes() for path in books.rglob("*") if path.is_file()}
    assert run(books, *step) == 0
    assert {path: path.read_bytes() for path in books.rglob("*") if path.is_file()} == before


@pytest.mark.usefixtures("_in_quarter")
def test_a_closed_month_is_not_closed_differently(books: Path) -> None:
    assert run(books, "close", "--config", f"{FILES}/2026-08.toml", "--minimum-payment", "5.00") == 7


@pytest.mark.usefixtures("_in_quarter")
def test_a_month_that_is_not_next_is_refused(books: Path) -> None:
    assert run(books, "close", "--config", f"{FILES}/2026-09.toml", "--period", "2026-12") == 2


@pytest.mark.usefixtures("_in_quarter")
def test_a_preview_shows_the_totals_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["close", "--config", f"{FILES}/2026-07.toml", "--books", str(tmp_path / "new"), "--dry-run", "--json"])
        == 0
    )
    said = json.loads(capsys.readouterr().out)
    assert said["status"] == "preview"
    assert said["totals"]["USD"]["payable"] == "15.00"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("month", MONTHS)
def test_each_payee_statement_closes(books: Path, month: str) -> None:
    with (books / month / "statements.csv").open(newline="") as file:
        for line in csv.DictReader(file):
            came, stands = (sum(Decimal(line[kind.column]) for kind in kinds) for kinds in (INTO, STANDS))
            assert came == stands


def test_the_same_money_is_opened_as_was_closed(books: Path) -> None:
    closing, opening = {}, {}
    for month, found, column in (("2026-08", closing, "closing_balance"), ("2026-09", opening, "opening_balance")):
        with (books / month / "statements.csv").open(newline="") as file:
            found.update({(x["payee"], x["currency"]): x[column] for x in csv.DictReader(file) if x[column] != "0.00"})
    assert opening == closing
    assert closing


@pytest.mark.usefixtures("_in_quarter")
def test_undoing_every_adjustment_books_their_opposite(books: Path, tmp_path: Path) -> None:
    from quarter import copied  # noqa: PLC0415 - only here

    own = copied(books, tmp_path / "books")
    sums: dict[tuple[str, str, str], int] = {}
    for entry in reversed(shelf(own).adjustments):
        assert run(own, "adjust", "--period", entry.books["ref_period"], "--undo", entry.run_id) == 0
    for entry in shelf(own).adjustments:
        for row in entry.ledger():
            key = (row.pool, row.payee, row.currency)
            sums[key] = sums.get(key, 0) + row.amount
    assert sums
    assert set(sums.values()) == {0}
    assert [control for control in verify_books(own) if not control.ok] == []
