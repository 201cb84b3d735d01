"""The engine of this machine: listens in, months out, on threads, in bounded memory."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from fairpay.engines import artists as artist_tables
from fairpay.engines.columns import Column, Hasher
from fairpay.engines.encoder import Encoder
from fairpay.engines.feeding import feed
from fairpay.engines.local_month import Listening, LocalMonth
from fairpay.engines.partition import Partition, settle
from fairpay.errors import InputError
from fairpay.integers import sum_exactly
from fairpay.kernels import hashing
from fairpay.money import LARGEST
from fairpay.month import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from fractions import Fraction
    from types import TracebackType

    import pyarrow as pa

    from fairpay.schema import Listens
    from fairpay.settings import Running
    from fairpay.usage import Ints

__all__ = ["Intake", "LocalEngine", "Unlisted"]

Unlisted: TypeAlias = Literal["free", "leave-out", "refuse"]
PART_BITS = 8
MOST_ROWS = 1 << 14


@dataclass(frozen=True, slots=True)
class Intake:
    """What was taken in, exactly."""

    users: int
    """Users with listening."""
    artists: int
    """Artists with a qualified listen."""
    amount: int
    """Listening, in the measure."""
    plays: int
    ms: int | None
    """None where no batch had a duration."""
    fees: int
    """Fees of the users with listening."""
    inactive_fees: int
    """Fees of subscribers without listening."""
    inactive: int
    """Subscribers without listening."""
    subscribers: int
    """Lines of the subscriber file."""
    unlisted: int
    """Listeners without a subscription line."""
    unlisted_rows: int
    """Rows left out for that reason."""


class LocalEngine:
    """Takes listens in and answers for them. Use it as a context manager: what it spilled is removed at the end."""

    def __init__(self, running: Running, *, pools: int = 1) -> None:
        """Prepare; nothing large is held until something is taken in."""
        self.running = running
        self.threads = running.threads or len(os.sched_getaffinity(0))
        self.bits = PART_BITS
        self.partitions = [Partition() for _ in range(pools << self.bits)]
        bits = np.frombuffer(secrets.token_bytes(8 * hashing.KEYS), dtype=np.uint64)
        self.keys = bits.copy()
        self.encoders: list[Encoder] = []
        self.subscribers: int | None = None
        self.unlisted: Unlisted = "free"
        self.artists: artist_tables.Artists | None = None
        self.listening: Listening | None = None
        self.intake: Intake | None = None
        self.lock = Lock()

    def __enter__(self) -> LocalEngine:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of everything."""
        self.partitions.clear()
        self.encoders.clear()
        self.listening = None

    def subscribe(self, batches: Iterable[tuple[Any, Ints]], *, unlisted: Unlisted = "free") -> None:
        """Take in who paid what, before any listens.

        Args:
            batches: user ids (Arrow) and what each paid, int64 in minor units.
            unlisted: what becomes of listeners who are not among them.

        Raises:
            InputError: a user twice, no id, a negative fee, or fees that sum to 2^62 or more.

        """
        hasher = Hasher(self.keys)
        self.unlisted, self.subscribers = unlisted, self.subscribers or 0
        twice = total = 0
        for ids, paid in batches:
            for chunk in ids.chunks if hasattr(ids, "chunks") else [ids]:
                fees, paid = np.ascontiguousarray(paid[: len(chunk)], dtype=np.int64), paid[len(chunk) :]
                check_fees(chunk, fees)
                total += sum_exactly(fees)
                self.subscribers += len(chunk)
                twice += self.enter(hasher.hash_all(Column.of(chunk, hasher), len(chunk)), fees)
        if twice:
            message = f"{twice:,} lines of the subscriber file name a user who is already in it"
            raise InputError(message, advice="Give each user one line with everything they paid.")
        if total > LARGEST:
            message = "the fees of all subscribers sum to 2^62 minor units or more"
            raise InputError(message, advice="Check the unit of the paid column.")

    def enter(self, hashes: Any, fees: Ints) -> int:  # noqa: ANN401 - uint64[n, 2]
        """Enter subscribers into their partitions; return how many were there already."""
        part = ((hashes[:, 0] >> np.uint64(1)) >> np.uint64(63 - self.bits)).astype(np.int64)
        order = np.argsort(part, kind="stable")
        ends = np.cumsum(np.bincount(part, minlength=1 << self.bits))
        hashes, fees = hashes[order], fees[order]
        twice, begin = 0, 0
        for index, end in enumerate(ends.tolist()):
            if end > begin:
                twice += self.partitions[index].subscribe(hashes[begin:end], fees[begin:end])
            begin = end
        return twice

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
            Exception: whatever a unit or `judge` raised.

        """
        while len(self.encoders) < self.threads:
            self.encoders.append(self.encoder(len(self.encoders)))

        def consumer(encoder: Encoder) -> Callable[[Any], None]:
            def consume(raw: Any) -> None:  # noqa: ANN401 - whatever units yield
                listens = judge(raw)
                encoder.take_in(listens, self.flush)
                if progress is not None:
                    progress(len(listens.used), listens.user.nbytes + listens.artist.nbytes)

            return consume

        feed(units, [consumer(encoder) for encoder in self.encoders])

    def encoder(self, thread: int) -> Encoder:
        """Make a thread's encoder."""
        return Encoder(
            thread=thread, keys=self.keys, parts=len(self.partitions), bits=self.bits, rows=MOST_ROWS,
            wide=self.unlisted == "leave-out",
        )  # fmt: skip

    def flush(self, encoder: Encoder, part: int) -> None:
        """Move a partition's raw rows out of an encoder."""
        raw = encoder.raw[part, : encoder.fill[part]]
        self.partitions[part].take_in(
            raw, encoder.codes, thread=encoder.thread, facts=encoder.facts, leave_out=self.unlisted == "leave-out"
        )
        encoder.fill[part] = 0

    def finish(self, *, fee: int = 1) -> Intake:
        """Close the intake and return what it adds up to; `fee` is what each user paid where nobody was subscribed.

        Raises:
            InputError: sums of 2^62 and more, or listeners without a subscription line where they are refused.

        """
        for encoder in self.encoders:
            encoder.flush_all(self.flush)
            encoder.raw = encoder.raw[:, :0]
        self.artists = artist_tables.merge(self.encoders)
        self.intake = self.add_up(fee)
        self.encoders.clear()
        self.listening = Listening(self.partitions, self.artists, threads=self.threads)
        return self.intake

    def add_up(self, fee: int) -> Intake:
        """Settle every partition and sum up."""
        listed = self.subscribers is not None
        settled = [
            settle(p, fee=None if listed else fee, leave_out=self.unlisted == "leave-out") for p in self.partitions
        ]
        unlisted = sum(s.unlisted for s in settled)
        if unlisted and self.unlisted == "refuse":
            message = f"{unlisted:,} listeners have no line in the subscriber file"
            raise InputError(message, advice="Add them, or choose what becomes of them with --unlisted.")
        artists = self.artists
        assert artists is not None  # noqa: S101 - finish made it
        amount, plays, ms = (sum_exactly(x) for x in (artists.amount, artists.plays, artists.ms))
        fees = sum(sum_exactly(s.fees) for s in settled)
        check_sums(self.encoders, fees)
        return Intake(
            users=sum(s.users for s in settled), artists=len(artists.amount), amount=amount, plays=plays,
            ms=ms if any(e.has_ms for e in self.encoders) else None, fees=fees,
            inactive_fees=sum(sum_exactly(s.inactive_fees) for s in settled),
            inactive=sum(len(s.inactive_fees) for s in settled), subscribers=self.subscribers or 0,
            unlisted=unlisted, unlisted_rows=sum(p.dropped for p in self.partitions),
        )  # fmt: skip

    def month(self, *, pool: int, rate: Fraction | None, fees_are_money: bool) -> LocalMonth:
        """Return the month for rules, once `finish` was called: `pool` minor units are to be divided."""
        listening, intake = self.listening, self.intake
        if listening is None or intake is None:
            message = "finish() comes before month()"
            raise RuntimeError(message)
        facts = Facts(
            artists=intake.artists, users=intake.users, amount=intake.amount, plays=intake.plays, fees=intake.fees,
            inactive_fees=intake.inactive_fees, pool=pool, rate=rate, fees_are_money=fees_are_money,
        )  # fmt: skip
        return LocalMonth(listening, facts)

    @property
    def artist(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        return self.merged.ids

    @property
    def artist_plays(self) -> Ints:
        """int64[artists]: plays of each artist."""
        return self.merged.plays

    @property
    def artist_ms(self) -> Ints | None:
        """int64[artists]: milliseconds of each artist; None where no batch had a duration."""
        return None if self.intake is None or self.intake.ms is None else self.merged.ms

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]: listening of each artist, in the measure."""
        return self.merged.amount

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]: distinct users of each artist; walks once unless a walk was made."""
        if self.listening is None:
            message = "finish() comes before artist_listeners"
            raise RuntimeError(message)
        return self.listening.listeners()

    @property
    def merged(self) -> artist_tables.Artists:
        """The artists of all threads."""
        if self.artists is None:
            message = "finish() comes first"
            raise RuntimeError(message)
        return self.artists


def check_fees(ids: pa.Array, fees: Ints) -> None:
    """Refuse users without an id and fees below zero."""
    if ids.null_count:
        message = f"{ids.null_count:,} lines of the subscriber file have no user"
        raise InputError(message, advice="Give every line a user id, or remove it.")
    negative = int(np.count_nonzero(fees < 0))
    if negative:
        message = f"{negative:,} lines of the subscriber file have a negative fee"
        raise InputError(message, advice="Give what each user paid, 0 or more.")


def check_sums(encoders: Sequence[Encoder], fees: int) -> None:
    """Refuse totals that 62 bits do not hold; int64 sums below may have wrapped then, and are not used."""
    for name, unit in (("amount", "listening"), ("plays", "plays"), ("ms", "milliseconds")):
        total = sum(int(getattr(encoder.sums, name)) for encoder in encoders)
        if total > LARGEST:
            message = f"the {unit} of all rows sum to {total}, which is more than 2^62"
            raise InputError(message, advice="Check the unit of the duration and plays columns.")
    if fees > LARGEST:
        message = f"the fees of all users sum to {fees}, which is more than 2^62 minor units"
        raise InputError(message, advice="Check the unit of the paid column.")
