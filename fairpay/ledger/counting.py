"""Counting: what boosts and thresholds of policies ask for, in one reading of the log for all pools."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fairpay.adjust.weights import Census, keyed, lengths_of, units_counted, wanted_roles
from fairpay.engine.local import LocalEngine
from fairpay.ledger.boosting import PoolWeigher
from fairpay.pipeline.census import artist_columns
from fairpay.qualify import Qualifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.adjust.policy import Policy
    from fairpay.engine.pool import LocalPool
    from fairpay.ledger.judging import Terms
    from fairpay.ledger.listening import Asked
    from fairpay.ledger.policies import Chosen
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Listens, RawBatch

__all__ = ["policy_roles", "weighers_for"]


def policy_roles(asked: Asked) -> set[str]:
    """Columns of the log that the policies can use."""
    return {role for chosen in asked.loaded.policies.pools if chosen for role in wanted_roles(chosen.policy)}


def weighers_for(asked: Asked, logs: Logs, terms: Terms) -> tuple[PoolWeigher, ...]:
    """Count what the policies' boosts and thresholds ask for, and return what applies each policy to its pools.

    Plays count here as they qualify in their pool, under right ids, before any decision or weight; those excluded do
    not. The log is read once more for artists and once for tracks, as far as any policy counts them.

    Raises:
        FairpayError: an input that cannot be used.

    """
    groups: dict[str, tuple[Chosen, list[int]]] = {}
    for code, chosen in enumerate(asked.loaded.policies.pools):
        if chosen is not None:
            groups.setdefault(chosen.sha256, (chosen, []))[1].append(code)
    units: dict[str, list[int]] = {}
    lengths = []
    for chosen, codes in groups.values():
        for unit in units_counted(chosen.policy, logs.columns):
            units.setdefault(unit, []).extend(codes)
        if lengths_of(chosen.policy).weights:
            lengths.append(weigher(asked, lengths_of(chosen.policy), codes, logs=logs, counted={}))
    counted = {unit: count(asked, unit, sorted(codes), terms, lengths=lengths) for unit, codes in sorted(units.items())}
    return tuple(
        weigher(asked, chosen.policy, codes, logs=logs, counted=counted)
        for _, (chosen, codes) in sorted(groups.items())
    )


def weigher(
    asked: Asked, policy: Policy, codes: Sequence[int], *, logs: Logs, counted: dict[str, dict[int, Census]]
) -> PoolWeigher:
    """Make what applies one policy."""
    artists = asked.closing.tables.get("artists")
    missing = {weight.column for weight in policy.weights} - {*logs.columns}
    return PoolWeigher(
        policy,
        columns=frozenset(logs.columns),
        table=artist_columns(policy, artists) if missing else {},
        pools=tuple(codes),
        counted={
            unit: {code: counted[unit][code] for code in codes} for unit in units_counted(policy, logs.columns)
        },
    )  # fmt: skip


def count(
    asked: Asked, unit: str, codes: Sequence[int], terms: Terms, *, lengths: Sequence[PoolWeigher]
) -> dict[int, Census]:
    """Count streams and listeners of artists or tracks in these pools; `lengths` say which plays are too short."""
    running, pools = asked.closing.running, len(asked.loaded.pools)
    more = [role for one in lengths for role in wanted_roles(one.policy)] + (["track"] if unit == "track" else [])
    once, roles = asked.once, tuple(dict.fromkeys((*asked.money_roles, *more)))
    logs = asked.open(roles, terms.rest, telling=() if once is None else ("time", *once.roles))
    repeats = None if once is None else once.again()
    sorter = asked.sorter(terms.judge(Qualifier(terms.plain, set_aside=True, repeats=repeats)))
    wanted = np.zeros(pools + 2, dtype=np.bool_)
    wanted[list(codes)] = True

    def judged(raw: RawBatch) -> Listens:
        listens = sorter(raw)
        if not raw.columns:
            return listens
        assert listens.pool is not None
        raw = replace(raw, columns={**raw.columns, "artist": listens.artist})
        for one in lengths:
            listens = one.streams(raw, listens)
        return keyed(replace(listens, used=listens.used & wanted[listens.pool], ms=None), raw, unit)

    with LocalEngine(running, pools=pools) as engine:
        engine.ingest(logs.units(batch_rows=running.batch_rows), judged)
        engine.finish()
        return {code: census(engine.pools[code] if code < len(engine.pools) else None) for code in codes}


def census(pool: LocalPool | None) -> Census:
    """Streams and listeners of each unit of a pool."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where it is used

    if pool is None or not pool.payers.users:
        none = np.empty(0, dtype=np.int64)
        return Census(pa.array([], pa.large_string()), none, none)
    return Census(pool.artist.cast(pa.large_string()), pool.artist_plays, pool.artist_listeners)
