"""Pages as people see them: in a browser, wide and narrow, light and dark, and on paper."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from browser import CHROMIUM, DARK, LIGHT, WITHOUT, chromium, measured, picture

import fairpay
from fairpay.views.jobs import PAGES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.skipif(not CHROMIUM, reason=WITHOUT)


@pytest.fixture(scope="module")
def pages(runs: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The pages of all kinds of runs."""
    folder = tmp_path_factory.mktemp("pages")
    return {job: fairpay.report(run, output=folder / f"{job}.html") for job, run in runs.items()}


@pytest.mark.parametrize("job", PAGES)
def test_no_page_is_wider_than_a_telephone(job: str, pages: Mapping[str, Path], tmp_path: Path) -> None:
    found = measured(pages[job], tmp_path, 390)
    assert found["page"] == found["window"] == 390
    assert found["right"] <= 390
    assert found["letters"] > 5


@pytest.mark.parametrize(("scheme", "paper"), [(LIGHT, (255, 255, 255)), (DARK, (0x14, 0x17, 0x1A))])
def test_a_page_is_light_or_dark_as_its_reader_likes(
    scheme: str, paper: tuple[int, int, int], pages: Mapping[str, Path], tmp_path: Path
) -> None:
    found = picture(pages["compare"], tmp_path, width=1280, scheme=scheme)
    assert (found.width, found.height) == (1280, 1400)
    assert found.corner == paper
    assert found.rows > 300


@pytest.mark.parametrize("size", ["A4", "Letter"])
def test_a_page_prints_whole(size: str, pages: Mapping[str, Path], tmp_path: Path) -> None:
    text = pages["compare"].read_text(encoding="utf-8").replace("@page {", f"@page {{ size: {size};")
    copy = tmp_path / "paper.html"
    copy.write_text(text, encoding="utf-8")
    chromium(copy, tmp_path, f"--print-to-pdf={tmp_path / 'paper.pdf'}", "--no-pdf-header-footer")
    paper = (tmp_path / "paper.pdf").read_bytes()
    sheets = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", paper)
    wide, high = {"A4": (595, 842), "Letter": (612, 792)}[size]
    assert {(round(float(w)), round(float(h))) for w, h in sheets} <= {(wide, high), (wide - 1, high), (wide + 1, high)}
    assert 2 <= len(sheets) <= 8
