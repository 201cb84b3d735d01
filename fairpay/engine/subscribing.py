"""Who paid what: subscribers into the partitions, before any listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.engine.columns import Column
from fairpay.errors import InputError
from fairpay.money.currency import LARGEST
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.engine.columns import Hasher
    from fairpay.engine.partition import Partition
    from fairpay.kernels.arrays import Ints

__all__ = ["enter_subscribers"]


def enter_subscribers(
    batches: Iterable[tuple[Any, Ints]], partition: Callable[[int], Partition], hasher: Hasher, *, bits: int
) -> int:
    """Enter every line, user ids and what each paid; `partition` finds one of 2^bits. Return how many lines there were.

    Raises:
        InputError: a user twice, no id, a negative fee, or fees that sum to more than 2^62.

    """
    lines = twice = total = 0
    for ids, fees in in_arrays(batches):
        check(ids, fees)
        total += sum_exactly(fees)
        lines += len(ids)
        hashes = hasher.hash_all(Column.of(ids, hasher), len(ids))
        part = ((hashes[:, 0] >> np.uint64(1)) >> np.uint64(63 - bits)).astype(np.int64)
        order = np.argsort(part, kind="stable")
        ends = np.cumsum(np.bincount(part, minlength=1 << bits)).tolist()
        twice += enter(hashes[order], fees[order], ends, partition)
    if twice:
        message = f"{twice:,} lines of the subscriber file name a user who is already in it"
        raise InputError(message, advice="Give each user one line with everything they paid.")
    if total > LARGEST:
        message = f"the fees of all subscribers sum to {total}, which is more than 2^62 minor units"
        raise InputError(message, advice="Check the unit of what each user paid.")
    return lines


def enter(hashes: NDArray[np.uint64], fees: Ints, ends: list[int], partition: Callable[[int], Partition]) -> int:
    """Enter subscribers sorted by partition; return how many were there already."""
    twice, begin = 0, 0
    for index, end in enumerate(ends):
        if end > begin:
            twice += partition(index).subscribe(hashes[begin:end], fees[begin:end])
        begin = end
    return twice


def in_arrays(batches: Iterable[tuple[Any, Ints]]) -> Iterator[tuple[pa.Array, Ints]]:
    """Take chunked arrays apart."""
    for ids, paid in batches:
        begin = 0
        for chunk in ids.chunks if hasattr(ids, "chunks") else [ids]:
            yield chunk, np.ascontiguousarray(paid[begin : begin + len(chunk)], dtype=np.int64)
            begin += len(chunk)


def check(ids: pa.Array, fees: Ints) -> None:
    """Refuse lines without a user and fees below zero."""
    if ids.null_count:
        message = f"{ids.null_count:,} lines of the subscriber file have no user"
        raise InputError(message, advice="Give every line a user id, or remove it.")
    negative = int(np.count_nonzero(fees < 0))
    if negative:
        message = f"{negative:,} lines of the subscriber file have a negative fee"
        raise InputError(message, advice="Give what each user paid, 0 or more.")
