"""A run whose plays are on a cluster: each task takes its users in as every run does, and what they add is settled."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from glob import has_magic
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.adjust.payers import Payers
from fairpay.engine import spark as cluster
from fairpay.engine.spark import Kept, SparkWalks, TaskRow
from fairpay.errors import InputError, UsageError
from fairpay.logs.files import format_of
from fairpay.logs.find import find_logs
from fairpay.logs.read import as_paths, open_logs
from fairpay.logs.schema import Cautions
from fairpay.logs.tables import read_artists
from fairpay.money.counts import counted as count_of
from fairpay.pipeline.funds import check_stated
from fairpay.pipeline.intake import counted_apart, take_in
from fairpay.pipeline.partfile import Answer, PartFile, add_censuses, packed, unpacked
from fairpay.pipeline.parts import add_up, part_of
from fairpay.pipeline.repeats import TELLING
from fairpay.pipeline.request import Watch, input_files
from fairpay.pipeline.run import plan_of, variants_of
from fairpay.pipeline.scattered import USER, Layout, gathered, layout_of, scattered
from fairpay.pipeline.shards import concluded
from fairpay.pipeline.work import Placed, request_of, tables_in_files, watching
from fairpay.qualify import refused_rows
from fairpay.reports.outcome import InputFile
from fairpay.rules.core.rule import Needs
from fairpay.runs.inputs import LOGS
from fairpay.settings.option import is_spark
from fairpay.settings.values import Reading, Running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairpay.adjust.weights import Census
    from fairpay.engine.partial import PoolPart
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.read import Logs
    from fairpay.pipeline.intake import Plan, Variant
    from fairpay.pipeline.request import Observer, Request
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.month import Totals, Usage

__all__ = ["on_spark"]

AS_IT_COMES = "200"
"""Partitions of a shuffle where nobody has chosen."""
TASK_MEMORY = 1_000_000_000
"""Bytes that a task's engine may hold before it writes to its disk, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a task needs to take its users in, as plain data: it is sent to executors."""

    plan: Plan
    variants: tuple[Variant, ...]
    wanted: tuple[str, ...]
    """Roles to read."""
    telling: tuple[str, ...]
    version: str
    """Of fairpay, which must be that of the executors."""
    names: tuple[str, ...] = ()
    """What the columns are called, in the order in which they come."""
    layout: Layout | None = None
    """Of files that tasks read; None: rows are Spark's."""

    def logs(self, plays: pa.Table) -> Logs:
        """Open a task's rows as every log is opened."""
        period = (self.plan.qualifying.since, self.plan.qualifying.until)
        if self.layout is not None:
            return replace(gathered(self.layout, plays), period=period)
        return open_logs(plays, self.plan.reading, wanted=self.wanted, telling=self.telling, period=period)


def run_on_spark(  # noqa: PLR0913 - where the plays are, and who looks on
    request: Request,
    *,
    frame: Any,  # noqa: ANN401 - of Spark
    spark: Any,  # noqa: ANN401 - of Spark
    watch: Watch,
    partitions: int,
    observer: Observer | None = None,
) -> Outcome:
    """Do a run on the rows of a frame of Spark; `request` has an empty table with its columns for a log.

    Raises:
        FairpayError: every error of a run; Spark cannot do its part.

    """
    with cluster.set_up(spark) as settings:
        for sentence in (*settings, *request.opened.said):
            watch.say(sentence)
        refuse_groups(request)
        recipe, payers = recipe_of(request)
        part = request.opened.logs.parts[0]
        user = part.columns.roles["user"]
        if frame is None:
            layout = layout_of(request.opened.logs)
            recipe = replace(recipe, layout=layout.alike)
            frame, user = scattered(spark, layout, partitions), USER
        columns = tops(frame, part.names) if recipe.layout is None else frame.columns
        recipe = replace(recipe, names=tuple(columns))
        moved = partial(cluster.bucketed, frame, user, columns, partitions)
        with cluster.said_by_spark("the log"):
            if recipe.plan.counted is None:
                recipe = replace(recipe, plan=replace(recipe.plan, counted=counted(moved(), recipe)))
            watch.say(f"Spark {spark.version}: {count_of(partitions, 'partition')}")
            held = Kept.of(moved(payers), partial(taken_in, recipe))
        try:
            return settled(request, recipe, held, observer)
        finally:
            held.release()


def settled(request: Request, recipe: Recipe, held: Kept, observer: Observer | None) -> Outcome:
    """Add up what tasks brought, and do what a run does once its plays are taken in."""
    rows = held.rows("buckets", "part")
    check_buckets([row for row in rows if row.kind == "buckets"])
    found = {row.task: unpacked(row.body, "a task").part for row in rows if row.kind == "part"}
    known = [part for part in found.values() if part is not None]
    if not any(part.counts.rows for part in known):
        message = "there is no row in the log"
        raise InputError(message, advice="Is it the right table?")
    whole = replace(add_up(known, request.qualifying), columns=request.opened.logs.columns)
    if whole.counts.bad:
        refused = refused_rows(whole.counts)
        refused.advice = "Correct the log, or set rows aside with --engine local --rejects FILE. Nothing was written."
        raise refused
    census = None if recipe.plan.counted is None else {unit: of[0] for unit, of in recipe.plan.counted.items()}
    month = PartFile(terms={}, round=1, parts=(), part=whole, census=census)
    tasks = [
        [task for task, part in found.items() if part is not None and part.pools[pool].payers.users]
        for pool in range(len(whole.pools))
    ]
    walks = SparkWalks(held, whole.pools, pack_answer, add_answers, tasks)
    return concluded(request, month, walks, input_files(request), opened=request.opened, observer=observer)


def check_buckets(rows: Sequence[TaskRow]) -> None:
    """Refuse users in two tasks: each would be paid for twice.

    Raises:
        InputError: two tasks met the same bucket.

    """
    buckets = np.concatenate([cluster.unpacked_arrays(row.body)["bucket"].to_numpy() for row in rows] or [np.empty(0)])
    twice = len(buckets) - len(np.unique(buckets))
    if twice:
        message = f"Spark gave the users of {twice:,} buckets to more than one task, so that they would count twice"
        raise InputError(message, advice="Nothing was written. Run it with another engine: --engine local.")


def recipe_of(request: Request) -> tuple[Recipe, pa.Table | None]:
    """Say how tasks take their users in, and who paid what."""
    currency = check_stated(request.money, required=request.money_required)
    variants = variants_of(request)
    plan, _ = plan_of(request, currency, kept=True)
    found = plan.payers.parts.get(0)
    payers = None if found is None else payers_table(found)
    running = Running(memory=plan.running.memory or TASK_MEMORY, threads=1)
    artists = None if request.artists is None or request.policy is None else read_artists(request.artists)
    reading = replace(plan.reading, rejects=None, header=True)
    plan = replace(
        plan,
        payers=Payers(),
        running=running,
        artists=artists,
        reading=reading,
        counted=None if plan.counting else {},
        partly=True,
        rowless=True,
        set_aside=True,
    )
    return Recipe(plan, variants, request.wanted, TELLING, metadata.version("fairpay")), payers


def payers_table(batches: Any) -> pa.Table:  # noqa: ANN401 - batches of ids and fees
    """Lay out who paid what: text and int64 minor units."""
    ids, fees = [], []
    for user, paid in batches:
        chunks = user.chunks if hasattr(user, "chunks") else [user]
        ids += [chunk.cast(pa.large_string()) for chunk in chunks]
        fees.append(pa.array(np.ascontiguousarray(paid, dtype=np.int64)))
    return pa.table({"user": pa.chunked_array(ids, pa.large_string()), "fee": pa.chunked_array(fees, pa.int64())})


def taken_in(recipe: Recipe, batches: Iterator[pa.RecordBatch]) -> Iterator[TaskRow]:
    """Take a task's users in, and hand on what they add, the buckets met, and their blocks for the walks to come."""
    there = metadata.version("fairpay")
    if there != recipe.version:
        message = f"the executors have fairpay {there}, and this machine has {recipe.version}"
        raise InputError(message, advice="Install the same everywhere.")
    buckets: set[int] = set()
    cautions, plan = Cautions(), recipe.plan
    plays, payers = divided(recipe, batches, buckets, twice=plan.reading.repeats == "drop")
    if not plays.schema.names:  # nobody came here
        return
    if payers:
        plan = replace(plan, payers=Payers({0: payers}))
    with take_in(plan, recipe.logs(plays), Watch(), cautions, variants=recipe.variants) as taken:
        part = part_of(taken, cautions)
        task = f"{min(buckets, default='')} {stamp(part.pools)}"
        yield TaskRow(task, "part", 0, packed(PartFile(terms={}, round=1, parts=(), part=part)))
        for pool, own in enumerate(part.pools):
            if own.payers.users:
                blocks = taken.engine.pool(pool).listening.walk(copied)
                yield from cluster.kept_blocks(task, pool, own.artist, blocks)
    yield TaskRow(task, "buckets", 0, cluster.packed_arrays({"bucket": np.array(sorted(buckets), dtype=np.int64)}))


def stamp(pools: Sequence[PoolPart]) -> str:
    """Return what is the same whenever a task's users are taken in, in whatever order: SHA-256 of what they add."""
    digest = hashlib.sha256()
    for pool in pools:
        digest.update("\n".join(pl.Series(pool.artist).to_list()).encode())
        for values in (pool.amount, pool.plays, pool.ms, pool.listeners, *pool.users.get_columns()):
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def copied(usage: Usage) -> Usage:
    """Take a block that outlives its walk."""
    return replace(usage, artist=usage.artist.copy(), amount=usage.amount.copy(), start=usage.start.copy())


def divided(
    recipe: Recipe, batches: Iterator[pa.RecordBatch], buckets: set[int], *, twice: bool = False
) -> tuple[Any, list[tuple[pa.Array, Ints]]]:
    """Tell plays from what users paid, and note the buckets.

    Plays come as a stream, or as a table where they are read `twice` or stand behind payers, who go first.
    """
    first = next(batches, None)
    names, own = [*recipe.names], [*range(len(recipe.names))]
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
            yield batch.select(own).rename_columns(names)

    kept = pa.schema([schema.field(k).with_name(name) for k, name in enumerate(names)])
    if twice or recipe.layout is not None or cluster.FEE in schema.names:
        return pa.Table.from_batches(plays(), kept), payers
    return pa.RecordBatchReader.from_batches(kept, plays()), payers


def counted(plays: Any, recipe: Recipe) -> dict[str, dict[int, Census]]:  # noqa: ANN401 - of Spark
    """Count what policies ask for, in a job of its own."""
    held = Kept.of(plays, partial(counted_in, recipe))
    try:
        found = [unpacked(row.body, f"task {row.task}").census for row in held.rows("census")]
        return {unit: {0: one} for unit, one in add_censuses([one for one in found if one is not None]).items()}
    finally:
        held.release()


def counted_in(recipe: Recipe, batches: Iterator[pa.RecordBatch]) -> Iterator[TaskRow]:
    """Count a task's rows."""
    plays, _ = divided(recipe, batches, set(), twice=True)
    if not plays.num_rows:
        return
    census = counted_apart(recipe.plan, recipe.logs(plays))
    yield TaskRow("", "census", 0, packed(PartFile(terms={}, round=1, parts=(), census=census)))


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


def default_partitions(spark: Any) -> int:  # noqa: ANN401 - of Spark
    """Return how many partitions Spark is set up to shuffle to; else two for each processor it has: few and large."""
    chosen = spark.conf.get("spark.sql.shuffle.partitions", AS_IT_COMES)
    if chosen != AS_IT_COMES:
        return int(chosen)
    try:
        return 2 * int(spark.sparkContext.defaultParallelism)
    except Exception:  # noqa: BLE001 - Spark Connect does not tell
        return int(AS_IT_COMES)


def tops(frame: Any, names: Sequence[str]) -> list[str]:  # noqa: ANN401 - of Spark
    """Return the columns of a frame that hold some columns, or what lies within them."""
    return [name for name in frame.columns if any(one == name or one.startswith(f"{name}.") for one in names)]


def on_spark(command: str, logs: object, rules: Sequence[str], options: Mapping[str, Any]) -> Placed:
    """Say what a run sees as its log, its options, and what does it.

    Files of text are the log themselves, and read by tasks; of what Spark reads, a run sees an empty table.

    Raises:
        UsageError: something is wanted that cannot run there.
        InputError: Spark is not there, or cannot read the log.

    """
    with tables_in_files({**options, "engine": "spark"}) as filed:
        refuse_on_spark(request_of(command, (), rules, filed))
    paths = as_paths(logs)
    kind, files, folder = "frame", ["frame"], None
    if is_spark(logs):
        frame: Any = logs
        spark = frame.sparkSession
    elif paths is None:
        message = "Spark reads logs by path or table name; a table in memory is worked on here"
        raise UsageError(message, advice="Use --engine local, or give a frame of Spark.")
    else:
        kind, files, folder = found_as(paths, Reading.of(options))
        spark = cluster.session(master=options["master"], remote=options["remote"])
        frame = None
        if kind != "text":
            with cluster.set_up(spark):
                frame = cluster.opened(spark, files, kind=kind, folder=folder)
    count = options["partitions"] or default_partitions(spark)
    there = partial(run_on_spark, frame=frame, spark=spark, watch=watching(options), partitions=count)
    origins = {"spark": (spark.version, "spark"), "partitions": (count, "spark")}
    if frame is None:
        return Placed(logs, options, there, origins=origins)
    own = {**options, "header": True, "separator": None, "format": None, "encoding": None}
    with cluster.said_by_spark("the log"), cluster.set_up(spark):
        names = frame.inputFiles() if kind not in {"frame", "table"} else [f"spark://{files[0]}"]
        inputs = tuple(InputFile(LOGS, name, written(name)) for name in sorted(names))
        return Placed(frame.limit(0).toArrow(), own, there, inputs, origins)


def written(name: str) -> str:
    """Say of a file that this machine sees what it was like: it is too large to be hashed."""
    path = Path(unquote(name.removeprefix("file://")))
    if not path.is_file():
        return ""
    found = path.stat()
    return f"{found.st_size} bytes, written {datetime.fromtimestamp(found.st_mtime, tz=UTC):%Y-%m-%dT%H:%M:%SZ}"


def found_as(paths: Sequence[str], reading: Reading) -> tuple[str, list[str], str | None]:
    """Say as what logs are read (`text`: by fairpay, in tasks), the files, and the folder that they lie in.

    What this machine does not see is Spark's: a table by its name, or Parquet.

    Raises:
        UsageError: a path twice, or something that Spark is not given.
        InputError: logs of several formats, or none.

    """
    named = {reading.format or format_of(path.rpartition("/")[2]) for path in paths}
    here = [path for path in paths if os.path.lexists(path) or ("://" not in path and has_magic(path))]
    if named <= {"csv", "json"} or (here and named != {"parquet"}):
        files = find_logs(paths, reading).files
        kinds = {file.format for file in files}
        if kinds <= {"csv", "json"}:
            return "text", [], None
        if kinds != {"parquet"} and (len(files) > 1 or kinds != {"delta"}):
            message = f"Spark is not given {', '.join(sorted(kinds))} by path"
            raise UsageError(message, advice="Give files of Parquet, CSV or JSON, or a table by its name.")
        folder = paths[0] if len(paths) == 1 and os.path.isdir(paths[0]) else None  # noqa: PTH112 - as it was given
        return kinds.pop(), [file.path for file in files], folder
    twice = sorted({path for path in paths if list(paths).count(path) > 1})
    if twice:
        message = f"{count_of(len(twice), 'log is', 'logs are')} named twice: {', '.join(twice)}"
        raise UsageError(message, advice="Name each once; Spark would read it twice.")
    if all("/" not in path and path.count(".") in {1, 2} and format_of(path) is None for path in paths):
        if len(paths) > 1:
            message = f"{len(paths):,} tables are given"
            raise UsageError(message, advice="Give one table, or a frame of Spark that unites them.")
        return "table", [*paths], None
    return "parquet", [*paths], None


def refuse_groups(request: Request) -> None:
    """Refuse groups of listeners: which listener is in which is known where all of them are.

    Raises:
        UsageError: with the column.

    """
    for by in request.grouped:
        if by.where != "artists":
            message = f"--by {by.name} is by listeners, and Spark tells groups of artists only"
            raise UsageError(message, advice="Use a column of the artist file, or --engine local.")


def refuse_on_spark(request: Request) -> None:
    """Refuse, before anything is read, what cannot run there.

    Raises:
        UsageError: with what, and why.

    """
    conditions, reading = request.conditions, request.reading
    for rule in request.rules:
        if rule.needs is Needs.EVERYTHING:
            message = f"{rule.label} needs {rule.needs.value}, which no executor has"
            raise UsageError(message, advice="Leave it out, or use --engine local.")
    reasons = {
        "--history": (conditions.history, "listening that is divided anew needs each listener's file at hand"),
        "--wishes": (conditions.wishes, "listening that is divided anew needs each listener's file at hand"),
        "--delegations": (conditions.delegations, "they pass money from listener to listener"),
        "--rejects": (reading.rejects, "rows of a cluster have no numbers"),
        "--several-artists split": (reading.several_artists == "split" or None, "all plays must divide alike"),
        "--user-from-file": (reading.user_from_file or reading.user_from_folder or None, "a table has no file names"),
    }
    for flag, (stated, why) in reasons.items():
        if stated is not None:
            message = f"{flag} cannot run on Spark: {why}"
            raise UsageError(message, advice="Leave it out, or use --engine local.")
