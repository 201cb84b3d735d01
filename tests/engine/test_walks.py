"""Walks over plays that are elsewhere, without a cluster: tasks run here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from fairpay.engine.spark import TaskRow, kept_blocks
from fairpay.engine.walks import SparkWalks
from fairpay.errors import InputError
from fairpay.rules.core.month import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fairpay.kernels.arrays import Ints

ARTISTS = [["a", "b"], ["b", "c"], ["c"]]


class Here:
    """What tasks kept, as `spark.Kept`."""

    def __init__(self) -> None:
        """Two tasks with one user each in every pool, who played each artist."""
        self.walks: list[list[int]] = []
        self.lost = ""
        self.rows: list[TaskRow] = []
        for task in ("s", "t"):
            for pool, ids in enumerate(ARTISTS):
                start, ones = np.array([0, len(ids)]), np.ones(1, dtype=np.int64)
                amount = np.arange(1, len(ids) + 1)
                usage = Usage(start, np.arange(len(ids), dtype=np.uint32), amount, ones, ones * amount.sum(), ones)
                self.rows += kept_blocks(task, pool, pa.array(ids, pa.large_string()), [usage])

    def mapped(self, work: Callable[[Iterator[TaskRow]], Iterator[TaskRow]], *, pools: Any) -> list[TaskRow]:  # noqa: ANN401 - numbers
        """Run work on the blocks of some pools."""
        self.walks.append(sorted(pools))
        return [*work(row for row in self.rows if row.pool in pools and row.task != self.lost)]


def walks_over(held: Here) -> SparkWalks:
    """Make walks of three pools, each of both tasks."""
    parts = [SimpleNamespace(artist=pa.array(ids, pa.large_string())) for ids in ARTISTS]
    return SparkWalks(held, parts, [["s", "t"]] * 3)  # type: ignore[arg-type] # stand-ins


def amounts(usage: Usage, out: Ints) -> tuple[int]:
    """Add up what each artist was listened to, and the users."""
    np.add.at(out[0], usage.artist, usage.amount)
    return (usage.users,)


def asks(walks: SparkWalks, pool: int, times: int = 1) -> Callable[[], list[Any]]:
    """Ask some times for a pool's amounts."""

    def work() -> list[Any]:
        for _ in range(times):
            found, totals = walks.gather(pool, amounts, rows=1, columns=len(ARTISTS[pool]))
        return [found.tolist(), totals]

    return work


def test_what_pools_ask_for_at_once_is_one_walk_and_each_gets_its_own_answer() -> None:
    held = Here()
    walks = walks_over(held)
    assert walks.over([asks(walks, 0), asks(walks, 1, 3), asks(walks, 2, 2)]) == [
        [[[2, 4]], (2,)],
        [[[2, 4]], (2,)],
        [[[2]], (2,)],
    ]
    assert held.walks == [[0, 1, 2], [1, 2], [1]]


def test_a_pool_that_asks_nothing_keeps_nobody_waiting() -> None:
    held = Here()
    walks = walks_over(held)
    assert walks.over([list, asks(walks, 1), list]) == [[], [[[2, 4]], (2,)], []]


def test_pools_with_many_artists_are_not_walked_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairpay.engine.walks.ARTISTS", 3)
    held = Here()
    walks = walks_over(held)
    walks.over([asks(walks, pool) for pool in range(3)])
    assert held.walks == [[0], [1, 2]]


def test_a_fault_of_a_walk_stops_every_pool_that_waits() -> None:
    held = Here()
    held.lost = "t"
    walks = walks_over(held)
    with pytest.raises(InputError, match="Spark did 3 tasks again"):
        walks.over([asks(walks, pool) for pool in range(3)])


def test_a_fault_of_one_pool_keeps_no_other_waiting() -> None:
    held = Here()
    walks = walks_over(held)

    def fails() -> list[Any]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        walks.over([fails, asks(walks, 1, 2), asks(walks, 2)])
    assert len(held.walks) == 2


def test_single_blocks_are_visited_where_they_are() -> None:
    found = walks_over(Here()).each(1, lambda usage: (usage.artist.astype(np.int64), usage.amount))
    assert [[each.tolist() for each in one] for one in found] == [[[0, 1], [1, 2]]] * 2
