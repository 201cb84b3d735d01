# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""One partition's rows: 128-bit user hashes to small codes, rows to one or two words, rows to blocks of users.

| array   | shape and type     | meaning                                                                     |
|---------|--------------------|-----------------------------------------------------------------------------|
| raw     | uint64[n, 3 or 6]  | rows as `encode` leaves them                                                |
| slots   | uint32[power of 2] | user table: code + 1 (0: free)                                              |
| keys    | uint64[users, 2]   | both lanes of each user's hash: all 128 bits are compared                   |
| users   | int64[users, 4]    | of each user: listening, plays, rows kept, fee (-1: no subscription line)   |
| codes   | uint32[n]          | each row's user; NOBODY: not kept, no listening; LEFT_OUT: taken back       |
| packed  | uint64[words]      | rows of `width` bits, one after the other whatever words they fall into:    |
|         |                    | user, artist << u, amount << (u + a); or, width = 0, of two words each:     |
|         |                    | user << 32 + artist, amount. `words_for` says how many there must be        |
| bits    | three integers     | width, u, a: bits of a row, of a user, of an artist                         |
| remap   | uint32[artists]    | thread's artist code -> rank                                                |
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.words import prefetch

__all__ = ["aggregate", "combine", "intern", "pack", "rehash", "row_of", "spread", "subscribe", "words_for"]

NEXT, USERS, KEPT, ARTIST_BITS, AMOUNT_BITS, DROPPED, SEEN_TWICE = range(7)
STATE = 8
LISTENING, PLAYS, ROWS, FEE = range(4)
COUNTED, PLAIN, TIMED, OWN = range(4)
"""Where the plays and ms of rows stand, for what artists add up to: added up while rows were taken in; one play, no ms;
one play, and the amount is ms; a table of their own."""
UNLISTED = -1
NOBODY = np.uint32(0xFFFFFFFF)
LEFT_OUT = np.uint32(0xFFFFFFFE)
NARROW = 3
ONE = np.uint64(1)
HALF = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)
SPREAD = np.uint64(0x9E3779B1)
DOWN = np.uint64(15)
TWO, SIX, LAST, WHOLE = np.uint64(2), np.uint64(6), np.uint64(63), np.uint64(64)
BLOCK = 64
WORD_BITS = 64


@inlined
def locate(
    first: np.uint64, second: np.uint64, slots: np.ndarray, keys: np.ndarray, users: np.ndarray, count: int
) -> int:
    """Return the code of a user, or `count` after giving them that code, or -1 where the table must grow first."""
    mask = np.uint64(slots.shape[0] - 1)
    slot = second & mask
    while slots[slot] != 0:
        code = np.int64(slots[slot]) - 1
        if keys[code, 1] == second and keys[code, 0] == first:
            return code
        slot = (slot + ONE) & mask
    if 2 * (count + 1) > slots.shape[0] or count == keys.shape[0]:
        return -1
    slots[slot] = np.uint32(count + 1)
    keys[count, 0] = first
    keys[count, 1] = second
    users[count, LISTENING] = 0
    users[count, PLAYS] = 0
    users[count, ROWS] = 0
    users[count, FEE] = UNLISTED
    return count


@jit
def rehash(keys: np.ndarray, count: int, slots: np.ndarray) -> None:
    """Enter the first `count` users into an empty table."""
    mask = np.uint64(slots.shape[0] - 1)
    for code in range(count):
        slot = keys[code, 1] & mask
        while slots[slot] != 0:
            slot = (slot + ONE) & mask
        slots[slot] = np.uint32(code + 1)


@jit
def subscribe(
    hashes: np.ndarray, fees: np.ndarray, slots: np.ndarray, keys: np.ndarray, users: np.ndarray, state: np.ndarray
) -> None:
    """Enter subscribers from state[NEXT] on, with their fees; stop early where the table must grow."""
    for i in range(state[NEXT], len(fees)):
        code = locate(hashes[i, 0], hashes[i, 1], slots, keys, users, state[USERS])
        if code < 0:
            state[NEXT] = i
            return
        if code < state[USERS]:
            state[SEEN_TWICE] += 1
        else:
            state[USERS] += 1
        users[code, FEE] = fees[i]
    state[NEXT] = len(fees)


@jit
def combine(
    other_keys: np.ndarray, other: np.ndarray, slots: np.ndarray, keys: np.ndarray, users: np.ndarray,
    codes: np.ndarray, state: np.ndarray,
) -> None:  # fmt: skip
    """Add users of another table, uint64[n, 2] and int64[n, 4], from state[NEXT] on, and write their codes."""
    for i in range(state[NEXT], len(codes)):
        code = locate(other_keys[i, 0], other_keys[i, 1], slots, keys, users, state[USERS])
        if code < 0:
            state[NEXT] = i
            return
        if code == state[USERS]:
            state[USERS] += 1
        for k in range(FEE):
            users[code, k] += other[i, k]
        users[code, FEE] = max(users[code, FEE], other[i, FEE])
        codes[i] = np.uint32(code)
    state[NEXT] = len(codes)


@inlined
def ask_ahead(raw: np.ndarray, slots: np.ndarray, keys: np.ndarray, users: np.ndarray) -> None:
    """Ask for the lines that `locate` and its caller will touch: a partition's table has left the cache in between."""
    mask = np.uint64(slots.shape[0] - 1)
    for i in range(len(raw)):
        prefetch(slots.ctypes.data + np.int64((raw[i, 1] & mask) << TWO))
    for i in range(len(raw)):
        code = np.int64(slots[raw[i, 1] & mask]) - 1
        prefetch(keys.ctypes.data + 16 * code)
        prefetch(users.ctypes.data + 32 * code)


@jit
def intern(
    raw: np.ndarray, slots: np.ndarray, keys: np.ndarray, users: np.ndarray, codes: np.ndarray, leave_out: bool,  # noqa: FBT001 - kernels take arguments by position
    facts: np.ndarray, state: np.ndarray,
) -> None:  # fmt: skip
    """Code the users of rows from state[NEXT] on and add up their listening; stop early where the table must grow.

    With `leave_out`, rows of users without a subscription line are not kept, and are taken back from the artists' facts
    where those have them (facts int64[artists, 4]; none: rows are counted later, see `rosters`).
    """
    narrow = raw.shape[1] == NARROW
    count = state[USERS]
    kept, artists, amounts = np.int64(0), np.int64(0), np.int64(0)
    stop = raw.shape[0]
    for first in range(state[NEXT], raw.shape[0], BLOCK):
        last = min(first + BLOCK, raw.shape[0])
        ask_ahead(raw[first:last], slots, keys, users)
        for i in range(first, last):
            code = locate(raw[i, 0], raw[i, 1], slots, keys, users, count)
            if code < 0:
                stop = i
                break
            count = max(count, code + 1)
            word = raw[i, 2]
            artist = np.int64(word & LOW)
            amount, plays = np.int64(word >> HALF), np.int64(1)
            if not narrow:
                amount, plays = np.int64(raw[i, 3]), np.int64(raw[i, 4])
            if leave_out and users[code, FEE] == UNLISTED:
                if len(facts) > 0:
                    facts[artist, 1] -= amount
                    facts[artist, 2] -= plays
                    facts[artist, 3] -= np.int64(raw[i, 5])
                state[DROPPED] += 1
                codes[i] = LEFT_OUT
                continue
            users[code, LISTENING] += amount
            users[code, PLAYS] += plays
            if amount == 0:
                codes[i] = NOBODY
                continue
            users[code, ROWS] += 1
            codes[i] = np.uint32(code)
            kept += 1
            artists |= artist
            amounts |= amount
        if stop == i:
            break
    state[NEXT], state[USERS] = stop, count
    state[KEPT] += kept
    state[ARTIST_BITS] |= artists
    state[AMOUNT_BITS] |= amounts


def words_for(rows: int, width: int) -> int:
    """Return how many words rows of so many bits take, with one more that may be read along."""
    return -(-rows * width // WORD_BITS) + 1 if width else 2 * rows


@jit
def pack(raw: np.ndarray, codes: np.ndarray, packed: np.ndarray, bits: tuple[int, int, int]) -> None:
    """Write the kept rows."""
    narrow = raw.shape[1] == NARROW
    width, u, ua = np.uint64(bits[0]), np.uint64(bits[1]), np.uint64(bits[1] + bits[2])
    k, word, filled = 0, np.uint64(0), np.uint64(0)
    for i in range(raw.shape[0]):
        if codes[i] >= LEFT_OUT:
            continue
        user, artist = np.uint64(codes[i]), raw[i, 2] & LOW
        amount = raw[i, 2] >> HALF if narrow else raw[i, 3]
        if width == 0:
            packed[k] = (user << HALF) | artist
            packed[k + 1] = amount
            k += 2
            continue
        row = user | (artist << u) | (amount << ua)
        word |= row << filled
        filled += width
        if filled >= WHOLE:
            packed[k] = word
            k += 1
            filled -= WHOLE
            word = row >> (width - filled) if filled > 0 else np.uint64(0)
    if width > 0 and k < len(packed):
        packed[k] = word
        packed[-1] = word if k == len(packed) - 1 else np.uint64(0)


@inlined
def row_of(packed: np.ndarray, i: int, bits: tuple[int, int, int]) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Return user, artist and amount of a row."""
    if bits[0] == 0:
        return packed[2 * i] >> HALF, packed[2 * i] & LOW, packed[2 * i + 1]
    width, u, ua = np.uint64(bits[0]), np.uint64(bits[1]), np.uint64(bits[1] + bits[2])
    first = np.uint64(i) * width
    at, off = first >> SIX, first & LAST
    row = (packed[at] >> off) | (packed[at + ONE] << ONE << (LAST - off))
    row &= ~np.uint64(0) >> (WHOLE - width)
    return row & ((ONE << u) - ONE), (row >> u) & ((ONE << np.uint64(bits[2])) - ONE), row >> ua


@jit
def spread(
    packed: np.ndarray, count: int, bits: tuple[int, int, int], users: np.ndarray, remap: np.ndarray, at: np.ndarray,
    artist: np.ndarray, amount: np.ndarray,
) -> None:  # fmt: skip
    """Put each row where its user's rows belong: at[user] is the next place, and moves on.

    users uint32[n] says whom the rows' user codes mean; empty where they mean themselves.
    """
    coded = len(users) > 0
    for i in range(count):
        user, whom, much = row_of(packed, i, bits)
        if coded:
            user = np.uint64(users[user])
        place = at[user]
        at[user] = place + 1
        artist[place] = remap[whom]
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
