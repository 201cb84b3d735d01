"""The local engine against dictionaries: the same integers whatever the batches, threads, memory and columns."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from listening_rows import Row, batches_of, engine_with, expected, held, judged, make_rows

from fairpay.engine import encoder as encoder_module
from fairpay.engine.listening import LocalListening
from fairpay.engine.local import LocalEngine
from fairpay.logs.schema import Listens
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Usage

ROWS = make_rows(1)


@pytest.mark.parametrize(("size", "threads"), [(1, 4), (1000, 1), (1000, 4), (len(ROWS), 1)])
@pytest.mark.parametrize("memory", [None, 1, 700_000])
def test_batches_threads_and_memory_change_nothing(size: int, threads: int, memory: int | None) -> None:
    rows = ROWS[:200] if size == 1 else ROWS
    with engine_with(batches_of(rows, size), threads=threads, units=5, memory=memory) as engine:
        engine.finish()
        assert held(engine) == expected(rows)
        assert held(engine) == expected(rows), "a later walk sees the same"
        assert (engine.spool.end > 0) == (memory is not None), "what was meant to spill did"


def test_the_order_of_rows_changes_nothing() -> None:
    rows = list(ROWS)
    random.Random(5).shuffle(rows)  # noqa: S311 - a shuffle for a test
    with engine_with(batches_of(rows, 123), units=1) as engine:
        engine.finish()
        assert held(engine) == expected(ROWS)


def test_amounts_beyond_32_bits_are_kept() -> None:
    rows = [*make_rows(2, rows=500), *make_rows(3, rows=300, amounts=(1, 2**45)), *make_rows(4, rows=200)]
    with engine_with(batches_of(rows, 150)) as engine:
        engine.finish()
        assert held(engine) == expected(rows)


def test_rows_that_stand_for_several_plays_are_added_up() -> None:
    rows = make_rows(6, plays=(1, 9), amounts=(0, 3))
    with engine_with(batches_of(rows, 400)) as engine:
        intake = engine.finish()
        assert held(engine) == expected(rows)
        assert intake.plays == sum(row.plays for row in rows)


def test_no_amount_and_no_plays_count_one_each() -> None:
    rows = [row._replace(amount=1) for row in ROWS]
    plain = judged(rows)
    listens = Listens(plain.user, plain.artist, plain.used, None, None, plain.ms)
    with engine_with([listens]) as engine:
        engine.finish()
        assert held(engine) == expected(rows)


def test_many_artists_and_users_make_every_table_grow() -> None:
    rows = make_rows(7, rows=9000, users=7000, artists=4000)
    with engine_with(batches_of(rows, 3000)) as engine:
        engine.finish()
        assert held(engine) == expected(rows)


def test_full_partitions_are_emptied_in_the_middle_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_module, "MOST_ROWS", 2)
    with engine_with(batches_of(ROWS, 500)) as engine:
        engine.finish()
        assert held(engine) == expected(ROWS)


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int32(), pa.int64(), pa.uint64()])
def test_integers_are_their_decimal_text(kind: pa.DataType) -> None:
    signed = kind in (pa.int8(), pa.int32(), pa.int64())
    top = 2 ** (kind.bit_width - signed) - 1
    values = [0, 1, 7, 10, 99, 100, top, top - 1, *([-1, -top - 1, -10] if signed else [])]
    numbers = Listens(
        pa.array(values, kind), pa.array(values, kind), np.ones(len(values), np.bool_), None, None,
        np.ones(len(values), np.int64),
    )  # fmt: skip
    rows = [Row(str(x), str(x), 1, 1, 1) for x in values]
    with engine_with([numbers, judged(rows)]) as engine:
        intake = engine.finish()
        assert held(engine) == expected([*rows, *rows])
        assert intake.users == len(values)


def test_a_leading_zero_is_another_user() -> None:
    rows = [Row(x, x, 1, 1, 1) for x in ("311", "0311", "+311", " 311", "311 ", "311.0", "")]
    with engine_with([judged(rows)]) as engine:
        assert engine.finish().users == len(rows)


def test_ids_that_differ_in_one_byte_differ() -> None:
    every: list[str] = []
    for length in (*range(1, 34), 100, 500, 520, 521, 528, 1041, 5000):
        ids = ["a" * i + "b" + "a" * (length - i - 1) for i in range(length)] + ["a" * length]
        every += ids[:: max(1, length // 60)] + ids[-2:]
    rows = [Row(x, x, 1, 1, 1) for x in dict.fromkeys(every)]
    with engine_with([judged(rows)]) as engine:
        intake = engine.finish()
        assert (intake.users, intake.artists) == (len(rows), len(rows))


def test_unused_rows_may_hold_anything() -> None:
    none = [None, "u", None]
    for kind in (pa.string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        listens = Listens(
            pa.array(none, kind), pa.array(["a", "b", None], kind), np.array([False, True, False]),
            np.array([-5, 3, 2**62]), np.array([-1, 1, 2**63 - 1]), np.array([0, 3, -9]),
        )  # fmt: skip
        with engine_with([listens]) as engine:
            intake = engine.finish()
            assert held(engine) == expected([Row("u", "b", 3, 1, 3)])
            assert intake.plays == 1


def test_read_only_arrays_are_taken() -> None:
    listens = judged(ROWS)
    for array in (listens.used, listens.amount, listens.ms):
        assert array is not None
        array.setflags(write=False)
    with engine_with([listens]) as engine:
        engine.finish()
        assert held(engine) == expected(ROWS)


@pytest.mark.parametrize("batches", [[], [judged([])]])
def test_nothing_taken_in_is_an_empty_month(batches: list[Listens]) -> None:
    with engine_with(batches) as engine:
        intake = engine.finish()
        assert (intake.users, intake.artists, intake.amount) == (0, 0, 0)
        month = engine.pool(0).month(pool=0, rate=None, fees_are_money=False)
        assert list(month.each(lambda _: 1)) == []
        assert month.gather(lambda _usage, _out: None, rows=2)[0].shape == (2, 0)


def test_a_partition_of_one_user_and_partitions_of_none_are_walked() -> None:
    rows = [Row("u", "a", 5, 1, 5)]
    with engine_with([judged(rows)]) as engine:
        engine.finish()
        assert held(engine) == expected(rows)


def test_gather_adds_up_over_threads() -> None:
    with engine_with(batches_of(ROWS, 100), threads=4) as engine:
        engine.finish()
        month = engine.pool(0).month(pool=0, rate=None, fees_are_money=False)

        def visit(usage: Usage, out: Ints) -> None:
            np.add.at(out[0], usage.artist, usage.amount)
            np.add.at(out[1], usage.artist, 1)

        sums, _ = month.gather(visit, rows=2)
        assert (sums[0] == engine.pool(0).artist_amount).all()
        assert (sums[1] == engine.pool(0).artist_listeners).all()


def test_what_each_thread_counted_of_artists_is_added_up_once_and_let_go_of() -> None:
    with engine_with(batches_of(ROWS, 100), threads=4) as engine:
        engine.finish()
        listening = engine.pool(0).listening
        assert isinstance(listening, LocalListening)
        list(listening.walk(lambda _: None))
        assert listening.tallies.all == []
        assert held(engine) == expected(ROWS)


def test_an_error_in_a_visit_is_raised() -> None:
    with engine_with(batches_of(ROWS, 100), threads=4) as engine:
        engine.finish()

        def visit(_: Usage) -> None:
            message = "no"
            raise ZeroDivisionError(message)

        with pytest.raises(ZeroDivisionError):
            list(engine.pool(0).month(pool=0, rate=None, fees_are_money=False).each(visit))


@pytest.mark.parametrize("memory", [None, 1])
def test_pools_are_kept_apart(memory: int | None) -> None:
    rows = make_rows(9, pools=7)
    with engine_with(batches_of(rows, 250), pools=7, memory=memory) as engine:
        engine.finish()
        assert len(engine.pools) == 7
        for code in range(7):
            assert held(engine.pool(code)) == expected(rows, pool=code)


def test_a_pool_may_be_empty() -> None:
    rows = [row._replace(pool=9 * (row.pool + 1)) for row in make_rows(10, pools=2)]
    with engine_with(batches_of(rows, 250), pools=2) as engine:
        assert engine.finish().users == 0
        assert held(engine.pool(9)) == expected(rows, pool=9)
        assert held(engine.pool(18)) == expected(rows, pool=18)


def test_batches_with_and_without_pools_may_follow_one_another() -> None:
    rows = [*make_rows(12, rows=400), *make_rows(13, rows=400, pools=3), *make_rows(14, rows=400)]
    with engine_with(batches_of(rows, 100), pools=3) as engine:
        engine.finish()
        for code in range(3):
            assert held(engine.pool(code)) == expected(rows, pool=code)


def test_a_negative_amount_is_a_fault_of_judging() -> None:
    with pytest.raises(ValueError, match="negative"):
        engine_with([judged([Row("u", "a", -1, 1, 1)])])


def test_nothing_is_taken_in_after_the_end() -> None:
    with engine_with([judged(ROWS)]) as engine:
        with pytest.raises(RuntimeError, match="comes first"):
            engine.pool(0)
        engine.finish()
        with pytest.raises(RuntimeError, match="finished"):
            engine.ingest([], lambda batch: batch)


def test_progress_is_told_of_every_row() -> None:
    told: list[int] = []
    with LocalEngine(Running(threads=3)) as engine:
        units: list[Callable[[], Iterator[Listens]]] = [lambda: iter(batches_of(ROWS, 100)), lambda: iter([])]
        engine.ingest(units, lambda batch: batch, progress=lambda rows, _: told.append(rows))
    assert sum(told) == len(ROWS)
