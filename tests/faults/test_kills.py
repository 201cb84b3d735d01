"""Two hundred kills at random moments, over runs and books: nothing half-written, nothing lost, nothing left behind."""

from __future__ import annotations

import random
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from sample import SAMPLE_DATA

from fairpay.ledger.verify import verify_books
from fairpay.runs.verify import verify

sys.path.insert(0, str(Path(__file__).parent))
from program import present, start

KILLS = 52
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOG, PAID = str(SAMPLE_DATA / "listens.csv"), ("--subscribers", str(SAMPLE_DATA / "subscribers.csv"))
MONTH = "2026-07"
JOBS = {
    "compare": ("compare", LOG, *PAID, "-o"),
    "pay": ("pay", LOG, *PAID, "--rule", "user-centric", "-o"),
    "close": ("close", "--config", f"sample_data/quarter/{MONTH}.toml", "--books"),
    "adjust": ("adjust", "--period", MONTH, f"sample_data/quarter/{MONTH}/late.csv", "--reason", "late", "--books"),
}


def finish(job: str, place: Path) -> float:
    """Run a job to its end; return how long it took."""
    began = time.monotonic()
    with start(place / "out", "--quiet", job=JOBS[job]) as process:
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said.decode()
    return time.monotonic() - began


def contents(out: Path) -> dict[str, bytes]:
    """What a directory holds, but for what says when: tables, ledgers, summaries."""
    files = [
        path for path in sorted(out.rglob("*")) if path.suffix in {".csv", ".parquet"} or path.name == "summary.json"
    ]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def stands(job: str, out: Path) -> bool:
    """Whether what is there verifies; where no run and no month is, nothing is there."""
    if job in {"compare", "pay"}:
        return not out.exists() or all(control.ok for control in verify(out))
    return not (out / MONTH).exists() or all(control.ok for control in verify_books(out))


@pytest.mark.nightly
@pytest.mark.parametrize("job", JOBS)
def test_killed_at_any_moment_a_job_is_not_done_or_done_whole(tmp_path: Path, job: str) -> None:
    dice, killed = random.Random(job), 0  # noqa: S311 - moments to kill at
    for name in ("begun", "whole"):
        (tmp_path / name / "runs").mkdir(parents=True)
    begun, whole = tmp_path / "begun" / "runs", tmp_path / "whole" / "runs"
    if job == "adjust":
        finish("close", begun)
        shutil.copytree(begun / "out", whole / "out")
    shutil.copytree(begun, tmp_path / "warm" / "runs")
    finish(job, tmp_path / "warm" / "runs")  # kernels are compiled before time is taken
    seconds = finish(job, whole)
    expected = contents(whole / "out")
    for kill in range(KILLS):
        place = tmp_path / f"{kill}" / "runs"
        shutil.copytree(begun, place)
        process = start(place / "out", "--quiet", job=JOBS[job])
        time.sleep(dice.uniform(0.5 * seconds if kill % 2 else 0, 1.1 * seconds))
        process.send_signal(SIGNALS[kill % len(SIGNALS)])
        _, said = process.communicate(timeout=60)
        assert process.returncode in {0, -SIGNALS[kill % len(SIGNALS)]}, said.decode()
        killed += process.returncode != 0
        started = b"KeyboardInterrupt" not in said  # before a line of ours has run, Python says it in its own way
        assert b"Traceback" not in said or not started, said.decode()
        if SIGNALS[kill % len(SIGNALS)] != signal.SIGKILL and started:
            assert present(place) in ([], ["out"], present(begun))
            assert present(place.with_name("scratch")) == []
        assert stands(job, place / "out")
        finish(job, place)
        assert contents(place / "out") == expected
        assert present(place) == ["out"]
        shutil.rmtree(tmp_path / f"{kill}")
    assert killed > KILLS // 4
