# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""One partition's rows: 128-bit user hashes to small codes, rows to as few bits as they need, rows to blocks of users.

| array       | shape and type   | meaning                                                                           |
|-------------|------------------|-----------------------------------------------------------------------------------|
| raw         | uint64[n, 6]     | rows as `encode` leaves them; `intern` makes of them: user, artist, amount,       |
|             |                  | plays ^ 1, ms ^ amount, 0: the last three are mostly 0 and then take no room      |
| slots, keys | see `hashing`      | user table                                                                        |
| users       | int64[users, 4]  | of each user: listening, plays, rows with listening, fee (-1: no subscription line) |
| words       | uint64[words]    | `Packed`: three numbers x, y, z a row as `width` bits, one row after the other    |
|             |                  | whatever words they fall into: x, y << a, z << (a + b); or, width = 0, as three   |
|             |                  | words each. `words_for` says how many there must be                               |
| bits        | three integers   | width, a, b: bits of a row, of x, of y                                            |
| remap       | uint32[artists]  | thread's artist code -> artist of the pool                                        |
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.hashing import ask_ahead, find
from fairpay.kernels.words import prefetch

__all__ = ["Packed", "aggregate", "intern", "mark_artists", "pack", "row_of", "spread", "words_for"]

NEXT, USERS, KEPT, DROPPED, ARTIST_BITS, AMOUNT_BITS, PLAYS_BITS, MS_BITS = range(8)
STATE = 8
LISTENING, PLAYS, ROWS, FEE = range(4)
UNLISTED = -1
ONE = np.uint64(1)
HALF = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)
SPREAD = np.uint64(0x9E3779B1)
DOWN = np.uint64(15)
SIX, LAST, WHOLE = np.uint64(6), np.uint64(63), np.uint64(64)
BLOCK = 64
WORD_BITS = 64

Packed: TypeAlias = tuple[np.ndarray, tuple[int, int, int]]
"""words and bits."""


@inlined
def ask_for_users(rows: np.ndarray, slots: np.ndarray, keys: np.ndarray, users: np.ndarray) -> None:
    """Ask for the lines that coding rows will read, those of their users last."""
    ask_ahead(rows, slots, keys)
    mask = np.uint64(slots.shape[0] - 1)
    for i in range(len(rows)):
        prefetch(users.ctypes.data + 32 * (np.int64(slots[rows[i, 1] & mask]) - 1))


@jit
def intern(
    raw: np.ndarray, slots: np.ndarray, keys: np.ndarray, users: np.ndarray, leave_out: bool, state: np.ndarray  # noqa: FBT001 - kernels take arguments by position
) -> None:  # fmt: skip
    """Code the users of rows from state[NEXT] on, add up their listening, and move the rows that are kept to the front.

    Stops early where the table must grow. With `leave_out`, rows of users without a subscription line are not kept;
    nor are those of nothing at all.
    """
    count, kept = state[USERS], state[KEPT]
    artists, amounts, more, times = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
    stop = raw.shape[0]
    for first in range(state[NEXT], raw.shape[0], BLOCK):
        last = min(first + BLOCK, raw.shape[0])
        ask_for_users(raw[first:last], slots, keys, users)
        for i in range(first, last):
            code = find(raw[i, 0], raw[i, 1], slots, keys, count)
            if code < 0:
                stop = i
                break
            if code == count:
                count += 1
                users[code, :FEE] = 0
                users[code, FEE] = UNLISTED
            if leave_out and users[code, FEE] == UNLISTED:
                state[DROPPED] += 1
                continue
            artist, amount, plays, ms = raw[i, 2], raw[i, 3], raw[i, 4], raw[i, 5]
            users[code, LISTENING] += np.int64(amount)
            users[code, PLAYS] += np.int64(plays)
            users[code, ROWS] += np.int64(amount != 0)
            if amount | plays | ms == np.uint64(0):
                continue
            raw[kept, 0] = np.uint64(code)
            raw[kept, 1] = artist
            raw[kept, 2] = amount
            raw[kept, 3] = plays ^ ONE
            raw[kept, 4] = ms ^ amount
            raw[kept, 5] = np.uint64(0)
            kept += 1
            artists |= artist
            amounts |= amount
            more |= plays ^ ONE
            times |= ms ^ amount
        if stop == i:
            break
    state[NEXT], state[USERS], state[KEPT] = stop, count, kept
    state[ARTIST_BITS] |= np.int64(artists)
    state[AMOUNT_BITS] |= np.int64(amounts)
    state[PLAYS_BITS] |= np.int64(more)
    state[MS_BITS] |= np.int64(times)


def words_for(rows: int, width: int) -> int:
    """Return how many words rows of so many bits take, with one more that may be read along."""
    return -(-rows * width // WORD_BITS) + 1 if width else 3 * rows


@jit
def pack(rows: np.ndarray, first: int, words: np.ndarray, bits: tuple[int, int, int]) -> None:
    """Write three numbers of each row, from column `first` on."""
    width, a, ab = np.uint64(bits[0]), np.uint64(bits[1]), np.uint64(bits[1] + bits[2])
    k, word, filled = 0, np.uint64(0), np.uint64(0)
    for i in range(rows.shape[0]):
        x, y, z = rows[i, first], rows[i, first + 1], rows[i, first + 2]
        if width == 0:
            words[k], words[k + 1], words[k + 2] = x, y, z
            k += 3
            continue
        row = x
        row |= y << a
        if z != np.uint64(0):
            row |= z << ab
        word |= row << filled
        filled += width
        if filled >= WHOLE:
            words[k] = word
            k += 1
            filled -= WHOLE
            word = row >> (width - filled) if filled > 0 else np.uint64(0)
    if width > 0 and k < len(words):
        words[k] = word
        words[-1] = word if k == len(words) - 1 else np.uint64(0)


@inlined
def row_of(packed: Packed, i: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Return the three numbers of a row."""
    words, bits = packed
    if bits[0] == 0:
        return words[3 * i], words[3 * i + 1], words[3 * i + 2]
    width, a, b = np.uint64(bits[0]), np.uint64(bits[1]), np.uint64(bits[2])
    first = np.uint64(i) * width
    at, off = first >> SIX, first & LAST
    row = (words[at] >> off) | (words[at + ONE] << ONE << (LAST - off))
    row &= ~np.uint64(0) >> (WHOLE - width)
    rest = row >> a
    return row & ((ONE << a) - ONE), rest & ((ONE << b) - ONE), rest >> b


@jit
def mark_artists(packed: Packed, count: int, seen: np.ndarray) -> None:
    """Mark the artists of rows in bool[codes]."""
    for i in range(count):
        seen[row_of(packed, i)[1]] = True


@jit
def spread(
    packed: Packed, detail: Packed, count: int, users: np.ndarray, remap: np.ndarray, at: np.ndarray,
    artist: np.ndarray, amount: np.ndarray, facts: np.ndarray,
) -> None:  # fmt: skip
    """Put each row with listening where its user's rows belong: at[user] is the next place, and moves on.

    users uint32[n] says whom the rows' user codes mean; empty where they mean themselves. facts int64[artists, 3] adds
    up amount, plays and ms; no words of `detail`: plays are 1 and ms is the amount.
    """
    coded, detailed = len(users) > 0, len(detail[0]) > 0
    for i in range(count):
        user, whom, much = row_of(packed, i)
        code, plays, ms = remap[whom], ONE, much
        if detailed:
            more, other, _ = row_of(detail, i)
            plays, ms = ONE ^ more, much ^ other
        facts[code, 0] += np.int64(much)
        facts[code, 1] += np.int64(plays)
        facts[code, 2] += np.int64(ms)
        if much == np.uint64(0):
            continue
        if coded:
            user = np.uint64(users[user])
        place = at[user]
        at[user] = place + 1
        artist[place] = code
        amount[place] = np.int64(much)


@jit
def aggregate(
    rows: np.ndarray, at: np.ndarray, artist: np.ndarray, amount: np.ndarray, places: np.ndarray, marked: int,
    listeners: np.ndarray, start: np.ndarray,
) -> int:  # fmt: skip
    """Merge each user's rows of one artist, in place, passing over users without rows; return the entries left.

    rows int64[users] and at int64[users]: user u's rows end before at[u]. `places` uint64[power of 2, at least twice
    the rows of any user, or twice the artists] holds a user's mark and an entry's place; marks up to `marked` are of
    users met before, and marked + users < 2^32. start int64[users with rows + 1] is filled; listeners int64[artists]
    counts users.
    """
    out, kept = 0, 0
    for user in range(len(rows)):
        if rows[user] == 0:
            continue
        size = 4
        while size < 2 * rows[user] and size < len(places):
            size *= 2
        mask = np.uint64(size - 1)
        mark = np.uint64(marked + user + 1)
        start[kept] = out
        kept += 1
        first = out
        for row in range(at[user] - rows[user], at[user]):
            code = artist[row]
            slot = (np.uint64(code) * SPREAD >> DOWN) & mask
            while True:
                word = places[slot]
                if word >> HALF != mark:
                    places[slot] = (mark << HALF) | np.uint64(out - first)
                    artist[out] = code
                    amount[out] = amount[row]
                    listeners[code] += 1
                    out += 1
                    break
                entry = first + np.int64(word & LOW)
                if artist[entry] == code:
                    amount[entry] += amount[row]
                    break
                slot = (slot + ONE) & mask
    start[kept] = out
    return out
