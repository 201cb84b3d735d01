"""A strict type checker knows every keyword and every attribute of a result."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """\
import fairpay

result = fairpay.compare("log.csv", fee="9.99", royalty_rate="70%", subscribers=None)
print(result.table, result.summary["pool"], fairpay.close(books="b", period="2026-10").table)
try:
    fairpay.adjust("late.csv", books="b", period="2026-10", reason="late")
except fairpay.InputError as problem:
    print(problem.advice)
"""
WRONG = {
    'fairpay.compare("log.csv", fe="9.99")': '"fe"',
    'fairpay.pay("log.csv", inactive="keep")': '"inactive"',
    'fairpay.close(books="b")': '"period"',
    'fairpay.compare("log.csv").tabel': '"tabel"',
    "fairpay.compare(3)": "int",
}


@pytest.mark.nightly
def test_mypy_finds_each_misspelling_and_nothing_else(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api")
    program = tmp_path / "consumer.py"
    program.write_text(PROGRAM + "".join(f"{line}\n" for line in WRONG))
    said, _, _ = mypy.run(
        ["--strict", "--cache-dir", str(tmp_path), "--python-executable", sys.executable, str(program)]
    )
    first = len(PROGRAM.splitlines()) + 1
    found = {int(line.split(":")[1]): line for line in said.splitlines() if ": error:" in line}
    assert sorted(found) == list(range(first, first + len(WRONG))), said
    for number, word in enumerate(WRONG.values(), first):
        assert word in found[number]
