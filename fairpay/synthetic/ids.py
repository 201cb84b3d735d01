"""Identifiers as text: 22 characters of base 62 like those of real services, or short readable ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from fairpay.synthetic.draws import draw, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["IdStyle", "make_ids"]

IdStyle: TypeAlias = Literal["long", "short"]

LENGTH = 22
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def make_ids(style: IdStyle, *, kind: str, seed: int, keys: NDArray[np.integer]) -> pa.Array:
    """Make the id of each key: large_string[n]. `kind` (user, artist, track) keeps the kinds' ids apart."""
    if style == "long":
        return long_ids(stream(seed, f"{kind} id"), keys)
    return short_ids(kind[0], keys)


def long_ids(start: np.uint64, keys: NDArray[np.integer]) -> pa.Array:
    """Draw 192 bits for each key and read eleven pairs of characters from them, 16 bits a pair."""
    bits = np.empty((len(keys), 3), dtype=np.uint64)
    for part in range(3):
        bits[:, part] = draw(start, keys, part)
    pieces = bits.astype("<u8", copy=False).view("<u2")[:, : LENGTH // 2]
    return from_fixed_width(pair_table()[pieces].view(np.uint8), LENGTH)


def pair_table() -> NDArray[np.uint16]:
    """Return two characters of base 62 for each 16-bit value."""
    letters = np.frombuffer(DIGITS.encode(), dtype=np.uint8)
    value = np.arange(1 << 16) % 62**2
    return np.ascontiguousarray(np.stack([letters[value // 62], letters[value % 62]], axis=1)).view("<u2")[:, 0]


def short_ids(letter: str, keys: NDArray[np.integer]) -> pa.Array:
    """`u000042`: a letter and at least six digits."""
    width = max(6, len(str(int(keys.max(initial=0)))))
    text = np.empty((len(keys), width + 1), dtype=np.uint8)
    text[:, 0] = ord(letter)
    rest = keys.astype(np.int64)
    for place in range(width, 0, -1):
        rest, digit = np.divmod(rest, 10)
        text[:, place] = digit + ord("0")
    return from_fixed_width(text, width + 1)


def from_fixed_width(text: NDArray[np.uint8], width: int) -> pa.Array:
    """Wrap ASCII bytes uint8[n, width] as large_string[n] without a copy."""
    count = len(text)
    offsets = np.arange(0, width * count + 1, width, dtype=np.int64)
    return pa.Array.from_buffers(pa.large_string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(text)])
