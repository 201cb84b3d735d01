"""The layers as a stage: the plays of listeners who stated something are set aside, divided anew, and handed back.

A listener's listening as a whole is kept, only its division among artists changes; so every rule gives the listener
the weight it would have given, and divides it the new way. The shares go to the rules as they are, whole numbers in a
unit of the listener's own. What is held in memory are the plays of the listeners concerned, added up by artist.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import gcd, lcm
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.adjust.factors import places, text_of
from fairpay.logs.schema import Listens, StatedShares
from fairpay.money.counts import counted
from fairpay.money.currency import LARGEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "BLOCKED",
    "Layering",
    "Wishes",
    "among",
    "apportion",
    "divide_listening",
    "fitted",
    "with_history",
    "with_wishes",
]


STAND_IN = "\0listener "
"""What the ids begin with under which the engine takes in how much listeners heard whose shares follow."""


@dataclass(slots=True)
class Returned:
    """What is handed back: how much each listener heard, what was played, and the shares."""

    rows: list[tuple[int, str, str, int, int, int]] = field(default_factory=list)
    """pool, user, artist, listening, plays, milliseconds."""
    divided: dict[int, list[tuple[str, int, dict[str, int]]]] = field(default_factory=dict)
    """pool -> stand-in, rows that were set aside less those handed back, artist -> parts."""
    rough: int = 0
    """Listeners whose shares are finer than 62 bits."""

    def add(self, pool: int, user: str, heard: int, shares: Mapping[str, int], *, more_rows: int) -> None:
        """Hand back one listener's listening and shares; `more_rows` were set aside than artists are played."""
        mine = self.divided.setdefault(pool, [])
        parts, exact = fitted(shares)
        mine.append((f"{STAND_IN}{pool} {len(mine)}", more_rows - 1, parts))
        self.rough += not exact
        self.rows.append((pool, user, mine[-1][0], heard, 0, 0))

    def played(self, pool: int, user: str, seen: Mapping[str, tuple[int, int]]) -> None:
        """Hand back plays and milliseconds by artist, which are of listening that stands elsewhere."""
        self.rows += [(pool, user, artist, 0, plays, ms) for artist, (plays, ms) in sorted(seen.items())]

    def listens(self, *, has_ms: bool, pooled: bool) -> Listens:
        """Return what the engine takes in."""
        columns = list(zip(*self.rows, strict=True)) or [()] * 6
        pool, amount, plays, ms = (np.array(columns[i], dtype=np.int64) for i in (0, 3, 4, 5))
        return Listens(
            user=pa.array(columns[1], pa.large_string()),
            artist=pa.array(columns[2], pa.large_string()),
            used=np.ones(len(self.rows), dtype=np.bool_),
            amount=amount,
            plays=plays,
            ms=ms if has_ms else None,
            pool=pool.astype(np.uint32) if pooled else None,
            divisions={pool: division(mine) for pool, mine in self.divided.items()},
        )


def division(listeners: Sequence[tuple[str, int, Mapping[str, int]]]) -> StatedShares:
    """Put the shares of a pool's listeners together."""
    names, rows, shares = zip(*listeners, strict=True)
    return StatedShares(
        pa.array(names, pa.large_string()),
        np.cumsum([0, *map(len, shares)], dtype=np.int64),
        pa.array([artist for own in shares for artist in own], pa.large_string()),
        np.array([part for own in shares for part in own.values()], dtype=np.int64),
        np.array(rows, dtype=np.int64),
    )


@dataclass
class Layering:
    """Applies history and wishes to batches, from any number of threads; then `extra` gives back what was set aside.

    No pool's money moves to another: a listener of two pools is two listeners, each with the same past and the same
    wishes. Histories and wishes name artists; where a track has splits of its own, what its artist gets is divided
    between the artist and its tracks by listening.
    """

    past: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """user -> artist -> past plays."""
    wishes: Mapping[str, Wishes] = field(default_factory=dict)
    kappa: Fraction = Fraction(0)
    """How many plays the past counts for."""
    pools: int = 1
    """How many there are; plays beyond them are in none."""

    def __post_init__(self) -> None:
        """Prepare to look users up."""
        self.users = pa.array(sorted({*self.past, *self.wishes}, key=str.encode), pa.large_string())
        self.aside: list[pl.DataFrame] = []
        self.lines = Returned()
        self.met: set[str] = set()
        """Listeners whose plays were divided anew."""
        self.seen: set[str] = set()
        """Listeners with something stated who are in the log, in a pool or not."""
        self.blocked = 0
        self.pooled = False
        self.lock = Lock()

    def apply(self, listens: Listens, sources: pa.Array) -> Listens:
        """Set the plays of the listeners concerned aside; what is left goes to its source, artist or track."""
        stating = listens.used & among(listens.user, self.users)
        if stating.any():
            concerned = stating if listens.pool is None else stating & (listens.pool < self.pools)
            with self.lock:
                self.seen.update(text_of(listens.user.filter(pa.array(stating))).unique().to_pylist())
                self.pooled |= listens.pool is not None
                if concerned.any():
                    self.aside.append(kept(listens, sources, concerned))
            listens = replace(listens, used=listens.used & ~concerned)
        return replace(listens, artist=sources)

    def extra(self) -> Listens:
        """Return what was set aside, and for each pool how it is divided anew; each listener's sum is what it was."""
        if self.aside:
            keys = ("pool", "user", "artist", "source")
            grouped = pl.concat(self.aside).group_by(keys).sum().sort(keys)
            for (pool, user), mine in grouped.group_by("pool", "user", maintain_order=True):
                self.divide(int(pool), str(user), mine)
        has_ms = any(frame["ms"].null_count() == 0 for frame in self.aside)
        return self.lines.listens(has_ms=has_ms, pooled=self.pooled)

    def divide(self, pool: int, user: str, mine: pl.DataFrame) -> None:
        """Divide one listener's listening in one pool; plays of artists that get nothing stay listed."""
        amounts: dict[str, int] = {}
        seen: dict[str, tuple[int, int]] = {}
        for artist, source, amount, plays, ms in mine.select("artist", "source", "amount", "plays", "ms").iter_rows():
            amounts[artist] = amounts.get(artist, 0) + amount
            before = seen.get(source, (0, 0))
            seen[source] = before[0] + plays, before[1] + (ms or 0)
        if sum(amounts.values()):
            shares = self.shares(user, amounts, sum(plays for plays, _ in seen.values()))
            more_rows = int(mine["rows"].sum()) - len(seen)
            self.lines.add(pool, user, sum(amounts.values()), by_source(shares, mine), more_rows=more_rows)
        self.lines.played(pool, user, seen)
        self.met.add(user)

    def shares(self, user: str, amounts: Mapping[str, int], plays: int) -> dict[str, int]:
        """Return how a listener's listening, which is above 0, is divided: artist -> parts."""
        shares = divide_listening(
            {artist: amount for artist, amount in amounts.items() if amount},
            plays=max(1, plays),
            past=self.past.get(user, {}),
            kappa=self.kappa,
            wishes=self.wishes.get(user),
        )
        self.blocked += BLOCKED in shares
        return shares

    def remarks(self) -> tuple[str, ...]:
        """Say in sentences how many listeners' money was divided anew."""
        said = []
        if self.past and self.kappa:
            known = counted(len(self.met & set(self.past)), "listener")
            said.append(f"own history: the past of {known} counts {self.kappa} plays")
        if self.wishes:
            said.append(f"wishes: those of {len(self.met & set(self.wishes)):,} listeners were followed")
        if self.blocked:
            said.append(
                f"{counted(self.blocked, 'listener')} blocked all they play; their money is in the line {BLOCKED!r}"
            )
        if self.lines.rough:
            said.append(
                f"the shares of {counted(self.lines.rough, 'listener')} are finer than 62 bits, and were cut off there"
            )
        return tuple(said)


def by_source(shares: Mapping[str, int], mine: pl.DataFrame) -> Mapping[str, int]:
    """Give what each artist gets to the artist, or to its tracks that have splits, by listening; exact parts."""
    if mine["source"].equals(mine["artist"]):
        return shares
    played: dict[str, dict[str, int]] = {}
    for artist, source, amount in mine.select("artist", "source", "amount").iter_rows():
        if amount:
            played.setdefault(artist, {})[source] = amount
    found: dict[str, Fraction] = {}
    for artist, part in shares.items():
        own = played.get(artist, {artist: 1})
        for source, amount in own.items():
            found[source] = found.get(source, Fraction(0)) + Fraction(part * amount, sum(own.values()))
    return whole(found)


def among(column: pa.Array, users: pa.Array) -> NDArray[np.bool_]:
    """Say which rows are of one of the users; ids that are integers stand for their decimal text."""
    return places(column, users) >= 0


def kept(listens: Listens, sources: pa.Array, rows: NDArray[np.bool_]) -> pl.DataFrame:
    """Copy some rows of a batch."""
    mask, count = pa.array(rows), int(rows.sum())
    ones = np.ones(count, dtype=np.int64)
    amount, plays = (ones if numbers is None else numbers[rows] for numbers in (listens.amount, listens.plays))
    return pl.DataFrame(
        {
            "pool": np.zeros(count, np.int64) if listens.pool is None else listens.pool[rows].astype(np.int64),
            "user": pl.Series(text_of(listens.user.filter(mask))),
            "artist": pl.Series(text_of(listens.artist.filter(mask))),
            "source": pl.Series(text_of(sources.filter(mask))),
            "rows": ones,
            "amount": amount,
            "plays": plays,
            "ms": pl.Series([None] * count, dtype=pl.Int64) if listens.ms is None else listens.ms[rows],
        }
    )


BLOCKED = "held:every artist blocked"
"""The line of listeners who blocked all they play and name nobody else."""


@dataclass(slots=True)
class Wishes:
    """What one listener asked for."""

    gifts: dict[str, Fraction] = field(default_factory=dict)
    """artist -> share of the listener's money; together at most 1."""
    blocked: set[str] = field(default_factory=set)
    boosts: dict[str, Fraction] = field(default_factory=dict)
    """artist -> factor on the listener's own share, above 0."""


def divide_listening(
    own: Mapping[str, int], *, plays: int, past: Mapping[str, int], kappa: Fraction, wishes: Wishes | None
) -> dict[str, int]:
    """Return how one listener's listening is divided among artists, by listening, history and wishes together.

    Args:
        own: artist -> this month's listening in the measure, each above 0; at least one artist.
        plays: this month's plays, at least 1.
        past: artist -> past plays, each above 0; may be empty.
        kappa: how many plays the past counts for.
        wishes: None for none.

    Returns:
        artist -> parts, none zero, in the exact proportion; integers of any size.

    """
    weights = with_history(own, plays=plays, past=past, kappa=kappa)
    return weights if wishes is None else with_wishes(weights, past=past, wishes=wishes)


def fitted(weights: Mapping[str, int]) -> tuple[dict[str, int], bool]:
    """Bring parts to the smallest whole numbers, summing to at most 2^62; say also whether that was exact.

    Where the exact proportion is finer, each is cut off below the last bit: equal parts stay equal, and none is lost.
    """
    common = gcd(*weights.values())
    small = {a: x // common for a, x in weights.items()}
    total = sum(small.values())
    if total <= LARGEST:
        return small, True
    most = LARGEST - len(small)
    return {a: max(1, x * most // total) for a, x in small.items()}, False


def with_history(own: Mapping[str, int], *, plays: int, past: Mapping[str, int], kappa: Fraction) -> dict[str, int]:
    """Return integer weights in proportion to x + k h; k is kappa plays of the mean length L / N."""
    heard, remembered = sum(own.values()), sum(past.values())
    if not remembered or not kappa:
        return dict(own)
    scale, pull = plays * remembered * kappa.denominator, kappa.numerator * heard
    return {a: own.get(a, 0) * scale + past.get(a, 0) * pull for a in {**own, **past}}


def with_wishes(weights: Mapping[str, int], *, past: Mapping[str, int], wishes: Wishes) -> dict[str, int]:
    """Return integer weights in proportion to t."""
    given = sum(wishes.gifts.values(), Fraction(0))
    own = masked(weights, wishes)
    if not sum(own.values()) and not given:
        own = masked(past, wishes)
        if not sum(own.values()):
            return {BLOCKED: 1}
    base = sum(own.values())
    if not base:
        return whole(dict(wishes.gifts))
    kept = {a: x * (1 - given) for a, x in own.items()}
    return whole({a: kept.get(a, Fraction(0)) + wishes.gifts.get(a, 0) * base for a in {**kept, **wishes.gifts}})


def masked(weights: Mapping[str, int], wishes: Wishes) -> dict[str, Fraction]:
    """Leave blocked artists out, and multiply boosted ones."""
    return {a: x * wishes.boosts.get(a, Fraction(1)) for a, x in weights.items() if x and a not in wishes.blocked}


def whole(weights: Mapping[str, Fraction]) -> dict[str, int]:
    """Multiply fractions by their common denominator."""
    common = lcm(*(Fraction(x).denominator for x in weights.values()))
    return {a: int(x * common) for a, x in weights.items() if x}


def apportion(weights: Mapping[str, int], total: int) -> dict[str, int]:
    """Divide units by largest remainder; ties go to the smaller id in bytes."""
    among = sum(weights.values())
    parts = {a: divmod(total * x, among) for a, x in weights.items()}
    left = total - sum(floor for floor, _ in parts.values())
    served = sorted(parts, key=lambda a: (-parts[a][1], a.encode()))[:left]
    units = {a: floor for a, (floor, _) in parts.items()}
    for artist in served:
        units[artist] += 1
    return {a: n for a, n in units.items() if n}
