"""Sharing batches among threads."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from fairpay.engine.feeding import feed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def units_of(sizes: list[int]) -> list[Callable[[], Iterator[tuple[int, int]]]]:
    """Make units that yield (unit, number)."""
    return [lambda i=i, n=n: iter([(i, k) for k in range(n)]) for i, n in enumerate(sizes)]  # type: ignore[misc]


@pytest.mark.parametrize("sizes", [[], [0], [1], [50], [3, 0, 7, 1], [2] * 40])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_batch_is_consumed_once(sizes: list[int], threads: int) -> None:
    lock = threading.Lock()
    seen: list[tuple[int, int]] = []

    def consume(batch: tuple[int, int]) -> None:
        with lock:
            seen.append(batch)

    feed(units_of(sizes), [consume] * threads)
    assert sorted(seen) == [(i, k) for i, n in enumerate(sizes) for k in range(n)]


def test_one_unit_keeps_several_threads_busy() -> None:
    threads: set[int] = set()

    def consume(_: object) -> None:
        threads.add(threading.get_ident())
        time.sleep(0.002)

    feed(units_of([30]), [consume] * 3)
    assert len(threads) == 3


@pytest.mark.parametrize("threads", [1, 3])
def test_the_first_error_is_raised_and_the_others_stop(threads: int) -> None:
    seen = []

    def consume(batch: tuple[int, int]) -> None:
        seen.append(batch)
        if len(seen) == 5:
            message = "five"
            raise ZeroDivisionError(message)

    with pytest.raises(ZeroDivisionError, match="five"):
        feed(units_of([1000, 1000]), [consume] * threads)
    assert len(seen) < 2000


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_while_reading_is_raised(threads: int) -> None:
    def unit() -> Iterator[int]:
        yield 1
        message = "torn"
        raise OSError(message)

    with pytest.raises(OSError, match="torn"):
        feed([unit], [lambda _: None] * threads)


def test_an_interrupt_ends_all_threads() -> None:
    before = threading.active_count()

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        feed(units_of([10**6, 10**6]), [interrupted, lambda _: None])
    assert threading.active_count() == before
