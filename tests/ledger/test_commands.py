from __future__ import annotations

import json
import re
import shutil
import tomllib
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from quarter import FILES, QUARTER, ROOT, copied, run

import fairpay
from fairpay.cli import main
from fairpay.errors import InputError, NotVerifiedError, OutputError, UnbalancedError, UsageError
from fairpay.ledger import close as closing_module
from fairpay.ledger import statements
from fairpay.ledger.model import Kind
from fairpay.settings.config import keys_of

if TYPE_CHECKING:
    from fairpay.ledger.model import Ledger

TEMPLATE = (ROOT / "fairpay" / "ledger" / "month.toml").read_text(encoding="utf-8")
JULY = ("close", "--config", f"{FILES}/2026-07.toml")


def test_init_writes_the_file_that_close_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--quiet"]) == 0
    assert (tmp_path / "month.toml").read_text() == TEMPLATE


@pytest.mark.parametrize("file", ["month.toml", "deep/er/month.toml"])
def test_the_command_that_init_names_closes_a_month_at_once(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    assert main(["init", file]) == 0
    command = capsys.readouterr().err.splitlines()[-1].split()
    assert main(command[1:]) == 0
    assert "pool de-premium  ok  70.00 earned = pool 70.00 EUR" in capsys.readouterr().out


def test_init_touches_no_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "month.toml").write_text("mine")
    assert main(["init", str(tmp_path / "month.toml")]) == OutputError.status
    assert (tmp_path / "month.toml").read_text() == "mine"
    (tmp_path / "pools.csv").write_text("mine")
    assert main(["init", str(tmp_path / "other.toml")]) == 0
    assert (tmp_path / "pools.csv").read_text() == "mine"


@pytest.mark.parametrize(("command", "least"), [("close", 16), ("statements", 3)])
def test_every_key_of_the_file_that_init_writes_is_an_option_of_its_command(command: str, least: int) -> None:
    open_keys = re.sub(r"^# (?=[a-z-]+ = |\[)", "", TEMPLATE, flags=re.MULTILINE)
    keys = tomllib.loads(open_keys)[command]
    assert len(keys) >= least
    assert set(keys) <= set(keys_of(command))


@pytest.mark.usefixtures("_in_quarter")
def test_what_is_to_be_paid_is_a_frame_of_decimals_beside_their_currency(tmp_path: Path) -> None:
    asked = tomllib.loads((QUARTER / "2026-07.toml").read_text())["close"]
    options = {name.replace("-", "_"): value for name, value in asked.items() if name != "log"}
    table = fairpay.close(asked["log"], books=tmp_path / "books", dry_run=True, **options).table
    assert table.filter(pl.col("currency") == "EUR")["amount"].to_list() == [Decimal("26.25")]


@pytest.mark.usefixtures("_in_quarter")
def test_money_lost_on_the_way_is_status_70_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = closing_module.settle

    def careless(rows: Ledger, *rest: object) -> Ledger:
        found = honest(rows, *rest)  # type: ignore[arg-type] # passed on
        return found.of_kinds(set(Kind) - {Kind.PAYABLE})

    monkeypatch.setattr(closing_module, "settle", careless)
    assert main([*JULY, "--books", str(tmp_path / "books"), "--json"]) == UnbalancedError.status
    told = json.loads(capsys.readouterr().err)["error"]
    assert {problem["reason"] for problem in told["problems"]} == {"accounts", "total"}
    assert not (tmp_path / "books" / "2026-07").exists()


@pytest.mark.usefixtures("_in_quarter")
def test_statements_for_each_payee_and_for_excel_are_written_where_asked(tmp_path: Path) -> None:
    assert run(tmp_path / "books", *JULY, "--per-payee", "--excel") == 0
    names = {path.name for path in (tmp_path / "books" / "2026-07").iterdir()}
    assert sum(name.startswith("statement-") for name in names) == 7
    assert (tmp_path / "books" / "2026-07" / "payables.excel.csv").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.usefixtures("_in_quarter")
def test_what_json_says_of_a_month_adds_up(books: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*JULY, "--books", str(books), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["schema_version"], said["status"], said["payments"]) == (2, "already", 3)
    assert said["suspense"] == {"on hold": {"EUR": "35.25"}, "unmatched": {"EUR": "33.60"}}
    assert all(control["ok"] for control in said["controls"])
    assert said["listening"]["without_pool"] == {"FR/premium": 1}


def test_diff_says_what_changed_and_why(books: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(books / "2026-07"), str(books / "2026-08"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    moved = {(one["subject"], one["currency"], one["figure"]): (one["before"], one["after"]) for one in said["changed"]}
    assert moved["bix", "EUR", "payable"] == ("0.00", "61.50")
    assert ("input", "holds") in {(why["what"], why["name"]) for why in said["why"]}


def test_a_month_does_not_differ_from_itself(books: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(books / "2026-07"), str(books / "2026-07"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["why"], said["changed"]) == ([], [])


@pytest.mark.usefixtures("_in_quarter")
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("adjust", "--period", "2026-10", f"{FILES}/2026-07/late.csv"), UsageError.status),
        (("adjust", "--period", "2026-07"), UsageError.status),
        (("adjust", "--period", "2026-07", "--undo", "nobody"), UsageError.status),
        (("adjust", "--period", "2026-07", "--exclude", "absent.csv"), InputError.status),
        (("close", "--period", "July"), UsageError.status),
        (("close", "--period", "2026-10"), UsageError.status),
        (("close", "--period", "2026-10", "--pools", "absent.csv"), InputError.status),
    ],
)
def test_a_users_mistake_has_its_status_and_no_traceback(
    books: Path, arguments: tuple[str, ...], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path for path in books.rglob("*"))
    assert run(books, *arguments) == status
    assert "Traceback" not in capsys.readouterr().err
    assert sorted(path for path in books.rglob("*")) == before


def test_books_that_do_not_verify_are_status_8(books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = copied(books, tmp_path / "books")
    shutil.rmtree(own / "2026-08")
    assert main(["verify", "--books", str(own)]) == NotVerifiedError.status
    assert "2026-08 is missing before 2026-09" in capsys.readouterr().err


@pytest.mark.usefixtures("_in_quarter")
def test_an_input_that_changed_since_it_was_closed_stops_an_adjustment(tmp_path: Path) -> None:
    log = tmp_path / "plays.csv"
    shutil.copy(QUARTER / "2026-07" / "plays.csv", log)
    tables = ("--pools", f"{FILES}/2026-07/pools.csv")
    assert run(tmp_path / "books", "close", "--period", "2026-07", *tables, str(log)) == 0
    log.write_text(log.read_text() + "u1,bix,DE,premium,9\n")
    exclude = ("--exclude", f"{FILES}/2026-07/fraud.csv")
    assert run(tmp_path / "books", "adjust", "--period", "2026-07", *exclude) == InputError.status


@pytest.mark.usefixtures("_in_quarter")
def test_more_lines_than_a_workbook_takes_are_refused_there_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "DETAIL", 10)
    assert run(tmp_path / "books", *JULY) == 0
    with zipfile.ZipFile(tmp_path / "books" / "2026-07" / "statements.xlsx") as book:
        text = "".join(book.read(name).decode() for name in book.namelist())
    assert "40 rows are more than this workbook takes (10): see ledger.csv" in text
    assert '"lines"' not in text


@pytest.mark.usefixtures("_in_quarter")
def test_a_corrected_pool_brings_the_difference_and_no_more(
    books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, pools = copied(books, tmp_path / "books"), tmp_path / "pools.csv"
    pools.write_text((QUARTER / "2026-09" / "pools.csv").read_text().replace("59.50", "119.00"))
    asked = ("adjust", "--books", str(own), "--period", "2026-09", "--pools", str(pools), "--json")
    assert main([*asked]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["status"], said["period"], said["totals"]) == ("done", "2026-10", {"EUR": {"adjustment": "35.00"}})
    assert main(["verify", "--books", str(own), "--quiet"]) == 0


@pytest.mark.usefixtures("_in_quarter")
def test_a_corrected_log_takes_the_place_of_the_old_one(
    books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Worked out again from the same log under another name, nothing changes for anybody."""
    own, log = copied(books, tmp_path / "books"), tmp_path / "corrected.csv"
    shutil.copy(QUARTER / "2026-09" / "plays.csv", log)
    asked = ("adjust", "--books", str(own), "--period", "2026-09", "--instead", str(log), "--json")
    assert main([*asked]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["rows"], said["listening"]["rows"]) == (0, 7)


@pytest.mark.usefixtures("_in_quarter")
def test_what_stands_after_a_month_is_shown_apart_from_what_moved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stands = {
        "suspense": {"EUR": "68.85"},
        "carried forward": {"EUR": "10.40", "USD": "9.00"},
        "unrecouped advances": {"EUR": "2.50"},
    }
    for _ in range(2):  # closed, and closed already
        assert main([*JULY, "--books", str(tmp_path / "books"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["standing"] == stands
    assert main([*JULY, "--books", str(tmp_path / "books")]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "After the month EUR USD suspense 68.85 carried forward 10.40 9.00 unrecouped advances 2.50" in page
    assert "33.60 EUR set aside, unmatched" in page


@pytest.mark.usefixtures("_in_quarter")
def test_one_payee_without_an_address_is_named_and_not_counted(
    books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, payees = ("--books", str(books), "--period", "2026-07"), Path(f"{FILES}/payees.csv").read_text()
    (tmp_path / "payees.csv").write_text("".join(line for line in payees.splitlines(True) if "cleo" not in line))  # noqa: FBT003
    given = ("--payees", str(tmp_path / "payees.csv"), "--formats", "csv")
    assert main(["statements", *asked, *given, "-o", str(tmp_path / "s")]) == 0
    assert "  No address  cleo\n" in capsys.readouterr().out


@pytest.mark.usefixtures("_in_quarter")
def test_no_page_of_the_books_has_two_blank_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    books = ["--books", str(tmp_path / "books")]
    late = f"{FILES}/2026-07/late.csv"
    for words in (
        (*JULY, *books),
        ("adjust", *books, "--period", "2026-07", late, "--reason", "late"),
        ("verify", *books),
    ):
        assert main([*words]) == 0
        assert "\n\n\n" not in capsys.readouterr().out
