"""The paying listeners of each artist, by falling share: gathered for as many artists at a time as fit in memory."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage

__all__ = ["Fans", "gather_fans", "ranges"]

HELD = 2**24
"""Listeners of artists held in memory at once, 40 bytes each; beyond it artists are taken in ranges."""


@dataclass(frozen=True, slots=True)
class Fans:
    """The listeners of some artists, those of each by falling share."""

    bound: Ints
    """int64[artists + 1]: artist i owns entries bound[i] to bound[i + 1] of the others."""
    key: Ints
    """int64[listeners]: share in units of 2^-61."""
    mass: Ints
    """int64[listeners]: fees of the listeners down to this one."""
    amount: Ints
    whole: Ints
    """int64[listeners]: the share, exactly."""

    def share_beyond(self, artist: int, fees: int) -> Fraction:
        """Return the share at which the fees of its listeners, added up by falling share, come to more than `fees`.

        Exactly: shares whose keys are equal are told apart. Zero where all its listeners pay no more.
        """
        mine = slice(int(self.bound[artist]), int(self.bound[artist + 1]))
        key, mass = self.key[mine], self.mass[mine]
        place = int(np.searchsorted(mass, fees, side="right"))
        if place == len(mass):
            return Fraction(0)
        first, end = (int(np.searchsorted(-key, -key[place], side=side)) for side in ("left", "right"))
        before = int(mass[first - 1]) if first else 0
        pairs, which = np.unique(
            np.stack([self.amount[mine][first:end], self.whole[mine][first:end]], axis=1), axis=0, return_inverse=True
        )
        paid = np.zeros(len(pairs), dtype=np.int64)
        np.add.at(paid, which.reshape(-1), np.diff(mass[first:end], prepend=before))
        alike = sorted(((Fraction(*pair), fee) for pair, fee in zip(pairs.tolist(), paid.tolist(), strict=True)))
        while alike and before <= fees:
            share, fee = alike.pop()
            before += fee
        return share


def ranges(artists: Ints, listeners: Ints) -> Iterator[Ints]:
    """Cut artist codes, ascending, into runs of at most HELD of their listeners together, or of one artist."""
    ends = np.cumsum(listeners[artists])
    low = 0
    while low < len(ends):
        before = int(ends[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(ends, before + HELD, side="right")))
        yield artists[low:high]
        low = high


def gather_fans(month: Month, artists: Ints) -> Fans:
    """Gather the paying listeners of some artists, int64 codes, ascending."""
    from fairpay.kernels import shares  # noqa: PLC0415 - Numba is loaded where it is used

    slot = np.full(month.facts.artists, -1, dtype=np.int64)
    slot[artists] = np.arange(len(artists))

    def pick(usage: Usage) -> tuple[Ints, ...]:
        key = np.empty(len(usage.artist), dtype=np.int64)
        shares.share_keys(usage.start, usage.amount, usage.whole, key)
        fee, whole = (np.repeat(each, np.diff(usage.start)) for each in (usage.fee, usage.whole))
        place = slot[usage.artist]
        mine = (place >= 0) & (fee > 0)
        return place[mine], key[mine], fee[mine], usage.amount[mine], whole[mine]

    place, key, fee, amount, whole = (np.concatenate(parts) for parts in zip(*month.each(pick), strict=True))
    order = np.lexsort((-key, place))
    bound = np.searchsorted(place[order], np.arange(len(artists) + 1))
    running = np.concatenate([[0], np.cumsum(fee[order])])  # it may wrap; differences do not
    mass = running[1:] - np.repeat(running[bound[:-1]], np.diff(bound))
    return Fans(bound, key[order], mass, amount[order], whole[order])
