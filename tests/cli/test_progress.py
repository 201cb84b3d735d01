from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import polars as pl
import pytest

from fairpay.cli import main, warm
from fairpay.cli.progress import LogRows, Meter, rows_on_disk
from fairpay.kernels._jit import Shared, compiling, told_of_compiling

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Door


def test_a_meter_says_rows_rate_share_and_time_left() -> None:
    meter = Meter(LogRows(8_000_000, exact=True), every=1e9, write=print)
    meter.add(2_000_000, 250)
    assert meter.sentence(meter.started + 2) == "2,000,000 rows, 1.0 M rows/s, 25 % read, 6 s left"


def test_without_a_known_size_there_is_no_share() -> None:
    meter = Meter(None, every=1e9, write=print)
    meter.add(10, 250)
    assert meter.sentence(meter.started + 2) == "10 rows, 0.0 M rows/s"


@pytest.mark.parametrize(("exact", "end"), [(True, "all read, dividing the money"), (False, "99 % read, 0 s left")])
def test_all_is_read_only_where_the_files_say_how_much_there_is(exact: bool, end: str) -> None:  # noqa: FBT001
    meter = Meter(LogRows(100, exact=exact), every=1e9, write=print)
    meter.add(100, 1)
    assert meter.sentence(meter.started + 2).endswith(end)


def test_a_run_that_compiles_says_so_at_once_and_promises_no_time() -> None:
    lines: list[str] = []
    meter = Meter(LogRows(100, exact=True), every=1e9, write=lines.append)
    with told_of_compiling(meter.compiling):
        compiling()
        meter.add(40, 1)
        compiling()
    compiling()
    assert lines == ["first run: compiling"]
    assert meter.sentence(meter.started + 2) == "first run: compiling, 40 rows, 40 % read"


def test_a_kernel_that_is_not_in_the_cache_is_told_of(tmp_path: Path) -> None:
    told: list[bool] = []
    with told_of_compiling(lambda: told.append(True)):
        assert Shared(None, tmp_path / ".lock").load_overload(None, None) is None
    assert told == [True]


def test_warm_says_what_it_does(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("compare", "synth"):
        monkeypatch.setattr(warm, name, lambda *_, **__: None)
    assert main(["warm"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Compiling: every rule"
    assert lines[-1].startswith("Compiled")


def test_a_line_is_written_only_when_it_is_time() -> None:
    lines: list[str] = []
    meter = Meter(LogRows(100, exact=True), every=10, write=lines.append)
    meter.add(1, 1)
    assert lines == []
    meter.told -= 11
    meter.add(1, 1)
    meter.add(1, 1)
    assert len(lines) == 1
    assert lines[0].startswith("2 rows")


def test_batches_of_many_threads_are_all_counted() -> None:
    meter = Meter(None, every=1e9, write=print)
    threads = [threading.Thread(target=lambda: [meter.add(1, 2) for _ in range(2_000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.rows == 16_000


def test_rows_are_counted_by_footers_and_judged_by_lines(tmp_path: Path) -> None:
    (tmp_path / "month" / "day=1").mkdir(parents=True)
    for name in ("month/day=1/a.parquet", "month/b.parquet"):
        pl.DataFrame({"user": ["u"] * 70}).write_parquet(tmp_path / name)
    (tmp_path / "c.csv").write_text("user,artist\n" + "u,A\n" * 1000)
    assert rows_on_disk([str(tmp_path / "month")]) == LogRows(140, exact=True)
    found = rows_on_disk([str(tmp_path / "month"), str(tmp_path / "*.csv")])
    assert found is not None
    assert (found.exact, found.count) == (False, 1141)


@pytest.mark.parametrize("log", ["s3://bucket/month", "absent.csv", "log.csv.gz", "no.parquet"])
def test_what_cannot_be_counted_has_no_share(log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("log.csv.gz", "no.parquet"):
        (tmp_path / name).write_bytes(b"x" * 70)
    assert rows_on_disk([log]) is None


def test_nothing_is_drawn_where_nobody_looks(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a"]) == 0
    assert door.asked["progress"] is None
    assert capsys.readouterr().err == "Columns: user = user, artist = artist (detected)\n"


def test_plain_progress_is_there_even_where_nobody_looks(door: Door) -> None:
    assert main(["compare", "a", "--progress", "plain"]) == 0
    assert door.asked["progress"] is not None


@pytest.mark.parametrize("words", [["--quiet"], ["--json"]])
def test_a_quiet_run_says_nothing_on_standard_error(
    words: list[str], door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "a", "-o", "out", *words]) == 0
    assert door.asked["output"] == "out"
    assert capsys.readouterr().err == ""
