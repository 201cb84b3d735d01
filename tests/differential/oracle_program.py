"""The program as it is typed, run in this process, and its files as the tests read them."""

from __future__ import annotations

import contextlib
import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.cli import main

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BESIDE = ("difference", "change_percent", "fan_intensity", "currency")


@dataclass(frozen=True)
class Said:
    """How a run ended."""

    status: int
    words: str


def fairpay(*arguments: object) -> Said:
    """Run the command line."""
    words = io.StringIO()
    with contextlib.redirect_stderr(words), contextlib.redirect_stdout(words):
        try:
            status = main([*map(str, arguments), "--quiet"])
        except Exception as fault:  # noqa: BLE001 - whatever it is, the month it happened in is to be told
            return Said(1, f"{words.getvalue()}{type(fault).__name__}: {fault}")
    return Said(status, words.getvalue())


def lines(path: Path) -> list[dict[str, str]]:
    """A CSV file's lines by column."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def minor(text: str) -> int:
    """Minor units of an amount with its currency's digits."""
    return int(text.replace(".", "")) if text else 0


def amounts(rows: Sequence[dict[str, str]], column: str) -> dict[str, int]:
    """Minor units by artist, of who is paid anything."""
    return {row["artist"]: minor(row[column]) for row in rows if minor(row[column])}


def paid(folder: Path) -> list[dict[str, int]]:
    """What a run paid each artist, rule by rule."""
    if (folder / "payouts.csv").exists():
        return [amounts(lines(folder / "payouts.csv"), "payout")]
    rows = lines(folder / "comparison.csv")
    names = list(rows[0])
    after = names[names.index("listeners") + 1 :]
    return [amounts(rows, name) for name in after if not name.endswith(BESIDE)]
