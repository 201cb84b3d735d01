"""A partition: some users, all their rows, nobody else's."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.engine.spool import bytes_of
from fairpay.kernels import partition as kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.engine.spool import Kept, Spool
    from fairpay.kernels.arrays import Codes, Ints

__all__ = ["Chunk", "Partition"]

FIRST_USERS = 32
NO_FACTS = np.empty((0, 4), dtype=np.int64)


@dataclass(slots=True)
class Chunk:
    """Rows of one partition, written by one thread."""

    packed: Kept
    """uint64, see `kernels.partition.pack`."""
    rows: int
    bits: tuple[int, int, int]
    """Of a row, of a user, of an artist."""
    thread: int
    """Whose artist codes these are."""
    table: int
    """Which of the partition's user tables the user codes are of."""
    kind: int = kernel.COUNTED
    """Where the rows' plays and ms stand, see `kernels.partition`."""
    own: Kept | None = None
    """int64[rows, 2]: plays and ms, where `kind` says so."""
    idle: Kept | None = None
    """int64[n, 3]: artist code, plays and ms of rows without listening, which are not packed."""

    @property
    def held(self) -> int:
        """Bytes held in memory."""
        return sum(bytes_of(x) for x in (self.packed, self.own, self.idle) if x is not None)

    def detail(self, raw: NDArray[np.uint64], codes: Codes, kind: int, *, idle: int) -> None:
        """Say where the plays and ms of raw rows stand, and keep them where they follow from nothing else."""
        self.kind = kind
        wide = raw.shape[1] != kernel.NARROW
        if wide:
            amount, plays, ms = raw[codes < kernel.LEFT_OUT, 3:].view(np.int64).T
            self.kind = kernel.OWN
            if (plays == 1).all():
                self.kind = kernel.PLAIN if not ms.any() else kernel.TIMED if (ms == amount).all() else kernel.OWN
            if self.kind == kernel.OWN:
                self.own = np.stack((plays, ms), axis=1)
        if idle:
            rows = raw[codes == kernel.NOBODY]
            facts = np.ones((idle, 3), dtype=np.int64)
            facts[:, 0] = rows[:, 2] & kernel.LOW
            facts[:, 1:] = rows[:, 4:] if wide else (1, 0)
            facts = facts[facts[:, 1:].any(axis=1)]
            self.idle = facts if len(facts) else None

    def move(self, spool: Spool) -> None:
        """Move the rows to the file."""
        self.packed = spool.store(self.packed)
        self.own = None if self.own is None else spool.store(self.own)
        self.idle = None if self.idle is None else spool.store(self.idle)


def no_slots() -> NDArray[np.uint32]:
    """Make an empty table."""
    return np.zeros(2 * FIRST_USERS, dtype=np.uint32)


def no_keys() -> NDArray[np.uint64]:
    """Make room for the first users' hashes."""
    return np.empty((FIRST_USERS, 2), dtype=np.uint64)


def no_users() -> Ints:
    """Make room for the first users' facts."""
    return np.empty((FIRST_USERS, 4), dtype=np.int64)


@dataclass(slots=True)
class Partition:
    """The user table and the rows of a partition, while listens are taken in."""

    lock: Lock = field(default_factory=Lock)
    count: int = 0
    """Users in the table."""
    slots: NDArray[np.uint32] = field(default_factory=no_slots)
    keys: NDArray[np.uint64] = field(default_factory=no_keys)
    users: Ints = field(default_factory=no_users)
    tables: list[tuple[Kept, Kept]] = field(default_factory=list)
    """Keys and users of tables that were moved out; a user may stand in several."""
    chunks: list[Chunk] = field(default_factory=list)
    dropped: int = 0
    """Rows left out because their user has no subscription line."""

    def table_bytes(self) -> int:
        """Return what the user table holds."""
        return self.slots.nbytes + self.keys.nbytes + self.users.nbytes

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

    def combine(self, keys: NDArray[np.uint64], users: Ints) -> Codes:
        """Enter the users of another table, adding up what they have; return uint32[n], their codes here."""
        codes = np.empty(len(keys), dtype=np.uint32)
        state = np.zeros(kernel.STATE, dtype=np.int64)
        state[kernel.USERS] = self.count
        while True:
            kernel.combine(keys, users, self.slots, self.keys, self.users, codes, state)
            self.count = int(state[kernel.USERS])
            if state[kernel.NEXT] == len(keys):
                return codes
            self.grow()

    def take_in(  # noqa: PLR0913 - each is a plain thing of its own
        self, raw: NDArray[np.uint64], codes: Codes, *, thread: int, facts: Ints, leave_out: bool, kind: int
    ) -> int:
        """Code the users of raw rows and keep the rows; return how many bytes more are held.

        `kind`: where the rows' plays and ms stand, see `kernels.partition`; `facts` has them where it is COUNTED.
        """
        if kind != kernel.COUNTED:
            facts = NO_FACTS
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
            more = self.table_bytes() - before
            chunk = self.pack(raw, codes, state, thread)
            if kind != kernel.COUNTED:
                chunk.detail(
                    raw, codes[: len(raw)], kind, idle=len(raw) - int(state[kernel.KEPT] + state[kernel.DROPPED])
                )
            if state[kernel.KEPT] or chunk.idle is not None:
                self.chunks.append(chunk)
                more += chunk.held
            return more

    def pack(self, raw: NDArray[np.uint64], codes: Codes, state: Ints, thread: int) -> Chunk:
        """Write the kept rows in as few bits as their largest values need."""
        kept = int(state[kernel.KEPT])
        users = max(1, (self.count - 1).bit_length())
        artists = max(1, int(state[kernel.ARTIST_BITS]).bit_length())
        width = users + artists + max(1, int(state[kernel.AMOUNT_BITS]).bit_length())
        bits = (width if width <= kernel.WORD_BITS else 0, users, artists)
        packed: NDArray[Any] = np.empty(kernel.words_for(kept, bits[0]), dtype=np.uint64)
        kernel.pack(raw, codes, packed, bits)
        return Chunk(packed, kept, bits, thread, len(self.tables))

    def move_rows(self, spool: Spool) -> None:
        """Move the rows to the file."""
        with self.lock:
            for chunk in self.chunks:
                chunk.move(spool)

    def move_table(self, spool: Spool) -> None:
        """Move the user table to the file, and begin a new one."""
        with self.lock:
            if not self.count:
                return
            held = self.table_bytes()
            stored = [spool.store(a[: self.count]) for a in (self.keys, self.users)]
            self.tables.append((stored[0], stored[1]))
            spool.charge(self.keys[: self.count].nbytes + self.users[: self.count].nbytes - held)
            self.begin_table()
            spool.charge(self.table_bytes())

    def begin_table(self) -> None:
        """Begin with an empty user table."""
        self.count, self.slots, self.keys, self.users = 0, no_slots(), no_keys(), no_users()
