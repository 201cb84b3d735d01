from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairpay.ledger import controls
from fairpay.money.counts import counted

ROOT = Path(controls.__file__).parents[1]


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (1, ("artist",), "1 artist"),
        (0, ("artist",), "0 artists"),
        (2310, ("artist",), "2,310 artists"),
        (1, ("entry", "entries"), "1 entry"),
        (2, ("line has", "lines have"), "2 lines have"),
    ],
)
def test_a_count_takes_its_noun_along(count: int, words: tuple[str, ...], said: str) -> None:
    assert counted(count, *words) == said


@pytest.mark.parametrize("file", ["ledger/controls.py", "ledger/verify.py", "adjust/weights.py", "pipeline/shards.py"])
def test_no_control_counts_one_of_many(file: str) -> None:
    """A sentence such as `1 recoupments` comes of a number beside a noun in the plural."""
    said = re.findall(r"\{len\([^{}]*:,\} [a-z]+s\b", (ROOT / file).read_text(encoding="utf-8"))
    assert said == []
