"""Several pools in one engine: each as if it had been taken in alone, whatever its rows say and wherever they lie."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listening_rows import Row, batches_of, engine_with, expected, held, judged, make_rows, text

from fairpay.engine.local import LocalEngine
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from fairpay.logs.schema import Listens

POOLS = 4
SOME = settings(max_examples=12 if settings.default.derandomize else 100)
"""Few by day, more in the nightly search."""
KINDS = {
    "the amount is time": lambda row: row._replace(ms=row.amount, plays=1),
    "the amount is plays": lambda row: row._replace(amount=1, plays=1),
    "no time": lambda row: row._replace(ms=0, plays=1),
    "anything": lambda row: row if any(row[2:5]) else row._replace(plays=1),
}
"""What rows say besides their amount decides how they are kept."""

row = st.builds(
    Row,
    user=st.sampled_from([f"u{i}" for i in range(6)]),
    artist=st.sampled_from([f"a{i}" for i in range(9)]),
    amount=st.sampled_from([0, 1, 2, 7, 2**32 - 1, 2**32, 2**40]),
    plays=st.integers(0, 3),
    ms=st.sampled_from([0, 1, 5, 2**33]),
    pool=st.integers(0, POOLS - 1),
)
batches = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.lists(row, max_size=12)), max_size=6)


def taken_in(found: list[tuple[str, list[Row]]]) -> tuple[list[Row], list[Listens]]:
    """Make rows and batches; a batch without time has no such column, but for the first."""
    rows, listens = [], [judged([Row("u0", "a0", 1, 1, 1)])]
    for kind, drawn in found:
        mine = [KINDS[kind](row) for row in drawn]
        rows += mine
        batch = judged(mine)
        listens.append(replace(batch, ms=None) if kind == "no time" else batch)
    return [Row("u0", "a0", 1, 1, 1), *rows], listens


@SOME
@given(batches, st.sampled_from([1, 2, POOLS]), st.sampled_from([None, 1, 200_000]), st.sampled_from([1, 3]))
def test_each_pool_is_as_if_alone(
    found: list[tuple[str, list[Row]]], announced: int, memory: int | None, threads: int
) -> None:
    rows, listens = taken_in(found)
    with engine_with(listens, pools=announced, memory=memory, threads=threads) as engine:
        engine.finish()
        for code, pool in enumerate(engine.pools):
            assert held(pool) == expected(rows, pool=code)
            intake = pool.intake
            assert (intake.amount, intake.plays, intake.ms) == tuple(
                sum(x[2 + k] for x in rows if x.pool == code) for k in range(3)
            )
        assert not [x for x in rows if x.pool >= len(engine.pools)]


@SOME
@given(batches, st.sampled_from([1, POOLS]), st.sampled_from([None, 1]), st.sets(st.sampled_from([0, 1, 2, 3, 5])))
def test_unlisted_listeners_may_be_left_out_of_every_pool(
    found: list[tuple[str, list[Row]]], announced: int, memory: int | None, listed: set[int]
) -> None:
    rows, listens = taken_in(found)
    paid = {code: {f"u{i}": 100 * code + i for i in listed if i != code} for code in range(POOLS)}
    with LocalEngine(Running(threads=2, memory=memory), pools=announced) as engine:
        for code, lines in paid.items():
            fees = np.array(list(lines.values()), dtype=np.int64)
            engine.subscribe([(text(list(lines)), fees)], unlisted="leave-out", pool=code)
        engine.ingest([lambda: iter(listens[::2]), lambda: iter(listens[1::2])], lambda batch: batch)
        engine.finish()
        for code, pool in enumerate(engine.pools):
            kept = [x for x in rows if x.pool == code and x.user in paid[code]]
            assert held(pool) == expected(kept, paid=paid[code], pool=code)
            assert pool.intake.unlisted_rows == sum(x.pool == code for x in rows) - len(kept)


@pytest.mark.parametrize("threads", [1, 2])
def test_pools_are_visited_on_threads_and_answer_by_code(threads: int) -> None:
    rows = [*make_rows(21, pools=5), *[x._replace(pool=3) for x in make_rows(22, rows=9000)]]
    with engine_with(batches_of(rows, 500), pools=5, threads=threads) as engine:
        engine.finish()

        def visit(code: int, pool: object) -> object:
            assert pool is engine.pools[code]
            return held(engine.pools[code])

        assert engine.over_pools(visit) == [expected(rows, pool=code) for code in range(5)]
        before = engine.spool.held
        engine.pools[3].release()
        assert engine.spool.held < before
        assert engine.pools[3].payers.plays == sum(x.plays for x in rows if x.pool == 3)


def test_an_error_in_one_pool_is_raised() -> None:
    def visit(code: int, _: object) -> None:
        if code == 2:
            message = "no"
            raise ZeroDivisionError(message)

    with engine_with(batches_of(make_rows(23, pools=3), 500), pools=3) as engine:
        engine.finish()
        with pytest.raises(ZeroDivisionError):
            engine.over_pools(visit)


def test_facts_may_be_asked_before_and_after_a_walk() -> None:
    rows = make_rows(24, pools=3, plays=(1, 4))
    with engine_with(batches_of(rows, 500), pools=3) as engine:
        engine.finish()
        assert all(part.block is None for part in engine.pool(2).listening.parts)
        names = engine.pool(2).artist.to_pylist()
        assert engine.pool(2).names(np.array([5, 0, 5])) == [names[5], names[0], names[5]]
        assert engine.pool(2).names(np.arange(7)) == names[:7], "some are known by now, some not"
        assert names == list(expected(rows, pool=2).artists)
        assert all(part.block is None for part in engine.pool(2).listening.parts), "nothing was walked for that"
        early = engine.pool(2).artist_plays.tolist()
        assert held(engine.pool(2)) == expected(rows, pool=2)
        assert engine.pool(2).artist_plays.tolist() == early
