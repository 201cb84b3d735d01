"""Runs that nobody watches stop where more is amiss than was said to be normal."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from fairpay.cli import main
from fairpay.settings.values import Bound, bound

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Say how a month is paid of whose ten rows one is bad, and of whose five listeners two are no subscribers."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text("user,artist\n" + "".join(f"u{k % 5},A\n" for k in range(9)) + ",A\n")
    (tmp_path / "paid.csv").write_text("user,paid\nu0,5\nu1,5\nu2,5\n")
    return [
        "pay",
        "log.csv",
        "--rule",
        "user-centric",
        "--subscribers",
        "paid.csv",
        "--rejects",
        "bad.csv",
        "-o",
        "out",
    ]


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ("--max-rejects 1 --max-unlisted 2", 0),
        ("--max-rejects 10% --max-unlisted 40%", 0),
        ("--max-rejects 0", 9),
        ("--max-rejects 9.9%", 9),
        ("--max-unlisted 1", 9),
        ("--max-unlisted 39%", 9),
        ("--max-unlisted 39% --unlisted leave-out", 9),
        ("--max-unlisted 40% --unlisted leave-out", 0),
    ],
)
def test_more_than_the_limit_is_status_9_and_nothing_is_written(
    typed: list[str], limits: str, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*typed, "--quiet", *limits.split()]) == status
    assert (tmp_path / "out").exists() == (status == 0)
    err = capsys.readouterr().err
    assert ("allows fewer" in err) == (status == 9)
    assert "u3" not in err


def test_what_is_set_aside_beyond_the_limit_is_told_and_not_written(
    typed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*typed, "--max-rejects", "0"]) == 9
    err = capsys.readouterr().err
    assert "1 of 10 rows cannot be used; --max-rejects 0 allows fewer" in err
    assert "user is empty  first at row 10" in err
    assert not (tmp_path / "bad.csv").exists()


@pytest.mark.parametrize(
    "wrong",
    ["--max-rejects 1", "--max-unlisted 1", "--rejects r.csv --max-rejects few", "--rejects r.csv --max-rejects -1"],
)
def test_a_limit_on_what_is_not_counted_or_no_number_is_status_2(typed: list[str], wrong: str) -> None:
    assert main([*typed[:4], "--fee", "1", *wrong.split()]) == 2


def test_a_part_is_of_all_and_a_number_is_not() -> None:
    assert bound("max-rejects", "1%") == Bound("1%", Fraction(1, 100), of_all=True)
    assert bound("max-rejects", 100) == Bound("100", Fraction(100), of_all=False)
    assert [bound("x", "1%").broken(found, 200) for found in (2, 3)] == [False, True]
