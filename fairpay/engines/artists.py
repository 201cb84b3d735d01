"""The artists of all threads, in byte order of their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.kernels import encode as kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fairpay.engines.encoder import Encoder
    from fairpay.usage import Codes, Ints

__all__ = ["Artists", "merge"]

NOWHERE = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Artists:
    """Every artist with a qualified listen; position is the artist's code from here on."""

    ids: pa.Array
    """large_string[artists], sorted by bytes."""
    amount: Ints
    plays: Ints
    ms: Ints
    remap: tuple[Codes, ...]
    """For each thread: its artist code -> position."""


def merge(encoders: Sequence[Encoder]) -> Artists:
    """Merge the threads' artist tables, leave out artists whose every row was taken back, and sort by id."""
    most = sum(encoder.artists for encoder in encoders)
    slots = np.zeros((2 ** (2 * most + 2).bit_length(), 2), dtype=np.uint64)
    facts = np.zeros((most, 4), dtype=np.int64)
    source = np.empty(most, dtype=np.int64)
    codes = [np.empty(encoder.artists, dtype=np.uint32) for encoder in encoders]
    count = base = 0
    for encoder, mine in zip(encoders, codes, strict=True):
        count = kernel.merge_artists(encoder.slots, encoder.facts, base, slots, facts, count, mine, source)
        base += encoder.artists
    chunks = [chunk for encoder in encoders for chunk in encoder.ids]
    everything = pa.concat_arrays(chunks) if chunks else pa.array([], pa.large_string())
    kept = np.flatnonzero((facts[:count, 1:] != 0).any(axis=1))
    ids = everything.take(pa.array(source[kept]))
    order: NDArray[np.int64] = pc.sort_indices(ids).to_numpy().astype(np.int64)
    kept = kept[order]
    position = np.full(count, NOWHERE, dtype=np.uint32)
    position[kept] = np.arange(len(kept), dtype=np.uint32)
    amount, plays, ms = (np.ascontiguousarray(facts[kept, k]) for k in (1, 2, 3))
    return Artists(ids.take(pa.array(order)), amount, plays, ms, tuple(position[mine] for mine in codes))
