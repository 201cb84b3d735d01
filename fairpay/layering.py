"""The layers as a stage: the plays of listeners who stated something are set aside, divided anew, and handed back.

A listener's listening as a whole is kept (times a number that is the same for everybody), only its division among
artists changes; so every rule gives the listener the weight it would have given, and divides it the new way. What is
held in memory are the plays of the listeners concerned, added up by artist.
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
from fairpay.layers.splits import BLOCKED, Wishes, divide_listening
from fairpay.schema import Listens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import polars as pl
    from numpy.typing import NDArray

    from fairpay.usage import Ints

__all__ = ["Layering", "delegated"]

LIMIT = 2**62
FINE_TIME = 2**12
"""Units for one millisecond: the shortest listen is finer than a part in 10^8, and a million years still fit."""
FINE_PLAYS = 2**24
"""Units for one play."""


@dataclass
class Layering:
    """Applies history and wishes to batches, from any number of threads; then `extra` gives back what was set aside."""

    past: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """user -> artist -> past plays."""
    wishes: Mapping[str, Wishes] = field(default_factory=dict)
    kappa: Fraction = Fraction(0)
    """How many plays the past counts for."""
    timed: bool = False
    """Whether listening is measured in time."""

    def __post_init__(self) -> None:
        """Prepare to look users up."""
        self.users = pa.array(sorted({*self.past, *self.wishes}, key=str.encode), pa.large_string())
        self.scale = FINE_TIME if self.timed else FINE_PLAYS
        self.aside: list[pl.DataFrame] = []
        self.total = 0
        self.met: set[str] = set()
        self.blocked = 0
        self.lock = Lock()

    def apply(self, listens: Listens) -> Listens:
        """Set the plays of the listeners concerned aside, and bring all others to the same units.

        Raises:
            InputError: listening in these units sums to 2^62 and more.

        """
        amount = np.ones(len(listens.used), dtype=np.int64) if listens.amount is None else listens.amount
        if int(amount.max(initial=0)) >= LIMIT // self.scale:
            refuse()
        concerned = listens.used & among(listens.user, self.users)
        used = listens.used & ~concerned
        with self.lock:
            self.total += int(amount[listens.used].astype(object).sum()) * self.scale
            if self.total >= LIMIT:
                refuse()
            if concerned.any():
                self.aside.append(kept(listens, amount, concerned))
        return replace(listens, used=used, amount=np.where(listens.used, amount, 0) * self.scale)

    def extra(self) -> Listens:
        """Return the plays that were set aside, divided anew; each listener's sum is what it was, in the new units."""
        import polars as pl  # noqa: PLC0415 - loaded where tables are grouped

        rows: list[tuple[str, str, int, int, int]] = []
        if self.aside:
            whole = pl.concat(self.aside).group_by("user", "artist").sum().sort("user", "artist")
            for (user,), mine in whole.group_by("user", maintain_order=True):
                rows += self.divided(str(user), mine)
        columns = list(zip(*rows, strict=True)) or [()] * 5
        amount, plays, ms = (np.array(column, dtype=np.int64) for column in columns[2:])
        return Listens(
            user=pa.array(columns[0], pa.large_string()),
            artist=pa.array(columns[1], pa.large_string()),
            used=np.ones(len(rows), dtype=np.bool_),
            amount=amount,
            plays=plays,
            ms=ms if any(frame["ms"].null_count() == 0 for frame in self.aside) else None,
        )

    def divided(self, user: str, mine: pl.DataFrame) -> Iterator[tuple[str, str, int, int, int]]:
        """Yield user, artist, units, plays, milliseconds; plays of blocked artists stay listed, with no units."""
        own = dict(mine.select("artist", "amount").iter_rows())
        seen = {artist: (plays, ms) for artist, plays, ms in mine.select("artist", "plays", "ms").iter_rows()}
        self.met.add(user)
        heard = sum(own.values())
        units = divide_listening(
            {artist: amount for artist, amount in own.items() if amount},
            heard * self.scale,
            plays=max(1, sum(plays for plays, _ in seen.values())),
            past=self.past.get(user, {}),
            kappa=self.kappa,
            wishes=self.wishes.get(user),
        ) if heard else {}  # fmt: skip
        self.blocked += BLOCKED in units
        for artist in sorted({*units, *seen}, key=str.encode):
            plays, ms = seen.get(artist, (0, 0))
            yield user, artist, units.get(artist, 0), plays, ms or 0

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


def kept(listens: Listens, amount: Ints, rows: NDArray[np.bool_]) -> pl.DataFrame:
    """Copy some rows of a batch."""
    import polars as pl  # noqa: PLC0415 - loaded where tables are grouped

    mask = pa.array(rows)
    plays = np.ones(len(rows), dtype=np.int64) if listens.plays is None else listens.plays
    ms = (
        pl.Series("ms", [None] * int(rows.sum()), dtype=pl.Int64) if listens.ms is None else pl.Series(listens.ms[rows])
    )
    return pl.DataFrame(
        {
            "user": pl.Series(listens.user.filter(mask).cast(pa.large_string())),
            "artist": pl.Series(listens.artist.filter(mask).cast(pa.large_string())),
            "amount": amount[rows],
            "plays": plays[rows],
            "ms": ms,
        }
    )


def refuse() -> None:
    """Refuse listening that leaves 62 bits in the units of the layers.

    Raises:
        InputError: always.

    """
    message = "the listening of the log is too much to divide anew: it sums to 2^62 units and more"
    raise InputError(message, advice="Run shorter periods, or without --history and --wishes.")


def delegated(
    payers: Iterable[tuple[pa.Array, Ints]],
    shares: Mapping[str, Mapping[str, Fraction]],
    *,
    viscosity: Fraction,
    cap: Fraction,
) -> list[tuple[pa.Array, Ints]]:
    """Return who steers what, instead of who paid what; the sum is the same.

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
    steered = delegate(fees, shares, viscosity=viscosity, cap=cap)
    return [(pa.array(list(steered), pa.large_string()), np.array(list(steered.values()), dtype=np.int64))]
