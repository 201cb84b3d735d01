"""The page of an explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from viewed import NAMES, plays

import fairpay
from fairpay.cli import main

if TYPE_CHECKING:
    from pathlib import Path

ARTISTS = pl.DataFrame({"artist": [*NAMES], "name": [*NAMES.values()], "label": ["<b>Own"] * len(NAMES)})


def test_a_page_tells_what_the_screen_tells_and_takes_every_text_as_text(tmp_path: Path) -> None:
    found = fairpay.explain(plays(), label="<b>Own", artists=ARTISTS, fee="10.00")
    page = fairpay.report(found, output=tmp_path / "own.html").read_text(encoding="utf-8")
    assert "Market-centric pays 110.00 EUR, user-centric 110.00: the same" in page
    assert "label &lt;b&gt;Own" in page
    assert "<b>Own" not in page
    for said in ("Payouts", "Reasons", "Growth", "Listeners", "100.0 % of all listeners over 100.0 % of all listening"):
        assert said in page


@pytest.mark.parametrize("artist", NAMES)
def test_an_artist_of_any_name_has_a_page_whose_bytes_repeat(artist: str, tmp_path: Path) -> None:
    found = fairpay.explain(plays(), artist=artist, artists=ARTISTS, fee="10.00", rules=["market-centric"])
    first = fairpay.report(found, output=tmp_path / "page.html").read_bytes()
    assert fairpay.report(found, output=tmp_path / "page.html").read_bytes() == first
    assert b"<script>alert" not in first


def test_the_command_line_writes_it_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plays().write_csv(tmp_path / "log.csv")
    path = tmp_path / "a.html"
    assert main(["explain", str(tmp_path / "log.csv"), "--artist", "a", "--fee", "10.00", "--report", str(path)]) == 0
    assert f"Page written to {path}" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
