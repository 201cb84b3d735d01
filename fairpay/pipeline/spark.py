"""A run whose plays are on a cluster: each task takes its users in as every run does, and what they add is settled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.adjust.payers import Payers
from fairpay.engine import spark as cluster
from fairpay.engine.spark import Kept, SparkWalks, TaskRow
from fairpay.errors import InputError, UsageError
from fairpay.logs.read import as_paths, open_logs
from fairpay.logs.schema import Cautions
from fairpay.logs.tables import read_artists
from fairpay.pipeline.census import census_of
from fairpay.pipeline.funds import check_stated
from fairpay.pipeline.intake import take_in
from fairpay.pipeline.partfile import Answer, PartFile, add_censuses, packed, unpacked
from fairpay.pipeline.parts import add_up, part_of
from fairpay.pipeline.repeats import TELLING
from fairpay.pipeline.request import Watch
from fairpay.pipeline.run import plan_of, variants_of
from fairpay.pipeline.shards import concluded
from fairpay.pipeline.work import request_of, tables_in_files, watching
from fairpay.qualify import Qualifier, refused_rows
from fairpay.rules.core.month import Usage, totals_of
from fairpay.rules.core.rule import Needs
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fairpay.adjust.weights import Census
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.read import Logs
    from fairpay.pipeline.intake import Plan, Variant
    from fairpay.pipeline.request import Request
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.month import Totals

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
    user: str
    """The user's column."""

    def logs(self, plays: object) -> Logs:
        """Open a task's rows as every log is opened."""
        period = (self.plan.qualifying.since, self.plan.qualifying.until)
        return open_logs(plays, self.plan.reading, wanted=self.wanted, telling=self.telling, period=period)


def run_on_spark(request: Request, frame: Any, spark: Any, watch: Watch, *, partitions: int | None = None) -> Outcome:  # noqa: ANN401 - of Spark
    """Do a run on the rows of a frame of Spark; `request` has an empty table with its columns for a log.

    Raises:
        FairpayError: every error of a run; Spark cannot do its part.

    """
    with cluster.set_up(spark) as settings:
        for sentence in (*settings, *request.opened.said):
            watch.say(sentence)
        count = partitions or default_partitions(spark)
        recipe, payers = recipe_of(request)
        columns = tops(frame, request.opened.logs.parts[0].names)
        plays = cluster.bucketed(frame, recipe.user, columns, count)
        if recipe.plan.counted is None:
            recipe = replace(recipe, plan=replace(recipe.plan, counted=counted(plays, recipe)))
        if payers is not None:
            plays = cluster.with_payers(spark, plays, payers, recipe.user, count)
        watch.say(f"Spark {spark.version}: {count:,} partitions")
        held = Kept.of(plays, partial(taken_in, recipe))
        try:
            return settled(request, recipe, held)
        finally:
            held.release()


def settled(request: Request, recipe: Recipe, held: Kept) -> Outcome:
    """Add up what tasks brought, and do what a run does once its plays are taken in."""
    brought = held.rows("part", "buckets")
    check_buckets([row for row in brought if row.kind == "buckets"])
    parts = [unpacked(row.body, f"task {row.task}").part for row in brought if row.kind == "part"]
    known = [part for part in parts if part is not None]
    if not any(part.counts.rows for part in known):
        message = "there is no row in the log"
        raise InputError(message, advice="Is it the right table?")
    whole = replace(add_up(known, request.qualifying), columns=request.opened.logs.columns)
    if whole.counts.bad:
        raise refused_rows(whole.counts)
    census = None if recipe.plan.counted is None else {unit: of[0] for unit, of in recipe.plan.counted.items()}
    month = PartFile(terms={}, round=1, parts=(), part=whole, census=census)
    walks = SparkWalks(held, whole.pools, pack_answer, add_answers)
    return concluded(request, month, walks)


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
    part = request.opened.logs.parts[0]
    limited = any(policy.policy.boosts or policy.policy.thresholds for policy in plan.policies)
    plan = replace(
        plan,
        payers=Payers(),
        running=running,
        artists=artists,
        reading=reading,
        counted=None if limited else {},
        partly=True,
        rowless=True,
        set_aside=True,
    )
    return Recipe(plan, variants, request.wanted, TELLING, part.columns.roles["user"]), payers


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
    buckets: set[int] = set()
    cautions, plan = Cautions(), recipe.plan
    plays, payers = divided(recipe, batches, buckets, twice=plan.reading.repeats == "drop")
    if not plays.schema.names:  # nobody came here
        return
    if payers:
        plan = replace(plan, payers=Payers({0: payers}))
    with take_in(plan, recipe.logs(plays), Watch(), cautions, variants=recipe.variants) as taken:
        part, task = part_of(taken, cautions), str(min(buckets))
        yield TaskRow(task, "part", 0, packed(PartFile(terms={}, round=1, parts=(), part=part)))
        for pool, own in enumerate(part.pools):
            if own.payers.users:
                blocks = taken.engine.pool(pool).listening.walk(copied)
                yield from cluster.kept_blocks(task, pool, own.artist, blocks)
    yield TaskRow(task, "buckets", 0, cluster.packed_arrays({"bucket": np.array(sorted(buckets), dtype=np.int64)}))


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
    schema = pa.schema([]) if first is None else first.schema
    own = [name for name in schema.names if name not in {cluster.BUCKET, cluster.FEE}]
    payers: list[tuple[pa.Array, Ints]] = []

    def plays() -> Iterator[pa.RecordBatch]:
        for batch in () if first is None else chain([first], batches):
            buckets.update(pc.unique(batch.column(cluster.BUCKET)).to_pylist())
            if cluster.FEE not in schema.names:
                yield batch.select(own)
                continue
            paid = pc.is_valid(batch.column(cluster.FEE))
            lines = batch.filter(paid)
            payers.append((lines.column(recipe.user).cast(pa.large_string()), lines.column(cluster.FEE).to_numpy()))
            yield batch.filter(pc.invert(paid)).select(own)

    kept = pa.schema([schema.field(name) for name in own])
    if twice or cluster.FEE in schema.names:
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
    plan = recipe.plan
    if not plays.num_rows:
        return

    def judging() -> Any:  # noqa: ANN401 - see `Plan.judging`
        return Qualifier(plan.qualifying, set_aside=True).judge

    logs = recipe.logs(plays)
    found = census_of(logs, plan.policies, judging, pools=1, running=plan.running, artists=plan.artists)
    census = {unit: of_pools[0] for unit, of_pools in found.items()}
    yield TaskRow("", "census", 0, packed(PartFile(terms={}, round=1, parts=(), census=census)))


def pack_answer(sums: Ints, totals: Totals) -> bytes:
    """Return what a task's visits add up to as a part's file."""
    return packed(PartFile(terms={}, round=1, parts=(), answer=Answer(sums, totals)))


def add_answers(files: Sequence[bytes], rows: int, columns: int) -> tuple[Ints, Totals]:
    """Add up what tasks' visits came to."""
    sums, totals = np.zeros((rows, columns), dtype=np.int64), []
    for content in files:
        answer = unpacked(content, "a task").answer
        assert answer is not None
        sums += answer.sums
        totals.append(answer.totals)
    return sums, totals_of(totals)


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


def on_spark(
    command: str, logs: object, rules: Sequence[str], options: Mapping[str, Any]
) -> tuple[pa.Table, dict[str, Any], Callable[[Request], Outcome]]:
    """Return what a run sees in the place of a log that Spark has: an empty table, its options, and what does the run.

    Raises:
        UsageError: something is wanted that cannot run there.
        InputError: Spark is not there, or cannot read the log.

    """
    with tables_in_files({**options, "engine": "spark"}) as filed:
        refuse_on_spark(request_of(command, (), rules, filed))
    paths = as_paths(logs)
    if cluster.is_spark(logs):
        frame: Any = logs
        spark = frame.sparkSession
    elif paths is None:
        message = "Spark reads logs by path or table name; a table in memory is worked on here"
        raise UsageError(message, advice="Use --engine local, or give a frame of Spark.")
    else:
        spark = cluster.session(master=options["master"], remote=options["remote"])
        read = {name: options[name] for name in ("header", "separator")}
        frame = cluster.opened(spark, paths, kind=options["format"], **read)
    own = {**options, "header": True, "separator": None, "format": None, "encoding": None}
    watch = watching(options)
    go = partial(run_on_spark, frame=frame, spark=spark, watch=watch, partitions=options["partitions"])
    with cluster.said_by_spark("the log"):
        return frame.limit(0).toArrow(), own, go


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
