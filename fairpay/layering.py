"""The layers as a stage: the plays of listeners who stated something are set aside, divided anew, and handed back.

A listener's listening as a whole is kept, only its division among artists changes; so every rule gives the listener
the weight it would have given, and divides it the new way. The shares go to the rules as they are, whole numbers in a
unit of the listener's own. What is held in memory are the plays of the listeners concerned, added up by artist.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.errors import InputError
from fairpay.layers.delegation import delegate
from fairpay.layers.splits import BLOCKED, Wishes, divide_listening, fitted
from fairpay.money import LARGEST
from fairpay.schema import Division, Listens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from fairpay.usage import Ints

__all__ = ["STAND_IN", "Layering", "Lines", "delegated"]

STAND_IN = "\0listener "
"""What the ids begin with under which the engine takes in how much listeners heard whose shares follow."""


@dataclass(slots=True)
class Lines:
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


def division(listeners: Sequence[tuple[str, int, Mapping[str, int]]]) -> Division:
    """Put the shares of a pool's listeners together."""
    names, rows, shares = zip(*listeners, strict=True)
    return Division(
        pa.array(names, pa.large_string()),
        np.cumsum([0, *map(len, shares)], dtype=np.int64),
        pa.array([artist for own in shares for artist in own], pa.large_string()),
        np.array([part for own in shares for part in own.values()], dtype=np.int64),
        np.array(rows, dtype=np.int64),
    )


@dataclass
class Layering:
    """Applies history and wishes to batches, from any number of threads; then `extra` gives back what was set aside."""

    past: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """user -> artist -> past plays."""
    wishes: Mapping[str, Wishes] = field(default_factory=dict)
    kappa: Fraction = Fraction(0)
    """How many plays the past counts for."""

    def __post_init__(self) -> None:
        """Prepare to look users up."""
        self.users = pa.array(sorted({*self.past, *self.wishes}, key=str.encode), pa.large_string())
        self.aside: list[pl.DataFrame] = []
        self.lines = Lines()
        self.met: set[str] = set()
        self.blocked = 0
        self.lock = Lock()

    def apply(self, listens: Listens) -> Listens:
        """Set the plays of the listeners concerned aside."""
        concerned = listens.used & among(listens.user, self.users)
        if not concerned.any():
            return listens
        with self.lock:
            self.aside.append(kept(listens, concerned))
        return replace(listens, used=listens.used & ~concerned)

    def extra(self) -> Listens:
        """Return what was set aside, and how it is divided anew; each listener's sum is what it was."""
        import polars as pl  # noqa: PLC0415 - loaded where tables are grouped

        if self.aside:
            whole = pl.concat(self.aside).group_by("user", "artist").sum().sort("user", "artist")
            for (user,), mine in whole.group_by("user", maintain_order=True):
                self.divide(str(user), mine)
        return self.lines.listens(has_ms=self.has_ms, pooled=False)

    @property
    def has_ms(self) -> bool:
        """Whether the plays have durations."""
        return any(frame["ms"].null_count() == 0 for frame in self.aside)

    def divide(self, user: str, mine: pl.DataFrame) -> None:
        """Divide one listener's listening; plays of blocked artists stay listed."""
        amounts = dict(mine.select("artist", "amount").iter_rows())
        if sum(amounts.values()):
            shares = self.shares(user, amounts, int(mine["plays"].sum()))
            more_rows = int(mine["rows"].sum()) - len(amounts)
            self.lines.add(0, user, sum(amounts.values()), shares, more_rows=more_rows)
        seen = mine.select("artist", "plays", "ms").iter_rows()
        self.lines.played(0, user, {artist: (plays, ms or 0) for artist, plays, ms in seen})
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
            said.append(
                f"own history: the past of {len(self.met & set(self.past)):,} listeners counts {self.kappa} plays"
            )
        if self.wishes:
            said.append(f"wishes: those of {len(self.met & set(self.wishes)):,} listeners were followed")
        if self.blocked:
            said.append(f"{self.blocked:,} listeners blocked all they play; their money is in the line {BLOCKED!r}")
        if self.lines.rough:
            said.append(f"the shares of {self.lines.rough:,} listeners are finer than 62 bits, and were cut off there")
        return tuple(said)


def among(column: pa.Array, users: pa.Array) -> NDArray[np.bool_]:
    """Say which rows are of one of the users; ids that are integers stand for their decimal text."""
    import pyarrow.compute as pc  # noqa: PLC0415 - loaded where it is used

    if pa.types.is_dictionary(column.type):
        if not len(column.dictionary):
            return np.zeros(len(column), dtype=np.bool_)
        at = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        found: NDArray[np.bool_] = np.append(among(column.dictionary, users), np.False_)[at]
        return found
    rows: NDArray[np.bool_] = pc.is_in(column.cast(pa.large_string()), value_set=users).to_numpy(zero_copy_only=False)
    return rows


def kept(listens: Listens, rows: NDArray[np.bool_]) -> pl.DataFrame:
    """Copy some rows of a batch."""
    import polars as pl  # noqa: PLC0415 - loaded where tables are grouped

    mask = pa.array(rows)
    ones = np.ones(len(rows), dtype=np.int64)
    amount, plays = (ones if numbers is None else numbers for numbers in (listens.amount, listens.plays))
    ms = (
        pl.Series("ms", [None] * int(rows.sum()), dtype=pl.Int64) if listens.ms is None else pl.Series(listens.ms[rows])
    )
    return pl.DataFrame(
        {
            "user": pl.Series(listens.user.filter(mask).cast(pa.large_string())),
            "artist": pl.Series(listens.artist.filter(mask).cast(pa.large_string())),
            "rows": np.ones(int(rows.sum()), dtype=np.int64),
            "amount": amount[rows],
            "plays": plays[rows],
            "ms": ms,
        }
    )


def delegated(
    payers: Iterable[tuple[pa.Array, Ints]],
    shares: Mapping[str, Mapping[str, Fraction]],
    *,
    viscosity: Fraction,
    cap: Fraction,
    room: int = LARGEST,
) -> tuple[list[tuple[pa.Array, Ints]], int]:
    """Return who steers what, instead of who paid what, and how many of its units make a minor unit; at most `room`.

    Every delegator and delegate must be among the payers (`Stated.leave_out_unknown` sees to that). A delegate who
    plays nothing steers nothing: that money is then of an inactive subscriber, and the policy for these decides.

    Raises:
        InputError: a subscriber comes twice.

    """
    fees: dict[str, int] = {}
    lines = 0
    for users, paid in payers:
        fees.update(zip(users.cast(pa.large_string()).to_pylist(), paid.tolist(), strict=True))
        lines += len(paid)
    if lines > len(fees):
        message = f"{lines - len(fees)} of {lines} subscribers come twice"
        raise InputError(message, advice="Give one line for each subscriber.")
    steered, unit = delegate(fees, shares, viscosity=viscosity, cap=cap, room=room)
    return [(pa.array(list(steered), pa.large_string()), np.array(list(steered.values()), dtype=np.int64))], unit
