"""Judging rows: amounts are exact whatever type they come in, and counts whole whatever the threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judging import batch, judged, text

from fairpay.logs.schema import Fate
from fairpay.qualify import Qualifier
from fairpay.settings.values import Qualifying

finite = st.floats(0, 1e7, allow_nan=False) | st.integers(0, 10**9).map(lambda n: n / 10_000)


@settings(deadline=None)
@given(values=st.lists(finite, min_size=1, max_size=20), role=st.sampled_from(["seconds", "ms"]), single=st.booleans())
@example(values=[0.0005, 0.0015, 29.9995, 30.0005, 4e12 + 0.5], role="seconds", single=False)
@example(values=[16777217.0, 123456789.0], role="ms", single=True)
def test_a_float_counts_as_its_shortest_text(values: list[float], role: str, *, single: bool) -> None:
    column = pa.array(np.array(values, np.float32 if single else np.float64))
    texts = [str(value) for value in column.to_numpy()]
    as_float, _ = judged(batch(**{role: column}))
    as_text, _ = judged(batch(**{role: text(*texts)}))
    assert as_float.ms is not None
    assert as_text.ms is not None
    assert as_float.ms.tolist() == as_text.ms.tolist()
    assert as_float.used.tolist() == as_text.used.tolist()
    scale = 1000 if role == "seconds" else 1
    assert as_float.ms.tolist() == [round(Fraction(Decimal(t)) * scale) for t in texts]


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_milliseconds_are_the_same_in_every_type(values: list[int]) -> None:
    seconds = [f"{Decimal(value) / 1000}" for value in values]
    columns = [
        {"ms": pa.array(values)},
        {"ms": pa.array(values, pa.uint32())},
        {"ms": text(*map(str, values))},
        {"ms": text(*map(str, values)).dictionary_encode()},
        {"seconds": text(*seconds)},
        {"seconds": pa.array([float(s) for s in seconds])},
        {"seconds": pa.array([Decimal(s) for s in seconds], pa.decimal128(20, 3))},
        {"seconds": pa.array(values, pa.duration("ms"))},
        {"seconds": pa.array([v * 1_000_000 for v in values], pa.duration("ns"))},
    ]
    for one in columns:
        listens, _ = judged(batch(**one))
        assert listens.ms is not None
        assert listens.ms.tolist() == values
        assert listens.used.tolist() == [value >= 30_000 for value in values]


def test_counts_are_whole_when_threads_judge_at_once() -> None:
    qualifier = Qualifier(Qualifying(), set_aside=True)
    raws = [batch(first_row=1 + 4 * i, seconds=text("40", "3", "-1", "")) for i in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(qualifier.judge, raws))
    counts = qualifier.finish()
    assert counts.rows == 800 == counts.used + sum(counts.dropped.values())
    assert counts.dropped == {Fate.SHORT: 200, Fate.BAD_DURATION: 400}
    assert qualifier.rejected()["row"].to_pylist() == [n for i in range(200) for n in (4 * i + 3, 4 * i + 4)]
