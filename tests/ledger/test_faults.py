"""The N-th operation on the file system fails; processes are killed; two close at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest
from faulty import Fault
from naive_ledger import naive_earn
from quarter import QUARTER, ROOT, STEPS, live_through, run

from fairpay.errors import LockedError, OutputError
from fairpay.ledger.adjust import Correction, adjust
from fairpay.ledger.close import close
from fairpay.ledger.closing import Closing
from fairpay.ledger.verify import verify_books
from fairpay.runs import disk

FAIRPAY = Path(sys.executable).with_name("fairpay")
MOST = 200
"""More operations than a month takes."""


def july(books: Path) -> Closing:
    """The first month of the worked quarter."""
    tables = {name: QUARTER / f"{name}.csv" for name in ("splits", "aliases", "advances")}
    tables["pools"] = QUARTER / "2026-07" / "pools.csv"
    return Closing("2026-07", books, (str(QUARTER / "2026-07" / "plays.csv"),), tables)


def present(books: Path) -> set[str]:
    """What stands in the books, besides the lock."""
    return {str(path.relative_to(books)) for path in books.rglob("*") if path.is_dir()}


@pytest.mark.parametrize(
    ("lasting", "step"),
    [(False, 3), (True, 5), *(pytest.param(on, 1, marks=pytest.mark.nightly) for on in (False, True))],
)
def test_a_close_that_fails_anywhere_leaves_nothing_or_a_whole_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, lasting: bool, step: int
) -> None:
    for at in count(1, step):
        books = tmp_path / f"books{at}"
        fault = Fault(at, lasting=lasting)
        with monkeypatch.context() as patch:
            patch.setattr(disk, "before", fault)
            try:
                status = close(july(books), divide=naive_earn).status
            except OutputError:
                status = "failed"
        if not fault.due:
            assert status == "done"
            return
        assert at < MOST
        whole = (books / "2026-07").exists()
        if whole:
            assert all(control.ok for control in verify_books(books))
        elif not lasting:
            assert present(books) == set()
        if (at // step) % 7 == 0:
            again = close(july(books), divide=naive_earn)
            assert again.status == ("already" if whole else "done")


def test_an_adjustment_that_fails_anywhere_is_booked_once_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = july(tmp_path / "books")
    change = Correction(exclude=(QUARTER / "2026-07" / "fraud.csv",))
    close(asked, divide=naive_earn)
    for at in count(1):
        fault = Fault(at)
        with monkeypatch.context() as patch:
            patch.setattr(disk, "before", fault)
            try:
                adjust(asked, change, divide=naive_earn)
            except OutputError:
                continue
        break
    adjust(asked, change, divide=naive_earn)
    assert len(list((tmp_path / "books" / "adjustments").iterdir())) == 1
    assert all(control.ok for control in verify_books(tmp_path / "books"))


@pytest.mark.usefixtures("_in_quarter")
def test_of_two_closes_at_once_one_wins_and_the_other_is_locked_out(tmp_path: Path) -> None:
    books, statuses = tmp_path / "books", []

    def slow(*arguments: object) -> object:
        statuses.append(run(books, *STEPS[0]))
        return naive_earn(*arguments)  # type: ignore[arg-type] # passed on

    assert close(july(books), divide=slow).status == "done"  # type: ignore[arg-type] # the same
    assert statuses == [LockedError.status]


@pytest.mark.nightly
def test_books_survive_kills_and_finish_each_month_once(tmp_path: Path) -> None:
    dice, kills = random.Random(6), 0  # noqa: S311 - moments to kill at
    whole, books = tmp_path / "whole", tmp_path / "books"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        live_through(whole)
    for step in STEPS:
        for _ in range(4):
            started = subprocess.Popen(
                [FAIRPAY, *step, "--books", books, "--quiet"], cwd=ROOT, stderr=subprocess.DEVNULL
            )
            time.sleep(dice.uniform(0.2, 2.5))
            os.kill(started.pid, signal.SIGKILL)
            kills += started.wait() == -signal.SIGKILL
            if (books / "2026-07").exists():
                assert all(control.ok for control in verify_books(books))
        command = [FAIRPAY, *step, "--books", books, "--quiet"]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert kills
    for month in ("2026-07", "2026-08", "2026-09"):
        assert (books / month / "ledger.csv").read_bytes() == (whole / month / "ledger.csv").read_bytes()
