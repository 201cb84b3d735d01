"""Plays that logs tell twice, and files that are given twice."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from reads import write

import fairpay
from fairpay.errors import InputError, UsageError
from fairpay.logs.schema import Cautions, Warned
from fairpay.pipeline.intake import take_in
from fairpay.pipeline.request import Watch
from fairpay.pipeline.run import plain_plan
from fairpay.pipeline.work import request_of
from fairpay.settings.commands import complete

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "user,ts,artist,ms_played\n"
ONE = "zoe,2025-03-01T08:00:00Z,Nebula Finch,100000\n"
TWO = "zoe,2025-03-02T08:00:00Z,Tin Harbor,100000\n"
THREE = "zoe,2025-03-03T08:00:00Z,Tin Harbor,100000\n"
FOUR = "zoe,2025-03-04T08:00:00Z,Nebula Finch,100000\n"
MIDNIGHT = datetime(2025, 3, 1, tzinfo=UTC)


def exports(folder: Path) -> list[Path]:
    """Two exports of one person that overlap in a play."""
    return [write(folder / "old.csv", HEADER + ONE + TWO), write(folder / "new.csv", HEADER + ONE + THREE + FOUR)]


def warned(logs: object, **options: object) -> dict[str, Warned]:
    """What a reading warns of repeats, by code."""
    asked = request_of("pay", logs, (), complete("pay", options))
    opened = asked.opened
    with take_in(plain_plan(asked, set_aside=False), opened.logs, Watch(), opened.cautions):
        found = opened.cautions.found()
    return {one.code: one for one in found if one.code in {"repeats", "same-files"}}


def paid(logs: object, **options: object) -> dict[str, str]:
    """What each artist is paid of 10.00."""
    table = fairpay.pay(logs, rule="market-centric", pool="10.00", **options).table  # type: ignore[arg-type] # of tests
    amounts = next(name for name, kind in table.schema.items() if isinstance(kind, pl.Decimal) and name != "seconds")
    return dict(zip(table["artist"], map(str, table[amounts]), strict=True))


def test_a_play_in_two_overlapping_exports_is_counted_and_said(tmp_path: Path) -> None:
    found = warned(exports(tmp_path))
    assert found.keys() == {"repeats"}
    assert found["repeats"].count == 1
    assert found["repeats"].examples == ("Nebula Finch · 2025-03-01T08:00:00Z (2 times)",)


def test_a_play_in_two_overlapping_exports_is_kept_unless_dropped(tmp_path: Path) -> None:
    logs = exports(tmp_path)
    assert paid(logs) == {"Nebula Finch": "6.00", "Tin Harbor": "4.00"}
    assert paid(logs, repeats="drop") == {"Nebula Finch": "5.00", "Tin Harbor": "5.00"}


def test_a_dropped_play_is_left_out_for_a_counted_reason(tmp_path: Path) -> None:
    listening = fairpay.compare(exports(tmp_path), pool="10", repeats="drop").outcome.listening
    assert (listening.rows, listening.used, listening.plays, listening.ms) == (5, 4, 4, 400_000)
    assert listening.dropped == {"told twice": 1}


def test_refused_repeats_stop_the_run_with_their_number(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        fairpay.compare(exports(tmp_path), pool="10", repeats="refuse", output=tmp_path / "run")
    assert caught.value.status == 3
    assert "1 of 5 plays" in caught.value.message
    assert not (tmp_path / "run").exists()


def test_a_log_without_repeats_is_not_refused(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", HEADER + ONE + TWO + THREE + FOUR)
    assert paid(log, repeats="refuse") == {"Nebula Finch": "5.00", "Tin Harbor": "5.00"}
    assert warned(log) == {}


def test_the_order_of_files_changes_neither_amounts_nor_warnings(tmp_path: Path) -> None:
    logs = [*exports(tmp_path), write(tmp_path / "third.csv", HEADER + FOUR + ONE)]
    summaries, warnings = set(), set()
    for order in permutations(logs):
        result = fairpay.compare(list(order), pool="10", repeats="drop")
        summaries.add(str(result.summary) + result.table.write_csv())
        warnings.add(str(warned(list(order))))
    assert len(summaries) == len(warnings) == 1


def test_one_row_told_a_thousand_times_counts_once_when_dropped(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", HEADER + ONE * 1000 + TWO)
    assert warned(log)["repeats"].count == 999
    assert warned(log)["repeats"].examples == ("Nebula Finch · 2025-03-01T08:00:00Z (1,000 times)",)
    assert paid(log, repeats="drop") == {"Nebula Finch": "5.00", "Tin Harbor": "5.00"}
    fewer = write(tmp_path / "fewer.csv", HEADER + ONE * 60 + TWO)
    for one, batch_rows in ((log, 70), (fewer, 7), (fewer, 1)):
        assert warned(one, batch_rows=batch_rows) == warned(one)
        assert paid(one, repeats="drop", batch_rows=batch_rows) == paid(one, repeats="drop")


@pytest.mark.parametrize("changed", ["user", "artist", "ms_played", "ts", "track", "plays"])
def test_plays_that_differ_in_anything_are_no_repeats(changed: str) -> None:
    same = {"user": ["u", "u"], "artist": ["a", "a"], "ms_played": [80_000, 80_000], "track": ["t", "t"]}
    log = {**same, "plays": [2, 2], "ts": [1_741_000_000, 1_741_000_000]}
    assert warned(pl.DataFrame(log))["repeats"].count == 1
    log[changed] = [
        log[changed][0],
        1_741_000_001 if changed == "ts" else "v" if isinstance(log[changed][0], str) else 3,
    ]
    assert warned(pl.DataFrame(log), min_seconds="0") == {}


def test_only_qualified_plays_are_repeats(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", HEADER + ONE.replace("100000", "1000") * 2 + TWO)
    assert warned(log) == {}


def test_a_repeat_across_files_is_found_whatever_the_types_of_their_columns(tmp_path: Path) -> None:
    texts = {"user": ["7"], "artist": ["12"], "ms_played": ["40000"], "ts": ["2025-03-01T08:00:00Z"]}
    numbers = {"user": [7], "artist": [12], "ms_played": [40_000], "ts": [datetime(2025, 3, 1, 8, tzinfo=UTC)]}
    pl.DataFrame(texts).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame(numbers).write_parquet(tmp_path / "b.parquet")
    unix = pl.DataFrame({**numbers, "ts": [1_740_816_000]})
    unix.write_parquet(tmp_path / "c.parquet")
    assert warned(str(tmp_path))["repeats"].count == 2
    assert fairpay.compare(str(tmp_path), pool="1", repeats="drop").outcome.listening.used == 1


def test_days_do_not_tell_plays_apart(tmp_path: Path) -> None:
    texts = write(tmp_path / "log.csv", (HEADER + ONE * 2 + TWO).replace("T08:00:00Z", ""))
    plays = {"user": ["u"] * 3, "artist": ["a"] * 3, "ms": [40_000] * 3}
    assert warned(texts) == {}
    assert warned(pl.DataFrame({**plays, "ts": [MIDNIGHT.date()] * 3})) == {}
    assert warned(pl.DataFrame({**plays, "ts": [MIDNIGHT] * 3})) == {}
    assert paid(pl.DataFrame({**plays, "ts": [MIDNIGHT] * 3}), repeats="drop") == {"a": "10.00"}


def test_a_midnight_is_a_time_where_others_are_none(tmp_path: Path) -> None:
    text = write(tmp_path / "log.csv", HEADER + ONE.replace("08:00", "00:00") * 2 + TWO)
    assert warned(text)["repeats"].count == 1
    assert warned(write(tmp_path / "all.csv", HEADER + ONE.replace("08:00", "00:00") * 2))["repeats"].count == 1
    times = [MIDNIGHT, MIDNIGHT, *(datetime(2025, 3, 1, hour, tzinfo=UTC) for hour in (1, 2, 3))]
    log = pl.DataFrame({"user": ["u"] * 5, "artist": ["a"] * 5, "ts": times})
    assert warned(log)["repeats"].count == 1


def test_a_log_without_times_has_no_repeats() -> None:
    log = pl.DataFrame({"user": ["u", "u"], "artist": ["a", "a"], "track": ["t", "t"]})
    assert warned(log) == {}
    assert paid(log, repeats="drop") == {"a": "10.00"}
    assert paid(log, repeats="refuse") == {"a": "10.00"}


@pytest.mark.parametrize("kind", [pl.Time, pl.Boolean, pl.Binary])
def test_a_time_that_is_none_stops_no_run(kind: type[pl.DataType]) -> None:
    log = pl.DataFrame({"user": ["u", "u"], "artist": ["a", "a"], "time": pl.Series([None, None], dtype=kind)})
    assert warned(log) == {}


def test_times_that_cannot_be_read_tell_nothing_apart(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", HEADER + ONE.replace("2025-03-01T08:00:00Z", "soon") * 2)
    assert warned(log) == {}


def test_a_file_given_twice_under_two_names_is_said_and_dropped_whole(tmp_path: Path) -> None:
    logs = [write(tmp_path / name, HEADER + ONE + TWO) for name in ("b.csv", "a.csv")]
    logs.append(write(tmp_path / "c.csv", HEADER + ONE + THREE))
    found = warned(logs)["same-files"]
    assert (found.count, found.examples) == (1, (f"{logs[1]} = {logs[0]}",))
    said: list[str] = []
    listening = fairpay.compare(logs, pool="10", repeats="drop", say=said.append).outcome.listening
    assert (listening.rows, listening.used) == (4, 3)
    assert f"Left out, byte for byte the same as {logs[1]}: {logs[0]}" in said
    with pytest.raises(InputError, match="1 of 3 files are byte for byte the same"):
        fairpay.compare(logs, pool="10", repeats="refuse")


def test_a_file_without_times_given_twice_counts_once_when_dropped(tmp_path: Path) -> None:
    rows = "user,artist,plays\nu,a,3\nv,b,1\n"
    logs = [write(tmp_path / name, rows) for name in ("a.csv", "b.csv")]
    logs.append(write(tmp_path / "c.csv", "user,artist,plays\nu,b,2\nv,b,2\n"))
    assert paid(logs) == {"a": "5.00", "b": "5.00"}
    assert paid(logs, repeats="drop") == {"a": "3.75", "b": "6.25"}


def test_parts_that_hold_only_a_header_are_not_the_same_file(tmp_path: Path) -> None:
    logs = [write(tmp_path / "a.csv", HEADER + ONE), *(write(tmp_path / f"{i}.csv", HEADER) for i in range(3))]
    assert warned(logs) == {}


def test_two_people_with_the_same_file_are_two_people(tmp_path: Path) -> None:
    rows = "ts,artist,ms_played\n2025-03-01T08:00:00Z,Nebula Finch,100000\n"
    logs = [write(tmp_path / name, rows) for name in ("ann.csv", "bob.csv")]
    assert warned(logs, user_from_file=True) == {}
    assert fairpay.compare(logs, pool="1", repeats="drop", user_from_file=True).outcome.listening.users == 2


def test_a_play_of_several_artists_is_one_play(tmp_path: Path) -> None:
    lists = [["a", "b"], ["b", "a"], ["a", "c"], ["a"]]
    pl.DataFrame({"user": ["u"] * 4, "artist": lists, "ms": [60_001] * 4, "ts": [1_741_000_000] * 4}).write_parquet(
        tmp_path / "log.parquet"
    )
    log = tmp_path / "log.parquet"
    assert warned(log, several_artists="split")["repeats"].count == 1
    listening = fairpay.compare(log, pool="1", repeats="drop", several_artists="split").outcome.listening
    assert (listening.rows, listening.used, listening.dropped) == (4, 3, {"told twice": 1})


def test_thresholds_of_a_policy_count_a_dropped_repeat_once(tmp_path: Path) -> None:
    head = 'title = "t"\nsource = "s"\nrule = "market-centric"\n'
    least = '[[thresholds]]\nname = "least"\nper = "artist"\nstreams = 2\nlisteners = 1\n'
    policy = write(tmp_path / "p.toml", head + least)
    log = write(tmp_path / "log.csv", HEADER + ONE * 2 + TWO + THREE)
    assert paid(log, policy=str(policy)) == {"Nebula Finch": "5.00", "Tin Harbor": "5.00"}
    assert paid(log, policy=str(policy), repeats="drop") == {"Tin Harbor": "10.00"}


def test_a_stream_that_is_read_once_is_refused_where_it_would_be_read_twice() -> None:
    table = pa.table({"user": ["u"], "artist": ["a"], "ts": [1_741_000_000]})
    with pytest.raises(UsageError, match="read only once"):
        fairpay.compare(table.to_reader(), pool="1", repeats="drop")


def test_threads_batches_and_memory_change_no_count(tmp_path: Path) -> None:
    times = [1_741_000_000 + 7 * i for i in range(30_000)] + [1_741_000_000 + 7 * i for i in range(0, 30_000, 3)]
    users = [f"u{t % 1009}" for t in times]
    log = pl.DataFrame({"user": users, "artist": ["a"] * len(times), "ts": times})
    for part in range(3):
        log[part::3].write_parquet(tmp_path / f"{part}.parquet")
    found = warned(str(tmp_path))
    assert found["repeats"].count == 10_000
    for options in ({"threads": 1}, {"threads": 5, "batch_rows": 999}, {"memory": "64MB"}):
        assert warned(str(tmp_path), **options) == found
        assert fairpay.compare(str(tmp_path), pool="1", repeats="drop", **options).outcome.listening.used == 30_000


def test_cautions_add_up_and_keep_the_smallest_examples() -> None:
    cautions = Cautions()
    cautions.add("b", 2, ["z", "y"], "Do this.")
    cautions.add("a", 1, [], "Do that.")
    cautions.add("b", 3, ["x", "w", "y"], "Do this.")
    cautions.add("c", 0, ["never"], "Nothing.")
    assert cautions.found() == (Warned("a", 1, (), "Do that."), Warned("b", 5, ("w", "x", "y"), "Do this."))
