from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from fairpay.cli import main
from fairpay.cli.progress import Meter, bytes_on_disk

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Door


def test_a_meter_says_rows_rate_share_and_time_left() -> None:
    meter = Meter(1000, every=1e9, write=print)
    meter.add(2_000_000, 250)
    assert meter.sentence(meter.started + 2) == "2,000,000 rows, 1.0 M rows/s, 25 % read, 6 s left"


def test_without_a_known_size_there_is_no_share() -> None:
    meter = Meter(None, every=1e9, write=print)
    meter.add(10, 250)
    assert meter.sentence(meter.started + 2) == "10 rows, 0.0 M rows/s"


def test_a_line_is_written_only_when_it_is_time() -> None:
    lines: list[str] = []
    meter = Meter(100, every=10, write=lines.append)
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
    assert (meter.rows, meter.bytes) == (16_000, 32_000)


def test_sizes_of_files_folders_and_globs_add_up(tmp_path: Path) -> None:
    (tmp_path / "month" / "day=1").mkdir(parents=True)
    (tmp_path / "month" / "day=1" / "a.csv").write_bytes(b"x" * 70)
    (tmp_path / "b.csv").write_bytes(b"x" * 5)
    assert bytes_on_disk([str(tmp_path / "month"), str(tmp_path / "*.csv")]) == 75
    assert bytes_on_disk([str(tmp_path / "absent.csv")]) == 0
    assert bytes_on_disk(["s3://bucket/month"]) is None


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
