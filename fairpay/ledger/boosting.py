"""Boosting: a policy's play weights, boosts and thresholds in several pools at once, each by its own counts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fairpay.adjust.weights import Factor, Touched, Weigher, unit_of, wanted_roles
from fairpay.ledger.exclusions import as_text
from fairpay.logs.schema import Listens, RawBatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.adjust.policy import Boost, Threshold
    from fairpay.adjust.weights import Census
    from fairpay.kernels.arrays import Ints

__all__ = ["PoolWeigher"]


@dataclass(slots=True)
class PoolFactor(Factor):
    """A boost or a threshold: who reaches it differs from pool to pool."""

    keys: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """int64, ascending: pool * number of ids + place of the id, for ids that reach it in the pool."""

    def meets(self, raw: RawBatch, listens: Listens) -> NDArray[np.bool_]:
        """Say which rows it meets."""
        assert listens.pool is not None
        place = places(unit_of(raw, listens, self.column), self.found)
        key = listens.pool.astype(np.int64) * len(self.found) + place
        at = np.searchsorted(self.keys, key)
        found = (place >= 0) & (np.append(self.keys, -1)[at] == key)
        met: NDArray[np.bool_] = found != self.misses
        return met


@dataclass
class PoolWeigher(Weigher):
    """Applies one policy to the plays of the pools that have it, and counts for each pool what each line touched."""

    pools: tuple[int, ...] = ()
    """The codes of these pools."""
    counted: Mapping[str, Mapping[int, Census]] = field(default_factory=dict)
    """`artist` or `track` -> pool -> what was counted there."""

    def __post_init__(self) -> None:
        """Resolve every line, and begin to count."""
        super().__post_init__()
        self.place = np.full(max(self.pools, default=0) + 1, -1, dtype=np.int64)
        self.place[list(self.pools)] = np.arange(len(self.pools))
        lines = {id(touched): i for i, touched in enumerate(self.touched)}
        self.line_of = [lines[id(factor.touched)] for factor in self.factors]
        self.rows = np.zeros((len(self.touched), len(self.pools)), dtype=np.int64)
        self.plays = np.zeros((len(self.touched), len(self.pools)), dtype=np.int64)

    def add_limit(self, limit: Boost | Threshold, times: Fraction | None) -> None:
        """Look up who reaches a boost's or a threshold's numbers, in each pool."""
        import pyarrow as pa  # noqa: PLC0415 - loaded where it is used

        unit = limit.per if limit.per in self.counted else "artist"
        reaching = {code: census.reaching(limit) for code, census in sorted(self.counted[unit].items())}
        every = pa.chunked_array(list(reaching.values()), pa.large_string()).combine_chunks().unique()
        keys = [code * len(every) + places(ids, every) for code, ids in reaching.items()]
        touched = Touched(limit.name, Fraction(0) if times is None else times)
        self.touched.append(touched)
        up, down = (0, 1) if times is None else (times.numerator, times.denominator)
        own = np.sort(np.concatenate([*keys, np.zeros(0, dtype=np.int64)]))
        self.factors.append(PoolFactor(touched, up, down, unit, every, misses=times is None, keys=own))

    def rows_of(self, listens: Listens) -> Ints:
        """int64: the rows of these pools."""
        assert listens.pool is not None
        known = np.append(self.place, -1)
        rows: Ints = np.flatnonzero(known[np.minimum(listens.pool, len(self.place))] >= 0)
        return rows

    def streams(self, raw: RawBatch, listens: Listens) -> Listens:
        """Leave out plays of these pools that are too short to be streams there."""
        rows = self.rows_of(listens)
        if not len(rows):
            return listens
        part, mine = self.part(raw, listens, rows)
        used = listens.used.copy()
        used[rows] = self.without_short(part, mine).used
        return replace(listens, used=used)

    def part(self, raw: RawBatch, listens: Listens, rows: Ints) -> tuple[RawBatch, Listens]:
        """Take some rows of a batch, with the columns that are needed."""
        import pyarrow as pa  # noqa: PLC0415 - loaded where it is used

        if len(rows) == len(listens.used):
            return raw, listens
        at = pa.array(rows)
        roles = dict.fromkeys(("artist", *wanted_roles(self.policy)))
        columns = {role: raw.columns[role].take(at) for role in roles if role in raw.columns}
        amount, plays, ms = (None if x is None else x[rows] for x in (listens.amount, listens.plays, listens.ms))
        mine = Listens(
            user=listens.user.slice(0, 0),
            artist=listens.artist.take(at),
            used=listens.used[rows],
            amount=amount,
            plays=plays,
            ms=ms,
            pool=None if listens.pool is None else listens.pool[rows],
        )
        return RawBatch(columns, raw.file, raw.first_row), mine

    def count(
        self,
        listens: Listens,
        used: NDArray[np.bool_],
        met: tuple[Sequence[NDArray[np.bool_]], NDArray[np.bool_], Ints],
    ) -> None:
        """Count what each line touched in each pool."""
        super().count(listens, used, met)
        assert listens.pool is not None
        place = self.place[listens.pool]
        for line, here in zip(self.line_of, met[0], strict=True):
            rows = np.bincount(place[here], minlength=len(self.pools))
            plays = rows
            if listens.plays is not None:
                plays = np.zeros(len(self.pools), dtype=np.int64)
                np.add.at(plays, place[here], listens.plays[here])
            with self.lock:
                self.rows[line] += rows
                self.plays[line] += plays

    def effects(self, pool: int) -> list[Touched]:
        """What each line did in a pool."""
        at = int(self.place[pool])
        return [
            replace(touched, rows=int(self.rows[i, at]), plays=int(self.plays[i, at]))
            for i, touched in enumerate(self.touched)
        ]


def places(column: pa.Array, ids: pa.Array) -> Ints:
    """int64[rows]: the place of each row's text among `ids`; -1 where it is none of them."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
    import pyarrow.compute as pc  # noqa: PLC0415 - the same

    if pa.types.is_dictionary(column.type):
        known = np.append(places(column.dictionary, ids), -1)
        own: Ints = known[column.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
        return own
    at = pc.fill_null(pc.index_in(as_text(column), value_set=ids), -1)
    found: Ints = at.to_numpy(zero_copy_only=False).astype(np.int64)
    return found
