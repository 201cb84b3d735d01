"""A run whose plays are on a cluster: each task takes its users in as every run does, and what they add is settled."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np

from fairpay.adjust.weights import units_counted
from fairpay.engine import spark as cluster
from fairpay.engine.spark import Kept
from fairpay.engine.walks import SparkWalks
from fairpay.errors import InputError, UsageError
from fairpay.logs.files import format_of
from fairpay.logs.find import find_logs
from fairpay.logs.read import as_paths
from fairpay.money.counts import counted as count_of
from fairpay.pipeline.census import census
from fairpay.pipeline.funds import check_stated
from fairpay.pipeline.intake import Variant
from fairpay.pipeline.partfile import add_censuses, unpacked
from fairpay.pipeline.parts import add_up, merged
from fairpay.pipeline.request import input_files
from fairpay.pipeline.run import charged, plan_of, variants_of
from fairpay.pipeline.shards import concluded, ending_of
from fairpay.pipeline.tasks import (
    Recipe,
    counted_in,
    layout_of,
    own_part,
    paid_frames,
    read_files,
    read_frame,
    scattered,
    sent,
    taken_in,
)
from fairpay.pipeline.warn import refuse_own_pool
from fairpay.pipeline.work import Placed, request_of, tables_in_files, watching
from fairpay.qualify import refused_rows
from fairpay.reports.outcome import InputFile
from fairpay.rules.core.rule import Needs
from fairpay.runs.inputs import LOGS
from fairpay.settings.option import is_spark
from fairpay.settings.values import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fairpay.adjust.weights import Census
    from fairpay.engine.spark import TaskRow
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Cautions
    from fairpay.pipeline.intake import Plan
    from fairpay.pipeline.parts import MonthOfParts, MonthPart
    from fairpay.pipeline.request import Observer, Request, Watch
    from fairpay.pipeline.tasks import Layout
    from fairpay.qualify import Counts
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.rule import Rule
    from fairpay.settings.values import Conditions

__all__ = ["no_penalties", "place", "refuse_there", "take_in_there"]

AS_IT_COMES = "200"
"""Partitions of a shuffle where nobody has chosen."""


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
        logs = request.opened.logs
        plan, _ = plan_of(request, check_stated(request.money, required=request.money_required), kept=True)
        if charged(request, plan):
            raise no_penalties()
        watch.say(f"Spark {spark.version}: {count_of(partitions, 'partition')}")
        with added_up(plan, variants_of(request), logs, spark, partitions, frame=frame) as there:
            if not there[0].counts.rows:
                raise no_rows()
            ending = ending_of(request, *there, input_files(request), opened=request.opened)
            return concluded(*ending, observer)


@contextmanager
def take_in_there(  # noqa: PLR0913 - what is read, and where
    plan: Plan,
    logs: Logs,
    watch: Watch,
    cautions: Cautions,
    *,
    look: Callable[[Counts], None],
    options: Mapping[str, Any],
) -> Iterator[MonthOfParts]:
    """Take the plays of opened files in on a cluster, for a month of many pools, as `intake.take_in` does here.

    Args:
        plan: what is done with them.
        logs: opened; tasks open the files again, under the same names.
        watch: who is told how it goes.
        cautions: where warnings go.
        look: sees the counts; may raise what stops the run.
        options: which cluster: master, remote, partitions.

    Raises:
        FairpayError: as `intake.take_in`; Spark cannot be reached, or cannot do its part.

    """
    spark = cluster.session(master=options["master"], remote=options["remote"])
    partitions = options["partitions"] or default_partitions(spark)
    with cluster.set_up(spark) as settings:
        for sentence in (*settings, f"Spark {spark.version}: {count_of(partitions, 'partition')}"):
            watch.say(sentence)
        with added_up(plan, (Variant(),), logs, spark, partitions) as (whole, counted, walks):
            for one in whole.warned:
                cautions.add(one.code, one.count, one.examples, one.advice)
            look(whole.counts)
            yield merged(replace(plan, counted=counted), whole, (Variant(),), walks)


@contextmanager
def added_up(  # noqa: PLR0913 - what is done, and where
    plan: Plan,
    variants: tuple[Variant, ...],
    logs: Logs,
    spark: Any,  # noqa: ANN401 - of Spark
    partitions: int,
    *,
    frame: Any = None,  # noqa: ANN401 - of Spark
) -> Iterator[tuple[MonthPart, Mapping[str, Mapping[int, Census]], SparkWalks]]:
    """Let tasks take their users in, and add up what they bring; plays stay with the executors until the block ends.

    Beside the sum of all parts this lends what policies asked for, and the walks over the plays.

    Args:
        plan: what is done with the plays.
        variants: how they are adjusted.
        logs: as they are known here; files are read by tasks.
        spark: the session.
        partitions: of users.
        frame: of Spark, where that has the plays; `logs` has its columns then.

    Raises:
        FairpayError: whatever a task raises; a user who is in two tasks; rows that cannot be used.

    """
    layout, paid = layout_of(logs), paid_frames(plan.payers.parts, partitions)
    recipe = Recipe(sent(plan), variants, layout.alike, logs.period)
    read = reading(layout, spark, partitions, frame)
    with cluster.said_by_spark("the log"):
        if recipe.plan.counted is None:
            counted = census_of(scattered(*read, partitions, paid), recipe, logs)
            recipe = replace(recipe, plan=replace(recipe.plan, counted=counted))
        held = Kept.of(scattered(*read, partitions, paid), partial(taken_in, recipe))
    try:
        rows = held.rows("buckets", "part")
        check_buckets([row for row in rows if row.kind == "buckets"])
        found = {row.task: unpacked(row.body, "a task").part for row in rows if row.kind == "part"}
        known = {task: part for task, part in found.items() if part is not None}
        if not known and frame is not None:
            raise no_rows()
        whole = replace(add_up([*known.values()] or [own_part(recipe)], recipe.plan.qualifying), columns=logs.columns)
        refuse_bad(whole.counts)
        tasks = [[task for task, part in known.items() if part.pools[k].payers.users] for k in range(len(whole.pools))]
        yield whole, recipe.plan.counted or {}, SparkWalks(held, whole.pools, tasks)
    finally:
        held.release()


def reading(layout: Layout, spark: Any, partitions: int, frame: Any) -> tuple[Any, Callable[[Any], Any]]:  # noqa: ANN401 - of Spark
    """Return a frame of Spark that holds the rows, or names the files that do, and what tasks do to read them."""
    if frame is None:
        files = len(layout.parts)
        return spark.range(0, files, 1, min(files, partitions)), read_files(layout, partitions)
    names = tops(frame, layout.parts[0].names)
    return cluster.chosen(frame, names), read_frame(layout.parts[0], names, partitions)


def refuse_bad(counts: Counts) -> None:
    """Refuse rows that cannot be used; none is set aside there."""
    if counts.bad:
        refused = refused_rows(counts)
        refused.advice = "Correct the log, or set rows aside with --engine local --rejects FILE. Nothing was written."
        raise refused


def no_rows() -> InputError:
    """Say that nothing came."""
    return InputError("there is no row in the log", advice="Is it the right table?")


def census_of(plays: Any, recipe: Recipe, logs: Logs) -> dict[str, dict[int, Census]]:  # noqa: ANN401 - of Spark
    """Count what policies ask for, in a job of its own."""
    held = Kept.of(plays, partial(counted_in, recipe))
    try:
        found = [(row.pool, unpacked(row.body, "a task").census or {}) for row in held.rows("census")]
    finally:
        held.release()
    asked = {
        (u, pool) for one in recipe.plan.policies for u in units_counted(one.policy, logs.columns) for pool in one.pools
    }
    whole: dict[str, dict[int, Census]] = {}
    for unit, pool in sorted(asked):
        own = [{unit: one[unit]} for code, one in found if code == pool and unit in one]
        whole.setdefault(unit, {})[pool] = add_censuses(own or [{unit: census(None)}])[unit]
    return whole


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


def place(command: str, logs: object, rules: Sequence[str], options: Mapping[str, Any]) -> Placed:
    """Say what a run sees as its log, its options, and what does it.

    Files of text are the log themselves, and read by tasks; of what Spark reads, a run sees an empty table.

    Raises:
        UsageError: something is wanted that cannot run there.
        InputError: Spark is not there, or cannot read the log.

    """
    with tables_in_files({**options, "engine": "spark"}) as filed:
        asked = request_of(command, (), rules, filed)
        refuse_there({rule.label: rule for rule in asked.rules}, asked.conditions, asked.reading)
        refuse_own_pool(asked.policy)
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
        files, _ = find_logs(paths, reading)
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
        message = f"{len(twice):,} logs are named twice: {', '.join(twice)}"
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


def no_penalties() -> UsageError:
    """Say that penalties are charged on this machine only."""
    message = "penalties cannot run on Spark: excluded plays are kept beside the others"
    return UsageError(message, advice="Leave out --penalty and the decisions' column penalty, or use --engine local.")


def refuse_there(rules: Mapping[str, Rule], conditions: Conditions, reading: Reading) -> None:
    """Refuse, before a play is read, what cannot run there; each rule is called what it is called in words.

    Raises:
        UsageError: with what, and why.

    """
    for name, rule in rules.items():
        if rule.needs in {Needs.EVERYTHING, Needs.TRACKS}:
            message = f"{name} needs {rule.needs.value}, which no executor has"
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
