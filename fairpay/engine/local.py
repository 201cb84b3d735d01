"""The engine of this machine: listens in, months out, on threads, in bounded memory.

A row's user and artist are hashed once, to 128 bits. Each thread gives artists codes of its own, and appends rows to
partitions by the bits of the user's hash; when a partition's raw rows are many, its users get small codes from a table
that stays in the processor's cache, and the rows become one word each. What is too much for memory goes to a file. In
the end the threads' artists are merged and sorted, and each partition is brought up once: its rows are put in order of
user by counting, and every rule sees whole users.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np

from fairpay.engine.encoder import Encoder
from fairpay.engine.feeding import feed, usable_processors
from fairpay.engine.keys import fresh_keys, hash_ids
from fairpay.engine.listening import LocalListening, Walker, merge
from fairpay.engine.partition import Partition, PayerTotals, check_sum, settle
from fairpay.engine.pool import LocalPool
from fairpay.engine.redivided import Redivided
from fairpay.engine.spool import Spool
from fairpay.errors import InputError
from fairpay.logs.schema import Listens
from fairpay.money.counts import counted
from fairpay.money.integers import sum_exactly
from fairpay.rules.core.month import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

    from fairpay.engine.keys import Members
    from fairpay.engine.partition import Settled
    from fairpay.engine.pool import Intake
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import StatedShares
    from fairpay.settings.values import Running

__all__ = ["LocalEngine", "Unlisted"]

T = TypeVar("T")
Unlisted: TypeAlias = Literal["free", "leave-out", "refuse"]
"""What becomes of listeners without a subscription line."""
PART_BITS = 8
LEAST_BITS = 2
RAW_BYTES = 40_000_000
SHARE = 2
"""A pool is large where all the other threads would wait for it: its plays are 1 / (SHARE * threads) of all."""
MORE = 8
"""Where what cannot be moved is beyond the limit, rows are moved when they are 1 / MORE of it."""
SUMS = 64
"""Bytes of what a thread adds up for each artist, about: no more threads walk a pool than may hold theirs."""


class LocalEngine:
    """Takes listens in and answers for them. Use it as a context manager: it lets go of its temporary file at the end.

    Where batches name pools, each pool is kept apart: `pools` is about how many there will be, `pool(code)` is one.
    With `tracks`, pools from that code on hold the plays of those before with tracks in the place of users.
    """

    def __init__(
        self, running: Running, *, pools: int = 1, members: Members | None = None, tracks: int | None = None
    ) -> None:
        """Prepare; nothing large is held until something is taken in. `members` say which groups users are in."""
        self.threads = running.threads or usable_processors()
        self.spool = spool = Spool(running)
        self.walkers = Scratch(lambda: Walker(spool))
        self.expected = pools = pools if tracks is None else tracks + pools
        self.tracks = tracks
        self.bits = PART_BITS if pools == 1 else max(LEAST_BITS, PART_BITS - (pools - 1).bit_length())
        self.parts: list[Partition] = []
        self.members = members
        self.secret = fresh_keys() if members is None else members.secret
        self.encoders: list[Encoder] = []
        self.subscribers: dict[int, int] = {}
        self.unlisted: Unlisted = "free"
        self.pools: list[LocalPool] = []
        self.divisions: dict[int, StatedShares] = {}
        self.lock = Lock()
        self.spilling = Lock()
        self.stays = 0
        """Bytes that were held still when all had been moved that can be."""

    def __enter__(self) -> LocalEngine:  # noqa: PYI034 - there are no kinds of it
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
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

        """
        self.unlisted = unlisted
        first = pool << self.bits
        self.part(first + (1 << self.bits) - 1)
        before = sum(part.nbytes for part in self.parts)
        lines = twice = total = 0
        for ids, paid in batches:
            fees = np.ascontiguousarray(paid, dtype=np.int64)
            check_subscribers(ids, fees)
            total += sum_exactly(fees)
            lines += len(ids)
            keys = hash_ids(ids, self.secret)
            part = ((keys[:, 0] >> np.uint64(1)) >> np.uint64(63 - self.bits)).astype(np.int64)
            order = np.argsort(part, kind="stable")
            bounds = np.searchsorted(part[order], np.arange((1 << self.bits) + 1)).tolist()
            for index, (begin, end) in enumerate(pairwise(bounds)):
                mine = order[begin:end]
                twice += self.parts[first + index].subscribe(keys[mine], fees[mine])
        if twice:
            message = f"{counted(twice, 'line')} of the subscriber file: the user is already in it"
            raise InputError(message, advice="Give each user one line with everything they paid.")
        check_sum("the fees of all subscribers", total, "Check the unit of what each user paid.", "minor units")
        self.subscribers[pool] = self.subscribers.get(pool, 0) + lines
        self.spool.charge(sum(part.nbytes for part in self.parts) - before)

    def ingest(
        self,
        units: Sequence[Callable[[], Iterator[Any]]],
        judge: Callable[[Any], Listens | Iterable[Listens]],
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Take in every batch of every unit, on threads.

        Args:
            units: each returns an iterator of raw batches; reading and decoding happen in its `next`.
            judge: turns a raw batch into listens, or into several, each for a pool of its own; called on several
                threads at once.
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
                judged = judge(raw)
                done = (0, 0)
                for listens in (judged,) if isinstance(judged, Listens) else judged:
                    before = encoder.held
                    encoder.take_in(listens)
                    self.divisions.update(listens.divisions or {})
                    self.spool.charge(encoder.held - before)
                    done = len(listens.used), listens.user.nbytes + listens.artist.nbytes
                if progress is not None:
                    progress(*done)

            return consume

        feed(units, [consumer(encoder) for encoder in self.encoders])

    def encoder(self, thread: int) -> Encoder:
        """Make a thread's encoder."""
        room = min(RAW_BYTES, self.spool.limit // (4 * self.threads))
        parts = self.expected << self.bits
        encoder = Encoder(self.flush, thread=thread, secret=self.secret, bits=self.bits, parts=parts, room=room)
        self.spool.charge(encoder.held)
        return encoder

    def part(self, index: int) -> Partition:
        """Return a partition, made if need be."""
        if index >= len(self.parts):
            with self.lock:
                while index >= len(self.parts):
                    self.parts.append(Partition())
                    self.spool.charge(self.parts[-1].nbytes)
        return self.parts[index]

    def flush(self, encoder: Encoder, index: int) -> None:
        """Move a partition's raw rows out of an encoder; where that is too much, move rows to the file."""
        raw = encoder.raw[index, : encoder.fill[index]]
        leave_out = self.unlisted == "leave-out" and not self.of_tracks(index >> self.bits)
        more = self.part(index).take_in(raw, thread=encoder.thread, leave_out=leave_out)
        encoder.fill[index] = 0
        if self.spool.charge(more):
            self.spill()

    def spill(self) -> None:
        """Move all rows to the file; and user tables too, where they are most of what is held.

        Where unlisted users are left out, tables stay: they say who is listed.
        """
        with self.spilling:
            if self.spool.held <= max(self.spool.limit, self.stays + self.spool.limit // MORE):
                return
            parts = self.parts[:]
            for part in parts:
                if part.stored < len(part.chunks):
                    part.move_rows(self.spool)
            if 4 * self.spool.held > 3 * self.spool.limit and self.unlisted != "leave-out":
                for part in parts:
                    if part.table.count:
                        part.move_table(self.spool)
            self.stays = self.spool.held

    def finish(self, *, fee: int = 1, pools: int = 1) -> Intake:
        """Close the intake and return what pool 0 adds up to; at least so many pools are there then, if empty ones.

        `fee` is what each user paid where nobody was subscribed.

        Raises:
            InputError: sums above 2^62, or listeners without a subscription line where they are refused.
            OutputError: temporary data could not be written.

        """
        for encoder in self.encoders:
            before = encoder.held
            encoder.close()
            self.spool.charge(encoder.held - before)
        count = max(pools, -(-len(self.parts) >> self.bits))
        self.part((count << self.bits) - 1)
        settled = [self.settle_pool(code, fee=fee) for code in range(count)]
        held = sum(encoder.held for encoder in self.encoders)
        self.make_pools(settled)
        advice = "Check the unit of the duration and plays columns."
        for k, name in enumerate(("listening", "plays", "milliseconds")):
            check_sum(f"the {name} of all rows", sum(encoder.sums[k] for encoder in self.encoders), advice)
        fees = sum(pool.payers.fees for pool in self.pools)
        check_sum("the fees of all users", fees, "Check the unit of what each user paid.", "minor units")
        self.spool.charge(-held)
        self.encoders, self.parts = [], []
        self.spool.give_back()
        return self.pools[0].intake

    def make_pools(self, settled: Sequence[tuple[list[Settled], PayerTotals]]) -> None:
        """Make the pools: a large one is walked by all threads that have room, others by one each."""
        everybody = merge(self.encoders)
        has_ms = any(encoder.has_ms for encoder in self.encoders)
        plays = sum(payers.plays for _, payers in settled)
        most = max(1, min(self.threads, self.spool.limit // (SUMS * max(1, len(everybody.ids)))))
        for code, (parts, payers) in enumerate(settled):
            threads = most if SHARE * payers.plays * self.threads >= plays else 1
            local = LocalListening(parts, everybody, self.spool, self.walkers, threads=threads)
            listening = Redivided(local, self.divisions[code]) if code in self.divisions else local
            self.pools.append(LocalPool(payers, listening, has_ms, self.subscribers.get(code, 0)))
        if self.tracks is not None:
            for pool, tracks in zip(self.pools, self.pools[self.tracks :], strict=False):
                pool.tracks = tracks
            del self.pools[self.tracks :]

    def of_tracks(self, code: int) -> bool:
        """Say whether a pool holds tracks, of whom nobody pays."""
        return self.tracks is not None and code >= self.tracks

    def settle_pool(self, code: int, *, fee: int) -> tuple[list[Settled], PayerTotals]:
        """Settle the partitions of a pool."""
        parts = self.parts[code << self.bits : (code + 1) << self.bits]
        stated = None if self.subscribers else fee
        leave_out, refuse, members = self.unlisted == "leave-out", self.unlisted == "refuse", self.members
        if self.of_tracks(code):
            stated, leave_out, refuse, members = 0, False, False, None
        settled = [settle(part, self.spool, fee=stated, leave_out=leave_out, members=members) for part in parts]
        payers = PayerTotals.summed(one.payers for one in settled)
        if refuse:
            payers.refuse_unlisted()
        return settled, payers

    def over_pools(self, visit: Callable[[int, LocalPool], T]) -> list[T]:
        """Call `visit` with each pool's code and the pool, on threads, large pools first; return results by code."""
        order = sorted(range(len(self.pools)), key=lambda code: -self.pools[code].payers.plays)
        with ThreadPoolExecutor(self.threads) as threads:
            running = {code: threads.submit(visit, code, self.pools[code]) for code in order}
            try:
                return [running[code].result() for code in range(len(order))]
            except BaseException:
                threads.shutdown(cancel_futures=True)
                raise

    def pool(self, code: int) -> LocalPool:
        """Return one pool of a finished intake; one nobody listened in is empty.

        Raises:
            RuntimeError: before `finish`.

        """
        if not self.pools:
            message = "finish() comes first"
            raise RuntimeError(message)
        return self.pools[code]


def check_subscribers(ids: pa.Array, fees: Ints) -> None:
    """Refuse lines without a user and fees below zero."""
    if ids.null_count:
        message = f"{counted(ids.null_count, 'line')} of the subscriber file without a user"
        raise InputError(message, advice="Give every line a user id, or remove it.")
    negative = int(np.count_nonzero(fees < 0))
    if negative:
        message = f"{counted(negative, 'line')} of the subscriber file with a negative fee"
        raise InputError(message, advice="Give what each user paid, 0 or more.")
