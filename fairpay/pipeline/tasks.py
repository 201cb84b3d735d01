"""What tasks on a cluster do: each takes its users in as every run does, and hands on what they add to a month."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.engine import spark as cluster
from fairpay.engine.spark import TaskRow
from fairpay.errors import InputError
from fairpay.logs.read import Logs, open_logs
from fairpay.logs.schema import Cautions
from fairpay.logs.tables import read_artists
from fairpay.pipeline.intake import counted_apart, take_in
from fairpay.pipeline.partfile import Answer, PartFile, packed, unpacked
from fairpay.pipeline.parts import MonthPart, part_of
from fairpay.pipeline.repeats import TELLING
from fairpay.pipeline.request import Watch
from fairpay.pipeline.scattered import Scattered
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairpay.engine.partial import PoolPart
    from fairpay.kernels.arrays import Ints
    from fairpay.pipeline.intake import Plan, Taken, Variant
    from fairpay.pipeline.scattered import Layout
    from fairpay.rules.core.month import Totals, Usage

__all__ = ["Recipe", "add_answers", "counted_in", "own_part", "pack_answer", "sent", "taken_in"]

TASK_MEMORY = 1_000_000_000
"""Bytes that a task's engine may hold before it writes to its disk, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came to a task: plays, as logs that are opened, and who paid what into which pool."""

    logs: Logs
    payers: Mapping[int, Sequence[tuple[pa.Array, Ints]]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a task needs to take its users in, as plain data: it is sent to executors."""

    plan: Plan
    """Its payers are of all users and name nobody: each pool that has some has none here."""
    variants: tuple[Variant, ...]
    wanted: tuple[str, ...] = ()
    """Roles to read."""
    names: tuple[str, ...] = ()
    """What the columns are called, in the order in which they come."""
    layout: Layout | None = None
    """Of files that tasks read; None: rows are Spark's."""
    period: tuple[int | None, int | None] = (None, None)
    version: str = metadata.version("fairpay")
    """Of fairpay, which must be that of the executors."""

    def arrived(self, batches: Iterator[pa.RecordBatch], buckets: set[int], *, twice: bool) -> Arrived | None:
        """Open what came to a task, and note the buckets; None where nobody came. `twice`: plays are read twice."""
        there = metadata.version("fairpay")
        if there != self.version:
            message = f"the executors have fairpay {there}, and this machine has {self.version}"
            raise InputError(message, advice="Install the same everywhere.")
        if self.layout is not None:
            found = Scattered.of(batches, buckets)
            logs = replace(found.logs(self.layout), period=self.period)
            return Arrived(logs, found.payers) if buckets else None
        plays, payers = divided(self.names, batches, buckets, twice=twice)
        if not plays.schema.names:
            return None
        logs = open_logs(plays, self.plan.reading, wanted=self.wanted, telling=TELLING, period=self.period)
        return Arrived(logs, {0: payers} if payers else {})

    def planned(self, arrived: Arrived) -> Plan:
        """Say what is done with what arrived; a pool that has subscribers has them in every task, if none of these."""
        parts = {pool: arrived.payers.get(pool, ()) for pool in self.plan.payers.parts}
        return replace(self.plan, payers=replace(self.plan.payers, parts=parts))


def sent(plan: Plan) -> Plan:
    """Return what tasks do of a plan, without what is of this machine, or of other users."""
    running = Running(memory=plan.running.memory or TASK_MEMORY, threads=1)
    artists = read_artists(plan.artists) if isinstance(plan.artists, Path) and plan.policies else None
    return replace(
        plan,
        payers=replace(plan.payers, parts=dict.fromkeys(plan.payers.parts, ()), outside=()),
        running=running,
        artists=artists,
        reading=replace(plan.reading, rejects=None, header=True),
        counted=None if plan.counting else {},
        partly=True,
        rowless=True,
        set_aside=True,
        rejects=None,
    )


def taken_in(recipe: Recipe, batches: Iterator[pa.RecordBatch]) -> Iterator[TaskRow]:
    """Take a task's users in, and hand on what they add, the buckets met, and their blocks for the walks to come."""
    buckets: set[int] = set()
    arrived = recipe.arrived(batches, buckets, twice=recipe.plan.reading.repeats == "drop")
    if arrived is None:
        return
    cautions = Cautions()
    with take_in(recipe.planned(arrived), arrived.logs, Watch(), cautions, variants=recipe.variants) as taken:
        part = part_of(taken, cautions)
        task = f"{min(buckets, default='')} {stamp(part.pools)}"
        yield TaskRow(task, "part", 0, packed(PartFile(terms={}, round=1, parts=(), part=part)))
        yield from blocks(taken, part, task)
    yield TaskRow(task, "buckets", 0, cluster.packed_arrays({"bucket": np.array(sorted(buckets), dtype=np.int64)}))


def blocks(taken: Taken, part: MonthPart, task: str) -> Iterator[TaskRow]:
    """Yield the users of each pool that pays, for the walks to come."""
    for pool, own in enumerate(part.pools[: taken.plan.pools]):
        if own.payers.users:
            users = taken.engine.pool(pool).listening.walk(copied)
            yield from cluster.kept_blocks(task, pool, own.artist, users)
            taken.engine.pool(pool).release()


def own_part(recipe: Recipe) -> MonthPart:
    """Return what nobody adds to a month."""
    assert recipe.layout is not None
    arrived, cautions = Arrived(Scattered({}, {}).logs(recipe.layout), {}), Cautions()
    with take_in(recipe.planned(arrived), arrived.logs, Watch(), cautions, variants=recipe.variants) as taken:
        return part_of(taken, cautions)


def stamp(pools: Sequence[PoolPart]) -> str:
    """Return what is the same whenever a task's users are taken in, in whatever order: SHA-256 of what they add."""
    digest = hashlib.sha256()
    for pool in pools:
        digest.update(repr(pool.payers).encode())
        for frame in (pool.artists, pool.users):
            digest.update(frame.write_csv().encode())
    return digest.hexdigest()


def copied(usage: Usage) -> Usage:
    """Take a block that outlives its walk."""
    return replace(usage, artist=usage.artist.copy(), amount=usage.amount.copy(), start=usage.start.copy())


def divided(
    names: Sequence[str], batches: Iterator[pa.RecordBatch], buckets: set[int], *, twice: bool
) -> tuple[Any, list[tuple[pa.Array, Ints]]]:
    """Tell plays from what users paid, and note the buckets.

    Plays come as a stream, or as a table where they are read `twice` or stand behind payers, who go first.
    """
    first = next(batches, None)
    own = [*range(len(names))]
    payers: list[tuple[pa.Array, Ints]] = []
    if first is None:
        return pa.table({}), payers
    schema = first.schema

    def plays() -> Iterator[pa.RecordBatch]:
        for batch in chain([first], batches):
            buckets.update(pc.unique(batch.column(cluster.BUCKET)).to_pylist())
            if cluster.FEE in schema.names:
                paid = pc.is_valid(batch.column(cluster.FEE))
                lines = batch.filter(paid)
                ids = lines.column(cluster.PAYER).cast(pa.large_string())
                payers.append((ids, lines.column(cluster.FEE).to_numpy()))
                batch = batch.filter(pc.invert(paid))  # noqa: PLW2901 - the rest of it
            yield batch.select(own).rename_columns([*names])

    kept = pa.schema([schema.field(k).with_name(name) for k, name in enumerate(names)])
    if twice or cluster.FEE in schema.names:
        return pa.Table.from_batches(plays(), kept), payers
    return pa.RecordBatchReader.from_batches(kept, plays()), payers


def counted_in(recipe: Recipe, batches: Iterator[pa.RecordBatch]) -> Iterator[TaskRow]:
    """Count a task's rows, in a job of its own: a census for each unit and pool, see `census_of`."""
    arrived = recipe.arrived(batches, set(), twice=True)
    if arrived is None:
        return
    for unit, of_pools in counted_apart(recipe.planned(arrived), arrived.logs).items():
        for pool, one in of_pools.items():
            yield TaskRow("", "census", pool, packed(PartFile(terms={}, round=1, parts=(), census={unit: one})))


def pack_answer(sums: Ints, totals: Totals) -> bytes:
    """Return what a task's visits add up to as a part's file."""
    return packed(PartFile(terms={}, round=1, parts=(), answer=(Answer(sums, totals),)))


def add_answers(files: Sequence[bytes], rows: int, columns: int) -> tuple[Ints, Totals]:
    """Add up what tasks' visits came to."""
    whole = Answer(np.zeros((rows, columns), dtype=np.int64), ())
    for content in files:
        (answer,) = unpacked(content, "a task").answer
        whole += answer
    return whole.sums, whole.totals
