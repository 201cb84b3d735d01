"""A partition once everything is taken in: what its users add up to, and its rows, to be walked."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from fairpay.engine.spool import bytes_of
from fairpay.kernels import partition as kernel
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from fairpay.engine.partition import Chunk, Partition
    from fairpay.engine.spool import Kept, Spool
    from fairpay.engine.walker import Block

__all__ = ["Payers", "Settled", "settle"]


@dataclass(frozen=True, slots=True)
class Payers:
    """What the users of a partition add up to."""

    users: int
    """Users with listening."""
    amount: int
    """Listening."""
    plays: int
    """Of everybody, also of users without listening."""
    fees: int
    """Of the users with listening."""
    inactive: int
    """Subscribers without listening."""
    inactive_fees: int
    """Of those."""
    unlisted: int
    """Listeners without a subscription line."""
    dropped: int
    """Rows left out for that reason."""


@dataclass(slots=True)
class Settled:
    """Users and rows of a partition. Its arrays may be in memory or in the spool's file."""

    payers: Payers
    rows: Kept
    """int64[users]: rows of every user, in code order."""
    facts: Kept
    """int64[3, users with rows]: fee, listening, plays, in code order."""
    chunks: list[Chunk]
    codes: list[Kept] = field(default_factory=list)
    """Where user tables were moved out: for each, uint32[n], its codes -> user. Empty: codes are users."""
    lock: Lock = field(default_factory=Lock)
    """Held while the rows are merged."""
    block: Block | None = None
    """The rows, merged, once they were walked."""

    @property
    def held(self) -> int:
        """Bytes held in memory."""
        block = () if self.block is None else (self.block.start, self.block.artist, self.block.amount)
        return sum(bytes_of(x) for x in (self.rows, self.facts, *block)) + sum(chunk.held for chunk in self.chunks)


def settle(partition: Partition, spool: Spool, *, fee: int | None, leave_out: bool) -> Settled:
    """Turn the user table into facts. `fee` is what each user paid, None where there are subscribers."""
    codes = unite(partition, spool)
    users = partition.users[: partition.count]
    fees = users[:, kernel.FEE]
    active = users[:, kernel.ROWS] > 0
    unlisted = 0
    inactive = np.empty(0, dtype=np.int64)
    if fee is not None:
        fees[:] = fee
    else:
        without = fees == kernel.UNLISTED
        unlisted = int(np.count_nonzero(without if leave_out else without & active))
        inactive = fees[~without & ~active]
        fees[without] = 0
    facts = np.ascontiguousarray(users[active][:, [kernel.FEE, kernel.LISTENING, kernel.PLAYS]].T)
    payers = Payers(
        users=facts.shape[1],
        amount=sum_exactly(users[:, kernel.LISTENING]),
        plays=sum_exactly(users[:, kernel.PLAYS]),
        fees=sum_exactly(facts[0]),
        inactive=len(inactive),
        inactive_fees=sum_exactly(inactive),
        unlisted=unlisted,
        dropped=partition.dropped,
    )
    held = partition.table_bytes()
    rows = users[:, kernel.ROWS].copy()
    settled = Settled(payers, rows, facts, partition.chunks, codes)
    partition.begin_table()
    partition.chunks, partition.tables = [], []
    if spool.charge(rows.nbytes + facts.nbytes - held):
        settled.rows, settled.facts = spool.store(rows), spool.store(facts)
    return settled


def unite(partition: Partition, spool: Spool) -> list[Kept]:
    """Make one table of all of a partition's; return for each how its codes read there."""
    if not partition.tables:
        return []
    last = (partition.keys[: partition.count], partition.users[: partition.count])
    held = partition.table_bytes()
    partition.begin_table()
    codes: list[Kept] = []
    for keys, users in [*partition.tables, last]:
        mine = partition.combine(spool.load(keys), spool.load(users))
        spool.charge(mine.nbytes)
        codes.append(spool.store(mine))
    spool.charge(partition.table_bytes() - held)
    return codes
