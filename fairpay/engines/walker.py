"""One thread's room for turning a partition's rows into a block of users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairpay.kernels import partition as kernel
from fairpay.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fairpay.engines.partition import Partition
    from fairpay.usage import Codes, Ints

__all__ = ["Block", "Walker"]

MARKS = 2**32


@dataclass(frozen=True, slots=True)
class Block:
    """A partition whose rows have been merged, as it is kept between walks."""

    start: Ints
    artist: Codes
    amount: NDArray[np.uint32] | Ints
    """In 32 bits where every amount fits."""

    @property
    def held(self) -> int:
        """Bytes held."""
        return self.start.nbytes + self.artist.nbytes + self.amount.nbytes


class Walker:
    """Scratch that is used again for every partition. Not shared between threads."""

    def __init__(self, artists: int) -> None:
        """Prepare for artist codes below `artists`."""
        self.artists = artists
        self.artist: Codes = np.empty(0, dtype=np.uint32)
        self.amount: Ints = np.empty(0, dtype=np.int64)
        self.places = np.zeros(4, dtype=np.uint64)
        self.marked = 0
        self.listeners: Ints = np.zeros(artists, dtype=np.int64)

    def make_room(self, rows: int) -> None:
        """Have room for that many rows."""
        if rows > len(self.artist):
            self.artist = np.empty(rows + rows // 4, dtype=np.uint32)
            self.amount = np.empty(rows + rows // 4, dtype=np.int64)

    def mark(self, users: int, most_rows: int) -> None:
        """Have a place table large enough, and marks that were not used before."""
        size = 2 ** max(2, (2 * min(most_rows, self.artists) - 1).bit_length())
        if size > len(self.places) or self.marked + users >= MARKS - 1:
            self.places = np.zeros(max(size, len(self.places)), dtype=np.uint64)
            self.marked = 0

    def merge(self, partition: Partition, remap: Sequence[Codes]) -> Usage:
        """Turn rows into users, for the first time; the block's arrays live until the next call."""
        rows = partition.rows
        at = np.cumsum(rows) - rows
        self.make_room(int(rows.sum()))
        for chunk in partition.chunks:
            kernel.spread(
                chunk.packed, chunk.user_bits, chunk.artist_bits, remap[chunk.thread], at, self.artist, self.amount
            )
        self.mark(len(rows), int(rows.max(initial=0)))
        start = np.empty(partition.facts.shape[1] + 1, dtype=np.int64)
        entries = kernel.aggregate(rows, at, self.artist, self.amount, self.places, self.marked, self.listeners, start)
        self.marked += len(rows)
        return self.usage(partition, start, self.artist[:entries], self.amount[:entries])

    def again(self, partition: Partition, block: Block) -> Usage:
        """Return the users of a partition merged before."""
        self.make_room(len(block.artist))
        amount = block.amount
        if amount.dtype != np.int64:
            wide = self.amount[: len(amount)]
            wide[:] = amount
            amount = wide
        return self.usage(partition, block.start, block.artist, amount)

    def usage(self, partition: Partition, start: Ints, artist: Codes, amount: Ints) -> Usage:
        """Put a block together."""
        fee, total, plays = partition.facts
        return Usage(start, artist, amount, fee, total, plays)


def keep(usage: Usage) -> Block:
    """Copy a block's entries, in as few bytes as they need."""
    small = usage.amount.max(initial=0) < MARKS
    amount = usage.amount.astype(np.uint32) if small else usage.amount.copy()
    return Block(usage.start, usage.artist.copy(), amount)
