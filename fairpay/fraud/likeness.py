"""Likeness: groups of users whose sets look alike by their MinHash signatures, in time near-linear in users."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = ["agreement", "alike", "seeds", "sign_sets"]


def seeds(purpose: str, count: int) -> NDArray[np.uint64]:
    """Draw the seeds of `count` hash functions, the same in every run: uint64[count]."""
    drawn = [blake2b(f"{purpose}:{k}".encode(), digest_size=8).digest() for k in range(count)]
    return np.array([int.from_bytes(seed, "little") for seed in drawn], dtype=np.uint64)


def sign_sets(start: Ints, element: NDArray[np.unsignedinteger], seed: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Sign each set: uint32[sets, hashes]. Repeated elements count once."""
    from fairpay.kernels.graphs import sign  # noqa: PLC0415 - Numba is loaded where it is used

    signs = np.empty((len(start) - 1, len(seed)), dtype=np.uint32)
    sign(start, element.astype(np.uint64), seed, signs)
    return signs


def alike(signs: NDArray[np.uint32], able: Ints, *, rows: int, least: float) -> list[Ints]:
    """Group the sets that look alike; return groups of two or more, each ascending, by their first member.

    Args:
        signs: uint32[sets, k].
        able: int64[m]: the sets to look at, ascending.
        rows: how many hashes make a band: two sets are compared where they agree in all hashes of some band.
        least: the share of hashes in which two sets must agree.

    """
    from fairpay.kernels.graphs import roots, unite  # noqa: PLC0415 - Numba is loaded where it is used

    parent = np.arange(len(signs), dtype=np.int64)
    needed = int(np.ceil(least * signs.shape[1]))
    for first in range(0, signs.shape[1] - rows + 1, rows):
        key = np.zeros(len(able), dtype=np.uint64)
        for k in range(first, first + rows):
            key = key * np.uint64(0x9E3779B97F4A7C15) + signs[able, k]
        order = np.argsort(key, kind="stable")
        unite(able[order], key[order], signs, needed, parent)
    roots(parent)
    return split(able, parent[able])


def split(users: Ints, group: Ints) -> list[Ints]:
    """Cut users (ascending) by the number of their group; keep groups of two or more, by their first member."""
    shared = np.flatnonzero(np.bincount(group)[group] > 1) if len(group) else np.zeros(0, dtype=np.int64)
    order = shared[np.argsort(group[shared], kind="stable")]
    edges = np.flatnonzero(np.diff(group[order])) + 1
    return np.split(users[order], edges) if len(order) else []


def agreement(signs: NDArray[np.uint32], users: Ints) -> float:
    """Return the mean share of hashes in which members agree with the group's commonest hash."""
    shares = [np.unique(signs[users, k], return_counts=True)[1].max() / len(users) for k in range(signs.shape[1])]
    return float(np.mean(shares))
