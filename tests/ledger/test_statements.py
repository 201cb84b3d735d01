from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest
from python_calamine import CalamineWorkbook
from quarter import ROOT

from fairpay.ledger.export import Sheet, csv_parts, workbook
from fairpay.ledger.facts import MonthFacts, PoolFacts
from fairpay.ledger.model import PAYEE, Kind, Ledger, Row
from fairpay.ledger.statements import file_name, lines, payables, payment_ref, pools_sheet, statements

if TYPE_CHECKING:
    from pathlib import Path

PAYEES = ("../../etc", "CON", "x" * 300, "a/b", "🎸", "=1+1", "A", "a", "", ".", "nul.txt", "é")


def row(payee: str, kind: str, amount: int, *, scale: int = 2, currency: str = "EUR") -> Row:
    """A ledger row."""
    return Row("run", "2026-10", "", payee, kind, amount, currency, scale)


def csv_text(sheet: Sheet, *, excel: bool = False) -> str:
    """The text of a CSV file."""
    return b"".join(csv_parts(sheet, excel=excel)).decode()


def sheet_names(book: bytes) -> list[str]:
    """The sheets of a workbook."""
    with zipfile.ZipFile(io.BytesIO(book)) as packed:
        return re.findall(r'<sheet name="([^"]+)"', packed.read("xl/workbook.xml").decode())


def content(book: bytes) -> str:
    """All that a workbook holds."""
    with zipfile.ZipFile(io.BytesIO(book)) as packed:
        return "".join(packed.read(name).decode() for name in packed.namelist())


def example() -> Sheet:
    """Statements of a few payees."""
    return statements(Ledger.of([row(f"p{i}", kind, 100 + i) for i in range(5) for kind in ("earned", "payable")]))


@pytest.mark.parametrize("payee", PAYEES)
def test_a_file_name_is_safe_whatever_the_payee_is_called(payee: str) -> None:
    name = file_name(payee)
    assert re.fullmatch(r"statement-[A-Za-z0-9_-]{32,90}", name)


def test_no_two_payees_share_a_file_even_where_case_is_ignored() -> None:
    assert len({file_name(payee).lower() for payee in PAYEES}) == len(PAYEES)


def test_a_payment_has_the_same_reference_in_every_run_and_another_for_every_payee() -> None:
    one = payment_ref("run", "p", "EUR")
    assert one == payment_ref("run", "p", "EUR")
    assert len({one, payment_ref("run", "q", "EUR"), payment_ref("run", "p", "USD"), payment_ref("x", "p", "EUR")}) == 4


def test_csv_for_machines_is_verbatim_and_for_excel_formulas_are_defused() -> None:
    risky = ("@x", "-y", "+z", "'=z")
    sheet = lines(Ledger.of([row("=cmd()", "fee", -5), *(row(name, "earned", 5) for name in risky)]))
    assert "\n2026-10,=cmd(),EUR,2,fee,,-0.05,,," in csv_text(sheet)
    excel = csv_text(sheet, excel=True)
    assert excel.startswith("\ufeff")
    assert all(f",'{name}," in excel for name in ("=cmd()", *risky))
    assert ",-0.05," in excel


def test_amounts_have_their_currencys_digits() -> None:
    sheet = payables(
        Ledger.of([row("p", "payable", 5, scale=0, currency="JPY"), row("p", "payable", 5, scale=3, currency="KWD")])
    )
    assert [text for part in sheet.texts() for text in part["amount"].to_list()] == ["5", "0.005"]


def test_an_account_in_suspense_is_never_payable() -> None:
    assert payables(Ledger.of([row("unmatched:x", "payable", 5)])).frame.is_empty()


def test_a_workbook_has_the_same_bytes_again() -> None:
    assert workbook(about=[("Run", "x")], sheets=[example()]) == workbook(about=[("Run", "x")], sheets=[example()])


def test_a_workbook_made_in_memory_says_what_one_made_in_files_says(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = CalamineWorkbook.from_filelike(io.BytesIO(workbook(about=[("Run", "x")], sheets=[example()])))
    monkeypatch.setattr("fairpay.ledger.export.FEW", -1)
    slow = CalamineWorkbook.from_filelike(io.BytesIO(workbook(about=[("Run", "x")], sheets=[example()])))
    assert quick.sheet_names == slow.sheet_names
    for name in quick.sheet_names:
        assert quick.get_sheet_by_name(name).to_python() == slow.get_sheet_by_name(name).to_python()


def test_more_rows_than_a_sheet_holds_go_on_in_the_next_with_a_word() -> None:
    book = workbook(about=[], sheets=[example()], rows=2)
    assert sheet_names(book) == ["About", "statements", "statements 2", "statements 3", "charts"]
    assert content(book).count("goes on in sheet statements") == 2


def test_a_workbook_keeps_formulas_and_ids_as_text() -> None:
    book = workbook(about=[], sheets=[lines(Ledger.of([row("=1+1", "earned", 5), row("00123", "earned", 5)]))])
    text = content(book)
    assert "<f>" not in text
    assert ">00123<" in text
    assert ">=1+1<" in text


def test_an_amount_beyond_fifteen_digits_is_written_as_text() -> None:
    text = content(workbook(about=[], sheets=[lines(Ledger.of([row("p", "earned", 12345678901234567890 % 2**62)]))]))
    assert f">{12345678901234567890 % 2**62 // 100}." in text


def test_a_workbook_has_a_chart_for_each_currency_over_its_own_lines() -> None:
    kinds = ("earned", "payable")
    rows = [row(f"p{i}", kind, 5, currency=code) for code in ("EUR", "USD") for i in range(2) for kind in kinds]
    text = content(workbook(about=[], sheets=[statements(Ledger.of(rows))]))
    column = chr(ord("A") + statements(Ledger.of(rows)).shown.index("payable"))
    assert text.count("<c:barChart>") == 2
    assert f"statements!${column}$2:${column}$3" in text
    assert f"statements!${column}$4:${column}$5" in text


def test_every_sheet_is_landscape_as_wide_as_a_page_with_headings_on_each() -> None:
    with zipfile.ZipFile(io.BytesIO(workbook(about=[], sheets=[example()]))) as packed:
        sheet, book = (packed.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet2", "workbook"))
    assert 'orientation="landscape"' in sheet
    assert 'fitToHeight="0"' in sheet
    assert '<definedName name="_xlnm.Print_Titles" localSheetId="1">statements!$1:$1</definedName>' in book


def test_counts_and_amounts_of_pools_are_numbers_in_a_workbook() -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook(about=[], sheets=[pools_sheet(of_pools(FACTS))])))
    header, line = book.get_sheet_by_name("pools").to_python()
    found = dict(zip(header, line, strict=True))
    assert [found[name] for name in ("gross", "net", "plays", "subscribers", "base")] == [25, 19.92, 1, 1, 18]
    assert found["gross_currency"] == "USD"


def test_a_pool_says_its_territory_and_the_rate_its_source_and_its_day() -> None:
    said = {"territory": "US", "offering": "student", "fx_rate": "0.9", "fx_source": "ECB", "fx_date": "2026-07-31"}
    (line,) = sheet_text(of_pools(replace(FACTS, **said)))
    assert {name: line[name] for name in said} == said


def test_every_kind_has_the_payee_on_one_side_and_a_column_of_its_own() -> None:
    assert all((kind.debit == PAYEE) != (kind.credit == PAYEE) for kind in Kind)
    assert len({kind.column for kind in Kind}) == len(Kind)


def test_the_page_for_bookkeepers_says_both_sides_and_the_column_of_every_kind() -> None:
    page = (ROOT / ".github" / "BOOKS.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| `(\w+)` \| ([\w ]+) \| ([\w ]+) \| `(\w+)` \|$", page, re.MULTILINE)
    assert lines == [(kind.value, kind.debit, kind.credit, kind.column) for kind in Kind]


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
    return list(csv.DictReader(csv_text(pools_sheet(facts)).splitlines()))


def of_pools(*pools: PoolFacts) -> MonthFacts:
    """What a month of these pools states."""
    return MonthFacts(period="2026-07", run_id="x", pools=pools, listening=None)  # type: ignore[arg-type] # no listening


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


def test_a_workbook_that_is_interrupted_leaves_no_parts_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("zipfile.ZipFile.write", interrupted)
    monkeypatch.setattr("fairpay.ledger.export.FEW", -1)
    with pytest.raises(KeyboardInterrupt):
        workbook(about=[("a", "b")], sheets=[])
    assert list(tmp_path.iterdir()) == []
