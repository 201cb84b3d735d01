"""A partition: some users, all their rows, nobody else's; and what it comes to once everything is taken in."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from fairpay.engine.keys import FIRST_KEYS, KeyTable
from fairpay.engine.spool import bytes_of
from fairpay.errors import InputError
from fairpay.kernels import partition as kernel
from fairpay.money.counts import counted
from fairpay.money.currency import LARGEST
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fairpay.engine.keys import Members
    from fairpay.engine.spool import Kept, Spool
    from fairpay.kernels.arrays import Ints

__all__ = ["Chunk", "Packed", "Partition", "PayerTotals", "Settled", "check_sum", "settle"]


@dataclass(frozen=True, slots=True)
class PayerTotals:
    """What users add up to."""

    users: int
    """Users with listening."""
    amount: int
    """Listening, in the measure."""
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
    unlisted_rows: int
    """Rows left out for that reason."""

    @classmethod
    def summed(cls, several: Iterable[PayerTotals]) -> PayerTotals:
        """Add up what disjoint users come to."""
        several = [*several]
        return cls(*(sum(getattr(one, field.name) for one in several) for field in fields(cls)))

    def refuse_unlisted(self) -> None:
        """Refuse listeners without a subscription line.

        Raises:
            InputError: there are some.

        """
        if self.unlisted:
            message = f"{counted(self.unlisted, 'listener has', 'listeners have')} no line in the subscriber file"
            raise InputError(message, advice="Add them, or choose what becomes of them with --unlisted.")


def check_sum(what: str, total: int, advice: str, unit: str = "") -> None:
    """Refuse a sum above 2^62; int64 sums of it may have wrapped then, and are not used."""
    if total > LARGEST:
        raise InputError(f"{what} sum to {total}, which is more than 2^62 {unit}".rstrip(), advice=advice)


@dataclass(slots=True)
class Packed:
    """Three numbers of each row, in as few bits as the largest need."""

    words: Kept
    count: int
    bits: tuple[int, int, int]
    """Of a row, of its first and of its second number; see `kernels.partition`."""

    @classmethod
    def of(cls, rows: NDArray[np.uint64], first: int, bits: tuple[int, int, int]) -> Packed:
        """Pack three columns, whose numbers have so many bits."""
        width = sum(bits) if sum(bits) <= kernel.WORD_BITS and max(bits) < kernel.WORD_BITS else 0
        words: NDArray[np.uint64] = np.empty(kernel.words_for(len(rows), width), dtype=np.uint64)
        packing = (width, bits[0], bits[1])
        kernel.pack(rows, first, words, packing)
        return cls(words, len(rows), packing)

    def load(self, spool: Spool) -> kernel.Packed:
        """Return it as kernels read it."""
        return spool.load(self.words), self.bits


FACTS = [kernel.FEE, kernel.LISTENING, kernel.PLAYS]
"""What is kept of a user with rows."""
NO_DETAIL = Packed(np.empty(0, dtype=np.uint64), 0, (0, 0, 0))


@dataclass(slots=True)
class Chunk:
    """Rows of one partition, written by one thread."""

    rows: Packed
    """User, artist, amount."""
    detail: Packed
    """Plays ^ 1, ms ^ amount; nothing where all of them are 0."""
    thread: int
    """Whose artist codes these are."""
    table: int
    """Which of the partition's user tables the user codes are of."""

    @property
    def held(self) -> int:
        """Bytes held in memory."""
        return bytes_of(self.rows.words) + bytes_of(self.detail.words)


@dataclass(slots=True)
class Partition:
    """The user table and the rows of a partition, while listens are taken in."""

    lock: Lock = field(default_factory=Lock)
    table: KeyTable = field(default_factory=KeyTable)
    users: Ints = field(default_factory=lambda: np.empty((FIRST_KEYS, 4), dtype=np.int64))
    """int64[room, 4], see `kernels.partition`."""
    moved: list[tuple[Kept, Kept]] = field(default_factory=list)
    """Keys and users of tables that were moved out; a user may stand in several."""
    chunks: list[Chunk] = field(default_factory=list)
    stored: int = 0
    """How many of them are in the file."""
    dropped: int = 0
    """Rows left out because their user has no subscription line."""

    @property
    def nbytes(self) -> int:
        """What the user table holds."""
        return self.table.nbytes + self.users.nbytes

    def grow(self) -> None:
        """Have room for as many users as the table has."""
        missing = len(self.table.keys) - len(self.users)
        if missing:
            self.users = np.concatenate([self.users, np.empty((missing, 4), dtype=np.int64)])

    def combine(self, keys: NDArray[np.uint64], users: Ints) -> NDArray[np.uint32]:
        """Enter different users, adding up what they have, a fee only once; return uint32[n], their codes here."""
        before = self.table.count
        codes = self.table.enter(keys)
        self.grow()
        self.users[before : self.table.count] = (0, 0, 0, kernel.UNLISTED)
        self.users[codes, : kernel.FEE] += users[:, : kernel.FEE]
        self.users[codes, kernel.FEE] = np.maximum(self.users[codes, kernel.FEE], users[:, kernel.FEE])
        return codes

    def subscribe(self, keys: NDArray[np.uint64], fees: Ints) -> int:
        """Enter subscribers; return how many of them were in the table already."""
        users = np.zeros((len(keys), 4), dtype=np.int64)
        users[:, kernel.FEE] = fees
        before = self.table.count
        self.combine(keys, users)
        return len(keys) - (self.table.count - before)

    def take_in(self, raw: NDArray[np.uint64], *, thread: int, leave_out: bool) -> int:
        """Code the users of raw rows, in place, and keep the rows; return how many bytes more are held."""
        with self.lock:
            before = self.nbytes
            state = np.zeros(kernel.STATE, dtype=np.int64)
            state[kernel.USERS] = self.table.count
            while True:
                kernel.intern(raw, self.table.slots, self.table.keys, self.users, leave_out, state)
                self.table.count = int(state[kernel.USERS])
                if state[kernel.NEXT] == len(raw):
                    break
                self.table.grow()
                self.grow()
            self.dropped += int(state[kernel.DROPPED])
            more = self.nbytes - before
            if state[kernel.KEPT]:
                self.chunks.append(self.pack(raw[: state[kernel.KEPT]], state, thread))
                more += self.chunks[-1].held
            return more

    def pack(self, rows: NDArray[np.uint64], state: Ints, thread: int) -> Chunk:
        """Write rows in as few bits as their largest values need."""
        artist, amount, plays, ms = (int(bits).bit_length() for bits in state[kernel.ARTIST_BITS :])
        main = Packed.of(rows, 0, (max(1, (self.table.count - 1).bit_length()), artist, amount))
        detail = Packed.of(rows, 3, (plays, ms, 0)) if plays or ms else NO_DETAIL
        return Chunk(main, detail, thread, len(self.moved))

    def move_rows(self, spool: Spool) -> None:
        """Move the rows to the file."""
        with self.lock:
            for packed in (packed for chunk in self.chunks[self.stored :] for packed in (chunk.rows, chunk.detail)):
                if packed.count:
                    packed.words = spool.store(packed.words)
            self.stored = len(self.chunks)

    def move_table(self, spool: Spool) -> None:
        """Move the user table to the file, and begin a new one."""
        with self.lock:
            count = self.table.count
            if count:
                held = self.nbytes
                keys, users = self.table.keys[:count], self.users[:count]
                self.moved.append((spool.store(keys), spool.store(users)))
                self.begin_table()
                spool.charge(keys.nbytes + users.nbytes + self.nbytes - held)

    def begin_table(self) -> None:
        """Begin with an empty user table."""
        self.table, self.users = KeyTable(), np.empty((FIRST_KEYS, 4), dtype=np.int64)

    def unite(self, spool: Spool) -> list[Kept]:
        """Make one table of all; return for each how its codes read there. One that was never moved has none."""
        if not self.moved:
            return []
        count, held = self.table.count, self.nbytes
        tables = [*self.moved, (self.table.keys[:count], self.users[:count])]
        self.begin_table()
        codes: list[Kept] = []
        for keys, users in tables:
            mine = self.combine(spool.load(keys), spool.load(users))
            spool.charge(mine.nbytes)
            codes.append(spool.store(mine))
        spool.charge(self.nbytes - held)
        return codes


@dataclass(slots=True)
class Settled:
    """Users and rows of a partition. Its arrays may be in memory or in the spool's file."""

    payers: PayerTotals
    rows: Kept
    """int64[users]: rows with listening of every user, in code order."""
    facts: Kept
    """int64[3, users with rows]: fee, listening, plays, in code order; behind them a row for each column of groups."""
    chunks: list[Chunk]
    codes: list[Kept] = field(default_factory=list)
    """Where user tables were moved out: for each, uint32[n], its codes -> user. Empty: codes are users."""
    lock: Lock = field(default_factory=Lock)
    """Held while the rows are merged."""
    block: tuple[Kept, Kept, Kept] | None = None
    """Merged rows, once walked: start, int64[users + 1]; artist, uint32[entries]; amount, uint32[entries]
    or int64."""

    @property
    def held(self) -> int:
        """Bytes held in memory."""
        return sum(map(bytes_of, (self.rows, self.facts, *(self.block or ())))) + sum(one.held for one in self.chunks)


def settle(
    partition: Partition, spool: Spool, *, fee: int | None, leave_out: bool, members: Members | None = None
) -> Settled:
    """Turn the user table into facts. `fee` is what each user paid, None where there are subscribers."""
    if not partition.table.count and not partition.moved:  # nobody is in it, as in most of a small pool
        spool.charge(-partition.nbytes)
        columns = len(FACTS) + (0 if members is None else len(members.groups))
        none = replace(PayerTotals.summed(()), unlisted_rows=partition.dropped)
        return Settled(none, np.empty(0, dtype=np.int64), np.empty((columns, 0), dtype=np.int64), [])
    codes = partition.unite(spool)
    users = partition.users[: partition.table.count]
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
    facts = np.ascontiguousarray(users[active][:, FACTS].T)
    if members is not None:
        facts = np.concatenate([facts, members.of(partition.table.keys[: partition.table.count][active])])
    payers = PayerTotals(
        users=facts.shape[1],
        amount=sum_exactly(users[:, kernel.LISTENING]),
        plays=sum_exactly(users[:, kernel.PLAYS]),
        fees=sum_exactly(facts[0]),
        inactive=len(inactive),
        inactive_fees=sum_exactly(inactive),
        unlisted=unlisted,
        unlisted_rows=partition.dropped,
    )
    held = partition.nbytes
    settled = Settled(payers, users[:, kernel.ROWS].copy(), facts, partition.chunks, codes)
    partition.begin_table()
    partition.chunks, partition.moved = [], []
    if spool.charge(settled.held - sum(chunk.held for chunk in settled.chunks) - held):
        settled.rows, settled.facts = spool.store(settled.rows), spool.store(settled.facts)
    return settled
