"""What a policy needs before the plays are weighed: one reading of the log that counts streams and listeners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.adjust.weights import Census, Weigher, keyed, lengths_of, units_counted, wanted_roles
from fairpay.engine.local import LocalEngine
from fairpay.logs.artists import read_artists
from fairpay.logs.read import open_logs
from fairpay.pipeline.repeats import open_once
from fairpay.qualify import Qualifier

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.adjust.policy import Policy
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.pipeline.repeats import Once
    from fairpay.settings.values import Qualifying, Reading, Running

__all__ = ["MONEY_ROLES", "artist_columns", "weigher_for"]

MONEY_ROLES = ("user", "artist", "plays", "seconds", "ms")


def weigher_for(  # noqa: PLR0913 - the settings of a reading
    policy: Policy,
    logs: object,
    *,
    reading: Reading,
    qualifying: Qualifying,
    running: Running,
    artists: Path | None = None,
    once: Once | None = None,
) -> Weigher:
    """Count what the policy's boosts and thresholds ask for, and return what applies the policy to each batch.

    The log is read once for each unit that is counted, and not at all where a policy has only weights. Plays count
    here as they qualify, before any weight, if they are as long as the weight of their kind asks, and those that `once`
    knows once; bad rows are left to the next reading.

    Raises:
        FairpayError: an input that cannot be used.

    """
    period = (qualifying.since, qualifying.until)
    timed = () if period == (None, None) else ("time",)
    roles = (*MONEY_ROLES, *timed, *wanted_roles(policy))
    source = open_logs(logs, reading, wanted=roles, period=period)
    telling = () if once is None else ("time", *once.roles)
    census = {}
    columns, table = frozenset(source.columns), artist_columns(policy, artists)
    lengths = Weigher(lengths_of(policy), columns=columns, table=table)
    for unit in units_counted(policy, source.columns):
        asked = dict.fromkeys((*wanted_roles(lengths.policy), *([unit] if unit == "track" else [])))
        wanted = (*MONEY_ROLES, *timed, *asked)
        opened = open_once(logs, reading, wanted=wanted, telling=telling, period=period)
        with LocalEngine(running) as engine:
            repeats = None if once is None else once.again()
            judge = Qualifier(qualifying, set_aside=True, repeats=repeats).judge

            def judged(raw: RawBatch, unit: str = unit, judge: object = judge) -> Listens:
                listens: Listens = judge(raw)  # type: ignore[operator]
                return keyed(lengths.without_short(raw, listens), raw, unit) if raw.columns else listens

            engine.ingest(opened.units(batch_rows=running.batch_rows), judged)
            census[unit] = counted(engine)
    return Weigher(policy, census, columns, table)


def counted(engine: LocalEngine) -> Census:
    """Ask the engine for streams and listeners of each unit."""
    intake = engine.finish(fee=1)
    if not intake.users:
        none = np.empty(0, dtype=np.int64)
        return Census(pa.array([], pa.large_string()), none, none)
    month = engine.month(pool=0, rate=None, fees_are_money=False)
    return Census(engine.artist.cast(pa.large_string()), engine.artist_plays, month.artist_listeners)


def artist_columns(policy: Policy, artists: Path | None) -> dict[str, tuple[pa.Array, pa.Array]]:
    """Read the columns of the artist file that the policy's weights can use."""
    if artists is None:
        return {}
    frame = read_artists(artists)
    ids = frame["artist"].to_arrow().cast(pa.large_string())
    columns = {weight.column for weight in policy.weights} & set(frame.columns)
    return {column: (ids, frame[column].to_arrow().cast(pa.large_string())) for column in sorted(columns)}
