"""Whatever is changed in closed books by hand, `verify` names it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from quarter import copied

from fairpay.errors import InputError
from fairpay.ledger.model import Ledger
from fairpay.ledger.store import shelf
from fairpay.ledger.verify import verify_books
from fairpay.runs.inputs import hash_file
from fairpay.runs.manifest import seal
from fairpay.runs.outputs import as_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def failing(books: Path) -> set[str]:
    """The names of the controls that do not hold."""
    return {control.name for control in verify_books(books) if not control.ok}


def cook(books: Path, month: str, change: Callable[[list[dict[str, object]]], None]) -> None:
    """Change ledger rows, and make the month's own manifest fit, as somebody would who knows how it is made."""
    directory = books / month
    rows = pq.read_table(directory / "ledger.parquet").to_pylist()
    change(rows)
    table = pa.Table.from_pylist(rows, schema=next(Ledger.of([]).tables()).schema)
    pq.write_table(table, directory / "ledger.parquet", compression="zstd")
    manifest = json.loads((directory / "manifest.json").read_text())
    for output in manifest["outputs"]:
        output["size"], output["sha256"] = hash_file(directory / output["name"])
    (directory / "manifest.json").write_bytes(as_json(seal(manifest)))


@pytest.mark.parametrize("name", ["ledger.parquet", "ledger.csv", "payables.csv", "statements.xlsx", "input-pools.csv"])
def test_a_changed_file_is_named(books: Path, tmp_path: Path, name: str) -> None:
    own = copied(books, tmp_path / "books")
    path = own / "2026-08" / name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    named = [control for control in verify_books(own) if control.name == "2026-08 files"]
    assert name in named[0].detail
    assert not named[0].ok


def test_a_changed_manifest_breaks_its_seal_and_the_link_to_it(books: Path, tmp_path: Path) -> None:
    own = copied(books, tmp_path / "books")
    path = own / "2026-07" / "manifest.json"
    text = path.read_text()
    path.write_text(text.replace('"unsplit": "pay"', '"unsplit": "suspend"'))
    assert path.read_text() != text
    assert {"2026-07 files", "2026-08 link"} <= failing(own)


def test_a_missing_month_is_named(books: Path, tmp_path: Path) -> None:
    own = copied(books, tmp_path / "books")
    shutil.rmtree(own / "2026-08")
    details = {control.name: control.detail for control in verify_books(own) if not control.ok}
    assert details["2026-09 order"] == "2026-08 is missing before 2026-09"


def test_a_missing_first_month_is_named(books: Path, tmp_path: Path) -> None:
    own = copied(books, tmp_path / "books")
    shutil.rmtree(own / "2026-07")
    assert "2026-08 first" in failing(own)


def test_a_missing_adjustment_is_named_by_the_month_it_was_booked_in(books: Path, tmp_path: Path) -> None:
    own = copied(books, tmp_path / "books")
    shutil.rmtree(shelf(own).adjustments[0].directory)
    assert {"2026-08 adjustments listed", "2026-08 adjustments"} <= failing(own)


def test_a_file_that_was_slipped_in_is_named(books: Path, tmp_path: Path) -> None:
    own = copied(books, tmp_path / "books")
    (own / "2026-07" / "payables-2.csv").write_text("pay me\n")
    assert "2026-07 files" in failing(own)


def test_money_made_out_of_nothing_is_found_though_the_hashes_fit(books: Path, tmp_path: Path) -> None:
    own = copied(books, tmp_path / "books")

    def pay_more(rows: list[dict[str, object]]) -> None:
        one = next(row for row in rows if row["kind"] == "payable")
        one["amount"] = int(str(one["amount"])) + 1

    cook(own, "2026-09", pay_more)
    assert failing(own) == {"books head", "2026-09 accounts", "2026-09 total", "2026-09 tables"}


def test_money_moved_from_one_payee_to_another_is_found_though_the_hashes_fit(books: Path, tmp_path: Path) -> None:
    own = copied(books, tmp_path / "books")

    def move(rows: list[dict[str, object]]) -> None:
        for row in rows:
            if row["payee"] == "writer-x" and row["currency"] == "EUR":
                row["payee"] = "writer-y"

    cook(own, "2026-08", move)
    assert {"2026-08 carry_in", "2026-08 tables", "2026-09 link"} <= failing(own)


def test_an_earning_added_to_a_pool_is_found_though_the_hashes_fit(books: Path, tmp_path: Path) -> None:
    own = copied(books, tmp_path / "books")

    def earn_more(rows: list[dict[str, object]]) -> None:
        for row in rows:
            if row["payee"] == "bix" and row["kind"] in {"earned", "payable"} and row["currency"] == "EUR":
                row["amount"] = int(str(row["amount"])) + 100

    cook(own, "2026-09", earn_more)
    assert "2026-09 pool de-family" in failing(own)


def test_a_directory_without_books_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no month is closed"):
        verify_books(tmp_path)


def test_a_manifest_that_is_no_json_is_a_control_that_fails(books: Path, tmp_path: Path) -> None:
    own = copied(books, tmp_path / "books")
    (own / "2026-08" / "manifest.json").write_text("{")
    assert failing(own) == {"books"}
