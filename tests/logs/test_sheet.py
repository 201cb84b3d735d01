"""Workbooks as logs: which sheet is read, what its cells are, and what is refused."""

from __future__ import annotations

import datetime as dt
import io
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import xlsxwriter
from reads import listens, rows, write

from fairpay.errors import InputError
from fairpay.logs.xlsx import read_sheet

if TYPE_CHECKING:
    from pathlib import Path

TABLE = [["user", "artist", "ms"], ["u1", "a", 40_000], ["u2", "b", 50_000]]
FOUND = [("u1", "a", 40_000), ("u2", "b", 50_000)]


def book(*sheets: list[list[Any]], hidden: tuple[int, ...] = ()) -> bytes:
    """Make a workbook."""
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"in_memory": True})
    for place, some in enumerate(sheets):
        sheet = made.add_worksheet()
        for at, row in enumerate(some):
            sheet.write_row(at, 0, row)
        if place in hidden:
            sheet.hide()
    made.get_worksheet_by_name(f"Sheet{1 if 0 not in hidden else 2}").activate()
    made.close()
    return out.getvalue()


def changed(data: bytes, old: bytes, new: bytes) -> bytes:
    """Change the text of a workbook's sheets."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as one, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as two:
        for name in one.namelist():
            text = one.read(name)
            two.writestr(name, text.replace(old, new) if "worksheets/sheet" in name else text)
    return out.getvalue()


def test_the_sheet_with_most_known_names_is_read(tmp_path: Path) -> None:
    log = write(tmp_path / "log.xlsx", book([["Account"], ["me"]], [["title", "date"], ["x", "y"]], TABLE))
    assert listens(log) == FOUND


def test_of_two_sheets_alike_the_first_is_read(tmp_path: Path) -> None:
    log = write(tmp_path / "log.xlsx", book(TABLE, [["user", "artist", "ms"], ["u9", "z", 90_000]]))
    assert listens(log) == FOUND


def test_a_hidden_sheet_is_read_only_where_no_other_has_rows(tmp_path: Path) -> None:
    old = [["user", "artist", "ms"], ["old", "old", 90_000]]
    assert listens(write(tmp_path / "a.xlsx", book(old, TABLE, hidden=(0,)))) == FOUND
    assert listens(write(tmp_path / "b.xlsx", book(TABLE, [], hidden=(0,)))) == FOUND


def test_titles_and_empty_rows_above_the_header_are_no_rows(tmp_path: Path) -> None:
    log = write(tmp_path / "log.xlsx", book([[], ["Listening of March"], [], *TABLE, [], ["u3", "c", 60_000]]))
    assert listens(log) == [*FOUND, ("u3", "c", 60_000)]
    assert [row["row"] for row in rows(log)] == [1, 2, 4]


def test_cells_are_what_was_typed() -> None:
    moment = dt.datetime(2025, 3, 1, 10, 30)  # noqa: DTZ001 - a cell has no zone
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = made.add_worksheet()
    sheet.write_string(0, 0, "08001")
    sheet.write_row(0, 1, [8001, 0.1, True, 1234567])
    sheet.write_datetime(0, 5, moment, made.add_format({"num_format": "yyyy-mm-dd hh:mm"}))
    sheet.write_formula(0, 6, "=1+1", None, 2)
    sheet.write_formula(0, 7, "=1/0", None, "#DIV/0!")
    made.close()
    (cells,) = read_sheet(out.getvalue(), "log")
    assert cells == ["08001", "8001", "0.1", "true", "1234567", "2025-03-01T10:30:00", "2", ""]


@pytest.mark.parametrize("far", [b"XFD1048576", b"ZZZ1048576"])
def test_a_cell_far_from_the_table_is_refused_at_once(far: bytes, tmp_path: Path) -> None:
    log = write(tmp_path / "log.xlsx", changed(book(TABLE), b'r="C3"', b'r="' + far + b'"'))
    start = time.monotonic()
    with pytest.raises(InputError, match=r"spans [\d,]+ cells"):
        listens(log)
    assert time.monotonic() - start < 5


def test_a_far_column_alone_is_no_harm(tmp_path: Path) -> None:
    log = write(tmp_path / "log.xlsx", changed(book(TABLE), b'r="C', b'r="ZZ'))
    assert listens(log) == FOUND


def test_every_cut_and_every_damage_is_one_sentence(tmp_path: Path) -> None:
    whole = book(TABLE)
    damaged = [whole[:size] for size in range(10, len(whole) - 1, 397)]
    damaged += [whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :] for at in range(40, len(whole), 211)]
    refused = 0
    for data in damaged:
        try:
            assert listens(write(tmp_path / "log.xlsx", data)) == FOUND
        except InputError as error:
            refused += 1
            assert "log.xlsx" in str(error)  # noqa: PT017 - one of many
    assert refused > len(damaged) // 2


@pytest.mark.parametrize(("place", "bits"), [(8, b"\x01\x00"), (10, b"\x63\x00"), (10, b"\x0c\x00")])
def test_parts_that_are_encrypted_or_packed_another_way_are_one_sentence(
    tmp_path: Path, place: int, bits: bytes
) -> None:
    data, at = bytearray(book(TABLE)), -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        data[at + place : at + place + 2] = bits
    with pytest.raises(InputError, match=r"log\.xlsx: the workbook cannot be read"):
        listens(write(tmp_path / "log.xlsx", bytes(data)))


def test_an_opendocument_cell_that_stands_for_millions_is_refused(tmp_path: Path) -> None:
    cell = '<table:table-cell table:number-columns-repeated="16000" office:value-type="string"/>'
    row = f'<table:table-row table:number-rows-repeated="1000000">{cell}</table:table-row>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        made.writestr("content.xml", f"<table:table>{row}</table:table>")
    with pytest.raises(InputError, match=r"spans 16,000,000,000 cells"):
        listens(write(tmp_path / "log.ods", out.getvalue()))
