"""Bad rows that are set aside, and times in exclusion lists, in `close` and `adjust`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from laying import by_payee, laid, late

from fairpay.cli import main
from fairpay.errors import InputError
from fairpay.ledger.adjust import Correction, adjust
from fairpay.ledger.close import close
from fairpay.ledger.closing import Closing
from fairpay.ledger.sorting import read_exclusions
from fairpay.ledger.verify import verify_books
from fairpay.logs.schema import RawBatch
from fairpay.pipeline.request import Watch
from fairpay.settings.values import Reading

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "user,artist,ms,timestamp\n"
GOOD = "u1,a,40000,2026-10-03T10:00:00Z\nu2,b,40000,2026-10-03T11:00:00Z\nu2,b,40000,2026-10-04T11:00:00Z\n"
BAD = "u1,a,soon,2026-10-03T10:00:00Z\n,b,40000,2026-10-03T10:00:00Z\n"


def asked_of(place: Path, log: str, *, rejects: bool = False) -> Closing:
    """Lay a month's files there, and ask to close it."""
    reading = Reading(rejects=place / "rejects.csv" if rejects else None)
    return laid(place, HEADER + log, pools="pool,gross,rule\nall,100.00,market-centric\n", reading=reading)


def test_a_month_closed_with_rejects_is_adjusted_with_the_same_rows_set_aside(tmp_path: Path) -> None:
    """Nothing excluded changes nothing; bad rows of a late file are set aside and counted too; undone it is zero."""
    asked = asked_of(tmp_path, GOOD + BAD, rejects=True)
    month = close(asked)
    assert month.facts.listening.dropped == {"set aside: duration unusable": 1, "set aside: user is empty": 1}
    same = late(asked, exclude="user\nnobody\n")
    assert (list(same.rows), same.facts.listening) == ([], month.facts.listening)
    more = late(asked, log=HEADER + "u3,c,40000,2026-10-05T10:00:00Z\n" + BAD)
    assert by_payee(more.rows) == {"a": -833, "b": -1667, "c": 2500}
    assert sum(more.facts.listening.dropped.values()) == 4
    back = adjust(asked, Correction(undo=more.run_id))
    assert by_payee(back.rows) == {"a": 833, "b": 1667, "c": -2500}
    assert all(control.ok for control in verify_books(asked.books))


def test_an_adjustment_writes_no_file_of_rejects(tmp_path: Path) -> None:
    asked = asked_of(tmp_path, GOOD + BAD, rejects=True)
    close(asked)
    (tmp_path / "rejects.csv").write_text("mine")
    (tmp_path / "out.csv").write_text("user\nu1\n")
    adjust(asked, Correction(exclude=(tmp_path / "out.csv",)))
    adjust(Closing("2026-10", asked.books, (), {}), Correction(exclude=(tmp_path / "out.csv",)))
    assert (tmp_path / "rejects.csv").read_text() == "mine"
    assert sorted(path.name for path in asked.books.iterdir()) == [".lock", "2026-10", "adjustments", "head.json"]


def test_a_preview_writes_no_file_of_rejects(tmp_path: Path) -> None:
    asked = asked_of(tmp_path, GOOD + BAD, rejects=True)
    month = close(asked, dry_run=True)
    assert sum(month.facts.listening.dropped.values()) == 2
    assert not (tmp_path / "rejects.csv").exists()
    assert close(asked).run_id == month.run_id
    assert (tmp_path / "rejects.csv").exists()


def test_a_month_closed_without_rejects_is_not_adjusted_with_a_late_file_that_has_bad_rows(tmp_path: Path) -> None:
    asked = asked_of(tmp_path, GOOD)
    close(asked)
    with pytest.raises(InputError, match="2 of 5 rows cannot be used"):
        late(asked, log=HEADER + BAD)


def test_the_command_line_adjusts_a_month_closed_with_rejects(tmp_path: Path) -> None:
    asked = asked_of(tmp_path, GOOD + BAD)
    books = ("--books", str(asked.books), "--period", "2026-10", "--quiet")
    rejects = ("--rejects", str(tmp_path / "rejects.csv"), "--pools", str(tmp_path / "pools.csv"))
    assert main(["close", *books, *rejects, *asked.logs]) == 0
    (tmp_path / "out.csv").write_text("user\nu2\n")
    assert main(["adjust", *books, "--exclude", str(tmp_path / "out.csv")]) == 0
    assert main(["verify", "--books", str(asked.books), "--quiet"]) == 0


TIMES = [
    "2026-10-03 10:00:00",
    "2026-10-03T10:00:00Z",
    "2026-10-03T12:00:00+02:00",
    "2026-10-03T10:00:00.000",
    str(int(datetime(2026, 10, 3, 10, tzinfo=UTC).timestamp())),
]


@pytest.mark.parametrize("listed", TIMES)
@pytest.mark.parametrize("logged", TIMES)
def test_times_match_as_moments_however_they_are_written(tmp_path: Path, listed: str, logged: str) -> None:
    path = tmp_path / "out.csv"
    path.write_text(f"user,time\nu1,{listed}\n")
    columns = {"user": pa.array(["u1", "u1", "u2"]), "time": pa.array([logged, "2026-10-03 10:00:01", logged])}
    assert read_exclusions([path]).match(RawBatch(columns, "log.csv", 1)).tolist() == [True, False, False]


def test_times_match_those_of_typed_columns(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("time\n2026-10-03T10:00:00Z\n")
    moment = datetime(2026, 10, 3, 10, tzinfo=UTC)
    given = [moment, moment + timedelta(seconds=1), None]
    for column in (
        *(pa.array(given, pa.timestamp(unit, "UTC")) for unit in ("s", "ms", "us", "ns")),
        pa.array([int(x.timestamp()) if x else None for x in given], pa.int64()),
        pa.array([x.isoformat() if x else None for x in given]).dictionary_encode(),
    ):
        columns = {"user": pa.array(["u1", "u1", "u2"]), "time": column}
        assert read_exclusions([path]).match(RawBatch(columns, "log.csv", 1)).tolist() == [True, False, False]


def test_times_that_cannot_be_read_match_as_text(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("user,time\nu1,third of October\nu1,2026-10-03 10:00:00\n")
    columns = {"user": pa.array(["u1"] * 4), "time": pa.array(["third of October", "third", None, "2026-10-03T10:00"])}
    assert read_exclusions([path]).match(RawBatch(columns, "log.csv", 1)).tolist() == [True, False, False, True]


def test_plays_are_excluded_by_moments_in_a_whole_adjustment(tmp_path: Path) -> None:
    asked = asked_of(tmp_path, GOOD)
    close(asked)
    moved = late(asked, exclude="user,artist,time\nu2,b,2026-10-04 11:00:00\n")
    assert moved.facts.listening.dropped == {"excluded": 1}
    assert by_payee(moved.rows) == {"a": 1667, "b": -1667}


def test_row_groups_outside_the_month_are_no_rows_without_keys(tmp_path: Path) -> None:
    """A Parquet log whose file itself says that some rows are of another month: they are passed over and counted."""
    months = [datetime(2026, 9, 1, tzinfo=UTC)] * 3 + [datetime(2026, 10, 1, tzinfo=UTC)] * 3
    log = pl.DataFrame({"user": ["u"] * 6, "artist": ["a"] * 6, "country": ["DE"] * 6, "timestamp": months})
    log.write_parquet(tmp_path / "log.parquet", row_group_size=3)
    (tmp_path / "pools.csv").write_text("pool,territory,gross,rule\nde,DE,1.00,user-centric\nat,AT,1.00,user-centric\n")
    tables = {"pools": tmp_path / "pools.csv"}
    month = close(Closing("2026-10", tmp_path / "books", (str(tmp_path / "log.parquet"),), tables))
    assert (month.facts.listening.rows, month.facts.listening.dropped) == (6, {"outside the period": 3})


def test_a_misspelt_column_of_exclusions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("user,artst\nu1,b\n")
    with pytest.raises(InputError, match="1 column that says nothing known: artst"):
        read_exclusions([path])


def test_exclusions_that_state_what_the_log_lacks_are_refused(tmp_path: Path) -> None:
    asked = asked_of(tmp_path, GOOD)
    close(asked)
    with pytest.raises(InputError, match="the log has no column for track"):
        late(asked, exclude="user,track\nu2,t\n")


def test_exclusions_that_match_nothing_are_counted(tmp_path: Path) -> None:
    asked = asked_of(tmp_path, GOOD)
    close(asked)
    said: list[str] = []
    (tmp_path / "out.csv").write_text("user,reason\nu2,bought\n u2,\n")
    adjust(asked, Correction(exclude=(tmp_path / "out.csv",)), watch=Watch(say=said.append), dry_run=True)
    assert "Exclusions: 1 of 2 lines match no row of the log" in said
