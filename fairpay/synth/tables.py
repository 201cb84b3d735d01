"""Plays, subscribers and artists as tables, under the names fairpay finds by itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.errors import UsageError
from fairpay.synth.catalogue import GENRES, artist_name, label_name
from fairpay.synth.draws import draw, pick_table, stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.synth.plays import MadeMonth

__all__ = ["COLUMNS", "COUNTRIES", "PAID", "PLANS", "USUAL", "Tables", "picked"]

IdStyle: TypeAlias = Literal["long", "short"]
COLUMNS = {
    "ts": pa.timestamp("ms", "UTC"),
    "user_id": pa.large_string(),
    "artist_id": pa.large_string(),
    "track_id": pa.large_string(),
    "ms_played": pa.int64(),
    "country": pa.large_string(),
    "plan": pa.large_string(),
    "plays": pa.int64(),
}
"""What a log can hold, in this order."""
USUAL = tuple(COLUMNS)[:-1]
"""What it holds where nothing is said of it."""
COUNTRIES: Mapping[str, float] = {"DE": 24, "FR": 18, "GB": 17, "US": 16, "SE": 8, "NO": 6, "JP": 6, "BR": 5}
"""country -> weight."""
PLANS: Mapping[str, tuple[str, float]] = {
    "individual": ("10.99", 52),
    "family": ("3.40", 31),
    "student": ("5.99", 15),
    "trial": ("0.00", 2),
}
"""plan -> what each of its users pays, and its weight."""
PAID = pa.schema([(name, pa.large_string()) for name in ("user_id", "paid", "plan", "country")])
"""The columns of a subscriber file."""
PICKS = 1 << 12
BATCH = 1_000_000


@dataclass(frozen=True)
class Tables:
    """How indices become what a log says."""

    seed: int
    ids: IdStyle
    month: MadeMonth
    columns: Sequence[str]
    countries: Mapping[str, float]
    plans: Mapping[str, tuple[str, float]]

    def __post_init__(self) -> None:
        """Refuse columns that cannot be made.

        Raises:
            UsageError: there are some.

        """
        if unknown := [name for name in self.columns if name not in COLUMNS]:
            message = f"no column {', '.join(unknown)} can be made"
            raise UsageError(message, advice=f"Choose among: {', '.join(COLUMNS)}.")

    @property
    def schema(self) -> pa.Schema:
        """The log's columns."""
        return pa.schema([(name, COLUMNS[name]) for name in self.columns])

    def named(self, kind: str, keys: NDArray[np.integer]) -> pa.Array:
        """Make the id of each key: large_string[n]. `kind` (user, artist, track) keeps the kinds' ids apart."""
        return long_ids(stream(self.seed, f"{kind} id"), keys) if self.ids == "long" else short_ids(kind[0], keys)

    @cached_property
    def user_ids(self) -> pa.Array:
        """large_string[users]."""
        return self.named("user", np.arange(self.month.users))

    @cached_property
    def artist_ids(self) -> pa.Array:
        """large_string[artists + 1]; the last is null and stands for -1."""
        known = self.named("artist", np.arange(self.month.artists))
        return pa.concat_arrays([known, pa.nulls(1, pa.large_string())])

    def plays(self, plays: pl.DataFrame) -> pa.Table:
        """Make the log's columns of some plays."""
        user, artist = plays["user"].to_numpy(), plays["artist"].to_numpy()
        made = {
            "ts": lambda: pa.array(plays["second"].to_numpy() * 1000).cast(COLUMNS["ts"]),
            "user_id": lambda: self.user_ids.take(pa.array(user)),
            "artist_id": lambda: self.artist_ids.take(pa.array(artist % (self.month.artists + 1))),
            "track_id": lambda: self.named("track", plays["track"].to_numpy()),
            "ms_played": lambda: pa.array(plays["ms"].to_numpy()),
            "country": lambda: self.country_of(user),
            "plan": lambda: self.plan_of(user),
            "plays": lambda: pa.array(plays["plays"].to_numpy() if "plays" in plays.columns else np.ones_like(user)),
        }
        return pa.table([made[name]() for name in self.columns], schema=self.schema)

    def pick(self, what: str, weights: Mapping[str, float], users: Ints) -> pa.Array:
        """Give each user one of the names by weight, always the same one: large_string[n]."""
        return pa.array(list(weights), pa.large_string()).take(pa.array(picked(self.seed, what, weights, users)))

    def country_of(self, users: Ints) -> pa.Array:
        """Return the country of each user: large_string[n]."""
        return self.pick("country", self.countries, users)

    def plan_of(self, users: Ints) -> pa.Array:
        """Return the plan of each user: large_string[n]."""
        return self.pick("plan", {plan: weight for plan, (_, weight) in self.plans.items()}, users)

    def subscribers(self, everybody: int) -> Iterator[pa.Table]:
        """Make who paid what (columns: PAID), of `everybody` users: those after the month's users did not listen."""
        paid = {plan: amount for plan, (amount, _) in self.plans.items()}
        for begin in range(0, everybody, BATCH):
            index = np.arange(begin, min(begin + BATCH, everybody))
            plan = pl.Series(self.plan_of(index))
            columns = (self.named("user", index), plan.replace_strict(paid), plan, self.country_of(index))
            yield pa.table([pa.array(column, pa.large_string()) for column in columns], schema=PAID)

    def truth(self) -> pa.Table:
        """Say of every user what it is: `user_id`, `kind` (person, or an odd or planted kind), `group` or null."""
        kind, group = np.full(self.month.users, -1), np.full(self.month.users, -1)
        for number, mark in enumerate(self.month.marks):
            kind[mark.accounts], group[mark.accounts] = number, mark.group
        names = pa.array([*(mark.kind for mark in self.month.marks), "person"], pa.large_string()).take(
            pa.array(kind % (len(self.month.marks) + 1))
        )
        together = pc.binary_join_element_wise(
            names, pa.array(group, mask=group < 0).cast(pa.large_string()), pa.scalar(" ", pa.large_string())
        )
        return pa.table({"user_id": self.user_ids, "kind": names, "group": together})

    def artist_table(self) -> pa.Table:
        """Make names, genres and labels of the artists; planted ones have neither genre nor label."""
        count, nobody = self.month.catalogue.artists, [None] * len(self.month.planted)
        names = [artist_name(k) for k in range(count)]
        genres = [list(GENRES)[k] for k in self.month.catalogue.genre]
        labels = [label_name(k, genre, count) for k, genre in enumerate(genres)]
        return pa.table(
            {
                "artist_id": self.artist_ids.slice(0, self.month.artists),
                "name": pa.array([*names, *self.month.planted], pa.large_string()),
                "genre": pa.array([*genres, *nobody], pa.large_string()),
                "label": pa.array([*labels, *nobody], pa.large_string()),
            }
        )


def picked(seed: int, what: str, weights: Mapping[str, float], users: Ints) -> Ints:
    """Pick one of the names for each user by weight, always the same one: its place among them, int64[n]."""
    table = pick_table(list(weights.values()), PICKS)
    place = draw(stream(seed, what), users) >> np.uint64(64 - 12)
    return table[place.astype(np.int64)].astype(np.int64)


LENGTH = 22
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


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
    numbers = pl.Series(keys.astype(np.int64)).cast(pl.String).str.zfill(width)
    return (letter + numbers).to_arrow(compat_level=pl.CompatLevel.oldest())


def from_fixed_width(text: NDArray[np.uint8], width: int) -> pa.Array:
    """Wrap ASCII bytes uint8[n, width] as large_string[n] without a copy."""
    count = len(text)
    offsets = np.arange(0, width * count + 1, width, dtype=np.int64)
    return pa.Array.from_buffers(pa.large_string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(text)])
