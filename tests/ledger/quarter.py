"""The worked quarter of `sample_data/quarter`, step by step as the README tells it."""

from __future__ import annotations

import shutil
from pathlib import Path

from fairpay.cli import main

ROOT = Path(__file__).parents[2]
QUARTER = ROOT / "sample_data" / "quarter"
FILES = "sample_data/quarter"
STEPS = (
    ("close", "--config", f"{FILES}/2026-07.toml"),
    ("adjust", "--period", "2026-07", "--exclude", f"{FILES}/2026-07/fraud.csv", "--reason", "fraud: bought plays"),
    ("adjust", "--period", "2026-07", f"{FILES}/2026-07/late.csv", "--reason", "late file"),
    ("close", "--config", f"{FILES}/2026-08.toml"),
    ("adjust", "--period", "2026-08", f"{FILES}/2026-08/late.csv", "--reason", "late file"),
    ("close", "--config", f"{FILES}/2026-09.toml"),
)


def run(books: Path, *command: str) -> int:
    """Run one command on these books, quietly; return its status. The current folder must be the project's."""
    return main([*command, "--books", str(books), "--quiet"])


def live_through(books: Path) -> None:
    """Run every step."""
    for step in STEPS:
        assert run(books, *step) == 0


def copied(books: Path, to: Path) -> Path:
    """A copy of the books at another place, to spoil."""
    shutil.copytree(books, to)
    return to
