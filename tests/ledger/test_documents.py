from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from laying import laid
from python_calamine import CalamineWorkbook
from quarter import FILES, QUARTER, run

import fairpay
from fairpay.errors import InputError, UsageError
from fairpay.ledger.accounts import ITEM_OF, closed_month
from fairpay.ledger.close import close
from fairpay.ledger.documents import (
    MOST_LINES,
    Press,
    as_csv,
    as_data,
    as_xlsx,
    letters_lacking,
    read_issuer,
    read_payees,
)
from fairpay.ledger.issue import stated
from fairpay.ledger.model import Kind
from fairpay.runs.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fairpay.ledger.documents import Statement

HOSTILE = (
    '#import "x"',
    "*bold* _it_",
    "<x>",
    "$ x^2 $",
    "x" * 300,
    "العربية",
    "山田太郎",
    "`code` \\ //c",
    "=1+1",
    "@ref",
)
ISRC = "DE-A12-26-00001"


def statement_of(books: Path, payee: str, period: str | None = None, to: tuple[str, ...] = ("A",)) -> Statement:
    """What a payee is sent."""
    found = stated(closed_month(books, period), {payee: to}, ("Issuer",), "2026-10-31")
    return next(one for one in found if one.payee == payee)


def table(statement: Statement) -> list[dict[str, str]]:
    """The lines of its CSV."""
    return list(csv.DictReader(io.StringIO(as_csv(statement).decode("utf-8-sig"))))


def section(lines: list[dict[str, str]], name: str, currency: str = "EUR") -> list[dict[str, str]]:
    """Those of a section."""
    return [line for line in lines if (line["Section"], line["Currency"]) == (name, currency)]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Books of one payee with artists whose names are code somewhere."""
    artists = [name.replace('"', '""') for name in HOSTILE]
    asked = laid(
        tmp_path_factory.mktemp("hostile"),
        "user,artist,plays\n" + "".join(f'u{n},"{name}",{n + 1}\n' for n, name in enumerate(artists)),
        pools="pool,gross\n#panic(1),1000\n",
        splits="artist,payee,share\n" + "".join(f'"{name}",p,1\n' for name in artists),
        rule="market-centric",
    )
    close(asked)
    return asked.books


def test_every_kind_of_ledger_row_counts_in_a_line_of_a_statement() -> None:
    assert set(ITEM_OF) == set(Kind)


def test_a_statement_says_plays_rate_share_and_amount_of_each_artist_in_each_pool(books: Path) -> None:
    lines = section(table(statement_of(books, "label-north", "2026-07")), "Earnings")
    names = ("Artist", "Territory", "Offering", "Pool", "Plays", "Rate per play", "Earned by artist", "Your share")
    assert [[line[name] for name in (*names, "Earned")] for line in lines] == [
        ["ada", "DE", "premium", "de-premium", "4", "10.937500", "43.75", "40%", "17.50"],
        ["Total", "", "", "", "4", "", "", "", "17.50"],
    ]


def test_prior_and_this_period_are_what_stands_to_date(books: Path) -> None:
    account = section(table(statement_of(books, "bix", "2026-08")), "Account")
    assert [(line["Item"], line["Prior"], line["This period"], line["To date"]) for line in account] == [
        ("Opening balance", "0.00", "0.00", "0.00"),
        ("Earned", "35.25", "35.00", "70.25"),
        ("Released from suspense", "0.00", "35.25", "35.25"),
        ("Adjustments", "0.00", "-8.75", "-8.75"),
        ("Kept on hold", "-35.25", "0.00", "-35.25"),
        ("Carried forward", "0.00", "0.00", "0.00"),
        ("Payable", "0.00", "61.50", "61.50"),
    ]


def test_an_adjustment_names_the_month_the_pool_and_the_reason(books: Path) -> None:
    (line, _) = section(table(statement_of(books, "ada-music", "2026-08")), "Adjustments and entries")
    found = [line[name] for name in ("Item", "Period", "Pool", "Details", "Amount")]
    assert found == ["Adjustments", "2026-07", "de-premium", "late file", "-5.25"]


def test_what_is_left_of_an_advance_is_a_balance(books: Path) -> None:
    (line,) = section(table(statement_of(books, "label-north", "2026-07")), "Balances")
    found = [line[name] for name in ("Item", "Amount", "Earned back", "Left")]
    assert found == ["Advance 2026-A, unrecouped", "20.00", "17.50", "2.50"]


def test_what_waits_on_hold_is_a_balance_too(books: Path) -> None:
    (line,) = section(table(statement_of(books, "bix", "2026-07")), "Balances")
    assert (line["Item"], line["Left"]) == ("On hold", "35.25")


def test_a_pool_in_another_currency_has_its_rate_its_source_and_its_day(books: Path) -> None:
    (line,) = section(table(statement_of(books, "bix", "2026-07")), "Exchange rates")
    assert [line[name] for name in ("Pool", "From", "Rate", "To", "Source", "Date")] == [
        *("us-student", "USD", "0.9", "EUR", "ECB", "2026-07-31")
    ]


def test_a_track_with_splits_has_a_line_with_its_isrc(tmp_path: Path) -> None:
    asked = laid(
        tmp_path,
        f"user,artist,track,plays\nu,ada,{ISRC},3\nu,ada,other,1\n",
        pools="pool,gross\nall,4.00\n",
        splits=f"artist,track,payee,share\nada,{ISRC},p,1\nada,,ada,1\n",
        rule="market-centric",
    )
    close(asked)
    names = ("Artist", "Track", "ISRC", "Plays", "Earned")
    line, _ = section(table(statement_of(asked.books, "p")), "Earnings")
    assert [line[name] for name in names] == ["ada", ISRC, "DEA122600001", "3", "3.00"]
    line, _ = section(table(statement_of(asked.books, "ada")), "Earnings")
    assert [line[name] for name in names] == ["ada", "", "", "1", "1.00"]


def test_a_csv_for_people_has_a_mark_and_no_formula(hostile: Path) -> None:
    data = as_csv(statement_of(hostile, "p", to=("=cmd()", "+49")))
    assert data.startswith("\ufeff".encode())
    artists = {line["Artist"] for line in section(table(statement_of(hostile, "p")), "Earnings")}
    assert "'=1+1" in artists
    assert "=1+1" not in artists
    assert b",'=cmd(); +49," in data


def test_numbers_of_a_workbook_are_numbers_and_names_are_text(hostile: Path) -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx(statement_of(hostile, "p"))))
    assert book.sheet_names == ["About", "Account EUR", "Earnings EUR"]
    header, *lines = book.get_sheet_by_name("Earnings EUR").to_python()
    kinds = {name: {type(line[place]) for line in lines[:-1]} for place, name in enumerate(header)}
    assert kinds["Artist"] == {str}
    assert kinds["Plays"] == kinds["Earned"] == kinds["Rate per play"] == {float}
    assert lines[-1][header.index("Earned")] == 1000


def test_a_pdf_has_the_same_bytes_again(books: Path) -> None:
    statement = statement_of(books, "ada-music", "2026-08")
    assert Press().pdf(statement) == Press().pdf(statement)


def test_a_pdf_takes_no_font_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    class Compiler:
        def __init__(self, *_: object, **options: object) -> None:
            asked.update(options)

    monkeypatch.setattr("typst.Compiler", Compiler)
    Press()
    assert asked == {"ignore_system_fonts": True, "font_paths": []}


@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_hostile_names_are_data_on_every_paper(hostile: Path, paper: str, tmp_path: Path) -> None:
    made = Press(paper).pdf(statement_of(hostile, "p", to=('#panic("x") *y* <z>', "@ref", "= heading")))
    assert made.startswith(b"%PDF-")
    reader = shutil.which("pdftotext")
    if reader is not None:
        (tmp_path / "s.pdf").write_bytes(made)
        text = subprocess.run(
            [reader, "-layout", tmp_path / "s.pdf", "-"], capture_output=True, check=True
        ).stdout.decode()
        for word in (
            '#panic("x") *y* <z>',
            "@ref",
            "= heading",
            '#import "x"',
            "*bold* _it_",
            "$ x^2 $",
            "Page 1 of 1",
        ):
            assert word in text


def test_a_pdf_says_how_many_lines_it_leaves_to_the_csv(books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairpay.ledger.documents.MOST_LINES", 2)
    (account, *_), *_ = [one["sections"] for one in as_data(statement_of(books, "bix", "2026-08"))["accounts"]]
    assert [row[0] for row in account["rows"]] == ["Opening balance", "Payable"]
    assert account["more"].startswith("5 more lines")
    assert MOST_LINES > 1000


def test_a_short_column_of_a_pdf_takes_what_it_needs_and_names_share_the_rest(tmp_path: Path) -> None:
    pools = "pool,territory,offering,gross\np,DE,a very long offering,10\n"
    log = f"user,artist,track,country,plan,plays\nu,a,{ISRC},DE,a very long offering,1\n"
    asked = laid(tmp_path, log, pools=pools, rule="market-centric", tracks=True)
    close(asked)
    columns = as_data(statement_of(asked.books, "a"))["accounts"][0]["sections"][1]["columns"]
    widths = {column["name"]: column["width"] for column in columns if not column["number"]}
    assert widths == {"Artist": 3, "Track": 2, "ISRC": 0, "Territory": 0, "Offering": 1, "Pool": 0}


def test_statements_written_by_threads_have_the_bytes_of_one_thread(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for threads in (1, 3):
        monkeypatch.setattr("fairpay.ledger.issue.usable_processors", lambda threads=threads: threads)
        place = tmp_path / str(threads)
        fairpay.statements(books=books, period="2026-08", payee=["bix", "ada-music"], output=place)
        manifest = read_manifest(place)
        found.append((manifest["outputs"], [(place / one["name"]).read_bytes() for one in manifest["outputs"]]))
    assert len(found[0][0]) > 3
    assert found[0] == found[1]


def test_letters_that_the_fonts_lack_are_named(hostile: Path, books: Path) -> None:
    assert "(CJK)" in letters_lacking([statement_of(hostile, "p")])
    assert letters_lacking([statement_of(books, "bix", "2026-08", to=("Łukasz Ωmega Юрий שלום محمد ½",))]) == ""


def test_without_typst_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(UsageError, match="PDF needs the package typst") as refused:
        Press()
    assert "fairpay[statements]" in refused.value.advice


def test_an_address_has_its_lines_in_order(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        "payee,name,address,postcode,city,country,tax_id\np,Ann,Unit 4; Road 1,10,Rome,Italy,IT1\n"
    )
    lines = ("Ann", "Unit 4", "Road 1", "10 Rome", "Italy", "Tax number IT1")
    assert read_payees(tmp_path / "p.csv") == {"p": lines}


@pytest.mark.parametrize(("read", "text"), [(read_payees, "payee,name\np,A\np,B\n"), (read_issuer, "name\nA\nB\n")])
def test_who_stands_twice_is_refused(tmp_path: Path, read: type, text: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(InputError):
        read(tmp_path / "p.csv")


def issued(books: Path, to: Path, *more: str) -> int:
    """Run the command on the quarter's names; return its status."""
    tables = ("--payees", f"{FILES}/payees.csv", "--issuer", f"{FILES}/issuer.csv")
    return run(books, "statements", *tables, "-o", str(to), *more)


def amounts(path: Path, column: str) -> Iterator[tuple[str, Decimal]]:
    """Currency and amount of each line of a table."""
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            yield line["currency"], Decimal(line[column])


@pytest.mark.usefixtures("_in_quarter")
@pytest.mark.parametrize(
    "period", ["2026-08", *(pytest.param(period, marks=pytest.mark.nightly) for period in ("2026-07", "2026-09"))]
)
def test_statements_of_a_month_sum_to_its_payables_and_verify(books: Path, tmp_path: Path, period: str) -> None:
    assert issued(books, tmp_path / "out", "--period", period) == 0
    paid = sorted(amounts(books / period / "payables.csv", "amount"))
    assert sorted(pair for pair in amounts(tmp_path / "out" / "index.csv", "payable") if pair[1]) == paid
    kinds = {path.suffix for path in (tmp_path / "out").glob("statement-*")}
    assert kinds == {".csv", ".xlsx", ".pdf"}
    assert [one.name for one in fairpay.verify(tmp_path / "out") if not one.ok] == []


@pytest.mark.usefixtures("_in_quarter")
def test_the_same_statements_again_are_there_already_and_another_day_is_another_run(
    books: Path, tmp_path: Path
) -> None:
    assert issued(books, tmp_path / "out", "--formats", "csv") == 0
    assert issued(books, tmp_path / "out", "--formats", "csv") == 0
    assert issued(books, tmp_path / "out", "--formats", "csv", "--date", "2026-10-15") == 7
    assert issued(books, tmp_path / "out", "--formats", "csv", "--date", "2026-10-15", "--force") == 0
    assert any("2026-10-15" in path.read_text() for path in (tmp_path / "out").glob("statement-*.csv"))


def test_one_payee_alone_is_written_if_asked(books: Path, tmp_path: Path) -> None:
    found = fairpay.statements(
        books=books, payee="bix", formats=["csv"], output=tmp_path / "out", payees=QUARTER / "payees.csv"
    )
    assert found.table["payee"].unique().to_list() == ["bix"]
    assert found.unnamed == ()


@pytest.mark.parametrize(
    "asked",
    [{"payee": "nobody"}, {"period": "2027-01"}, {"period": "July"}, {"formats": ["docx"]}, {"date": "31.10.2026"}],
)
def test_what_there_is_none_of_is_refused(books: Path, tmp_path: Path, asked: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        fairpay.statements(books=books, output=tmp_path / "out", **asked)
    assert not (tmp_path / "out").exists()


def test_books_that_were_changed_have_no_statements(books: Path, tmp_path: Path) -> None:
    shutil.copytree(books, tmp_path / "books")
    with (tmp_path / "books" / "2026-09" / "payables.csv").open("a") as file:
        file.write("x")
    with pytest.raises(InputError, match="not as it was written"):
        fairpay.statements(books=tmp_path / "books", output=tmp_path / "out")
