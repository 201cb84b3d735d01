"""Plays, subscribers and artists as tables, under the names fairpay finds by itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.errors import UsageError
from fairpay.synthetic.catalogue import GENRES
from fairpay.synthetic.draws import draw, pick_table, stream
from fairpay.synthetic.ids import make_ids
from fairpay.synthetic.names import artist_name, label_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.synthetic.ids import IdStyle
    from fairpay.synthetic.month import Month
    from fairpay.synthetic.plays import Plays

__all__ = ["COLUMNS", "COUNTRIES", "PLANS", "Tables", "make_tables"]

COLUMNS = {
    "ts": pa.timestamp("ms", "UTC"),
    "user_id": pa.large_string(),
    "artist_id": pa.large_string(),
    "track_id": pa.large_string(),
    "ms_played": pa.int64(),
    "country": pa.large_string(),
    "plan": pa.large_string(),
}
"""What a log can hold, in this order."""
COUNTRIES: Mapping[str, float] = {"DE": 24, "FR": 18, "GB": 17, "US": 16, "SE": 8, "NO": 6, "JP": 6, "BR": 5}
"""country -> weight."""
PLANS: Mapping[str, tuple[str, float]] = {
    "individual": ("10.99", 52),
    "family": ("3.40", 31),
    "student": ("5.99", 15),
    "trial": ("0.00", 2),
}
"""plan -> what each of its users pays, and its weight."""
PICKS = 1 << 12
BATCH = 1_000_000


@dataclass(frozen=True)
class Tables:
    """How indices become what a log says."""

    seed: int
    ids: IdStyle
    month: Month
    columns: tuple[str, ...]
    countries: Mapping[str, float]
    plans: Mapping[str, tuple[str, float]]

    @property
    def schema(self) -> pa.Schema:
        """The log's columns."""
        return pa.schema([(name, COLUMNS[name]) for name in self.columns])

    @cached_property
    def user_ids(self) -> pa.Array:
        """large_string[users]."""
        return make_ids(self.ids, kind="user", seed=self.seed, keys=np.arange(self.month.users))

    @cached_property
    def artist_ids(self) -> pa.Array:
        """large_string[artists + 1]; the last is null and stands for -1."""
        known = make_ids(self.ids, kind="artist", seed=self.seed, keys=np.arange(self.month.artists))
        return pa.concat_arrays([known, pa.nulls(1, pa.large_string())])

    def plays(self, plays: Plays) -> pa.Table:
        """Make the log's columns of some plays."""
        made = {
            "ts": lambda: pa.array(plays.second * 1000).cast(COLUMNS["ts"]),
            "user_id": lambda: self.user_ids.take(pa.array(plays.user)),
            "artist_id": lambda: self.artist_ids.take(pa.array(plays.artist % (self.month.artists + 1))),
            "track_id": lambda: make_ids(self.ids, kind="track", seed=self.seed, keys=plays.track),
            "ms_played": lambda: pa.array(plays.ms),
            "country": lambda: self.pick("country", dict(self.countries), plays.user),
            "plan": lambda: self.pick("plan", {plan: weight for plan, (_, weight) in self.plans.items()}, plays.user),
        }
        return pa.table([made[name]() for name in self.columns], schema=self.schema)

    def pick(self, what: str, weights: Mapping[str, float], users: NDArray[np.int64]) -> pa.Array:
        """Give each user one of the names by weight, always the same one: large_string[n]."""
        table = pick_table(list(weights.values()), PICKS)
        place = draw(stream(self.seed, what), users) >> np.uint64(64 - 12)
        return pa.array(list(weights), pa.large_string()).take(pa.array(table[place.astype(np.int64)]))

    @property
    def subscriber_schema(self) -> pa.Schema:
        """The columns of a subscriber file."""
        return pa.schema([(name, pa.large_string()) for name in ("user_id", "paid", "plan")])

    def subscribers(self, everybody: int) -> Iterator[pa.Table]:
        """Make who paid what, of `everybody` users: those who listened, and those after them who did not."""
        paid = {plan: amount for plan, (amount, _) in self.plans.items()}
        for begin in range(0, everybody, BATCH):
            index = np.arange(begin, min(begin + BATCH, everybody))
            ids = make_ids(self.ids, kind="user", seed=self.seed, keys=index)
            plan = self.pick(
                "plan", {plan: weight for plan, (_, weight) in self.plans.items()}, index
            ).dictionary_encode()
            amounts = pa.array([paid[name] for name in plan.dictionary.to_pylist()], pa.large_string())
            yield pa.table({"user_id": ids, "paid": amounts.take(plan.indices), "plan": plan.dictionary_decode()})

    def artist_table(self) -> pa.Table:
        """Make names, genres and labels of the artists; planted ones have no genre."""
        names = [artist_name(k) for k in range(self.month.catalogue.artists)]
        planted = [name for plant in self.month.plants for name in plant.names]
        genres = list(GENRES)
        return pa.table(
            {
                "artist_id": self.artist_ids.slice(0, self.month.artists),
                "name": pa.array(names + planted, pa.large_string()),
                "genre": pa.array(
                    [genres[k] for k in self.month.catalogue.genre] + [None] * len(planted), pa.large_string()
                ),
                "label": pa.array([label_name(k) for k in range(self.month.artists)], pa.large_string()),
            }
        )


def make_tables(  # noqa: PLR0913 - one keyword for each option of the command
    made: Month,
    *,
    seed: int,
    ids: IdStyle,
    columns: Sequence[str] | None,
    countries: Mapping[str, float] | None,
    plans: Mapping[str, tuple[str, float]] | None,
) -> Tables:
    """Decide how a month is written.

    Raises:
        UsageError: for a column that cannot be made.

    """
    chosen = tuple(columns or COLUMNS)
    if unknown := [name for name in chosen if name not in COLUMNS]:
        message = f"no column {', '.join(unknown)} can be made"
        raise UsageError(message, advice=f"Choose among: {', '.join(COLUMNS)}.")
    return Tables(seed, ids, made, chosen, countries or COUNTRIES, plans or PLANS)
