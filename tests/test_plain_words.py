"""Sentences that a newcomer in finance stumbled on, as they are now."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairpay.cli import main
from fairpay.fraud.detect.findings import most_do
from fairpay.fraud.signals import user_signals
from fairpay.fraud.signals.awake_hours import AwakeHours
from fairpay.fraud.signals.flagged_share import FlaggedShare
from fairpay.fraud.signals.nothing_else import NothingElse

SAMPLE = Path(__file__).parent.parent / "sample_data"
PAID = ("--subscribers", str(SAMPLE / "subscribers.csv"))
RATE = ("--royalty-rate", "70%")
STRANGERS = "user,paid\nnobody,9.99\n"


@pytest.fixture(scope="module")
def pages() -> dict[tuple[str, ...], str]:
    """Pages already printed, by what was typed."""
    return {}


def page(pages: dict[tuple[str, ...], str], capsys: pytest.CaptureFixture[str], *typed: str) -> str:
    """Run a command on the sample's plays, and return its page in one line."""
    if typed not in pages:
        assert main([typed[0], str(SAMPLE / "listens.csv"), *typed[1:]]) == 0
        pages[typed] = " ".join(capsys.readouterr().out.split())
    return pages[typed]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("compare", *PAID, *RATE), r"Of a subscriber's [\d.]+, [\d.]+ goes to artists that subscriber never played"),
        (
            ("compare", *PAID, *RATE),
            r"The top 1 % of listeners decide [\d.]+ % of the pool \(market-centric\), [\d.]+ %",
        ),
        (("compare", *PAID, *RATE), r"\+[\d.]+ \+[\d.]+ % listening per fee is [\d.]+x the average"),
        (("compare", *PAID, *RATE), r"Inactive [\d.]+ from \d+ subscribers without counted plays, shared"),
        (
            ("compare", *PAID, *RATE, "--rule", "norm", "--rule", "bounded", "--rule", "user-cap"),
            "Decided by the top 1 %",
        ),
        (
            ("compare", *PAID, *RATE, "--rule", "norm", "--rule", "bounded", "--rule", "user-cap"),
            r"Of the median [\d.]+, to .*artists not played",
        ),
        (("audit", *PAID, *RATE), "Rule Highest tested Upper limit Why"),
        (("audit", *PAID, *RATE), "Value of 100 extra plays by an existing listener, EUR:"),
        (("audit", "--fee", "9.99", *RATE), r"The pool has no inactive subscribers' money\."),
        (("audit", "--fee", "9.99"), "The royalty rate is 100 %, so fakes get their fee back"),
        (
            ("compare", "--fee", "9.99", "--rule", "user-centric", "--rule", "user-cap"),
            r"above \d+ plays an account earns more than its fee; the cap is 1,000",
        ),
        (
            ("compare", "--fee", "9.99", "--rule", "user-centric", "--rule", "bounded:b=1"),
            "at a 100 % royalty rate only b = 1 is safe",
        ),
        (
            ("pay", "--fee", "9.99", "--policy", "apple-spatial"),
            "skipped, no column `spatial` in the log or the artist file",
        ),
    ],
)
def test_a_page_says_it_plainly(
    pages: dict[tuple[str, ...], str], capsys: pytest.CaptureFixture[str], typed: tuple[str, ...], sentence: str
) -> None:
    assert re.search(sentence, page(pages, capsys, *typed))


def test_a_subscriber_file_of_strangers_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paid = tmp_path / "paid.csv"
    paid.write_text(STRANGERS, encoding="utf-8")
    assert main(["compare", str(SAMPLE / "listens.csv"), "--subscribers", str(paid)]) == 5
    assert "none of the 180 listeners has a line" in " ".join(capsys.readouterr().err.split())


def test_signals_say_it_plainly() -> None:
    assert [*most_do({AwakeHours(): 5}, 5)] == ["all 5 play around the clock"]
    assert [*most_do({AwakeHours(): 4}, 5)] == ["4 of 5 play around the clock"]
    assert all(signal.several for signal in user_signals())
    assert FlaggedShare().words(1.0) == "gets 100 % of its plays from flagged accounts"
    assert NothingElse().words(1.0) == "100 % of its listeners play nobody else"


def test_the_books_speak_as_bookkeepers_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(SAMPLE.parent)
    assert main(["close", "--config", "sample_data/quarter/2026-07.toml", "--books", "books", "--dry-run"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "recouped -17.50" in words
    assert "carried forward 10.40 9.00" in words
