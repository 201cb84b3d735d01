"""Late files of another format than their month: what their columns mean decides, not how they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from laying import by_payee

from fairpay.errors import InputError
from fairpay.ledger.adjust import Correction, adjust
from fairpay.ledger.close import close
from fairpay.ledger.closing import Closing
from fairpay.settings.values import Reading

if TYPE_CHECKING:
    from pathlib import Path

MONTH = {"user": ["u1", "u2"], "artist": ["a", "b"], "ms": [40_000, 80_000], "timestamp": ["2026-10-03T10:00:00Z"] * 2}
LATE = {"user": ["u3"], "artist": ["c"], "ms": [120_000], "timestamp": ["2026-10-31T23:59:59Z"]}
CHANGE = {"a": 1667 - 3333, "b": 3333 - 6667, "c": 5000}
FORMATS = ("csv", "parquet", "ndjson", "xlsx", "log")


def written(path: Path, rows: dict[str, list[object]]) -> str:
    """Write rows in the format of the name; Parquet has times as times, `.log` is NDJSON."""
    frame = pl.DataFrame(rows)
    if path.suffix == ".parquet":
        frame.with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC")).write_parquet(path)
    elif path.suffix == ".xlsx":
        frame.write_excel(path)
    elif path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_ndjson(path)
    return str(path)


def closed(place: Path, log: str, *, told: str | None = None) -> Closing:
    """Close October from one log; return what `adjust` is asked by."""
    (place / "pools.csv").write_text("pool,gross,rule\nall,100.00,market-centric\n")
    reading = Reading(format=told)  # type: ignore[arg-type] # one of the formats
    close(Closing("2026-10", place / "books", (log,), {"pools": place / "pools.csv"}, reading=reading))
    return Closing("2026-10", place / "books", (), {})


@pytest.mark.parametrize("month", FORMATS)
def test_a_late_file_of_any_format_counts_as_one_of_the_months_own(tmp_path: Path, month: str) -> None:
    """One that ends as the month's own is read in the format that was told."""
    plain = closed(tmp_path, written(tmp_path / f"log.{month}", MONTH), told="json" if month == "log" else None)
    for late in (kind for kind in FORMATS if kind != "log" or month == "log"):
        found = adjust(plain, Correction(logs=(written(tmp_path / f"late.{late}", LATE),)), dry_run=True)
        assert by_payee(found.rows) == CHANGE, late


def test_corrections_of_several_formats_stand_beside_each_other_and_are_taken_back(tmp_path: Path) -> None:
    plain = closed(tmp_path, written(tmp_path / "log.parquet", MONTH))
    first = adjust(plain, Correction(logs=(written(tmp_path / "late.csv", LATE),)))
    again = {**LATE, "user": ["u4"], "artist": ["a"]}
    adjust(plain, Correction(logs=(written(tmp_path / "later.ndjson", again),)))
    back = adjust(plain, Correction(undo=first.run_id))
    # With the plays of u4 alone, a has 160 and b 80 of 240 seconds; before, c had 120 of 360.
    assert by_payee(back.rows) == {"a": 6667 - 4445, "b": 3333 - 2222, "c": -3333}


def test_a_correction_in_two_formats_at_once_is_refused(tmp_path: Path) -> None:
    plain = closed(tmp_path, written(tmp_path / "log.parquet", MONTH))
    both = tuple(written(tmp_path / f"late.{kind}", LATE) for kind in ("csv", "parquet"))
    with pytest.raises(InputError, match="2 formats"):
        adjust(plain, Correction(logs=both))


def test_a_late_file_whose_columns_mean_something_else_is_refused(tmp_path: Path) -> None:
    plain = closed(tmp_path, written(tmp_path / "log.parquet", MONTH))
    late = {"seconds" if name == "ms" else name: cells for name, cells in LATE.items()}
    with pytest.raises(InputError, match=r"seconds .* has ms instead"):
        adjust(plain, Correction(logs=(written(tmp_path / "late.csv", late),)))


def test_late_files_of_persons_are_known_by_their_names_as_the_months_own_are(tmp_path: Path) -> None:
    (tmp_path / "pools.csv").write_text("pool,gross,rule\nall,100.00,user-centric\n")
    logs = [tmp_path / f"{user}.dump" for user in ("u1", "u2", "u3")]
    for log, artist in zip(logs, ("a", "b", "c"), strict=True):
        log.write_text(f"artist,ms,timestamp\n{artist},40000,2026-10-03T10:00:00Z\n")
    reading = Reading(format="csv", user_from_file=True)
    tables = {"pools": tmp_path / "pools.csv"}
    close(Closing("2026-10", tmp_path / "books", (str(logs[0]),), tables, reading=reading))
    plain = Closing("2026-10", tmp_path / "books", (), {})
    adjust(plain, Correction(logs=(str(logs[1]),)))
    found = adjust(plain, Correction(logs=(str(logs[2]),)))
    assert by_payee(found.rows) == {"a": 3334 - 5000, "b": 3333 - 5000, "c": 3333}
