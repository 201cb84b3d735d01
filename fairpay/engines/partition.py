"""A partition: some users, all their rows, nobody else's."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.kernels import partition as kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.usage import Codes, Ints

__all__ = ["Chunk", "Partition", "Settled", "settle"]

FIRST_USERS = 64
WORD_BITS = 64


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one partition, written by one thread."""

    packed: NDArray[np.uint64]
    """See `kernels.partition.pack`."""
    user_bits: int
    artist_bits: int
    thread: int
    """Whose artist codes these are."""


@dataclass(slots=True)
class Partition:
    """The user table and the rows of a partition."""

    lock: Lock = field(default_factory=Lock)
    count: int = 0
    """Users in the table."""
    slots: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(2 * FIRST_USERS, dtype=np.uint32))
    keys: NDArray[np.uint64] = field(default_factory=lambda: np.empty((FIRST_USERS, 2), dtype=np.uint64))
    users: Ints = field(default_factory=lambda: np.empty((FIRST_USERS, 4), dtype=np.int64))
    chunks: list[Chunk] = field(default_factory=list)
    dropped: int = 0
    """Rows left out because their user has no subscription line."""
    rows: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """Once settled, int64[users]: kept rows of every user, in code order."""
    facts: Ints = field(default_factory=lambda: np.empty((3, 0), dtype=np.int64))
    """Once settled, int64[3, users with rows]: fee, listening, plays, in code order."""

    def table_bytes(self) -> int:
        """Return what the user table holds."""
        return self.slots.nbytes + self.keys.nbytes + self.users.nbytes

    def row_bytes(self) -> int:
        """Return what the rows hold."""
        return sum(chunk.packed.nbytes for chunk in self.chunks)

    def grow(self) -> None:
        """Make room for twice the users."""
        size = 2 * len(self.keys)
        keys = np.empty((size, 2), dtype=np.uint64)
        users = np.empty((size, 4), dtype=np.int64)
        keys[: self.count] = self.keys[: self.count]
        users[: self.count] = self.users[: self.count]
        self.keys, self.users = keys, users
        self.slots = np.zeros(2 * size, dtype=np.uint32)
        kernel.rehash(self.keys, self.count, self.slots)

    def subscribe(self, hashes: NDArray[np.uint64], fees: Ints) -> int:
        """Enter subscribers; return how many of them were in the table already."""
        state = np.zeros(kernel.STATE, dtype=np.int64)
        state[kernel.USERS] = self.count
        while True:
            kernel.subscribe(hashes, fees, self.slots, self.keys, self.users, state)
            self.count = int(state[kernel.USERS])
            if state[kernel.NEXT] == len(fees):
                return int(state[kernel.SEEN_TWICE])
            self.grow()

    def take_in(self, raw: NDArray[np.uint64], codes: Codes, *, thread: int, facts: Ints, leave_out: bool) -> int:
        """Code the users of raw rows and keep the rows; return how many bytes more are held."""
        with self.lock:
            before = self.table_bytes()
            state = np.zeros(kernel.STATE, dtype=np.int64)
            state[kernel.USERS] = self.count
            while True:
                kernel.intern(raw, self.slots, self.keys, self.users, codes, leave_out, facts, state)
                self.count = int(state[kernel.USERS])
                if state[kernel.NEXT] == len(raw):
                    break
                self.grow()
            self.dropped += int(state[kernel.DROPPED])
            kept = int(state[kernel.KEPT])
            if kept:
                self.chunks.append(pack(raw, codes, kept, state, thread))
                return self.table_bytes() - before + self.chunks[-1].packed.nbytes
            return self.table_bytes() - before


def pack(raw: NDArray[np.uint64], codes: Codes, kept: int, state: Ints, thread: int) -> Chunk:
    """Write the kept rows in as few bits as their largest values need."""
    users = max(1, (int(state[kernel.USERS]) - 1).bit_length())
    artists = max(1, int(state[kernel.ARTIST_BITS]).bit_length())
    amounts = int(state[kernel.AMOUNT_BITS]).bit_length()
    one_word = users + artists + amounts <= WORD_BITS
    packed: NDArray[Any] = np.empty(kept if one_word else 2 * kept, dtype=np.uint64)
    kernel.pack(raw, codes, packed, users if one_word else 0, artists)
    return Chunk(packed, users if one_word else 0, artists, thread)


@dataclass(frozen=True, slots=True)
class Settled:
    """What a partition's users add up to."""

    users: int
    fees: Ints
    """int64[users]: of those with listening; the sum is for the caller to guard."""
    inactive_fees: Ints
    """int64[inactive]: of subscribers without listening."""
    unlisted: int
    """Listeners without a subscription line."""


def settle(partition: Partition, *, fee: int | None, leave_out: bool) -> Settled:
    """Turn the user table into facts, once every row is in. `fee` is what each user paid where nobody was subscribed."""
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
        inactive = fees[~without & ~active].copy()
        fees[without] = 0
    partition.rows = users[:, kernel.ROWS].copy()
    kept = users[active]
    partition.facts = np.ascontiguousarray(kept[:, [kernel.FEE, kernel.LISTENING, kernel.PLAYS]].T)
    partition.slots, partition.keys, partition.users = (
        a[:0] for a in (partition.slots, partition.keys, partition.users)
    )
    return Settled(len(kept), partition.facts[0], inactive, unlisted)
