"""The engine of this machine: listens in, months out, on threads, in bounded memory.

A row's user and artist are hashed once, to 128 bits. Each thread gives artists codes of its own, and appends rows to
partitions by the bits of the user's hash; when a partition's raw rows are many, its users get small codes from a table
that stays in the processor's cache, and the rows become one word each. What is too much for memory goes to a file. In
the end the threads' artists are merged and sorted, and each partition is brought up once: its rows are put in order of
user by counting, and every rule sees whole users.
"""

from __future__ import annotations

import os
import secrets
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from fairpay.engines import artists as artist_tables
from fairpay.engines.columns import Hasher
from fairpay.engines.encoder import Encoder
from fairpay.engines.feeding import feed
from fairpay.engines.intake import Intake, add_up, check_sums
from fairpay.engines.local_month import Listening
from fairpay.engines.partition import Partition
from fairpay.engines.pool import LocalPool
from fairpay.engines.settled import settle
from fairpay.engines.spool import Spool
from fairpay.engines.subscribing import enter_subscribers
from fairpay.errors import InputError
from fairpay.kernels import hashing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from fractions import Fraction
    from types import TracebackType

    import pyarrow as pa

    from fairpay.engines.local_month import LocalMonth
    from fairpay.schema import Listens
    from fairpay.settings import Running
    from fairpay.usage import Ints

__all__ = ["Intake", "LocalEngine", "Unlisted"]

Unlisted: TypeAlias = Literal["free", "leave-out", "refuse"]
PART_BITS = 8
LEAST_BITS = 2
RAW_BYTES = 100_000_000


class LocalEngine:
    """Takes listens in and answers for them. Use it as a context manager: it lets go of its temporary file at the end.

    Where batches name pools, each pool is kept apart: `pools` is about how many there will be, `pool(code)` is one.
    """

    def __init__(self, running: Running, *, pools: int = 1) -> None:
        """Prepare; nothing large is held until something is taken in."""
        self.threads = running.threads or usable_processors()
        self.spool = Spool(running)
        self.bits = PART_BITS if pools == 1 else max(LEAST_BITS, PART_BITS - (pools - 1).bit_length())
        self.parts: list[Partition] = []
        self.keys = np.frombuffer(secrets.token_bytes(8 * hashing.KEYS), dtype=np.uint64).copy()
        self.encoders: list[Encoder] = []
        self.subscribers: dict[int, int] = {}
        self.unlisted: Unlisted = "free"
        self.pools: list[LocalPool] = []
        self.lock = Lock()
        self.spilling = Lock()

    def __enter__(self) -> LocalEngine:  # noqa: PYI034 - there are no kinds of it
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of everything."""
        self.spool.close()
        self.parts, self.encoders, self.pools = [], [], []

    def subscribe(self, batches: Iterable[tuple[Any, Ints]], *, unlisted: Unlisted = "free", pool: int = 0) -> None:
        """Take in who paid what into a pool, before any listens.

        Args:
            batches: user ids (Arrow) and what each paid, int64 in minor units.
            unlisted: what becomes of listeners who are not among them.
            pool: whose subscribers they are.

        Raises:
            InputError: a user twice, no id, a negative fee, or fees that sum to more than 2^62.
            ValueError: listeners to leave out of one pool among several.

        """
        if unlisted == "leave-out" and self.bits != PART_BITS:
            message = "unlisted listeners can be left out only where there is one pool"
            raise ValueError(message)
        self.unlisted = unlisted
        first = pool << self.bits
        self.part(first + (1 << self.bits) - 1)
        before = sum(part.table_bytes() for part in self.parts)
        lines = enter_subscribers(batches, lambda i: self.part(first + i), Hasher(self.keys), bits=self.bits)
        self.subscribers[pool] = self.subscribers.get(pool, 0) + lines
        self.spool.charge(sum(part.table_bytes() for part in self.parts) - before)

    def ingest(
        self,
        units: Sequence[Callable[[], Iterator[Any]]],
        judge: Callable[[Any], Listens],
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Take in every batch of every unit, on threads.

        Args:
            units: each returns an iterator of raw batches; reading and decoding happen in its `next`.
            judge: turns a raw batch into listens; called on several threads at once.
            progress: called with rows and bytes after each batch, on any thread.

        Raises:
            OutputError: temporary data could not be written.
            RuntimeError: after `finish`.
            Exception: whatever a unit or `judge` raised.

        """
        if self.pools:
            message = "the intake is finished"
            raise RuntimeError(message)
        while len(self.encoders) < self.threads:
            self.encoders.append(self.encoder(len(self.encoders)))

        def consumer(encoder: Encoder) -> Callable[[Any], None]:
            def consume(raw: Any) -> None:  # noqa: ANN401 - whatever units yield
                listens = judge(raw)
                before = encoder.held
                encoder.take_in(listens)
                self.spool.charge(encoder.held - before)
                if progress is not None:
                    progress(len(listens.used), listens.user.nbytes + listens.artist.nbytes)

            return consume

        feed(units, [consumer(encoder) for encoder in self.encoders])

    def encoder(self, thread: int) -> Encoder:
        """Make a thread's encoder."""
        room = min(RAW_BYTES, self.spool.limit // (4 * self.threads))
        encoder = Encoder(self.flush, thread=thread, keys=self.keys, bits=self.bits, parts=1 << self.bits, room=room)
        if self.unlisted == "leave-out":
            encoder.widen()
        self.spool.charge(encoder.held)
        return encoder

    def part(self, index: int) -> Partition:
        """Return a partition, made if need be."""
        if index >= len(self.parts):
            with self.lock:
                while index >= len(self.parts):
                    self.parts.append(Partition())
                    self.spool.charge(self.parts[-1].table_bytes())
        return self.parts[index]

    def flush(self, encoder: Encoder, index: int) -> None:
        """Move a partition's raw rows out of an encoder; where that is too much, move rows to the file."""
        raw = encoder.raw[index, : encoder.fill[index]]
        more = self.part(index).take_in(
            raw, encoder.codes, thread=encoder.thread, facts=encoder.facts, leave_out=self.unlisted == "leave-out"
        )
        encoder.fill[index] = 0
        if self.spool.charge(more):
            self.spill()

    def spill(self) -> None:
        """Move all rows to the file; and user tables too, where they are most of what is held.

        Where unlisted users are left out, tables stay: they say who is listed.
        """
        with self.spilling:
            if self.spool.held <= self.spool.limit:
                return
            parts = self.parts[:]
            for part in parts:
                part.move_rows(self.spool)
            if 4 * self.spool.held > 3 * self.spool.limit and self.unlisted != "leave-out":
                for part in parts:
                    part.move_table(self.spool)

    def finish(self, *, fee: int = 1) -> Intake:
        """Close the intake and return what pool 0 adds up to; `fee` is what each user paid where nobody was subscribed.

        Raises:
            InputError: sums above 2^62, or listeners without a subscription line where they are refused.
            OutputError: temporary data could not be written.

        """
        for encoder in self.encoders:
            before = encoder.held
            encoder.close()
            self.spool.charge(encoder.held - before)
        count = max(1, -(-len(self.parts) >> self.bits))
        self.part((count << self.bits) - 1)
        artists = artist_tables.merge(self.encoders, pools=count)
        has_ms = any(encoder.has_ms for encoder in self.encoders)
        for code in range(count):
            self.pools.append(self.finish_pool(code, artists[code], fee=fee, has_ms=has_ms))
        check_sums((e.sums for e in self.encoders), sum(pool.intake.fees for pool in self.pools))
        self.spool.charge(-sum(encoder.held for encoder in self.encoders))
        self.encoders, self.parts = [], []
        return self.pools[0].intake

    def finish_pool(self, code: int, artists: artist_tables.Artists, *, fee: int, has_ms: bool) -> LocalPool:
        """Settle the partitions of a pool."""
        parts = self.parts[code << self.bits : (code + 1) << self.bits]
        stated = None if self.subscribers else fee
        leave_out = self.unlisted == "leave-out"
        settled = [settle(part, self.spool, fee=stated, leave_out=leave_out) for part in parts]
        payers = [one.payers for one in settled]
        intake = add_up(payers, artists, has_ms=has_ms, subscribers=self.subscribers.get(code, 0))
        if intake.unlisted and self.unlisted == "refuse":
            message = f"{intake.unlisted:,} listeners have no line in the subscriber file"
            raise InputError(message, advice="Add them, or choose what becomes of them with --unlisted.")
        return LocalPool(intake, artists, Listening(settled, artists, self.spool, threads=self.threads))

    def pool(self, code: int) -> LocalPool:
        """Return one pool of a finished intake; one nobody listened in is empty.

        Raises:
            RuntimeError: before `finish`.

        """
        if not self.pools:
            message = "finish() comes first"
            raise RuntimeError(message)
        return self.pools[code]

    def month(self, *, pool: int, rate: Fraction | None, fees_are_money: bool) -> LocalMonth:
        """Return the month of pool 0 for rules; `pool` minor units are to be divided."""
        return self.pool(0).month(pool=pool, rate=rate, fees_are_money=fees_are_money)

    @property
    def artist(self) -> pa.Array:
        """large_string[artists] of pool 0, sorted by bytes."""
        return self.pool(0).artist

    @property
    def artist_plays(self) -> Ints:
        """int64[artists] of pool 0: plays."""
        return self.pool(0).artist_plays

    @property
    def artist_ms(self) -> Ints | None:
        """int64[artists] of pool 0: milliseconds; None where no batch had a duration."""
        return self.pool(0).artist_ms

    @property
    def artist_amount(self) -> Ints:
        """int64[artists] of pool 0: listening, in the measure."""
        return self.pool(0).artist_amount

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists] of pool 0: distinct users; walks once unless a walk was made."""
        return self.pool(0).artist_listeners


def usable_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
