"""Every page fits 80 columns where nobody looks, and breaks no word."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from sample import SAMPLE_DATA

from fairpay.cli import main
from fairpay.cli.screens.parts import figures
from fairpay.cli.terminal import show

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = "sample_data/listens.csv"
MONEY = "--subscribers sample_data/subscribers.csv --artists sample_data/artists.csv --royalty-rate 70%"
EVERY = "market-centric user-centric norm bounded user-cap equal-split top-artist weighted"
JULY, AUGUST = (f"close --config sample_data/quarter/2026-0{month}.toml --books" for month in (7, 8))
LATE = "adjust --period 2026-07 sample_data/quarter/2026-07/late.csv --reason late --books"
BEFORE = (
    f"compare {LOG} {MONEY} -o c",
    f"pay {LOG} {MONEY} --rule user-centric -o p",
    f"pay {LOG} --fee 5 --rule user-centric -o q",
    *(f"{JULY} {books}" for books in ("july", "second", "b")),
    f"{LATE} b",
    f"{AUGUST} b",
    "statements --books b -o s",
)
"""What the pages need: no page needs another one."""
PAGES = (
    f"compare {LOG} {MONEY} -o c --force",
    f"compare {LOG} {MONEY} --k 5",
    f"compare {LOG} {MONEY} {' '.join(f'--rule {rule}' for rule in EVERY.split())}",
    f"compare {LOG} {MONEY} --by label --by country",
    f"compare {LOG} {MONEY} --by label {' '.join(f'--rule {rule}' for rule in EVERY.split())}",
    f"explain {LOG} {MONEY} --label Lowtide",
    f"sweep {LOG} {MONEY} --rule user-cap:cap=100..3000",
    f"pay {LOG} {MONEY} --rule user-centric -o p --force",
    f"pay {LOG} --fee 5 --rule user-centric -o q --force",
    f"check {LOG}",
    "check sample_data",
    f"explain {LOG} {MONEY} --artist a000150",
    f"explain {LOG} {MONEY} --group genre=pop --policy deezer-artist-centric",
    f"audit {LOG} {MONEY}",
    f"suspects {LOG} {MONEY}",
    f"suspects sample_data/listens-2026-11.csv {MONEY}",
    "suspects --signals",
    "rules",
    "verify c",
    "verify s",
    "statements --books second -o t",
    "leaks c",
    "diff p q",
    f"{JULY} new",
    f"{LATE} july",
    f"{AUGUST} second",
    "verify --books b",
    "balances --books b",
    "diff b/2026-07 b/2026-08",
    f"synth like.csv --like {LOG} --force",
    f"pseudonymize {LOG} --key key -o new.csv --force",
    "compare --help",
    "--help",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Work in a folder with the sample, a key, runs and books."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(SAMPLE_DATA, folder / "sample_data")
    (folder / "key").write_bytes(b"k" * 32)
    (folder / "key").chmod(0o600)
    before = Path.cwd()
    os.chdir(folder)
    for typed in BEFORE:
        assert main([*typed.split(), "--quiet"]) == 0
    yield folder
    os.chdir(before)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("typed", PAGES)
def test_a_page_fits_80_columns_where_nobody_looks(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(typed.split()) == 0
    page = capsys.readouterr().out
    assert page
    assert [line for line in page.splitlines() if cell_len(line) > 80] == []


def test_no_number_is_cut_however_many_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    wide = [f"{10**9 + k:,}.00" for k in range(8)]
    show(figures("Rule", *map(str, range(8)), "Why", rows=[["user-centric", *wide, "for reasons"]], words=(0, 9)))
    page = capsys.readouterr().out
    assert all(number in page for number in wide)
    assert "user-centric" in page


def test_words_wrap_between_words_and_a_heading_of_numbers_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    why = "listening per fee is a twentieth of the average of all who listen to anything at all"
    show(figures("Who", "What goes to artists never played", "Why", rows=[["Ann", "1.00", why]], words=(0, 2)))
    page = capsys.readouterr().out
    assert "What goes to artists\n" in page.replace("  Why", "")
    assert set(why.split()) <= set(page.split())
    assert max(map(len, page.splitlines())) <= 80
