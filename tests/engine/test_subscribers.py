"""Subscribers and listeners meet: fees, inactive subscribers, listeners without a line."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from listening_rows import Row, batches_of, engine_with, expected, held, judged, make_rows, text

from fairpay.engine.local import LocalEngine
from fairpay.errors import InputError
from fairpay.settings.values import Running

ROWS = make_rows(11)
LISTENERS = list(dict.fromkeys(row.user for row in ROWS))
PAID = {user: 100 + i for i, user in enumerate(LISTENERS)}
INACTIVE = {f"nobody{i}": i for i in range(500)}


@pytest.mark.parametrize(
    ("memory", "kind"), [(None, pa.string()), (1, pa.large_string()), (None, pa.string_view()), (1, pa.string_view())]
)
def test_each_listener_has_the_fee_of_their_line(memory: int | None, kind: pa.DataType) -> None:
    with LocalEngine(Running(threads=2, memory=memory)) as engine:
        both = {**INACTIVE, **PAID}
        ids, fees = (
            pa.chunked_array([pa.array(list(both)[:300], kind), pa.array(list(both)[300:], kind)]),
            both.values(),
        )
        engine.subscribe([(ids, np.array(list(fees)))])
        engine.ingest([lambda: iter(batches_of(ROWS, 200))], lambda batch: batch)
        intake = engine.finish()
        assert held(engine) == expected(ROWS, paid=PAID)
        assert (intake.subscribers, intake.inactive, intake.unlisted) == (len(both), 500, 0)
        assert (intake.fees, intake.inactive_fees) == (sum(PAID.values()), sum(INACTIVE.values()))


@pytest.mark.parametrize("memory", [None, 1])
def test_unlisted_listeners_may_pay_nothing(memory: int | None) -> None:
    paid = dict(list(PAID.items())[::2])
    with engine_with(batches_of(ROWS, 200), paid=paid, memory=memory) as engine:
        intake = engine.finish()
        assert held(engine) == expected(ROWS, paid=paid)
        assert intake.unlisted == len(PAID) - len(paid)
        assert (intake.fees, intake.unlisted_rows) == (sum(paid.values()), 0)


@pytest.mark.parametrize("memory", [None, 1])
@pytest.mark.parametrize("threads", [1, 4])
def test_unlisted_listeners_may_be_left_out(memory: int | None, threads: int) -> None:
    paid = dict(list(PAID.items())[::2])
    extra = [Row("stranger", "heard by strangers only", 3, 2, 3)] * 3
    rows = [*ROWS, *extra]
    listed = [row for row in ROWS if row.user in paid]
    with engine_with(batches_of(rows, 200), paid=paid, unlisted="leave-out", memory=memory, threads=threads) as engine:
        intake = engine.finish()
        assert held(engine) == expected(listed, paid=paid)
        assert intake.unlisted == len(PAID) - len(paid) + 1
        assert intake.unlisted_rows == len(rows) - len(listed)
        assert intake.plays == sum(row.plays for row in listed)


def test_unlisted_listeners_may_be_refused() -> None:
    engine = engine_with(
        [judged([Row("a", "x", 1, 1, 1), Row("secret", "x", 1, 1, 1)])], paid={"a": 5}, unlisted="refuse"
    )
    with engine, pytest.raises(InputError, match="1 listener has no line") as caught:
        engine.finish()
    assert "secret" not in str(caught.value)


def test_without_subscribers_everybody_paid_the_stated_fee() -> None:
    with engine_with(batches_of(ROWS, 500)) as engine:
        intake = engine.finish(fee=999)
        assert held(engine) == expected(ROWS, fee=999)
        assert intake.fees == 999 * len(PAID)


def test_integer_subscribers_are_text_listeners() -> None:
    with LocalEngine(Running(threads=1)) as engine:
        engine.subscribe([(pa.array([311, 12]), np.array([7, 8]))], unlisted="refuse")
        engine.ingest([lambda: iter([judged([Row("311", "a", 1, 1, 1)])])], lambda batch: batch)
        intake = engine.finish()
        assert (intake.fees, intake.inactive_fees) == (7, 8)


@pytest.mark.parametrize(
    ("ids", "fees", "says"),
    [
        (["a", "b", "a", "a"], [1, 2, 3, 4], "2 lines"),
        (["a", None], [1, 2], "1 line .* without a user"),
        (["a", "b"], [1, -2], "1 line .* negative"),
        (["a", "b"], [2**62, 1], "more than 2\\^62"),
    ],
)
def test_unusable_subscriber_lines_are_refused(ids: list[str], fees: list[int], says: str) -> None:
    with LocalEngine(Running(threads=1)) as engine, pytest.raises(InputError, match=says):
        engine.subscribe([(text(ids), np.array(fees))])


def test_flat_fees_beyond_62_bits_are_refused() -> None:
    with engine_with(batches_of(ROWS, 500)) as engine, pytest.raises(InputError, match="fees of all users"):
        engine.finish(fee=2**60)


@pytest.mark.parametrize("column", ["amount", "plays", "ms"])
@pytest.mark.parametrize("size", [1, 8])
def test_sums_beyond_62_bits_are_refused(column: str, size: int) -> None:
    """Whether the wrap would happen inside a batch or between batches; 2^62 itself is in order."""
    rows = [Row("u", f"a{i}", 1, 1, 1)._replace(**{column: 2**60}) for i in range(8)]
    with engine_with(batches_of(rows, size)) as engine, pytest.raises(InputError, match=r"more than 2\^62"):
        engine.finish()
    with engine_with(batches_of(rows[:4], size)) as engine:
        assert engine.finish().users == 1
