"""Plays that a log tells more than once: counted exactly, in bounded memory, and known again in a second reading.

Every play becomes a key of 128 bits. Keys are dealt out to parts by their highest bits; what is too much for memory
goes to the file of the run; in the end each part is gone through by itself. Which plays are shown as examples is
decided by a hash of their numbers that is the same in every run, and not by who came first.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.engine.keys import Column, KeyTable, as_series, fresh_keys, ids_as_text
from fairpay.engine.spool import Stored, bytes_of
from fairpay.errors import OutputError
from fairpay.kernels import hashing
from fairpay.kernels import repeats as kernel
from fairpay.kernels.repeats import PARTS
from fairpay.logs.cells import to_arrow
from fairpay.money.amounts import is_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fairpay.engine.spool import Kept, Spool
    from fairpay.logs.schema import Judged

__all__ = ["PlayKeys", "RepeatExample", "RepeatFinder", "Repeated", "table_of"]

DAY = 86_400_000_000
ROOM = 1 << 19
"""Keys dealt out at a time."""
LARGEST = 512 << 20
"""Bytes of keys held in memory, at most."""
MOST_HELD = 1 << 20
"""Keys of one part that room is made for before it is known whether they differ."""
SAMPLED = 1 << 12
"""Different plays whose texts are kept, at most, for examples."""
NAMES = ["low", "high", "artist", "time", "fixed", "midnight", "times"]
NONE = np.full(1, -1, dtype=np.int64)
ONE = np.ones(1, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Keyed:
    """The keys of a batch: one for each play that can be told apart."""

    keys: NDArray[np.uint64]
    """uint64[plays, 2]."""
    part: NDArray[np.uint16]
    """uint16[plays]: PARTS and more where the time may stand for a day."""
    fixed: NDArray[np.uint64]
    """uint64[plays]: hashes of their numbers, the same in every run."""
    rows: NDArray[np.int64]
    """int64[plays]: the row of each, the first one where a play of several artists has several."""
    used: NDArray[np.int64]
    """The rows that count."""
    play: NDArray[np.int64] | slice
    """int64[rows that count]: the play of each."""


def keyed(judged: Judged, secret: NDArray[np.uint64], roles: Sequence[str]) -> Keyed:
    """Make keys under uint64[2, KEYS] secrets; plays differ in texts of `roles` beside user and artist."""
    raw, used, column = judged.raw, judged.used, judged.raw.columns["time"]
    textual = is_text(column.type) or pa.types.is_dictionary(column.type)
    if pa.types.is_date(column.type):
        used = np.zeros(len(used), dtype=np.bool_)
    elif textual:
        used = used & ~days(column, judged.time, used)
    rows = np.flatnonzero(used)
    every = [raw.columns["user"], raw.columns["artist"], *(text_of(raw.columns, role) for role in roles)]
    columns = [Column.of(one) for one in every]
    keys, fixed = np.empty((len(rows), 2), dtype=np.uint64), np.empty(len(rows), dtype=np.uint64)
    part = np.empty(len(rows), dtype=np.uint16)
    parts = None if raw.shares is None else raw.shares.part
    kernel.key_rows(
        np.stack([one.described for one in columns]), rows, judged.time, whole(judged.ms, NONE),
        whole(judged.plays, ONE), whole(parts, ONE), secret[0], secret[1],
        np.empty((hashing.BLOCK, 2), dtype=np.uint64), np.empty((hashing.BLOCK, 4), dtype=np.uint64), keys, part, fixed,
    )  # fmt: skip
    if textual:
        part %= PARTS
    if raw.shares is None or not len(rows):
        return Keyed(keys, part, fixed, rows, rows, slice(None))
    play = np.cumsum(~raw.shares.again)[rows]
    starts = np.flatnonzero(np.diff(play, prepend=-1))  # the keys of a play's rows are added up, in whatever order
    keys = np.add.reduceat(keys, starts, axis=0)
    part = (keys[:, 1] >> kernel.PART_SHIFT).astype(np.uint16) + part[starts] // PARTS * PARTS
    return Keyed(keys, part.astype(np.uint16), fixed[starts], rows[starts], rows, np.searchsorted(play[starts], play))


def days(column: pa.Array, time: NDArray[np.int64], used: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which texts are days without a time of day."""
    found: NDArray[np.bool_] = used & (time % DAY == 0)
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
    return to_arrow(as_series(column).fill_null(""), views=True)


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
        self.pending: list[Keyed] = []
        self.waiting = 0
        self.chunks: list[KeyChunk] = []
        self.lock, self.moving = Lock(), Lock()
        self.limit, self.room = min(LARGEST, spool.limit // 4), min(ROOM, spool.limit // 1024)
        self.held = 0
        self.sample = Sample()

    def take(self, judged: Judged) -> None:
        """Take the plays of a judged batch."""
        found = keyed(judged, self.secret, self.roles)
        self.sample.add(judged, found)
        with self.lock:
            self.pending.append(found)
            self.waiting += len(found.rows)
            if self.waiting < self.room:
                return
            pending, self.pending, self.waiting = self.pending, [], 0
        self.deal_out(pending)

    def deal_out(self, pending: Sequence[Keyed]) -> None:
        """Put keys in order of their parts, and keep them."""
        counts = sum(np.bincount(one.part, minlength=2 * PARTS) for one in pending)
        edges = np.append(0, np.cumsum(counts))
        following = edges[:-1].copy()
        dealt: NDArray[np.uint64] = np.empty((int(edges[-1]), 2), dtype=np.uint64)
        for one in pending:
            kernel.deal(one.part, one.keys, following, dealt)
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
        if self.waiting:
            self.deal_out(self.pending)
        sizes = sum((np.diff(chunk.edges) for chunk in self.chunks), start=np.zeros(2 * PARTS, dtype=np.int64))
        rows, midnights = int(sizes.sum()), int(sizes[PARTS:].sum())
        days = 2 * midnights > rows
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda part: self.count(part, days=days, keep=keep), range(PARTS)))
        self.spool.charge(-self.held)
        self.chunks, self.pending, self.held = [], [], 0
        count = sum(again for again, _ in found)
        examples = self.sample.examples(days=days) if count else ()
        return Repeated(count, rows - midnights * days, examples, tuple(keys for _, keys in found if len(keys)))

    def count(self, part: int, *, days: bool, keep: bool) -> tuple[int, NDArray[np.uint64]]:
        """Count the plays of one part that were told before; return the keys of those, too, if they are to be kept."""
        wanted = [(chunk, at) for at in ((part,) if days else (part, part + PARTS)) for chunk in self.chunks]
        wanted = [(chunk, at) for chunk, at in wanted if chunk.edges[at + 1] > chunk.edges[at]]
        rows = sum(int(chunk.edges[at + 1] - chunk.edges[at]) for chunk, at in wanted)
        table = KeyTable(1 << (min(rows, MOST_HELD) | 1).bit_length())
        often = np.empty(0, dtype=np.bool_)
        for chunk, at in wanted:
            before = table.count
            codes = table.enter(chunk.piece(at, self.spool))
            if keep:
                times = np.bincount(codes, minlength=table.count)
                times[:before] *= 2  # one of these was met before
                often = np.append(often, np.zeros(table.count - before, dtype=np.bool_)) | (times > 1)
        keys = table.keys[: table.count]
        return rows - table.count, keys[often] if keep else keys[:0]


class Sample:
    """Texts of some plays, for examples: those whose numbers have a hash with so many zeros, whoever came first.

    The number of zeros is the least with which no more than SAMPLED different plays are kept: all of a small log.
    """

    def __init__(self) -> None:
        """Begin with every play."""
        self.lock = Lock()
        self.pick = np.uint64(0)
        """The bits that are zero."""
        self.kept: list[pl.DataFrame] = []
        self.fresh: list[tuple[Any, ...]] = []
        self.waiting = 0

    def add(self, judged: Judged, plays: Keyed) -> None:
        """Keep the texts of picked plays."""
        some = np.flatnonzero((plays.fixed & self.pick) == 0)
        if not len(some):
            return
        rows = plays.rows[some]
        artist = ids_as_text(judged.raw.columns["artist"], rows)
        keys, midnight = plays.keys[some], plays.part[some] >= PARTS
        found = (keys[:, 0], keys[:, 1], artist, judged.time[rows], plays.fixed[some], midnight, np.ones_like(rows))
        with self.lock:
            self.fresh.append(found)
            self.waiting += len(rows)
            if self.waiting > 4 * SAMPLED:
                self.settle()

    def settle(self) -> pl.DataFrame:
        """Add equal plays up, and ask for more zeros while there are too many."""
        texts = pl.col("artist", "time", "fixed", "midnight").min()
        if self.fresh:
            columns = zip(NAMES, zip(*self.fresh, strict=True), strict=True)
            self.kept.append(pl.DataFrame([pl.Series(name, pa.chunked_array(parts)) for name, parts in columns]))
        whole = pl.concat(self.kept).group_by("low", "high").agg(texts, pl.col("times").sum())
        fixed = whole["fixed"].to_numpy()
        while np.count_nonzero(chosen := (fixed & self.pick) == 0) > SAMPLED:
            self.pick = self.pick << np.uint64(1) | np.uint64(1)
        self.kept, self.fresh, self.waiting = [whole.filter(pl.Series(chosen))], [], 0
        return self.kept[0]

    def examples(self, *, days: bool) -> tuple[RepeatExample, ...]:
        """Return the kept plays that were told more than once; where midnights stand for days, none at midnight."""
        with self.lock:
            often = self.settle().filter(pl.col("times") > 1)
        often = often.filter(~pl.col("midnight")) if days else often
        return tuple(RepeatExample(*row) for row in often.select("artist", "time", "times").iter_rows())


class RepeatFinder:
    """Knows plays that were told more than once when they come again, in one further reading, on any thread."""

    def __init__(self, secret: NDArray[np.uint64], roles: Sequence[str], table: KeyTable) -> None:
        """Look plays up in a table of keys made with the same secret."""
        self.secret, self.roles, self.table = secret, roles, table
        self.seen = np.zeros(table.count, dtype=np.bool_)
        self.lock = Lock()

    def again(self, judged: Judged) -> NDArray[np.bool_] | None:
        """Say which rows of a batch tell a play that came before; None: none does."""
        plays = keyed(judged, self.secret, self.roles)
        codes = np.empty(len(plays.keys), dtype=np.int64)
        hashing.look_up(plays.keys, self.table.slots, self.table.keys, codes)
        known = np.flatnonzero(codes >= 0)
        if not len(known):
            return None
        codes, first = np.unique(codes[known], return_index=True)
        again = np.zeros(len(plays.keys), dtype=np.bool_)
        again[known] = True
        with self.lock:
            again[known[first]] = self.seen[codes]
            self.seen[codes] = True
        found = np.zeros(len(judged.used), dtype=np.bool_)
        found[plays.used] = again[plays.play]
        return found


def table_of(keys: Sequence[NDArray[np.uint64]], spool: Spool, folder: Path | None) -> KeyTable:
    """Put different keys into a table; one too large for memory lies in a file in `folder`.

    Raises:
        OutputError: the file cannot be written.

    """
    table = KeyTable()
    table.count = sum(map(len, keys))
    split = 16 * table.count
    size = split + (4 << (2 * table.count).bit_length())
    room: NDArray[np.uint8]
    if size > spool.limit // 2:
        try:
            with tempfile.TemporaryFile(prefix="fairpay-", dir=folder) as file:
                room = np.asarray(np.memmap(file, dtype=np.uint8, mode="w+", shape=(size,)))
        except OSError as cause:
            message = f"temporary data could not be written to {folder or tempfile.gettempdir()}: {cause.strerror}"
            advice = "Make room there, name another folder with --temp-dir, or allow more with --memory."
            raise OutputError(message, advice=advice) from cause
    else:
        room = np.zeros(size, dtype=np.uint8)
        spool.charge(size)
    table.keys, table.slots = room[:split].view(np.uint64).reshape(-1, 2), room[split:].view(np.uint32)
    if keys:
        np.concatenate(keys, out=table.keys)
    hashing.rehash(table.keys, table.slots)
    return table
