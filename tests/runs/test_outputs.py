"""Tables to files: CSV by RFC 4180 with LF, Parquet that PyArrow, Polars and DuckDB read, nothing lost."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import python_calamine as calamine
from hypothesis import given
from hypothesis import strategies as st
from reads import write

from fairpay.errors import OutputError
from fairpay.runs.outputs import csv_bytes, write_csv, write_json, write_parquet, write_rejects, write_workbook

if TYPE_CHECKING:
    from pathlib import Path

IDS = [
    "311",
    "08001",
    "+44",
    "=1+1",
    "-2",
    "@x",
    " padded ",
    'a"b',
    "a,b",
    "a\nb",
    "a\rb",
    "Zoë 音",
    "NA",
    "null",
    "-0",
]


def csv_text(table: pa.Table, path: Path) -> str:
    """Write a table as CSV and return the text."""
    write_csv(table, path)
    return path.read_bytes().decode()


@pytest.mark.parametrize("name", IDS)
def test_ids_come_out_as_they_went_in(tmp_path: Path, name: str) -> None:
    text = csv_text(pa.table({"artist": [name], "x": [1]}), tmp_path / "t.csv")
    assert list(csv.reader(text.splitlines(keepends=True))) == [["artist", "x"], [name, "1"]]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_any_text_can_be_read_back(names: list[str]) -> None:
    import io  # noqa: PLC0415 - for this test only

    made = b"".join(part for part, _ in csv_bytes(pa.table({"artist": names, "x": range(len(names))})))
    rows = list(csv.reader(io.StringIO(made.decode(), newline="")))
    assert rows[1:] == [[name, str(k)] for k, name in enumerate(names)]


def test_decimals_have_all_their_digits(tmp_path: Path) -> None:
    amounts = [Decimal("0.00"), Decimal("-0.05"), Decimal("46116860184273879.04"), Decimal("1.50")]
    text = csv_text(pa.table({"paid": pa.array(amounts, pa.decimal128(38, 2))}), tmp_path / "t.csv")
    assert text == "paid\n0.00\n-0.05\n46116860184273879.04\n1.50\n"


def test_a_currency_without_digits_has_no_point(tmp_path: Path) -> None:
    text = csv_text(pa.table({"paid": pa.array([Decimal(1234)], pa.decimal128(38, 0))}), tmp_path / "t.csv")
    assert text == "paid\n1234\n"


def test_null_is_empty_and_empty_text_is_quoted(tmp_path: Path) -> None:
    text = csv_text(pa.table({"name": ["", None], "x": [1, None]}), tmp_path / "t.csv")
    assert text == 'name,x\n"",1\n,\n'


def test_csv_has_no_bom_and_lines_end_in_lf(tmp_path: Path) -> None:
    write_csv(pa.table({"artist": ["a", "b"]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == b"artist\na\nb\n"


def test_csv_of_no_rows_is_the_header(tmp_path: Path) -> None:
    assert csv_text(pa.table({"artist": pa.array([], pa.string())}), tmp_path / "t.csv") == "artist\n"


def test_csv_in_small_parts_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"artist": [str(k) for k in range(100)], "f": [k / 7 for k in range(100)]})
    whole = csv_text(table, tmp_path / "whole.csv")
    monkeypatch.setattr("fairpay.runs.outputs.SLICE_ROWS", 7)
    assert csv_text(table, tmp_path / "parts.csv") == whole


def test_writers_return_the_rows(tmp_path: Path) -> None:
    table = pa.table({"artist": ["a", "b"]})
    assert (write_csv(table, tmp_path / "t.csv"), write_parquet(table, tmp_path / "t.parquet")) == (2, 2)


def test_parquet_holds_the_table_for_pyarrow_and_polars(tmp_path: Path) -> None:
    table = pa.table({"artist": IDS, "paid": pa.array([Decimal("-1.05")] * len(IDS), pa.decimal128(38, 2))})
    write_parquet(table, tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").equals(table)
    assert pl.read_parquet(tmp_path / "t.parquet").to_arrow().cast(table.schema).equals(table)


def test_parquet_says_nothing_of_the_time_it_was_written(tmp_path: Path) -> None:
    table = pa.table({"artist": IDS})
    write_parquet(table, tmp_path / "one.parquet")
    write_parquet(table, tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_json_is_utf8_with_keys_in_order(tmp_path: Path) -> None:
    write_json({"b": "Zoë", "a": None}, tmp_path / "s.json")
    assert (tmp_path / "s.json").read_text("utf-8") == '{\n  "b": "Zoë",\n  "a": null\n}\n'


def test_json_refuses_what_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"gini": float("nan")}, tmp_path / "s.json")


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("mine")
    with pytest.raises(FileExistsError):
        write_csv(pa.table({"artist": ["a"]}), tmp_path / "t.csv")


def test_a_table_longer_than_a_sheet_goes_on_in_the_next(tmp_path: Path) -> None:
    parts = [pa.table({"artist": ["a", "b", "c"]}), pa.table({"artist": ["d", "e"]})]
    assert write_workbook(parts, tmp_path / "t.xlsx", rows=2) == 5
    book = calamine.CalamineWorkbook.from_path(str(tmp_path / "t.xlsx"))
    sheets = {name: [row[0] for row in book.get_sheet_by_name(name).to_python()[1:]] for name in book.sheet_names}
    assert sheets == {"t": ["a", "b"], "t 2": ["c", "d"], "t 3": ["e"]}


def test_a_number_that_a_spreadsheet_would_round_is_text(tmp_path: Path) -> None:
    amounts = [Decimal("9999999999999.99"), Decimal("10000000000000.00"), None]
    write_workbook(pa.table({"payout": pa.array(amounts, pa.decimal128(38, 2))}), tmp_path / "t.xlsx")
    rows = calamine.CalamineWorkbook.from_path(str(tmp_path / "t.xlsx")).get_sheet_by_index(0).to_python()
    assert rows[1:] == [[9999999999999.99], ["10000000000000.00"]]


REJECTS = pa.table({"file": ["a.csv"], "row": [3], "reason": ["user is empty"], "user": [""], "artist": ['b "c", d']})


def test_rejects_are_csv_unless_the_name_says_parquet(tmp_path: Path) -> None:
    write_rejects(REJECTS, tmp_path / "r.csv")
    text = (tmp_path / "r.csv").read_text()
    assert text == 'file,row,reason,user,artist\na.csv,3,user is empty,"","b ""c"", d"\n'
    write_rejects(REJECTS, tmp_path / "r.parquet")
    assert pq.read_table(tmp_path / "r.parquet").to_pylist() == REJECTS.to_pylist()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.csv", "r.parquet"]


def test_no_rejects_leave_a_header(tmp_path: Path) -> None:
    write_rejects(REJECTS.slice(0, 0), tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_text() == "file,row,reason,user,artist\n"


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    old = write(tmp_path / "r.csv", "old")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_rejects(REJECTS, old)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]
    with pytest.raises(OutputError):
        write_rejects(REJECTS, tmp_path / "none" / "r.csv")
