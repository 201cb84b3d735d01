"""Plays that a log tells more than once: counted exactly, in bounded memory, and known again in a second reading.

Every play becomes a key of 128 bits. Keys are dealt out to parts by their highest bits; what is too much for memory
goes to the file of the run; in the end each part is gone through by itself. Which plays are shown as examples is
decided by a hash of their numbers that is the same in every run, and not by who came first.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock, local
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.engine.keys import Column, KeyTable, fresh_keys, ids_as_text
from fairpay.engine.spool import Stored, bytes_of
from fairpay.errors import OutputError
from fairpay.kernels import hashing
from fairpay.kernels import repeats as kernel
from fairpay.kernels.amounts import is_text
from fairpay.kernels.deal import deal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from fairpay.engine.spool import Kept, Spool
    from fairpay.logs.schema import Judged

    Dealing: TypeAlias = list[tuple[NDArray[np.uint64], NDArray[np.uint16]]]

__all__ = ["PlayKeys", "RepeatExample", "RepeatFinder", "Repeated", "table_of"]

ROOM = 1 << 18
"""Keys dealt out at a time."""
LARGEST = 512 << 20
"""Bytes of keys held in memory, at most."""
MOST_HELD = 1 << 20
"""Keys of one part that room is made for before it is known whether they differ."""
SAMPLED = 1 << 12
"""Different plays whose texts are kept, at most, for examples."""
NOTHING = (1 << 64) - 1
"""Asks that all bits of a hash are zero, which none is."""
NAMES = ["low", "high", "artist", "time", "ms", "midnight", "times"]
NONE = np.full(1, -1, dtype=np.int64)
ONE = np.ones(1, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Keyed:
    """The keys of a batch: one for each play."""

    keys: NDArray[np.uint64]
    """uint64[plays, 2]."""
    part: NDArray[np.uint16]
    rows: NDArray[np.int64]
    """int64[plays]: the row of each, the first one where a play of several artists has several."""
    picked: NDArray[np.int64]
    """Places of sampled plays."""
    of_row: NDArray[np.int64] | None
    """int64[rows that count]: the play of each, where a play may have several; None: one each."""
    used: NDArray[np.int64]
    """The rows that count."""


class Keyer:
    """Makes keys, on one thread."""

    def __init__(self, secret: NDArray[np.uint64], roles: Sequence[str]) -> None:
        """Take uint64[2, KEYS] secrets, and the roles that are texts beside user and artist."""
        self.secret, self.mix, self.roles = secret[0], secret[1], tuple(roles)
        self.ids = np.empty((hashing.BLOCK, 2), dtype=np.uint64)
        self.sums = np.empty((hashing.BLOCK, 4), dtype=np.uint64)

    def keyed(self, judged: Judged, pick: int = NOTHING) -> Keyed:
        """Make the keys of the plays that can be told apart: none where the time is a day."""
        raw, used, sure = judged.raw, judged.used, False
        column = raw.columns["time"]
        if pa.types.is_date(column.type):
            used = np.zeros(len(used), dtype=np.bool_)
        elif is_text(column.type) or pa.types.is_dictionary(column.type):
            used, sure = used & ~days(column, judged.time, used), True
        rows = np.flatnonzero(used)
        every = [raw.columns["user"], raw.columns["artist"], *(text_of(raw.columns, role) for role in self.roles)]
        columns = [Column.of(one) for one in every]
        keys, part = np.empty((len(rows), 2), dtype=np.uint64), np.empty(len(rows), dtype=np.uint16)
        picked = np.empty(len(rows), dtype=np.int64)
        count = kernel.key_rows(
            np.stack([one.described for one in columns]), rows, judged.time, whole(judged.ms, NONE),
            whole(judged.plays, ONE), ONE if raw.shares is None else whole(raw.shares.part, ONE),
            self.secret, self.mix, self.ids, self.sums, np.uint64(pick), keys, part, picked,
        )  # fmt: skip
        if sure:
            part %= kernel.PARTS
        picked = picked[:count]
        if raw.shares is None or not len(rows):
            return Keyed(keys, part, rows, picked, None, rows)
        return grouped(Keyed(keys, part, rows, picked, None, rows), np.cumsum(~raw.shares.again, dtype=np.int64)[rows])


def grouped(keyed: Keyed, play: NDArray[np.int64]) -> Keyed:
    """Add up the keys of the rows of each play of several artists, in whatever order they stand."""
    starts = np.flatnonzero(np.diff(play, prepend=-1))
    of_row = np.cumsum(np.diff(play, prepend=play[0]) != 0)
    keys = np.add.reduceat(keyed.keys, starts, axis=0)
    part = (keys[:, 1] >> np.uint64(56)).astype(np.uint16) + (keyed.part[starts] // kernel.PARTS) * kernel.PARTS
    picked = np.unique(of_row[keyed.picked])
    return Keyed(keys, part.astype(np.uint16), keyed.rows[starts], picked, of_row, keyed.used)


def days(column: pa.Array, time: NDArray[np.int64], used: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which texts are days without a time of day."""
    found: NDArray[np.bool_] = used & (time % kernel.DAY == 0)
    at = np.flatnonzero(found)
    if len(at):
        some = column.dictionary.take(column.indices.take(pa.array(at))) if pa.types.is_dictionary(column.type) else (
            ids_as_text(column, at)
        )  # fmt: skip
        clock = pc.or_(pc.match_substring(some, ":"), pc.invert(pc.match_substring(some, "-")))
        found[at] = ~clock.to_numpy(zero_copy_only=False)
    return found


def text_of(columns: Mapping[str, pa.Array], role: str) -> pa.Array:
    """Return a column of texts, empty where there is none."""
    column = columns.get(role)
    if column is None:
        return pa.DictionaryArray.from_arrays(np.zeros(len(columns["user"]), np.int32), pa.array([""], pa.string()))
    if not column.null_count:
        return column
    decoded = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return decoded.cast(pa.large_string()).fill_null("")


def whole(values: NDArray[np.int64] | None, otherwise: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return values as kernels read them."""
    return otherwise if values is None else np.ascontiguousarray(values, dtype=np.int64)


@dataclass(slots=True)
class KeyChunk:
    """Keys of all parts, one part after the other."""

    keys: Kept
    edges: NDArray[np.int64]
    """int64[2 * PARTS + 1]: where each part begins, and the last one ends."""

    def piece(self, part: int, spool: Spool) -> NDArray[np.uint64]:
        """Return the keys of one part."""
        first, last = int(self.edges[part]), int(self.edges[part + 1])
        if isinstance(self.keys, Stored):
            kept = Stored(self.keys.offset + 16 * first, (last - first, 2), self.keys.kind)
            found: NDArray[np.uint64] = spool.load(kept)
            return found
        return self.keys[first:last]


@dataclass(frozen=True, slots=True)
class RepeatExample:
    """A play that was told more than once."""

    artist: str
    time: int
    """Microseconds since 1970 UTC."""
    times: int
    """How often it was told."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """What was found."""

    count: int
    """Plays that were told before: each play but the first time."""
    rows: int
    """Plays that could be told apart."""
    examples: tuple[RepeatExample, ...]
    """Some of the plays that were told more than once, the same in every run."""
    keys: tuple[NDArray[np.uint64], ...]
    """Arrays uint64[n, 2]: keys of the plays told more than once, where they were asked for."""


class PlayKeys:
    """Takes the keys of plays from any number of threads."""

    def __init__(self, spool: Spool, roles: Sequence[str]) -> None:
        """Keep books in `spool`; plays differ in `roles` beside user, artist, time and numbers."""
        self.spool, self.roles = spool, tuple(roles)
        self.secret = fresh_keys(2).reshape(2, -1)
        self.threads = local()
        self.pending: list[Dealing] = []
        self.chunks: list[KeyChunk] = []
        self.lock, self.moving = Lock(), Lock()
        self.limit, self.room = min(LARGEST, spool.limit // 4), min(ROOM, spool.limit // 1024)
        self.held = 0
        self.sample = Sample()

    def take(self, judged: Judged) -> None:
        """Take the plays of a judged batch."""
        if not hasattr(self.threads, "keyer"):
            self.threads.keyer, self.threads.pending = Keyer(self.secret, self.roles), []
            with self.lock:
                self.pending.append(self.threads.pending)
        keyed = self.threads.keyer.keyed(judged, self.sample.pick)
        if len(keyed.picked):
            self.sample.add(judged, keyed)
        pending = self.threads.pending
        if len(keyed.keys):
            pending.append((keyed.keys, keyed.part))
        if sum(len(part) for _, part in pending) >= self.room:
            self.deal_out(pending)

    def deal_out(self, pending: Dealing) -> None:
        """Put the keys of a thread in order of their parts, and keep them."""
        if not pending:
            return
        sizes = np.sum([np.bincount(part, minlength=2 * kernel.PARTS) for _, part in pending], axis=0)
        edges = np.concatenate([[0], np.cumsum(sizes)])
        dealt, places = np.empty((int(edges[-1]), 2), dtype=np.uint64), edges[:-1].copy()
        for keys, part in pending:
            deal(part, keys, places, dealt)
        pending.clear()
        with self.lock:
            self.chunks.append(KeyChunk(dealt, edges))
            self.held += dealt.nbytes
            much = self.held > self.limit
        if self.spool.charge(dealt.nbytes) or much:
            self.spill()

    def spill(self) -> None:
        """Move the keys to the file."""
        with self.moving:
            with self.lock:
                chunks = self.chunks[:]
            for chunk in chunks:
                size = bytes_of(chunk.keys)
                if size:
                    chunk.keys = self.spool.store(chunk.keys)
                    with self.lock:
                        self.held -= size

    def finish(self, *, threads: int, keep: bool = False) -> Repeated:
        """Count, and let go of everything; with `keep`, hand over the keys of plays told more than once.

        Midnights are times where most times are others; where they are most, they stand for days.

        Raises:
            OutputError: temporary data could not be read.

        """
        for pending in self.pending:
            self.deal_out(pending)
        sizes = np.sum([np.diff(chunk.edges) for chunk in self.chunks], axis=0) if self.chunks else np.zeros(1)
        rows, midnights = int(sizes.sum()), int(sizes[kernel.PARTS :].sum())
        days = 2 * midnights > rows
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda part: self.count(part, days=days, keep=keep), range(kernel.PARTS)))
        self.spool.charge(-self.held)
        self.chunks, self.pending, self.held = [], [], 0
        count = sum(again for again, _ in found)
        examples = self.sample.examples(days=days) if count else ()
        return Repeated(count, rows - midnights * days, examples, tuple(keys for _, keys in found if len(keys)))

    def count(self, part: int, *, days: bool, keep: bool) -> tuple[int, NDArray[np.uint64]]:
        """Count the plays of one part that were told before; return the keys of those, too, if they are to be kept."""
        wanted = [(chunk, at) for at in ((part,) if days else (part, part + kernel.PARTS)) for chunk in self.chunks]
        wanted = [(chunk, at) for chunk, at in wanted if chunk.edges[at + 1] > chunk.edges[at]]
        rows = sum(int(chunk.edges[at + 1] - chunk.edges[at]) for chunk, at in wanted)
        table = KeyTable(1 << (min(rows, MOST_HELD) | 1).bit_length())
        often = np.empty(0, dtype=np.bool_)
        for chunk, at in wanted:
            before = table.count
            codes = table.enter(chunk.piece(at, self.spool))
            if keep:
                times = np.bincount(codes, minlength=table.count)
                often = np.concatenate([often, np.zeros(table.count - before, dtype=np.bool_)]) | (times > 1)
                often[:before] |= times[:before] > 0
        keys = table.keys[: table.count]
        return rows - table.count, keys[often] if keep else keys[:0]


class Sample:
    """Texts of some plays, for examples: those whose numbers have a hash with so many zeros, whoever came first.

    The number of zeros is the least with which no more than SAMPLED different plays are kept: all of a small log.
    """

    def __init__(self) -> None:
        """Begin with every play."""
        self.lock = Lock()
        self.zeros = 0
        self.kept: list[pa.Table] = []
        self.fresh = 0

    @property
    def pick(self) -> int:
        """The bits that are zero."""
        return (1 << self.zeros) - 1

    def add(self, judged: Judged, keyed: Keyed) -> None:
        """Keep the texts of picked plays, a few at a time: of many, most are out by the time it is their turn."""
        rows = keyed.rows[keyed.picked]
        time, ms = judged.time[rows], NONE.repeat(len(rows)) if judged.ms is None else judged.ms[rows]
        hashes, left = hashes_of(time, ms), np.arange(len(rows))
        while len(left := left[hashes[left] & np.uint64(self.pick) == 0]):
            some, left = left[: 2 * SAMPLED], left[2 * SAMPLED :]
            self.keep(judged.raw.columns, keyed, keyed.picked[some], time[some], ms[some])

    def keep(
        self,
        columns: Mapping[str, pa.Array],
        keyed: Keyed,
        some: NDArray[np.int64],
        time: NDArray[np.int64],
        ms: NDArray[np.int64],
    ) -> None:
        """Keep the texts of some plays."""
        rows = keyed.rows[some]
        artist = ids_as_text(columns["artist"], rows)
        values = (*keyed.keys[some].T, artist, time, ms, keyed.part[some] >= kernel.PARTS, np.ones(len(rows), np.int64))
        with self.lock:
            self.kept.append(pa.table([pa.array(one) for one in values], names=NAMES))
            self.fresh += len(rows)
            if self.fresh > 4 * SAMPLED:
                self.settle()

    def settle(self) -> pl.DataFrame:
        """Add equal plays up, and ask for more zeros while there are too many."""
        import polars as pl  # noqa: PLC0415 - the engine itself does without

        texts = pl.col("artist", "time", "ms", "midnight").min()
        whole = pl.DataFrame(pa.concat_tables(self.kept)).group_by("low", "high").agg(texts, pl.col("times").sum())
        hashes = hashes_of(whole["time"].to_numpy(), whole["ms"].to_numpy())
        while np.count_nonzero(chosen := (hashes & np.uint64(self.pick)) == 0) > SAMPLED:
            self.zeros += 1
        settled = whole.filter(pl.Series(chosen)).select(NAMES)
        self.kept, self.fresh = [settled.to_arrow(compat_level=pl.CompatLevel.oldest())], 0
        return settled

    def examples(self, *, days: bool) -> tuple[RepeatExample, ...]:
        """Return the kept plays that were told more than once; where midnights stand for days, none at midnight."""
        import polars as pl  # noqa: PLC0415 - the engine itself does without

        with self.lock:
            if not self.kept:
                return ()
            often = self.settle().filter(pl.col("times") > 1)
        often = often.filter(~pl.col("midnight")) if days else often
        return tuple(RepeatExample(*row) for row in often.select("artist", "time", "times").iter_rows())


def hashes_of(time: NDArray[np.int64], ms: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Hash the numbers of plays, uint64[n]: the same in every run."""
    out = np.empty(len(time), dtype=np.uint64)
    kernel.fixed_hashes(np.array(time), np.array(ms), out)
    return out


class RepeatFinder:
    """Knows plays that were told more than once when they come again, in one further reading, on any thread."""

    def __init__(self, secret: NDArray[np.uint64], roles: Sequence[str], table: NDArray[np.uint64]) -> None:
        """Look plays up in a table of keys made with the same secret."""
        self.secret, self.roles, self.table = secret, roles, table
        self.seen = np.zeros(len(table), dtype=np.bool_)
        self.threads = local()
        self.lock = Lock()

    def again(self, judged: Judged) -> NDArray[np.bool_] | None:
        """Say which rows of a batch tell a play that came before; None: none does."""
        if not hasattr(self.threads, "keyer"):
            self.threads.keyer = Keyer(self.secret, self.roles)
        keyed = self.threads.keyer.keyed(judged)
        place = np.empty(len(keyed.keys), dtype=np.int64)
        kernel.look_up(keyed.keys, self.table, place)
        if not (place >= 0).any():
            return None
        again = np.empty(len(place), dtype=np.bool_)
        with self.lock:
            kernel.claim(place, self.seen, again)
        found = np.zeros(len(judged.used), dtype=np.bool_)
        found[keyed.used] = again if keyed.of_row is None else again[keyed.of_row]
        return found


def table_of(keys: Sequence[NDArray[np.uint64]], spool: Spool, folder: Path | None) -> NDArray[np.uint64]:
    """Put keys into a table with room for half as many more; one too large for memory lies in a file in `folder`.

    Raises:
        OutputError: the file cannot be written.

    """
    size = sum(3 * len(some) for some in keys) // 2 + (2 if keys else 0)
    if 16 * size > spool.limit // 2:
        try:
            with tempfile.TemporaryFile(prefix="fairpay-", dir=folder) as file:
                table = np.asarray(np.memmap(file, dtype=np.uint64, mode="w+", shape=(size, 2)))
        except OSError as cause:
            message = f"temporary data could not be written to {folder or tempfile.gettempdir()}: {cause.strerror}"
            advice = "Make room there, name another folder with --temp-dir, or allow more with --memory."
            raise OutputError(message, advice=advice) from cause
    else:
        table = np.zeros((size, 2), dtype=np.uint64)
        spool.charge(table.nbytes)
    for some in keys:
        kernel.build(some, table)
    return table
