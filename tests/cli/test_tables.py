"""Tables as they are asked for: `--top`, `--sort`, `--csv` and `--excel`, the same for every command with a table."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import python_calamine as calamine

import fairpay
from fairpay.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOG = "user,artist,seconds\n" + "".join(
    f"u{user},{artist},{seconds}\n"
    for user, artist, seconds in ((1, "a", 600), (1, "=b", 200), (2, "=b", 100), (2, "c", 100), (3, "d", 900))
)
"""Fees of 4.00 each: market-centric a 3.79, =b 1.90, c 0.63, d 5.68; user-centric a 3.00, =b 3.00, c 2.00, d 4.00."""


@pytest.fixture
def log(tmp_path: Path) -> str:
    """Three listeners of four artists."""
    (tmp_path / "log.csv").write_text(LOG)
    return str(tmp_path / "log.csv")


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Standard output of a command that ends well."""
    capsys.readouterr()
    assert main([*words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", [["compare"], ["pay", "--rule", "user-centric"]])
def test_csv_on_standard_output_is_the_file_of_the_run(
    log: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], command: list[str]
) -> None:
    assert main([*command, log, "--fee", "4.00", "--csv", "-o", str(tmp_path / "out")]) == 0
    out, err = capsysbinary.readouterr()
    assert out == next((tmp_path / "out").glob("*.csv")).read_bytes()
    assert b"Written to" in err


def test_top_cuts_each_list_of_a_page(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = said(capsys, "compare", log, "--fee", "4.00", "--top", "1")
    lists = page[page.index("Gains most") : page.index("  The heaviest")]
    assert [line.split()[0] for line in lists.splitlines() if line.strip()] == ["Gains", "c", "Loses", "d"]


def test_top_zero_shows_all(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = said(capsys, "pay", log, "--rule", "user-centric", "--fee", "4.00", "--top", "0")
    rows = page[page.index("Paid most") : page.index("Every cent")].splitlines()[1:]
    assert [line.split()[0] for line in rows if line.strip()] == ["d", "=b", "a", "c"]


def test_top_cuts_csv_too_where_it_is_given(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(said(capsys, "compare", log, "--fee", "4.00", "--csv", "--top", "2").splitlines()) == 3


@pytest.mark.parametrize(
    ("sort", "artists"),
    [
        ("user_centric", ["d", "a", "=b", "c"]),
        ("+user_centric", ["c", "a", "=b", "d"]),
        ("artist", ["=b", "a", "c", "d"]),
        ("-artist", ["d", "c", "a", "=b"]),
        ("listeners", ["=b", "d", "a", "c"]),
    ],
)
def test_a_column_sorts_numbers_from_the_largest_and_texts_from_a(
    log: str, capsys: pytest.CaptureFixture[str], sort: str, artists: list[str]
) -> None:
    out = said(capsys, "compare", log, "--fee", "4.00", "--csv", "--sort", sort)
    assert pl.read_csv(io.StringIO(out))["artist"].to_list() == artists


def test_a_page_lists_by_the_column_with_its_numbers_beside_the_names(
    log: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = said(capsys, "compare", log, "--fee", "4.00", "--sort", "-seconds", "--top", "2")
    assert "By seconds, 2 of 4:" in page
    rows = [line.split()[:3] for line in page.splitlines() if line.startswith(("  d ", "  a "))]
    assert rows == [["d", "900", "5.68"], ["a", "600", "3.79"]]
    assert max(map(len, page.splitlines())) <= 80


def once(job: Callable[..., Any]) -> Callable[..., Any]:
    """Let a job be done once, however often it is asked for."""
    done: list[Any] = []

    def result(*given: Any, **options: Any) -> Any:  # noqa: ANN401 - of any job
        done[:] = done or [job(*given, **options)]
        return done[0]

    return result


@pytest.mark.parametrize("command", ["audit", "suspects", "compare", "sweep"])
def test_every_table_can_be_listed_by_any_of_its_columns(
    log: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    module = importlib.import_module(f"fairpay.cli.{command}")
    monkeypatch.setattr(module, command, once(getattr(module, command)))
    columns = said(capsys, command, log, "--fee", "4.00", "--csv").splitlines()[0].split(",")
    usual = said(capsys, command, log, "--fee", "4.00").splitlines()
    for column in columns:
        page = said(capsys, command, log, "--fee", "4.00", "--sort", column)
        assert f"By {column}, " in page or "has no rows" in page
        assert [line for line in page.splitlines() if len(line) > 80 and line not in usual] == []


def test_an_unknown_column_is_refused_with_the_nearest(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", log, "--sort", "-plasy"]) == 2
    assert "Did you mean plays?" in capsys.readouterr().err


def test_a_run_that_is_written_says_so_also_where_the_column_is_unknown(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", log, "--sort", "plasy", "-o", str(tmp_path / "out")]) == 2
    assert "Written to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--csv", "--json"], "both print"), (["--excel"], "nothing to write")],
)
def test_what_cannot_be_done_together_is_refused_before_reading(
    capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert main(["compare", "no-such-log.csv", *options]) == 2
    assert words in capsys.readouterr().err


def test_csv_for_excel_has_a_bom_and_no_formula(log: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["compare", log, "--fee", "4.00", "--csv", "--excel"]) == 0
    out = capsysbinary.readouterr().out
    assert out.startswith(b"\xef\xbb\xbfartist,")
    assert b"\n'=b,2," in out


def test_a_workbook_beside_the_files_changes_none_of_them_and_holds_numbers(log: str, tmp_path: Path) -> None:
    for name, excel in (("plain", False), ("excel", True), ("again", True)):
        fairpay.compare(log, fee="4.00", excel=excel).save(tmp_path / name)
    files = {path.name: path.read_bytes() for path in (tmp_path / "excel").iterdir() if path.name != "manifest.json"}
    assert files.pop("comparison.xlsx") == (tmp_path / "again" / "comparison.xlsx").read_bytes()
    assert files == {name: (tmp_path / "plain" / name).read_bytes() for name in files}
    book = calamine.CalamineWorkbook.from_path(str(tmp_path / "excel" / "comparison.xlsx"))
    rows = book.get_sheet_by_name("comparison").to_python()
    assert [rows[0][0], *(row[0] for row in rows[1:])] == ["artist", "d", "a", "=b", "c"]
    assert rows[3][rows[0].index("market_centric")] == 1.9


def test_a_manifest_says_the_kind_of_every_column(log: str, tmp_path: Path) -> None:
    fairpay.pay(log, rule="user-centric", fee="4.00", output=tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert manifest["columns"] == {
        "payouts": {
            "artist": "key",
            "plays": "count",
            "seconds": "seconds",
            "listeners": "count",
            "payout": "money",
            "share": "share",
            "currency": "currency",
        }
    }


def test_a_reader_that_leaves_ends_csv_quietly(tmp_path: Path) -> None:
    rows = "".join(f"u1,artist-{n:060d},60\n" for n in range(4000))
    (tmp_path / "log.csv").write_text("user,artist,seconds\n" + rows)
    words = [sys.executable, "-m", "fairpay", "compare", str(tmp_path / "log.csv"), "--csv"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith(b"artist,")
        running.stdout.close()
        assert running.stderr is not None
        assert b"rror" not in running.stderr.read()
