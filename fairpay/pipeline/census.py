"""What policies need before plays are weighed: one more reading that counts streams and listeners by pool."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.adjust.weights import Census, Weigher, keyed, lengths_of, units_counted
from fairpay.engine.local import LocalEngine
from fairpay.logs.tables import read_artists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from fairpay.adjust.policy import Policy
    from fairpay.engine.pool import LocalPool
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.settings.values import Running

__all__ = ["Applying", "census", "census_of", "weigher_of"]


@dataclass(frozen=True, slots=True)
class Applying:
    """A policy, and the codes of the pools that have it."""

    policy: Policy
    pools: tuple[int, ...] = (0,)
    whose: str = ""
    """Of several pools: what messages call it."""


def census_of(  # noqa: PLR0913 - what is counted, where and how
    logs: Logs,
    policies: Sequence[Applying],
    judge: Callable[[], Callable[[RawBatch], Listens]],
    *,
    pools: int,
    running: Running,
    artists: Path | pl.DataFrame | None,
) -> dict[str, dict[int, Census]]:
    """Count what the policies' boosts and thresholds ask for: `artist` or `track` -> pool -> what was counted there.

    The log is read once for each unit that is counted, and not at all where policies have only weights. Plays count
    here as they qualify, before any decision or weight, if they are as long as the weight of their kind asks; bad rows
    are left to the next reading.

    Args:
        logs: opened, with the columns that the policies use.
        policies: and their pools.
        judge: makes what judges the batches of one such reading; counts nothing else.
        pools: how many there are; rows name theirs where there are several.
        running: how to run.
        artists: a file of artists, for columns that the log lacks.

    """
    units: dict[str, list[int]] = {}
    for one in policies:
        for unit in units_counted(one.policy, logs.columns):
            units.setdefault(unit, []).extend(one.pools)
    lengths = [
        weigher_of(replace(one, policy=lengths_of(one.policy)), logs.columns, {}, artists)
        for one in policies
        if lengths_of(one.policy).weights
    ]
    return {
        unit: counted(logs, unit, lengths, judge, pools=pools, wanted=wanted, running=running)
        for unit, wanted in sorted(units.items())
    }


def counted(  # noqa: PLR0913 - the same
    logs: Logs,
    unit: str,
    lengths: Iterable[Weigher],
    judge: Callable[[], Callable[[RawBatch], Listens]],
    *,
    pools: int,
    wanted: Sequence[int],
    running: Running,
) -> dict[int, Census]:
    """Count streams and listeners of artists or tracks in the pools that are wanted."""
    counts = np.zeros(pools + 2, dtype=np.bool_)
    counts[list(wanted)] = True
    judging = judge()

    def stream(raw: RawBatch) -> Listens:
        listens = judging(raw)
        if not raw.columns:
            return listens
        raw = replace(raw, columns={**raw.columns, "artist": listens.artist})
        for one in lengths:
            listens = one.without_short(raw, listens)
        used = listens.used if listens.pool is None else listens.used & counts[listens.pool]
        return keyed(replace(listens, used=used, ms=None), raw, unit)

    with LocalEngine(running, pools=pools) as engine:
        engine.ingest(logs.units(batch_rows=running.batch_rows), stream)
        engine.finish()
        return {code: census(engine.pools[code] if code < len(engine.pools) else None) for code in wanted}


def census(pool: LocalPool | None) -> Census:
    """Streams and listeners of each unit of a pool."""
    if pool is None or not pool.payers.users:
        none = np.empty(0, dtype=np.int64)
        return Census(pa.array([], pa.large_string()), none, none)
    return Census(pool.artist.cast(pa.large_string()), pool.artist_plays, pool.artist_listeners)


def weigher_of(
    applying: Applying,
    columns: Mapping[str, str],
    census: Mapping[str, Mapping[int, Census]],
    artists: Path | pl.DataFrame | None,
) -> Weigher:
    """Return what applies a policy to the batches of a log with these columns by role."""
    policy = applying.policy
    wanted = [weight.column for weight in policy.weights] + [one.column for one in policy.withhold]
    missing = {*wanted} - {*columns}
    return Weigher(
        policy,
        {unit: {code: census[unit][code] for code in applying.pools} for unit in units_counted(policy, columns)},
        frozenset(columns),
        artist_columns(missing, artists) if missing and artists is not None else {},
        applying.pools,
    )


def artist_columns(columns: Iterable[str], artists: Path | pl.DataFrame) -> dict[str, tuple[pa.Array, pa.Array]]:
    """Read some columns of the artist file, as far as it has them: column -> ids and values."""
    frame = artists if isinstance(artists, pl.DataFrame) else read_artists(artists)
    ids = frame["artist"].to_arrow().cast(pa.large_string())
    found = sorted({*columns} & {*frame.columns})
    return {column: (ids, frame[column].to_arrow().cast(pa.large_string())) for column in found}
