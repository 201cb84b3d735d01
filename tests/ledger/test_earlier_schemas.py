"""Books of earlier schemas: the worked quarter up to its last month, as it was written then."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from quarter import FILES, QUARTER, STEPS, run

from fairpay.ledger.accounts import closed_month
from fairpay.ledger.store import shelf
from fairpay.ledger.verify import verify_books

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairpay.reports.outcome import Control


@pytest.fixture(params=[1, 2, 3])
def earlier(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Books of each schema, and the files they were closed from where they look for them."""
    return laid_out(request.param, tmp_path, monkeypatch)


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Those of the first alone."""
    return laid_out(1, tmp_path, monkeypatch)


def laid_out(schema: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay books of a schema beside their files."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(QUARTER, tmp_path / FILES)
    with zipfile.ZipFile(Path(__file__).with_name(f"books_of_schema_{schema}.zip")) as packed:
        packed.extractall(tmp_path / "books")
    return tmp_path / "books"


def failing(controls: Iterable[Control]) -> list[str]:
    """The names of the controls that do not hold."""
    return [control.name for control in controls if not control.ok]


def test_they_are_verified(earlier: Path) -> None:
    assert failing(verify_books(earlier)) == []


@pytest.mark.parametrize("month", ["2026-07", "2026-08"])
def test_their_rows_are_those_of_the_present_schema(earlier: Path, books: Path, month: str) -> None:
    found, present = (shelf(place).month(month) for place in (earlier, books))
    assert found is not None
    assert present is not None
    assert list(found.ledger().sorted()) == list(present.ledger())


def test_the_next_month_is_closed_on_them_as_on_books_of_the_present_schema(earlier: Path) -> None:
    assert run(earlier, *STEPS[-1]) == 0
    assert (earlier / "2026-09" / "ledger.csv").read_bytes() == (QUARTER / "expected" / "2026-09.csv").read_bytes()
    assert failing(verify_books(earlier)) == []


def test_each_step_again_is_already_done_and_changes_nothing(earlier: Path) -> None:
    before = {path: path.read_bytes() for path in earlier.rglob("*") if path.is_file()}
    assert [step for step in STEPS[:-1] if run(earlier, *step) != 0] == []
    assert {path: path.read_bytes() for path in earlier.rglob("*") if path.is_file() and path.name != ".lock"} == before


def test_an_adjustment_in_them_is_undone_to_the_last_unit(earlier: Path) -> None:
    booked = shelf(earlier).adjustments[-1]
    assert run(earlier, "adjust", "--period", "2026-08", "--undo", booked.run_id) == 0
    undone = shelf(earlier).adjustments[-1].ledger()
    assert [(row.payee, -row.amount) for row in undone] == [(row.payee, row.amount) for row in booked.ledger()]
    assert failing(verify_books(earlier)) == []


def test_statements_are_made_of_them_with_the_plays_that_were_kept(earlier: Path) -> None:
    accounts = closed_month(earlier, "2026-08").accounts
    assert [control for control in accounts.controls() if not control.ok] == []
    assert accounts.earnings["Earned"].sum() > 0
    assert (accounts.earnings["Plays"].sum() > 0) == (earlier / "2026-08" / "plays.parquet").is_file()


@pytest.mark.parametrize(
    ("column", "words", "control"),
    [
        ("reason", ("to payees", "elsewhere"), "splits"),
        ("reason", ("released", "kept"), "tables"),
        ("reason", ("from cleo", "from ada"), "splits"),
        ("kind", ("split", "split_in"), "ledger"),
    ],
)
def test_a_word_that_decides_about_money_in_them_is_not_changed_unseen(
    first: Path, monkeypatch: pytest.MonkeyPatch, column: str, words: tuple[str, str], control: str
) -> None:
    monkeypatch.setattr("fairpay.ledger.verify.unsound", lambda _: False)
    path = first / "2026-08" / "ledger.parquet"
    table = pq.read_table(path)
    rows = [{**row, column: row[column].replace(*words)} for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    assert f"2026-08 {control}" in failing(verify_books(first))
