"""Keys of plays: counted in bounded memory, known again, and examples that do not depend on who came first."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from fairpay.engine import repeats
from fairpay.engine.repeats import PlayKeys, RepeatFinder, table_of
from fairpay.engine.spool import Spool
from fairpay.logs.schema import Judged, RawBatch
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairpay.engine.repeats import Repeated

Play = tuple[str, str, int]
TINY = Running(memory=40_000)


def plays(count: int) -> list[Play]:
    """Plays of which every third is told again, and some three times."""
    some = [(f"u{i % 97}", f"artist {i % 31}", 1_741_000_000_000_000 + 7_000_000 * i) for i in range(count)]
    return [*some, *some[::3], *some[::30]]


def batch(some: Sequence[Play]) -> Judged:
    """Judge some plays as qualified."""
    time = np.array([play[2] for play in some], dtype=np.int64)
    columns = {role: pa.array([play[k] for play in some], pa.string()) for k, role in enumerate(("user", "artist"))}
    columns["time"] = pa.array(time, pa.timestamp("us"))
    return Judged(RawBatch(columns, "log", 1), np.ones(len(some), np.bool_), time, None, None)


def batches(some: Sequence[Play], rows: int) -> Iterator[Judged]:
    """Cut plays into batches."""
    return (batch(some[first : first + rows]) for first in range(0, len(some), rows))


def counted(some: Sequence[Play], *, rows: int = 1000, running: Running | None = None, threads: int = 1) -> Repeated:
    """Count the repeats among plays."""
    spool = Spool(running or Running(memory=10**9))
    keys = PlayKeys(spool, ())
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(keys.take, batches(some, rows)))
    if running is TINY:
        assert spool.file is not None
        assert keys.held <= spool.limit
    found = keys.finish(threads=threads, keep=True)
    assert spool.held == 0
    spool.close()
    return found


def naive(some: Sequence[Play]) -> int:
    """Count the repeats the slow way."""
    return sum(count - 1 for count in Counter(some).values())


@pytest.mark.parametrize("rows", [1, 1000, 100_000])
def test_repeats_are_counted_as_a_counter_counts_them(rows: int) -> None:
    some = plays(300 if rows == 1 else 6000)
    assert counted(some, rows=rows).count == naive(some)


def test_memory_and_threads_change_nothing_that_is_found() -> None:
    some = plays(6000)
    found = [
        counted(some),
        counted(some[::-1], rows=777),
        counted(some, rows=333, running=TINY),
        counted(some, rows=1234, threads=4),
    ]
    assert {one.count for one in found} == {naive(some)}
    assert len({tuple(sorted((e.artist, e.time, e.times) for e in one.examples)) for one in found}) == 1
    assert {sum(map(len, one.keys)) for one in found} == {sum(count > 1 for count in Counter(some).values())}


def test_examples_of_a_large_log_are_few_exact_and_the_same_in_every_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "SAMPLED", 50)
    some = plays(6000)
    told = {(artist, time, times) for (_, artist, time), times in Counter(some).items() if times > 1}
    first, second = counted(some), counted(sorted(some, key=lambda play: hash(play[:2])), rows=313, threads=3)
    assert 0 < len(first.examples) <= 50
    assert sorted(first.examples, key=repr) == sorted(second.examples, key=repr)
    assert {(one.artist, one.time, one.times) for one in first.examples} <= told


def test_a_play_told_without_end_takes_no_room() -> None:
    found = counted([("u", "a", 1)] * 60_000, rows=20_000, running=TINY)
    assert (found.count, [(one.artist, one.times) for one in found.examples]) == (59_999, [("a", 60_000)])


def test_a_second_reading_knows_each_play_told_before_but_its_first() -> None:
    some = plays(2000)
    for running in (Running(memory=10**9), TINY):
        spool = Spool(running)
        keys = PlayKeys(spool, ())
        for one in batches(some, 999):
            keys.take(one)
        found = keys.finish(threads=2, keep=True)
        finder = RepeatFinder(keys.secret, keys.roles, table_of(found.keys, spool, None))
        kept: list[Play] = []
        for first in range(0, len(some), 500):
            again = finder.again(batch(some[first : first + 500]))
            out = [False] * 500 if again is None else again.tolist()
            kept += [play for play, gone in zip(some[first : first + 500], out, strict=False) if not gone]
        assert kept == list(dict.fromkeys(some))
        spool.close()


def test_midnights_count_only_where_most_times_are_others() -> None:
    day = 86_400_000_000
    some = [("u", "a", day), ("u", "a", day), ("u", "b", 3 * day)]
    assert counted(some).count == 0
    assert counted(some).examples == ()
    assert counted([*some, *(("u", "c", day + i) for i in range(1, 4))]).count == 1
